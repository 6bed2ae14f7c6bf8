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
    Kick,
    Ban,
    Unban,
    Bans,
    Mod,
    Unmod,
    Msg,
    Send,
    Files,
    Inbox,
    People,
    Read,
    Search,
    Language,
    Theme,
    Password,
    Devices,
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
    command("kick", "help.command.kick", Verb::Kick, 1),
    command("ban", "help.command.ban", Verb::Ban, 1),
    command("unban", "help.command.unban", Verb::Unban, 1),
    command("bans", "help.command.bans", Verb::Bans, 0),
    command("mod", "help.command.mod", Verb::Mod, 1),
    command("unmod", "help.command.unmod", Verb::Unmod, 1),
    command("inbox", "help.command.inbox", Verb::Inbox, 0),
    command("people", "help.command.people", Verb::People, 0),
    command("files", "help.command.files", Verb::Files, 0),
    command("read", "help.command.read", Verb::Read, 0),
    command("search", "help.command.search", Verb::Search, 0),
    command("close", "help.command.close", Verb::Close, 0),
    command("language", "help.command.language", Verb::Language, 0),
    command("theme", "help.command.theme", Verb::Theme, 0),
    command("password", "help.command.password", Verb::Password, 0),
    command("devices", "help.command.devices", Verb::Devices, 0),
    command("reconnect", "help.command.reconnect", Verb::Reconnect, 0),
    command("logout", "help.command.logout", Verb::Logout, 0),
    command("help", "help.command.help", Verb::Help, 0),
    command("quit", "help.command.quit", Verb::Quit, 0),
];

/// Names that other chats have for our commands, for fingers that know them: theirs, ours.
const ALSO: &[(&str, &str)] = &[
    ("j", "join"),
    ("part", "leave"),
    ("query", "msg"),
    ("who", "people"),
    ("names", "people"),
    ("list", "rooms"),
    ("op", "mod"),
    ("deop", "unmod"),
    ("lang", "language"),
    ("exit", "quit"),
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
    /// A command that needs more, and what it was called.
    Incomplete(Command, &'a str),
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
    let ours = ALSO.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| ours);
    let Some(command) = ALL.iter().find(|command| command.name == ours) else {
        return Typed::Unknown(name);
    };
    let argument = argument.trim();
    if argument.split_whitespace().count() < command.needs {
        return Typed::Incomplete(*command, name);
    }
    Typed::Command(*command, argument)
}

/// How a text is written so that it is read as that text.
#[must_use]
pub fn literal(text: &str) -> String {
    let said = parse(text) == Typed::Text(text);
    if said { text.to_owned() } else { format!("/{text}") }
}

/// Letters of a name beyond which no command is like it.
const LIKE_LETTERS_MAX: usize = 16;

/// The command that was probably meant by a name that none has: one that begins so, or one that is a slip of
/// the finger away.
#[must_use]
pub fn nearest(name: &str) -> Option<Command> {
    let typed: Vec<char> = name.to_lowercase().chars().take(LIKE_LETTERS_MAX + 1).collect();
    if typed.len() > LIKE_LETTERS_MAX {
        return None;
    }
    let begun: String = typed.iter().collect();
    if let Some(command) = ALL.iter().find(|command| command.name.starts_with(&begun)) {
        return Some(*command);
    }
    let slips_max = if typed.len() < 4 { 1 } else { 2 };
    let slips = |command: &&Command| slips(&typed, &command.name.chars().collect::<Vec<_>>());
    let best = ALL.iter().min_by_key(slips)?;
    (slips(&best) <= slips_max).then_some(*best)
}

/// How many letters were left out, doubled, mistaken for others or swapped with their neighbours.
fn slips(typed: &[char], meant: &[char]) -> usize {
    let wide = meant.len() + 1;
    let mut rows: Vec<Vec<usize>> = vec![(0..wide).collect()];
    let cell = |rows: &[Vec<usize>], row: usize, at: usize| {
        rows.get(row).and_then(|cells| cells.get(at)).copied().unwrap_or(usize::MAX / 2)
    };
    for (row, letter) in (1..).zip(typed) {
        rows.push(vec![row]);
        for (at, other) in (1..wide).zip(meant) {
            let same = usize::from(letter != other);
            let mut least = (cell(&rows, row - 1, at - 1) + same)
                .min(cell(&rows, row - 1, at) + 1)
                .min(cell(&rows, row, at - 1) + 1);
            let before = |letters: &[char], at: usize| {
                at.checked_sub(2).and_then(|at| letters.get(at)).copied()
            };
            if before(typed, row) == Some(*other) && before(meant, at) == Some(*letter) {
                least = least.min(cell(&rows, row - 2, at - 2) + 1);
            }
            if let Some(cells) = rows.last_mut() {
                cells.push(least);
            }
        }
    }
    cell(&rows, typed.len(), meant.len())
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
            ("/join", Typed::Incomplete(named("join"), "join")),
            ("/dance", Typed::Unknown("dance")),
            ("/usr/bin is full", Typed::Text("/usr/bin is full")),
            ("//join", Typed::Text("/join")),
            ("/", Typed::Text("/")),
        ] {
            assert_eq!(parse(line), want, "{line}");
            assert_eq!(parse(&literal(line)), Typed::Text(line));
        }
    }

    #[test]
    fn names_of_other_chats_are_understood_and_hide_none_of_ours() {
        for (theirs, ours) in ALSO {
            assert!(ALL.iter().all(|command| command.name != *theirs), "{theirs}");
            let line = format!("/{theirs} #rust");
            assert!(
                matches!(parse(&line), Typed::Command(command, "#rust") if command.name == *ours),
                "{theirs}"
            );
        }
        let asked = parse("/query");
        assert!(matches!(asked, Typed::Incomplete(command, "query") if command.name == "msg"));
    }

    #[test]
    fn a_slip_of_the_finger_is_understood_and_another_word_is_not() {
        let found = |typed: &str| nearest(typed).map(|command| command.name);
        for (typed, meant) in [
            ("jion", Some("join")),
            ("joni", Some("join")),
            ("quti", Some("quit")),
            ("sned", Some("send")),
            ("inv", Some("invite")),
            ("Topic", Some("topic")),
            ("languge", Some("language")),
            ("dance", None),
            ("xyz", None),
            ("加入", None),
        ] {
            assert_eq!(found(typed), meant, "{typed}");
        }
        assert_eq!(found(&"j".repeat(1 << 20)), None);
    }
}
