//! `liaod`, with people who have accounts. Whatever a round does to its data, the next one begins
//! with a fresh copy of them.

use std::{collections::HashMap, path::Path, rc::Rc};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use liao_client_core::entropy::Nonces;
use liao_common::{
    codec,
    event::{Posted, Room, Synced, kind},
    fault::Fault,
    frame::Frame,
    id::{RoomId, Seq},
    message::{Body, Kind},
    request::{Request, RoomCreate, RoomJoin, RoomOpen, Send, Sync, Watch},
};

use super::{
    dialect::{Dialect, Heard, Post, Scene},
    payload,
};
use crate::{
    crowd::{LOG_IN_AT_ONCE, Person},
    durable,
    play::{Script, hello, play},
    post,
    server::Server,
    swarm::Swarm,
};

/// Number of the first post; what is asked before has lower ones.
const RID_FIRST: u64 = 1 << 32;

/// Members above which a room is pushed only to those who look at it.
const PUSHED_MAX: usize = 1000;

/// Bytes of the length before a frame.
const LENGTH_BYTES: usize = 4;

/// See the module.
pub(super) struct Native {
    people: Rc<Vec<Person>>,
    rooms: Vec<RoomId>,
    /// How many are there.
    present: usize,
    templates: HashMap<usize, Template>,
}

/// A post as a frame, of which only three places change.
struct Template {
    frame: Vec<u8>,
    nonces: Nonces,
    rid_at: usize,
    nonce_at: usize,
    payload_at: usize,
}

impl Native {
    /// Makes the rooms of a scene with the first so many people.
    pub(super) fn arrange(
        server: &Server,
        people: &Rc<Vec<Person>>,
        scene: Scene,
        present: usize,
    ) -> Result<Self> {
        let open = |person: &Person, ask: Request| {
            let ask = vec![hello(), person.log_in(), ask];
            Script { link: None, ask, leave: true }
        };
        let some = people.get(..present).context("too few people")?;
        let scripts: Vec<_> = match scene {
            Scene::Hall | Scene::Log => {
                let create =
                    RoomCreate { name: "hall".into(), private: false, topic: String::new() };
                some.iter().take(1).map(|one| open(one, create.clone().into())).collect()
            }
            Scene::Pairs => {
                let with = |pair: &[Person]| {
                    let ask = RoomOpen { user: Some(pair[1].user), name: None };
                    open(&pair[0], ask.into())
                };
                some.chunks_exact(2).map(with).collect()
            }
        };
        let mut swarm = Swarm::new()?;
        let played = play(&mut swarm, server, scripts, LOG_IN_AT_ONCE)?;
        let room = |answer: Option<&Frame>| {
            let room: Room = answer.context("no room")?.decode()?;
            anyhow::Ok(room.room)
        };
        let rooms: Vec<_> =
            played.iter().map(|played| room(played.answers.last())).collect::<Result<_>>()?;
        if scene == Scene::Log {
            let join: Request = RoomJoin { room: rooms.first().copied(), name: None }.into();
            let joins = some.iter().map(|one| open(one, join.clone())).collect();
            play(&mut swarm, server, joins, LOG_IN_AT_ONCE)?;
        }
        Ok(Self { people: Rc::clone(people), rooms, present, templates: HashMap::new() })
    }

    fn room(&self, who: usize, scene: Scene) -> RoomId {
        self.rooms[if scene == Scene::Pairs { who / 2 } else { 0 }]
    }
}

impl Template {
    fn new(room: RoomId, example: &Post<'_>) -> Result<Self> {
        let nonces = post::nonces();
        let cid = nonces.fresh();
        let text = std::str::from_utf8(example.payload)?;
        let send = Send { room, cid, kind: Kind::Text, body: Body::text(text) };
        let frame = Request::from(send).frame(RID_FIRST).to_vec();
        let find = |what: &[u8]| {
            let place = frame.windows(what.len()).position(|piece| piece == what);
            place.context("a post has another form than expected")
        };
        let rid_at = find(&RID_FIRST.to_be_bytes())?;
        let nonce_at = find(&cid.0)?;
        let payload_at = find(example.payload)?;
        Ok(Self { frame, nonces, rid_at, nonce_at, payload_at })
    }

