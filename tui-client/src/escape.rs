//! What comes so soon behind the escape key that nobody typed it: a key or a paste that the terminal sends as an escape
//! sequence, of which the reader of the terminal took the first byte for a press of escape. Pure.
//!
//! Must hold: of a sequence whose first byte comes less than `ESCAPE_MS` before the second, and the others less than
//! `LETTER_MS` apart, nothing is typed; nor is a line sent by a paste without a pause of `PASTE_MS`.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// For how long what comes behind escape may belong to it, in milliseconds. A line may cut a sequence there for as long.
const ESCAPE_MS: u64 = 50;

/// For how long the next letter of a sequence is waited for, in milliseconds. They come together: of what begins with
/// two of them, the reader of the terminal makes no keys before it has all, so only its first byte comes apart.
const LETTER_MS: u64 = 10;

/// A paste is over when no more of it came for so long, in milliseconds: its end is not told. Slow lines pause.
const PASTE_MS: u64 = 1_000;

/// The longest sequence of a key or of the mouse is not half as long. Of a longer one only the end counts.
const SEQUENCE_CHARS_MAX: usize = 32;

/// What is pasted at once, at most; the rest is dropped.
const PASTE_BYTES_MAX: usize = 1 << 20;

/// The sequence that begins a paste.
const PASTE: &str = "[200~";

/// What the oldest terminals send of the mouse begins so; three letters follow, whichever.
const MOUSE: &str = "[M";

/// What the Linux console sends for F1 to F5 begins so; one letter follows.
const CONSOLE: &str = "[[";

/// Puts keys together again that came in parts.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    part: Part,
    /// When the part was last added to.
    last_ms: u64,
    /// Nothing was there to be read since the last key.
    apart: bool,
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
    /// Takes an event in, at a time in milliseconds; gives what happened by now. What was read together is taken
    /// together, however long that takes: only silence ends what was kept back.
    pub(crate) fn take(&mut self, event: Event, now_ms: u64) -> Vec<Event> {
        let mut happened = Vec::new();
        match event {
            Event::Key(key) => happened.extend(self.take_key(key, now_ms)),
            Event::Paste(_) => {
                happened.extend(self.give_up());
                happened.push(event);
            }
            // The window or the mouse says something in the midst of it.
            _ => happened.push(event),
        }
        happened
    }

    /// For now there is nothing more to be read.
    pub(crate) const fn pause(&mut self) {
        self.apart = true;
    }

    /// When what was kept back is given, if there is nothing to be read until then.
    #[must_use]
    pub(crate) fn due_ms(&self) -> Option<u64> {
        let keeps = matches!(self.part, Part::Said(_) | Part::Paste(_));
        keeps.then_some(self.over_ms())
    }

    /// What is given by now, because nothing came behind it. To be asked when there is nothing to be read.
    pub(crate) fn overdue(&mut self, now_ms: u64) -> Vec<Event> {
        if now_ms < self.over_ms() {
            return Vec::new();
        }
        self.give_up().into_iter().collect()
    }

    /// From when on nothing belongs to it any more.
    const fn over_ms(&self) -> u64 {
        self.last_ms.saturating_add(match self.part {
            Part::Nothing | Part::Escape => ESCAPE_MS,
            Part::Said(_) => LETTER_MS,
            Part::Paste(_) => PASTE_MS,
        })
    }

    fn take_key(&mut self, key: KeyEvent, now_ms: u64) -> Vec<Event> {
        if let Part::Paste(text) = &mut self.part {
            if let Some(letter) = pasted(key) {
                self.last_ms = now_ms;
                text.extend(Some(letter).filter(|_| text.len() < PASTE_BYTES_MAX));
            }
            return Vec::new();
        }
        let over = self.part == Part::Escape && now_ms >= self.over_ms();
        let apart = std::mem::take(&mut self.apart);
        self.last_ms = now_ms;
        match std::mem::take(&mut self.part) {
            Part::Escape if over => self.take_key(key, now_ms),
            Part::Escape if begins(key) => {
                self.part = Part::Said(letter(key).into_iter().collect());
                Vec::new()
            }
            // The reader of the terminal takes an escape and Enter alone, read together, for this one already.
            Part::Escape if key == KeyCode::Enter.into() && !apart => {
                vec![Event::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT))]
            }
            Part::Said(mut said) if let Some(letter) = next_letter(&said, key) => {
                said.push(letter);
                self.go_on(said).into_iter().collect()
            }
            part => {
                self.part = part;
                let before = self.give_up();
                if key.code == KeyCode::Esc {
                    self.part = Part::Escape;
                }
                before.into_iter().chain([Event::Key(key)]).collect()
            }
        }
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

    fn go_on(&mut self, mut said: String) -> Option<Event> {
        if !is_whole(&said) {
            said.truncate(SEQUENCE_CHARS_MAX);
            self.part = Part::Said(said);
            return None;
        }
        if said == PASTE {
            self.part = Part::Paste(String::new());
        }
        let fits = said.len() <= SEQUENCE_CHARS_MAX;
        key_of(&said).filter(|_| fits).map(Event::Key)
    }
}

