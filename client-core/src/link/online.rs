//! One connection after its login: frames in, requests out, pings. Owns what is on its way on this
//! connection, and hands back what was not answered when it ends.

use std::{collections::BTreeMap, sync::Arc};

use liao_common::{
    event::{Event, GoAway, Ping, kind},
    fault::{Fault, FaultCode},
    frame::Frame,
    id::{Nonce, RoomId},
    request::Request,
};
use tokio::time::{Duration, Instant, sleep_until};

use super::{
    AWAY_MS_MAX, Stop,
    desk::{Desk, Question},
    ping::{Beat, Pings},
};
use crate::{
    answer::{Answer, CallError},
    clock,
    connection::{Connection, ConnectionError, OUTPUT_BYTES_MAX},
    entropy::{self, Entropy},
    fair::{Either, Turns, race},
    handle::Asker,
    notice::{Cut, End, LinkState, Notice},
};

/// Time for the last answers after a goodbye of the server, in milliseconds.
const LINGER_MS: u64 = 5_000;

/// Frames that are dealt with before commands and what there is to write are looked at again.
const FRAMES_TOGETHER_MAX: usize = 256;

/// Time for the answer to a request, in milliseconds. A server that answers pings and nothing else
/// would leave posts on their way for ever.
const ANSWER_MS: u64 = 60_000;

/// A request that is on its way, and since when.
struct Asked {
    at: Instant,
    what: What,
}

enum What {
    Request(Box<Question>),
    Post(RoomId, Nonce),
}

struct Online<'a> {
    desk: &'a mut Desk,
    conn: &'a mut Connection,
    entropy: &'a Arc<dyn Entropy>,
    turns: Turns,
    asked: BTreeMap<u64, Asked>,
    pings: Pings,
    synced: bool,
    /// Since when nothing but the server keeps answers back: not while this side reads nothing, and
    /// not while what was missed still comes.
    listening: Instant,
    /// The server said goodbye: when to be back, and until when to listen.
    away: Option<(GoAway, Instant, Instant)>,
}

/// Serves a connection until it is over.
pub(super) async fn serve(
    desk: &mut Desk,
    conn: &mut Connection,
    entropy: &Arc<dyn Entropy>,
    idle_ms: u64,
) -> Stop {
    let early = conn.take_early();
    let pings = Pings::new(clock::now(), idle_ms, entropy);
    let mut online = Online {
        desk,
        conn,
        entropy,
        turns: Turns::default(),
        asked: BTreeMap::new(),
        pings,
        synced: false,
        listening: clock::now(),
        away: None,
    };
    online.repeat_watch();
    let stop = match early.into_iter().try_for_each(|event| online.event(event)) {
        Ok(()) => online.run().await,
        Err(stop) => stop,
    };
    online.put_back();
    stop
}

