//! What a client says: mostly texts, some answers, edits and erasures, now and then a long one.

use anyhow::{Context as _, Result};
use liao_check::history::{Draft, Fact};
use liao_common::{
    id::{FileId, Nonce, RoomId, Seq},
    message::{Body, Kind},
    request::{Mark, Send},
};

use super::{Asked, Client};

/// Posts without an answer at a time.
const WINDOW: usize = 32;

/// Bytes of a long text.
const LONG_BYTES: usize = 9000;

impl Client {
    /// Posts until the window is full.
    pub(crate) fn talk(&mut self, rooms: &[u64]) -> Result<()> {
        while self.outbox.len() < WINDOW && !rooms.is_empty() {
            let room = rooms[self.dice.place(rooms.len())];
            let draft = self.invent(room);
            self.post(draft)?;
        }
        if self.asked.len() < WINDOW * 3 / 2 && self.dice.once_in(4) {
            self.mark(rooms)?;
        }
        Ok(())
    }

    /// True once in `times`.
    pub(crate) fn rolls(&mut self, times: u64) -> bool {
        self.dice.once_in(times)
    }

    /// Posts that have no answer.
    pub(crate) fn unanswered(&self) -> usize {
        self.outbox.len()
    }

    /// Says one thing in a room.
    pub(crate) fn says(&mut self, room: u64) -> Result<()> {
        let text = Some(self.text());
        let draft = self.draft(room, "text", text, None);
        self.post(draft)
    }

    fn invent(&mut self, room: u64) -> Draft {
        let own: Vec<u64> = self.own.iter().filter(|own| own.0 == room).map(|own| own.1).collect();
        let of = own.get(self.dice.place(own.len())).copied();
        let text = Some(self.text());
        match (self.dice.below(100), of) {
            (0..15, Some(of)) => self.draft(room, "edit", text, Some(of)),
            (15..20, Some(of)) => {
                self.own.retain(|own| *own != (room, of));
                self.draft(room, "redact", None, Some(of))
            }
            (20..30, _) => {
                let head = self.seen.get(&room).copied().unwrap_or_default();
                let mut draft = self.draft(room, "text", text, None);
                draft.re = Some(1 + self.dice.below(head)).filter(|_| head > 0);
                draft
            }
            _ => self.draft(room, "text", text, None),
        }
    }

    fn draft(&mut self, room: u64, kind: &str, text: Option<String>, of: Option<u64>) -> Draft {
        let mut cid = Nonce([0; 16]);
        cid.0[..8].copy_from_slice(&self.dice.throw().to_be_bytes());
        self.made += 1;
        cid.0[8..].copy_from_slice(&self.made.to_be_bytes());
        Draft { cid: cid.to_string(), room, kind: kind.to_owned(), text, of, re: None }
    }

    fn text(&mut self) -> String {
        let words = ["短", "a word", "línea", "好的好的", "and more"];
        let mut text = format!("{} {}", self.name, self.made);
        let len = if self.dice.once_in(40) { LONG_BYTES } else { self.dice.place(90) };
        while text.len() < len {
            text.push(' ');
            text.push_str(words[self.dice.place(words.len())]);
        }
        text
    }

    fn post(&mut self, draft: Draft) -> Result<()> {
        self.tell(Fact::Sent(draft.clone()));
        let send = request(&draft)?;
        self.outbox.push_back((self.last_rid + 1, draft));
        self.send(send, Asked::Post).map(drop)
    }

    /// Shows a file that was uploaded.
    pub(super) fn post_file(&mut self, room: u64, file: u64) -> Result<()> {
        let draft = self.draft(room, "file", Some(format!("file {file}")), None);
        self.post(draft)
    }

    /// Everything without an answer once more, in the old order.
    pub(super) fn send_again(&mut self) -> Result<()> {
        for at in 0..self.outbox.len() {
            let draft = self.outbox[at].1.clone();
            self.tell(Fact::Sent(draft.clone()));
            self.outbox[at].0 = self.last_rid + 1;
            let mut send = request(&draft)?;
            // Others may have spoken since it was written.
            send.body.late = send.kind.counts();
            self.send(send, Asked::Post)?;
        }
        Ok(())
    }

    fn mark(&mut self, rooms: &[u64]) -> Result<()> {
        let room = rooms[self.dice.place(rooms.len())];
        let read = Seq(self.seen.get(&room).copied().unwrap_or_default());
        self.send(Mark { room: RoomId(room), read }, Asked::Mark).map(drop)
    }
}

/// The request of a draft. A file's text names the file.
fn request(draft: &Draft) -> Result<Send> {
    let kind = Kind::parse(&draft.kind);
    let file = draft.text.as_deref().and_then(|text| text.strip_prefix("file "));
    let fid = file.filter(|_| kind == Kind::File).and_then(|file| file.parse().ok()).map(FileId);
    let cid = Nonce::parse_hex(&draft.cid).context("a draft without a nonce")?;
    let (text, of, re) = (draft.text.clone(), draft.of.map(Seq), draft.re.map(Seq));
    let body = Body { text, of, re, fid, ..Body::default() };
    Ok(Send { room: RoomId(draft.room), cid, kind, body })
}
