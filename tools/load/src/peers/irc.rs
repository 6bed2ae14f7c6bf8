//! inspircd, spoken to in the language of RFC 2812.

use std::{io::Write as _, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use super::{
    dialect::{Dialect, Heard, Post, Scene},
    payload,
    process::{self, Process},
};

/// How to have it.
pub(super) const INSTALL: &str = "apt install inspircd";

/// Its program.
pub(super) const PROGRAM: &str = "inspircd";

/// Penalties for the fast, limits of clones and look-ups off; send queues that hold what is in flight.
const SETTINGS: &str = r#"
<server name="irc.load" description="measured" network="load">
<admin name="load" nick="load" email="load@localhost">
<bind address="127.0.0.1" port="PORT" type="clients">
<connect allow="*" timeout="60" pingfreq="600" hardsendq="100M" softsendq="100M" recvq="1M"
 threshold="10000000" commandrate="1000000000" fakelag="no" localmax="50000" globalmax="50000"
 maxconnwarn="no" resolvehostnames="no" useident="no" limit="50000" maxchans="20">
<performance netbuffersize="65534" somaxconn="4096" softlimit="50000" clonesonconnect="no">
<options defaultmodes="n" nosnoticestack="yes" maskinlist="no">
<security announceinvites="none" hideserver="">
<limits maxnick="30" maxline="512">
<dns server="127.0.0.1" timeout="1">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="/dev/stderr">
<path configdir="DIR" datadir="DIR" logdir="DIR" runtimedir="DIR">
"#;

/// Starts it.
pub(super) fn start(under: &Path) -> Result<Process> {
    let (folder, port) = process::ground(under)?;
    let at = folder.path().display().to_string();
    let settings = SETTINGS.replace("PORT", &port.to_string()).replace("DIR", &at);
    let file = folder.path().join("inspircd.conf");
    std::fs::write(&file, settings)?;
    let mut command = Command::new(process::find(PROGRAM).context("inspircd is gone")?);
    command.args(["--nofork", "--nopid", "--runasroot", "--config"]).arg(file);
    Process::start(command, folder, port)
}

/// See the module.
pub(super) struct Irc;

impl Dialect for Irc {
    fn log_in(&self, who: usize, out: &mut Vec<u8>) -> usize {
        // Writing to memory cannot fail.
        let _ = write!(out, "NICK p{who}\r\nUSER p{who} 0 * :p{who}\r\n");
        1
    }

    fn enter(&self, _who: usize, scene: Scene, out: &mut Vec<u8>) -> usize {
        if scene != Scene::Hall {
            return 0;
        }
        out.extend(b"JOIN #hall\r\n");
        1
    }

    fn post(&mut self, post: &Post<'_>, out: &mut Vec<u8>) -> Result<()> {
        out.extend(b"PRIVMSG ");
        match post.scene {
            Scene::Hall | Scene::Log => out.extend(b"#hall"),
            Scene::Pairs => {
                let _ = write!(out, "p{}", post.who + 1);
            }
        }
        out.extend(b" :");
        out.extend_from_slice(post.payload);
        out.extend(b"\r\n");
        Ok(())
    }

    fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<(usize, Heard<'a>)>> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
        if let Some(at) = line.len().checked_sub(payload::BYTES)
            && payload::is_ours(&line[at..])
        {
            return Ok(Some((end + 1, Heard::Said(&line[at..]))));
        }
        Ok(Some((end + 1, word(line)?)))
    }

    fn echoes(&self, _scene: Scene) -> bool {
        false
    }
}

fn word(line: &[u8]) -> Result<Heard<'_>> {
    let text = String::from_utf8_lossy(line);
    let mut words = text.split(' ');
    let first = words.next().unwrap_or_default();
    let command = if first.starts_with(':') { words.next().unwrap_or_default() } else { first };
    Ok(match command {
        // The end of the message of the day, there or not, and of the names in a room.
        "376" | "422" | "366" => Heard::Settled,
        "PING" => {
            let token = words.next().unwrap_or_default();
            Heard::Asked(format!("PONG {token}\r\n").into_bytes())
        }
        "ERROR" => bail!("the server said {text}"),
        refused if refused.len() == 3 && refused.starts_with(['4', '5']) => {
            bail!("the server said {text}")
        }
        _ => Heard::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let said = payload::make(7, 9);
        let mut line = b":p7!p7@127.0.0.1 PRIVMSG #hall :".to_vec();
        line.extend(said);
        assert_eq!(Irc.cut(&line).unwrap(), None);
        line.extend(b"\r\n");
        assert_eq!(Irc.cut(&line).unwrap(), Some((line.len(), Heard::Said(&said))));
        let cases: [(&[u8], _); 4] = [
            (b":irc.load 422 p1 :no message\r\n", Heard::Settled),
            (b":irc.load 366 p1 #hall :End\r\n", Heard::Settled),
            (b"PING :irc.load\r\n", Heard::Asked(b"PONG :irc.load\r\n".to_vec())),
            (b":p1!p1@127.0.0.1 JOIN :#hall\r\n", Heard::Other),
        ];
        for (line, word) in cases {
            assert_eq!(Irc.cut(line).unwrap(), Some((line.len(), word)));
        }
        assert!(Irc.cut(b":irc.load 433 * p1 :in use\r\n").is_err());
        assert!(Irc.cut(b"ERROR :Closing link\r\n").is_err());
    }
}
