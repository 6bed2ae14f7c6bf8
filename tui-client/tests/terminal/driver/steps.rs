//! What everybody does again and again: through the menu, the forms, and into the lobby.

use liao::words::Language;

use super::{Key, Terminal, beginning, filled, solid, word, word_in};

/// The password of everybody.
pub(crate) const PASSWORD: &str = "a good long password";

impl Terminal {
    /// Chooses a row of the menu by its number.
    #[track_caller]
    pub(crate) fn chooses(&mut self, number: &str) {
        self.chooses_in(Language::English, number);
    }

    /// The same in another language.
    #[track_caller]
    pub(crate) fn chooses_in(&mut self, language: Language, number: &str) {
        self.waits_for(word_in(language, "menu.quit"));
        self.types(number);
    }

    /// Fills in the fields of a form, and sends it.
    #[track_caller]
    pub(crate) fn fills_in(&mut self, values: &[&str]) {
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.presses(Key::Tab);
            }
            self.types(value);
        }
        self.presses(Key::Enter);
    }

    /// From the menu of a server whose key is known into the lobby.
    #[track_caller]
    pub(crate) fn registers(&mut self, user: &str, shown: &str) {
        self.chooses("2");
        self.waits_for(word("field.password_again"));
        self.fills_in(&[user, shown, PASSWORD, PASSWORD]);
        self.is_in("#lobby");
    }

    /// From the menu of a server whose key is known to the answer.
    #[track_caller]
    pub(crate) fn logs_in(&mut self, user: &str, password: &str) {
        self.chooses("1");
        self.waits_for(word("login.keep"));
        self.fills_in(&[user, password]);
    }

    /// From the menu with a login that was remembered.
    #[track_caller]
    pub(crate) fn goes_on_as(&mut self, shown: &str) {
        self.waits_for(filled("menu.remembered", &[("name", &shown)]));
        self.presses(Key::Enter);
    }

    /// Waits until one can write to this chat.
    #[track_caller]
    pub(crate) fn is_in(&self, room: &str) {
        self.waits_for(filled("composer.placeholder_to", &[("room", &room)]));
    }

    /// Waits until somebody is in the list of who is online.
    #[track_caller]
    pub(crate) fn sees_online(&self, shown: &str) {
        let row = format!("● {shown}");
        self.waits_until(&row, |text| text.contains(&row));
    }

    /// Waits until nobody of this name is in the list of who is online.
    #[track_caller]
    pub(crate) fn sees_gone(&self, shown: &str) {
        let row = format!("● {shown}");
        self.waits_until(&format!("no {row}"), |text| !text.contains(&row));
    }

    /// Says something, and waits until the server has it.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) {
        self.enters(text);
        // What was seen may have been what is typed: it is said once it stands elsewhere.
        let empty = solid(beginning("composer.placeholder_to"));
        self.waits_until(&format!("{text:?} said"), |picture| {
            let picture = solid(picture);
            picture.contains(&solid(text)) && picture.contains(&empty) && !picture.contains('◌')
        });
    }
    /// Waits until so many files are through for the program that sends them. Others may see a file before that, and
    /// who wants to quit then is asked.
    #[track_caller]
    pub(crate) fn is_through_with(&mut self, files: usize) {
        self.presses(Key::F(4));
        self.waits_until(&format!("{files} files are through"), |text| {
            text.matches(word("phase.done")).count() == files
        });
        self.presses(Key::F(4));
        self.waits_for_end_of(word("files.title"));
    }
}
