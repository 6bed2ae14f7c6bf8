//! The rooms one connection follows. Most follow a handful, and there are many connections: so a list
//! that holds little more than it has, sorted by room.

use liao_common::id::RoomId;

use crate::chat::follow::Follow;

/// See the module. No room is in it twice.
#[derive(Debug, Default)]
pub(super) struct Following(Vec<Follow>);

impl Following {
    fn place(&self, room: RoomId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&room, |follow| follow.room.id)
    }

    /// Adds a room; gives back what was there for it before.
    pub(super) fn insert(&mut self, follow: Follow) -> Option<Follow> {
        match self.place(follow.room.id) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place], follow)),
            Err(place) => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(1 + self.0.len() / 2);
                }
                self.0.insert(place, follow);
                None
            }
        }
    }

    pub(super) fn remove(&mut self, room: RoomId) -> Option<Follow> {
        self.place(room).ok().map(|place| self.0.remove(place))
    }

    pub(super) fn find(&mut self, room: RoomId) -> Option<&mut Follow> {
        let place = self.place(room).ok()?;
        self.0.get_mut(place)
    }

    pub(super) fn has(&self, room: RoomId) -> bool {
        self.place(room).is_ok()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Follow> {
        self.0.iter_mut()
    }

    /// Empties it; gives all that was there, by room.
    pub(super) fn take_all(&mut self) -> Vec<Follow> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use liao_common::id::{DeviceId, Seq, UserId};

    use super::*;
    use crate::chat::{
        mailbox::Mailbox,
        room::{Interest, LiveRoom},
    };

    fn follow(id: u64, position: u64) -> Follow {
        let room = Arc::new(LiveRoom::new(RoomId(id)));
        let mailbox = Arc::new(Mailbox::new(UserId(1), DeviceId(1)));
        let follower = room.follow(mailbox, Interest::Belongs);
        let position = Seq(position);
        Follow { room, follower, position, until: None }
    }

    #[test]
    fn rooms_are_found_replaced_and_given_back_in_order() {
        let mut following = Following::default();
        for id in [5, 1, 9, 3, 7] {
            assert!(following.insert(follow(id, 0)).is_none());
        }
        assert_eq!(following.insert(follow(3, 8)).map(|old| old.position), Some(Seq(0)));
        assert_eq!(following.find(RoomId(3)).map(|found| found.position), Some(Seq(8)));
        assert_eq!(following.remove(RoomId(5)).map(|left| left.room.id), Some(RoomId(5)));
        assert!(!following.has(RoomId(5)) && following.remove(RoomId(5)).is_none());
        assert!(following.has(RoomId(9)) && following.find(RoomId(4)).is_none());
        let rooms: Vec<_> = following.take_all().iter().map(|follow| follow.room.id.0).collect();
        assert_eq!(rooms, [1, 3, 7, 9]);
        assert_eq!(following.iter_mut().count(), 0);
    }

    #[test]
    fn one_room_takes_the_room_of_one() {
        let mut following = Following::default();
        following.insert(follow(1, 0));
        assert_eq!(following.0.capacity(), 1);
    }
}
