//! The ceiling: what a server can do that only hands bytes on. One thread, the system's list of
//! ready sockets, one write for each hearer and round; no names, no checks, no storage.
//! The wire: a letter, a number, and with a post its 100 bytes.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use super::{
    dialect::{Dialect, Heard, Post, Scene},
    payload,
    process::{self, Process},
};

/// Bytes of a question or an answer.
pub(super) const HEAD_BYTES: usize = 5;

/// Bytes of a post, in and out.
pub(super) const POST_BYTES: usize = HEAD_BYTES + payload::BYTES;

/// The letters of the wire.
pub(super) mod letter {
    /// I am this number.
    pub(crate) const LOG_IN: u8 = b'L';
    /// I am in the hall.
    pub(crate) const ENTER: u8 = b'E';
    /// To all in the hall.
    pub(crate) const SAY: u8 = b'S';
    /// To this number.
    pub(crate) const TELL: u8 = b'T';
    /// Done.
    pub(crate) const DONE: u8 = b'D';
    /// Somebody's post.
    pub(crate) const POST: u8 = b'P';
}

/// Starts it: this very program.
pub(super) fn start(under: &Path) -> Result<Process> {
    let (folder, port) = process::ground(under)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["ceiling", &port.to_string()]);
    Process::start(command, folder, port)
}

/// See the module.
pub(super) struct Bare;

fn head(letter: u8, number: usize, out: &mut Vec<u8>) {
    out.push(letter);
    out.extend(u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
}

impl Dialect for Bare {
    fn log_in(&self, who: usize, out: &mut Vec<u8>) -> usize {
        head(letter::LOG_IN, who, out);
        1
    }

    fn enter(&self, who: usize, scene: Scene, out: &mut Vec<u8>) -> usize {
        if scene != Scene::Hall {
            return 0;
        }
        head(letter::ENTER, who, out);
        1
    }

    fn post(&mut self, post: &Post<'_>, out: &mut Vec<u8>) -> Result<()> {
        match post.scene {
            Scene::Hall | Scene::Log => head(letter::SAY, 0, out),
            Scene::Pairs => head(letter::TELL, post.who + 1, out),
        }
        out.extend_from_slice(post.payload);
        Ok(())
    }

    fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<(usize, Heard<'a>)>> {
        Ok(match bytes.first() {
            Some(&letter::DONE) if bytes.len() >= HEAD_BYTES => Some((HEAD_BYTES, Heard::Settled)),
            Some(&letter::POST) if bytes.len() >= POST_BYTES => {
                Some((POST_BYTES, Heard::Said(&bytes[HEAD_BYTES..POST_BYTES])))
            }
            None | Some(&(letter::DONE | letter::POST)) => None,
            Some(other) => bail!("the ceiling said {other}"),
        })
    }

    fn echoes(&self, scene: Scene) -> bool {
        scene == Scene::Hall
    }
}
