//! Writes what happened, one line each: in words for people, or as JSON objects for programs. What
//! is an event goes to standard output, what is about the program itself to standard error.

use std::io::{self, Write};

use jiff::{Timestamp, tz::TimeZone};
use liao_client_core::clock;
use liao_common::text;
use serde::Serialize;

use super::event::{Chat, Event, Said, What, Who};
use crate::{
    clock::offset_at,
    format,
    view::reasons::{farewell_sentence, role_sentence},
    words::Words,
};

/// Where line mode writes.
pub(super) struct Paper<O, E> {
    out: O,
    err: E,
    json: bool,
    words: &'static Words,
    zone: TimeZone,
    torn: bool,
}

/// One line of JSON. What an event does not have is left out.
#[derive(Debug, Default, Serialize)]
struct Line<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    at: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    online: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ban: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    here: Option<bool>,
}

impl<O: Write, E: Write> Paper<O, E> {
    pub(super) fn new(
        (out, err): (O, E),
        json: bool,
        words: &'static Words,
        zone: TimeZone,
    ) -> Self {
        Self { out, err, json, words, zone, torn: false }
    }

    /// Whether nobody reads standard output any more.
    pub(super) const fn is_torn(&self) -> bool {
        self.torn
    }

    /// Tells what happened.
    pub(super) fn tell(&mut self, event: &Event) {
        if self.json {
            self.tell_program(event);
        } else {
            self.tell_person(event);
        }
    }

    /// Says what could not be done.
    pub(super) fn complain(&mut self, sentence: &str) {
        self.note(sentence);
        if self.json {
            self.object(&Line { kind: "error", text: Some(sentence), ..Line::default() });
        }
    }

    /// Says something about the program itself. Nobody may be listening; that is no reason to end.
    pub(super) fn note(&mut self, sentence: &str) {
        drop(writeln!(self.err, "{}", text::clean_line(sentence)).and_then(|()| self.err.flush()));
    }

