//! Lines on their way out. A thread writes them, because a pipe that nobody reads holds up whoever writes into it;
//! the conversation goes on, and takes nothing more in while too much waits here.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, Write},
    rc::Rc,
    thread,
};

use tokio::sync::{mpsc, oneshot, watch};

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
    failed: watch::Receiver<Option<Failure>>,
}

/// Why standard output takes no more: what is wrong, and the operating system's word for it.
pub(super) type Failure = (io::ErrorKind, String);

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
        let (fail, failed) = watch::channel(None);
        thread::spawn(move || {
            let _at_end: oneshot::Sender<()> = at_end;
            while let Some((stream, line)) = handed.blocking_recv() {
                match stream {
                    // What follows a line that is lost would only mislead.
                    Stream::Out if fail.borrow().is_some() => {}
                    Stream::Out => match out.write_all(&line).and_then(|()| out.flush()) {
                        Ok(()) => {}
                        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return,
                        Err(error) => {
                            _ = fail.send_replace(Some((error.kind(), error.to_string())))
                        }
                    },
                    // Nobody may be listening; that is no reason to end.
                    Stream::Err => drop(err.write_all(&line).and_then(|()| err.flush())),
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
        (Self { lines, thread, ended, failed }, out, err)
    }

    /// Whether something may happen that makes more lines.
    pub(super) fn has_room(&self) -> bool {
        self.lines.borrow().len() < LINES_MAX || self.is_torn()
    }

    /// Whether nobody reads any more, or what is written is lost.
    pub(super) fn is_torn(&self) -> bool {
        self.thread.is_closed() || self.failed.borrow().is_some()
    }

    /// Why what is written is lost, if that is so.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failed.borrow().clone()
    }

    /// Hands the next line over when there is one, or waits until nobody reads any more or what is written is lost,
    /// which is said once. May be dropped at any time without loss.
    pub(super) async fn hand_over(&self) {
        if self.lines.borrow().is_empty() {
            if self.is_torn() {
                return std::future::pending().await;
            }
            let mut failed = self.failed.clone();
            tokio::select! {
                () = self.thread.closed() => {}
                // The thread is gone when this fails, and the other one says so.
                _ = failed.wait_for(Option::is_some) => {}
            }
            return;
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
