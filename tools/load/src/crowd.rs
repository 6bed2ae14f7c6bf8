//! The people of a run: real accounts, registered once with real passwords, logged in by token.

use anyhow::{Context as _, Result};
use liao_common::{
    event::{self, Session},
    id::{RoomId, UserId},
    request::{Auth, Register, Request, RoomCreate, RoomJoin, Secret, Sync, Token},
};

use crate::{
    play::{Script, hello, play, settle},
    server::Server,
    swarm::Swarm,
};

/// Registrations under way at a time where hashing is cheap: fewer than the server lets wait for it.
pub(crate) const REGISTER_AT_ONCE: usize = 32;

/// Logins under way at a time.
pub(crate) const LOG_IN_AT_ONCE: usize = 256;

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) token: Token,
}

/// Somebody who follows a room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present {
    pub(crate) link: usize,
    pub(crate) user: UserId,
}

/// The password of a person.
pub(crate) fn password(number: usize) -> String {
    format!("not a word {number} anybody knows")
}

/// Registers `count` people, so many at a time.
pub(crate) fn register(server: &Server, count: usize, at_once: usize) -> Result<Vec<Person>> {
    let scripts = (0..count).map(|number| {
        let ask = Register {
            user: format!("load{number}"),
            name: format!("Load {number}"),
            secret: Secret(password(number)),
            dev_name: "load".into(),
            invite: None,
        };
        Script { link: None, ask: vec![hello(), ask.into()], leave: true }
    });
    let played = play(&mut Swarm::new()?, server, scripts.collect(), at_once)?;
    let person = |played: &crate::play::Played| {
        let session: Session = played.answers.last().context("no answer")?.decode()?;
        Ok(Person { user: session.user, token: session.token.context("no token")? })
    };
    played.iter().map(person).collect()
}

impl Person {
    /// Somebody whose account was made otherwise.
    pub(crate) const fn new(user: UserId, token: Token) -> Self {
        Self { user, token }
    }

    /// Comes and logs in.
    pub(crate) fn comes(&self) -> Vec<Request> {
        vec![hello(), self.log_in()]
    }

    /// The same, and follows the rooms.
    pub(crate) fn follows(&self) -> Vec<Request> {
        vec![hello(), self.log_in(), Sync::default().into()]
    }

    /// Logs in with the token of the registration.
    pub(crate) fn log_in(&self) -> Request {
        Auth { mech: "token".into(), token: Some(self.token.clone()), ..Auth::default() }.into()
    }
}

/// Brings people into one room of this name, which is made when `people` is the first to use it,
/// and ends when all of them follow it and nothing more comes.
pub(crate) fn gather(
    swarm: &mut Swarm,
    server: &Server,
    people: &[Person],
    name: &str,
) -> Result<(RoomId, Vec<Present>)> {
    let first = people.first().context("nobody to gather")?;
    let create = RoomCreate { name: name.into(), private: false, topic: String::new() };
    let script =
        Script { link: None, ask: vec![hello(), first.log_in(), create.into()], leave: true };
    let made = play(swarm, server, vec![script], 1)?;
    let room: event::Room =
        made.first().and_then(|made| made.answers.last()).context("no room")?.decode()?;
    let join = |person: &Person| {
        let join = RoomJoin { room: Some(room.room), name: None };
        Script { link: None, ask: vec![hello(), person.log_in(), join.into()], leave: false }
    };
    let joined = play(swarm, server, people.iter().map(join).collect(), LOG_IN_AT_ONCE)?;
    let sync = |link| Script { link: Some(link), ask: vec![Sync::default().into()], leave: false };
    play(swarm, server, joined.iter().map(|joined| sync(joined.link)).collect(), LOG_IN_AT_ONCE)?;
    settle(swarm)?;
    let present = joined
        .iter()
        .zip(people)
        .map(|(joined, person)| Present { link: joined.link, user: person.user });
    Ok((room.room, present.collect()))
}
