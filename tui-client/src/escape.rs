//! What comes so soon behind the escape key that nobody typed it: a key that the terminal sends as an escape sequence,
//! of which the reader of the terminal took the first byte for a second press of escape. Pure.
//!
//! Must hold: no text of a sequence is ever typed.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// Nobody types the next key so soon, in milliseconds. A line may cut a sequence in two for as long.
const SOON_MS: u64 = 50;

/// The longest sequence of a key or of the mouse is not half as long.
const SEQUENCE_CHARS_MAX: usize = 32;

/// What is pasted at once, at most; keys behind it are typed.
const PASTE_BYTES_MAX: usize = 1 << 20;

/// The sequence that begins a paste.
const PASTE: &str = "[200~";

/// Puts keys together again that came in parts.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    part: Part,
    last_ms: u64,
}

/// What has come of a sequence.
#[derive(Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Nothing,
    /// The escape key, which was given at once.
    Escape,
    /// What stands behind it, from `[` or `O` on.
    Said(String),
    /// What is pasted; its end is kept by the reader of the terminal, so it ends when no more comes.
    Paste(String),
}

impl Sequences {
    /// Takes an event in, at a time in milliseconds; gives what happened by now.
    pub(crate) fn take(&mut self, event: Event, now_ms: u64) -> Vec<Event> {
        let mut happened = self.overdue(now_ms);
        self.last_ms = now_ms;
        let Event::Key(key) = event else {
            happened.extend(self.give_up());
            happened.push(event);
            return happened;
        };
        let letter = letter(key);
        match (std::mem::take(&mut self.part), letter) {
            (Part::Escape, Some(letter @ ('[' | 'O'))) => self.part = Part::Said(letter.into()),
            (Part::Said(mut said), Some(letter)) => {
                said.push(letter);
                happened.extend(self.go_on(said));
            }
            (Part::Paste(mut text), _) if pasted(key).is_some() && text.len() < PASTE_BYTES_MAX => {
                text.extend(pasted(key));
                self.part = Part::Paste(text);
            }
            (part, _) => {
                self.part = part;
                happened.extend(self.give_up());
                if key.code == KeyCode::Esc {
                    self.part = Part::Escape;
                }
                happened.push(event);
            }
        }
        happened
    }

    /// When what was kept back is given at the latest.
    #[must_use]
    pub(crate) fn due_ms(&self) -> Option<u64> {
        let keeps = matches!(self.part, Part::Said(_) | Part::Paste(_));
        keeps.then_some(self.last_ms.saturating_add(SOON_MS))
    }

    /// What is given by now, because nothing came behind it.
    pub(crate) fn overdue(&mut self, now_ms: u64) -> Vec<Event> {
        if now_ms < self.last_ms.saturating_add(SOON_MS) {
            return Vec::new();
        }
        self.give_up().into_iter().collect()
    }

    /// One letter alone may have been typed; the beginning of more was not.
    fn give_up(&mut self) -> Option<Event> {
        match std::mem::take(&mut self.part) {
            Part::Said(said) if said.len() == 1 => {
                said.chars().next().map(|letter| Event::Key(KeyCode::Char(letter).into()))
            }
            Part::Paste(text) => Some(Event::Paste(text)),
            _ => None,
        }
    }

    fn go_on(&mut self, said: String) -> Option<Event> {
        let whole = match said.as_bytes() {
            [b'[', .., last] => !(b' '..=b'?').contains(last),
            _ => true,
        };
        if whole {
            if said == PASTE {
                self.part = Part::Paste(String::new());
            }
            return key_of(&said).map(Event::Key);
        }
        if said.len() < SEQUENCE_CHARS_MAX {
            self.part = Part::Said(said);
        }
        None
    }
}

fn letter(key: KeyEvent) -> Option<char> {
    match (key.code, key.modifiers) {
        (KeyCode::Char(letter), KeyModifiers::NONE | KeyModifiers::SHIFT) if letter.is_ascii() => {
            Some(letter)
        }
        _ => None,
    }
}

fn pasted(key: KeyEvent) -> Option<char> {
    match (key.code, key.modifiers) {
        (KeyCode::Char(letter), KeyModifiers::NONE | KeyModifiers::SHIFT) => Some(letter),
        (KeyCode::Enter, _) | (KeyCode::Char('j'), KeyModifiers::CONTROL) => Some('\n'),
        (KeyCode::Tab, _) => Some('\t'),
        _ => None,
    }
}

/// The key of a whole sequence; none for those that are no key, or not known.
fn key_of(said: &str) -> Option<KeyEvent> {
    let last = said.chars().next_back()?;
    let values = said.get(1..said.len() - last.len_utf8())?;
    let mut values = values.split(';').map(|value| value.parse::<u32>().ok());
    let (first, second) = (values.next().flatten(), values.next().flatten());
    let code = match last {
        'A' => KeyCode::Up,
        'B' => KeyCode::Down,
        'C' => KeyCode::Right,
        'D' => KeyCode::Left,
        'F' => KeyCode::End,
        'H' => KeyCode::Home,
        'M' if said == "OM" => KeyCode::Enter,
        'P'..='S' => KeyCode::F(u8::try_from(u32::from(last) - u32::from('P') + 1).ok()?),
        'Z' => KeyCode::BackTab,
        '~' => numbered(first?)?,
        _ => return None,
    };
    let held = second.unwrap_or(1).saturating_sub(1);
    let kinds =
        [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)].into_iter();
    let modifiers = kinds.filter(|(bit, _)| held & bit != 0).map(|(_, kind)| kind).collect();
    Some(KeyEvent::new(code, modifiers))
}

