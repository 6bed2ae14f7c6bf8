//! Writing and reading in a chat: the composer's keys, the popup, scrolling, the chosen message, what has been
//! read. Part of the main view.

use std::{cell::RefCell, collections::BTreeMap};

use liao_client_core::{
    model::Model,
    timeline::{Content, FileOffer, Hole, Item, Row, RowState, Timeline},
    transfer::{DownloadJob, Phase},
};
use liao_common::id::RoomId;

use ratatui::text::Line;

use super::{
    changing::{can_answer, can_edit, can_remove},
    chat::title,
    completion::Completion,
    filling::{is_far, missing},
    main::{Extent, Focus, MainView},
    seen::{below, has_passed, is_missing, own_behind, reaches, seen},
    timeline::{Key, Visible},
};
use crate::{
    action::Action,
    app::Base,
    composer::{ComposeError, Composer, Motion},
    effect::Effect,
    screen::{
        message::{self, Look},
        sending, top,
    },
};

/// A line that is drawn, with the message it belongs to.
pub type ShownLine = (Line<'static>, Key);

impl MainView {
    pub(super) fn act_composer(&mut self, action: Action, model: &mut Model, base: &mut Base) {
        if self.completion.is_some() && self.act_completion(action, model, base) {
            return;
        }
        let width = usize::from(self.areas(base).composer.width.saturating_sub(4));
        let view = self.room().and_then(|room| model.room(room));
        let has_unread = view.is_some_and(|view| view.unread() > 0);
        let Some(chat) = self.chat_mut() else { return };
        if action == Action::Back && (chat.composer.unselect() || chat.forget_intent()) {
            return self.complete_again(model, base);
        }
        let composer = &mut chat.composer;
        match action {
            Action::Send => return self.send(model, base),
            Action::Clear if composer.is_empty() => return self.interrupt(model, base),
            Action::Clear => _ = composer.clear(),
            Action::NewLine => return self.compose("\n", model, base),
            Action::Up if composer.is_empty() => return self.act_timeline(Action::Up, model, base),
            Action::Up => _ = composer.go_up(width) || composer.history_back(),
            Action::Down => _ = composer.go_down(width) || composer.history_on(),
            Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => {
                return self.scroll(action, base);
            }
            // Who has not read to the end keeps their place, and what they have not seen stays unread.
            Action::Back if has_unread => {}
            Action::Back => chat.timeline.to_end(),
            Action::Retry | Action::Save => return self.act_timeline(action, model, base),
            _ => edit(composer, action),
        }
        self.complete_again(model, base);
    }

    /// Types into the composer.
    pub(super) fn compose(&mut self, text: &str, model: &mut Model, base: &mut Base) {
        let Some(chat) = self.chat_mut() else { return };
        if let Err(error) = chat.composer.insert(text) {
            let sentence = compose_sentence(error, base);
            return self.complain(base, sentence);
        }
        self.complete_again(model, base);
    }

    fn complete_again(&mut self, model: &Model, base: &Base) {
        let fresh = self.chat().and_then(|chat| Completion::of(&chat.composer, model, base.words));
        let start = fresh.as_ref().map(|completion| completion.token.range.start);
        if start.is_none() || self.dismissed != start {
            self.dismissed = None;
            self.completion = fresh;
        } else {
            self.completion = None;
        }
    }

    /// The popup's keys; `false` when the key means something else.
    fn act_completion(&mut self, action: Action, model: &Model, base: &Base) -> bool {
        let Some(completion) = &mut self.completion else { return false };
        let len = completion.offers.len();
        match action {
            Action::Up | Action::Down => {
                completion.list.turn(len, if action == Action::Up { -1 } else { 1 });
                completion.picked = true;
            }
            Action::Back => {
                self.dismissed = Some(completion.token.range.start);
                self.completion = None;
            }
            Action::Choose => self.take_completion(model, base),
            // Enter says what was typed; a word that nobody chose is not put into it.
            Action::Send if completion.picked => self.take_completion(model, base),
            _ => return false,
        }
        true
    }

    pub(super) fn take_completion(&mut self, model: &Model, base: &Base) {
        let Some(completion) = self.completion.take() else { return };
        let (Some(offer), Some(chat)) = (completion.chosen(), self.chat_mut()) else { return };
        // A word that does not fit any more is left as it was typed.
        let _ = chat.composer.complete(&completion.token, &offer.word);
        self.complete_again(model, base);
    }

    pub(super) fn scroll(&mut self, action: Action, base: &Base) {
        let page = isize::try_from(self.areas(base).timeline.height.saturating_sub(2).max(1))
            .unwrap_or(10);
        let Some(chat) = self.chat_mut() else { return };
        chat.timeline.chosen = None;
        match action {
            Action::PageUp => chat.timeline.scroll_by(-page),
            Action::PageDown => chat.timeline.scroll_by(page),
            Action::Top => chat.timeline.to_top(),
            _ => chat.timeline.to_end(),
        }
    }

    pub(super) fn act_timeline(&mut self, action: Action, model: &mut Model, base: &mut Base) {
        let Some(room) = self.room() else { return };
        match action {
            Action::Up | Action::Down => self.choose_message(room, action, model),
            Action::Top | Action::Bottom | Action::PageUp | Action::PageDown => {
                self.scroll(action, base)
            }
            Action::Back => self.leave_timeline(),
            Action::Copy
            | Action::Retry
            | Action::Save
            | Action::Discard
            | Action::Reply
            | Action::Edit
            | Action::TakeBack => {
                let row = self.chosen_row(room, model).cloned();
                self.act_message(action, room, row.as_ref(), model, base);
            }
            _ => {}
        }
    }

    /// What one can do with the chosen message, most useful first; help last.
    #[must_use]
    pub fn message_hints(&self, model: &Model) -> Vec<Action> {
        let row = self.room().and_then(|room| self.chosen_row(room, model));
        let mut hints = Vec::new();
        if let Some(row) = row {
            let possible = [
                (matches!(row.state, RowState::Failed(_)), Action::Retry),
                (matches!(row.state, RowState::Failed(_)), Action::Discard),
                (matches!(row.content, Content::File(_)), Action::Save),
                (can_answer(row), Action::Reply),
                (can_edit(row, model), Action::Edit),
                (self.room().is_some_and(|room| can_remove(row, room, model)), Action::TakeBack),
            ];
            hints.extend(possible.into_iter().filter_map(|(can, action)| can.then_some(action)));
        }
        hints.extend([Action::Copy, Action::Back, Action::Help]);
        hints
    }

    fn choose_message(&mut self, room: RoomId, action: Action, model: &Model) {
        let Some(view) = model.room(room) else { return };
        let items = view.timeline.items();
        let by = if action == Action::Up { -1 } else { 1 };
        let chat = self.chats.entry(room).or_default();
        let stays = !items.is_empty() && chat.timeline.choose_by(&items, by);
        self.focus = Focus::Timeline;
        if !stays {
            self.leave_timeline();
        }
    }

    /// Back to where one writes.
    pub(super) fn leave_timeline(&mut self) {
        self.focus = Focus::Composer;
        if let Some(chat) = self.chat_mut() {
            chat.timeline.chosen = None;
        }
    }

    fn chosen_row<'m>(&self, room: RoomId, model: &'m Model) -> Option<&'m Row> {
        let key = self.chats.get(&room)?.timeline.chosen?;
        find_row(&model.room(room)?.timeline, key)
    }

    /// Without a chosen message it is about what failed, or about the newest file on offer that is not here yet.
    fn act_message(
        &mut self,
        action: Action,
        room: RoomId,
        row: Option<&Row>,
        model: &Model,
        base: &mut Base,
    ) {
        match (action, row) {
            (Action::Copy, Some(row)) => {
                base.wish(Effect::Copy(message_text(row)));
                self.say(base, base.words.t("status.copied"));
                self.leave_timeline();
            }
            (Action::Discard | Action::TakeBack, Some(row))
                if matches!(row.state, RowState::Failed(_)) =>
            {
                base.wish(Effect::Discard(row.nonce));
                self.leave_timeline();
            }
            (Action::Reply | Action::Edit | Action::TakeBack | Action::Discard, Some(row)) => {
                self.change_message(action, room, row, model)
            }
            (Action::Retry, row) => {
                if !retry(room, row, model, base) {
                    self.say(base, base.words.t("timeline.nothing_failed"));
                }
                self.leave_timeline();
            }
            (Action::Save, Some(row)) => self.save_or_unfold(room, row, model, base),
            (Action::Save, None) => {
                let row = offers(room, model).next().or_else(|| files(room, model).next());
                let Some(row) = row else {
                    return self.say(base, base.words.t("files.none_to_save"));
                };
                self.save_or_unfold(room, row, model, base);
            }
            _ => {}
        }
    }

    fn save_or_unfold(&mut self, room: RoomId, row: &Row, model: &Model, base: &mut Base) {
        let Content::File(file) = &row.content else {
            let key = Key::of_row(row);
            if let Some(chat) = self.chat_mut() {
                chat.timeline.unfolded.push(key);
            }
            return;
        };
        self.leave_timeline();
        fetch(room, file, model, base);
    }

    /// Fetches a file that is on offer.
    pub(super) fn save(&self, room: RoomId, row: &Row, model: &Model, base: &mut Base) {
        if let Content::File(file) = &row.content {
            fetch(room, file, model, base);
        }
    }

    /// Decides what is visible, fetches what is missing there, and marks as read what was seen.
    pub(super) fn settle_chat(&mut self, extent: Extent, model: &mut Model, base: &mut Base) {
        let Some(room) = self.room() else { return };
        let area = self.areas_with_note(model, base).timeline;
        let Some(chat) = self.chats.get_mut(&room) else { return };
        if extent == Extent::Typed && chat.stands(area) {
            return;
        }
        let Some(view) = model.room(room) else { return };
        let width = usize::from(area.width);
        let sending = sending::sending(base, model, room, width, usize::from(area.height) / 3);
        let height = usize::from(area.height).saturating_sub(sending.len());
        let items = view.timeline.items();
        let look_view = chat.timeline.clone();
        let (place, n) = look_view.rule_after.unwrap_or(view.read);
        let own = own_behind(place, view, model.my_id());
        let unread = view.head.1.saturating_sub(n).saturating_sub(own);
        let key = if view.is_direct() { "room.beginning_direct" } else { "room.beginning" };
        let begins = base.words.fill(key, &[("name", &title(model, view))]);
        let beginning = Some((view.timeline.floor(), begins));
        let look = Look { base, model, view: &look_view, room, width, unread, beginning };
        let render = |place: usize| {
            let before = place.checked_sub(1).and_then(|before| items.get(before)).and_then(row_of);
            items.get(place).map(|item| message::lines(&look, before, item)).unwrap_or_default()
        };
        // A row is looked at several times until it is known which are visible, and made once.
        let made: RefCell<BTreeMap<usize, Vec<Line<'static>>>> = RefCell::default();
        let count = |place: usize| {
            let mut made = made.borrow_mut();
            made.entry(place).or_insert_with(|| render(place)).len()
        };
        let logged = items.len() - view.timeline.pending().len();
        let visible = chat.timeline.lay_out(&items, logged, height, count);
        let mut lines = shown(&items, &visible, made.into_inner());
        chat.above = visible.first().zip(lines.first_mut()).and_then(|(part, (line, _))| {
            let before = part.item.checked_sub(1).and_then(|before| items.get(before));
            let row = items.get(part.item).and_then(row_of)?;
            top::name_top(&look, before.and_then(row_of), row, part.lines.start, line)
        });
        let last_seen = visible.iter().rev().find(|part| part.item < logged);
        let last = last_seen.and_then(|part| items.get(part.item)).and_then(row_of);
        let at_end = chat.timeline.is_at_end();
        let missing = missing(&items, &visible, &chat.timeline);
        let last = last.and_then(|row| Some((row.seq?, row.n))).filter(|_| !at_end);
        // What was read already is not new, however far up one looks.
        chat.below = last.map(|last| below(view, last.max(view.read), model.my_id()));
        let read = if at_end && !is_missing(view, &items, &visible) {
            Some(view.head.0)
        } else {
            seen(view, &items, &visible, logged).and_then(|row| row.seq)
        };
        let leaps = !at_end && has_passed(view, &items, &visible);
        let whole = chat.timeline.has_seen_to_here(leaps, reaches(view, &items, &visible));
        let read = read.filter(|_| whole);
        let led = visible.first().and_then(|part| hole_of(items.get(part.item)?));
        let led = led.and_then(|hole| chat.timeline.inside(&hole));
        let mut rows = visible.iter().filter_map(|part| items.get(part.item).and_then(row_of));
        let looked_at = led.or_else(|| rows.find_map(|row| row.seq)).filter(|_| !at_end);
        chat.lines = lines;
        chat.sending = sending;
        chat.settled = Some((area, chat.timeline.clone()));
        model.look_at(room, looked_at);
        for (hole, onwards) in missing {
            if looked_at.is_some_and(|at| is_far(&hole, onwards, at)) {
                continue;
            }
            let request =
                if onwards { model.fill_onwards(room, hole) } else { model.fill(room, hole) };
            request.into_iter().for_each(|request| base.wish(Effect::Ask(request)));
        }
        let read = read.filter(|_| model.is_ready());
        if let Some(request) = read.and_then(|seq| model.mark_read(room, seq)) {
            base.wish(Effect::Ask(request));
        }
    }
}

