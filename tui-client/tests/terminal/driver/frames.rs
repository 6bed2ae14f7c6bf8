//! What a program writes becomes pictures: a frame is shown whole or not at all, as terminals with
//! synchronized updates do, so that nobody ever looks at half of one.

use std::{collections::VecDeque, num::NonZero};

use vt100::{Callbacks, Parser, Screen};

use super::solid;

const FRAME_BEGIN: &[u8] = b"\x1b[?2026h";
const FRAME_END: &[u8] = b"\x1b[?2026l";

/// Pictures that are kept.
const PICTURES_MAX: usize = 2048;

/// More than this is no longer a test, in bytes.
const RAW_BYTES_MAX: usize = 64 << 20;

/// Sequences that this terminal does not know, or that nobody should send it: titles, queries, the
/// clipboard. What a program says to its terminal is known to the last byte.
#[derive(Default)]
pub(crate) struct Strange(pub(crate) Vec<String>);

/// Private modes that the program may set though this terminal has no use for them.
const MODES_IGNORED: [u16; 4] = [7, 1003, 1015, 2026];

/// How light it is. Who is asked may keep silent.
const SHADE_QUESTION: [&[u8]; 2] = [b"11", b"?"];

/// The colour of underlines, which this terminal does not know either.
const UNDERLINE_DEFAULT: u16 = 59;

impl Callbacks for Strange {
    fn resize(&mut self, _: &mut Screen, request: (u16, u16)) {
        self.0.push(format!("resize {request:?}"));
    }

    fn set_window_icon_name(&mut self, _: &mut Screen, name: &[u8]) {
        self.0.push(format!("icon {}", name.escape_ascii()));
    }

    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        self.0.push(format!("title {}", title.escape_ascii()));
    }

    fn copy_to_clipboard(&mut self, _: &mut Screen, _: &[u8], text: &[u8]) {
        self.0.push(format!("clipboard {}", text.escape_ascii()));
    }

    fn paste_from_clipboard(&mut self, _: &mut Screen, _: &[u8]) {
        self.0.push("clipboard?".to_owned());
    }

    fn unhandled_char(&mut self, _: &mut Screen, letter: char) {
        self.0.push(format!("{letter:?}"));
    }

    fn unhandled_control(&mut self, _: &mut Screen, byte: u8) {
        self.0.push(format!("control {byte:#x}"));
    }

    fn unhandled_escape(&mut self, _: &mut Screen, i1: Option<u8>, i2: Option<u8>, byte: u8) {
        self.0.push(format!("escape {i1:?} {i2:?} {:?}", char::from(byte)));
    }

    fn unhandled_csi(
        &mut self,
        _: &mut Screen,
        i1: Option<u8>,
        i2: Option<u8>,
        values: &[&[u16]],
        letter: char,
    ) {
        let mode = i1 == Some(b'?') && matches!(letter, 'h' | 'l');
        let mode = mode && values.iter().all(|value| MODES_IGNORED.contains(&value[0]));
        let underline = i1.is_none() && letter == 'm' && values == [[UNDERLINE_DEFAULT]];
        if !mode && !underline {
            self.0.push(format!("csi {i1:?} {i2:?} {values:?} {letter:?}"));
        }
    }

    fn unhandled_osc(&mut self, _: &mut Screen, values: &[&[u8]]) {
        if values != SHADE_QUESTION {
            self.0.push(format!("osc {values:?}"));
        }
    }
}

/// See the module.
pub(crate) struct Frames {
    parser: Parser<Strange>,
    held: Vec<u8>,
    raw: Vec<u8>,
    pictures: VecDeque<String>,
}

impl Frames {
    pub(crate) fn new((columns, rows): (u16, u16)) -> Self {
        let parser = Parser::new_with_callbacks(
            NonZero::new(rows).unwrap(),
            NonZero::new(columns).unwrap(),
            0,
            Strange::default(),
        );
        Self { parser, held: Vec::new(), raw: Vec::new(), pictures: VecDeque::new() }
    }

    /// Takes in what the program wrote.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        assert!(self.raw.len() <= RAW_BYTES_MAX, "the program does not stop writing");
        self.held.extend_from_slice(bytes);
        while let Some(count) = whole(&self.held) {
            let rest = self.held.split_off(count);
            self.show(&rest);
        }
    }

    /// The program writes no more.
    pub(crate) fn close(&mut self) {
        self.show(&[]);
    }

    fn show(&mut self, rest: &[u8]) {
        self.parser.process(&self.held);
        self.held = rest.to_vec();
        let picture = solid(&self.text());
        if self.pictures.back() != Some(&picture) {
            self.pictures.push_back(picture);
        }
        if self.pictures.len() > PICTURES_MAX {
            self.pictures.pop_front();
        }
    }

    pub(crate) fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.parser.set_size(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap());
    }

    /// What stands there now.
    pub(crate) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// What stood there lately, without blanks.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = &str> {
        self.pictures.iter().map(String::as_str)
    }

    pub(crate) fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    /// Everything the program wrote.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    pub(crate) fn strange(&self) -> &[String] {
        &self.parser.callbacks().0
    }
}

/// How many bytes from the start can be shown: a frame, or what lies before the next one.
fn whole(held: &[u8]) -> Option<usize> {
    if held.starts_with(FRAME_BEGIN) {
        return find(held, FRAME_END).map(|at| at + FRAME_END.len());
    }
    let before = find(held, FRAME_BEGIN).unwrap_or_else(|| {
        let begun =
            (1..FRAME_BEGIN.len()).rev().find(|count| held.ends_with(&FRAME_BEGIN[..*count]));
        held.len() - begun.unwrap_or(0)
    });
    (before > 0).then_some(before)
}

/// Where `wanted` begins.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_frame_is_not_shown() {
        let mut frames = Frames::new((20, 3));
        for (bytes, want) in [
            ("before\x1b[?20", "before"),
            ("26h\x1b[2J\x1b[Hwithin", "before"),
            ("\x1b[?2026", "before"),
            ("lafter", "withinafter"),
        ] {
            frames.take(bytes.as_bytes());
            assert_eq!(frames.text(), want, "{bytes:?}");
        }
        assert_eq!(frames.pictures().collect::<Vec<_>>(), ["before", "within", "withinafter"]);
    }

    #[test]
    fn what_no_program_should_say_is_noticed() {
        for strange in [
            "\x1b]0;x\x07",
            "\x1b]52;c;eA==\x07",
            "\x1b[c",
            "\x1b[6n",
            "\x1b[?9999h",
            "\x1b#8",
            "\x05",
        ] {
            let mut frames = Frames::new((20, 3));
            frames.take(b"\x1b[?1049h\x1b[?2004h\x1b[?1003h\x1b[31m\x1b[59mhello\x07\x1b[0m");
            assert_eq!(frames.strange(), &[] as &[String]);
            frames.take(strange.as_bytes());
            assert!(!frames.strange().is_empty(), "{strange:?}");
        }
    }
}
