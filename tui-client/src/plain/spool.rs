//! Lines on their way out. A thread writes them, because a pipe that nobody reads holds up whoever writes into it;
//! the conversation goes on, and takes nothing more in while too much waits here.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Write},
    rc::Rc,
    thread,
};

use tokio::sync::{mpsc, oneshot};

/// Lines that the thread has not taken yet; beyond, nothing is taken in that would make more.
const LINES_MAX: usize = 1024;

/// Lines that are handed to the thread at once.
const HANDED_MAX: usize = 64;

/// Which stream a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

type Lines = Rc<RefCell<VecDeque<(Stream, Vec<u8>)>>>;

/// See the module.
pub(super) struct Spool {
    lines: Lines,
    thread: mpsc::Sender<(Stream, Vec<u8>)>,
    ended: oneshot::Receiver<()>,
}

/// One of the two streams. What is written is a line when it is flushed.
pub(super) struct Pen {
    stream: Stream,
    line: Vec<u8>,
    lines: Lines,
    thread: mpsc::Sender<(Stream, Vec<u8>)>,
}

impl Spool {
    /// Starts the thread, for a stream of what happened and one of what is about the program.
    pub(super) fn start(
        mut out: impl Write + Send + 'static,
        mut err: impl Write + Send + 'static,
    ) -> (Self, Pen, Pen) {
        let (thread, mut handed) = mpsc::channel::<(Stream, Vec<u8>)>(HANDED_MAX);
        let (at_end, ended) = oneshot::channel();
        thread::spawn(move || {
            let _at_end: oneshot::Sender<()> = at_end;
            while let Some((stream, line)) = handed.blocking_recv() {
                let written = match stream {
                    Stream::Out => out.write_all(&line).and_then(|()| out.flush()),
                    // Nobody may be listening; that is no reason to end.
                    Stream::Err => err.write_all(&line).and_then(|()| err.flush()).or(Ok(())),
                };
                if written.is_err() {
                    return;
                }
            }
        });
        let lines = Lines::default();
        let pen = |stream| Pen {
            stream,
            line: Vec::new(),
            lines: Rc::clone(&lines),
            thread: thread.clone(),
        };
        let (out, err) = (pen(Stream::Out), pen(Stream::Err));
        (Self { lines, thread, ended }, out, err)
    }

    /// Whether something may happen that makes more lines.
    pub(super) fn has_room(&self) -> bool {
        self.lines.borrow().len() < LINES_MAX || self.is_torn()
    }

    /// Whether nobody reads any more.
    pub(super) fn is_torn(&self) -> bool {
        self.thread.is_closed()
    }

    /// Hands the next line over when there is one, or waits until nobody reads any more, which is said once. May
    /// be dropped at any time without loss.
    pub(super) async fn hand_over(&self) {
        if self.lines.borrow().is_empty() {
            if self.is_torn() {
                return std::future::pending().await;
            }
            return self.thread.closed().await;
        }
        match self.thread.reserve().await {
            Ok(place) => {
                let line = self.lines.borrow_mut().pop_front();
                if let Some(line) = line {
                    place.send(line);
                }
            }
            Err(_) => self.lines.borrow_mut().clear(),
        }
    }

    /// Waits until all is written, or nobody reads any more. The pens are gone by then.
    pub(super) async fn finish(self) {
        while !self.lines.borrow().is_empty() {
            self.hand_over().await;
        }
        let Self { thread, ended, .. } = self;
        drop(thread);
        // The thread drops its end, which is all there is to hear.
        let _ = ended.await;
    }
}

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        if self.thread.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.lines.borrow_mut().push_back((self.stream, line));
        Ok(())
    }
}
