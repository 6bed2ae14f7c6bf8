//! What a typed line means. Pure: carrying it out is the business of the conversation.

use liao_common::{
    id::{DeviceId, FileId},
    limits,
    name::{RoomName, UserName},
};

use crate::command::{self, Verb};

/// Whom something is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A room that one is in.
    Room(RoomName),
    /// A person.
    Person(UserName),
}

/// What a typed line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// Nothing was typed.
    Nothing,
    /// Leave.
    Exit,
    /// Say this in the present room.
    Say(&'a str),
    /// Say this to a person.
    Msg(UserName, &'a str),
    /// Offer a file, by its path.
    File(Target, &'a str),
    /// Enter a room, or make it, and write to it.
    Join(RoomName),
    /// Write to a room that one is in.
    Room(RoomName),
    /// Say who is online.
    Who,
    /// Do this to a person in the present room, for this reason; it may be empty.
    Order(Verb, UserName, &'a str),
    /// Say who may not enter the present room.
    Bans,
    /// Say which rooms there are.
    Rooms,
    /// Make a room about this, and write to it.
    Create(RoomName, &'a str),
    /// Say what the present room is about; nothing takes it away.
    Topic(&'a str),
    /// Leave the present room.
    Leave,
    /// Say where the account is logged in.
    Devices,
    /// Log it out there.
    LogOut(DeviceId),
    /// Say which lines mean something.
    Help,
    /// Save an offered file, at a path if one is given.
    Get(FileId, Option<&'a str>),
}

/// Why a line means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mistyped {
    /// There is no such command.
    Unknown(String),
    /// The command needs something else: what is wrong, its name, and how it is used.
    Usage(Wrong, &'static str, &'static str),
    /// Longer than a message may be.
    TooLong,
}

/// What is wrong with the words of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Some are missing.
    TooFew,
    /// Some have no place.
    TooMany,
    /// One is not what it should be.
    Form,
}

impl Wrong {
    /// Key of its sentence.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::TooFew => "composer.missing_argument",
            Self::TooMany => "plain.too_many_words",
            Self::Form => "plain.usage_is",
        }
    }
}

impl Typed<'_> {
    /// Whether lines go to another room behind it.
    const fn changes_room(&self) -> bool {
        matches!(self, Self::Join(_) | Self::Room(_) | Self::Create(..) | Self::Leave)
    }

    /// Whether it is for the present room, or about it.
    pub(super) const fn needs_room(&self) -> bool {
        matches!(self, Self::Say(_) | Self::Order(..) | Self::Bans | Self::Topic(_) | Self::Leave)
    }
}

impl Mistyped {
    /// Whether a change of room was meant, as far as one can tell: what comes behind it is not for the
    /// room before it.
    pub(super) fn means_a_room(&self) -> bool {
        match self {
            Self::Usage(_, name, _) => matches!(*name, "join" | "room" | "create" | "leave"),
            Self::Unknown(name) => is_like_a_room(name),
            Self::TooLong => false,
        }
    }
}

/// Whether somebody who typed this name, which is none here, may have meant to change the room. `/room` is not
/// known on the screen; what is like it there is `/rooms`.
fn is_like_a_room(name: &str) -> bool {
    match command::parse(&format!("/{name} x")) {
        command::Typed::Command(known, _) => moves(known.verb),
        _ => {
            command::nearest(name).is_some_and(|near| moves(near.verb) || near.verb == Verb::Rooms)
        }
    }
}

const fn moves(verb: Verb) -> bool {
    matches!(verb, Verb::Join | Verb::Create | Verb::Leave)
}

/// Whether a line that cannot be carried out was to change the room.
pub(super) fn means_a_room(line: &str) -> bool {
    match parse(line) {
        Ok(typed) => typed.changes_room(),
        Err(mistyped) => mistyped.means_a_room(),
    }
}

/// Reads a line. A path (`/usr/bin`) is text, and two slashes at the start say one.
pub(super) fn parse(line: &str) -> Result<Typed<'_>, Mistyped> {
    if line.trim() == "exit" {
        return Ok(Typed::Exit);
    }
    let Some(rest) = line.strip_prefix('/') else { return say(line) };
    if rest.starts_with('/') {
        return say(rest);
    }
    let (name, argument) = split(rest);
    if name.is_empty() || name.contains('/') {
        return say(line);
    }
    let typed = command(name, argument).or_else(|| errand(name, argument));
    typed.ok_or_else(|| mistyped(name, argument))
}

fn say(text: &str) -> Result<Typed<'_>, Mistyped> {
    match text {
        _ if text.len() > limits::TEXT_BYTES_MAX => Err(Mistyped::TooLong),
        _ if text.trim().is_empty() => Ok(Typed::Nothing),
        _ => Ok(Typed::Say(text)),
    }
}

