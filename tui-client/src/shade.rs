//! Whether the terminal is light or dark: the question, and its answer, which comes among what is typed, soon, late
//! or never. Pure. What belongs to an answer is never taken for typing, and nothing that is typed is lost.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::theme::Background;

/// Asks a terminal for the colour of its background (OSC 11). The bell at its end is what every terminal that
/// answers understands.
pub(crate) const QUESTION: &[u8] = b"\x1b]11;?\x07";

/// How every answer begins, behind `ESC ]`. Nobody types as much of it by chance.
const BEGINNING: &str = "11;rgb";

/// The longest answer is `11;rgba:` and four numbers of four digits.
const ANSWER_CHARS_MAX: usize = 32;

/// What comes so much later than what was before is no part of the same answer, in milliseconds.
const APART_MS: u64 = 250;

/// Terminals without such sequences, or whose background is known: the console of Linux, real ones, and those
/// that say nothing of themselves.
#[must_use]
pub(crate) fn can_be_asked(term: &str) -> bool {
    !matches!(term, "" | "dumb" | "linux" | "ansi") && !term.starts_with("vt")
}

/// What an event turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Something that the person did.
    Event(Event),
    /// Several keys, of which the first looked like an answer.
    Keys(Vec<KeyEvent>),
    /// A part of an answer.
    Part,
    /// The answer.
    Shade(Background),
}

/// Tells an answer of the terminal from what is typed.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    open: bool,
    /// What has come of an answer behind its escape sequence.
    said: Option<String>,
    /// The answer ended with the first of two keys.
    ending: bool,
    last_ms: u64,
}

impl Ear {
    /// Listens for an answer, if one was asked for.
    #[must_use]
    pub(crate) fn new(open: bool) -> Self {
        Self { open, ..Self::default() }
    }

    /// Takes an event in, at a time in milliseconds.
    pub(crate) fn hear(&mut self, event: Event, now_ms: u64) -> Heard {
        let key = match event {
            Event::Key(key) if self.open => key,
            event => return Heard::Event(event),
        };
        let apart = now_ms.saturating_sub(std::mem::replace(&mut self.last_ms, now_ms)) > APART_MS;
        if std::mem::take(&mut self.ending) {
            self.open = false;
            let is_rest = !apart && symbol(key) == Symbol::Letter('\\');
            return if is_rest { Heard::Part } else { Heard::Event(Event::Key(key)) };
        }
        match (self.said.take(), symbol(key)) {
            (Some(mut said), Symbol::Letter(letter)) if !apart && fits(&said, letter) => {
                said.push(letter);
                self.said = Some(said);
                Heard::Part
            }
            (Some(said), Symbol::End) if !apart && said.len() > BEGINNING.len() => {
                self.ending = key.code == KeyCode::Esc;
                self.open = self.ending;
                shade(&said).map_or(Heard::Part, Heard::Shade)
            }
            (said, Symbol::Begin) => {
                self.said = Some(String::new());
                said.map_or(Heard::Part, |said| Heard::Keys(typed(&said)))
            }
            (said, _) => given_back(said, key),
        }
    }
}

/// What a key may be in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    /// `ESC ]`
    Begin,
    Letter(char),
    /// The bell, `ESC \`, or the first half of that.
    End,
    Other,
}

fn symbol(key: KeyEvent) -> Symbol {
    match (key.code, key.modifiers) {
        (KeyCode::Char(']'), KeyModifiers::ALT) => Symbol::Begin,
        (KeyCode::Char('\\'), KeyModifiers::ALT)
        | (KeyCode::Char('g'), KeyModifiers::CONTROL)
        | (KeyCode::Esc, _) => Symbol::End,
        (KeyCode::Char(letter), KeyModifiers::NONE | KeyModifiers::SHIFT) => Symbol::Letter(letter),
        _ => Symbol::Other,
    }
}

fn fits(said: &str, letter: char) -> bool {
    match BEGINNING.chars().nth(said.len()) {
        Some(wanted) => letter == wanted,
        None => {
            let is_part = letter.is_ascii_hexdigit() || matches!(letter, ':' | '/');
            is_part && said.len() < ANSWER_CHARS_MAX
        }
    }
}

/// Keys that only looked like an answer were typed. A whole beginning came from the terminal, and goes.
fn given_back(said: Option<String>, key: KeyEvent) -> Heard {
    match said.filter(|said| said.len() < BEGINNING.len()) {
        Some(said) => Heard::Keys(typed(&said).into_iter().chain([key]).collect()),
        None => Heard::Event(Event::Key(key)),
    }
}

/// The keys behind what has come of an answer.
fn typed(said: &str) -> Vec<KeyEvent> {
    let letters = said.chars().map(|letter| KeyEvent::from(KeyCode::Char(letter)));
    let begin = KeyEvent::new(KeyCode::Char(']'), KeyModifiers::ALT);
    std::iter::once(begin).chain(letters).collect()
}

/// `11;rgb:ffff/ffff/dddd` or the like: light, when it is nearer to white than to black for the eye.
fn shade(said: &str) -> Option<Background> {
    let (_, numbers) = said.split_once(':')?;
    let mut parts = numbers.split('/').map(part);
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    let seen = 299 * red + 587 * green + 114 * blue;
    Some(if seen > 500 * 255 { Background::Light } else { Background::Dark })
}

