//! What a link has on its desk whether it is connected or not: commands that come in, notices that
//! go out, posts and requests that wait. Nothing here knows a socket.

use std::{
    collections::VecDeque,
    future::{Future, pending},
};

use liao_common::{
    event::Posted,
    fault::{Fault, FaultCode},
    id::{Nonce, RoomId},
    limits,
    message::Kind,
    request::{Request, Watch},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::{Duration, Instant, sleep_until},
};

use super::posts::{Positions, Posts, Refusal, Waiting};
use crate::{
    answer::{Answer, CallError},
    clock,
    fair::{Either, Turns, race},
    handle::{Asker, Command, PostError},
    notice::{End, LinkState, Notice, Queued},
    outbox::Outbox,
};

/// Notices that wait here; from then on nothing is taken in that makes more of them.
const BACKLOG_MAX: usize = 512;

/// Requests that wait for a connection; more are refused.
const ASKS_MAX: usize = 256;

/// How often a request is sent that was on its way when the connection broke: its answer may be
/// what broke it.
const SENT_MAX: u32 = 3;

/// Posts that are written to the outbox together.
const POSTS_AT_ONCE: usize = 64;

/// A post that waited longer is not sent without asking, in milliseconds.
const STALE_AFTER_MS: u64 = 72 * 3600 * 1000;

/// Time that a user who takes no notices is given at the end.
const FINISH_MS: u64 = 5_000;

/// Who waits for a post to be stored.
type Stored = oneshot::Sender<Result<(), PostError>>;

/// A request and who wants its answer.
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) asker: Asker,
    /// How often it was sent.
    pub(super) sent: u32,
}

impl Question {
    pub(super) const fn new(request: Request, asker: Asker) -> Self {
        Self { request, asker, sent: 0 }
    }
}

pub(super) struct Desk {
    pub(super) posts: Posts,
    pub(super) positions: Positions,
    pub(super) asks: VecDeque<Question>,
    /// What is looked at, for the next connection.
    pub(super) watch: Option<Watch>,
    commands: mpsc::Receiver<Command>,
    next_command: Option<Command>,
    notices: mpsc::Sender<Notice>,
    backlog: VecDeque<Notice>,
    outbox: Outbox,
    /// All that was missed has come: what is written now is written by somebody who has it before them.
    pub(super) caught_up: bool,
    retry_now: bool,
    turns: Turns,
}

impl Desk {
    pub(super) fn new(
        commands: mpsc::Receiver<Command>,
        notices: mpsc::Sender<Notice>,
        outbox: Outbox,
    ) -> Self {
        Self {
            posts: Posts::default(),
            positions: Positions::default(),
            asks: VecDeque::new(),
            watch: None,
            commands,
            next_command: None,
            notices,
            backlog: VecDeque::new(),
            outbox,
            caught_up: false,
            retry_now: false,
            turns: Turns::default(),
        }
    }

    /// Posts of an earlier run: the fresh ones are sent; the old ones, and those that were refused
    /// then, are shown as failed and wait for the person.
    pub(super) fn announce_waiting_posts(&mut self) {
        let now_ms = clock::wall_ms();
        let waiting: Vec<Queued> = self.outbox.iter().cloned().collect();
        for post in waiting {
            let (nonce, room) = (post.nonce, post.room);
            let stale = now_ms.saturating_sub(post.at_ms) > STALE_AFTER_MS;
            let refused = self.outbox.refused(nonce).or(stale.then_some(FaultCode::Gone));
            self.tell(Notice::Queued(Box::new(post)));
            if let Some(code) = refused {
                let fault = code.into();
                self.tell(Notice::PostFailed { nonce, room, fault });
            } else {
                self.send_later(room, nonce);
            }
        }
    }

    /// A post waits for its turn.
    fn send_later(&mut self, room: RoomId, nonce: Nonce) {
        let (since, late) = (clock::now(), !self.caught_up);
        self.posts.push(room, Waiting { nonce, since, late });
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        self.backlog.push_back(notice);
    }

    pub(super) fn state(&mut self, state: LinkState) {
        self.tell(Notice::State(state));
    }

    /// Whether there is room for what makes notices.
    pub(super) fn has_room(&self) -> bool {
        self.backlog.len() < BACKLOG_MAX
    }

    /// Passes on what waits, as far as the user has room for it. When the user is gone, [`Desk::next`] says so.
    pub(super) fn pass_on(&mut self) {
        while let Ok(permit) = self.notices.try_reserve() {
            let Some(notice) = self.backlog.pop_front() else { return };
            permit.send(notice);
        }
    }

