//! The conversation of line mode: one loop over what the link tells, what is typed, and what typed
//! lines came to. It ends when all that was typed is on the server's disk, or when nothing moves.

use std::{
    collections::BTreeMap,
    future::pending,
    io::{IsTerminal as _, stdin},
    time::Duration,
};

use liao_client_core::{
    clock, dial::BoxFuture, handle::Handle, notice::Notice, transfer::TransferId,
};
use liao_common::{
    id::RoomId,
    request::{Logout, Mark},
    text::clean_line,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

mod act;
mod hear;

use super::{
    Exit, PlainOptions, TIMEOUT_MS,
    deed::{Doer, Outcome},
    input::Input,
    paper::Paper,
    signals::Signals,
    spool::{Failure, Pen, Spool},
    story::Story,
    unsent::Unsent,
};
use crate::{view::reasons::io_reason, words::Words};

/// Posts that may be on their way; then no line is taken.
const POSTS_MAX: u64 = 256;

/// Files that may be on their way; then no line is taken.
const TRANSFERS_MAX: usize = 16;

/// Time for saying goodbye to the server, in milliseconds.
const GOODBYE_MS: u64 = 5_000;

/// Who sits at a terminal and leaves while the server is gone waits for it no longer, in milliseconds.
const GONE_MS: u64 = 5_000;

/// So long before the time is up, a server that is gone is tried for the last time, in milliseconds.
const LAST_TRY_MS: u64 = 2_000;

/// A typed line that is being carried out.
type Deed = BoxFuture<'static, Outcome>;

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Until all that was missed is told and the first room is entered.
    Begin,
    /// Lines are taken.
    Talk,
    /// No more lines are taken; what was typed is still on its way.
    End,
    /// Logging out.
    Goodbye,
}

/// A file on its way.
struct Moving {
    name: String,
    quarter: u8,
}

/// See the module.
pub(super) struct Talk {
    options: PlainOptions,
    words: &'static Words,
    paper: Paper<Pen, Pen>,
    doer: Doer,
    story: Story,
    stage: Stage,
    logged_in: bool,
    /// The server can be reached.
    linked: bool,
    /// Where lines go; nowhere at first, and after a change of room that failed: what was meant for one room is
    /// not said in another.
    room: Option<RoomId>,
    /// Posts that were taken, and those that are settled: on the server's disk or refused.
    posts: u64,
    settled: u64,
    unsent: Unsent,
    marks: usize,
    transfers: BTreeMap<TransferId, Moving>,
    next: Option<Deed>,
    /// What happens cannot be told any more.
    torn: bool,
    /// Something moved, or was typed, last.
    moved_at: Instant,
    /// Since then, a server that is gone was tried for the last time.
    tried: bool,
    terminal: bool,
    exit: Exit,
}

impl Talk {
    pub(super) fn new(
        options: PlainOptions,
        words: &'static Words,
        paper: Paper<Pen, Pen>,
        handle: Handle,
    ) -> Self {
        Self {
            options,
            words,
            paper,
            doer: Doer { handle, words },
            story: Story::default(),
            stage: Stage::Begin,
            logged_in: false,
            linked: false,
            room: None,
            posts: 0,
            settled: 0,
            unsent: Unsent::default(),
            marks: 0,
            transfers: BTreeMap::new(),
            next: None,
            torn: false,
            moved_at: clock::now(),
            tried: false,
            terminal: stdin().is_terminal(),
            exit: Exit::Fine,
        }
    }

    /// Talks until it is over.
    pub(super) async fn run(
        mut self,
        mut notices: mpsc::Receiver<Notice>,
        mut lines: mpsc::Receiver<Input>,
        spool: &Spool,
        signals: &mut Signals,
    ) -> Exit {
        let mut deed: Option<Deed> = None;
        loop {
            deed = deed.or_else(|| self.next.take());
            self.turn(deed.is_some(), notices.is_empty(), spool);
            let listens = spool.has_room() || self.stage == Stage::Goodbye;
            let take = deed.is_none() && spool.has_room() && self.takes_lines();
            let due = self.due(deed.is_some());
            let over = tokio::select! {
                () = spool.hand_over() => None,
                notice = notices.recv(), if listens => match notice {
                    Some(notice) => self.hear(&notice),
                    None => Some(self.exit),
                },
                outcome = carry_out(&mut deed) => {
                    deed = None;
                    self.done(outcome);
                    None
                }
                line = lines.recv(), if take => {
                    deed = self.typed(line);
                    None
                }
                () = wait_until(due) => self.late(deed.is_some()).await,
                () = signals.next() => self.interrupted(deed.take().is_some()),
            };
            if self.stage == Stage::Goodbye {
                // What is not done by now is told as such.
                deed = None;
            }
            if let Some(exit) = over {
                return self.tell_unconfirmed(exit);
            }
        }
    }

    fn takes_lines(&self) -> bool {
        self.stage == Stage::Talk
            && self.posts.saturating_sub(self.settled) < POSTS_MAX
            && self.transfers.len() < TRANSFERS_MAX
    }

    /// What follows from where things stand.
    fn turn(&mut self, busy: bool, quiet: bool, spool: &Spool) {
        let torn = spool.is_torn() || self.paper.is_torn();
        if torn && !self.torn {
            self.torn = true;
            self.tear(spool.failure());
        }
        if quiet && matches!(self.stage, Stage::Talk | Stage::End) {
            for (room, read) in self.story.take_unmarked() {
                self.marks += usize::from(self.doer.handle.ask(Mark { room, read }).is_ok());
            }
        }
        if self.stage == Stage::End && self.is_settled(busy) && self.story.is_told() {
            self.say_goodbye();
        }
    }

