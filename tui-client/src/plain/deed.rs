//! Typed lines that need the server before they are done. Each is a future of its own, so that the
//! conversation goes on listening; one runs at a time, so that lines keep their order.

use std::path::{Path, PathBuf};

use liao_client_core::{
    answer::CallError,
    handle::{Handle, PostError},
    timeline::{Content, FileOffer, Row},
    transfer::{DownloadJob, TransferId, UploadJob},
};
use liao_common::{
    event::Room,
    fault::FaultCode,
    id::{FileId, Nonce, RoomId, UserId},
    limits,
    message::{Body, Kind},
    name::{RoomName, UserName},
    request::{self, History, RoomCreate, RoomJoin, RoomOpen},
    text,
};

use super::event::{Event, Who};
use crate::{
    view::reasons::{call_sentence, io_reason},
    words::Words,
};

/// Pages of people online that are asked for.
const PAGES_MAX: usize = 10;

/// What became of a deed.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A post stands in the outbox.
    Posted(Nonce),
    /// Lines go to this room from here on.
    Entered(Box<Room>),
    /// The room of two people is open; what it was opened for comes next.
    Opened(Box<Room>, Then),
    /// What was asked for.
    Told(Event),
    /// It is done; key of a sentence that says so, where nothing else does.
    Did(Option<&'static str>),
    /// This person is in this room no more.
    Left(RoomId),
    /// A transfer has begun, of the file of this name.
    Moving(TransferId, String),
    /// It was not done; why, as a sentence.
    Failed(String),
    /// Lines were to go to another room, and do not; why, as a sentence.
    Strayed(String),
}

impl Outcome {
    /// Whether there is more to come before the line is done.
    pub(super) const fn goes_on(&self) -> bool {
        matches!(self, Self::Posted(_) | Self::Opened(..) | Self::Moving(..))
    }
}

/// What a room is needed for.
#[derive(Debug)]
pub(super) enum Then {
    /// To say something, which names these people.
    Say(String, Vec<UserId>),
    /// To send a file.
    File(PathBuf),
}

/// What every deed needs.
#[derive(Clone)]
pub(super) struct Doer {
    pub(super) handle: Handle,
    pub(super) words: &'static Words,
}

impl Doer {
    /// Does in a room what it was opened for.
    pub(super) async fn go_on(self, room: RoomId, then: Then) -> Outcome {
        match then {
            Then::Say(text, at) => self.say(room, text, at).await,
            Then::File(path) => self.send_file(room, path),
        }
    }

    async fn say(self, room: RoomId, text: String, at: Vec<UserId>) -> Outcome {
        let body = Body { at, ..Body::text(text) };
        match self.handle.post(room, Kind::Text, body).await {
            Ok(nonce) => Outcome::Posted(nonce),
            Err(PostError::Outbox { kind, reason }) => {
                let reason = io_reason(kind, &reason, self.words);
                Outcome::Failed(self.words.fill("post_fault.unwritable", &[("reason", &reason)]))
            }
            Err(PostError::Full) => Outcome::Failed(self.words.t("post_fault.full").to_owned()),
            Err(PostError::Closed) => Outcome::Failed(self.words.t("link.idle").to_owned()),
        }
    }

    fn send_file(&self, room: RoomId, path: PathBuf) -> Outcome {
        let name = path.display().to_string();
        match self.handle.upload(UploadJob { room, path, media: String::new() }) {
            Ok(id) => Outcome::Moving(id, name),
            Err(error) => Outcome::Failed(self.sentence(&error)),
        }
    }

    /// Opens the room of this person and another one.
    pub(super) async fn open(self, user: UserName, then: Then) -> Outcome {
        let open = RoomOpen { user: None, name: Some(user.as_str().to_owned()) };
        let why = match self.handle.call(open).await {
            Ok(room) => return Outcome::Opened(Box::new(room), then),
            Err(CallError::Fault(fault)) if fault.code == FaultCode::NotFound => {
                self.words.fill("plain.no_person", &[("user", &user)])
            }
            Err(CallError::Fault(fault)) if fault.code == FaultCode::BadRequest => {
                self.words.t("plain.yourself").to_owned()
            }
            Err(error) => self.sentence(&error),
        };
        Outcome::Failed(why)
    }

