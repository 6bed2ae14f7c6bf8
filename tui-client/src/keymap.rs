//! Which key does what, and where. The keys are data: what is pressed, what the hints say and what the help page
//! lists all come from the one table below.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::action::Action;

/// A part of the program with keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The first screen while no server is known.
    Start,
    /// The first screen.
    Menu,
    /// A form with fields.
    Form,
    /// A form in which a password is typed.
    Secret,
    /// The question whether a server's key is trusted.
    Trust,
    /// The page that says why a server was not reached.
    Unreached,
    /// A page to read or to wait at; one can only go back.
    Page,
    /// Everywhere on the main screen.
    Main,
    /// The popup of completions.
    Completion,
    /// Where a message is written.
    Composer,
    /// The messages of a chat.
    Timeline,
    /// The people online.
    Sidebar,
    /// What arrived meanwhile.
    Inbox,
    /// The list of transfers.
    Transfers,
    /// The devices of the account.
    Devices,
    /// Who may not enter a room.
    Bans,
    /// Choosing a file.
    Picker,
    /// A list with a filter: go to, rooms, help.
    List,
    /// A question to be answered with yes or no.
    Confirm,
    /// A question whose yes cannot be taken back.
    Danger,
    /// Whatever lies above the main screen.
    Above,
}

impl Mode {
    /// Key of the heading on the help page.
    #[must_use]
    pub const fn word_key(self) -> &'static str {
        match self {
            Self::Start | Self::Menu => "mode.menu",
            Self::Form | Self::Secret => "mode.form",
            Self::Trust => "mode.trust",
            Self::Unreached | Self::Page => "mode.page",
            Self::Main | Self::Above => "mode.main",
            Self::Completion => "mode.completion",
            Self::Composer => "mode.composer",
            Self::Timeline => "mode.timeline",
            Self::Sidebar => "mode.sidebar",
            Self::Inbox => "mode.inbox",
            Self::Transfers => "mode.transfers",
            Self::Devices => "mode.devices",
            Self::Bans => "mode.bans",
            Self::Picker => "mode.picker",
            Self::List => "mode.list",
            Self::Confirm | Self::Danger => "mode.confirm",
        }
    }
}

/// A key with what is held down beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl From<KeyEvent> for Chord {
    fn from(key: KeyEvent) -> Self {
        let held = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let mut modifiers = key.modifiers & held;
        let code = match key.code {
            // Shift is already in the letter, and in what terminals call the back tab.
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(letter) => {
                modifiers -= KeyModifiers::SHIFT;
                let held = modifiers.contains(KeyModifiers::CONTROL);
                KeyCode::Char(if held { letter.to_ascii_lowercase() } else { letter })
            }
            other => other,
        };
        Self { code, modifiers }
    }
}

impl Chord {
    /// Reads the short form: `C-k`, `A-1`, `S-Tab`, `F1`, `Enter`, `x`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        while let Some((held, after)) =
            rest.split_at_checked(2).filter(|(_, after)| !after.is_empty())
        {
            modifiers |= match held {
                "C-" => KeyModifiers::CONTROL,
                "A-" => KeyModifiers::ALT,
                "S-" => KeyModifiers::SHIFT,
                _ => break,
            };
            rest = after;
        }
        Some(Self { code: parse_code(rest)?, modifiers })
    }

    /// The letter this types, when it is one and nothing but Shift is held.
    #[must_use]
    pub fn letter(self) -> Option<char> {
        match self.code {
            KeyCode::Char(letter) if self.modifiers.is_empty() => Some(letter),
            _ => None,
        }
    }

    /// The event a terminal would send, for tests that type.
    #[must_use]
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }
}

const NAMED: &[(&str, KeyCode)] = &[
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Space", KeyCode::Char(' ')),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Backspace", KeyCode::Backspace),
    ("Del", KeyCode::Delete),
];

