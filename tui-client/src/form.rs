//! The state of a form: fields with their carets, focus, errors under fields, waiting. Pure; it knows no
//! requests. What was typed stays until the form is dropped, also when sending fails.

mod line;
mod strength;
#[cfg(test)]
mod tests;

pub use line::{LINE_BYTES_MAX, Line, LineView};
pub use strength::{Strength, password_strength};

/// What stands in place of each character of a hidden password.
pub const MASK: char = '•';

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Key of the label, such as `field.user`.
    pub label: &'static str,
    /// Key of what an empty field says; may be empty.
    pub hint: &'static str,
    /// What was typed.
    pub line: Line,
    /// Whether it is a password.
    pub masked: bool,
    /// Key and values of the error under the field.
    pub error: Option<FieldError>,
    /// Whether the strength of the password is shown.
    pub rated: bool,
}

/// An error under a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Key of the sentence, such as `invalid.password_short`.
    pub key: String,
    /// The `{count}` of the sentence, when it has one.
    pub count: Option<u64>,
}

impl FieldError {
    /// An error whose sentence has no number.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), count: None }
    }

    /// An error whose sentence has a `{count}`.
    pub fn with_count(key: impl Into<String>, count: u64) -> Self {
        Self { key: key.into(), count: Some(count) }
    }

    /// The sentence.
    #[must_use]
    pub fn sentence(&self, words: &crate::words::Words) -> String {
        match self.count {
            Some(count) => words.fill(&self.key, &[("count", &count)]),
            None => words.t(&self.key).to_owned(),
        }
    }
}

impl Field {
    /// A field for text.
    #[must_use]
    pub fn text(label: &'static str) -> Self {
        Self { label, hint: "", line: Line::default(), masked: false, error: None, rated: false }
    }

    /// A field for a password that exists already.
    #[must_use]
    pub fn password(label: &'static str) -> Self {
        Self { masked: true, ..Self::text(label) }
    }

    /// A field for a password being chosen; its strength is shown.
    #[must_use]
    pub fn new_password(label: &'static str) -> Self {
        Self { rated: true, ..Self::password(label) }
    }

    /// The field with a hint for when it is empty.
    #[must_use]
    pub const fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// The field with a text in it; the caret stands behind it.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        self.line.set(value);
        self
    }

    /// Strength of the password, when it is shown and there is one.
    #[must_use]
    pub fn strength(&self) -> Option<Strength> {
        (self.rated && !self.line.text().is_empty()).then(|| password_strength(self.line.text()))
    }
}

/// How far submitting has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Submit {
    /// The person is typing.
    #[default]
    Editing,
    /// A request is under way; the key names what is being waited for.
    Waiting(&'static str),
    /// The request failed; the key is of the sentence that stands under the form.
    Failed(String),
}

/// What a form does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormStep {
    /// Nothing changed.
    Still,
    /// Something on screen changed.
    Changed,
    /// The person asks to submit. The form is still editing; check, then call [`Form::wait`].
    Submit,
}

/// A form.
#[derive(Clone, Debug)]
pub struct Form {
    /// Key of the title.
    pub title: &'static str,
    /// Key of the word for what Enter does at the end.
    pub verb: &'static str,
    fields: Vec<Field>,
    focus: usize,
    revealed: bool,
    submit: Submit,
}

impl Form {
    /// A form with its fields in order; the first empty one has the focus.
    #[must_use]
    pub fn new(title: &'static str, fields: Vec<Field>) -> Self {
        let focus = first_empty(&fields);
        let verb = "hint.submit";
        Self { title, verb, fields, focus, revealed: false, submit: Submit::Editing }
    }

    /// The form with another word for what Enter does at the end.
    #[must_use]
    pub const fn with_verb(mut self, verb: &'static str) -> Self {
        self.verb = verb;
        self
    }

