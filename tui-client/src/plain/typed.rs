//! What a typed line means. Pure: carrying it out is the business of the conversation.

use liao_common::{
    id::{DeviceId, FileId},
    limits,
    name::{RoomName, UserName},
};

use crate::command::Verb;

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
    /// The command needs something else: its name, and how it is used.
    Usage(&'static str, &'static str),
    /// Longer than a message may be.
    TooLong,
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

fn mistyped(name: &str, argument: &str) -> Mistyped {
    match name {
        "msg" if split(argument).1.len() > limits::TEXT_BYTES_MAX => Mistyped::TooLong,
        "msg" => Mistyped::Usage("msg", "/msg ID TEXT"),
        "file" => Mistyped::Usage("file", "/file ID|#ROOM PATH"),
        "join" => Mistyped::Usage("join", "/join #ROOM"),
        "room" => Mistyped::Usage("room", "/room #ROOM"),
        "who" => Mistyped::Usage("who", "/who"),
        "get" => Mistyped::Usage("get", "/get NUMBER [PATH]"),
        "kick" => Mistyped::Usage("kick", "/kick ID [REASON]"),
        "ban" => Mistyped::Usage("ban", "/ban ID [REASON]"),
        "unban" => Mistyped::Usage("unban", "/unban ID"),
        "mod" => Mistyped::Usage("mod", "/mod ID"),
        "unmod" => Mistyped::Usage("unmod", "/unmod ID"),
        "invite" => Mistyped::Usage("invite", "/invite ID"),
        "bans" => Mistyped::Usage("bans", "/bans"),
        "rooms" => Mistyped::Usage("rooms", "/rooms"),
        "create" => Mistyped::Usage("create", "/create #ROOM [TOPIC]"),
        "topic" => Mistyped::Usage("topic", "/topic TEXT"),
        "leave" => Mistyped::Usage("leave", "/leave"),
        "devices" => Mistyped::Usage("devices", "/devices"),
        "logout" => Mistyped::Usage("logout", "/logout NUMBER"),
        "help" => Mistyped::Usage("help", "/help"),
        "quit" => Mistyped::Usage("quit", "/quit"),
        _ => Mistyped::Unknown(name.chars().take(limits::USER_NAME_GRAPHEMES_MAX).collect()),
    }
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
            ("/msg bob", Err(Mistyped::Usage("msg", "/msg ID TEXT"))),
            ("/msg b\u{1b}b hi", Err(Mistyped::Usage("msg", "/msg ID TEXT"))),
            ("/file bob my file.txt", Ok(Typed::File(file, "my file.txt"))),
            ("/file #Rust a", Ok(Typed::File(Target::Room(room("rust")), "a"))),
            ("/join #rust", Ok(Typed::Join(room("rust")))),
            ("/join a b", Err(Mistyped::Usage("join", "/join #ROOM"))),
            ("/room rust", Ok(Typed::Room(room("rust")))),
            ("/who", Ok(Typed::Who)),
            ("/get 7", Ok(Typed::Get(FileId(7), None))),
            ("/get 7 a b.txt", Ok(Typed::Get(FileId(7), Some("a b.txt")))),
            ("/get x", Err(Mistyped::Usage("get", "/get NUMBER [PATH]"))),
            ("/kick bob", Ok(Typed::Order(Verb::Kick, user("bob"), ""))),
            ("/ban @Bob  too loud ", Ok(Typed::Order(Verb::Ban, user("bob"), "too loud"))),
            ("/ban", Err(Mistyped::Usage("ban", "/ban ID [REASON]"))),
            ("/unban bob", Ok(Typed::Order(Verb::Unban, user("bob"), ""))),
            ("/unban bob now", Err(Mistyped::Usage("unban", "/unban ID"))),
            ("/mod bob", Ok(Typed::Order(Verb::Mod, user("bob"), ""))),
            ("/unmod bob", Ok(Typed::Order(Verb::Unmod, user("bob"), ""))),
            ("/invite bob", Ok(Typed::Order(Verb::Invite, user("bob"), ""))),
            ("/bans", Ok(Typed::Bans)),
            ("/rooms", Ok(Typed::Rooms)),
            ("/create #tea green  or black", Ok(Typed::Create(room("tea"), "green  or black"))),
            ("/topic green  or black ", Ok(Typed::Topic("green  or black"))),
            ("/topic", Err(Mistyped::Usage("topic", "/topic TEXT"))),
            ("/leave", Ok(Typed::Leave)),
            ("/devices", Ok(Typed::Devices)),
            ("/logout 7", Ok(Typed::LogOut(DeviceId(7)))),
            ("/logout", Err(Mistyped::Usage("logout", "/logout NUMBER"))),
            ("/help", Ok(Typed::Help)),
            ("/quit", Ok(Typed::Exit)),
            ("/dance now", Err(Mistyped::Unknown("dance".to_owned()))),
            (&long, Err(Mistyped::TooLong)),
            (&long[9..], Err(Mistyped::TooLong)),
        ] {
            assert_eq!(parse(line), want, "{line:.40}");
        }
    }
}
