//! Keys, as a terminal of the xterm family sends them.

/// A key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Enter,
    Tab,
    Up,
    /// Wait for what it does before typing on: with a letter right behind it, it would be Alt.
    Esc,
    Ctrl(char),
    Alt(char),
    /// F1 to F6.
    F(usize),
}

impl Key {
    pub(crate) fn bytes(self) -> Vec<u8> {
        const FUNCTIONS: [&str; 6] =
            ["\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[15~", "\x1b[17~"];
        match self {
            Self::Enter => b"\r".to_vec(),
            Self::Tab => b"\t".to_vec(),
            Self::Up => b"\x1b[A".to_vec(),
            Self::Esc => b"\x1b".to_vec(),
            Self::Ctrl(letter) => vec![u8::try_from(letter).unwrap() & 0x1f],
            Self::Alt(letter) => vec![0x1b, u8::try_from(letter).unwrap()],
            Self::F(number) => FUNCTIONS[number - 1].into(),
        }
    }
}
