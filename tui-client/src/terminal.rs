//! The terminal: raw mode, alternate screen, paste and mouse reporting, and the thread that writes to it.
//! Owns standard output. Whatever ends the program, the terminal is left as it was found; and whatever the
//! terminal does, drawing never waits for it: a frame is made only when the one before has been written.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    rc::Rc,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use crossterm::{
    cursor::{RestorePosition, SavePosition, Show},
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap,
        EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode,
    },
};
use liao_server::discreet::{panic_words, wrap_panic_hook};
use ratatui::{Frame, Terminal, backend::CrosstermBackend, layout::Rect};
use tokio::sync::mpsc;

use crate::shade::QUESTION;

mod doubt;

use doubt::Doubts;

/// How long leaving waits for a terminal that does not take what is written, in milliseconds.
const LEAVE_WAIT_MS: u64 = 500;

/// Whether the terminal is ours now. Global because a panic may come from anywhere.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Held while somebody writes to the terminal: giving it back in the middle of a frame would leave half a
/// sequence behind.
static WRITING: Mutex<()> = Mutex::new(());

/// The terminal while the program has it. Dropping it gives the terminal back.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<FrameBytes>>,
    bytes: FrameBytes,
    doubts: Doubts,
    to_writer: SyncSender<Vec<u8>>,
    written: mpsc::Receiver<io::Result<()>>,
    writing: bool,
    _entered: Entered,
}

/// From the first change of the terminal on; dropping it takes every change back.
struct Entered;

impl Entered {
    fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        ENTERED.store(true, Ordering::SeqCst);
        Ok(Self)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        restore();
    }
}

/// The bytes of the frame being drawn.
#[derive(Clone, Default)]
struct FrameBytes(Rc<RefCell<Vec<u8>>>);

impl Write for FrameBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    /// Takes the terminal over, and asks it how light it is if so wished. The answer comes among what is typed.
    ///
    /// # Errors
    /// When standard output is no terminal.
    pub(crate) fn enter(asks: bool) -> io::Result<Self> {
        let mut out = output()?;
        restore_on_panic();
        let entered = Entered::enter()?;
        // Whoever was killed there before has left its picture.
        let empty = Clear(ClearType::All);
        execute!(&out, EnterAlternateScreen, empty, EnableBracketedPaste, EnableMouseCapture)?;
        if asks {
            out.write_all(QUESTION)?;
        }
        let bytes = FrameBytes::default();
        let terminal = Terminal::new(CrosstermBackend::new(bytes.clone()))?;
        let (to_writer, written) = start_writer(out)?;
        let doubts = Doubts::default();
        Ok(Self { terminal, bytes, doubts, to_writer, written, writing: false, _entered: entered })
    }

    /// Whether the last frame has been written, so that another may be drawn.
    pub(crate) const fn is_free(&self) -> bool {
        !self.writing
    }

    /// Waits until the frame under way has been written; for ever when there is none.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) async fn written(&mut self) -> io::Result<()> {
        if !self.writing {
            return std::future::pending().await;
        }
        let result = self.written.recv().await;
        self.writing = false;
        result.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }

    /// Draws what changed.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.bytes, BeginSynchronizedUpdate)?;
        draw_surely(&mut self.terminal, &mut self.bytes, &mut self.doubts, draw)?;
        queue!(self.bytes, EndSynchronizedUpdate)?;
        self.flush()
    }

    /// Draws everything again with the next frame: after a change of its size a terminal may show anything. The
    /// terminal is not asked where its cursor is, because some never answer.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        self.doubts.forget();
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Rings the bell.
    pub(crate) fn bell(&mut self) -> io::Result<()> {
        self.bytes.write_all(b"\x07")
    }

    /// Puts text on the clipboard of the computer the terminal runs on (OSC 52).
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        write!(self.bytes, "\x1b]52;c;{}\x07", base64(text.as_bytes()))
    }

    fn flush(&mut self) -> io::Result<()> {
        let frame = std::mem::take(&mut *self.bytes.0.borrow_mut());
        self.to_writer.send(frame).map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.writing = true;
        Ok(())
    }
}

/// Draws what changed. Rows of whose clusters terminals make different things are drawn once more, whole; meanwhile
/// nothing that is too wide goes on in the next row.
fn draw_surely<W: Write>(
    terminal: &mut Terminal<CrosstermBackend<W>>,
    bytes: &mut FrameBytes,
    doubts: &mut Doubts,
    draw: impl FnOnce(&mut Frame<'_>),
) -> io::Result<()> {
    let mut rows = Vec::new();
    let mut stopped = Ok(());
    terminal.draw(|frame| {
        draw(frame);
        rows = doubts.look(frame.buffer_mut());
        if !rows.is_empty() {
            stopped = queue!(bytes, DisableLineWrap);
        }
    })?;
    stopped?;
    if rows.is_empty() {
        return Ok(());
    }
    queue!(bytes, SavePosition)?;
    rows.iter().try_for_each(|row| row.draw(terminal.backend_mut()))?;
    queue!(bytes, RestorePosition, EnableLineWrap)
}

/// A handle of our own: the one of the standard library has a lock that a stuck terminal would hold.
fn output() -> io::Result<File> {
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

type Writer = (SyncSender<Vec<u8>>, mpsc::Receiver<io::Result<()>>);

fn start_writer(mut out: File) -> io::Result<Writer> {
    let (to_writer, frames) = sync_channel::<Vec<u8>>(1);
    let (report, written) = mpsc::channel(1);
    thread::Builder::new().name("screen".into()).spawn(move || {
        while let Ok(frame) = frames.recv() {
            let turn = writing();
            if !ENTERED.load(Ordering::SeqCst) {
                return;
            }
            let result = out.write_all(&frame).and_then(|()| out.flush());
            drop(turn);
            if report.blocking_send(result).is_err() {
                return;
            }
        }
    })?;
    Ok((to_writer, written))
}

/// Whoever failed while writing is gone, and so is what it wrote.
fn writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No frame is begun any more; the one under way is waited for.
fn restore() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // In a thread of its own, because a terminal that takes nothing would hold us here for ever.
    let (done, wait) = sync_channel(1);
    let undo = move || {
        let _turn = writing();
        if let Ok(mut out) = output() {
            let _ = execute!(
                out,
                EndSynchronizedUpdate,
                DisableMouseCapture,
                DisableBracketedPaste,
                EnableLineWrap,
                Show,
                LeaveAlternateScreen
            );
        }
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(undo).is_ok() {
        let _ = wait.recv_timeout(Duration::from_millis(LEAVE_WAIT_MS));
    }
    let _ = disable_raw_mode();
}

/// A panic of the screen's own thread ends the program: give the terminal back, then say what happened. A
/// panic elsewhere (one connection of a private server, say) ends only its task, and must not paint over us.
fn restore_on_panic() {
    let ours = thread::current().id();
    wrap_panic_hook(|before| {
        Box::new(move |panic| {
            if thread::current().id() == ours || !ENTERED.load(Ordering::SeqCst) {
                restore();
                before(panic);
            } else {
                tracing::error!("a task ended: {}", panic_words(panic));
            }
        })
    });
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * place) & 63) as usize];
            out.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_once_the_terminal_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("terminal");
        let (to_writer, mut written) = start_writer(File::create(&path).unwrap()).unwrap();
        to_writer.send(b"a frame".to_vec()).unwrap();
        assert!(written.blocking_recv().is_none(), "the writer ends");
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn clipboard_text_is_base64() {
        for (text, want) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("张", "5byg")]
        {
            assert_eq!(base64(text.as_bytes()), want);
        }
    }
}
