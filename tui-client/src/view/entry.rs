//! The forms for logging in and registering: what is in them, what is checked before anything is sent, and where
//! an answer of the server belongs. Pure.

use liao_common::{
    fault::{Fault, FaultCode},
    limits,
    name::{DisplayName, NameError, UserName},
    password::is_common,
    request::Secret,
};

use crate::{
    effect::Login,
    form::{Field, FieldError, Form, FormStep},
    view::reasons::fault_key,
};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// An account that exists.
    LogIn,
    /// A new account.
    Register,
}

/// The form for getting in.
#[derive(Clone, Debug)]
pub struct EntryView {
    /// Which form.
    pub kind: EntryKind,
    /// Its fields.
    pub form: Form,
    /// Keep a token on this computer.
    pub keep: bool,
    /// The focus is on the box for that, behind the last field.
    pub keep_focused: bool,
}

impl EntryView {
    /// The login form, with a user id filled in where one is known.
    #[must_use]
    pub fn log_in(user: &str) -> Self {
        let fields =
            vec![Field::text("field.user").with_value(user), Field::password("field.password")];
        Self::with(EntryKind::LogIn, Form::new("login.title", fields).with_verb("hint.log_in"))
    }

    /// The register form; with an invite field where the server wants one.
    #[must_use]
    pub fn register(invite: Option<&str>) -> Self {
        let mut fields = vec![
            Field::text("field.user").with_hint("field.user_hint"),
            Field::text("field.name").with_hint("field.name_hint"),
            Field::new_password("field.password"),
            Field::password("field.password_again"),
        ];
        if let Some(invite) = invite {
            fields.push(Field::text("field.invite").with_value(invite));
        }
        let form = Form::new("register.title", fields).with_verb("hint.register");
        Self::with(EntryKind::Register, form)
    }

    const fn with(kind: EntryKind, form: Form) -> Self {
        Self { kind, form, keep: true, keep_focused: false }
    }

    /// As if it had just been opened: what was typed stays, but for passwords.
    pub fn start_over(&mut self) {
        self.form.start_over();
        self.keep_focused = false;
    }

    /// To the next field or to the box behind the last.
    pub fn next(&mut self) {
        self.look_over();
        if self.form.is_waiting() {
        } else if self.keep_focused {
            self.keep_focused = false;
            self.form.focus_on(0);
        } else if self.form.focus() + 1 == self.form.fields().len() {
            self.keep_focused = true;
        } else {
            self.form.focus_next();
        }
    }

    /// To the field before.
    pub fn previous(&mut self) {
        self.look_over();
        if self.form.is_waiting() {
        } else if self.keep_focused {
            self.keep_focused = false;
            self.form.focus_on(self.form.fields().len().saturating_sub(1));
        } else if self.form.focus() == 0 {
            self.keep_focused = true;
        } else {
            self.form.focus_previous();
        }
    }

