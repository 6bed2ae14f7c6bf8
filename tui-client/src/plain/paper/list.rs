//! Lists that were asked for, on paper: one line or one object for each entry. Part of the paper.

use std::io::Write;

use super::{Line, Paper, about, rfc3339};
use crate::plain::event::{Banned, Event, Listed, Place};

impl<O: Write, E: Write> Paper<O, E> {
    pub(super) fn list_person(&mut self, event: &Event) {
        let words = self.words;
        match event {
            Event::Bans(bans) if bans.is_empty() => self.line(words.t("room.no_bans")),
            Event::Bans(bans) => bans.iter().for_each(|ban| self.banned(ban)),
            Event::Rooms(rooms) => rooms.iter().for_each(|room| self.listed(room)),
            Event::Devices(places) if places.is_empty() => self.line(words.t("devices.none")),
            Event::Devices(places) => places.iter().for_each(|place| self.place(place)),
            _ => {}
        }
    }

    fn banned(&mut self, ban: &Banned) {
        let Banned { who, why, at_ms } = ban;
        let time = self.time(*at_ms);
        let person = format!("{} ({})", who.name, who.id);
        let key = if why.is_empty() { "plain.banned" } else { "plain.banned_why" };
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("time", &time), ("name", &person), ("reason", why)];
        self.line(&self.words.fill(key, &values));
    }

    fn listed(&mut self, room: &Listed) {
        let members = self.words.count("room.members", room.members);
        let facts = [room.label.as_str(), members.as_str(), room.topic.as_str()];
        let facts: Vec<&str> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        self.line(&facts.join("  "));
    }

    fn place(&mut self, place: &Place) {
        let words = self.words;
        let name = if place.name.is_empty() {
            words.fill("devices.nameless", &[("number", &place.dev)])
        } else {
            place.name.clone()
        };
        let state = if place.here {
            words.t("devices.here").to_owned()
        } else if place.online {
            words.t("devices.online").to_owned()
        } else if place.seen_ms > 0 {
            words.fill("devices.seen", &[("when", &self.time(place.seen_ms))])
        } else {
            String::new()
        };
        self.line(format!("{}  {name}  {state}", place.dev).trim_end());
    }

    pub(super) fn list_program(&mut self, event: &Event) {
        match event {
            Event::Bans(bans) => {
                for ban in bans {
                    let time = rfc3339(ban.at_ms);
                    let text = Some(ban.why.as_str()).filter(|why| !why.is_empty());
                    self.object(&Line { kind: "banned", time, text, ..about(&ban.who) });
                }
            }
            Event::Rooms(rooms) => {
                for room in rooms {
                    let text = Some(room.topic.as_str()).filter(|topic| !topic.is_empty());
                    let (label, count) = (Some(room.label.as_str()), Some(room.members));
                    let kind = "listed";
                    self.object(&Line { kind, room: label, text, count, ..Line::default() });
                }
            }
            Event::Devices(places) => {
                for place in places {
                    self.object(&Line {
                        kind: "device",
                        dev: Some(place.dev.0),
                        name: Some(&place.name),
                        time: rfc3339(place.seen_ms).filter(|_| place.seen_ms > 0),
                        online: Some(place.online),
                        here: Some(place.here),
                        ..Line::default()
                    });
                }
            }
            _ => {}
        }
    }
}
