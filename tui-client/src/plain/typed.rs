//! What a typed line means. Pure: carrying it out is the business of the conversation.

use liao_common::{
    id::FileId,
    limits,
    name::{RoomName, UserName},
};

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
    command(name, argument).ok_or_else(|| mistyped(name, argument))
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

fn mistyped(name: &str, argument: &str) -> Mistyped {
    match name {
        "msg" if split(argument).1.len() > limits::TEXT_BYTES_MAX => Mistyped::TooLong,
        "msg" => Mistyped::Usage("msg", "/msg ID TEXT"),
        "file" => Mistyped::Usage("file", "/file ID|#ROOM PATH"),
        "join" => Mistyped::Usage("join", "/join #ROOM"),
        "room" => Mistyped::Usage("room", "/room #ROOM"),
        "who" => Mistyped::Usage("who", "/who"),
        "get" => Mistyped::Usage("get", "/get NUMBER [PATH]"),
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
            ("/dance now", Err(Mistyped::Unknown("dance".to_owned()))),
            (&long, Err(Mistyped::TooLong)),
            (&long[9..], Err(Mistyped::TooLong)),
        ] {
            assert_eq!(parse(line), want, "{line:.40}");
        }
    }
}
