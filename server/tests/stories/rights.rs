//! Rights: who may take back, fetch, come in and stay, also on the second try, late, or at the very
//! moment when the right ends.

use std::{fs, path::Path};

use liao_client_core::link::Credentials;
use liao_common::{
    codec,
    event::{
        Empty, Event, FileData, FileFound, FileOpened, FileStored, Page, Posted, Room, Session,
        Synced, Welcome, kind,
    },
    fault::{Fault, FaultCode},
    frame::Frame,
    id::{FileId, Hash, Nonce, RoomId, Seq},
    limits,
    message::{Body, Kind, Message},
    request::{
        Auth, FileDone, FileGet, FileOpen, Hello, History, Passwd, Request, Revoke, RoomCreate,
        RoomInvite, RoomJoin, RoomLeave, RoomOpen, Secret, Send, Sync, Token, Watch,
    },
};

use crate::support::{Person, Raw, World, secret};

/// A connection of somebody, which has heard of everything until now.
async fn connects(world: &World, id: &str) -> Raw {
    let mut raw = world.raw().await;
    raw.logs_in(id, "").await;
    raw.quiet().await;
    raw
}

async fn posts(
    raw: &mut Raw,
    room: RoomId,
    cid: u8,
    kind: Kind,
    body: Body,
) -> Result<Posted, FaultCode> {
    let send = Send { room, cid: Nonce([cid; 16]), kind, body };
    raw.asks(send).await.map_err(|fault| fault.code)
}

async fn redacts(raw: &mut Raw, room: RoomId, cid: u8, of: Seq) -> Result<Posted, FaultCode> {
    posts(raw, room, cid, Kind::Redact, Body { of: Some(of), ..Body::default() }).await
}

/// What a message says, as the log has it.
async fn words(raw: &mut Raw, room: RoomId, of: Seq) -> String {
    let ask = History { room, around: Some(of), ..History::default() };
    let page: Page = raw.asks(ask).await.unwrap();
    let message = page.msgs.into_iter().find(|message| message.seq == of).expect("it is there");
    message.body.text.unwrap_or_default()
}

/// Whether any file of the journal has these words.
fn is_in_journal(world: &World, words: &str) -> bool {
    fs::read_dir(world.data().join("journal")).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(words.len()).any(|part| part == words.as_bytes())
    })
}

fn message(frame: &Frame) -> Option<Message> {
    match Event::decode(frame).unwrap() {
        Some(Event::Message(message)) => Some(*message),
        _ => None,
    }
}

/// What is pushed to somebody who logs in now and has seen nothing of a room yet.
async fn is_pushed(world: &World, id: &str, room: RoomId) -> Vec<Message> {
    let mut raw = world.raw().await;
    raw.hello().await;
    raw.asks::<Session>(password(id, secret(id), "")).await.unwrap();
    raw.asks::<Synced>(Sync { epoch: String::new(), cur: vec![(room, Seq::ZERO)] }).await.unwrap();
    let mut frames = std::mem::take(&mut raw.events);
    while frames.last().is_none_or(|last| last.kind() != kind::SYNCED) {
        frames.push(raw.next().await.expect("the end of what was missed"));
    }
    frames.iter().filter_map(message).collect()
}

fn password(id: &str, secret: Secret, dev_name: &str) -> Auth {
    let (user, secret) = (Some(id.into()), Some(secret));
    Auth { mech: "password".into(), user, secret, dev_name: dev_name.into(), token: None }
}

const TREASURE: &str = "the treasure lies under the old oak";

/// A private room of alice's, whose words are at stake. Bob is in it, carol was in it, dave never
/// was, and the administrator is not either. Whoever was in it has posted there with nonce 1.
async fn treasure_room(world: &World) -> (Person, RoomId, Seq) {
    for id in ["admin", "dave"] {
        world.registers(id).await.goes().await;
    }
    let alice = world.registers("alice").await;
    let room = alice.creates("#plan", true).await;
    for id in ["bob", "carol"] {
        let person = world.registers(id).await;
        alice.invites("#plan", person.number()).await.unwrap();
        person.joins("#plan").await;
        posts(&mut connects(world, id).await, room, 1, Kind::Text, Body::text("aye"))
            .await
            .unwrap();
        if id == "carol" {
            person.leaves("#plan").await;
        }
        person.goes().await;
    }
    let seq = alice.says("#plan", TREASURE).await;
    (alice, room, seq)
}

