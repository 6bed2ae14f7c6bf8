//! What is typed, and what came of it.

use std::path::PathBuf;

use liao_common::{
    id::{FileId, RoomId},
    limits,
    name::{RoomName, UserName},
    text::clean_line,
};

use super::{Deed, Moving, Stage, Talk};
use crate::plain::{
    deed::{Outcome, Then},
    event::Event,
    input::Input,
    typed::{self, Mistyped, Target, Typed},
};

impl Talk {
    pub(super) fn typed(&mut self, input: Option<Input>) -> Option<Deed> {
        self.moved();
        let why = match input {
            None => {
                self.end();
                return None;
            }
            Some(Input::Line(line)) => match typed::parse(&line) {
                Ok(typed) if typed.needs_room() && self.room.is_none() => {
                    self.words.fill("plain.astray", &[("text", &clean_line(&line))])
                }
                Ok(typed) => return self.take(&line, typed),
                Err(mistyped) => self.mistyped(&mistyped),
            },
            Some(Input::TooLong) => self.mistyped(&Mistyped::TooLong),
            Some(Input::NotText(line)) => {
                if typed::means_a_room(&line) {
                    self.room = None;
                }
                self.words.t("plain.not_text").to_owned()
            }
        };
        self.fail(&why);
        None
    }

    /// Begins with a line. Until it is known what came of it, it is not forgotten.
    fn take(&mut self, line: &str, typed: Typed<'_>) -> Option<Deed> {
        let (room, words) = match &typed {
            Typed::Say(text) => (self.room.map(|room| self.story.chat(room).label), *text),
            Typed::Msg(user, text) => (Some(user.to_string()), *text),
            Typed::File(Target::Person(user), path) => (Some(user.to_string()), *path),
            Typed::File(Target::Room(name), path) => (Some(format!("#{name}")), *path),
            _ => (None, line),
        };
        self.unsent.take(room, words.to_owned());
        let deed = self.begin(typed);
        if deed.is_none() {
            self.unsent.let_go();
        }
        deed
    }

    /// Why a line means nothing. Words behind a change of room that failed are not for the room before it.
    fn mistyped(&mut self, mistyped: &Mistyped) -> String {
        if mistyped.means_a_room() {
            self.room = None;
        }
        match mistyped {
            Mistyped::TooLong => {
                let count = limits::TEXT_BYTES_MAX;
                self.words.fill("plain.too_long", &[("count", &count)])
            }
            Mistyped::Unknown(name) => {
                self.words.fill("plain.unknown_command", &[("command", name)])
            }
            Mistyped::Usage(wrong, command, usage) => {
                self.words.fill(wrong.key(), &[("command", command), ("usage", usage)])
            }
        }
    }

    fn begin(&mut self, typed: Typed<'_>) -> Option<Deed> {
        let doer = self.doer.clone();
        match typed {
            Typed::Nothing => None,
            Typed::Exit => {
                self.end();
                None
            }
            Typed::Say(text) => {
                let then = Then::Say(text.to_owned(), self.story.named(text));
                Some(Box::pin(doer.go_on(self.room?, then)))
            }
            Typed::Msg(user, text) => {
                let then = Then::Say(text.to_owned(), self.story.named(text));
                Some(self.with_person(user, then))
            }
            Typed::File(Target::Person(user), path) => {
                Some(self.with_person(user, Then::File(path.into())))
            }
            Typed::File(Target::Room(name), path) => match self.story.room(&name) {
                Some(room) => Some(Box::pin(doer.go_on(room, Then::File(path.into())))),
                None => {
                    self.no_room(name.as_str());
                    None
                }
            },
            Typed::Join(name) => self.enter(name),
            Typed::Room(name) => {
                match self.story.room(&name) {
                    Some(room) => self.entered(room),
                    None => {
                        self.room = None;
                        self.no_room(name.as_str());
                    }
                }
                None
            }
            Typed::Who => Some(Box::pin(doer.who())),
            Typed::Get(fid, path) => self.get(fid, path),
            errand => self.errand(errand),
        }
    }

