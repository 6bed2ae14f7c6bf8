//! Conversations before the measurement: each connection asks its questions in one go, and is done
//! when all are answered. Answers are looked at by whoever asked.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result, bail};
use liao_common::{
    event::kind,
    frame::Frame,
    limits::PROTOCOL_VERSION,
    request::{Hello, Request},
};

use crate::{clock::Deadline, server::Server, swarm::Swarm};

/// How long all of them together may take.
const PLAY_WITHIN: Duration = Duration::from_secs(400);

/// Milliseconds without a byte after which nothing more is expected.
const QUIET_MS: u32 = 500;

/// What one connection asks.
pub(crate) struct Script {
    /// On this link; on a new one otherwise.
    pub(crate) link: Option<usize>,
    /// In this order.
    pub(crate) ask: Vec<Request>,
    /// Whether to close it afterwards.
    pub(crate) leave: bool,
}

/// What became of it.
pub(crate) struct Played {
    pub(crate) link: usize,
    /// One for each question.
    pub(crate) answers: Vec<Frame>,
}

struct Open {
    script: usize,
    answers: Vec<Frame>,
    wanted: usize,
    leave: bool,
}

/// The first question of every connection.
pub(crate) fn hello() -> Request {
    let v = (PROTOCOL_VERSION, PROTOCOL_VERSION);
    Hello { v, caps: Vec::new(), agent: "liao-load".into(), role: None }.into()
}

/// Plays all scripts, so many at a time, and gives the results in the same order.
///
/// # Errors
/// When one question is refused, or it takes too long.
pub(crate) fn play(
    swarm: &mut Swarm,
    server: &Server,
    scripts: Vec<Script>,
    at_once: usize,
) -> Result<Vec<Played>> {
    let deadline = Deadline::within(PLAY_WITHIN);
    let mut done: Vec<Option<Played>> = scripts.iter().map(|_| None).collect();
    let mut scripts = scripts.into_iter().enumerate();
    let mut open: HashMap<usize, Open> = HashMap::new();
    let mut left = done.len();
    while left > 0 {
        while open.len() < at_once
            && let Some((number, script)) = scripts.next()
        {
            let (link, begun) = begin(swarm, server, number, script)?;
            open.insert(link, begun);
        }
        for link in swarm.wait(1000)? {
            let frames = swarm.frames(link)?;
            let Some(one) = open.get_mut(&link) else { continue };
            one.hear(frames)?;
            if one.answers.len() == one.wanted
                && let Some(one) = open.remove(&link)
            {
                if one.leave {
                    swarm.close(link);
                }
                done[one.script] = Some(Played { link, answers: one.answers });
                left -= 1;
            }
        }
        deadline.check("the conversations before the measurement")?;
    }
    done.into_iter().collect::<Option<_>>().context("a script without an end")
}

fn begin(
    swarm: &mut Swarm,
    server: &Server,
    number: usize,
    script: Script,
) -> Result<(usize, Open)> {
    let link = match script.link {
        Some(link) => link,
        None => swarm.open(server)?,
    };
    for (rid, request) in (1..).zip(&script.ask) {
        swarm.send(link, &request.frame(rid))?;
    }
    Ok((
        link,
        Open { script: number, answers: Vec::new(), wanted: script.ask.len(), leave: script.leave },
    ))
}

impl Open {
    fn hear(&mut self, frames: Vec<Frame>) -> Result<()> {
        for frame in frames {
            match frame.kind() {
                kind::OK => self.answers.push(frame),
                kind::ERR | kind::GOAWAY => {
                    let fault: Result<liao_common::fault::Fault, _> = frame.decode();
                    bail!("the server refused question {}: {fault:?}", frame.rid);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Reads whatever still comes until nothing comes any more.
pub(crate) fn settle(swarm: &mut Swarm) -> Result<()> {
    let deadline = Deadline::within(PLAY_WITHIN);
    loop {
        let ready = swarm.wait(QUIET_MS)?;
        if ready.is_empty() {
            return Ok(());
        }
        for link in ready {
            swarm.frames(link)?;
        }
        deadline.check("the quiet before the measurement")?;
    }
}