    /// The next command, or `None` after a notice was passed on. May be dropped at any time
    /// without loss; what it gives has to go to [`Desk::accept`].
    pub(super) async fn next(&mut self) -> Result<Option<Command>, End> {
        if let Some(command) = self.next_command.take() {
            return Ok(Some(command));
        }
        let (waiting, has_room) = (!self.backlog.is_empty(), self.has_room());
        let Self { notices, commands, turns, .. } = self;
        let permit = async { if waiting { notices.reserve().await.ok() } else { pending().await } };
        let command = async { if has_room { commands.recv().await } else { pending().await } };
        let next = tokio::select! {
            biased;
            () = notices.closed() => return Err(End::Closed),
            next = race(turns.next(), permit, command) => next,
        };
        match next {
            Either::One(permit) => {
                let permit = permit.ok_or(End::Closed)?;
                if let Some(notice) = self.backlog.pop_front() {
                    permit.send(notice);
                }
                Ok(None)
            }
            Either::Other(command) => command.map(Some).ok_or(End::Closed),
        }
    }

    /// Runs `work` and goes on with commands and notices meanwhile.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        tokio::pin!(work);
        loop {
            let command = tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                command = self.next() => command?,
            };
            self.accept(command).await?;
        }
    }

    /// Waits for the next attempt, or until the person has enough of waiting; says which.
    pub(super) async fn wait(&mut self, time: Duration) -> Result<bool, End> {
        let until = clock::now() + time;
        self.retry_now = false;
        while !self.retry_now {
            let command = tokio::select! {
                biased;
                () = sleep_until(until) => return Ok(false),
                command = self.next() => command?,
            };
            self.accept(command).await?;
        }
        Ok(true)
    }

    /// Deals with a command. Must run to its end.
    pub(super) async fn accept(&mut self, command: Option<Command>) -> Result<(), End> {
        let Some(command) = command else { return Ok(()) };
        match command {
            Command::Post(post, stored) => self.store(post, stored).await,
            Command::Resend(nonce) => self.resend(nonce),
            Command::Discard(nonce) => self.discard(nonce),
            Command::Ask(request, asker) => self.put_off(request, asker),
            Command::RetryNow => self.retry_now = true,
            Command::Close => return Err(End::Closed),
        }
        Ok(())
    }

    /// Writes a post to the outbox, together with those that came right behind it.
    async fn store(&mut self, post: Queued, stored: Stored) {
        let mut batch = vec![(post, stored)];
        while batch.len() < POSTS_AT_ONCE {
            match self.commands.try_recv() {
                Ok(Command::Post(post, stored)) => batch.push((post, stored)),
                Ok(other) => {
                    self.next_command = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let mut kept = Vec::with_capacity(batch.len());
        for (post, stored) in batch {
            if self.outbox.find(post.nonce).is_some() {
                // An offer of a file that was in it already when the program died.
                answer_post(stored, Ok(()));
            } else if kept.len() < self.outbox.room_left() {
                kept.push((post, stored));
            } else {
                answer_post(stored, Err(PostError::Full));
            }
        }
        let posts: Vec<Queued> = kept.iter().map(|(post, _)| post.clone()).collect();
        let written = self.write(posts).await;
        for (post, stored) in kept {
            if written.is_ok() {
                self.send_later(post.room, post.nonce);
                self.tell(Notice::Queued(Box::new(post)));
            }
            answer_post(stored, written.clone());
        }
    }

    /// The disk may take its time; the threads of the runtime have other work.
    async fn write(&mut self, posts: Vec<Queued>) -> Result<(), PostError> {
        let refused = |error: std::io::Error| PostError::Outbox {
            kind: error.kind(),
            reason: error.to_string(),
        };
        let epoch = self.positions.last_epoch().to_owned();
        if self.outbox.is_in_memory() {
            return self.outbox.add(posts, &epoch).map_err(refused);
        }
        let mut outbox = std::mem::replace(&mut self.outbox, Outbox::in_memory());
        let written = spawn_blocking(move || {
            let done = outbox.add(posts, &epoch);
            (outbox, done)
        });
        match written.await {
            Ok((outbox, done)) => {
                self.outbox = outbox;
                done.map_err(refused)
            }
            Err(error) => Err(refused(error.into())),
        }
    }

    fn resend(&mut self, nonce: Nonce) {
        let Some(room) = self.outbox.find(nonce).map(|post| post.room) else { return };
        match self.outbox.renew(nonce, self.positions.last_epoch()) {
            Ok(true) => {}
            Ok(false) => return self.tell_void(room, nonce),
            Err(error) => unwritten(&error),
        }
        if let Some(post) = self.outbox.find(nonce).cloned() {
            self.send_later(room, nonce);
            self.tell(Notice::Queued(Box::new(post)));
        }
    }

    /// The server's log is known: what speaks of another one would hit the wrong message, and is not sent.
    pub(super) fn refuse_void_posts(&mut self, reset: bool) {
        let (void, noted) = self.outbox.refuse_void(self.positions.last_epoch(), reset);
        if let Err(error) = noted {
            unwritten(&error);
        }
        for (room, nonce) in void {
            self.posts.done(room, nonce);
            self.tell_void(room, nonce);
        }
    }

    fn tell_void(&mut self, room: RoomId, nonce: Nonce) {
        let fault = FaultCode::EpochChanged.into();
        self.tell(Notice::PostFailed { nonce, room, fault });
    }

    /// A post that is on its way cannot be called back.
    fn discard(&mut self, nonce: Nonce) {
        let Some(room) = self.outbox.find(nonce).map(|post| post.room) else { return };
        if !self.posts.is_in_flight(room, nonce) {
            self.posts.done(room, nonce);
            self.remove(nonce);
            self.tell(Notice::Discarded { nonce, room });
        }
    }

    /// A request waits for its turn.
    fn put_off(&mut self, request: Request, asker: Asker) {
        if let Request::Watch(watch) = &request {
            self.watch = Some(watch.clone());
        }
        if self.asks.len() < ASKS_MAX {
            self.asks.push_back(Question::new(request, asker));
        } else {
            self.answer(request, asker, Err(CallError::Full));
        }
    }

    /// Hands an answer to whoever asked.
    pub(super) fn answer(
        &mut self,
        request: Request,
        asker: Asker,
        answer: Result<Answer, CallError>,
    ) {
        match asker {
            Asker::Ticket(ticket) => {
                let (request, answer) = (Box::new(request), answer.map(Box::new));
                self.tell(Notice::Answer { ticket, request, answer });
            }
            // Whoever asked may have gone away.
            Asker::Call(wait) => drop(wait.send(answer)),
            Asker::Nobody => {}
        }
    }

    /// The connection was lost while this was asked. What only reads is asked again.
    pub(super) fn unanswered(&mut self, question: Question) {
        let repeatable = matches!(
            question.request,
            Request::History(_)
                | Request::Who(_)
                | Request::Users(_)
                | Request::Members(_)
                | Request::RoomList(_)
                | Request::Devices(_)
                | Request::Mark(_)
                | Request::RoomOpen(_)
                | Request::Watch(_)
        );
        if repeatable && question.sent < SENT_MAX && self.asks.len() < ASKS_MAX {
            self.asks.push_front(question);
        } else {
            self.answer(question.request, question.asker, Err(CallError::Lost));
        }
    }

    /// The request that sends a waiting post.
    pub(super) fn next_post(&mut self, now: Instant) -> Option<(RoomId, Nonce, Request)> {
        loop {
            let (room, Waiting { nonce, late, .. }) = self.posts.take(now)?;
            let Some(post) = self.outbox.find(nonce) else {
                self.posts.done(room, nonce);
                continue;
            };
            let (kind, mut body) = (post.kind.clone(), post.body.clone());
            // A file is offered when it has arrived, whatever its sender has looked at since.
            body.late = kind == Kind::File || (late && kind.counts());
            let send = liao_common::request::Send { room, cid: nonce, kind, body };
            return Some((room, nonce, send.into()));
        }
    }

    pub(super) fn posted(&mut self, room: RoomId, nonce: Nonce, posted: Posted) {
        self.posts.done(room, nonce);
        self.remove(nonce);
        self.tell(Notice::Posted { nonce, room, posted });
    }

    pub(super) fn post_refused(&mut self, room: RoomId, nonce: Nonce, fault: Fault, now: Instant) {
        if self.posts.refused(room, nonce, &fault, now) == Refusal::Failed {
            self.note_refusal(nonce, Some(fault.code));
            self.tell(Notice::PostFailed { nonce, room, fault });
        }
    }

    pub(super) fn connection_lost(&mut self) {
        self.caught_up = false;
        self.posts.connection_lost();
    }

    /// Ends it all: whoever waits learns so, and the end is the last notice.
    pub(super) async fn finish(mut self, end: End) {
        self.commands.close();
        let mut next = self.next_command.take();
        while let Some(command) = next.take().or_else(|| self.commands.try_recv().ok()) {
            if let Command::Ask(request, asker) = command {
                self.asks.push_back(Question::new(request, asker));
            }
        }
        for Question { request, asker, .. } in std::mem::take(&mut self.asks) {
            self.answer(request, asker, Err(CallError::Closed));
        }
        self.state(LinkState::Ended(end));
        let limit = Duration::from_millis(FINISH_MS);
        for notice in self.backlog {
            if self.notices.send_timeout(notice, limit).await.is_err() {
                return;
            }
        }
    }

    /// How many requests may be on their way at a time.
    pub(super) const fn in_flight_max() -> usize {
        limits::REQUESTS_IN_FLIGHT_MAX
    }

    fn note_refusal(&mut self, nonce: Nonce, why: Option<FaultCode>) {
        if let Err(error) = self.outbox.refuse(nonce, why) {
            unwritten(&error);
        }
    }

    fn remove(&mut self, nonce: Nonce) {
        if let Err(error) = self.outbox.remove(nonce) {
            tracing::warn!(%error, "the outbox cannot be written; a sent post may be sent again");
        }
    }
}

fn unwritten(error: &std::io::Error) {
    tracing::warn!(%error, "the outbox cannot be written; what was refused is forgotten");
}

/// Whoever posted may have gone away; the post is stored all the same.
fn answer_post(stored: Stored, result: Result<(), PostError>) {
    let _ = stored.send(result);
}

#[cfg(test)]
mod tests;