    /// Whether Enter in the focused field sends the form.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.focus + 1 >= self.fields.len()
    }

    /// Whether some field is a password.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.fields.iter().any(|field| field.masked)
    }

    /// The fields in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Place of the focused field.
    #[must_use]
    pub const fn focus(&self) -> usize {
        self.focus
    }

    /// How far submitting has come.
    #[must_use]
    pub const fn submit(&self) -> &Submit {
        &self.submit
    }

    /// Whether passwords are shown as typed.
    #[must_use]
    pub const fn revealed(&self) -> bool {
        self.revealed
    }

    /// What was typed into the field with this label; empty when there is none.
    #[must_use]
    pub fn value(&self, label: &str) -> &str {
        self.field(label).map_or("", |field| field.line.text())
    }

    /// The field with this label.
    #[must_use]
    pub fn field(&self, label: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.label == label)
    }

    /// Puts another text into the field with this label.
    pub fn set(&mut self, label: &str, value: &str) {
        if let Some(field) = self.fields.iter_mut().find(|field| field.label == label) {
            field.line.set(value);
            field.error = None;
        }
    }

    /// Types or pastes into the focused field.
    pub fn insert(&mut self, text: &str) -> FormStep {
        self.edit(|line| line.insert(text))
    }

    /// Edits the focused line: deletion and caret movement.
    pub fn edit(&mut self, change: impl FnOnce(&mut Line) -> bool) -> FormStep {
        if self.is_waiting() {
            return FormStep::Still;
        }
        let Some(field) = self.fields.get_mut(self.focus) else { return FormStep::Still };
        let before = field.line.text().to_owned();
        if !change(&mut field.line) {
            return FormStep::Still;
        }
        if field.line.text() != before {
            field.error = None;
            self.submit = Submit::Editing;
        }
        FormStep::Changed
    }

    /// Goes to the next field, from the last to the first.
    pub fn focus_next(&mut self) -> FormStep {
        self.focus_on((self.focus + 1) % self.fields.len().max(1))
    }

    /// Goes to the field before, from the first to the last.
    pub fn focus_previous(&mut self) -> FormStep {
        let count = self.fields.len().max(1);
        self.focus_on((self.focus + count - 1) % count)
    }

    /// Goes to a field by its place, as a click does.
    pub fn focus_on(&mut self, place: usize) -> FormStep {
        if self.is_waiting() || place >= self.fields.len() || place == self.focus {
            return FormStep::Still;
        }
        self.focus = place;
        FormStep::Changed
    }

    /// Enter: submits on the last field, else goes to the next.
    pub fn enter(&mut self) -> FormStep {
        if self.is_waiting() {
            FormStep::Still
        } else if self.is_at_end() {
            FormStep::Submit
        } else {
            self.focus_next()
        }
    }

    /// Shows or hides passwords.
    pub fn toggle_reveal(&mut self) -> FormStep {
        self.revealed = !self.revealed;
        FormStep::Changed
    }

    /// Puts an error under the field with this label and goes there. The first error of a check keeps the
    /// focus.
    pub fn fail_field(&mut self, label: &str, error: FieldError) {
        let first = self.fields.iter().all(|field| field.error.is_none());
        let Some(place) = self.fields.iter().position(|field| field.label == label) else { return };
        if let Some(field) = self.fields.get_mut(place) {
            field.error = Some(error);
        }
        self.submit = Submit::Editing;
        if first {
            self.focus = place;
        }
    }

    /// Puts an error under the field with this label; the focus stays.
    pub fn note(&mut self, label: &str, error: FieldError) {
        if let Some(field) = self.fields.iter_mut().find(|field| field.label == label) {
            field.error = Some(error);
        }
    }

    /// Takes all errors away, before a new check.
    pub fn clear_errors(&mut self) {
        for field in &mut self.fields {
            field.error = None;
        }
        self.submit = Submit::Editing;
    }

    /// Whether some field has an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.fields.iter().any(|field| field.error.is_some())
    }

    /// A request is under way; nothing can be typed. The key says what is being waited for.
    pub fn wait(&mut self, key: &'static str) {
        self.submit = Submit::Waiting(key);
    }

    /// Whether a request is under way.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        matches!(self.submit, Submit::Waiting(_))
    }

    /// The request failed for a reason that belongs to no field; the key is of its sentence.
    pub fn fail(&mut self, key: impl Into<String>) {
        self.submit = Submit::Failed(key.into());
    }

    /// The person stopped waiting; everything typed is still there. Says whether there was a wait.
    pub fn cancel_wait(&mut self) -> bool {
        let waited = self.is_waiting();
        if waited {
            self.submit = Submit::Editing;
        }
        waited
    }

    /// What is drawn in a field of `width` columns: the visible part, and the caret when it has the focus.
    #[must_use]
    pub fn view(&self, place: usize, width: usize) -> LineView {
        let mask = |field: &Field| (field.masked && !self.revealed).then_some(MASK);
        self.fields
            .get(place)
            .map_or_else(LineView::default, |field| field.line.view(width, mask(field)))
    }

    /// Without passwords, errors and answers, with the first empty field in focus, as a new form.
    pub fn start_over(&mut self) {
        self.clear_errors();
        self.forget_passwords();
        self.focus = first_empty(&self.fields);
    }

    /// Forgets what was typed into password fields, when the form is left.
    pub fn forget_passwords(&mut self) {
        for field in self.fields.iter_mut().filter(|field| field.masked) {
            field.line.clear();
        }
        self.revealed = false;
    }
}

fn first_empty(fields: &[Field]) -> usize {
    fields.iter().position(|field| field.line.text().is_empty()).unwrap_or(0)
}
