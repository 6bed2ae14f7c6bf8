//! Waiting for one of two things when both may be ready all the time. They are looked at first by
//! turns and not by chance, so neither starves the other, and a run can be repeated.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// What was ready.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Either<A, B> {
    /// The one thing.
    One(A),
    /// The other.
    Other(B),
}

/// Whose turn it is to be looked at first.
#[derive(Debug, Default)]
pub(crate) struct Turns(bool);

impl Turns {
    /// The next turn.
    pub(crate) const fn next(&mut self) -> bool {
        self.0 = !self.0;
        self.0
    }
}

/// Waits for the one that is ready first; of two ready ones, for the one whose `turn` it is. The
/// other is dropped.
pub(crate) async fn race<A: Future, B: Future>(
    turn: bool,
    one: A,
    other: B,
) -> Either<A::Output, B::Output> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| {
        if turn && let Poll::Ready(done) = one.as_mut().poll(cx) {
            return Poll::Ready(Either::One(done));
        }
        if let Poll::Ready(done) = other.as_mut().poll(cx) {
            return Poll::Ready(Either::Other(done));
        }
        if !turn && let Poll::Ready(done) = one.as_mut().poll(cx) {
            return Poll::Ready(Either::One(done));
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn two_that_are_always_ready_come_by_turns() {
        let mut turns = Turns::default();
        let mut came = Vec::new();
        for _ in 0..4 {
            came.push(race(turns.next(), ready('a'), ready('b')).await);
        }
        assert_eq!(
            came,
            [Either::One('a'), Either::Other('b'), Either::One('a'), Either::Other('b')]
        );
        for turn in [true, false] {
            assert_eq!(race(turn, pending::<()>(), ready(1)).await, Either::Other(1));
            assert_eq!(race(turn, ready(1), pending::<()>()).await, Either::One(1));
        }
    }
}