    /// Whether Enter sends the form.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.keep_focused || self.form.is_at_end()
    }

    /// Enter: on, or the login when everything is filled in properly.
    pub fn enter(&mut self) -> Option<Login> {
        self.look_over();
        let step = if self.keep_focused && !self.form.is_waiting() {
            FormStep::Submit
        } else {
            self.form.enter()
        };
        if step != FormStep::Submit { None } else { self.submit() }
    }

    /// What a refusal means for the form.
    pub fn refused(&mut self, fault: &Fault) {
        let field = match (fault.code, self.kind) {
            (FaultCode::Taken, _) => Some("field.user"),
            (FaultCode::BadName, _) if self.name_is_odd() => Some("field.name"),
            (FaultCode::BadName, _) => Some("field.user"),
            (FaultCode::WeakPassword, _) | (FaultCode::Unauthenticated, EntryKind::LogIn) => {
                Some("field.password")
            }
            (FaultCode::InviteRequired, EntryKind::Register) => {
                self.want_invite();
                Some("field.invite")
            }
            _ => None,
        };
        self.form.cancel_wait();
        self.keep_focused = false;
        match field {
            Some(label) => {
                self.form.fail_field(label, FieldError::new(fault_key(fault.code)));
            }
            None => self.form.fail(fault_key(fault.code)),
        }
    }

    fn submit(&mut self) -> Option<Login> {
        self.form.clear_errors();
        match self.kind {
            EntryKind::LogIn => self.check_log_in(),
            EntryKind::Register => self.check_register(),
        }
        if self.form.has_errors() {
            self.keep_focused = false;
            return None;
        }
        let user = self.form.value("field.user").trim().to_owned();
        let secret = Secret(self.form.value("field.password").to_owned());
        Some(match self.kind {
            EntryKind::LogIn => {
                self.form.wait("login.checking");
                Login::Password { user, secret, keep: self.keep }
            }
            EntryKind::Register => {
                self.form.wait("register.creating");
                let invite = Some(self.form.value("field.invite").trim().to_owned());
                let name = self.form.value("field.name").trim().to_owned();
                let invite = invite.filter(|invite| !invite.is_empty());
                Login::Register { user, name, secret, invite, keep: self.keep }
            }
        })
    }

    fn check_log_in(&mut self) {
        if self.form.value("field.user").trim().is_empty() {
            self.form.fail_field("field.user", FieldError::new("invalid.required"));
        }
        if self.form.value("field.password").is_empty() {
            self.form.fail_field("field.password", FieldError::new("invalid.password_empty"));
        }
    }

    fn check_register(&mut self) {
        for label in ["field.user", "field.name", "field.password", "field.password_again"] {
            if let Some(error) = self.wrong(label) {
                self.form.fail_field(label, error);
            }
        }
    }

    /// What is wrong with a field that is being left is said at once. What is not there yet is not wrong yet.
    fn look_over(&mut self) {
        let left = self.form.fields().get(self.form.focus()).filter(|_| !self.keep_focused);
        let Some(label) = left.filter(|field| !field.line.text().is_empty()).map(|at| at.label)
        else {
            return;
        };
        let wrong = Some(self.kind).filter(|kind| *kind == EntryKind::Register);
        if let Some(error) = wrong.and_then(|_| self.wrong(label)) {
            self.form.note(label, error);
        }
    }

    /// What is wrong with a field of somebody who registers.
    fn wrong(&self, label: &str) -> Option<FieldError> {
        let value = self.form.value(label);
        match label {
            "field.user" => UserName::parse(value).err().map(user_error).map(FieldError::new),
            "field.name" if !value.trim().is_empty() => {
                DisplayName::parse(value.trim()).err().map(name_error).map(FieldError::new)
            }
            "field.password" => self.password_error(),
            "field.password_again" => {
                let differ = value != self.form.value("field.password");
                (differ && self.password_error().is_none())
                    .then(|| FieldError::new("invalid.passwords_differ"))
            }
            _ => None,
        }
    }

    fn password_error(&self) -> Option<FieldError> {
        password_error(self.form.value("field.password"), self.form.value("field.user").trim())
    }

    fn name_is_odd(&self) -> bool {
        let name = self.form.value("field.name").trim();
        UserName::parse(self.form.value("field.user")).is_ok() && !name.is_empty()
    }

    /// The server wants an invite: the same form with one more field.
    fn want_invite(&mut self) {
        if self.form.field("field.invite").is_some() {
            return;
        }
        let mut fields = self.form.fields().to_vec();
        fields.push(Field::text("field.invite"));
        self.form = Form::new("register.title", fields).with_verb("hint.register");
    }
}

/// What is wrong with a new password of the person with this user id.
pub(super) fn password_error(password: &str, user: &str) -> Option<FieldError> {
    let min = limits::PASSWORD_CHARS_MIN;
    if password.is_empty() {
        Some(FieldError::new("invalid.password_empty"))
    } else if password.chars().count() < min {
        Some(FieldError::with_count("invalid.password_short", u64::try_from(min).unwrap_or(8)))
    } else if password.len() > limits::PASSWORD_BYTES_MAX {
        Some(FieldError::new("invalid.password_long"))
    } else if password.eq_ignore_ascii_case(user) {
        Some(FieldError::new("invalid.password_same_as_user"))
    } else if is_common(password, &user.to_lowercase()) {
        Some(FieldError::new(fault_key(FaultCode::WeakPassword)))
    } else {
        None
    }
}

const fn user_error(error: NameError) -> &'static str {
    match error {
        NameError::Empty => "invalid.user_empty",
        NameError::TooLong => "invalid.user_long",
        NameError::Character => "invalid.user_characters",
        NameError::MixedScripts => "invalid.user_scripts",
    }
}

