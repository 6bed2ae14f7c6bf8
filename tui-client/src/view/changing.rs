//! Answering a message, changing one's own, taking it back. What is being written stands aside for a change and
//! comes back after it. Part of the main view.

use liao_client_core::{
    model::Model,
    notice::LinkState,
    timeline::{Changing, Content, Row, RowState},
};
use liao_common::{
    id::{RoomId, Seq},
    message::{Body, Kind},
};

use super::{
    chat::{ChatView, mentioned},
    confirm::{ConfirmView, Question},
    main::{Focus, MainView},
    overlay::Overlay,
    remark::About,
};
use crate::{action::Action, app::Base, command, effect::Effect};

/// What becomes of the text that is being written, other than a message of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// An answer to this message.
    Reply(Seq),
    /// The new text of this message; what was being written before is kept beside.
    Edit(Seq, String),
}

impl Intent {
    /// The message it is about.
    #[must_use]
    pub const fn about(&self) -> Seq {
        match self {
            Self::Reply(seq) | Self::Edit(seq, _) => *seq,
        }
    }
}

impl ChatView {
    /// What is being written as a message of its own, for keeping.
    #[must_use]
    pub fn draft(&self) -> &str {
        match &self.intent {
            Some(Intent::Edit(_, draft)) => draft,
            _ => self.composer.text(),
        }
    }

    /// The text is a message of its own again. Says whether it was something else.
    pub fn forget_intent(&mut self) -> bool {
        let intent = self.intent.take();
        if let Some(Intent::Edit(_, draft)) = &intent {
            // It was a text of this field before.
            let _ = self.composer.set_text(draft);
        }
        intent.is_some()
    }
}

/// Whether a message can be answered.
#[must_use]
pub const fn can_answer(row: &Row) -> bool {
    row.seq.is_some() && matches!(row.content, Content::Text(_) | Content::File(_))
}

/// Whether one can take a message back.
#[must_use]
pub fn can_take_back(row: &Row, model: &Model) -> bool {
    let going = row.changing == Some(Changing::TakeBack);
    can_answer(row) && row.state == RowState::Sent && is_own(row, model) && !going
}

fn is_own(row: &Row, model: &Model) -> bool {
    Some(row.from) == model.my_id()
}

/// Whether one can take back what was said, in a room in which one stands above who said it.
#[must_use]
pub fn can_remove(row: &Row, room: RoomId, model: &Model) -> bool {
    let others = can_answer(row) && row.state == RowState::Sent && !is_own(row, model);
    can_take_back(row, model) || (others && model.is_above(room, row.from))
}

/// Whether one can change a message.
#[must_use]
pub fn can_edit(row: &Row, model: &Model) -> bool {
    can_take_back(row, model) && matches!(row.content, Content::Text(_))
}

impl MainView {
    /// A key for the chosen message that answers or changes it.
    pub(super) fn change_message(
        &mut self,
        action: Action,
        room: RoomId,
        row: &Row,
        model: &Model,
    ) {
        let Some(seq) = row.seq else { return };
        let chat = self.chats.entry(room).or_default();
        match (action, &row.content) {
            (Action::Reply, _) if can_answer(row) => {
                chat.forget_intent();
                chat.intent = Some(Intent::Reply(seq));
            }
            (Action::Edit, Content::Text(text)) if can_edit(row, model) => {
                chat.forget_intent();
                let draft = chat.composer.text().to_owned();
                let text = model.waiting_text(room, seq).unwrap_or(text);
                if chat.composer.set_text(&command::literal(text)).is_err() {
                    return;
                }
                chat.intent = Some(Intent::Edit(seq, draft));
            }
            (Action::TakeBack | Action::Discard, _) if can_remove(row, room, model) => {
                let question = Question::TakeBack(room, seq, row.first_words(WORDS_MAX));
                self.overlay = Some(Overlay::Confirm(ConfirmView { question }));
                return;
            }
            _ => return,
        }
        chat.timeline.chosen = None;
        self.focus = Focus::Composer;
    }

    /// Posts a text as what it was written for.
    pub(super) fn post_written(
        &mut self,
        room: RoomId,
        text: String,
        model: &Model,
        base: &mut Base,
    ) {
        let intent = self.chats.get_mut(&room).and_then(|chat| chat.intent.take());
        let mut body = Body { at: mentioned(model, &text), ..Body::text(text) };
        let mut kind = Kind::Text;
        match intent {
            None => {}
            Some(Intent::Reply(seq)) => {
                body.re = Some(seq);
                note_author(&mut body, room, seq, model);
            }
            Some(Intent::Edit(seq, draft)) => {
                self.give_back(room, &draft);
                let row = model.room(room).and_then(|view| view.timeline.row(seq));
                if row.is_some_and(|row| is_text(row, body.text.as_deref())) {
                    return;
                }
                (kind, body.of) = (Kind::Edit, Some(seq));
            }
        }
        base.wish(Effect::Post(room, kind, body));
        self.remark_offline(model, base);
    }

    /// While there is no connection, says that what was posted waits.
    pub(super) fn remark_offline(&mut self, model: &Model, base: &Base) {
        if !matches!(model.state, LinkState::Online { .. }) {
            self.remark_about(About::Link, false, base, base.words.t("composer.offline"));
        }
    }

    /// The server's log is another one: places in the old one are those of other messages now. The new words of a
    /// change stand among the lines that were sent, one key away.
    pub(super) fn forget_changes(&mut self) {
        for chat in self.chats.values_mut() {
            if let Some(Intent::Edit(..)) = chat.intent {
                let words = chat.composer.text().to_owned();
                chat.composer.remember(&words);
            }
            chat.forget_intent();
        }
        let asked = |overlay: &mut Overlay| matches!(overlay, Overlay::Confirm(view) if matches!(view.question, Question::TakeBack(..)));
        self.overlay.take_if(asked);
    }

    /// A change that was refused has no row of its own to say so. Its new words stand among the lines that were
    /// sent, one key away.
    pub(super) fn settle_changes(&mut self, model: &mut Model, base: &mut Base) {
        for change in model.take_refused_changes() {
            let key = match &change.text {
                Some(_) => "timeline.not_changed",
                None => "timeline.not_taken_back",
            };
            if let Some(text) = &change.text {
                let chat = self.chats.entry(change.room).or_default();
                chat.composer.remember(&command::literal(text));
            }
            let reason = base.words.fault(change.code);
            self.complain(base, base.words.fill(key, &[("reason", &reason)]));
            base.wish(Effect::Discard(change.nonce));
        }
    }
}

/// Characters of a message in the question about it.
const WORDS_MAX: usize = 40;

fn is_text(row: &Row, text: Option<&str>) -> bool {
    matches!(&row.content, Content::Text(said) if Some(said.as_str()) == text)
}

/// In a room the one who is answered is told, as if named; in private that would be twice.
fn note_author(body: &mut Body, room: RoomId, seq: Seq, model: &Model) {
    let Some(view) = model.room(room).filter(|view| !view.is_direct()) else { return };
    let author = view.timeline.row(seq).map(|row| row.from);
    if let Some(author) = author.filter(|author| Some(*author) != model.my_id())
        && !body.at.contains(&author)
        && body.at.len() < liao_common::limits::MENTIONS_MAX
    {
        body.at.push(author);
    }
}