/// The lines that are visible, out of all that were made, each with the message it belongs to.
fn shown(
    items: &[Item<'_>],
    visible: &[Visible],
    mut made: BTreeMap<usize, Vec<Line<'static>>>,
) -> Vec<ShownLine> {
    let mut lines = Vec::with_capacity(visible.iter().map(|part| part.lines.len()).sum());
    for part in visible {
        let Some(key) = items.get(part.item).map(Key::of) else { continue };
        let rows = made.remove(&part.item).unwrap_or_default().into_iter();
        let rows = rows.skip(part.lines.start).take(part.lines.len());
        lines.extend(rows.map(|line| (line, key)));
    }
    lines
}

/// Fetches a file, or goes on with it where that was begun. One that was fetched is fetched again: whether it still lies
/// where it was saved, nobody knows here.
fn fetch(room: RoomId, file: &FileOffer, model: &Model, base: &mut Base) {
    let (fid, Some(hash)) = (file.fid, file.hash) else { return };
    let begun = model.transfers.of_file(fid);
    let goes_on = |phase: &Phase| !phase.is_over() || phase.can_resume();
    if let Some(transfer) = begun.filter(|transfer| goes_on(&transfer.phase)) {
        return base.wish(Effect::Resume(transfer.id));
    }
    let (name, size, dir) = (file.name.clone(), file.size, base.downloads.clone());
    base.wish(Effect::Download(DownloadJob { room, fid, name, size, hash, dir }));
}

/// Sends what failed again: the chosen message, the first that failed, or a file. `false` when nothing has.
fn retry(room: RoomId, row: Option<&Row>, model: &Model, base: &mut Base) -> bool {
    let Some(view) = model.room(room) else { return false };
    let failed = |row: &&Row| matches!(row.state, RowState::Failed(_));
    let row = row.filter(failed).or_else(|| view.timeline.pending().iter().find(failed));
    let mut transfers = model.transfers.iter().rev().filter(|transfer| transfer.room == room);
    let stopped = transfers.find(|transfer| transfer.phase.can_resume());
    match (row, stopped) {
        (Some(row), _) => base.wish(Effect::Resend(row.nonce)),
        (None, Some(transfer)) => base.wish(Effect::Resume(transfer.id)),
        (None, None) => return false,
    }
    true
}

/// The files of a room that somebody else offers and that are not here, the newest first.
pub fn offers(room: RoomId, model: &Model) -> impl Iterator<Item = &Row> {
    let is_here = |row: &Row| match &row.content {
        Content::File(file) => {
            let transfer = model.transfers.of_file(file.fid);
            transfer.is_some_and(|transfer| matches!(transfer.phase, Phase::Done { .. }))
        }
        _ => false,
    };
    files(room, model).filter(move |row| !is_here(row))
}

/// All files of a room that somebody else offers, the newest first.
fn files(room: RoomId, model: &Model) -> impl Iterator<Item = &Row> {
    let rows = model.room(room).into_iter().flat_map(|view| view.timeline.rows().rev());
    rows.filter(|row| matches!(row.content, Content::File(_)) && Some(row.from) != model.my_id())
}

pub(super) const fn row_of<'a>(item: &Item<'a>) -> Option<&'a Row> {
    match item {
        Item::Row(row) => Some(row),
        Item::Hole(_) => None,
    }
}

