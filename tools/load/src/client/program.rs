//! The clients that are compared, each started as a person would with as little set as will do:
//! straight into `#lobby`, writing no log of what is said.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use liao_client_core::{
    address::Address,
    home::{Account, Home},
};
use liao_common::name::UserName;

use super::{
    between::Between,
    feed::{Feed, Tongue, mark},
    terminal::Terminal,
};
use crate::{crowd::Person, server::Server};

/// How long anything at the beginning may take.
pub(crate) const START_WITHIN: Duration = Duration::from_secs(20);

/// What the first person is called, whose login stands on the first screen.
pub(crate) const FIRST_PERSON: &str = "Load 0";

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Program {
    Liao,
    Weechat,
    Irssi,
}

/// What the clients need around them.
pub(crate) struct Town<'a> {
    pub(crate) server: &'a Server,
    pub(crate) liao: &'a Path,
    pub(crate) person: &'a Person,
    /// What the lobby has: messages are put behind it.
    pub(crate) tongue: Tongue,
}

/// A client in `#lobby`, and who talks to it there.
pub(crate) struct Opened {
    pub(crate) terminal: Terminal,
    pub(crate) feed: Feed,
    /// When its first screen stood there, and when the first line in the lobby did.
    pub(crate) usable: Instant,
    pub(crate) chat: Instant,
}

impl Program {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Liao => "liao",
            Self::Weechat => "weechat",
            Self::Irssi => "irssi",
        }
    }

    /// Where it lies; none when it is not installed.
    pub(crate) fn find(self, liao: &Path) -> Option<PathBuf> {
        if self == Self::Liao {
            return Some(liao.to_owned()).filter(|path| path.exists());
        }
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join(self.name())).find(|path| path.exists())
    }

    /// Starts it, and brings it to where it shows the first line said to it.
    pub(crate) fn open(self, town: &Town<'_>, home: &Path) -> Result<Opened> {
        fs::create_dir_all(home)?;
        let program = self.find(town.liao).context("the client is not installed")?;
        let between = match self {
            Self::Liao => Between::liao(town.server.addr)?,
            Self::Weechat | Self::Irssi => Between::irc()?,
        };
        let arguments = self.arguments(&between, town, home)?;
        let mut terminal = Terminal::open(&program, &arguments, home)?;
        let first = match self {
            Self::Liao => FIRST_PERSON,
            Self::Weechat => "weechat",
            Self::Irssi => "[(status)]",
        };
        let usable = terminal.until(first, START_WITHIN)?;
        if self == Self::Liao {
            terminal.press("\r")?;
            terminal.until("Message to #lobby", START_WITHIN)?;
        }
        let line = between.line()?;
        if self == Self::Irssi {
            terminal.press("/window 2\r")?;
        }
        let tongue = if self == Self::Liao { town.tongue } else { Tongue::Irc };
        let mut feed = Feed { line, tongue, next: 0 };
        feed.blast(1)?;
        let chat = terminal.until(&mark(0), START_WITHIN)?;
        Ok(Opened { terminal, feed, usable, chat })
    }

    fn arguments(self, between: &Between, town: &Town<'_>, home: &Path) -> Result<Vec<String>> {
        let (addr, port) = (between.addr, between.addr.port());
        let path = home.to_str().context("a folder with a strange name")?;
        Ok(match self {
            Self::Liao => remembered(addr, town.person, home)?,
            Self::Weechat => {
                let run = [
                    "/set logger.file.auto_log off".to_owned(),
                    format!("/server add bench 127.0.0.1/{port}"),
                    "/set irc.server.bench.autojoin \"#lobby\"".to_owned(),
                    "/connect bench".to_owned(),
                ];
                let run = run.into_iter().flat_map(|command| ["-r".to_owned(), command]);
                ["-d".to_owned(), path.to_owned()].into_iter().chain(run).collect()
            }
            Self::Irssi => {
                fs::write(home.join("config"), irssi(port))?;
                vec![format!("--home={path}")]
            }
        })
    }
}

/// The arguments of a `liao` that remembers the login of the first person, with its files in `home`.
pub(crate) fn remembered(addr: SocketAddr, person: &Person, home: &Path) -> Result<Vec<String>> {
    let account = Account {
        address: Address::parse(&addr.to_string())?,
        user: UserName::parse("load0")?,
        name: FIRST_PERSON.to_owned(),
        token: person.token.clone(),
        used_ms: 0,
    };
    Home::open(home)?.remember_account(account)?;
    Ok(vec!["--insecure-plaintext".to_owned(), addr.to_string()])
}

fn irssi(port: u16) -> String {
    format!(
        r##"servers = ({{ address = "127.0.0.1"; chatnet = "bench"; port = "{port}"; use_tls = "no"; autoconnect = "yes"; }});
chatnets = {{ bench = {{ type = "IRC"; }}; }};
channels = ({{ name = "#lobby"; chatnet = "bench"; autojoin = "yes"; }});
settings = {{ core = {{ nick = "bench"; user_name = "bench"; real_name = "bench"; }}; }};
"##
    )
}