fn begins(key: KeyEvent) -> bool {
    matches!(letter(key), Some('[' | 'O'))
}

fn is_whole(said: &str) -> bool {
    if said.starts_with(MOUSE) {
        return said.chars().count() == MOUSE.len() + 3;
    }
    said != CONSOLE && said.bytes().last().is_some_and(|last| !(b' '..=b'?').contains(&last))
}

/// What a key adds to a sequence, if it can belong to it.
fn next_letter(said: &str, key: KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(place) if said.starts_with(MOUSE) => Some(place),
        KeyCode::Backspace if said.starts_with(MOUSE) => Some('\x7f'),
        _ => letter(key),
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
    if said.starts_with(MOUSE) {
        return None;
    }
    let last = said.chars().next_back()?;
    let values = said.get(1..said.len() - last.len_utf8())?;
    let mut values = values.split(';').map(|value| value.parse::<u32>().ok());
    let (first, second) = (values.next().flatten(), values.next().flatten());
    let code = match last {
        'A'..='E' if said.starts_with(CONSOLE) => function(last, 'A')?,
        _ if said.starts_with(CONSOLE) => return None,
        'A' => KeyCode::Up,
        'B' => KeyCode::Down,
        'C' => KeyCode::Right,
        'D' => KeyCode::Left,
        'F' => KeyCode::End,
        'H' => KeyCode::Home,
        'M' if said == "OM" => KeyCode::Enter,
        'P'..='S' => function(last, 'P')?,
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

fn function(letter: char, first: char) -> Option<KeyCode> {
    let place = u32::from(letter).checked_sub(u32::from(first))?;
    u8::try_from(place + 1).ok().map(KeyCode::F)
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
            '\x7f' => KeyCode::Backspace,
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
            ("[[A", KeyCode::F(1).into()),
            ("[[E", KeyCode::F(5).into()),
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
        let behind = 100 + ESCAPE_MS - 1;
        assert_eq!(taken(&mut sequences, "[", behind), []);
        assert_eq!(taken(&mut sequences, "1", behind + 5), []);
        assert_eq!(sequences.take(Event::Resize(80, 24), behind + 8), [Event::Resize(80, 24)]);
        assert_eq!(sequences.due_ms(), Some(behind + 5 + LETTER_MS));
        let rest = taken(&mut sequences, "7~x", behind + 5 + LETTER_MS - 1);
        assert_eq!(rest[0], Event::Key(KeyCode::F(6).into()));
        assert_eq!(rest[1..], events("x"));
    }

    #[test]
    fn what_was_read_together_belongs_together_though_it_is_taken_slowly() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b[20", 0), events("\x1b"));
        assert_eq!(taken(&mut sequences, "0~x\r", 900), []);
        assert_eq!(sequences.overdue(900 + PASTE_MS), [Event::Paste("x\n".to_owned())]);
        assert_eq!(taken(&mut sequences, "\x1b", 5_000), events("\x1b"));
        let new_line = Event::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT));
        assert_eq!(taken(&mut sequences, "\r", 5_000 + ESCAPE_MS - 1), [new_line]);
    }

    #[test]
    fn what_was_typed_behind_escape_is_typed() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b", 0), events("\x1b"));
        assert_eq!(taken(&mut sequences, "[B", ESCAPE_MS), events("[B"));
        assert_eq!(taken(&mut sequences, "\x1bx[", 200), events("\x1bx["));
        assert_eq!(taken(&mut sequences, "\x1b[", 400), events("\x1b"));
        assert_eq!(sequences.overdue(400 + LETTER_MS - 1), []);
        assert_eq!(sequences.overdue(400 + LETTER_MS), events("["));
        assert_eq!((sequences.due_ms(), sequences.overdue(900)), (None, vec![]));
        assert_eq!(taken(&mut sequences, "\x1b[", 1_000), events("\x1b"));
        assert_eq!(sequences.overdue(1_000 + LETTER_MS), events("["));
        assert_eq!(taken(&mut sequences, "x", 1_000 + LETTER_MS), events("x"));
    }

    #[test]
    fn enter_together_with_escape_sends_nothing() {
        let mut sequences = Sequences::default();
        let new_line = KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT);
        assert_eq!(taken(&mut sequences, "\x1b\r", 100), with_escape(new_line));
        assert_eq!(taken(&mut sequences, "\r", 100), events("\r"));
        assert_eq!(taken(&mut sequences, "\x1b", 200), events("\x1b"));
        sequences.pause();
        assert_eq!(taken(&mut sequences, "\r", 201), events("\r"));
    }

    #[test]
    fn what_is_no_key_is_dropped() {
        let endless = format!("[{}A", "1".repeat(200));
        for bytes in
            ["[<0;12;7M", "[?1;2c", "[I", "[99~", "Ox", "[M #\x7f", "[M0AB", "[[Z", &endless]
        {
            let mut sequences = Sequences::default();
            let happened = taken(&mut sequences, &format!("\x1b{bytes}y"), 0);
            assert_eq!(happened, events("\x1by"), "{bytes}");
        }
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b[12", 0), events("\x1b"));
        assert_eq!(sequences.overdue(LETTER_MS), []);
        let cut = &endless[..endless.len() - 1];
        assert_eq!(taken(&mut sequences, &format!("\x1b{cut}"), 900), events("\x1b"));
        assert_eq!(sequences.overdue(900 + LETTER_MS), []);
        assert_eq!(taken(&mut sequences, "x", 2_000), events("x"));
    }

    #[test]
    fn a_paste_behind_escape_is_pasted_and_sends_nothing() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b[200~two\rlines", 0), events("\x1b"));
        assert_eq!(sequences.due_ms(), Some(PASTE_MS));
        assert_eq!(sequences.overdue(PASTE_MS), [Event::Paste("two\nlines".to_owned())]);
        assert_eq!(taken(&mut sequences, "\r", PASTE_MS), events("\r"));
    }

    #[test]
    fn a_paste_goes_on_over_a_pause_and_whatever_comes_in_between() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b[200~two\r", 0), events("\x1b"));
        let late = PASTE_MS - 1;
        assert_eq!(sequences.take(Event::Resize(80, 24), late), [Event::Resize(80, 24)]);
        let control = KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL);
        assert_eq!(sequences.take(Event::Key(control), late), []);
        assert_eq!(taken(&mut sequences, "lines\r", late), []);
        let whole = Event::Paste("two\nlines\n".to_owned());
        assert_eq!(sequences.overdue(late + PASTE_MS - 1), []);
        let next = Event::Paste("another".to_owned());
        assert_eq!(sequences.take(next.clone(), late + 1), [whole, next]);
        assert_eq!(taken(&mut sequences, "\r", late + 2), events("\r"));
    }

    #[test]
    fn keys_that_are_no_text_do_not_lengthen_a_paste() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b[200~x", 0), events("\x1b"));
        let up = Event::Key(KeyCode::Up.into());
        assert_eq!(sequences.take(up.clone(), PASTE_MS - 1), []);
        assert_eq!(sequences.overdue(PASTE_MS), [Event::Paste("x".to_owned())]);
        assert_eq!(sequences.take(up.clone(), PASTE_MS), [up]);
    }

    #[test]
    fn what_is_too_long_to_be_pasted_is_not_typed_either() {
        let mut sequences = Sequences::default();
        assert_eq!(taken(&mut sequences, "\x1b[200~", 0), events("\x1b"));
        assert_eq!(taken(&mut sequences, &"x".repeat(PASTE_BYTES_MAX), 0), []);
        assert_eq!(taken(&mut sequences, "\ry\r", 900), []);
        let given = sequences.overdue(900 + PASTE_MS);
        assert_eq!(given, [Event::Paste("x".repeat(PASTE_BYTES_MAX))]);
    }
}
