//! mosquitto, spoken to in MQTT 3.1.1: a room is a topic, and so is a person. Nothing is accepted
//! and nothing kept (quality of service 0).

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use super::{
    dialect::{Dialect, Heard, Post, Scene},
    payload,
    process::{self, Process},
};

/// How to have it.
pub(super) const INSTALL: &str = "apt install mosquitto";

/// Its program.
pub(super) const PROGRAM: &str = "mosquitto";

/// Name and password of everybody: what is compared costs the same for each.
const WORD: &str = "load";

const SETTINGS: &str = "listener PORT 127.0.0.1
user root
allow_anonymous false
password_file DIR/passwords
persistence false
max_inflight_messages 0
max_queued_messages 0
set_tcp_nodelay true
log_type error
";

/// Kinds of packets, as they stand in the upper half of the first byte.
mod packet {
    pub(super) const CONNECT: u8 = 1;
    pub(super) const CONNACK: u8 = 2;
    pub(super) const PUBLISH: u8 = 3;
    pub(super) const SUBSCRIBE: u8 = 8;
    pub(super) const SUBACK: u8 = 9;
}

/// Starts it.
pub(super) fn start(under: &Path) -> Result<Process> {
    let (folder, port) = process::ground(under)?;
    let at = folder.path().display().to_string();
    let file = folder.path().join("mosquitto.conf");
    std::fs::write(&file, SETTINGS.replace("PORT", &port.to_string()).replace("DIR", &at))?;
    let mut passwords =
        Command::new(process::find("mosquitto_passwd").context("mosquitto_passwd is gone")?);
    passwords.args(["-b", "-c"]).arg(folder.path().join("passwords")).args([WORD, WORD]);
    if !passwords.status()?.success() {
        bail!("mosquitto_passwd failed");
    }
    let mut command = Command::new(process::find(PROGRAM).context("mosquitto is gone")?);
    command.arg("-c").arg(file);
    Process::start(command, folder, port)
}

/// See the module.
pub(super) struct Mqtt;

fn text(word: &str, out: &mut Vec<u8>) {
    out.extend(u16::try_from(word.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(word.as_bytes());
}

/// Puts a packet around its body.
fn packet(kind: u8, flags: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(kind << 4 | flags);
    let mut left = body.len();
    while left >= 0x80 {
        out.push(u8::try_from(left & 0x7f).unwrap_or(0) | 0x80);
        left >>= 7;
    }
    out.push(u8::try_from(left).unwrap_or(0));
    out.extend_from_slice(body);
}

/// Length of the body and where it begins; `None` when it is not all there.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut sum = 0;
    for (place, byte) in bytes.iter().skip(1).enumerate() {
        sum |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((sum, place + 2)));
        }
        if place == 3 {
            bail!("a length without an end");
        }
    }
    Ok(None)
}

fn topic(who: usize, scene: Scene) -> String {
    if scene == Scene::Pairs { format!("p/{who}") } else { "hall".into() }
}

impl Dialect for Mqtt {
    fn log_in(&self, who: usize, out: &mut Vec<u8>) -> usize {
        let mut body = Vec::new();
        text("MQTT", &mut body);
        // Version 4; name, password and a clean session; no keep-alive.
        body.extend([4, 0xc2, 0, 0]);
        [&format!("p{who}"), WORD, WORD].into_iter().for_each(|word| text(word, &mut body));
        packet(packet::CONNECT, 0, &body, out);
        1
    }

    fn enter(&self, who: usize, scene: Scene, out: &mut Vec<u8>) -> usize {
        let mut body = vec![0, 1];
        text(&topic(who, scene), &mut body);
        body.push(0);
        packet(packet::SUBSCRIBE, 2, &body, out);
        1
    }

    fn post(&mut self, post: &Post<'_>, out: &mut Vec<u8>) -> Result<()> {
        let mut body = Vec::with_capacity(2 * payload::BYTES);
        text(&topic(post.who + 1, post.scene), &mut body);
        body.extend_from_slice(post.payload);
        packet(packet::PUBLISH, 0, &body, out);
        Ok(())
    }

    fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<(usize, Heard<'a>)>> {
        let Some((length, at)) = length(bytes)? else { return Ok(None) };
        let Some(body) = bytes.get(at..at + length) else { return Ok(None) };
        let word = match (bytes[0] >> 4, body) {
            (packet::PUBLISH, body) => {
                let at = body.len().checked_sub(payload::BYTES).context("a short post")?;
                Heard::Said(&body[at..])
            }
            (packet::CONNACK, [_, 0]) | (packet::SUBACK, [_, _, 0]) => Heard::Settled,
            (kind, _) => bail!("mosquitto said {kind}: {body:?}"),
        };
        Ok(Some((at + length, word)))
    }

    fn echoes(&self, scene: Scene) -> bool {
        scene == Scene::Hall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_comes_back_as_it_went_out_and_never_half() {
        let said = payload::make(3, 77);
        let mut out = Vec::new();
        let post = Post { who: 3, number: 77, scene: Scene::Hall, payload: &said };
        Mqtt.post(&post, &mut out).unwrap();
        assert_eq!(Mqtt.cut(&out).unwrap(), Some((out.len(), Heard::Said(&said))));
        for end in 0..out.len() {
            assert_eq!(Mqtt.cut(&out[..end]).unwrap(), None);
        }
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        for size in [0, 127, 128, 20_000] {
            let mut out = Vec::new();
            packet(packet::PUBLISH, 0, &vec![1; size], &mut out);
            let (length, at) = length(&out).unwrap().unwrap();
            assert_eq!((length, at + length), (size, out.len()));
        }
        assert!(length(&[0; 1]).unwrap().is_none());
        assert!(length(&[0xff; 6]).is_err());
    }

    #[test]
    fn a_refusal_is_not_an_answer() {
        assert!(Mqtt.cut(&[0x20, 2, 0, 5]).is_err());
        assert_eq!(Mqtt.cut(&[0x20, 2, 0, 0]).unwrap(), Some((4, Heard::Settled)));
    }
}
