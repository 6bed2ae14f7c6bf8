//! Those who read slowly, or not at all for a while, among those who do: nobody waits for them, the
//! server keeps next to nothing for them, and in the end they have every message once.

use std::{collections::BTreeSet, ops::RangeInclusive, sync::Arc};

use liao_common::{
    event::{Event, Page, Posted, Session, Synced},
    id::{Nonce, RoomId, Seq},
    message::{Body, Kind},
    request::{Auth, History, Send, Sync, Token},
};

use crate::{
    program::Program,
    siege::footprint,
    support::{Raw, register},
};

/// Connections that follow the room.
const READERS: usize = 10;

/// Messages of a round; with [`TEXT_BYTES`] they are far more than the system keeps on the way.
const ROUND: u64 = 4000;

/// Bytes of a message.
const TEXT_BYTES: usize = 15_000;

/// Posts under way at a time.
const ABREAST: usize = 50;

/// What the server may grow by while some do not read, in KiB: half of what a round is.
const GROWTH_MAX_KIB: u64 = ROUND * TEXT_BYTES as u64 / 1024 / 2;

/// The server, and what the readers log in with.
struct Place {
    server: Program,
    token: Token,
}

/// Somebody who reads, and what came.
struct Reader {
    raw: Raw,
    position: Seq,
    seen: BTreeSet<Seq>,
    gaps: Vec<RangeInclusive<u64>>,
    /// How often the server let go because nothing was read.
    let_go: usize,
}

impl Reader {
    async fn new(place: &Place, position: Seq) -> Self {
        let raw = connects(place, position).await;
        Self { raw, position, seen: BTreeSet::new(), gaps: Vec::new(), let_go: 0 }
    }

    /// Reads until the message at `last`, over a connection that is made anew if need be.
    async fn reads_to(&mut self, place: &Place, last: Seq) {
        while self.position < last {
            let Some(frame) = self.raw.next().await else {
                self.let_go += 1;
                self.raw = connects(place, self.position).await;
                continue;
            };
            match Event::decode(&frame).unwrap() {
                Some(Event::Message(message)) if message.room == RoomId::LOBBY => {
                    assert_eq!(message.seq, self.position.next(), "contiguous");
                    assert!(self.seen.insert(message.seq), "twice: {:?}", message.seq);
                    self.position = message.seq;
                }
                Some(Event::Gap(gap)) if gap.room == RoomId::LOBBY => {
                    assert_eq!(gap.from, self.position.next(), "contiguous");
                    self.gaps.push(gap.from.0..=gap.to.0);
                    self.position = gap.to;
                }
                _ => {}
            }
        }
    }

    /// Reads what stands in the gaps.
    async fn fills_gaps(&mut self) {
        for gap in std::mem::take(&mut self.gaps) {
            let mut after = Seq(gap.start() - 1);
            while after.0 < *gap.end() {
                let room = RoomId::LOBBY;
                let ask =
                    History { room, after: Some(after), limit: Some(100), ..History::default() };
                let page: Page = self.raw.asks(ask).await.unwrap();
                for message in page.msgs.iter().filter(|message| message.seq.0 <= *gap.end()) {
                    assert!(self.seen.insert(message.seq), "twice: {:?}", message.seq);
                }
                after = page.msgs.last().expect("what is in a gap can be read").seq;
            }
        }
    }
}

async fn connects(place: &Place, position: Seq) -> Raw {
    let mut raw = place.server.raw().await;
    raw.hello().await;
    let auth = Auth { mech: "token".into(), token: Some(place.token.clone()), ..Auth::default() };
    raw.asks::<Session>(auth).await.unwrap();
    let sync = Sync { epoch: String::new(), cur: vec![(RoomId::LOBBY, position)] };
    let rid = raw.sends(sync).await;
    raw.answer::<Synced>(rid).await.unwrap();
    raw
}

/// Says a round's words, many at a time; gives the place of the last.
async fn says_a_round(raw: &mut Raw, round: u64) -> Seq {
    let padding = "x".repeat(TEXT_BYTES);
    let (mut under_way, mut last) = (Vec::new(), Seq(0));
    for number in 0..ROUND {
        let name = [round.to_be_bytes(), number.to_be_bytes()].concat();
        let cid = Nonce(*blake3::hash(&name).as_bytes().first_chunk().unwrap());
        let send = Send { room: RoomId::LOBBY, cid, kind: Kind::Text, body: Body::text(&*padding) };
        under_way.push(raw.sends(send).await);
        if under_way.len() == ABREAST || number + 1 == ROUND {
            for rid in under_way.drain(..) {
                last = raw.answer::<Posted>(rid).await.unwrap().seq;
            }
        }
        raw.events.clear();
    }
    last
}

/// A round in which some read nothing. Gives by how much the server grew, in KiB.
async fn plays(place: &Arc<Place>, speaker: &mut Raw, round: u64, stalled: usize) -> u64 {
    let head = speaker.says(RoomId::LOBBY, &format!("round {round}")).await;
    let mut asleep = Vec::new();
    for _ in 0..READERS {
        asleep.push(Reader::new(place, head).await);
    }
    let pid = place.server.pid();
    let before = footprint(pid).0;
    let last = Seq(head.0 + ROUND);
    let awake = asleep.split_off(stalled).into_iter().map(|reader| reads(reader, place, last));
    let awake: Vec<_> = awake.map(tokio::spawn).collect();
    assert_eq!(says_a_round(speaker, round).await, last);
    for reader in awake {
        reader.await.unwrap();
    }
    let grown = footprint(pid).0.saturating_sub(before);
    for reader in asleep {
        assert!(reads(reader, place, last).await > 0, "it was never behind");
    }
    grown
}

/// Reads on, fills the gaps, and has everything. Gives how often something was left out or the server
/// let go.
fn reads(mut reader: Reader, place: &Arc<Place>, last: Seq) -> impl Future<Output = usize> + use<> {
    let place = Arc::clone(place);
    async move {
        reader.reads_to(&place, last).await;
        let behind = reader.gaps.len() + reader.let_go;
        reader.fills_gaps().await;
        assert_eq!(reader.seen.len() as u64, ROUND, "{behind} times behind");
        behind
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_costs_the_server_little_and_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--insecure-plaintext", "--posts-per-second", "100000"];
    let server = Program::start(folder.path(), &arguments).await;
    let mut speaker = server.raw().await;
    speaker.hello().await;
    speaker.asks::<Session>(register("alice")).await.unwrap();
    let mut first = server.raw().await;
    first.hello().await;
    let token = first.asks::<Session>(register("bob")).await.unwrap().token.unwrap();
    let place = Arc::new(Place { server, token });
    // At first nobody stalls: allocator and index grow to what they need anyway.
    for (round, stalled) in [0, 1, READERS * 3 / 10].into_iter().enumerate() {
        let grown = plays(&place, &mut speaker, round as u64, stalled).await;
        eprintln!("{stalled} of {READERS} read nothing: the server grew by {grown} KiB");
        assert!(stalled == 0 || grown < GROWTH_MAX_KIB, "{grown} KiB with {stalled} stalled");
    }
}
