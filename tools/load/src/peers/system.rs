//! The systems: which there are, how each is started anew for a round, and what each needs.

use std::{fmt, path::PathBuf, rc::Rc};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde::Serialize;

use super::{
    bare::{self, Bare},
    dialect::{Dialect, Scene},
    irc::{self, Irc},
    mqtt::{self, Mqtt},
    native::{self, Native},
    nats::{self, Keeping, Nats},
    party::Party,
    process::{self, Process},
};
use crate::{
    crowd::Person,
    people, say,
    server::{Hashing, Server, Transport},
};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum System {
    /// The bare server of our own.
    Ceiling,
    Inspircd,
    Mosquitto,
    Nats,
    /// As it is by default: not synced when it is accepted.
    JetstreamDefault,
    /// Told to sync each.
    JetstreamAlways,
    Liao,
    LiaoTls,
}

/// All of them, in the order of their turns.
pub(super) const ALL: [System; 8] = [
    System::Ceiling,
    System::Inspircd,
    System::Mosquitto,
    System::Nats,
    System::JetstreamDefault,
    System::JetstreamAlways,
    System::Liao,
    System::LiaoTls,
];

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
    /// Whether Liao is compared with it; what is not on the disk when it is accepted is no peer of
    /// what is.
    pub(super) const fn is_peer(self) -> bool {
        matches!(self, Self::Inspircd | Self::Mosquitto | Self::Nats | Self::JetstreamAlways)
    }

    pub(super) const fn is_own(self) -> bool {
        matches!(self, Self::Liao | Self::LiaoTls)
    }

    /// Whether it accepts posts and keeps them.
    pub(super) const fn keeps(self) -> bool {
        self.is_own() || matches!(self, Self::JetstreamDefault | Self::JetstreamAlways)
    }

    /// Whether it takes part where people hear each other. A stream does, as a bare nats-server.
    pub(super) const fn talks(self) -> bool {
        !matches!(self, Self::JetstreamDefault | Self::JetstreamAlways)
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
            Self::Mosquitto => (mqtt::PROGRAM, mqtt::INSTALL),
            Self::Nats | Self::JetstreamDefault | Self::JetstreamAlways => {
                (nats::PROGRAM, nats::INSTALL)
            }
            Self::Ceiling | Self::Liao | Self::LiaoTls => return None,
        };
        process::find(program).is_none().then(|| format!("{program} is not installed: {how}"))
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ceiling => "ceiling",
            Self::Inspircd => "inspircd",
            Self::Mosquitto => "mosquitto",
            Self::Nats => "nats",
            Self::JetstreamDefault => "JetStream, default",
            Self::JetstreamAlways => "JetStream, always",
            Self::Liao => "liaod",
            Self::LiaoTls => "liaod, TLS",
        })
    }
}

impl Ground {
    pub(super) fn new(under: tempfile::TempDir, liaod: PathBuf) -> Self {
        Self { under, liaod, people: Rc::default() }
    }

    /// Makes the people that liaod needs.
    pub(super) fn populate(&mut self, count: usize) -> Result<()> {
        say(&format!("making {count} people for liaod"));
        let folder = self.under.path().join("people");
        self.people = Rc::new(people::prepare(&folder, u64::try_from(count)?, 0)?);
        // The index is made by the first start.
        Server::start(&self.liaod, &folder, Transport::Plain, Hashing::Least)?.stop().map(drop)
    }

    /// Starts a system anew for so many people who are to meet in a scene; nobody is there yet.
    pub(super) fn start(&self, system: System, scene: Scene, people: usize) -> Result<Running> {
        let under = self.under.path();
        let foreign = |process: Process, dialect: Box<dyn Dialect>| {
            let party = Party::new(process.addr, None, dialect)?;
            anyhow::Ok(Running { party, server: Child::Foreign(process) })
        };
        let nats = |keeping| foreign(nats::start(under, keeping)?, Box::new(Nats { keeping }));
        match system {
            System::Ceiling => foreign(bare::start(under)?, Box::new(Bare)),
            System::Inspircd => foreign(irc::start(under)?, Box::new(Irc)),
            System::Mosquitto => foreign(mqtt::start(under)?, Box::new(Mqtt)),
            System::Nats => nats(Keeping::Nothing),
            System::JetstreamDefault => nats(Keeping::Written),
            System::JetstreamAlways => nats(Keeping::Synced),
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

    /// What liaod has kept of the log.
    pub(super) fn reread(&self, running: &Running) -> Result<Vec<(usize, u64)>> {
        match &running.server {
            Child::Own(server) => {
                native::reread(server, self.people.first().context("nobody to read")?)
            }
            Child::Foreign(_) => bail!("only liaod is read so"),
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