/// Nobody but the author erases, whether with a fresh nonce, twice, or with one that has posted.
async fn others_cannot_erase(world: &World, room: RoomId, seq: Seq) {
    for (id, want) in [
        ("bob", FaultCode::Forbidden),
        ("carol", FaultCode::NotFound),
        ("dave", FaultCode::NotFound),
        ("admin", FaultCode::NotFound),
    ] {
        let mut raw = connects(world, id).await;
        for _ in 0..2 {
            assert_eq!(redacts(&mut raw, room, 2, seq).await, Err(want), "{id}");
        }
        let again = redacts(&mut raw, room, 1, seq).await;
        assert!(again.is_err() || again.is_ok_and(|posted| posted.dup), "{id}");
        let edit = Body { of: Some(seq), ..Body::text("there is no treasure") };
        assert_eq!(posts(&mut raw, room, 3, Kind::Edit, edit).await, Err(want), "{id}");
        let mut alice = connects(world, "alice").await;
        assert_eq!(words(&mut alice, room, seq).await, TREASURE, "{id} erased it");
        assert!(is_in_journal(world, TREASURE), "{id} erased it from the disk");
    }
}

#[tokio::test]
async fn only_the_author_erases_and_then_it_is_gone() {
    let mut world = World::new().await;
    let (alice, room, seq) = treasure_room(&world).await;
    others_cannot_erase(&world, room, seq).await;
    world.restarts().await;
    let mut raw = connects(&world, "alice").await;
    assert_eq!(words(&mut raw, room, seq).await, TREASURE, "after a restart");

    posts(&mut raw, room, 1, Kind::Text, Body::text("anybody here?")).await.unwrap();
    assert_eq!(redacts(&mut raw, room, 1, seq).await, Err(FaultCode::CidConflict));
    assert_eq!(words(&mut raw, room, seq).await, TREASURE, "a refused request erases nothing");
    let posted = redacts(&mut raw, room, 2, seq).await.unwrap();
    assert_eq!(redacts(&mut raw, room, 2, seq).await, Ok(Posted { dup: true, ..posted }));
    for _ in 0..2 {
        assert_eq!(words(&mut raw, room, seq).await.trim(), "");
        assert!(!is_in_journal(&world, TREASURE));
        let heard = is_pushed(&world, "bob", room).await;
        assert!(heard.iter().any(|message| message.seq == seq), "its place is still there");
        assert!(heard.iter().all(|message| message.body.text.as_deref() != Some(TREASURE)));
        world.restarts().await;
        raw = connects(&world, "alice").await;
    }
    alice.says("#plan", "forget it").await;
}

#[tokio::test]
async fn an_edit_taken_back_is_gone_too() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let seq = alice.says("#lobby", "harmless").await;
    let edit = Body { of: Some(seq), ..Body::text(TREASURE) };
    let edited = alice.posts("#lobby", Kind::Edit, edit).await.unwrap().seq;
    bob.sees("#lobby", &format!("alice: {TREASURE}")).await;
    assert!(is_in_journal(&world, TREASURE));
    let back = Body { of: Some(edited), ..Body::default() };
    let theirs = bob.posts("#lobby", Kind::Redact, back.clone()).await.unwrap_err();
    assert_eq!(theirs.code, FaultCode::Forbidden);
    alice.posts("#lobby", Kind::Redact, back).await.unwrap();
    assert!(!is_in_journal(&world, TREASURE));
    let heard = is_pushed(&world, "bob", RoomId::LOBBY).await;
    assert!(heard.iter().any(|message| message.seq == edited));
    assert!(heard.iter().all(|message| message.body.text.as_deref() != Some(TREASURE)));
}

