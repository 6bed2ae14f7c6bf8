//! The help page: the keys that work where one was, and the commands, made from the tables themselves. Pure.

use super::list::ListView;
use crate::{
    action::Action,
    command,
    keymap::{self, Mode},
    words::Words,
};

/// One line of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    /// A heading.
    Heading(String),
    /// Keys or a command, and what they do.
    Entry(String, String),
    /// Nothing.
    Blank,
}

/// The page.
#[derive(Clone, Debug)]
pub struct HelpView {
    modes: Vec<Mode>,
    /// What was typed to search.
    pub filter: String,
    /// How far it is scrolled.
    pub list: ListView,
}

impl HelpView {
    /// The page for these modes.
    #[must_use]
    pub fn new(modes: Vec<Mode>) -> Self {
        Self { modes, filter: String::new(), list: ListView::default() }
    }

    /// All lines that match what was typed.
    #[must_use]
    pub fn lines(&self, words: &Words) -> Vec<HelpLine> {
        let mut lines = Vec::new();
        // Who asks wants to know about where they are; the innermost mode comes first.
        for mode in &self.modes {
            let keys = keymap::lines(*mode);
            let entries = keys.map(|(keys, action)| {
                let action = if action == Action::Interrupt { self.interrupt() } else { action };
                (keys, words.t(action.help_key(*mode)).to_owned())
            });
            let typed = (*mode == Mode::Inbox).then(|| {
                (words.t("help.letters").to_owned(), words.t("help.inbox_typing").to_owned())
            });
            let entries = typed.into_iter().chain(entries);
            self.section(&mut lines, words.t(mode.word_key()), entries);
        }
        if self.modes.contains(&Mode::Main) {
            let commands = command::ALL.iter().map(|command| {
                (format!("/{}", command.name), words.t(command.help_key).to_owned())
            });
            self.section(&mut lines, words.t("help.commands"), commands);
        }
        lines
    }

    /// At the door one press leaves.
    fn interrupt(&self) -> Action {
        let inside = self.modes.iter().any(|mode| matches!(mode, Mode::Main | Mode::Above));
        if inside { Action::Interrupt } else { Action::Quit }
    }

    fn section(
        &self,
        lines: &mut Vec<HelpLine>,
        heading: &str,
        entries: impl Iterator<Item = (String, String)>,
    ) {
        let wanted = self.filter.to_lowercase();
        let fits = |(keys, text): &(String, String)| {
            keys.to_lowercase().contains(&wanted) || text.to_lowercase().contains(&wanted)
        };
        let found: Vec<_> = entries.filter(fits).collect();
        if found.is_empty() {
            return;
        }
        let heading = HelpLine::Heading(heading.to_owned());
        // Two modes may be one place to a person.
        let stands = lines.iter().rfind(|line| matches!(line, HelpLine::Heading(_)));
        if stands != Some(&heading) {
            if !lines.is_empty() {
                lines.push(HelpLine::Blank);
            }
            lines.push(heading);
        }
        lines.extend(found.into_iter().map(|(keys, text)| HelpLine::Entry(keys, text)));
    }

    /// Types into the search.
    pub fn type_text(&mut self, text: &str) {
        self.filter.push_str(&liao_common::text::clean_line(text));
        self.list = ListView::default();
    }

    /// Scrolls.
    pub fn scroll(&mut self, by: isize, words: &Words) {
        let len = self.lines(words).len();
        self.list.step(len, by);
    }

    /// Does what a key means here.
    pub fn act(&mut self, action: Action, words: &Words) {
        match action {
            Action::Up => self.scroll(-1, words),
            Action::Down => self.scroll(1, words),
            Action::PageUp => self.scroll(-10, words),
            Action::PageDown => self.scroll(10, words),
            Action::DeleteLeft => {
                self.filter.pop();
            }
            Action::KillLeft => self.filter.clear(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn the_page_is_made_from_the_keys_and_can_be_searched() {
        let words = Words::of(Language::English);
        let mut help = HelpView::new(vec![Mode::Composer, Mode::Main]);
        let all = help.lines(words);
        assert!(all.contains(&HelpLine::Heading(words.t("help.commands").to_owned())));
        help.type_text("ctrl-k");
        let found = help.lines(words);
        assert_eq!(found.len(), 2, "{found:?}");
        help.type_text("zzz");
        assert!(help.lines(words).is_empty());
    }
}
