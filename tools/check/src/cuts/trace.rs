//! The record of what a server did to its files: read back, call by call.

use anyhow::{Context as _, Result, bail};

/// Bytes before the names or the content.
const HEAD_BYTES: usize = 25;

/// One call that succeeded. Files and folders are named by their inode number, or by their path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Create { path: String, inode: u64 },
    Mkdir { path: String, inode: u64 },
    Rename { from: String, to: String },
    Unlink { path: String },
    Write { inode: u64, at: usize, bytes: Vec<u8> },
    SetLen { inode: u64, len: usize },
    Sync { inode: u64 },
}

/// A call, and how long the record is with it.
pub(crate) struct Traced {
    pub(crate) call: Call,
    pub(crate) end: u64,
}

/// Reads a record. One that ends in the middle of a call is an error: the recorder never stops there.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Traced>> {
    let (mut calls, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let (call, len) = parse_one(&bytes[at..]).with_context(|| format!("at byte {at}"))?;
        at += len;
        calls.push(Traced { call, end: at as u64 });
    }
    Ok(calls)
}

fn parse_one(bytes: &[u8]) -> Result<(Call, usize)> {
    let head = bytes.get(..HEAD_BYTES).context("the record is cut")?;
    let long =
        |at: usize| head[at..at + 8].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let short = |at: usize| {
        head[at..at + 4].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (inode, place, first) = (long(1), usize::try_from(long(9))?, short(17));
    let len = HEAD_BYTES + first + short(21);
    let a = bytes.get(HEAD_BYTES..HEAD_BYTES + first).context("the record is cut")?;
    let b = bytes.get(HEAD_BYTES + first..len).context("the record is cut")?;
    let path = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
    let call = match head[0] {
        1 => Call::Create { path: path(a)?, inode },
        2 => Call::Mkdir { path: path(a)?, inode },
        3 => Call::Rename { from: path(a)?, to: path(b)? },
        4 => Call::Unlink { path: path(a)? },
        5 => Call::Write { inode, at: place, bytes: a.to_vec() },
        6 => Call::SetLen { inode, len: place },
        7 => Call::Sync { inode },
        other => bail!("no call has the number {other}"),
    };
    Ok((call, len))
}