    /// Enters a room: one to which this person is invited, a public one, or a new one.
    pub(super) async fn enter(self, name: RoomName, invited: Option<RoomId>) -> Outcome {
        let join =
            RoomJoin { room: invited, name: invited.is_none().then(|| name.as_str().to_owned()) };
        let joined = match self.handle.call(join).await {
            Err(CallError::Fault(fault)) if fault.code == FaultCode::NotFound => {
                let create = RoomCreate { name: name.into(), private: false, topic: String::new() };
                self.handle.call(create).await
            }
            joined => joined,
        };
        match joined {
            Ok(room) => Outcome::Entered(Box::new(room)),
            Err(error) => Outcome::Strayed(self.sentence(&error)),
        }
    }

    /// Says who is online, this person too.
    pub(super) async fn who(self) -> Outcome {
        let mut people = Vec::new();
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = match self.handle.call(request::Who { after, ..Default::default() }).await {
                Ok(page) => page,
                Err(error) => return Outcome::Failed(self.sentence(&error)),
            };
            people.extend(page.users.iter().map(|user| Who {
                id: text::clean_line(&user.id),
                name: text::clean_line(&user.name),
            }));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Outcome::Told(Event::Online(people))
    }

    /// Fetches a file that an earlier run was told of: its offer is looked for among the newest
    /// messages of these rooms.
    pub(super) async fn find_and_get(
        self,
        fid: FileId,
        to: Option<PathBuf>,
        rooms: Vec<RoomId>,
    ) -> Outcome {
        for room in rooms {
            let limit = u32::try_from(limits::PAGE_MESSAGES_MAX).ok();
            let ask = History { room, limit, ..History::default() };
            let Ok(page) = self.handle.call(ask).await else { continue };
            let offers = page.msgs.iter().map(|message| Row::sent(message).content);
            let mut found = offers.filter_map(|content| match content {
                Content::File(offer) if offer.fid == fid => Some(offer),
                _ => None,
            });
            if let Some(offer) = found.next_back() {
                return self.get(room, &offer, to.as_deref());
            }
        }
        Outcome::Failed(self.words.fill("plain.no_file", &[("fid", &fid)]))
    }

    /// Fetches a file to a folder or to a path; nothing that exists is overwritten.
    pub(super) fn get(&self, room: RoomId, offer: &FileOffer, to: Option<&Path>) -> Outcome {
        let Some(hash) = offer.hash else {
            return Outcome::Failed(self.words.fill("plain.no_file", &[("fid", &offer.fid)]));
        };
        let (dir, name) = place(to, &offer.name);
        let job =
            DownloadJob { room, fid: offer.fid, name: name.clone(), size: offer.size, hash, dir };
        match self.handle.download(job) {
            Ok(id) => Outcome::Moving(id, name),
            Err(error) => Outcome::Failed(self.sentence(&error)),
        }
    }

    pub(super) fn sentence(&self, error: &CallError) -> String {
        call_sentence(error, self.words)
    }
}

/// The folder and the name for a file: here, in a folder that exists, or at the path itself.
fn place(to: Option<&Path>, name: &str) -> (PathBuf, String) {
    let Some(to) = to else { return (PathBuf::from("."), name.to_owned()) };
    match (to.is_dir(), to.file_name()) {
        (false, Some(last)) => {
            let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty());
            (dir.unwrap_or(Path::new(".")).to_owned(), last.to_string_lossy().into_owned())
        }
        _ => (to.to_owned(), name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_or_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("new.txt");
        for (to, dir, name) in [
            (None, Path::new("."), "a.txt"),
            (Some(Path::new("b.txt")), Path::new("."), "b.txt"),
            (Some(folder.path()), folder.path(), "a.txt"),
            (Some(&*inside), folder.path(), "new.txt"),
        ] {
            assert_eq!(place(to, "a.txt"), (dir.to_owned(), name.to_owned()), "{to:?}");
        }
    }
}
