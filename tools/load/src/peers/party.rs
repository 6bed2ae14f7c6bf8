//! Everybody who is connected to one server: logs them in, lets them enter, listens. Owns the
//! connections and what each has heard half of.

use std::{net::SocketAddr, ops::Range, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use rustls::ClientConfig;

use super::{
    dialect::{Dialect, Heard, Post, Scene},
    payload,
};
use crate::{clock::Deadline, swarm::Swarm};

/// Logins or entrances under way at a time.
const AT_ONCE: usize = 1024;

/// How long all may take to log in, or to enter.
const SETTLED_WITHIN: Duration = Duration::from_secs(240);

/// After this long without a byte nothing more is expected.
const QUIET: Duration = Duration::from_millis(300);

/// What one person heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Said { sender: usize, number: u64 },
    Accepted(u64),
    Settled,
}

/// See the module.
pub(super) struct Party {
    pub(super) dialect: Box<dyn Dialect>,
    swarm: Swarm,
    addr: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    /// By person: whose link it is is its place, since links are numbered as they are opened.
    rests: Vec<Vec<u8>>,
    out: Vec<u8>,
}

impl Party {
    pub(super) fn new(
        addr: SocketAddr,
        tls: Option<Arc<ClientConfig>>,
        dialect: Box<dyn Dialect>,
    ) -> Result<Self> {
        let (rests, out) = (Vec::new(), Vec::new());
        Ok(Self { dialect, swarm: Swarm::new()?, addr, tls, rests, out })
    }

    pub(super) fn len(&self) -> usize {
        self.rests.len()
    }

    /// Connects and logs in so many more.
    pub(super) fn log_in(&mut self, count: usize) -> Result<()> {
        let all = self.len()..self.len() + count;
        self.settle(all, |party, who| {
            let link = party.swarm.connect(party.addr, party.tls.as_ref())?;
            if link != who {
                bail!("link {link} of person {who}");
            }
            party.rests.push(Vec::new());
            party.out.clear();
            let answers = party.dialect.log_in(who, &mut party.out);
            party.swarm.send(who, &party.out)?;
            Ok(answers)
        })
    }

    /// Everybody takes their place, and all is quiet again.
    pub(super) fn enter(&mut self, scene: Scene) -> Result<()> {
        self.settle(0..self.len(), |party, who| {
            party.out.clear();
            let answers = party.dialect.enter(who, scene, &mut party.out);
            party.swarm.send(who, &party.out)?;
            Ok(answers)
        })?;
        self.settle(0..self.len(), |party, who| {
            party.out.clear();
            let answers = party.dialect.look(who, scene, &mut party.out);
            party.swarm.send(who, &party.out)?;
            Ok(answers)
        })?;
        self.quiet()
    }

    /// Has the server say again what it kept; the first person hears it.
    pub(super) fn reread(&mut self) -> Result<()> {
        self.out.clear();
        self.dialect.reread(&mut self.out);
        self.swarm.send(0, &self.out)
    }

    /// Asks for everybody in `all` and waits until each has all answers.
    fn settle(
        &mut self,
        all: Range<usize>,
        mut ask: impl FnMut(&mut Self, usize) -> Result<usize>,
    ) -> Result<()> {
        let deadline = Deadline::within(SETTLED_WITHIN);
        let (first, mut left) = (all.start, all.len());
        let mut unasked = all.peekable();
        let (mut open, mut missing) = (0, vec![0; left]);
        while left > 0 {
            while open < AT_ONCE
                && let Some(who) = unasked.next()
            {
                let answers = ask(self, who)?;
                missing[who - first] = answers;
                if answers == 0 {
                    left -= 1
                } else {
                    open += 1
                }
                // A server's queue of connections is shorter than all of them.
                if who % 64 == 0 {
                    break;
                }
            }
            let wait = if open < AT_ONCE && unasked.peek().is_some() { 0 } else { 1000 };
            self.listen(Duration::from_millis(wait), |who, word| {
                if word == Word::Settled
                    && let Some(missing) = who.checked_sub(first).and_then(|at| missing.get_mut(at))
                    && *missing > 0
                {
                    *missing -= 1;
                    if *missing == 0 {
                        open -= 1;
                        left -= 1;
                    }
                }
                Ok(())
            })?;
            deadline.check("logging in and entering")?;
        }
        Ok(())
    }

    /// Listens until nothing comes any more.
    pub(super) fn quiet(&mut self) -> Result<()> {
        let deadline = Deadline::within(SETTLED_WITHIN);
        while self.listen(QUIET, |_, _| Ok(()))? {
            deadline.check("quiet")?;
        }
        Ok(())
    }

    /// Posts with the next [`Self::listen`].
    pub(super) fn post(&mut self, who: usize, number: u64, scene: Scene) -> Result<()> {
        self.out.clear();
        let payload = payload::make(who, number);
        let post = Post { who, number, scene, payload: &payload };
        self.dialect.post(&post, &mut self.out)?;
        self.swarm.send(who, &self.out)
    }

    /// Sends what waits, then hands on what has come. False when nothing came for so long.
    pub(super) fn listen(
        &mut self,
        time: Duration,
        mut each: impl FnMut(usize, Word) -> Result<()>,
    ) -> Result<bool> {
        let ready = self.swarm.wait_for(time)?;
        let mut replies = Vec::new();
        for &who in &ready {
            let rest = self.rests.get_mut(who).context("a stranger's link")?;
            while let Some(piece) = self.swarm.read(who)? {
                digest(&*self.dialect, rest, piece, |heard| match heard {
                    Heard::Said(bytes) => {
                        let (sender, number) =
                            payload::read(bytes).context("not what anybody posted")?;
                        each(who, Word::Said { sender, number })
                    }
                    Heard::Settled => each(who, Word::Settled),
                    Heard::Accepted(receipt) => each(who, Word::Accepted(receipt)),
                    Heard::Asked(reply) => {
                        replies.push((who, reply));
                        Ok(())
                    }
                    Heard::Other => Ok(()),
                })
                .with_context(|| format!("what person {who} heard"))?;
            }
        }
        replies.into_iter().try_for_each(|(who, reply)| self.swarm.send(who, &reply))?;
        Ok(!ready.is_empty())
    }
}

/// Cuts what was left over and what has come into words.
fn digest(
    dialect: &dyn Dialect,
    rest: &mut Vec<u8>,
    piece: &[u8],
    mut each: impl FnMut(Heard<'_>) -> Result<()>,
) -> Result<()> {
    let mut take = |bytes: &[u8]| {
        let mut taken = 0;
        while let Some((length, heard)) = dialect.cut(&bytes[taken..])? {
            each(heard)?;
            taken += length;
        }
        anyhow::Ok(taken)
    };
    if rest.is_empty() {
        let taken = take(piece)?;
        rest.extend_from_slice(&piece[taken..]);
    } else {
        rest.extend_from_slice(piece);
        let taken = take(rest)?;
        rest.drain(..taken);
    }
    Ok(())
}
