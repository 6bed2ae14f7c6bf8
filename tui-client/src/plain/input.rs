//! Lines from standard input. A thread of its own reads them, since a terminal cannot be read any
//! other way without waiting; however long a line is, no more of it is kept than a message holds.

use std::{
    io::{self, BufRead},
    thread,
};

use liao_common::limits;
use tokio::sync::mpsc;

/// Lines that may wait; then nothing more is read.
const LINES_MAX: usize = 64;

/// Bytes of a line: a whole message, and a command with its names before it.
const LINE_BYTES_MAX: usize = limits::TEXT_BYTES_MAX + 1024;

/// Bytes of a line that is too long and is not kept.
const BLOCK_BYTES: usize = 64 * 1024;

/// What came from standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A line without its end.
    Line(String),
    /// A line longer than any message.
    TooLong,
    /// A line that is not UTF-8, as far as it can be read.
    NotText(String),
}

/// Starts to read. The channel closes at the end of the input.
pub(super) fn lines() -> mpsc::Receiver<Input> {
    let (sender, lines) = mpsc::channel(LINES_MAX);
    thread::spawn(move || {
        let mut from = io::BufReader::with_capacity(BLOCK_BYTES, io::stdin());
        while let Ok(Some(line)) = read_line(&mut from) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn read_line(from: &mut impl BufRead) -> io::Result<Option<Input>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let block = match from.fill_buf() {
            Ok(block) => block,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if block.is_empty() && line.is_empty() && !too_long {
            return Ok(None);
        }
        let end = block.iter().position(|byte| *byte == b'\n');
        let piece = end.map_or(block, |end| block.split_at(end).0);
        too_long |= line.len() + piece.len() > LINE_BYTES_MAX;
        if !too_long {
            line.extend_from_slice(piece);
        }
        let (over, used) = (end.is_some() || block.is_empty(), piece.len());
        from.consume(used + usize::from(end.is_some()));
        if over {
            return Ok(Some(if too_long { Input::TooLong } else { decode(line) }));
        }
    }
}

fn decode(mut line: Vec<u8>) -> Input {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    match String::from_utf8(line) {
        Ok(line) => Input::Line(line),
        Err(error) => Input::NotText(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], block: usize) -> Vec<Input> {
        let mut from = io::BufReader::with_capacity(block, bytes);
        std::iter::from_fn(|| read_line(&mut from).unwrap()).collect()
    }

    #[test]
    fn lines_are_cut_wherever_blocks_end() {
        let line = |text: &str| Input::Line(text.to_owned());
        let not_text = Input::NotText("\u{fffd}\u{fffd}".to_owned());
        let want = [line("one"), line(""), line("zwei ä"), not_text, line("last")];
        for block in 1..20 {
            assert_eq!(read("one\r\n\nzwei ä\n\u{0}".as_bytes(), block)[..3], want[..3]);
            assert_eq!(read(b"one\n\nzwei \xc3\xa4\n\xff\xfe\nlast", block), want, "{block}");
        }
        assert!(read(b"", 8).is_empty());
    }

    #[test]
    fn a_line_without_end_costs_no_more_than_a_message() {
        let mut bytes = vec![b'x'; 1 << 20];
        bytes.extend_from_slice(b"\nnext\n");
        assert_eq!(read(&bytes, 4096), [Input::TooLong, Input::Line("next".to_owned())]);
        assert_eq!(read(&vec![b'x'; LINE_BYTES_MAX + 1], 4096), [Input::TooLong]);
        let fits = read(&vec![b'x'; LINE_BYTES_MAX], 4096);
        assert!(matches!(&fits[..], [Input::Line(line)] if line.len() == LINE_BYTES_MAX));
    }
}
