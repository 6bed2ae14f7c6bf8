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
const APART_MS: u64 = 1_000;

/// For so long after the question the escape key may be the first byte of an answer, cut off from the rest, and who
/// leaves the program waits for the answer, in milliseconds.
const SOON_MS: u64 = 5_000;

/// How long such an escape key is kept back, in milliseconds.
const ESCAPE_HELD_MS: u64 = 100;

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

/// Tells an answer of the terminal from what is typed. It listens until there was an answer, since a terminal may
/// be slow; what it keeps back it gives back soon.
///
/// Other programs ask for device attributes as well, which every terminal answers, to know when no more will come.
/// That answer cannot be heard here: what reads the terminal for us keeps it to itself.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    open: bool,
    asked_ms: u64,
    part: Part,
    /// Keys that may yet turn out to be typed.
    held: Vec<KeyEvent>,
    last_ms: u64,
}

/// What has come of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Nothing,
    /// Its first byte alone, or the escape key.
    Escape,
    /// What stands behind its escape sequence.
    Said(String),
    /// All, but for the second half of its end.
    Ending,
}

impl Ear {
    /// Listens for an answer, if one was asked for at this time in milliseconds.
    #[must_use]
    pub(crate) fn new(open: bool, now_ms: u64) -> Self {
        Self { open, asked_ms: now_ms, ..Self::default() }
    }

    /// Takes an event in, at a time in milliseconds.
    pub(crate) fn hear(&mut self, event: Event, now_ms: u64) -> Heard {
        let key = match event {
            Event::Key(key) if self.open || self.part == Part::Ending => key,
            event => return Heard::Event(event),
        };
        let apart = now_ms.saturating_sub(std::mem::replace(&mut self.last_ms, now_ms)) > APART_MS;
        let part = Some(std::mem::take(&mut self.part)).filter(|_| !apart).unwrap_or_default();
        match (part, symbol(key)) {
            (Part::Ending, Symbol::Letter('\\')) => Heard::Part,
            (Part::Escape, Symbol::Letter(']')) => self.hold(key, Part::Said(String::new())),
            (Part::Said(mut said), Symbol::Letter(letter)) if fits(&said, letter) => {
                said.push(letter);
                let whole = said.len() >= BEGINNING.len();
                let heard = self.hold(key, Part::Said(said));
                if whole {
                    self.held.clear();
                }
                heard
            }
            (Part::Said(said), Symbol::Escape | Symbol::End) if said.len() > BEGINNING.len() => {
                let halved = symbol(key) == Symbol::Escape;
                self.part = if halved { Part::Ending } else { Part::Nothing };
                self.open = false;
                shade(&said).map_or(Heard::Part, Heard::Shade)
            }
            (_, Symbol::Begin) => self.begin(key, Part::Said(String::new())),
            (_, Symbol::Escape) if self.open && self.is_soon(now_ms) => {
                self.begin(key, Part::Escape)
            }
            _ => self.give_back(Some(key)),
        }
    }

    /// When keys are given back that were kept, at the latest.
    #[must_use]
    pub(crate) fn due_ms(&self) -> Option<u64> {
        let wait_ms = if self.part == Part::Escape { ESCAPE_HELD_MS } else { APART_MS };
        (!self.held.is_empty()).then_some(self.last_ms.saturating_add(wait_ms))
    }

    /// The keys to be given back by now, because nothing came behind them.
    pub(crate) fn overdue(&mut self, now_ms: u64) -> Vec<KeyEvent> {
        match self.due_ms() {
            Some(due_ms) if due_ms <= now_ms => {
                // An escape key that was given too early is still followed by the rest of an answer.
                if self.part != Part::Escape {
                    self.part = Part::Nothing;
                }
                std::mem::take(&mut self.held)
            }
            _ => Vec::new(),
        }
    }

    /// Whether an answer, or the rest of one, may still come soon.
    #[must_use]
    pub(crate) fn expects(&self, now_ms: u64) -> bool {
        self.open && self.is_soon(now_ms) || matches!(self.part, Part::Said(_) | Part::Ending)
    }

    const fn is_soon(&self, now_ms: u64) -> bool {
        now_ms < self.asked_ms.saturating_add(SOON_MS)
    }

    fn hold(&mut self, key: KeyEvent, part: Part) -> Heard {
        self.held.push(key);
        self.part = part;
        Heard::Part
    }

    /// Perhaps an answer begins. What was kept for another beginning was typed.
    fn begin(&mut self, key: KeyEvent, part: Part) -> Heard {
        let before = self.give_back(None);
        self.hold(key, part);
        before
    }

    /// Keys that only looked like an answer were typed. Of a whole beginning nothing is kept: it came from the
    /// terminal, and goes.
    fn give_back(&mut self, key: Option<KeyEvent>) -> Heard {
        match (self.held.is_empty(), key) {
            (true, None) => Heard::Part,
            (true, Some(key)) => Heard::Event(Event::Key(key)),
            (false, key) => Heard::Keys(self.held.drain(..).chain(key).collect()),
        }
    }
}

