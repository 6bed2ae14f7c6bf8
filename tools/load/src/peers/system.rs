//! The systems: which there are, how each is started anew for a round, and what each needs.

use std::{fmt, path::PathBuf, rc::Rc};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Serialize;

use super::{
    bare::{self, Bare},
    dialect::Scene,
    irc::{self, Irc},
    native::{self, Native},
    party::Party,
    process::{self, Process},
};
use crate::{
    crowd::{self, Person},
    say,
    server::{Hashing, Server, Transport},
};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum System {
    /// The bare server of our own.
    Ceiling,
    Inspircd,
    Liao,
    LiaoTls,
}

/// All of them, in the order of their turns.
pub(super) const ALL: [System; 4] =
    [System::Ceiling, System::Inspircd, System::Liao, System::LiaoTls];

/// What they need in common.
pub(super) struct Ground {
    pub(super) under: tempfile::TempDir,
    pub(super) liaod: PathBuf,
    /// Who has an account with liaod; made once.
    people: Rc<Vec<Person>>,
}

/// A server that has just started, and whoever is connected to it.
pub(super) struct Running {
    /// First, so that it goes first.
    pub(super) party: Party,
    server: Child,
}

enum Child {
    Foreign(Process),
    Own(Server),
}

impl System {
    pub(super) const fn is_peer(self) -> bool {
        matches!(self, Self::Inspircd)
    }

    const fn transport(self) -> Option<Transport> {
        match self {
            Self::Liao => Some(Transport::Plain),
            Self::LiaoTls => Some(Transport::Tls),
            _ => None,
        }
    }

    /// What is missing and how to have it.
    pub(super) fn missing(self) -> Option<String> {
        let (program, how) = match self {
            Self::Inspircd => (irc::PROGRAM, irc::INSTALL),
            _ => return None,
        };
        process::find(program).is_none().then(|| format!("{program} is not installed: {how}"))
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ceiling => "ceiling",
            Self::Inspircd => "inspircd",
            Self::Liao => "liaod",
            Self::LiaoTls => "liaod, TLS",
        })
    }
}

impl Ground {
    pub(super) fn new(under: tempfile::TempDir, liaod: PathBuf) -> Self {
        Self { under, liaod, people: Rc::default() }
    }

    /// Registers the people that liaod needs.
    pub(super) fn register(&mut self, count: usize) -> Result<()> {
        say(&format!("registering {count} people with liaod"));
        let server = self.own(Transport::Plain)?;
        self.people = Rc::new(crowd::register(&server, count, crowd::REGISTER_AT_ONCE)?);
        server.stop()?;
        Ok(())
    }

    fn own(&self, transport: Transport) -> Result<Server> {
        Server::start(&self.liaod, &self.under.path().join("people"), transport, Hashing::Least)
    }

    /// Starts a system anew for so many people who are to meet in a scene; nobody is there yet.
    pub(super) fn start(&self, system: System, scene: Scene, people: usize) -> Result<Running> {
        let under = self.under.path();
        let foreign = |process: Process, dialect| {
            let party = Party::new(process.addr, None, dialect)?;
            anyhow::Ok(Running { party, server: Child::Foreign(process) })
        };
        match system {
            System::Ceiling => foreign(bare::start(under)?, Box::new(Bare)),
            System::Inspircd => foreign(irc::start(under)?, Box::new(Irc)),
            System::Liao | System::LiaoTls => {
                let data = under.join("round");
                if data.exists() {
                    // Of a round that failed.
                    std::fs::remove_dir_all(&data)?;
                }
                native::copy(&under.join("people"), &data)?;
                let transport = system.transport().context("no transport")?;
                let server = Server::start(&self.liaod, &data, transport, Hashing::Least)?;
                let dialect = Native::arrange(&server, &self.people, scene, people)?;
                let party = Party::new(server.addr, server.tls.clone(), Box::new(dialect))?;
                Ok(Running { party, server: Child::Own(server) })
            }
        }
    }

    /// Ends it and removes what it left.
    pub(super) fn end(&self, running: Running) -> Result<()> {
        let Running { party, server } = running;
        drop(party);
        if let Child::Own(server) = server {
            server.stop()?;
            std::fs::remove_dir_all(self.under.path().join("round"))?;
        }
        Ok(())
    }
}

impl Running {
    pub(super) fn pid(&self) -> u32 {
        match &self.server {
            Child::Foreign(process) => process.pid(),
            Child::Own(server) => server.pid(),
        }
    }
}