/// One to four hexadecimal digits, as a part of 255.
fn part(digits: &str) -> Option<u32> {
    let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok()?)?.checked_sub(1)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    (1..=4).contains(&digits.len()).then(|| value * 255 / most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys that a terminal's bytes are read as.
    fn keys(bytes: &str) -> Vec<KeyEvent> {
        let mut keys = Vec::new();
        let mut letters = bytes.chars().peekable();
        while let Some(letter) = letters.next() {
            keys.push(match letter {
                '\x1b' => match letters.next() {
                    Some(letter) => KeyEvent::new(KeyCode::Char(letter), KeyModifiers::ALT),
                    None => KeyCode::Esc.into(),
                },
                '\x07' => KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL),
                'A'..='Z' => KeyEvent::new(KeyCode::Char(letter), KeyModifiers::SHIFT),
                letter => KeyCode::Char(letter).into(),
            });
        }
        keys
    }

    /// What is told of the background, and what is typed.
    fn heard(ear: &mut Ear, parts: &[&str], now_ms: u64) -> (Option<Background>, Vec<KeyEvent>) {
        let (mut shade, mut typed) = (None, Vec::new());
        for key in parts.iter().flat_map(|part| keys(part)) {
            match ear.hear(Event::Key(key), now_ms) {
                Heard::Event(Event::Key(key)) => typed.push(key),
                Heard::Event(_) | Heard::Part => {}
                Heard::Keys(keys) => typed.extend(keys),
                Heard::Shade(found) => shade = Some(found),
            }
        }
        (shade, typed)
    }

    #[test]
    fn answers_are_understood_and_never_typed() {
        use Background::{Dark, Light};
        for (answer, want) in [
            ("\x1b]11;rgb:ffff/ffff/ffff\x07", Light),
            ("\x1b]11;rgb:FDFD/F6F6/E3E3\x1b\\", Light),
            ("\x1b]11;rgb:0000/2b2b/3636\x1b\\", Dark),
            ("\x1b]11;rgba:ffff/ffff/ffff/ffff\x07", Light),
            ("\x1b]11;rgb:ff/ff/dd\x07", Light),
            ("\x1b]11;rgb:1/1/2\x07", Dark),
        ] {
            let mut ear = Ear::new(true);
            let (shade, typed) = heard(&mut ear, &["hi", answer, "there"], 0);
            assert_eq!((shade, typed), (Some(want), keys("hithere")), "{answer:?}");
            assert_eq!(heard(&mut ear, &[answer], 1), (None, keys(answer)), "nobody asked again");
        }
    }

    #[test]
    fn an_answer_may_come_in_two_parts() {
        let mut ear = Ear::new(true);
        let parts = ["\x1b]11;rgb:ff", "ff/ffff/ffff\x1b", "\\", "x"];
        assert_eq!(heard(&mut ear, &parts, 0), (Some(Background::Light), keys("x")));
        let mut ear = Ear::new(true);
        assert_eq!(heard(&mut ear, &["\x1b]11;rgb:ffff/ffff/ffff\x1b"], 0).1, []);
        assert_eq!(heard(&mut ear, &["\\"], APART_MS + 1), (None, keys("\\")), "typed later");
    }

    #[test]
    fn what_only_looks_like_an_answer_is_typed() {
        for typing in
            ["\x1b]x", "\x1b]11;x", "\x1b]\x1b]x", "\x1b]1\x1b", "11;rgb:ffff/ffff/ffff\x07"]
        {
            let mut ear = Ear::new(true);
            assert_eq!(heard(&mut ear, &[typing], 0), (None, keys(typing)), "{typing:?}");
        }
        let mut ear = Ear::new(true);
        assert_eq!(heard(&mut ear, &["\x1b]"], 0), (None, vec![]));
        assert_eq!(heard(&mut ear, &["1"], APART_MS + 1), (None, keys("\x1b]1")), "typed slowly");
        let deaf = &mut Ear::new(false);
        let answer = "\x1b]11;rgb:ffff/ffff/ffff\x07";
        assert_eq!(heard(deaf, &[answer], 0), (None, keys(answer)));
    }

    #[test]
    fn an_answer_that_makes_no_sense_or_has_no_end_is_no_harm() {
        let mut ear = Ear::new(true);
        assert_eq!(heard(&mut ear, &["\x1b]11;rgb://\x07", "x"], 0), (None, keys("x")));
        let mut ear = Ear::new(true);
        let endless = format!("\x1b]11;rgb:{}", "f".repeat(60));
        let (shade, typed) = heard(&mut ear, &[&endless], 0);
        assert_eq!(shade, None);
        assert!(typed.len() < 40, "{typed:?}");
        let apart = heard(&mut ear, &["x"], APART_MS + 1);
        assert_eq!(apart, (None, keys("x")));
    }

    #[test]
    fn who_cannot_answer_is_not_asked() {
        for term in ["", "dumb", "linux", "vt220", "ansi"] {
            assert!(!can_be_asked(term), "{term}");
        }
        for term in ["xterm-256color", "tmux-256color", "foot", "xterm-kitty"] {
            assert!(can_be_asked(term), "{term}");
        }
    }
}
