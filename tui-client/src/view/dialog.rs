//! Small forms above the screen: create a room, topic, invite, password. What is typed is checked here before it
//! becomes a request. Pure.

use liao_client_core::model::Model;
use liao_common::{
    id::{RoomId, UserId},
    limits,
    name::{NameError, RoomName},
    request::{Passwd, Request, RoomCreate, RoomInvite, RoomTopic, Secret},
};

use super::{
    chat::{person_with_id, title_of},
    entry::password_error,
};
use crate::{
    form::{Field, FieldError, Form},
    keymap::Mode,
};

/// What a dialog is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogKind {
    /// Make a room.
    Create,
    /// Set a room's topic.
    Topic(RoomId),
    /// Invite somebody to a room.
    Invite(RoomId),
    /// Change the password.
    Password,
}

/// A form above the screen.
#[derive(Clone, Debug)]
pub struct DialogView {
    /// What it is for.
    pub kind: DialogKind,
    /// Its fields.
    pub form: Form,
    /// Only by invitation; for a new room.
    pub private: bool,
    /// The focus is on the box for that.
    pub box_focused: bool,
}

/// What submitting leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum DialogStep {
    /// Nothing yet.
    Stay,
    /// Ask the server.
    Ask(Box<Request>),
    /// Look somebody up first, by user id, to invite them to a room.
    Find(String, RoomId),
}

impl DialogView {
    /// A new room, with a name that was typed elsewhere.
    #[must_use]
    pub fn create(name: &str) -> Self {
        Self::create_as("room.create_title", name)
    }

    /// The same, as a question: the person wanted to enter a room of this name.
    #[must_use]
    pub fn create_missing(name: &str) -> Self {
        Self::create_as("room.create_ask", name)
    }

    fn create_as(title: &'static str, name: &str) -> Self {
        let name = Field::text("field.room_name").with_value(name);
        let fields = vec![name, Field::text("field.topic")];
        Self::with(DialogKind::Create, Form::new(title, fields).with_verb("hint.create"))
    }

    /// The topic of a room.
    #[must_use]
    pub fn topic(model: &Model, room: RoomId) -> Self {
        let now = model.room(room).map_or("", |room| room.topic.as_str());
        let field = Field::text("field.topic").with_value(now);
        Self::with(
            DialogKind::Topic(room),
            Form::new("room.topic_title", vec![field]).with_verb("hint.set"),
        )
    }

    /// An invitation to a room.
    #[must_use]
    pub fn invite(room: RoomId) -> Self {
        Self::with(
            DialogKind::Invite(room),
            Form::new("room.invite_title", vec![Field::text("field.user")])
                .with_verb("hint.invite"),
        )
    }

    /// Another password.
    #[must_use]
    pub fn password() -> Self {
        let fields = vec![
            Field::password("field.password_old"),
            Field::new_password("field.password_new"),
            Field::password("field.password_again"),
        ];
        let form = Form::new("help.command.password", fields).with_verb("hint.set");
        Self::with(DialogKind::Password, form)
    }

    const fn with(kind: DialogKind, form: Form) -> Self {
        Self { kind, form, private: false, box_focused: false }
    }

    /// The room it is about, for the title.
    #[must_use]
    pub fn about(&self, model: &Model) -> String {
        match self.kind {
            DialogKind::Topic(room) | DialogKind::Invite(room) => title_of(model, room),
            _ => String::new(),
        }
    }

