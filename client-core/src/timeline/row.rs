//! One line of a timeline, as a screen shows it. All foreign text in it has passed the sanitiser
//! here, once; nothing behind this border has to think of it again.

use liao_common::{
    event::Rank,
    fault::Fault,
    id::{FileId, Hash, Nonce, RoomId, Seq, UserId},
    limits::PAGE_MESSAGES_MAX,
    message::{Body, Kind, Message},
    request::History,
    text,
};

use crate::notice::Queued;

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Something said, of one or more lines.
    Text(String),
    /// A file on offer.
    File(FileOffer),
    /// Something that was taken back.
    Redacted,
    /// Something that the server cannot read any more.
    Damaged,
    /// The sender entered the room.
    Join,
    /// The sender left the room.
    Leave,
    /// The sender was taken out of the room.
    Removed(Farewell),
    /// The sender made this person something else in the room; of an owner, it fell to them.
    Role(Option<UserId>, Rank),
    /// The sender changed the topic; empty for none.
    Topic(String),
    /// The sender invited this person.
    Invite(Option<UserId>),
    /// Of a kind from a later version, or a broken one.
    Unknown(String),
}

/// A file that somebody offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOffer {
    /// Its number on the server.
    pub fid: FileId,
    /// Its name, on one line.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// BLAKE3 of its content.
    pub hash: Option<Hash>,
    /// Its media type; may be empty.
    pub media: String,
}

/// How somebody was taken out of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// Who did it.
    pub by: UserId,
    /// Why, on one line; empty where no reason was given.
    pub why: String,
    /// They may not come back.
    pub ban: bool,
}

/// How far a row has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowState {
    /// It stands in the room's log.
    Sent,
    /// It stands in the outbox.
    Sending,
    /// It was refused, and waits for the person.
    Failed(Fault),
}

/// What a change of one's own, which the server does not have yet, does to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changing {
    /// It gets another text.
    Edit,
    /// It is taken back.
    TakeBack,
}

impl Changing {
    /// What a post of this kind does to the message it is about.
    #[must_use]
    pub const fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Edit => Some(Self::Edit),
            Kind::Redact => Some(Self::TakeBack),
            _ => None,
        }
    }
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place in the room; `None` until the server has given it one.
    pub seq: Option<Seq>,
    /// How many messages up to here count as something to read; 0 while unknown.
    pub n: u64,
    /// When, in milliseconds since 1970; for display only.
    pub at_ms: u64,
    /// Who said it.
    pub from: UserId,
    /// The sender's nonce.
    pub nonce: Nonce,
    /// What it says.
    pub content: Content,
    /// The message it answers.
    pub re: Option<Seq>,
    /// Who is meant by name.
    pub at: Vec<UserId>,
    /// Its text is not the first one.
    pub edited: bool,
    /// What a change that is still on its way does to it.
    pub changing: Option<Changing>,
    /// Who took it back, where that was somebody else.
    pub taken_back_by: Option<UserId>,
    /// Whether it counts as something to read.
    pub counts: bool,
    /// How far it has come.
    pub state: RowState,
}

impl Row {
    /// A row from the log.
    #[must_use]
    pub fn sent(message: &Message) -> Self {
        Self {
            seq: Some(message.seq),
            n: message.n,
            at_ms: message.at_ms,
            from: message.from,
            nonce: message.cid,
            content: content(&message.kind, &message.body),
            re: message.body.re,
            at: message.body.at.clone(),
            edited: false,
            changing: None,
            taken_back_by: None,
            counts: message.kind.counts(),
            state: RowState::Sent,
        }
    }

    /// A row from the outbox.
    #[must_use]
    pub fn sending(queued: &Queued, me: UserId) -> Self {
        Self {
            seq: None,
            n: 0,
            at_ms: queued.at_ms,
            from: me,
            nonce: queued.nonce,
            content: content(&queued.kind, &queued.body),
            re: queued.body.re,
            at: queued.body.at.clone(),
            edited: false,
            changing: None,
            taken_back_by: None,
            counts: queued.kind.counts(),
            state: RowState::Sending,
        }
    }

    /// Whether `user` is named in it.
    #[must_use]
    pub fn mentions(&self, user: UserId) -> bool {
        self.at.contains(&user)
    }

    /// The beginning of what it says, on one line and of at most `chars_max` characters; for lists
    /// and notifications. Empty for entries that have no text of their own.
    #[must_use]
    pub fn first_words(&self, chars_max: usize) -> String {
        let (Content::Text(text) | Content::Topic(text)) = &self.content else {
            return match &self.content {
                Content::File(file) => file.name.chars().take(chars_max).collect(),
                _ => String::new(),
            };
        };
        let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
        words.flat_map(str::chars).take(chars_max).collect()
    }
}

fn content(kind: &Kind, body: &Body) -> Content {
    match kind {
        // The server empties what was taken back; its redaction may not be here.
        Kind::Text if body.text.as_deref().is_none_or(is_blank) => Content::Redacted,
        Kind::File if body.fid.is_none() || body.name.as_deref().is_some_and(is_blank) => {
            Content::Redacted
        }
        Kind::Text => Content::Text(text::clean_text(body.text.as_deref().unwrap_or_default())),
        Kind::File => Content::File(FileOffer {
            fid: body.fid.unwrap_or_default(),
            name: text::clean_line(body.name.as_deref().unwrap_or_default()),
            size: body.size.unwrap_or_default(),
            hash: body.b3,
            media: text::clean_line(body.media.as_deref().unwrap_or_default()),
        }),
        Kind::Join => Content::Join,
        Kind::Leave => body.by.map_or(Content::Leave, |by| {
            let why = text::clean_line(body.text.as_deref().unwrap_or_default());
            Content::Removed(Farewell { by, why, ban: body.ban })
        }),
        Kind::Role => Content::Role(body.user, body.role.unwrap_or(Rank::Other)),
        Kind::Topic => Content::Topic(text::clean_line(body.text.as_deref().unwrap_or_default())),
        Kind::Invite => Content::Invite(body.user),
        Kind::Redact => Content::Redacted,
        Kind::Damaged => Content::Damaged,
        Kind::Edit => Content::Unknown("edit".to_owned()),
        Kind::Other(kind) => Content::Unknown(text::clean_line(kind)),
    }
}

/// Nobody's words, and no file's name, are nothing but blanks: these were painted over.
fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// What stands where nothing is known yet: `from` to `to`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The first that is missing.
    pub from: Seq,
    /// The last that is missing.
    pub to: Seq,
}

impl Hole {
    /// The request that fetches its newest part, for who reads upwards.
    #[must_use]
    pub fn request(&self, room: RoomId) -> History {
        History { before: Some(self.to.next()), ..whole_page(room) }
    }

    /// The request that fetches its oldest part, for who reads on.
    #[must_use]
    pub fn request_onwards(&self, room: RoomId) -> History {
        History { after: Some(Seq(self.from.0.saturating_sub(1))), ..whole_page(room) }
    }
}

fn whole_page(room: RoomId) -> History {
    History { room, limit: u32::try_from(PAGE_MESSAGES_MAX).ok(), ..History::default() }
}