/// Said and taken back in one breath, so that both are stored together: also then nobody who comes
/// later is told, whether the room has it in memory or not.
#[tokio::test]
async fn what_is_taken_back_at_once_is_not_told_to_those_who_come_later() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let bob = world.registers("bob").await;
    let mut raw = connects(&world, "alice").await;
    for round in 0..20 {
        let head = bob.looks(|seen| seen.room("#lobby").unwrap().head.0);
        let mut asked = Vec::new();
        for pair in 0..5 {
            let cid = |kind| Nonce([round + 1, pair, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            let of = Some(Seq(head.0 + 1 + 2 * u64::from(pair)));
            let said = Body::text(TREASURE);
            let back = Body { of, ..Body::default() };
            for (kind, body, cid) in [(Kind::Text, said, cid(0)), (Kind::Redact, back, cid(1))] {
                asked.push(raw.sends(Send { room: RoomId::LOBBY, cid, kind, body }).await);
            }
        }
        for rid in asked {
            raw.answer::<Posted>(rid).await.unwrap();
        }
        let last = Seq(head.0 + 10);
        bob.waits_for("all of it", |seen| seen.room("#lobby").unwrap().head.0 == last).await;
        let heard = is_pushed(&world, "bob", RoomId::LOBBY).await;
        assert!(heard.iter().any(|message| message.seq == last));
        assert!(heard.iter().all(|message| message.body.text.as_deref() != Some(TREASURE)));
    }
    assert!(!is_in_journal(&world, TREASURE));
    alice.goes().await;
}

fn hash(bytes: &[u8]) -> Hash {
    Hash(blake3::hash(bytes).into())
}

async fn opens(raw: &mut Raw, room: RoomId, bytes: &[u8]) -> Result<FileOpened, FaultCode> {
    let (size, b3) = (bytes.len() as u64, hash(bytes));
    let ask = FileOpen { room, size, b3, name: "file".into(), media: String::new() };
    raw.asks(ask).await.map_err(|fault| fault.code)
}

async fn fills(raw: &mut Raw, x: u64, bytes: &[u8]) {
    for (number, piece) in bytes.chunks(limits::CHUNK_BYTES).enumerate() {
        let o = (number * limits::CHUNK_BYTES) as u64;
        raw.writes(&codec::frame(kind::FDAT, 0, &FileData { x, o, d: piece.to_vec() })).await;
    }
}

async fn ends(raw: &mut Raw, x: u64) -> Result<FileId, FaultCode> {
    let stored = raw.asks::<FileStored>(FileDone { x }).await;
    stored.map(|stored| stored.fid).map_err(|fault| fault.code)
}

async fn uploads(raw: &mut Raw, room: RoomId, bytes: &[u8]) -> FileId {
    let x = opens(raw, room, bytes).await.unwrap().x;
    fills(raw, x, bytes).await;
    ends(raw, x).await.unwrap()
}

async fn fetches(raw: &mut Raw, fid: FileId) -> Result<Vec<u8>, FaultCode> {
    let found: FileFound =
        raw.asks(FileGet { fid, off: 0 }).await.map_err(|fault: Fault| fault.code)?;
    let mut bytes = Vec::new();
    let mut early = std::mem::take(&mut raw.events).into_iter();
    while (bytes.len() as u64) < found.size {
        let frame = match early.next() {
            Some(frame) => frame,
            None => raw.next().await.expect("the connection holds"),
        };
        if let Some(Event::FileData(data)) = Event::decode(&frame).unwrap()
            && data.x == found.x
        {
            bytes.extend(data.d);
        }
    }
    Ok(bytes)
}

fn offer(fid: FileId) -> Body {
    Body { fid: Some(fid), ..Body::default() }
}

/// Which of the first numbers somebody can fetch.
async fn fetchable(raw: &mut Raw) -> Vec<u64> {
    let mut found = Vec::new();
    for fid in 0..12 {
        match fetches(raw, FileId(fid)).await {
            Ok(_) => found.push(fid),
            Err(code) => assert_eq!(code, FaultCode::NotFound, "{fid}"),
        }
    }
    found
}

#[tokio::test]
async fn a_newcomer_who_counts_finds_only_what_was_offered_since() {
    let mut world = World::new().await;
    world.registers("admin").await.goes().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let room = alice.creates("#plan", true).await;
    let mut raw = connects(&world, "alice").await;
    let before = uploads(&mut raw, room, b"offered before bob came").await;
    posts(&mut raw, room, 1, Kind::File, offer(before)).await.unwrap();
    alice.invites("#plan", bob.number()).await.unwrap();
    bob.joins("#plan").await;
    let silent = uploads(&mut raw, room, b"never offered").await;
    let since = uploads(&mut raw, room, b"offered since").await;
    posts(&mut raw, room, 2, Kind::File, offer(since)).await.unwrap();
    let back = uploads(&mut raw, room, b"offered and taken back").await;
    let shown = posts(&mut raw, room, 3, Kind::File, offer(back)).await.unwrap().seq;
    redacts(&mut raw, room, 4, shown).await.unwrap();
    for _ in 0..2 {
        assert_eq!(fetchable(&mut connects(&world, "bob").await).await, [since.0]);
        assert_eq!(fetchable(&mut connects(&world, "admin").await).await, [0; 0]);
        let own = fetchable(&mut connects(&world, "alice").await).await;
        assert_eq!(own, [before, silent, since].map(|fid| fid.0), "her own stay hers");
        world.restarts().await;
    }
    let mut raw = connects(&world, "alice").await;
    posts(&mut raw, room, 5, Kind::File, offer(before)).await.unwrap();
    assert_eq!(fetchable(&mut connects(&world, "bob").await).await, [before.0, since.0]);
    bob.leaves("#plan").await;
    assert_eq!(fetchable(&mut connects(&world, "bob").await).await, [0; 0]);
}

/// Files below a folder, and their bytes.
fn contents(folder: &Path) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(contents(&path)) } else { all.push(fs::read(path).unwrap()) }
    }
    all
}

