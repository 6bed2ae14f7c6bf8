//! A storm: everybody is connected, the server is restarted, and everybody comes back at once with
//! their tokens, and resumes.

use anyhow::Result;
use liao_common::request::Sync;

use crate::{
    crowd::{LOG_IN_AT_ONCE, Person},
    idle::follow,
    play::{Script, hello, play, settle},
    server::Server,
    stats::{Mark, Rate},
    swarm::Swarm,
};

/// So many come back at the same time; each of the others follows at once when one of them is in. More would wait
/// unheard: a server lets half of its connections be strangers, and 10,000 at most.
const AT_ONCE_MAX: usize = 8000;

/// How it was before.
pub(crate) struct Calm {
    ask: Sync,
    pub(crate) resident_kib: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    /// From the first connection to the last answer.
    pub(crate) rate: Rate,
    pub(crate) resident_kib: u64,
    /// After all have gone again.
    pub(crate) empty_kib: u64,
}

/// Everybody logs in and follows their rooms.
pub(crate) fn gather(server: &Server, people: &[Person]) -> Result<Calm> {
    let mut swarm = Swarm::new()?;
    let script = |person: &Person| Script { link: None, ask: person.comes(), leave: false };
    let played = play(&mut swarm, server, people.iter().map(script).collect(), LOG_IN_AT_ONCE)?;
    let links: Vec<_> = played.iter().map(|played| played.link).collect();
    let ask = follow(&mut swarm, server, &links)?;
    Ok(Calm { ask, resident_kib: server.resident_kib()? })
}

/// All at the same time, as far as may be; one refusal is a failure.
pub(crate) fn come_back(server: &Server, people: &[Person], before: &Calm) -> Result<Storm> {
    let mut swarm = Swarm::new()?;
    let script = |person: &Person| {
        let ask = vec![hello(), person.log_in(), before.ask.clone().into()];
        Script { link: None, ask, leave: false }
    };
    let mark = Mark::set(server.pid(), 0)?;
    play(&mut swarm, server, people.iter().map(script).collect(), people.len().min(AT_ONCE_MAX))?;
    let rate = mark.until_now(server.pid(), people.len() as u64)?;
    settle(&mut swarm)?;
    let resident_kib = server.resident_kib()?;
    drop(swarm);
    // Somebody who comes later sees that the others are gone.
    let late =
        people.iter().take(1).map(|person| Script { link: None, ask: person.comes(), leave: true });
    let mut swarm = Swarm::new()?;
    play(&mut swarm, server, late.collect(), 1)?;
    settle(&mut swarm)?;
    Ok(Storm { rate, resident_kib, empty_kib: server.resident_kib()? })
}
