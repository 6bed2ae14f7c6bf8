//! The keys that edit a line of a form, the same in every form. Pure.

use crate::{
    action::Action,
    form::{Form, FormStep, Line},
};

/// Keys that edit the line with the focus.
pub fn edit(form: &mut Form, action: Action) {
    match action {
        Action::Next => form.focus_next(),
        Action::Previous => form.focus_previous(),
        Action::ShowPassword => form.toggle_reveal(),
        Action::Left => form.edit(Line::left),
        Action::Right => form.edit(Line::right),
        Action::LineStart => form.edit(Line::home),
        Action::LineEnd => form.edit(Line::end),
        Action::DeleteLeft => form.edit(Line::delete_back),
        Action::DeleteRight => form.edit(Line::delete_on),
        Action::DeleteWordLeft => form.edit(Line::delete_word_back),
        Action::KillLeft => form.edit(Line::delete_to_start),
        Action::KillRight => form.edit(Line::delete_to_end),
        _ => FormStep::Still,
    };
}