fn command<'a>(name: &str, argument: &'a str) -> Option<Typed<'a>> {
    let (first, rest) = split(argument);
    Some(match name {
        "msg" if rest.len() > limits::TEXT_BYTES_MAX => return None,
        "msg" if !rest.is_empty() => Typed::Msg(person(first)?, rest),
        "file" if !rest.is_empty() => Typed::File(target(first)?, rest),
        "join" if rest.is_empty() => Typed::Join(RoomName::parse(first).ok()?),
        "room" if rest.is_empty() => Typed::Room(RoomName::parse(first).ok()?),
        "who" if first.is_empty() => Typed::Who,
        "get" => {
            let fid = FileId(first.parse().ok()?);
            Typed::Get(fid, Some(rest).filter(|path| !path.is_empty()))
        }
        _ => return None,
    })
}

/// Commands about rooms, about who may be in them, and about devices, as on the screen.
fn errand<'a>(name: &str, argument: &'a str) -> Option<Typed<'a>> {
    let (first, rest) = split(argument);
    let alone = first.is_empty();
    Some(match name {
        "kick" => Typed::Order(Verb::Kick, person(first)?, rest),
        "ban" => Typed::Order(Verb::Ban, person(first)?, rest),
        "unban" if rest.is_empty() => Typed::Order(Verb::Unban, person(first)?, ""),
        "mod" if rest.is_empty() => Typed::Order(Verb::Mod, person(first)?, ""),
        "unmod" if rest.is_empty() => Typed::Order(Verb::Unmod, person(first)?, ""),
        "invite" if rest.is_empty() => Typed::Order(Verb::Invite, person(first)?, ""),
        "bans" if alone => Typed::Bans,
        "rooms" if alone => Typed::Rooms,
        "create" => Typed::Create(RoomName::parse(first).ok()?, rest),
        "topic" if !alone => Typed::Topic(argument.trim()),
        "leave" if alone => Typed::Leave,
        "devices" if alone => Typed::Devices,
        "logout" if rest.is_empty() => Typed::LogOut(DeviceId(first.parse().ok()?)),
        "help" if alone => Typed::Help,
        "quit" if alone => Typed::Exit,
        _ => return None,
    })
}

/// The commands: their names, how they are used, and how many words each has at least and at most.
const USAGES: &[(&str, &str, usize, usize)] = &[
    ("msg", "/msg ID TEXT", 2, usize::MAX),
    ("file", "/file ID|#ROOM PATH", 2, usize::MAX),
    ("join", "/join #ROOM", 1, 1),
    ("room", "/room #ROOM", 1, 1),
    ("who", "/who", 0, 0),
    ("get", "/get NUMBER [PATH]", 1, usize::MAX),
    ("kick", "/kick ID [REASON]", 1, usize::MAX),
    ("ban", "/ban ID [REASON]", 1, usize::MAX),
    ("unban", "/unban ID", 1, 1),
    ("mod", "/mod ID", 1, 1),
    ("unmod", "/unmod ID", 1, 1),
    ("invite", "/invite ID", 1, 1),
    ("bans", "/bans", 0, 0),
    ("rooms", "/rooms", 0, 0),
    ("create", "/create #ROOM [TOPIC]", 1, usize::MAX),
    ("topic", "/topic TEXT", 1, usize::MAX),
    ("leave", "/leave", 0, 0),
    ("devices", "/devices", 0, 0),
    ("logout", "/logout NUMBER", 1, 1),
    ("help", "/help", 0, 0),
    ("quit", "/quit", 0, 0),
];

fn mistyped(name: &str, argument: &str) -> Mistyped {
    if name == "msg" && split(argument).1.len() > limits::TEXT_BYTES_MAX {
        return Mistyped::TooLong;
    }
    let Some((known, usage, least, most)) = USAGES.iter().find(|(known, ..)| *known == name) else {
        return Mistyped::Unknown(name.chars().take(limits::USER_NAME_GRAPHEMES_MAX).collect());
    };
    let wrong = match argument.split_whitespace().count() {
        count if count < *least => Wrong::TooFew,
        count if count > *most => Wrong::TooMany,
        _ => Wrong::Form,
    };
    Mistyped::Usage(wrong, known, usage)
}

fn target(text: &str) -> Option<Target> {
    if text.starts_with('#') {
        return RoomName::parse(text).ok().map(Target::Room);
    }
    person(text).map(Target::Person)
}

fn person(text: &str) -> Option<UserName> {
    UserName::parse(text.strip_prefix('@').unwrap_or(text)).ok()
}

