//! Every number both sides must know. Each has its unit in its name; what happens when it is
//! reached is said beside it.

/// Version of the wire protocol that this code speaks.
pub const PROTOCOL_VERSION: u64 = 1;

/// ALPN name of the protocol inside TLS (RFC 7301).
pub const ALPN: &[u8] = b"liao/1";

/// Where `liaod` listens unless told otherwise.
pub const PORT_DEFAULT: u16 = 8888;

/// Bytes of a frame after its length, before the peer has logged in. A larger one closes the
/// connection: the sentence is for people, four bytes of a stranger must not buy memory.
pub const FRAME_BYTES_MAX_EARLY: usize = 4 * 1024;

/// Bytes of a frame after its length, once logged in, in either direction. A larger one closes
/// the connection with `too_large`.
pub const FRAME_BYTES_MAX: usize = 128 * 1024;

/// Bytes of one message's text. More is refused with `too_large`.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Lines of one message's text. More is refused with `too_large`.
pub const TEXT_LINES_MAX: usize = 500;

/// Messages in one page of history. A larger wish is granted only up to here.
pub const PAGE_MESSAGES_MAX: usize = 100;

/// Entries of one page of a list (people, members, rooms).
pub const PAGE_ENTRIES_MAX: usize = 100;

/// Requests of one connection that may wait for their answers. The next one is not read before
/// one of them is answered.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// Messages of one room that are pushed after a pause; what is older becomes a `gap`.
pub const REPLAY_MESSAGES_MAX: u64 = 200;

/// Nesting of MessagePack values in a frame. Deeper is refused with `bad_request`.
pub const DEPTH_MAX: usize = 16;

/// Entries of one MessagePack map or array. More is refused with `bad_request`.
pub const ENTRIES_MAX: usize = 4096;

/// Broken bodies that a connection may send before it is closed.
pub const BAD_REQUESTS_MAX: u32 = 10;

/// Bytes of file content in one `fdat` frame.
pub const CHUNK_BYTES: usize = 32 * 1024;

/// Bytes of file content that may be under way beyond the last acknowledged offset.
pub const WINDOW_BYTES: u64 = 512 * 1024;

/// Transfers that one connection may have open at a time. One more is refused with `busy`.
pub const TRANSFERS_MAX: usize = 2;

/// Transfers that one person may have open at a time, on all connections together. One more is refused
/// with `busy` and a time after which to try again.
pub const TRANSFERS_PER_USER_MAX: usize = 16;

/// Bytes of a file's name. Longer is refused with `bad_name`.
pub const FILE_NAME_BYTES_MAX: usize = 255;

/// Graphemes of a user id.
pub const USER_NAME_GRAPHEMES_MAX: usize = 32;

/// Graphemes of a display name.
pub const DISPLAY_NAME_GRAPHEMES_MAX: usize = 32;

/// Graphemes of a room's name.
pub const ROOM_NAME_GRAPHEMES_MAX: usize = 32;

/// Bytes of any name, whatever its graphemes are made of.
pub const NAME_BYTES_MAX: usize = 256;

/// Graphemes of a room's topic.
pub const TOPIC_GRAPHEMES_MAX: usize = 200;

/// Bytes of a room's topic.
pub const TOPIC_BYTES_MAX: usize = 2048;

/// Graphemes of the reason that somebody gives for taking a person out of a room.
pub const REASON_GRAPHEMES_MAX: usize = 200;

/// Bytes of such a reason. More is refused with `too_large`.
pub const REASON_BYTES_MAX: usize = 512;

/// Moderators of a room. One more is refused with `too_large`.
pub const MODERATORS_MAX: usize = 32;

/// People who are banned from a room. One more is refused with `too_large`.
pub const BANS_MAX: usize = 1000;

/// Characters a password must have at least, unless the server says otherwise.
pub const PASSWORD_CHARS_MIN: usize = 8;

/// Bytes a password may have at most.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// People named in one message. More is refused with `too_large`.
pub const MENTIONS_MAX: usize = 32;

/// Rooms of one person, direct ones included. One more is refused with `busy`.
pub const ROOMS_PER_USER_MAX: usize = 500;

/// Online people up to whom every change is told with its name; beyond, `pres` carries counts
/// and lists are asked for page by page.
pub const PRESENCE_NAMES_MAX: usize = 1000;

/// Where more people are online than are named, presence events name those who come and go among
/// so many of the first by user id at most.
pub const PRESENCE_FIRST_MAX: usize = 300;

/// Silence after which a client sends a ping, in milliseconds.
pub const PING_AFTER_MS: u64 = 30_000;

/// Silence after which the server closes a connection, in milliseconds.
pub const SILENCE_MAX_MS: u64 = 90_000;

/// How long a person stays in the list after the last connection died without `bye`, in
/// milliseconds, so that a reconnect is not seen as leaving.
pub const PRESENCE_GRACE_MS: u64 = 45_000;