    fn tell_person(&mut self, event: &Event) {
        let words = self.words;
        match event {
            Event::Ready(who) => self.note(&words.fill("plain.logged_in", &[("user", &who.id)])),
            Event::Room(chat) => self.note(&words.fill("plain.in_room", &[("room", &chat.label)])),
            Event::Said(said) => self.line(&self.sentence(said)),
            Event::Missed(chat, count) => {
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("room", &chat.label), ("count", count)];
                self.line(&words.fill("plain.missed", &values));
            }
            Event::Presence(who, online) => {
                let key = if *online { "plain.online" } else { "plain.offline" };
                let time = self.time(clock::wall_ms());
                self.line(&words.fill(key, &[("time", &time), ("name", &who.name)]));
            }
            Event::Online(people) => {
                let names: Vec<_> =
                    people.iter().map(|who| format!("{} ({})", who.name, who.id)).collect();
                self.line(&words.fill("plain.people", &[("names", &names.join(", "))]));
            }
            Event::Bans(_) | Event::Rooms(_) | Event::Devices(_) => self.list_person(event),
            Event::Progress(file, phase, percent) => {
                let phase = words.t(phase);
                self.note(&words.fill(
                    "plain.file_progress",
                    &[("file", file), ("phase", &phase), ("percent", percent)],
                ));
            }
            Event::Saved(_, path) => {
                self.line(&words.fill("files.saved_as", &[("path", &path.display())]));
            }
        }
    }

    fn sentence(&self, said: &Said) -> String {
        let (words, name) = (self.words, &said.from.name);
        let time = self.time(said.at_ms);
        let in_room = |key: &str| {
            let room = &said.chat.label;
            words.fill(key, &[("time", &time), ("name", name), ("room", room)])
        };
        match &said.what {
            What::Text(text) => self.spoken(said, &time, text),
            What::File(file) => {
                let size = format::size(file.size);
                let offer = words.fill(
                    "plain.offer",
                    &[("file", &file.name), ("size", &size), ("fid", &file.fid)],
                );
                self.spoken(said, &time, &offer)
            }
            What::Join => in_room("plain.joined"),
            What::Leave => in_room("plain.left"),
            what => {
                let note = self.note_of(what, name);
                let room = &said.chat.label;
                words.fill("plain.note", &[("time", &time), ("room", room), ("note", &note)])
            }
        }
    }

    fn spoken(&self, said: &Said, time: &str, text: &str) -> String {
        let words = self.words;
        match (&said.chat.with, said.mine) {
            (Some(with), true) => {
                words.fill("plain.direct_sent", &[("time", &time), ("name", with), ("text", &text)])
            }
            (Some(_), false) => words.fill(
                "plain.direct",
                &[("time", &time), ("name", &said.from.name), ("text", &text)],
            ),
            (None, _) => words.fill(
                "plain.message",
                &[
                    ("time", &time),
                    ("room", &said.chat.label),
                    ("name", &said.from.name),
                    ("text", &text),
                ],
            ),
        }
    }

    fn note_of(&self, what: &What, name: &str) -> String {
        let words = self.words;
        match what {
            What::Topic(topic) if topic.is_empty() => {
                words.fill("room.topic_removed", &[("name", &name)])
            }
            What::Topic(topic) => {
                words.fill("room.topic_set", &[("name", &name), ("topic", topic)])
            }
            What::Invite(other) => words.fill("room.invited", &[("name", &name), ("other", other)]),
            What::Removed(by, farewell) => farewell_sentence(words, name, &by.name, farewell),
            What::Role(other, rank) => role_sentence(words, name, &other.name, *rank),
            What::Edit(of, text) => {
                words.fill("plain.edited", &[("name", &name), ("seq", of), ("text", text)])
            }
            What::TakenBack(of) => words.fill("plain.taken_back", &[("name", &name), ("seq", of)]),
            What::Damaged => words.t("timeline.damaged").to_owned(),
            _ => words.t("timeline.unknown").to_owned(),
        }
    }

    /// Hour and minute, and the date before them unless it is today's.
    fn time(&self, at_ms: u64) -> String {
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let date = |ms: u64| format::local_date(signed(ms), offset_at(&self.zone, ms));
        let clock = format::clock(signed(at_ms), offset_at(&self.zone, at_ms));
        if date(at_ms) == date(clock::wall_ms()) {
            return clock;
        }
        let (year, month, day) = date(at_ms).civil();
        format!("{year}-{month:02}-{day:02} {clock}")
    }

    fn tell_program(&mut self, event: &Event) {
        let now = || rfc3339(clock::wall_ms());
        match event {
            Event::Ready(who) => {
                self.object(&Line { kind: "ready", time: now(), ..about(who) });
            }
            Event::Room(chat) => self.object(&Line { kind: "room", ..at(chat) }),
            Event::Said(said) => self.object(&entry(said)),
            Event::Missed(chat, count) => {
                self.object(&Line { kind: "missed", count: Some(*count), ..at(chat) });
            }
            Event::Presence(who, online) => {
                let online = Some(*online);
                self.object(&Line { kind: "presence", time: now(), online, ..about(who) });
            }
            Event::Online(people) => {
                for who in people {
                    let online = Some(true);
                    self.object(&Line { kind: "who", online, ..about(who) });
                }
            }
            Event::Bans(_) | Event::Rooms(_) | Event::Devices(_) => self.list_program(event),
            Event::Progress(file, _, percent) => {
                let (file, percent) = (Some(file.as_str()), Some(*percent));
                self.object(&Line { kind: "progress", file, percent, ..Line::default() });
            }
            Event::Saved(fid, path) => {
                let path = path.to_string_lossy();
                let file = Some(&*path);
                self.object(&Line { kind: "saved", fid: Some(fid.0), file, ..Line::default() });
            }
        }
    }

    fn object(&mut self, line: &Line<'_>) {
        // Numbers, words and flags always make an object.
        if let Ok(text) = serde_json::to_string(line) {
            self.write(&text);
        }
    }

    fn line(&mut self, line: &str) {
        self.write(&text::clean_line(line));
    }

    fn write(&mut self, line: &str) {
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        self.torn |= written.is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
    }
}

fn about(who: &Who) -> Line<'_> {
    Line { from: Some(&who.id), name: Some(&who.name), ..Line::default() }
}

fn at(chat: &Chat) -> Line<'_> {
    Line { room: Some(&chat.label), ..Line::default() }
}

/// The time in the form that every language reads, in UTC, always to the millisecond: then the order of the texts is
/// the order of the times.
fn rfc3339(at_ms: u64) -> Option<String> {
    let at = i64::try_from(at_ms).ok()?;
    Timestamp::from_millisecond(at).ok().map(|time| format!("{time:.3}"))
}

fn entry(said: &Said) -> Line<'_> {
    let mut line = Line {
        kind: if said.sent { "sent" } else { &said.kind },
        room: Some(&said.chat.label),
        seq: Some(said.seq.0),
        time: rfc3339(said.at_ms),
        at: &said.at,
        ..about(&said.from)
    };
    match &said.what {
        What::Text(text) | What::Topic(text) | What::Invite(text) => line.text = Some(text),
        What::File(file) => {
            line.fid = Some(file.fid.0);
            line.size = Some(file.size);
            line.file = Some(&file.name);
        }
        What::Edit(of, text) => {
            line.of = Some(of.0);
            line.text = Some(text);
        }
        What::TakenBack(of) => line.of = Some(of.0),
        What::Removed(by, farewell) => {
            line.by = Some(&by.id);
            line.text = Some(farewell.why.as_str()).filter(|why| !why.is_empty());
            line.ban = farewell.ban.then_some(true);
        }
        What::Role(other, rank) => {
            line.user = Some(&other.id);
            line.role = Some(rank.as_str());
        }
        // It is nobody's any more.
        What::Damaged => (line.from, line.name) = (None, None),
        What::Join | What::Leave | What::Unknown => {}
    }
    line
}

mod list;
#[cfg(test)]
mod tests;
