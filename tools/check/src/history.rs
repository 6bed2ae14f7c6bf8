//! A history: what each client sent, was told and saw, as JSON lines, one record each.
//! The order of the lines is the order of the facts: what a client did stands before what came of it.

use std::io::{self, BufRead, Write};

use liao_common::message::Message;
use serde::{Deserialize, Serialize};

/// One fact of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When: any number that never falls, such as milliseconds or bytes of a trace.
    pub at: u64,
    /// Which client; one device of one account.
    pub who: String,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What may happen to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Fact {
    /// It was told which account it is.
    Person {
        /// The account.
        user: u64,
    },
    /// From here on it may see what stands after this place of a room.
    May {
        /// The room.
        room: u64,
        /// The last place it may not see.
        after: u64,
    },
    /// It may see nothing new of a room behind this place.
    MayNot {
        /// The room.
        room: u64,
        /// The last place it may see.
        upto: u64,
    },
    /// It is about to send a post, or to repeat it.
    Sent(Draft),
    /// A post was acknowledged.
    Acked {
        /// The post's nonce.
        cid: String,
        /// The room.
        room: u64,
        /// Its place.
        seq: u64,
        /// The server had it before.
        dup: bool,
    },
    /// A post was refused.
    Refused {
        /// The post's nonce.
        cid: String,
        /// The code of the fault.
        code: String,
    },
    /// A post was refused as its program died, and nobody looked at it: what was said after it may be
    /// stored before it, for it is sent again.
    Unheard {
        /// The post's nonce.
        cid: String,
    },
    /// A connection is synced: pushes go on behind these places.
    Began {
        /// The lineage of the data.
        epoch: String,
        /// Room and last place seen, of each room that something was seen of.
        cur: Vec<(u64, u64)>,
    },
    /// An entry was pushed to it.
    Saw(Entry),
    /// Entries were said to be left out, both ends included.
    Gap {
        /// The room.
        room: u64,
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// It begins to read a room from beginning to end.
    Reads {
        /// The room.
        room: u64,
    },
    /// An entry stood in a page that it asked for.
    Read(Entry),
    /// It has read a room from beginning to end; all `read`s of that room since `reads` belong to
    /// it. What was acknowledged before that must be there.
    ReadAll {
        /// The room.
        room: u64,
        /// The place before the first that it may see.
        floor: u64,
    },
    /// A read marker was confirmed.
    Marked {
        /// The room.
        room: u64,
        /// Read up to here.
        read: u64,
    },
    /// A file was acknowledged.
    Stored {
        /// The file.
        file: u64,
        /// BLAKE3 of what was uploaded, in hexadecimal form.
        b3: String,
    },
    /// A file was fetched, or could not be.
    Fetched {
        /// The file.
        file: u64,
        /// BLAKE3 of what came; the words of the fault when nothing did.
        b3: String,
    },
    /// At the end, its screen stands here.
    Rests {
        /// The room.
        room: u64,
        /// The last place it has seen.
        seq: u64,
    },
    /// The server keeps messages for a time only. Without this, it keeps all.
    Keeps {
        /// So many of the newest of each room at least; `None`: it goes by their age, and all may be old.
        messages: Option<u64>,
    },
    /// With a new connection it was told where a room that it is in begins.
    Floor {
        /// The room.
        room: u64,
        /// The place before the first.
        seq: u64,
    },
    /// That this device was logged out is acknowledged to whoever asked for it.
    Revoked {},
}

/// A post before it is a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The nonce, in hexadecimal form.
    pub cid: String,
    /// The room.
    pub room: u64,
    /// `text`, `file`, `edit` or `redact`.
    pub kind: String,
    /// What is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The message that is changed or taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// The message that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
}

/// An entry of a room's log, as a client was shown it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub seq: u64,
    /// The account that it is said to come from.
    pub from: u64,
    /// What was posted.
    #[serde(flatten)]
    pub draft: Draft,
}

impl From<&Message> for Entry {
    fn from(message: &Message) -> Self {
        let draft = Draft {
            cid: message.cid.to_string(),
            room: message.room.0,
            kind: message.kind.as_str().to_owned(),
            text: message.body.text.clone(),
            of: message.body.of.map(|seq| seq.0),
            re: message.body.re.map(|seq| seq.0),
        };
        Self { seq: message.seq.0, from: message.from.0, draft }
    }
}

impl Entry {
    /// Whether people post such entries; the others are written by the server.
    #[must_use]
    pub fn is_post(&self) -> bool {
        matches!(self.draft.kind.as_str(), "text" | "file" | "edit" | "redact")
    }

    /// Whether its words are gone.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.draft.text.as_deref().is_none_or(|text| text.trim().is_empty())
    }
}

/// Reads a history.
///
/// # Errors
/// When the source fails, or a line is no record; the error names the line.
pub fn read(from: impl BufRead) -> io::Result<Vec<Record>> {
    let parse = |(number, line): (usize, io::Result<String>)| {
        serde_json::from_str(&line?).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {error}", number + 1))
        })
    };
    from.lines().enumerate().map(parse).collect()
}

/// Writes a history.
///
/// # Errors
/// When the target fails.
pub fn write(mut to: impl Write, history: &[Record]) -> io::Result<()> {
    for record in history {
        serde_json::to_writer(&mut to, record)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}