impl Online<'_> {
    async fn run(&mut self) -> Stop {
        loop {
            self.send_waiting();
            if let Err(stop) = self.step().await {
                return stop;
            }
            if let Err(stop) = self.take_what_is_here() {
                return stop;
            }
        }
    }

    /// Frames that came together are dealt with together, without waiting in between: waiting costs more than
    /// most frames do.
    fn take_what_is_here(&mut self) -> Result<(), Stop> {
        for _ in 0..FRAMES_TOGETHER_MAX {
            self.desk.pass_on();
            if !self.desk.has_room() || self.conn.output_len() >= OUTPUT_BYTES_MAX {
                break;
            }
            match self.conn.frame_here() {
                Ok(Some(frame)) => self.frame(&frame)?,
                Ok(None) => break,
                Err(error) => return Err(self.broken(error)),
            }
        }
        self.desk.pass_on();
        Ok(())
    }

    /// Waits for one thing to happen and deals with it.
    async fn step(&mut self) -> Result<(), Stop> {
        let read = self.desk.has_room();
        if !read {
            // Who does not listen cannot complain of silence.
            self.listening = clock::now();
            self.pings.heard(self.listening);
        }
        let due = self.due();
        let (turn, step) = (self.turns.next(), self.conn.step(read));
        let next = tokio::select! {
            biased;
            () = sleep_until(due) => return self.tick(),
            next = race(turn, step, self.desk.next()) => next,
        };
        match next {
            Either::One(Ok(Some(frame))) => self.frame(&frame),
            Either::One(Ok(None)) => Ok(()),
            Either::One(Err(error)) => Err(self.broken(error)),
            Either::Other(command) => Ok(self.desk.accept(command?).await?),
        }
    }

    fn due(&self) -> Instant {
        let due = self.pings.due();
        let due = self.desk.posts.due().map_or(due, |post| post.min(due));
        let due = self.answer_due().map_or(due, |answer| answer.min(due));
        self.away.as_ref().map_or(due, |(.., until)| due.min(*until))
    }

    /// Until when the oldest request has to be answered.
    fn answer_due(&self) -> Option<Instant> {
        let (_, oldest) = self.asked.first_key_value()?;
        Some(oldest.at.max(self.listening) + Duration::from_millis(ANSWER_MS))
    }

    /// What is looked at is said before anything else, unless a newer wish waits already.
    fn repeat_watch(&mut self) {
        self.desk.asks.retain(|question| {
            !matches!((&question.request, &question.asker), (Request::Watch(_), Asker::Nobody))
        });
        if let Some(watch) = &self.desk.watch {
            let question = Question::new(watch.clone().into(), Asker::Nobody);
            self.desk.asks.push_front(question);
        }
    }

    /// Sends what waits, as far as requests may be on their way. Posts of a room go in order.
    fn send_waiting(&mut self) {
        let now = clock::now();
        while self.away.is_none()
            && self.asked.len() < Desk::in_flight_max()
            && self.conn.output_len() < OUTPUT_BYTES_MAX
        {
            let rid = self.conn.next_rid();
            let what = if let Some(mut question) = self.desk.asks.pop_front() {
                self.conn.push(&question.request.frame(rid));
                question.sent += 1;
                What::Request(Box::new(question))
            } else if let Some((room, nonce, request)) = self.desk.next_post(now) {
                self.conn.push(&request.frame(rid));
                What::Post(room, nonce)
            } else {
                return;
            };
            self.asked.insert(rid, Asked { at: now, what });
            self.pings.spoke(now);
        }
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), Stop> {
        self.pings.heard(clock::now());
        if !self.synced && !matches!(frame.kind(), kind::PING | kind::PONG) {
            self.listening = clock::now();
        }
        match (frame.kind(), frame.rid) {
            (kind::ERR, 0) => Err(frame.decode::<Fault>().map_err(ConnectionError::from)?.into()),
            (kind::OK | kind::ERR, rid) => self.answered(rid, frame),
            (_, 0) => match Event::decode(frame) {
                Ok(Some(event)) => self.event(event),
                Ok(None) => Ok(()),
                Err(error) => Err(ConnectionError::from(error).into()),
            },
            _ => Ok(()),
        }
    }

    fn answered(&mut self, rid: u64, frame: &Frame) -> Result<(), Stop> {
        let Some(Asked { what, .. }) = self.asked.remove(&rid) else { return Ok(()) };
        let kind = match &what {
            What::Request(question) => question.request.kind(),
            What::Post(..) => <liao_common::request::Send as liao_common::request::Ask>::KIND,
        };
        let answer = if frame.kind() == kind::OK {
            Answer::decode(kind, frame).map_err(CallError::Decode)
        } else {
            Err(frame.decode::<Fault>().map_or_else(CallError::Decode, CallError::Fault))
        };
        match what {
            What::Post(room, nonce) => self.post_answered(room, nonce, answer),
            What::Request(question) => {
                let Question { request, asker, .. } = *question;
                let logged_out = matches!(request, Request::Logout(_)) && answer.is_ok();
                self.desk.answer(request, asker, answer);
                if logged_out {
                    return Err(Stop::End(End::LoggedOut));
                }
            }
        }
        Ok(())
    }

    fn post_answered(&mut self, room: RoomId, nonce: Nonce, answer: Result<Answer, CallError>) {
        match answer {
            Ok(Answer::Posted(posted)) => self.desk.posted(room, nonce, posted),
            Err(CallError::Fault(fault)) => {
                self.desk.post_refused(room, nonce, fault, clock::now());
            }
            _ => {
                let fault = Fault::new(FaultCode::Internal, "the answer could not be read");
                self.desk.post_refused(room, nonce, fault, clock::now());
            }
        }
    }

    fn event(&mut self, event: Event) -> Result<(), Stop> {
        match event {
            Event::Ping(ping) => {
                self.conn.pong(ping);
                self.pings.spoke(clock::now());
            }
            Event::Pong(pong) => {
                if let Some(latency_ms) = self.pings.pong(pong.n, clock::now()) {
                    self.online(Some(latency_ms));
                }
            }
            Event::GoAway(away) => return self.goodbye(away),
            Event::FileData(_) | Event::FileAck(_) => {}
            Event::Synced => {
                self.desk.tell(Notice::Event(Event::Synced));
                (self.synced, self.desk.caught_up) = (true, true);
                self.online(None);
            }
            event => {
                if self.desk.positions.see(&event) {
                    self.desk.tell(Notice::Event(event));
                }
            }
        }
        Ok(())
    }

    fn online(&mut self, latency_ms: Option<u64>) {
        if self.synced {
            self.desk.state(LinkState::Online { latency_ms });
        }
    }

    /// The server finishes what it has begun; what it has not begun waits for the next connection.
    fn goodbye(&mut self, away: GoAway) -> Result<(), Stop> {
        if away.why == FaultCode::AuthRevoked.as_str() {
            return Err(Fault::from(FaultCode::AuthRevoked).into());
        }
        let back_ms = entropy::between(self.entropy, away.min_ms, away.max_ms).min(AWAY_MS_MAX);
        let now = clock::now();
        let linger_ms = back_ms.min(LINGER_MS);
        self.away = Some((
            away,
            now + Duration::from_millis(back_ms),
            now + Duration::from_millis(linger_ms),
        ));
        Ok(())
    }

    /// The connection broke; after a goodbye that was to be expected.
    fn broken(&self, error: ConnectionError) -> Stop {
        self.went_away().unwrap_or_else(|| error.into())
    }

    fn went_away(&self) -> Option<Stop> {
        let (away, back, _) = self.away.as_ref()?;
        let wait = back.saturating_duration_since(clock::now());
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or_default();
        Some(Stop::Away { why: away.why.clone(), min_ms: wait_ms, max_ms: wait_ms })
    }

    fn tick(&mut self) -> Result<(), Stop> {
        let now = clock::now();
        let over = self.away.as_ref().is_some_and(|(.., until)| *until <= now);
        if let (true, Some(stop)) = (over, self.went_away()) {
            return Err(stop);
        }
        if self.answer_due().is_some_and(|due| due <= now) {
            return Err(Stop::Cut(Cut::Timeout));
        }
        match self.pings.beat(now, self.entropy) {
            Beat::Wait => {}
            Beat::Ping(n) => self.conn.push_event(kind::PING, &Ping { n }),
            Beat::Dead => return Err(Stop::Cut(Cut::Silent)),
        }
        Ok(())
    }

    /// Puts back what was not answered, the oldest first in line.
    fn put_back(self) {
        for asked in self.asked.into_values().rev() {
            if let What::Request(question) = asked.what {
                self.desk.unanswered(*question);
            }
        }
    }
}
