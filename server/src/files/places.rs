//! How many transfers may be under way: of all people together, since each keeps a file open, and of one
//! person, so that nobody keeps the others from theirs. Owns the counts; a [`Place`] is given back when it
//! is dropped.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use liao_common::id::UserId;

use super::FileError;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Places {
    max: usize,
    user_max: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<UserId, usize>,
}

/// One transfer that may go on.
#[derive(Debug)]
pub(super) struct Place {
    user: UserId,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    /// So many for all, and so many for one person; where there are few, half of them at most.
    pub(super) fn new(max: usize, user_max: usize) -> Self {
        Self { max, user_max: user_max.min((max / 2).max(1)), taken: Arc::default() }
    }

    /// A place for a transfer of this person.
    ///
    /// # Errors
    /// [`FileError::Busy`] or [`FileError::TooMany`].
    pub(super) fn take(&self, user: UserId) -> Result<Place, FileError> {
        let mut taken = lock(&self.taken);
        if taken.all >= self.max {
            return Err(FileError::Busy);
        }
        let own = taken.by.get(&user).copied().unwrap_or_default();
        if own >= self.user_max {
            return Err(FileError::TooMany);
        }
        taken.by.insert(user, own + 1);
        taken.all += 1;
        Ok(Place { user, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all = taken.all.saturating_sub(1);
        let left = taken.by.get(&self.user).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            taken.by.remove(&self.user);
        } else {
            taken.by.insert(self.user, left);
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_places_of_the_others() {
        let places = Places::new(8, 3);
        let mut anna: Vec<_> = (0..3).map(|_| places.take(UserId(1)).unwrap()).collect();
        assert!(matches!(places.take(UserId(1)), Err(FileError::TooMany)));
        let others: Vec<_> = (2..7).map(|user| places.take(UserId(user)).unwrap()).collect();
        assert!(matches!(places.take(UserId(9)), Err(FileError::Busy)));
        drop(anna.pop());
        anna.push(places.take(UserId(1)).unwrap());
        drop((anna, others));
        assert!(lock(&places.taken).by.is_empty() && lock(&places.taken).all == 0);
    }

    #[test]
    fn where_there_are_few_one_person_has_half_of_them() {
        for (max, own) in [(1, 1), (2, 1), (3, 1), (10, 5), (4096, 16)] {
            let places = Places::new(max, 16);
            let taken: Vec<_> = (0..own).map(|_| places.take(UserId(1)).unwrap()).collect();
            assert!(places.take(UserId(1)).is_err(), "{} of {max}", taken.len());
        }
    }
}
