//! What lies above the main screen, one thing at a time: go to, search, rooms, transfers, devices, files, small forms,
//! questions.
//! Part of the main view.

use liao_client_core::{model::Model, transfer::TransferId};
use liao_common::{
    id::RoomId,
    message::{Body, Kind},
    request::{RoomJoin, RoomLeave, RoomList, Users},
};

use super::{
    bans::BansView,
    confirm::{ConfirmView, Question},
    deeds::is_linked,
    devices::DevicesView,
    dialog::{DialogStep, DialogView},
    files::PickerView,
    list::ListView,
    main::MainView,
    rooms::RoomsView,
    search::SearchView,
    switcher::{Destination, SwitcherView},
    told::Held,
};
use crate::{action::Action, app::Base, effect::Effect, form::FormStep, keymap::Mode, view::door};

/// Something above the screen.
#[derive(Debug)]
pub enum Overlay {
    /// Go to any chat, person or command.
    Switcher(SwitcherView),
    /// Searching a chat.
    Search(SearchView),
    /// The rooms of the server.
    Rooms(RoomsView),
    /// Files on their way.
    Transfers(ListView),
    /// The devices of the account.
    Devices(DevicesView),
    /// Who may not enter a room.
    Bans(BansView),
    /// Choosing a file.
    Picker(PickerView),
    /// A small form.
    Dialog(DialogView),
    /// A question.
    Confirm(ConfirmView),
}

impl Overlay {
    /// Where keys are looked up.
    #[must_use]
    pub fn modes(&self) -> &'static [Mode] {
        match self {
            Self::Switcher(_) | Self::Search(_) | Self::Rooms(_) => &[Mode::List],
            Self::Transfers(_) => &[Mode::Transfers],
            Self::Devices(_) => &[Mode::Devices],
            Self::Bans(_) => &[Mode::Bans],
            Self::Picker(_) => &[Mode::Picker],
            Self::Dialog(dialog) => dialog.modes(),
            Self::Confirm(view) => view.question.modes(),
        }
    }

    const fn asks_to_go(&self) -> bool {
        match self {
            Self::Confirm(view) => matches!(
                view.question,
                Question::Quit(_)
                    | Question::Lose(_)
                    | Question::LogOutAndLose(_)
                    | Question::Leave
                    | Question::LogOut
            ),
            _ => false,
        }
    }
}

impl MainView {
    /// Opens what an action names.
    pub(super) fn open_overlay(&mut self, action: Action, model: &Model, base: &mut Base) {
        self.completion = None;
        self.overlay = match action {
            Action::Switcher => Some(Overlay::Switcher(SwitcherView::default())),
            Action::Search => {
                let Some(room) = self.room() else {
                    return self.complain(base, base.words.t("search.no_chat"));
                };
                Some(Overlay::Search(SearchView::open(room, "")))
            }
            Action::Transfers => {
                let mut list = ListView::default();
                list.choose(model.transfers.iter().count().saturating_sub(1));
                Some(Overlay::Transfers(list))
            }
            Action::Rooms => {
                self.ask(RoomList::default(), base);
                self.remark_waiting(model, base);
                Some(Overlay::Rooms(RoomsView::default()))
            }
            Action::SendFile => {
                let Some(room) = self.room() else {
                    return self.complain(base, base.words.t("files.no_chat"));
                };
                Some(Overlay::Picker(PickerView::open(room, base)))
            }
            _ => None,
        };
    }

    pub(super) fn act_overlay(&mut self, action: Action, model: &mut Model, base: &mut Base) {
        if action == Action::Accept {
            return self.accept(model, base);
        }
        let closes = matches!(action, Action::Back | Action::No);
        let Some(overlay) = self.overlay.take_if(|_| closes).or_else(|| self.overlay.take()) else {
            return;
        };
        if closes {
            if matches!(&overlay, Overlay::Confirm(view) if view.question.is_about_devices()) {
                self.open_devices(base);
            }
            return;
        }
        if action == Action::Quit && !overlay.asks_to_go() {
            return self.ask_to_quit(model, base);
        }
        if action == Action::Interrupt {
            let asked = overlay.asks_to_go();
            self.overlay = Some(overlay);
            if !asked {
                self.interrupt(model, base);
            }
            return;
        }
        match overlay {
            Overlay::Switcher(view) => self.act_switcher(view, action, model, base),
            Overlay::Search(view) => self.act_search(view, action, model, base),
            Overlay::Rooms(view) => self.act_rooms(view, action, model, base),
            Overlay::Transfers(list) => self.act_transfers(list, action, model, base),
            Overlay::Devices(view) => self.act_devices(view, action, base),
            Overlay::Bans(view) => self.act_bans(view, action, base),
            Overlay::Picker(mut view) => {
                if !view.act(action, base) {
                    self.overlay = Some(Overlay::Picker(view));
                }
            }
            Overlay::Dialog(view) => self.act_dialog(view, action, model, base),
            Overlay::Confirm(view) => self.act_confirm(view, action, model, base),
        }
    }