fn numbered(number: u32) -> Option<KeyCode> {
    let function = |first: u32, key: u8| {
        u8::try_from(number - first).ok().map(|place| KeyCode::F(place.saturating_add(key)))
    };
    match number {
        1 | 7 => Some(KeyCode::Home),
        2 => Some(KeyCode::Insert),
        3 => Some(KeyCode::Delete),
        4 | 8 => Some(KeyCode::End),
        5 => Some(KeyCode::PageUp),
        6 => Some(KeyCode::PageDown),
        11..=15 => function(11, 1),
        17..=21 => function(17, 6),
        23..=24 => function(23, 11),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events that the bytes behind a doubled escape are read as.
    fn events(text: &str) -> Vec<Event> {
        let key = |letter| match letter {
            '\x1b' => KeyCode::Esc,
            '\r' => KeyCode::Enter,
            letter => KeyCode::Char(letter),
        };
        text.chars().map(|letter| Event::Key(key(letter).into())).collect()
    }

    fn taken(sequences: &mut Sequences, text: &str, now_ms: u64) -> Vec<Event> {
        events(text).into_iter().flat_map(|event| sequences.take(event, now_ms)).collect()
    }

    fn with_escape(key: KeyEvent) -> Vec<Event> {
        vec![Event::Key(KeyCode::Esc.into()), Event::Key(key)]
    }

    #[test]
    fn a_key_behind_escape_is_that_key_and_no_text() {
        for (bytes, key) in [
            ("OR", KeyCode::F(3).into()),
            ("OA", KeyCode::Up.into()),
            ("[B", KeyCode::Down.into()),
            ("[H", KeyCode::Home.into()),
            ("[5~", KeyCode::PageUp.into()),
            ("[15~", KeyCode::F(5).into()),
            ("[17~", KeyCode::F(6).into()),
            ("[24~", KeyCode::F(12).into()),
            ("[1;5C", KeyEvent::new(KeyCode::Right, KeyModifiers::CONTROL)),
            ("[3;3~", KeyEvent::new(KeyCode::Delete, KeyModifiers::ALT)),
        ] {
            let mut sequences = Sequences::default();
            assert_eq!(
                taken(&mut sequences, &format!("\x1b{bytes}"), 9),
                with_escape(key),
                "{bytes}"
            );
            assert_eq!(taken(&mut sequences, bytes, 9), events(bytes), "typed: {bytes}");
        }
    }

    #[test]
    fn it_may_come_in_parts() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b", 100), events("\x1b"));
        assert_eq!(taken(&mut sequences, "[", 110), []);
        assert_eq!(taken(&mut sequences, "1", 150), []);
        assert_eq!(sequences.due_ms(), Some(150 + SOON_MS));
        let rest = taken(&mut sequences, "7~x", 150 + SOON_MS - 1);
        assert_eq!(rest[0], Event::Key(KeyCode::F(6).into()));
        assert_eq!(rest[1..], events("x"));
    }

    #[test]
    fn what_was_typed_behind_escape_is_typed() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b", 0), events("\x1b"));
        assert_eq!(taken(&mut sequences, "[B", SOON_MS), events("[B"));
        assert_eq!(taken(&mut sequences, "\x1bx[", 200), events("\x1bx["));
        assert_eq!(taken(&mut sequences, "\x1b[", 400), events("\x1b"));
        assert_eq!(sequences.overdue(400 + SOON_MS), events("["));
        assert_eq!((sequences.due_ms(), sequences.overdue(900)), (None, vec![]));
    }

    #[test]
    fn what_is_no_key_is_dropped() {
        for bytes in ["[<0;12;7M", "[?1;2c", "[I", "[99~", "Ox"] {
            let mut sequences = Sequences::default();
            let happened = taken(&mut sequences, &format!("\x1b{bytes}y"), 0);
            assert_eq!(happened, events("\x1by"), "{bytes}");
        }
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b[12", 0), events("\x1b"));
        assert_eq!(sequences.overdue(SOON_MS), []);
        let endless = format!("\x1b[{}", "1".repeat(200));
        let typed = taken(&mut sequences, &endless, 900);
        assert!(typed.len() > 1 && sequences.due_ms().is_none());
    }

    #[test]
    fn a_paste_behind_escape_is_pasted_and_sends_nothing() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b[200~two\rlines", 0), events("\x1b"));
        assert_eq!(sequences.overdue(SOON_MS), [Event::Paste("two\nlines".to_owned())]);
        assert_eq!(taken(&mut sequences, "\r", 900), events("\r"));
    }
}