/// What a key may be in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    /// `ESC ]`
    Begin,
    Letter(char),
    /// The first byte of `ESC ]` or `ESC \`, cut off from the second.
    Escape,
    /// The bell or `ESC \`.
    End,
    Other,
}

fn symbol(key: KeyEvent) -> Symbol {
    match (key.code, key.modifiers) {
        (KeyCode::Char(']'), KeyModifiers::ALT) => Symbol::Begin,
        (KeyCode::Char('\\'), KeyModifiers::ALT) | (KeyCode::Char('g'), KeyModifiers::CONTROL) => {
            Symbol::End
        }
        (KeyCode::Esc, KeyModifiers::NONE) => Symbol::Escape,
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
            let mut ear = Ear::new(true, 0);
            let (shade, typed) = heard(&mut ear, &["hi", answer, "there"], 0);
            assert_eq!((shade, typed), (Some(want), keys("hithere")), "{answer:?}");
            assert_eq!(heard(&mut ear, &[answer], 1), (None, keys(answer)), "nobody asked again");
        }
    }

    #[test]
    fn an_answer_may_be_cut_anywhere_for_a_while() {
        for answer in ["\x1b]11;rgb:ffff/ffff/ffff\x07", "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"] {
            for at in 1..answer.len() {
                let (first, rest) = answer.split_at(at);
                let mut ear = Ear::new(true, 0);
                assert_eq!(heard(&mut ear, &[first], 10).1, [], "{first:?}");
                assert_eq!(ear.overdue(10 + ESCAPE_HELD_MS - 1), [], "{first:?}");
                let (shade, typed) = heard(&mut ear, &[rest, "x"], 10 + ESCAPE_HELD_MS);
                assert_eq!(typed, keys("x"), "{first:?}");
                let whole = first.ends_with("ffff\x1b") && first.len() > 20;
                assert_eq!(shade.is_some(), !whole, "{first:?}");
                assert!(!ear.expects(200));
            }
        }
        let mut ear = Ear::new(true, 0);
        assert_eq!(heard(&mut ear, &["\x1b]11;rgb:ffff/ffff/ffff\x1b"], 0).1, []);
        assert_eq!(heard(&mut ear, &["\\"], APART_MS + 1), (None, keys("\\")), "typed later");
    }

    #[test]
    fn the_escape_key_is_given_back_soon_and_an_answer_behind_it_is_still_none_of_the_typing() {
        let mut ear = Ear::new(true, 0);
        assert_eq!(heard(&mut ear, &["\x1b"], 10), (None, vec![]));
        assert_eq!(ear.due_ms(), Some(10 + ESCAPE_HELD_MS));
        assert_eq!(ear.overdue(10 + ESCAPE_HELD_MS), keys("\x1b"));
        assert_eq!((ear.due_ms(), ear.overdue(200)), (None, vec![]));
        let late = heard(&mut ear, &["]11;rgb:ffff/ffff/ffff\x07"], 10 + APART_MS);
        assert_eq!(late, (Some(Background::Light), vec![]));

        let mut ear = Ear::new(true, 0);
        assert_eq!(heard(&mut ear, &["\x1b", "[x"], 10), (None, keys_apart(&["\x1b", "[x"])));
        assert_eq!(heard(&mut ear, &["\x1b"], SOON_MS), (None, keys("\x1b")), "later at once");
        assert!(!ear.expects(SOON_MS));
    }

    fn keys_apart(parts: &[&str]) -> Vec<KeyEvent> {
        parts.iter().flat_map(|part| keys(part)).collect()
    }

    #[test]
    fn what_only_looks_like_an_answer_is_typed() {
        for typing in
            ["\x1b]x", "\x1b]11;x", "\x1b]\x1b]x", "\x1b]1\x1b", "11;rgb:ffff/ffff/ffff\x07"]
        {
            let mut ear = Ear::new(true, 0);
            let (shade, mut typed) = heard(&mut ear, &[typing], 0);
            typed.extend(ear.overdue(ESCAPE_HELD_MS));
            assert_eq!((shade, typed), (None, keys(typing)), "{typing:?}");
        }
        let mut ear = Ear::new(true, 0);
        assert_eq!(heard(&mut ear, &["\x1b]1"], 0), (None, vec![]));
        assert_eq!(ear.overdue(APART_MS), keys("\x1b]1"), "nothing came behind it");
        assert_eq!(heard(&mut ear, &["\x1b]"], 0), (None, vec![]));
        assert_eq!(heard(&mut ear, &["1"], APART_MS + 1), (None, keys("\x1b]1")), "typed slowly");
        let deaf = &mut Ear::new(false, 0);
        let answer = "\x1b]11;rgb:ffff/ffff/ffff\x07";
        assert_eq!(heard(deaf, &[answer], 0), (None, keys(answer)));
    }

    #[test]
    fn an_answer_that_makes_no_sense_or_has_no_end_is_no_harm() {
        let mut ear = Ear::new(true, 0);
        assert_eq!(heard(&mut ear, &["\x1b]11;rgb://\x07", "x"], 0), (None, keys("x")));
        let mut ear = Ear::new(true, 0);
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
