//! The commands a person can type: their names, what they need, and how a typed line is read. Pure; carrying them
//! out is the business of the main view.

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What is typed behind the slash.
    pub name: &'static str,
    /// Key of its one line of help.
    pub help_key: &'static str,
    /// What it does.
    pub verb: Verb,
    /// How many words it needs at least.
    pub needs: usize,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is explained by the words of its command")]
pub enum Verb {
    Help,
    Join,
    Leave,
    Rooms,
    Create,
    Topic,
    Invite,
    Msg,
    Send,
    Files,
    Inbox,
    People,
    Read,
    Language,
    Theme,
    Password,
    Reconnect,
    Logout,
    Close,
    Quit,
}

const fn command(name: &'static str, help_key: &'static str, verb: Verb, needs: usize) -> Command {
    Command { name, help_key, verb, needs }
}

/// All commands, in the order of the help page.
pub const ALL: &[Command] = &[
    command("msg", "help.command.msg", Verb::Msg, 1),
    command("send", "help.command.send", Verb::Send, 1),
    command("join", "help.command.join", Verb::Join, 1),
    command("leave", "help.command.leave", Verb::Leave, 0),
    command("create", "help.command.create", Verb::Create, 0),
    command("rooms", "help.command.rooms", Verb::Rooms, 0),
    command("topic", "help.command.topic", Verb::Topic, 0),
    command("invite", "help.command.invite", Verb::Invite, 0),
    command("inbox", "help.command.inbox", Verb::Inbox, 0),
    command("people", "help.command.people", Verb::People, 0),
    command("files", "help.command.files", Verb::Files, 0),
    command("read", "help.command.read", Verb::Read, 0),
    command("close", "help.command.close", Verb::Close, 0),
    command("language", "help.command.language", Verb::Language, 0),
    command("theme", "help.command.theme", Verb::Theme, 0),
    command("password", "help.command.password", Verb::Password, 0),
    command("reconnect", "help.command.reconnect", Verb::Reconnect, 0),
    command("logout", "help.command.logout", Verb::Logout, 0),
    command("help", "help.command.help", Verb::Help, 0),
    command("quit", "help.command.quit", Verb::Quit, 0),
];

/// What a typed line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    /// Something to say.
    Text(&'a str),
    /// A command with what follows it.
    Command(Command, &'a str),
    /// A command that does not exist.
    Unknown(&'a str),
    /// A command that needs more.
    Incomplete(Command),
}

/// Reads a line. A path (`/usr/bin`) is text, and two slashes at the start say one.
#[must_use]
pub fn parse(line: &str) -> Typed<'_> {
    let Some(rest) = line.strip_prefix('/') else { return Typed::Text(line) };
    if rest.starts_with('/') {
        return Typed::Text(rest);
    }
    let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if name.is_empty() || name.contains('/') {
        return Typed::Text(line);
    }
    let Some(command) = ALL.iter().find(|command| command.name == name) else {
        return Typed::Unknown(name);
    };
    let argument = argument.trim();
    if argument.split_whitespace().count() < command.needs {
        return Typed::Incomplete(*command);
    }
    Typed::Command(*command, argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_from_commands() {
        let named = |name: &str| *ALL.iter().find(|command| command.name == name).unwrap();
        for (line, want) in [
            ("hello", Typed::Text("hello")),
            ("/join #rust", Typed::Command(named("join"), "#rust")),
            ("/msg bob  hi there ", Typed::Command(named("msg"), "bob  hi there")),
            ("/quit", Typed::Command(named("quit"), "")),
            ("/join", Typed::Incomplete(named("join"))),
            ("/dance", Typed::Unknown("dance")),
            ("/usr/bin is full", Typed::Text("/usr/bin is full")),
            ("//join", Typed::Text("/join")),
            ("/", Typed::Text("/")),
        ] {
            assert_eq!(parse(line), want, "{line}");
        }
    }
}