const fn name_error(error: NameError) -> &'static str {
    match error {
        NameError::Empty => "invalid.name_empty",
        NameError::TooLong => "invalid.name_long",
        NameError::Character | NameError::MixedScripts => "invalid.name_characters",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn filled(values: &[&str]) -> EntryView {
        let mut view = EntryView::register(None);
        view.form.focus_on(0);
        for value in values {
            view.form.insert(value);
            view.form.focus_next();
        }
        view
    }

    fn errors(view: &EntryView) -> Vec<(&'static str, String)> {
        let with =
            view.form.fields().iter().filter_map(|field| {
                field.error.as_ref().map(|error| (field.label, error.key.clone()))
            });
        with.collect()
    }

    #[test]
    fn registering_is_checked_before_anything_is_sent() {
        for (values, label, key) in [
            (["", "", "longenough", "longenough"], "field.user", "invalid.user_empty"),
            (["a b", "", "longenough", "longenough"], "field.user", "invalid.user_characters"),
            (["alice张", "", "longenough", "longenough"], "field.user", "invalid.user_scripts"),
            (["alice", "", "short", "short"], "field.password", "invalid.password_short"),
            (["alice", "", "Password1", "Password1"], "field.password", "fault.weak_password"),
            (["alice", "", "alice1999", "alice1999"], "field.password", "fault.weak_password"),
            (
                ["longalice", "", "longalice", "longalice"],
                "field.password",
                "invalid.password_same_as_user",
            ),
            (
                ["alice", "", "longenough", "longenougH"],
                "field.password_again",
                "invalid.passwords_differ",
            ),
        ] {
            let mut view = filled(&values);
            assert_eq!(view.submit(), None, "{values:?}");
            assert_eq!(errors(&view), [(label, key.to_owned())], "{values:?}");
        }
        let login = filled(&["alice", "Alice", "longenough", "longenough"]).submit();
        assert!(
            matches!(login, Some(Login::Register { user, invite: None, .. }) if user == "alice")
        );
    }

    #[test]
    fn what_is_wrong_is_said_when_a_field_is_left_and_goes_when_it_is_mended() {
        let mut view = EntryView::register(None);
        view.form.focus_on(0);
        assert_eq!(view.enter(), None);
        assert_eq!(errors(&view), [], "nothing was typed yet");
        view.previous();
        view.form.insert("a b");
        assert_eq!(view.enter(), None);
        assert_eq!(errors(&view), [("field.user", "invalid.user_characters".to_owned())]);
        assert_eq!(view.form.focus(), 1, "and one is not held up");
        view.previous();
        view.form.edit(|line| line.delete_back());
        assert_eq!(errors(&view), []);
        view.next();
        view.next();
        for (text, error) in [("longenough", None), ("longer", Some("invalid.passwords_differ"))] {
            view.form.insert(text);
            view.next();
            let said: Vec<_> = errors(&view).into_iter().map(|(_, key)| key).collect();
            assert_eq!(said, error.into_iter().collect::<Vec<_>>());
        }
        let mut view = EntryView::log_in("");
        view.form.insert("a b");
        view.next();
        assert_eq!(errors(&view), [], "the server knows who there is");
    }

    #[test]
    fn refusals_land_at_their_field() {
        for (code, label) in [
            (FaultCode::Taken, "field.user"),
            (FaultCode::WeakPassword, "field.password"),
            (FaultCode::InviteRequired, "field.invite"),
        ] {
            let mut view = filled(&["alice", "", "longenough", "longenough"]);
            view.submit();
            view.refused(&Fault::from(code));
            assert!(!view.form.is_waiting());
            assert_eq!(errors(&view), [(label, format!("fault.{}", code.as_str()))]);
            assert_eq!(view.form.value("field.user"), "alice", "what was typed stays");
        }
        let mut view = EntryView::log_in("alice");
        view.refused(&Fault::from(FaultCode::Busy));
        assert!(matches!(view.form.submit(), crate::form::Submit::Failed(_)));
    }

    #[test]
    fn the_box_stands_behind_the_last_field() {
        let mut view = EntryView::log_in("");
        view.next();
        view.next();
        assert!(view.keep_focused);
        view.next();
        assert!(!view.keep_focused && view.form.focus() == 0);
        view.previous();
        assert!(view.keep_focused);
        view.previous();
        assert!(!view.keep_focused && view.form.focus() == 1);
    }
}