    /// What happens cannot be told any more: no more lines are taken. That nobody wants to hear is no failure.
    fn tear(&mut self, failure: Option<Failure>) {
        if let Some((kind, reason)) = failure {
            let reason = io_reason(kind, &reason, self.words);
            self.fail(&self.words.fill("plain.output", &[("reason", &reason)]));
        }
        if matches!(self.stage, Stage::Begin | Stage::Talk) {
            self.end();
        }
    }

    /// No more lines are taken. What was typed is all that is waited for, so a server that is gone is tried at once.
    fn end(&mut self) {
        self.stage = Stage::End;
        if !self.linked {
            self.doer.handle.retry_now();
        }
    }

    fn has_unsent(&self) -> bool {
        self.settled < self.posts || !self.transfers.is_empty()
    }

    /// Nothing typed is under way any more, but what others said meanwhile may be. How far one has read is not
    /// waited for where the server is gone.
    fn is_settled(&self, busy: bool) -> bool {
        !busy && !self.has_unsent() && (self.marks == 0 || !self.linked)
    }

    /// Until when something has to move. A person at a terminal may wait for the server for ever;
    /// a script that has something to say, and everybody who leaves, may not.
    fn due(&self, busy: bool) -> Option<Instant> {
        let limit_ms = match self.stage {
            Stage::Goodbye if !self.linked => 0,
            Stage::Goodbye => GOODBYE_MS,
            Stage::End if !self.linked && self.terminal => self.options.timeout_ms.min(GONE_MS),
            // A login takes its time, however little somebody wants to wait later.
            Stage::Begin => self.options.timeout_ms.max(TIMEOUT_MS),
            Stage::End if self.is_settled(busy) => GOODBYE_MS,
            Stage::Talk if self.terminal || !(busy || self.has_unsent()) => return None,
            _ => self.options.timeout_ms,
        };
        let early_ms = if self.has_last_try() { LAST_TRY_MS.min(limit_ms / 2) } else { 0 };
        Some(self.moved_at + Duration::from_millis(limit_ms - early_ms))
    }

    /// Whether a server that is gone is to be tried once more before it is given up.
    fn has_last_try(&self) -> bool {
        !self.linked && !self.tried && matches!(self.stage, Stage::Talk | Stage::End)
    }

    fn moved(&mut self) {
        self.moved_at = clock::now();
        self.tried = false;
    }

    /// Something typed was not done.
    fn fail(&mut self, sentence: &str) {
        self.paper.complain(sentence);
        self.exit = Exit::Unsent;
    }

    fn say_goodbye(&mut self) {
        self.stage = Stage::Goodbye;
        self.moved();
        if let Err(error) = self.doer.handle.ask(Logout {}) {
            tracing::debug!(%error, "leaving without a logout");
        }
        if self.terminal {
            self.paper.note(self.words.t("plain.bye"));
        }
    }

    /// Nothing moved for too long.
    async fn late(&mut self, busy: bool) -> Option<Exit> {
        if self.has_last_try() {
            self.tried = true;
            self.doer.handle.retry_now();
            return None;
        }
        if self.stage == Stage::End && self.is_settled(busy) {
            self.say_goodbye();
            return None;
        }
        let exit = match self.stage {
            Stage::Goodbye => self.exit,
            Stage::Begin => Exit::Unreachable,
            _ => Exit::Unsent,
        };
        if self.stage != Stage::Goodbye {
            let seconds = clock::ms_since(self.moved_at) / 1000;
            self.paper.complain(&self.words.fill("plain.gave_up", &[("seconds", &seconds)]));
        }
        if self.logged_in && self.stage != Stage::Goodbye {
            // Whoever leaves without a word leaves a device behind.
            self.exit = exit;
            self.next = None;
            self.say_goodbye();
            return None;
        }
        let limit = Duration::from_millis(GOODBYE_MS);
        drop(timeout(limit, self.doer.handle.close()).await);
        Some(exit)
    }

    /// Says what was typed and is not known to be done, whatever the program ends of. Gives how it ends.
    fn tell_unconfirmed(&mut self, exit: Exit) -> Exit {
        let (words, unsent) = (self.words, self.unsent.drain());
        for open in &unsent {
            let text = clean_line(&open.words);
            let sentence = match &open.room {
                Some(room) => {
                    words.fill("plain.unconfirmed_in", &[("room", room), ("text", &text)])
                }
                None => words.fill("plain.unconfirmed", &[("text", &text)]),
            };
            self.paper.complain(&sentence);
        }
        if exit == Exit::Fine && !unsent.is_empty() { Exit::Unsent } else { exit }
    }

    /// A signal asks to leave: politely once, at once the second time.
    fn interrupted(&mut self, busy: bool) -> Option<Exit> {
        if self.stage == Stage::Goodbye {
            return Some(self.exit);
        }
        self.next = None;
        if busy || self.has_unsent() {
            self.fail(self.words.t("plain.interrupted"));
        }
        if !self.logged_in {
            return Some(Exit::Unsent);
        }
        self.say_goodbye();
        None
    }
}

/// Waits for the deed, if there is one.
async fn carry_out(deed: &mut Option<Deed>) -> Outcome {
    match deed {
        Some(deed) => deed.await,
        None => pending().await,
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
