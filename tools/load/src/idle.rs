//! Idle connections: what each costs in memory, and what it costs to log in.

use anyhow::{Context as _, Result};
use liao_common::{event::Synced, request::Sync};
use serde::Serialize;

use crate::{
    crowd::{LOG_IN_AT_ONCE, Person},
    play::{Script, play, settle},
    server::Server,
    stats::{Mark, Rate},
    swarm::Swarm,
};

/// What was measured. Memory is what the server grew by, over the number of connections.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Idle {
    pub(crate) connections: usize,
    /// Logins, with everything from the accept to the answer.
    pub(crate) logins: Rate,
    /// From a fresh start to all logged in. What the index reads into its cache is in there.
    pub(crate) kib_logged_in: f64,
    /// From a fresh start to all logged in and following their rooms, as a client does.
    pub(crate) kib_following: f64,
}

/// Measures on a server that has just started.
pub(crate) fn measure(server: &Server, people: &[Person]) -> Result<Idle> {
    let fresh = server.resident_kib()?;
    let mark = Mark::set(server.pid(), 0)?;
    let mut swarm = Swarm::new()?;
    let script = |person: &Person| Script { link: None, ask: person.comes(), leave: false };
    let played = play(&mut swarm, server, people.iter().map(script).collect(), LOG_IN_AT_ONCE)?;
    let logins = mark.until_now(server.pid(), people.len() as u64)?;
    settle(&mut swarm)?;
    let logged_in = server.resident_kib()?;
    let links: Vec<_> = played.iter().map(|played| played.link).collect();
    follow(&mut swarm, server, &links)?;
    let following = server.resident_kib()?;
    let per_one = |from: u64, to: u64| (to as f64 - from as f64) / people.len() as f64;
    Ok(Idle {
        connections: people.len(),
        logins,
        kib_logged_in: per_one(fresh, logged_in),
        kib_following: per_one(fresh, following),
    })
}

/// Measures on a server that has just started, after all have come and gone once.
pub(crate) fn measure_warm(server: &Server, people: &[Person]) -> Result<f64> {
    let come_and_go = |person: &Person| Script { link: None, ask: person.comes(), leave: true };
    let mut swarm = Swarm::new()?;
    play(&mut swarm, server, people.iter().map(come_and_go).collect(), 4)?;
    settle(&mut swarm)?;
    let before = server.resident_kib()?;
    let script = |person: &Person| Script { link: None, ask: person.comes(), leave: false };
    let played = play(&mut swarm, server, people.iter().map(script).collect(), LOG_IN_AT_ONCE)?;
    let links: Vec<_> = played.iter().map(|played| played.link).collect();
    follow(&mut swarm, server, &links)?;
    Ok((server.resident_kib()? as f64 - before as f64) / people.len() as f64)
}

/// Everybody follows their rooms from where they end, as a client that missed nothing. Gives how they ask.
pub(crate) fn follow(swarm: &mut Swarm, server: &Server, links: &[usize]) -> Result<Sync> {
    let first = *links.first().context("no links")?;
    let script = |link, ask: Sync| Script { link: Some(link), ask: vec![ask.into()], leave: false };
    let played = play(swarm, server, vec![script(first, Sync::default())], 1)?;
    let known: Synced =
        played.first().and_then(|played| played.answers.last()).context("no rooms")?.decode()?;
    settle(swarm)?;
    let cur: Vec<_> = known.rooms.iter().map(|room| (room.room, room.head.0)).collect();
    let ask = Sync { epoch: known.epoch, cur };
    play(
        swarm,
        server,
        links.iter().map(|link| script(*link, ask.clone())).collect(),
        LOG_IN_AT_ONCE,
    )?;
    settle(swarm)?;
    Ok(ask)
}