    /// What is about the present room, or about the account.
    fn errand(&mut self, typed: Typed<'_>) -> Option<Deed> {
        let doer = self.doer.clone();
        Some(match typed {
            Typed::Order(verb, user, why) => {
                Box::pin(doer.order((self.room?, verb), user, why.to_owned()))
            }
            Typed::Bans => Box::pin(doer.bans(self.room?)),
            Typed::Topic(topic) => Box::pin(doer.topic(self.room?, topic.to_owned())),
            Typed::Leave if self.room == Some(RoomId::LOBBY) => {
                let room = self.story.chat(RoomId::LOBBY).label;
                self.fail(&self.words.fill("room.lobby_stays", &[("room", &room)]));
                return None;
            }
            Typed::Leave => Box::pin(doer.leave(self.room?)),
            Typed::Rooms => Box::pin(doer.rooms()),
            Typed::Create(name, topic) => Box::pin(doer.create(name, topic.to_owned())),
            Typed::Devices => Box::pin(doer.devices()),
            Typed::LogOut(dev) => Box::pin(doer.log_out(dev)),
            _ => {
                self.paper.note(self.words.t("plain.usage"));
                return None;
            }
        })
    }

    fn get(&mut self, fid: FileId, path: Option<&str>) -> Option<Deed> {
        let path = path.map(PathBuf::from);
        if let Some((room, offer)) = self.story.offer(fid) {
            let outcome = self.doer.get(*room, offer, path.as_deref());
            self.done(outcome);
            return None;
        }
        let rooms = self.story.model().rooms().iter().map(|room| room.id).collect();
        Some(Box::pin(self.doer.clone().find_and_get(fid, path, rooms)))
    }

    /// Two people have one room; it is opened before the first word.
    fn with_person(&self, user: UserName, then: Then) -> Deed {
        let doer = self.doer.clone();
        match self.story.direct(&user) {
            Some(room) => Box::pin(doer.go_on(room, then)),
            None => Box::pin(doer.open(user, then)),
        }
    }

    fn no_room(&mut self, name: &str) {
        let room = format!("#{name}");
        self.fail(&self.words.fill("plain.no_room", &[("room", &room)]));
    }

    pub(super) fn enter(&mut self, name: RoomName) -> Option<Deed> {
        if let Some(room) = self.story.room(&name) {
            self.entered(room);
            return None;
        }
        let invited = self.story.invitation(&name);
        Some(Box::pin(self.doer.clone().enter(name, invited)))
    }

    fn entered(&mut self, room: RoomId) {
        self.room = Some(room);
        if self.stage == Stage::Begin {
            self.stage = Stage::Talk;
        }
        self.paper.tell(&Event::Room(self.story.chat(room)));
        if self.terminal && !self.options.json {
            self.paper.note(self.words.t("plain.usage"));
        }
    }

    pub(super) fn done(&mut self, outcome: Outcome) {
        self.moved();
        if !outcome.goes_on() {
            self.unsent.let_go();
        }
        match outcome {
            Outcome::Posted(nonce) => {
                self.posts += 1;
                self.unsent.posts(nonce);
            }
            Outcome::Entered(room) => {
                let id = room.room;
                self.story.learn(*room);
                self.entered(id);
            }
            Outcome::Opened(room, then) => {
                let id = room.room;
                self.story.learn(*room);
                self.next = Some(Box::pin(self.doer.clone().go_on(id, then)));
            }
            Outcome::Told(event) => self.paper.tell(&event),
            Outcome::Did(Some(key)) => self.paper.note(self.words.t(key)),
            Outcome::Did(None) => {}
            Outcome::Left(room) if self.room == Some(room) => self.entered(RoomId::LOBBY),
            Outcome::Left(_) => {}
            Outcome::Moving(id, name) => {
                self.unsent.moves(id, name.clone());
                self.transfers.insert(id, Moving { name, quarter: 0 });
                // It may have come far already.
                self.transfer(id);
            }
            Outcome::Failed(why) => self.failed(&why),
            Outcome::Strayed(why) => {
                self.room = None;
                self.failed(&why);
            }
        }
    }

    fn failed(&mut self, why: &str) {
        self.fail(&self.words.fill("plain.unsent", &[("reason", &why)]));
        if self.stage == Stage::Begin {
            self.end();
        }
    }
}