    /// Where keys are looked up.
    #[must_use]
    pub fn modes(&self) -> &'static [Mode] {
        if self.form.has_secret() { &[Mode::Form, Mode::Secret] } else { &[Mode::Form] }
    }

    /// Whether it has a box to tick behind its fields.
    #[must_use]
    pub const fn has_box(&self) -> bool {
        matches!(self.kind, DialogKind::Create)
    }

    /// To the next field or the box.
    pub fn next(&mut self) {
        let last = self.form.focus() + 1 == self.form.fields().len();
        if self.box_focused {
            self.box_focused = false;
            self.form.focus_on(0);
        } else if last && self.has_box() {
            self.box_focused = true;
        } else {
            self.form.focus_next();
        }
    }

    /// To the field before or the box.
    pub fn previous(&mut self) {
        if self.box_focused {
            self.box_focused = false;
            self.form.focus_on(self.form.fields().len().saturating_sub(1));
        } else if self.form.focus() == 0 && self.has_box() {
            self.box_focused = true;
        } else {
            self.form.focus_previous();
        }
    }

    /// Everything is typed: check it.
    pub fn submit(&mut self, model: &Model) -> DialogStep {
        self.form.clear_errors();
        match self.kind {
            DialogKind::Create => self.submit_create(),
            DialogKind::Topic(room) => self.submit_topic(room),
            DialogKind::Invite(room) => self.submit_invite(room, model),
            DialogKind::Password => self.submit_password(model),
        }
    }

    fn submit_create(&mut self) -> DialogStep {
        let topic = self.form.value("field.topic").trim().to_owned();
        if let Err(error) = RoomName::parse(self.form.value("field.room_name")) {
            self.form.fail_field("field.room_name", FieldError::new(room_error(error)));
        }
        if topic.len() > limits::TOPIC_BYTES_MAX {
            self.form.fail_field("field.topic", FieldError::new("invalid.topic_long"));
        }
        if self.form.has_errors() {
            self.box_focused = false;
            return DialogStep::Stay;
        }
        let name = self.form.value("field.room_name").trim().to_owned();
        DialogStep::Ask(Box::new(RoomCreate { name, private: self.private, topic }.into()))
    }

    fn submit_topic(&mut self, room: RoomId) -> DialogStep {
        let topic = self.form.value("field.topic").trim().to_owned();
        if topic.len() > limits::TOPIC_BYTES_MAX {
            self.form.fail_field("field.topic", FieldError::new("invalid.topic_long"));
            return DialogStep::Stay;
        }
        DialogStep::Ask(Box::new(RoomTopic { room, topic }.into()))
    }

    fn submit_invite(&mut self, room: RoomId, model: &Model) -> DialogStep {
        let name = self.form.value("field.user").trim().trim_start_matches('@').to_owned();
        if name.is_empty() {
            self.form.fail_field("field.user", FieldError::new("invalid.required"));
            return DialogStep::Stay;
        }
        match person_with_id(model, &name) {
            Some(user) => DialogStep::Ask(Box::new(invite(room, user))),
            None => DialogStep::Find(name, room),
        }
    }

    fn submit_password(&mut self, model: &Model) -> DialogStep {
        let (old, new) = (
            self.form.value("field.password_old").to_owned(),
            self.form.value("field.password_new").to_owned(),
        );
        let user = model.me.as_ref().map_or("", |me| me.id.as_str());
        if old.is_empty() {
            self.form.fail_field("field.password_old", FieldError::new("invalid.password_empty"));
        } else if let Some(error) = password_error(&new, user) {
            self.form.fail_field("field.password_new", error);
        } else if new != self.form.value("field.password_again") {
            self.form
                .fail_field("field.password_again", FieldError::new("invalid.passwords_differ"));
        }
        if self.form.has_errors() {
            return DialogStep::Stay;
        }
        DialogStep::Ask(Box::new(Passwd { old: Secret(old), new: Secret(new) }.into()))
    }
}

/// The request that invites somebody.
#[must_use]
pub fn invite(room: RoomId, user: UserId) -> Request {
    RoomInvite { room, user }.into()
}

const fn room_error(error: NameError) -> &'static str {
    match error {
        NameError::Empty => "invalid.room_empty",
        NameError::TooLong => "invalid.room_long",
        NameError::Character | NameError::MixedScripts => "invalid.room_characters",
    }
}