pub(super) const fn hole_of(item: &Item<'_>) -> Option<Hole> {
    match item {
        Item::Row(_) => None,
        Item::Hole(hole) => Some(*hole),
    }
}

fn find_row(timeline: &Timeline, key: Key) -> Option<&Row> {
    match key {
        Key::At(seq) => timeline.row(seq),
        Key::Pending(nonce) => timeline.pending().iter().find(|row| row.nonce == nonce),
    }
}

fn message_text(row: &Row) -> String {
    match &row.content {
        Content::Text(text) | Content::Topic(text) => text.clone(),
        Content::File(file) => file.name.clone(),
        _ => String::new(),
    }
}

pub(super) fn compose_sentence(error: ComposeError, base: &Base) -> String {
    base.words.fill(error.word_key(), &[("count", &crate::composer::TEXT_LINES_MAX)])
}

fn edit(composer: &mut Composer, action: Action) {
    let _ = match action {
        Action::Left => composer.go(Motion::Left),
        Action::Right => composer.go(Motion::Right),
        Action::WordLeft => composer.go(Motion::WordLeft),
        Action::WordRight => composer.go(Motion::WordRight),
        Action::LineStart => composer.go(Motion::LineStart),
        Action::LineEnd => composer.go(Motion::LineEnd),
        Action::DeleteLeft => composer.delete(Motion::Left),
        Action::DeleteRight => composer.delete(Motion::Right),
        Action::DeleteWordLeft => composer.delete(Motion::WordLeft),
        Action::DeleteWordRight => composer.delete(Motion::WordRight),
        Action::KillLeft => composer.kill_to_line_start(),
        Action::KillRight => composer.kill_to_line_end(),
        Action::Undo => composer.undo(),
        Action::Redo => composer.redo(),
        Action::HistoryBack => composer.history_back(),
        Action::HistoryOn => composer.history_on(),
        _ => false,
    };
}