/// The first word, and the rest without the blanks around it.
fn split(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (first, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserName {
        UserName::parse(id).unwrap()
    }

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    #[test]
    fn lines_are_told_from_commands() {
        let long = format!("/msg bob {}", "x".repeat(limits::TEXT_BYTES_MAX + 1));
        let file = Target::Person(user("bob"));
        for (line, want) in [
            ("hello  there", Ok(Typed::Say("hello  there"))),
            ("  indented", Ok(Typed::Say("  indented"))),
            ("", Ok(Typed::Nothing)),
            ("  ", Ok(Typed::Nothing)),
            ("exit", Ok(Typed::Exit)),
            (" exit ", Ok(Typed::Exit)),
            ("exit the room", Ok(Typed::Say("exit the room"))),
            ("/usr/bin is full", Ok(Typed::Say("/usr/bin is full"))),
            ("//msg bob hi", Ok(Typed::Say("/msg bob hi"))),
            ("/", Ok(Typed::Say("/"))),
            ("/msg Bob  hi you ", Ok(Typed::Msg(user("bob"), "hi you"))),
            ("/msg @bob hi", Ok(Typed::Msg(user("bob"), "hi"))),
            ("/msg bob", Err(Mistyped::Usage(Wrong::TooFew, "msg", "/msg ID TEXT"))),
            ("/msg b\u{1b}b hi", Err(Mistyped::Usage(Wrong::Form, "msg", "/msg ID TEXT"))),
            ("/file bob my file.txt", Ok(Typed::File(file, "my file.txt"))),
            ("/file #Rust a", Ok(Typed::File(Target::Room(room("rust")), "a"))),
            ("/join #rust", Ok(Typed::Join(room("rust")))),
            ("/join a b", Err(Mistyped::Usage(Wrong::TooMany, "join", "/join #ROOM"))),
            ("/join", Err(Mistyped::Usage(Wrong::TooFew, "join", "/join #ROOM"))),
            ("/join #", Err(Mistyped::Usage(Wrong::Form, "join", "/join #ROOM"))),
            ("/room rust", Ok(Typed::Room(room("rust")))),
            ("/who", Ok(Typed::Who)),
            ("/get 7", Ok(Typed::Get(FileId(7), None))),
            ("/get 7 a b.txt", Ok(Typed::Get(FileId(7), Some("a b.txt")))),
            ("/get x", Err(Mistyped::Usage(Wrong::Form, "get", "/get NUMBER [PATH]"))),
            ("/kick bob", Ok(Typed::Order(Verb::Kick, user("bob"), ""))),
            ("/ban @Bob  too loud ", Ok(Typed::Order(Verb::Ban, user("bob"), "too loud"))),
            ("/ban", Err(Mistyped::Usage(Wrong::TooFew, "ban", "/ban ID [REASON]"))),
            ("/unban bob", Ok(Typed::Order(Verb::Unban, user("bob"), ""))),
            ("/unban bob now", Err(Mistyped::Usage(Wrong::TooMany, "unban", "/unban ID"))),
            ("/mod bob", Ok(Typed::Order(Verb::Mod, user("bob"), ""))),
            ("/unmod bob", Ok(Typed::Order(Verb::Unmod, user("bob"), ""))),
            ("/invite bob", Ok(Typed::Order(Verb::Invite, user("bob"), ""))),
            ("/bans", Ok(Typed::Bans)),
            ("/rooms", Ok(Typed::Rooms)),
            ("/create #tea green  or black", Ok(Typed::Create(room("tea"), "green  or black"))),
            ("/topic green  or black ", Ok(Typed::Topic("green  or black"))),
            ("/topic", Err(Mistyped::Usage(Wrong::TooFew, "topic", "/topic TEXT"))),
            ("/leave", Ok(Typed::Leave)),
            ("/devices", Ok(Typed::Devices)),
            ("/logout 7", Ok(Typed::LogOut(DeviceId(7)))),
            ("/logout", Err(Mistyped::Usage(Wrong::TooFew, "logout", "/logout NUMBER"))),
            ("/help", Ok(Typed::Help)),
            ("/quit", Ok(Typed::Exit)),
            ("/dance now", Err(Mistyped::Unknown("dance".to_owned()))),
            (&long, Err(Mistyped::TooLong)),
            (&long[9..], Err(Mistyped::TooLong)),
        ] {
            assert_eq!(parse(line), want, "{line:.40}");
        }
    }
    #[test]
    fn a_change_of_room_is_seen_also_where_it_cannot_be_carried_out() {
        for (line, means) in [
            ("/join #club 俱乐部", true),
            ("/room", true),
            ("/create", true),
            ("/leave now", true),
            ("/jion #tea", true),
            ("/j #tea", true),
            ("/romms #tea", true),
            ("/create #tea caf\u{fffd}", true),
            ("/list", false),
            ("/dance", false),
            ("/kick", false),
            ("caf\u{fffd}", false),
        ] {
            assert_eq!(means_a_room(line), means, "{line}");
        }
    }
}
