//! What a system must be able to say, so that all of them go through the same generator: log in,
//! enter, post, and cut what comes into words. Holds for every dialect: posts of one sender are
//! accepted in order, where they are accepted at all.

use anyhow::Result;

/// Who hears whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// One room; everybody hears everything.
    Hall,
    /// Person 2k talks to person 2k+1.
    Pairs,
    /// What is said is kept and accepted; nobody listens.
    Log,
}

/// Something to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Post<'a> {
    pub(super) who: usize,
    /// As their how manyeth.
    pub(super) number: u64,
    pub(super) scene: Scene,
    pub(super) payload: &'a [u8],
}

/// One word of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// Somebody said this.
    Said(&'a [u8]),
    /// A question of [`Dialect::log_in`] or [`Dialect::enter`] is answered.
    Settled,
    /// A post is taken; which one, as [`Dialect::receipt`] says.
    Accepted(u64),
    /// The server wants this answer, or takes us for dead.
    Asked(Vec<u8>),
    /// Nothing that matters.
    Other,
}

/// See the module. People are numbers from 0.
pub(super) trait Dialect {
    /// Puts in `out` what logs this person in; gives how many answers settle it.
    fn log_in(&self, who: usize, out: &mut Vec<u8>) -> usize;

    /// The same for taking one's place.
    fn enter(&self, who: usize, scene: Scene, out: &mut Vec<u8>) -> usize;

    /// The same for looking at the scene, once all have entered: where entering is not enough to hear.
    fn look(&self, _who: usize, _scene: Scene, _out: &mut Vec<u8>) -> usize {
        0
    }

    /// Puts in `out` what makes the server say again all that it has kept, if it can be asked so.
    fn reread(&self, _out: &mut Vec<u8>) {}

    /// Says it.
    ///
    /// # Errors
    /// When there is no form for it.
    fn post(&mut self, post: &Post<'_>, out: &mut Vec<u8>) -> Result<()>;

    /// The first word in `bytes` and its length; `None` when it is not all there.
    ///
    /// # Errors
    /// When the server refuses something, or what it says cannot be read.
    fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<(usize, Heard<'a>)>>;

    /// Whether who speaks hears it as well.
    fn echoes(&self, scene: Scene) -> bool;

    /// How the acceptance of this post is marked; `None` where posts are not accepted.
    fn receipt(&self, _number: u64) -> Option<u64> {
        None
    }
}