    fn fill(&mut self, post: &Post<'_>) -> &[u8] {
        let mut put = |at: usize, bytes: &[u8]| {
            self.frame[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(self.rid_at, &(RID_FIRST + post.number).to_be_bytes());
        put(self.nonce_at, &self.nonces.fresh().0);
        put(self.payload_at, post.payload);
        &self.frame
    }
}

fn ask(requests: &[Request], rid: u64, out: &mut Vec<u8>) -> usize {
    (rid..).zip(requests).for_each(|(rid, request)| out.extend_from_slice(&request.frame(rid)));
    requests.len()
}

impl Dialect for Native {
    fn log_in(&self, who: usize, out: &mut Vec<u8>) -> usize {
        ask(&[hello(), self.people[who].log_in()], 1, out)
    }

    fn enter(&self, who: usize, scene: Scene, out: &mut Vec<u8>) -> usize {
        let sync = Sync::default().into();
        match scene {
            Scene::Hall => {
                let join = RoomJoin { room: Some(self.room(who, scene)), name: None };
                ask(&[join.into(), sync], 3, out)
            }
            Scene::Pairs => ask(&[sync], 3, out),
            Scene::Log => 0,
        }
    }

    fn look(&self, who: usize, scene: Scene, out: &mut Vec<u8>) -> usize {
        if self.present <= PUSHED_MAX {
            return 0;
        }
        let act = vec![self.room(who, scene)];
        ask(&[Watch { act, online: false }.into()], 5, out)
    }

    fn post(&mut self, post: &Post<'_>, out: &mut Vec<u8>) -> Result<()> {
        if !self.templates.contains_key(&post.who) {
            let template = Template::new(self.room(post.who, post.scene), post)?;
            self.templates.insert(post.who, template);
        }
        if let Some(template) = self.templates.get_mut(&post.who) {
            out.extend_from_slice(template.fill(post));
        }
        Ok(())
    }

    fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<(usize, Heard<'a>)>> {
        let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length))?;
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        Ok(Some((LENGTH_BYTES + length, word(frame)?)))
    }

    fn echoes(&self, _scene: Scene) -> bool {
        true
    }

    fn receipt(&self, number: u64) -> Option<u64> {
        Some(RID_FIRST + number)
    }
}

/// What a message is, is told by its header; who said what, by its text, which ends it.
fn word(frame: &[u8]) -> Result<Heard<'_>> {
    if frame.starts_with(b"\x92\xa3msg\x00") {
        let text = frame.len().checked_sub(payload::BYTES).map(|at| &frame[at..]);
        return Ok(text.filter(|text| payload::is_ours(text)).map_or(Heard::Other, Heard::Said));
    }
    let frame = Frame::parse(Bytes::copy_from_slice(frame))?;
    Ok(match frame.kind() {
        kind::OK if frame.rid < RID_FIRST => Heard::Settled,
        kind::OK => {
            let posted: Posted = frame.decode()?;
            if posted.dup {
                bail!("post {} was taken for a repetition", frame.rid);
            }
            Heard::Accepted(frame.rid)
        }
        kind::ERR | kind::GOAWAY => {
            let fault: Result<Fault, _> = frame.decode();
            bail!("the server refused {}: {fault:?}", frame.rid)
        }
        kind::PING => Heard::Asked(codec::frame_raw(kind::PONG, 0, &frame.body).to_vec()),
        // A gap among the joins hurts nobody; one among the posts is found by their numbers.
        _ => Heard::Other,
    })
}

/// Reads the log of the first room from its first message to its last: who said what, in order.
pub(super) fn reread(server: &Server, reader: &Person) -> Result<Vec<(usize, u64)>> {
    let mut swarm = Swarm::new()?;
    let script = Script { link: None, ask: reader.follows(), leave: false };
    let played = play(&mut swarm, server, vec![script], 1)?;
    let played = played.first().context("no link")?;
    let rooms: Synced = played.answers.last().context("no rooms")?.decode()?;
    let room = rooms.rooms.first().context("no room")?.room;
    let (mut log, mut after) = (Vec::new(), Seq::ZERO);
    loop {
        let page = durable::page(&mut swarm, server, played.link, (room, after))?;
        for message in &page.msgs {
            let text = message.body.text.as_deref().filter(|_| message.kind == Kind::Text);
            if let Some(text) = text {
                log.push(payload::read(text.as_bytes()).context("a message nobody posted")?);
            }
            after = message.seq;
        }
        if !page.more {
            return Ok(log);
        }
    }
}

/// Copies a data folder that nobody writes to.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type()? {
            kind if kind.is_dir() => copy(&from, &to)?,
            kind if kind.is_file() => drop(std::fs::copy(&from, &to)?),
            // Sockets of a server that has gone.
            _ => {}
        }
    }
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    Ok(())
}