#[tokio::test]
async fn an_upload_refused_at_its_end_leaves_nothing_behind() {
    let world = World::with(|config| config.files.user_bytes_max = 100_000).await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let plan = alice.creates("#plan", false).await;
    bob.joins("#plan").await;
    let (shared, large) = (b"of both".to_vec(), vec![7; 100_000]);
    let mut to_alice = connects(&world, "alice").await;
    let hers = uploads(&mut to_alice, RoomId::LOBBY, &shared).await;
    let mut to_bob = connects(&world, "bob").await;
    for bytes in [&shared, &large] {
        let x = opens(&mut to_bob, plan, bytes).await.unwrap().x;
        fills(&mut to_bob, x, bytes).await;
        bob.leaves("#plan").await;
        assert_eq!(ends(&mut to_bob, x).await, Err(FaultCode::NotFound));
        assert_eq!(contents(&world.data().join("uploads")), [[0; 0]; 0]);
        assert_eq!(
            contents(&world.data().join("blobs")),
            std::slice::from_ref(&shared),
            "alice's only"
        );
        bob.joins("#plan").await;
    }
    assert_eq!(fetches(&mut to_alice, hers).await, Ok(shared));
    let his = uploads(&mut to_bob, plan, &large).await;
    assert_eq!(fetches(&mut to_bob, his).await, Ok(large), "nothing of it counts");
    assert_eq!(opens(&mut to_bob, plan, b"more").await, Err(FaultCode::TooLarge));
}

/// Bytes that were never verified do not take the place of a file when the server starts, even if
/// they claim its hash and its owner has it already.
#[tokio::test]
async fn a_false_upload_left_over_does_not_replace_the_file() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let right = vec![7; 70_000];
    let mut to_alice = connects(&world, "alice").await;
    let fid = uploads(&mut to_alice, RoomId::LOBBY, &right).await;
    posts(&mut to_alice, RoomId::LOBBY, 1, Kind::File, offer(fid)).await.unwrap();
    let x = opens(&mut to_alice, RoomId::LOBBY, &right).await.unwrap().x;
    fills(&mut to_alice, x, &vec![9; 70_000]).await;
    let filled = |frame: Frame| match Event::decode(&frame).unwrap() {
        Some(Event::FileAck(ack)) => ack.o == 70_000,
        _ => false,
    };
    while !filled(to_alice.next().await.unwrap()) {}
    world.restarts().await;
    let mut to_bob = connects(&world, "bob").await;
    assert!(fetches(&mut to_bob, fid).await == Ok(right), "other bytes than alice's");
    alice.goes().await;
    bob.goes().await;
}

/// Logs in with a token on a fresh connection, up to the answer.
async fn shows(world: &World, token: &Token, late: usize) -> (Raw, Result<Session, Fault>) {
    let mut raw = world.raw().await;
    raw.hello().await;
    for _ in 0..late {
        tokio::task::yield_now().await;
    }
    let auth = Auth { mech: "token".into(), token: Some(token.clone()), ..Auth::default() };
    let session = raw.asks(auth).await;
    (raw, session)
}

