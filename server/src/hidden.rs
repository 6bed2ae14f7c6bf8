//! A line that is typed at a terminal and not shown. Changes the terminal's modes for that long, and gives them back
//! however the line ends. Whoever kills the program at that moment has to type `stty sane`.

use std::io::{self, BufRead, Stdin, Write as _};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

/// What Ctrl-C is at a terminal, unless somebody gave it another meaning.
const CTRL_C: u8 = 3;

/// Asks on standard error, and reads a line of at most so many bytes from the terminal on standard input without
/// showing it. The line can be mended as all lines at a terminal can.
///
/// # Errors
/// `Interrupted` after Ctrl-C, `UnexpectedEof` where the input ended, and what the terminal says.
pub fn ask(prompt: &str, bytes_max: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let _hidden = Hidden::begin()?;
    let mut err = io::stderr();
    err.write_all(prompt.as_bytes())?;
    err.flush()?;
    let line = typed_line(&mut io::stdin().lock(), bytes_max);
    // Nobody may look at it any more.
    let _ = err.write_all(b"\n");
    line
}

/// The first line of what is read, without its end; of one that is too long so much that this can be seen.
///
/// # Errors
/// When reading fails.
pub fn first_line(from: impl BufRead, bytes_max: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(bytes_max));
    from.take(bytes_max as u64).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    Ok(line)
}

/// The terminal shows nothing, and Ctrl-C ends a line as Enter does, so that it can be given back first.
struct Hidden {
    input: Stdin,
    before: Termios,
}

impl Hidden {
    fn begin() -> io::Result<Self> {
        let input = io::stdin();
        let before = tcgetattr(&input)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        modes.local_modes.insert(LocalModes::ICANON);
        modes.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(&input, OptionalActions::Flush, &modes)?;
        Ok(Self { input, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // There is nothing else to be done about a terminal that is gone.
        let _ = tcsetattr(&self.input, OptionalActions::Now, &self.before);
    }
}

fn typed_line(from: &mut impl BufRead, bytes_max: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(bytes_max));
    loop {
        let block = from.fill_buf()?;
        let end = block.iter().position(|byte| matches!(*byte, b'\n' | CTRL_C));
        let piece = block.get(..end.unwrap_or(block.len())).unwrap_or_default();
        let room = bytes_max - line.len();
        line.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
        let (ending, ended) = (end.and_then(|end| block.get(end).copied()), block.is_empty());
        let used = piece.len() + usize::from(end.is_some());
        from.consume(used);
        match ending {
            Some(CTRL_C) => return Err(io::ErrorKind::Interrupted.into()),
            Some(_) => return Ok(line),
            None if ended => return Err(io::ErrorKind::UnexpectedEof.into()),
            None => {}
        }
    }
}
