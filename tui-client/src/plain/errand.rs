//! Typed lines about rooms, about who may be in them, and about the devices of the account. Each asks the server
//! and says what came of it.

use liao_client_core::answer::CallError;
use liao_common::{
    event::Rank,
    id::{DeviceId, RoomId, UserId},
    name::{RoomName, UserName},
    request::{
        Devices, Revoke, RoomBan, RoomBans, RoomCreate, RoomInvite, RoomKick, RoomLeave, RoomList,
        RoomRole, RoomTopic, RoomUnban, Users,
    },
    text::clean_line,
};

use super::{
    deed::{Doer, Outcome},
    event::{Banned, Event, Listed, Place, Who},
};
use crate::command::Verb;

/// Pages of rooms or of bans that are asked for.
const PAGES_MAX: usize = 20;

impl Doer {
    /// Does to a person in a room what a command says, for a reason that may be empty.
    pub(super) async fn order(
        self,
        (room, verb): (RoomId, Verb),
        user: UserName,
        why: String,
    ) -> Outcome {
        let names = vec![user.as_str().to_owned()];
        let found = match self.handle.call(Users { ids: Vec::new(), names }).await {
            Ok(page) => page.users.first().map(|found| found.user),
            Err(error) => return Outcome::Failed(self.sentence(&error)),
        };
        let Some(found) = found else {
            return Outcome::Failed(self.words.fill("plain.no_person", &[("user", &user)]));
        };
        let note = match verb {
            Verb::Ban => Some("status.banned"),
            Verb::Unban => Some("status.unbanned"),
            Verb::Invite => Some("status.invited"),
            // The room's log tells it.
            _ => None,
        };
        let done = self.order_person(room, verb, found, why).await;
        self.did(done, note)
    }

    async fn order_person(
        &self,
        room: RoomId,
        verb: Verb,
        user: UserId,
        text: String,
    ) -> Result<(), CallError> {
        let role = |role| RoomRole { room, user, role };
        match verb {
            Verb::Kick => self.handle.call(RoomKick { room, user, text }).await,
            Verb::Ban => self.handle.call(RoomBan { room, user, text }).await,
            Verb::Unban => self.handle.call(RoomUnban { room, user }).await,
            Verb::Invite => self.handle.call(RoomInvite { room, user }).await,
            Verb::Mod => self.handle.call(role(Rank::Moderator)).await,
            _ => self.handle.call(role(Rank::Member)).await,
        }
        .map(drop)
    }

    /// Says what a room is about.
    pub(super) async fn topic(self, room: RoomId, topic: String) -> Outcome {
        let done = self.handle.call(RoomTopic { room, topic }).await.map(drop);
        self.did(done, None)
    }

    /// Leaves a room; lines go to the lobby from then on.
    pub(super) async fn leave(self, room: RoomId) -> Outcome {
        match self.handle.call(RoomLeave { room }).await {
            Ok(_) => Outcome::Left(room),
            Err(error) => Outcome::Strayed(self.sentence(&error)),
        }
    }

    /// Makes a room and enters it.
    pub(super) async fn create(self, name: RoomName, topic: String) -> Outcome {
        match self.handle.call(RoomCreate { name: name.into(), private: false, topic }).await {
            Ok(room) => Outcome::Entered(Box::new(room)),
            Err(error) => Outcome::Strayed(self.sentence(&error)),
        }
    }

    /// Says who may not enter a room.
    pub(super) async fn bans(self, room: RoomId) -> Outcome {
        let (mut banned, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = match self.handle.call(RoomBans { room, after, limit: None }).await {
                Ok(page) => page,
                Err(error) => return Outcome::Failed(self.sentence(&error)),
            };
            banned.extend(page.bans.into_iter().map(|ban| Banned {
                who: Who { id: clean_line(&ban.user.id), name: clean_line(&ban.user.name) },
                why: clean_line(&ban.text),
                at_ms: ban.at_ms,
            }));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Outcome::Told(Event::Bans(banned))
    }

    /// Says which rooms there are.
    pub(super) async fn rooms(self) -> Outcome {
        let (mut rooms, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = match self.handle.call(RoomList { after, ..RoomList::default() }).await {
                Ok(page) => page,
                Err(error) => return Outcome::Failed(self.sentence(&error)),
            };
            rooms.extend(page.rooms.into_iter().map(|room| Listed {
                label: format!("#{}", clean_line(&room.name)),
                topic: clean_line(&room.topic),
                members: room.members,
            }));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Outcome::Told(Event::Rooms(rooms))
    }

    /// Says where the account is logged in.
    pub(super) async fn devices(self) -> Outcome {
        match self.handle.call(Devices {}).await {
            Ok(list) => {
                let place = |device: &liao_common::event::Device| Place {
                    dev: device.dev,
                    name: clean_line(&device.name),
                    seen_ms: device.seen,
                    here: device.here,
                    online: device.online,
                };
                Outcome::Told(Event::Devices(list.devices.iter().map(place).collect()))
            }
            Err(error) => Outcome::Failed(self.sentence(&error)),
        }
    }

    /// Logs one of the devices out.
    pub(super) async fn log_out(self, dev: DeviceId) -> Outcome {
        let done = self.handle.call(Revoke { dev }).await.map(drop);
        self.did(done, Some("devices.logged_out"))
    }

    fn did(&self, done: Result<(), CallError>, note: Option<&'static str>) -> Outcome {
        match done {
            Ok(()) => Outcome::Did(note),
            Err(error) => Outcome::Failed(self.sentence(&error)),
        }
    }
}