/// Whoever came in with what is void now is put out again.
async fn is_put_out(mut raw: Raw, session: Result<Session, Fault>) -> bool {
    match session {
        Ok(_) => {
            assert_eq!(raw.last_words().await, Some(FaultCode::AuthRevoked));
            true
        }
        Err(fault) => {
            assert_eq!(fault.code, FaultCode::Unauthenticated);
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_revoked_while_it_logs_in_is_not_served() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let mut raw = connects(&world, "alice").await;
    let mut put_out = 0;
    for late in 0..120 {
        let mut phone = world.raw().await;
        phone.hello().await;
        let session: Session =
            phone.asks(password("alice", secret("alice"), "phone")).await.unwrap();
        drop(phone);
        let token = session.token.unwrap();
        let revoke = async {
            raw.asks::<Empty>(Revoke { dev: session.dev }).await.unwrap();
        };
        let ((shown, answer), ()) = tokio::join!(shows(&world, &token, late % 12), revoke);
        put_out += u32::from(is_put_out(shown, answer).await);
    }
    assert!(put_out > 0, "no login was ever under way");
}

/// Logs in with a password on a fresh connection, up to the answer.
async fn tries(world: &World, secret: &Secret, dev_name: &str) -> (Raw, Result<Session, Fault>) {
    let mut raw = world.raw().await;
    raw.hello().await;
    let session = raw.asks(password("alice", secret.clone(), dev_name)).await;
    (raw, session)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_password_lets_nobody_in_while_it_is_changed() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "laptop").await;
    let secrets = [secret("alice"), Secret("another horse of alice".into())];
    let mut put_out = 0;
    for round in 0..40 {
        let (old, new) = (secrets[round % 2].clone(), secrets[(round + 1) % 2].clone());
        let change = async {
            raw.asks::<Empty>(Passwd { old: old.clone(), new }).await.unwrap();
        };
        let tries = |dev_name| tries(&world, &old, dev_name);
        let (one, two, three, four, ()) =
            tokio::join!(tries("phone"), tries(""), tries("tablet"), tries(""), change);
        for (tried, answer) in [one, two, three, four] {
            put_out += u32::from(is_put_out(tried, answer).await);
        }
    }
    assert!(put_out > 0, "no login was ever under way");
}

/// Makes so many rooms, and gives their numbers.
async fn makes_rooms(raw: &mut Raw, name: &str, count: usize) -> Vec<RoomId> {
    let mut rooms = Vec::new();
    for batch in (0..count).collect::<Vec<_>>().chunks(limits::REQUESTS_IN_FLIGHT_MAX) {
        let mut asked = Vec::new();
        for number in batch {
            let (name, topic) = (format!("{name}{number}"), String::new());
            asked.push(raw.sends(RoomCreate { name, private: true, topic }).await);
        }
        for rid in asked {
            rooms.push(raw.answer::<Room>(rid).await.unwrap().room);
        }
    }
    rooms
}

/// Someone who is in as many rooms as one may be is refused one more, and others too who want to
/// have a room with them.
async fn is_full(world: &World, victim: &mut Raw, invited: RoomId) {
    let one_more = RoomCreate { name: "more".into(), private: true, topic: String::new() };
    let join = RoomJoin { room: Some(invited), name: None };
    let open = |name: &str| RoomOpen { user: None, name: Some(name.into()) };
    let own: [Request; 3] = [one_more.into(), join.into(), open("carol").into()];
    for ask in own {
        let code = victim.asks::<Room>(ask).await.map_err(|fault| fault.code).unwrap_err();
        assert_eq!(code, FaultCode::RoomLimit, "who asks has to leave one");
    }
    let mut carol = connects(world, "carol").await;
    let code = carol.asks::<Room>(open("bob")).await.map_err(|fault| fault.code).unwrap_err();
    assert_eq!(code, FaultCode::PeerLimit, "it is the other one who has to");
    carol.asks::<Room>(open("alice")).await.unwrap();
    let synced: Synced = carol.asks(Sync::default()).await.unwrap();
    assert_eq!(synced.rooms.len(), 2, "nothing is left of the room with bob");
    let mut alice = connects(world, "alice").await;
    alice.asks::<Room>(open("bob")).await.unwrap();
    victim.asks::<Room>(open("alice")).await.unwrap();
}

#[tokio::test]
async fn invitations_take_no_rooms_from_those_who_get_them() {
    let world = World::new().await;
    let bob = world.registers("bob").await;
    for id in ["alice", "carol", "mallory", "eve"] {
        world.registers(id).await.goes().await;
    }
    let user = bob.number();
    bob.goes().await;
    let mut invited = Vec::new();
    for id in ["mallory", "eve"] {
        let mut raw = connects(&world, id).await;
        for room in makes_rooms(&mut raw, id, 260).await {
            match raw.asks::<Empty>(RoomInvite { room, user }).await {
                Ok(_) => invited.push(room),
                Err(fault) => assert_eq!(fault.code, FaultCode::PeerLimit),
            }
        }
    }
    assert_eq!(invited.len(), 200, "so many may wait");
    let mut raw = world.raw().await;
    raw.logs_in("bob", "").await;
    raw.quiet().await;
    raw.asks::<Room>(RoomOpen { user: None, name: Some("alice".into()) }).await.unwrap();
    raw.asks::<Room>(RoomJoin { room: Some(invited[0]), name: None }).await.unwrap();
    // The lobby, the room with alice, and the one just entered count as well.
    makes_rooms(&mut raw, "bob", limits::ROOMS_PER_USER_MAX - 3).await;
    is_full(&world, &mut raw, invited[1]).await;
    raw.asks::<Empty>(RoomLeave { room: invited[0] }).await.unwrap();
    raw.asks::<Room>(RoomJoin { room: Some(invited[1]), name: None }).await.unwrap();
}

/// A connection for files, logged in.
async fn data_connection(world: &World, id: &str) -> Raw {
    let mut raw = world.raw().await;
    let role = Some("data".into());
    let hello = Hello { v: (1, 1), caps: Vec::new(), agent: String::new(), role };
    raw.asks::<Welcome>(hello).await.unwrap();
    raw.asks::<Session>(password(id, secret(id), "")).await.unwrap();
    raw
}

#[tokio::test]
async fn a_connection_for_files_moves_files_and_nothing_else() {
    let world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let mut data = data_connection(&world, "bob").await;
    for _ in 0..2 {
        let synced = data.asks::<Synced>(Sync::default()).await.unwrap_err();
        assert_eq!((synced.code, synced.fatal), (FaultCode::BadRequest, false));
        let watch = Watch { act: vec![RoomId::LOBBY], online: true };
        let watched = data.asks::<Empty>(watch).await.unwrap_err();
        assert_eq!((watched.code, watched.fatal), (FaultCode::BadRequest, false));
    }
    alice.creates("#tea", false).await;
    bob.joins("#tea").await;
    alice.says("#tea", "welcome").await;
    bob.sees("#tea", "alice: welcome").await;
    bob.reads("#tea").await;
    bob.leaves("#tea").await;
    world.registers("carol").await.goes().await;
    let fid = uploads(&mut data, RoomId::LOBBY, b"a file").await;
    assert_eq!(fetches(&mut data, fid).await, Ok(b"a file".to_vec()));
    let kinds: Vec<_> = data.events.iter().map(Frame::kind).collect();
    assert!(kinds.iter().all(|kind| [kind::FACK, kind::FDAT].contains(kind)), "{kinds:?}");
}

#[tokio::test]
async fn five_wrong_passwords_close_a_connection() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let wrong = Secret("wrong horse".into());
    let mut raw = world.raw().await;
    raw.hello().await;
    for number in 1..=5 {
        // Guessing names counts like guessing passwords.
        let id = if number % 2 == 0 { "alice" } else { "nobody" };
        let fault = raw.asks::<Session>(password(id, wrong.clone(), "")).await.unwrap_err();
        assert_eq!((fault.code, fault.fatal), (FaultCode::Unauthenticated, number == 5));
    }
    assert!(raw.next().await.is_none(), "closed");
    let mut raw = world.raw().await;
    raw.hello().await;
    for _ in 0..4 {
        raw.asks::<Session>(password("alice", wrong.clone(), "")).await.unwrap_err();
    }
    raw.asks::<Session>(password("alice", secret("alice"), "")).await.unwrap();
    let token = Credentials::Token(Token(vec![7; 32]));
    assert_eq!(world.enters(token).await.err().unwrap().code, FaultCode::Unauthenticated);
    alice.says("#lobby", "somebody guesses").await;
}