    pub(super) fn type_overlay(&mut self, text: &str, model: &Model, base: &mut Base) {
        let line = liao_common::text::clean_line(text);
        match &mut self.overlay {
            Some(Overlay::Switcher(view)) => {
                view.query.push_str(&line);
                view.list = ListView::default();
            }
            Some(Overlay::Search(view)) => view.type_text(&line),
            Some(Overlay::Rooms(view)) => {
                view.query.push_str(&line);
                view.list = ListView::default();
                if is_linked(model) {
                    let query = view.wanted().to_owned();
                    self.ask(RoomList { query, ..RoomList::default() }, base);
                }
            }
            Some(Overlay::Picker(view)) => view.type_text(text, base),
            Some(Overlay::Dialog(view)) if view.box_focused => view.private ^= text == " ",
            Some(Overlay::Dialog(view)) => _ = view.form.insert(text),
            Some(
                Overlay::Transfers(_)
                | Overlay::Devices(_)
                | Overlay::Bans(_)
                | Overlay::Confirm(_),
            )
            | None => {}
        }
    }

    fn act_switcher(
        &mut self,
        mut view: SwitcherView,
        action: Action,
        model: &mut Model,
        base: &mut Base,
    ) {
        let rows = view.rows(model, base.words);
        match action {
            Action::Choose => {
                let Some(row) = view.list.chosen(rows.len()).and_then(|row| rows.get(row)) else {
                    return;
                };
                return match row.to {
                    Destination::Room(room) => self.go(room, model, base),
                    Destination::Person(user) => self.open_person(user, model, base),
                    Destination::Command(command) => self.begin(command, model, base),
                };
            }
            Action::DeleteLeft => _ = view.query.pop(),
            Action::KillLeft => view.query.clear(),
            _ => move_list(&mut view.list, action, rows.len(), base),
        }
        self.overlay = Some(Overlay::Switcher(view));
    }

    fn act_search(
        &mut self,
        mut view: SearchView,
        action: Action,
        model: &mut Model,
        base: &mut Base,
    ) {
        let rows = view.rows(model);
        match action {
            Action::Choose => {
                let chosen = view.list.chosen(rows.len()).and_then(|row| rows.get(row));
                if let Some(row) = chosen {
                    return self.go_to_message(view.room, row.seq, model, base);
                }
            }
            Action::DeleteLeft => _ = view.query.pop(),
            Action::KillLeft => view.query.clear(),
            _ => move_list(&mut view.list, action, rows.len(), base),
        }
        self.overlay = Some(Overlay::Search(view));
    }

    /// Fetches what is older, while somebody searches for it.
    pub(super) fn settle_search(&mut self, model: &mut Model, base: &mut Base) {
        if let Some(Overlay::Search(view)) = &mut self.overlay
            && let Some(request) = view.next_page(model)
        {
            base.wish(Effect::Ask(request));
        }
    }

    fn act_rooms(&mut self, mut view: RoomsView, action: Action, model: &Model, base: &mut Base) {
        let len = view.rows().len() + usize::from(view.new_name().is_some());
        match action {
            Action::Choose => return self.choose_room(&view, len, model, base),
            Action::DeleteLeft => _ = view.query.pop(),
            Action::KillLeft => view.query.clear(),
            _ => move_list(&mut view.list, action, len, base),
        }
        self.overlay = Some(Overlay::Rooms(view));
    }

    /// Joins the chosen room; the row behind the last one makes a new room.
    fn choose_room(&mut self, view: &RoomsView, len: usize, model: &Model, base: &mut Base) {
        let rows = view.rows();
        let chosen = view.list.chosen(len);
        match (chosen.and_then(|row| rows.get(row)), view.new_name()) {
            (Some(room), _) => {
                self.join(RoomJoin { room: Some(room.room), name: None }, model, base);
            }
            (None, Some(name)) => self.overlay = Some(Overlay::Dialog(DialogView::create(name))),
            (None, None) => self.overlay = Some(Overlay::Dialog(DialogView::create(""))),
        }
    }

    pub(super) fn join(&mut self, request: RoomJoin, model: &Model, base: &mut Base) {
        self.ask_and_go(request, model, base);
    }

    fn act_transfers(
        &mut self,
        mut list: ListView,
        action: Action,
        model: &Model,
        base: &mut Base,
    ) {
        let rows: Vec<(TransferId, bool)> =
            model.transfers.iter().map(|row| (row.id, row.phase.can_resume())).collect();
        let chosen = list.chosen(rows.len()).and_then(|row| rows.get(row)).copied();
        match (action, chosen) {
            (Action::Pause, Some((id, false))) => base.wish(Effect::Pause(id)),
            (Action::Pause | Action::Retry, Some((id, _))) => base.wish(Effect::Resume(id)),
            (Action::CancelTransfer, Some((id, _))) => base.wish(Effect::Cancel(id)),
            _ => move_list(&mut list, action, rows.len(), base),
        }
        self.overlay = Some(Overlay::Transfers(list));
    }