fn parse_code(text: &str) -> Option<KeyCode> {
    if let Some((_, code)) = NAMED.iter().find(|(name, _)| *name == text) {
        return Some(*code);
    }
    if let Some(number) = text.strip_prefix('F').and_then(|digits| digits.parse().ok()) {
        return Some(KeyCode::F(number));
    }
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none()).map(KeyCode::Char)
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [
            (KeyModifiers::CONTROL, "Ctrl-"),
            (KeyModifiers::ALT, "Alt-"),
            (KeyModifiers::SHIFT, "Shift-"),
        ] {
            if self.modifiers.contains(held) {
                f.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::Up => return f.write_str("↑"),
            KeyCode::Down => return f.write_str("↓"),
            KeyCode::Left => return f.write_str("←"),
            KeyCode::Right => return f.write_str("→"),
            _ => {}
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::F(number) => write!(f, "F{number}"),
            KeyCode::Char(letter) if self.modifiers.is_empty() => write!(f, "{letter}"),
            KeyCode::Char(letter) => write!(f, "{}", letter.to_uppercase()),
            other => write!(f, "{other}"),
        }
    }
}

/// One line of the table: keys that do the same, separated by spaces.
type Binding = (Mode, &'static str, Action);

use Action as A;
use Mode as M;

#[rustfmt::skip]
const BINDINGS: &[Binding] = &[
    (M::Start, "Up k", A::Up), (M::Start, "Down j Tab", A::Down), (M::Start, "Enter", A::Choose),
    (M::Start, "1", A::StartPrivate), (M::Start, "2 F2", A::OtherServer), (M::Start, "3 q C-q C-c", A::Quit),
    (M::Start, "4", A::Login4), (M::Start, "5", A::Login5), (M::Start, "6", A::Login6), (M::Start, "7", A::Login7),
    (M::Start, "8", A::Login8), (M::Start, "9", A::Login9), (M::Start, "Del", A::Decline),
    (M::Start, "F3", A::Language), (M::Start, "F1 ?", A::Help),

    (M::Menu, "Up k", A::Up), (M::Menu, "Down j Tab", A::Down), (M::Menu, "Enter", A::Choose),
    (M::Menu, "1", A::LogIn), (M::Menu, "2", A::Register), (M::Menu, "3 q C-q C-c", A::Quit),
    (M::Menu, "4", A::Login4), (M::Menu, "5", A::Login5), (M::Menu, "6", A::Login6), (M::Menu, "7", A::Login7),
    (M::Menu, "8", A::Login8), (M::Menu, "9", A::Login9), (M::Menu, "Del", A::Decline),
    (M::Menu, "p", A::StartPrivate), (M::Menu, "F2", A::OtherServer), (M::Menu, "F3", A::Language), (M::Menu, "F1 ?", A::Help),

    (M::Form, "Enter", A::Submit), (M::Form, "Tab Down", A::Next), (M::Form, "S-Tab Up", A::Previous),
    (M::Form, "Esc", A::Back), (M::Secret, "C-t", A::ShowPassword),
    (M::Form, "Left", A::Left), (M::Form, "Right", A::Right), (M::Form, "Home C-a", A::LineStart), (M::Form, "End C-e", A::LineEnd),
    (M::Form, "Backspace C-h", A::DeleteLeft), (M::Form, "Del C-d", A::DeleteRight), (M::Form, "C-w", A::DeleteWordLeft),
    (M::Form, "C-u", A::KillLeft), (M::Form, "C-k", A::KillRight),
    (M::Form, "F3", A::Language), (M::Form, "F1", A::Help), (M::Form, "C-q", A::Quit), (M::Form, "C-c", A::Interrupt),

    (M::Trust, "y", A::Trust), (M::Trust, "Esc n", A::Back), (M::Trust, "F3", A::Language), (M::Trust, "F1 ?", A::Help),
    (M::Trust, "C-q C-c", A::Quit),

    (M::Unreached, "Enter R r", A::Retry), (M::Unreached, "F2", A::OtherServer), (M::Unreached, "Esc", A::Back),
    (M::Unreached, "F3", A::Language), (M::Unreached, "F1 ?", A::Help), (M::Unreached, "C-q C-c", A::Quit),

    (M::Page, "Esc", A::Back), (M::Page, "F3", A::Language), (M::Page, "F1 ?", A::Help), (M::Page, "C-q C-c", A::Quit),

    (M::Completion, "Tab", A::Choose), (M::Completion, "Up C-p S-Tab", A::Up),
    (M::Completion, "Down C-n", A::Down), (M::Completion, "Esc", A::Back),

    (M::Composer, "Enter", A::Send), (M::Composer, "A-Enter C-j S-Enter", A::NewLine),
    (M::Composer, "Up", A::Up), (M::Composer, "Down", A::Down),
    (M::Composer, "A-Up", A::HistoryBack), (M::Composer, "A-Down", A::HistoryOn),
    (M::Composer, "Left C-b", A::Left), (M::Composer, "Right", A::Right),
    (M::Composer, "C-Left A-b A-Left", A::WordLeft), (M::Composer, "C-Right A-f A-Right", A::WordRight),
    (M::Composer, "Home C-a", A::LineStart), (M::Composer, "End C-e", A::LineEnd),
    (M::Composer, "Backspace C-h", A::DeleteLeft), (M::Composer, "Del C-d", A::DeleteRight),
    (M::Composer, "C-w A-Backspace C-Backspace", A::DeleteWordLeft), (M::Composer, "A-d C-Del", A::DeleteWordRight),
    (M::Composer, "C-u", A::KillLeft), (M::Composer, "C-c", A::Clear), (M::Composer, "C-z", A::Undo), (M::Composer, "C-y", A::Redo),
    (M::Composer, "A-r", A::Retry), (M::Composer, "A-s", A::Save), (M::Composer, "Esc", A::Back),

    (M::Timeline, "Up k", A::Up), (M::Timeline, "Down j", A::Down),
    (M::Timeline, "Home g", A::Top), (M::Timeline, "End G", A::Bottom),
    (M::Timeline, "r", A::Reply), (M::Timeline, "e", A::Edit), (M::Timeline, "x Del", A::TakeBack),
    (M::Timeline, "R A-r", A::Retry), (M::Timeline, "y", A::Copy), (M::Timeline, "s A-s Enter", A::Save), (M::Timeline, "d", A::Discard),
    (M::Timeline, "Esc i", A::Back), (M::Timeline, "F1 ?", A::Help),

    (M::Sidebar, "Up", A::Up), (M::Sidebar, "Down", A::Down), (M::Sidebar, "PgUp", A::PageUp), (M::Sidebar, "PgDn", A::PageDown),
    (M::Sidebar, "Home", A::Top), (M::Sidebar, "End", A::Bottom),
    (M::Sidebar, "Enter", A::Choose), (M::Sidebar, "Esc", A::Back), (M::Sidebar, "A-s", A::Save), (M::Sidebar, "A-r", A::Retry),
    (M::Sidebar, "Backspace", A::DeleteLeft), (M::Sidebar, "C-u", A::KillLeft),

    (M::Inbox, "Up k", A::Up), (M::Inbox, "Down j", A::Down), (M::Inbox, "Home g", A::Top), (M::Inbox, "End G", A::Bottom),
    (M::Inbox, "PgUp", A::PageUp), (M::Inbox, "PgDn", A::PageDown),
    (M::Inbox, "Enter", A::Choose), (M::Inbox, "x", A::MarkRead), (M::Inbox, "X", A::MarkAllRead),
    (M::Inbox, "A-s s", A::Save), (M::Inbox, "A-r", A::Retry), (M::Inbox, "d Del", A::Decline), (M::Inbox, "Esc", A::Back), (M::Inbox, "F1 ?", A::Help),

    (M::Transfers, "Up k", A::Up), (M::Transfers, "Down j", A::Down),
    (M::Transfers, "p Space", A::Pause), (M::Transfers, "R r A-r", A::Retry), (M::Transfers, "c Del", A::CancelTransfer),
    (M::Transfers, "Esc F4", A::Back), (M::Transfers, "F1 ?", A::Help), (M::Transfers, "C-q", A::Quit), (M::Transfers, "C-c", A::Interrupt),

    (M::Devices, "Up k", A::Up), (M::Devices, "Down j", A::Down), (M::Devices, "PgUp", A::PageUp), (M::Devices, "PgDn", A::PageDown),
    (M::Devices, "x Del", A::LogOutDevice), (M::Devices, "X", A::LogOutOthers),
    (M::Devices, "Esc", A::Back), (M::Devices, "F1 ?", A::Help), (M::Devices, "C-q", A::Quit), (M::Devices, "C-c", A::Interrupt),

    (M::Bans, "Up k", A::Up), (M::Bans, "Down j", A::Down), (M::Bans, "PgUp", A::PageUp), (M::Bans, "PgDn", A::PageDown),
    (M::Bans, "x Del", A::LiftBan), (M::Bans, "Esc", A::Back), (M::Bans, "F1 ?", A::Help), (M::Bans, "C-q", A::Quit), (M::Bans, "C-c", A::Interrupt),

    (M::Picker, "Up", A::Up), (M::Picker, "Down", A::Down), (M::Picker, "PgUp", A::PageUp), (M::Picker, "PgDn", A::PageDown),
    (M::Picker, "Enter Right", A::Choose), (M::Picker, "Left", A::FolderUp), (M::Picker, "C-h A-h", A::Hidden),
    (M::Picker, "Tab", A::Complete), (M::Picker, "Backspace", A::DeleteLeft), (M::Picker, "C-w", A::DeleteWordLeft),
    (M::Picker, "C-u", A::KillLeft), (M::Picker, "Esc F5", A::Back), (M::Picker, "F1", A::Help), (M::Picker, "C-q", A::Quit), (M::Picker, "C-c", A::Interrupt),

    (M::List, "Up C-p", A::Up), (M::List, "Down C-n", A::Down), (M::List, "PgUp", A::PageUp), (M::List, "PgDn", A::PageDown),
    (M::List, "Enter", A::Choose), (M::List, "Backspace", A::DeleteLeft), (M::List, "C-u", A::KillLeft), (M::List, "Esc C-k", A::Back),
    (M::List, "F1", A::Help), (M::List, "C-q", A::Quit), (M::List, "C-c", A::Interrupt),

    (M::Confirm, "y Enter", A::Yes), (M::Confirm, "n Esc", A::No), (M::Confirm, "F1", A::Help), (M::Confirm, "C-c", A::Interrupt),
    // Enter is what a hand does by itself: here it agrees to nothing.
    (M::Danger, "y", A::Yes), (M::Danger, "n Esc Enter", A::No), (M::Danger, "F1", A::Help), (M::Danger, "C-q", A::Quit), (M::Danger, "C-c", A::Interrupt),

    // What the status line offers, whatever lies above the screen.
    (M::Above, "A-j", A::Accept),

    (M::Main, "Tab", A::Next), (M::Main, "S-Tab", A::Previous),
    (M::Main, "C-n C-PgDn", A::NextTab), (M::Main, "C-p C-PgUp", A::PreviousTab),
    (M::Main, "A-1", A::Tab1), (M::Main, "A-2", A::Tab2), (M::Main, "A-3", A::Tab3), (M::Main, "A-4", A::Tab4),
    (M::Main, "A-5", A::Tab5), (M::Main, "A-6", A::Tab6), (M::Main, "A-7", A::Tab7), (M::Main, "A-8", A::Tab8),
    (M::Main, "A-9", A::Tab9), (M::Main, "A-a", A::NextUnread), (M::Main, "A-j", A::Accept),
    (M::Main, "PgUp", A::PageUp), (M::Main, "PgDn", A::PageDown), (M::Main, "C-Home", A::Top), (M::Main, "C-End", A::Bottom),
    (M::Main, "C-k", A::Switcher), (M::Main, "C-f", A::Search), (M::Main, "F2", A::Inbox), (M::Main, "F3", A::Online), (M::Main, "F4", A::Transfers),
    (M::Main, "F5", A::SendFile), (M::Main, "F6", A::Rooms), (M::Main, "C-r", A::Reconnect),
    (M::Main, "F1", A::Help), (M::Main, "C-q", A::Quit), (M::Main, "C-c", A::Interrupt),
];

fn chords(keys: &'static str) -> impl Iterator<Item = Chord> {
    keys.split(' ').filter_map(Chord::parse)
}

/// What a key does where the given modes hold, the innermost first.
#[must_use]
pub fn action(modes: &[Mode], chord: Chord) -> Option<Action> {
    modes.iter().find_map(|mode| {
        let mut bindings = BINDINGS.iter().filter(|(of, ..)| of == mode);
        bindings
            .find(|(_, keys, _)| chords(keys).any(|key| key == chord))
            .map(|(.., action)| *action)
    })
}

/// The first key for an action where the given modes hold, as it is shown.
#[must_use]
pub fn key_for(modes: &[Mode], wanted: Action) -> Option<String> {
    modes.iter().find_map(|mode| {
        let mut bindings =
            BINDINGS.iter().filter(|(of, _, action)| of == mode && *action == wanted);
        bindings.find_map(|(_, keys, _)| chords(keys).next()).map(|key| key.to_string())
    })
}

/// All keys of a mode with what they do, in the order of the table; tabs and logins by number as one line.
pub fn lines(mode: Mode) -> impl Iterator<Item = (String, Action)> {
    let shown = |action: Action| action.tab().or(action.login()).is_none_or(|place| place == 0);
    BINDINGS.iter().filter(move |(of, _, action)| *of == mode && shown(*action)).map(
        |(_, keys, action)| {
            if action.tab().is_some() {
                return ("Alt-1…9".to_owned(), *action);
            }
            if action.login().is_some() {
                return ("4…9".to_owned(), *action);
            }
            let keys: Vec<String> = chords(keys).take(2).map(|key| key.to_string()).collect();
            (keys.join("  "), *action)
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_key_of_the_table_is_read_and_means_one_thing() {
        let mut seen = HashSet::new();
        for (mode, keys, _) in BINDINGS {
            for key in keys.split(' ') {
                let chord = Chord::parse(key).unwrap_or_else(|| panic!("{key}"));
                assert!(seen.insert((*mode, chord)), "{key} twice in {mode:?}");
                assert_eq!(Chord::from(chord.event()), chord, "{key}");
            }
        }
    }

    #[test]
    fn keys_are_shown_as_people_write_them() {
        for (short, shown) in [
            ("C-k", "Ctrl-K"),
            ("A-Enter", "Alt-Enter"),
            ("S-Tab", "Shift-Tab"),
            ("F1", "F1"),
            ("A-Up", "Alt-↑"),
            ("x", "x"),
        ] {
            assert_eq!(Chord::parse(short).unwrap().to_string(), shown);
        }
        assert_eq!(Chord::parse("nothing"), None);
    }

    #[test]
    fn the_innermost_mode_wins() {
        let key = Chord::parse("C-n").unwrap();
        assert_eq!(action(&[Mode::Completion, Mode::Main], key), Some(Action::Down));
        assert_eq!(action(&[Mode::Composer, Mode::Main], key), Some(Action::NextTab));
        assert_eq!(key_for(&[Mode::Composer, Mode::Main], Action::Help).as_deref(), Some("F1"));
    }

    #[test]
    fn every_action_has_a_key() {
        for action in Action::ALL {
            let bound = BINDINGS.iter().any(|(.., bound)| bound == action);
            assert!(bound, "{action:?}");
        }
    }
}