    fn act_dialog(&mut self, mut view: DialogView, action: Action, model: &Model, base: &mut Base) {
        let submits = match action {
            Action::Submit => view.box_focused || view.form.enter() == FormStep::Submit,
            Action::Next => return self.keep_dialog(view, DialogView::next),
            Action::Previous => return self.keep_dialog(view, DialogView::previous),
            Action::Language => {
                base.speak(base.words.language().next());
                false
            }
            _ => {
                if !view.box_focused {
                    door::edit(&mut view.form, action);
                }
                false
            }
        };
        let step = if submits { view.submit(model) } else { DialogStep::Stay };
        if step != DialogStep::Stay && !is_linked(model) {
            self.refuse_offline(base);
            self.overlay = Some(Overlay::Dialog(view));
            return;
        }
        match step {
            DialogStep::Stay => self.overlay = Some(Overlay::Dialog(view)),
            DialogStep::Ask(request) => {
                self.held.push(Held::Go((*request).clone(), false));
                self.ask(*request, base);
            }
            DialogStep::Find(name, room) => self.look_up(name, Some(room), base),
        }
    }

    fn keep_dialog(&mut self, mut view: DialogView, change: impl FnOnce(&mut DialogView)) {
        change(&mut view);
        self.overlay = Some(Overlay::Dialog(view));
    }

    /// Somebody who is not known here is looked up first; the answer goes on.
    pub(super) fn look_up(&mut self, name: String, invite_to: Option<RoomId>, base: &mut Base) {
        let request = Users { ids: Vec::new(), names: vec![name] };
        if let Some(room) = invite_to {
            self.held.push(Held::Invite(request.clone().into(), room));
        }
        self.ask(request, base);
    }

    fn act_confirm(
        &mut self,
        view: ConfirmView,
        action: Action,
        model: &mut Model,
        base: &mut Base,
    ) {
        if action != Action::Yes {
            self.overlay = Some(Overlay::Confirm(view));
            return;
        }
        match view.question {
            Question::Quit(_) | Question::Lose(_) | Question::Leave => base.wish(Effect::Quit),
            Question::LogOutAndLose(_) | Question::LogOut => self.log_out(base),
            Question::Paste(text, _) => self.compose(&text, model, base),
            Question::LeaveRoom(_) | Question::Decline(_) if !is_linked(model) => {
                self.refuse_offline(base);
            }
            Question::LogDeviceOut(dev, _) => self.log_devices_out(&[dev], model, base),
            Question::LogOthersOut(devs) => self.log_devices_out(&devs, model, base),
            Question::CloseUnsent(room) => self.close_unsent(room, model, base),
            Question::LeaveRoom(room) => self.ask(RoomLeave { room }, base),
            Question::Decline(room) => {
                self.held.push(Held::Decline(RoomLeave { room }.into()));
                self.ask(RoomLeave { room }, base);
            }
            Question::TakeBack(room, seq, _) => {
                let body = Body { of: Some(seq), ..Body::default() };
                base.wish(Effect::Post(room, Kind::Redact, body));
                self.leave_timeline();
            }
        }
    }

    /// Scrolls what lies above the screen.
    pub(super) fn wheel_overlay(
        &mut self,
        by: isize,
        model: &Model,
        base_words: &crate::words::Words,
    ) {
        match &mut self.overlay {
            Some(Overlay::Switcher(view)) => {
                let len = view.rows(model, base_words).len();
                view.list.step(len, by);
            }
            Some(Overlay::Search(view)) => {
                let len = view.rows(model).len();
                view.list.step(len, by);
            }
            Some(Overlay::Rooms(view)) => {
                let len = view.rows().len();
                view.list.step(len, by);
            }
            Some(Overlay::Transfers(list)) => list.step(model.transfers.iter().count(), by),
            Some(Overlay::Devices(view)) => {
                let len = view.rows().len();
                view.list.step(len, by);
            }
            Some(Overlay::Bans(view)) => {
                let len = view.rows().len();
                view.list.step(len, by);
            }
            Some(Overlay::Picker(view)) => view.picker.select_by(by),
            Some(Overlay::Dialog(_) | Overlay::Confirm(_)) | None => {}
        }
    }

    /// A click on a row of a list above the screen.
    pub(super) fn click_overlay(&mut self, row: usize, model: &mut Model, base: &mut Base) {
        match &mut self.overlay {
            Some(Overlay::Switcher(view)) => view.list.choose(row),
            Some(Overlay::Search(view)) => view.list.choose(row),
            Some(Overlay::Rooms(view)) => view.list.choose(row),
            Some(Overlay::Transfers(list)) => return list.choose(row),
            Some(Overlay::Devices(view)) => return view.list.choose(row),
            Some(Overlay::Bans(view)) => return view.list.choose(row),
            Some(Overlay::Picker(view)) => view.picker.select(row),
            Some(Overlay::Dialog(_) | Overlay::Confirm(_)) | None => return,
        }
        self.act_overlay(Action::Choose, model, base);
    }
}

pub(super) fn move_list(list: &mut ListView, action: Action, len: usize, base: &Base) {
    let page = isize::try_from(base.size.1 / 3).unwrap_or(1);
    match action {
        Action::Up => list.step(len, -1),
        Action::Down => list.step(len, 1),
        Action::PageUp => list.step(len, -page),
        Action::PageDown => list.step(len, page),
        _ => {}
    }
}
