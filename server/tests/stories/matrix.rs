//! Who may do what: every request, asked by everybody about a private room and about a public one. A new
//! request without a row does not compile. For those outside, what is private and what does not exist are the same.

use std::collections::BTreeSet;

use liao_common::{
    event::{Rank, Session, kind},
    fault::{Fault, FaultCode},
    frame::Frame,
    id::{DeviceId, FileId, Hash, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind},
    request::{
        self, Ask as _, Auth, Devices, FileCancel, FileDone, FileGet, FileOpen, Hello, History,
        Logout, Mark, Members, Passwd, Register, Request, Revoke, RoomBan, RoomBans, RoomCreate,
        RoomInvite, RoomJoin, RoomKick, RoomLeave, RoomList, RoomOpen, RoomRole, RoomTopic,
        RoomUnban, Send, Sync, Users, Watch, Who,
    },
};

use crate::support::{Person, Raw, World, register, secret};

/// How somebody stands to the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Has said `hello` and nothing else.
    Anonymous,
    /// Has an account and nothing to do with the room.
    Stranger,
    /// Was in it, and left.
    Former,
    /// Was in it, and may not come back.
    Banned,
    /// May come in.
    Invited,
    /// Is in it.
    Member,
    /// Is in it, and keeps order there.
    Moderator,
    /// Made it.
    Owner,
    /// Administers the server, and is not in the room.
    Administrator,
}

use Part::{Administrator, Anonymous, Banned, Former, Invited, Member, Moderator, Owner, Stranger};

/// In the order of asking: who can spoil least comes first.
const PARTS: [Part; 9] =
    [Anonymous, Stranger, Former, Banned, Invited, Member, Moderator, Owner, Administrator];

impl Part {
    fn id(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// A private room is none of its business.
    const fn is_outside(self) -> bool {
        matches!(self, Stranger | Administrator | Former | Banned)
    }

    /// Somebody who is in the room, for those who keep order there to act on.
    const fn target(self) -> UserId {
        UserId(match self {
            Moderator => 9,
            Owner => 10,
            _ => INSIDER.0,
        })
    }
}

type Outcome = Result<(), FaultCode>;

const DONE: Outcome = Ok(());
const LOGIN: Outcome = Err(FaultCode::Unauthenticated);
const NOTHING: Outcome = Err(FaultCode::NotFound);
const LATE: Outcome = Err(FaultCode::BadRequest);
const NO: Outcome = Err(FaultCode::Forbidden);
const BANNED: Outcome = Err(FaultCode::Banned);
const INSIDE: Outcome = Err(FaultCode::AlreadyMember);

/// What comes of a request about a private room, in the columns of [`in_private`].
type PrivateRow = [Outcome; 6];

/// The column of a part: the anonymous, those outside, the invited, members, moderators, the owner.
const fn in_private(part: Part, row: PrivateRow) -> Outcome {
    let [anonymous, outside, invited, member, moderator, owner] = row;
    match part {
        Anonymous => anonymous,
        Stranger | Administrator | Former | Banned => outside,
        Invited => invited,
        Member => member,
        Moderator => moderator,
        Owner => owner,
    }
}

/// The rights in a private room. Every request has a row.
const fn private_row(request: &Request) -> PrivateRow {
    match request {
        // Once, and before the login.
        Request::Hello(_) => [LOGIN, LATE, LATE, LATE, LATE, LATE],
        Request::Register(_) | Request::Auth(_) => [DONE, LATE, LATE, LATE, LATE, LATE],
        // One's own.
        Request::Logout(_)
        | Request::Passwd(_)
        | Request::Devices(_)
        | Request::Sync(_)
        | Request::Watch(_)
        | Request::RoomCreate(_)
        | Request::RoomList(_)
        | Request::RoomOpen(_)
        | Request::Who(_)
        | Request::Users(_) => [LOGIN, DONE, DONE, DONE, DONE, DONE],
        // The owner's device; a transfer of another connection.
        Request::Revoke(_) => [LOGIN, NOTHING, NOTHING, NOTHING, NOTHING, DONE],
        Request::FileDone(_) | Request::FileCancel(_) => {
            [LOGIN, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]
        }
        // Who is in it is for those who are in it.
        Request::RoomInvite(RoomInvite { user: INSIDER, .. }) => {
            [LOGIN, NOTHING, NOTHING, INSIDE, INSIDE, INSIDE]
        }
        // What is said there, and by whom.
        Request::Send(_)
        | Request::History(_)
        | Request::Mark(_)
        | Request::RoomTopic(_)
        | Request::RoomInvite(_)
        | Request::Members(_)
        | Request::FileOpen(_)
        | Request::FileGet(_) => [LOGIN, NOTHING, NOTHING, DONE, DONE, DONE],
        // Whoever was asked may come, or say no.
        Request::RoomJoin(_) | Request::RoomLeave(_) => [LOGIN, NOTHING, DONE, DONE, DONE, DONE],
        // Keeping order.
        Request::RoomRole(_) => [LOGIN, NOTHING, NOTHING, NO, NO, DONE],
        Request::RoomKick(_)
        | Request::RoomBan(_)
        | Request::RoomUnban(_)
        | Request::RoomBans(_) => [LOGIN, NOTHING, NOTHING, NO, DONE, DONE],
    }
}

/// What comes of a request about a public room, in the columns of [`in_public`].
type PublicRow = [Outcome; 8];

/// The column of a part: the anonymous, those outside, the banned, the invited, members, moderators,
/// the owner, administrators who are outside.
const fn in_public(part: Part, row: PublicRow) -> Outcome {
    let [anonymous, outside, banned, invited, member, moderator, owner, administrator] = row;
    match part {
        Anonymous => anonymous,
        Stranger | Former => outside,
        Banned => banned,
        Invited => invited,
        Member => member,
        Moderator => moderator,
        Owner => owner,
        Administrator => administrator,
    }
}

/// The rights in a public room. Every request has a row.
const fn public_row(request: &Request) -> PublicRow {
    match request {
        Request::Hello(_) => [LOGIN, LATE, LATE, LATE, LATE, LATE, LATE, LATE],
        Request::Register(_) | Request::Auth(_) => [DONE, LATE, LATE, LATE, LATE, LATE, LATE, LATE],
        // One's own, and what everybody sees.
        Request::Logout(_)
        | Request::Passwd(_)
        | Request::Devices(_)
        | Request::Sync(_)
        | Request::Watch(_)
        | Request::RoomCreate(_)
        | Request::RoomList(_)
        | Request::RoomOpen(_)
        | Request::Who(_)
        | Request::Users(_)
        | Request::Members(_) => [LOGIN, DONE, DONE, DONE, DONE, DONE, DONE, DONE],
        Request::Revoke(_) => [LOGIN, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, DONE, NOTHING],
        Request::FileDone(_) | Request::FileCancel(_) => {
            [LOGIN, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]
        }
        Request::RoomInvite(RoomInvite { user: INSIDER, .. }) => {
            [LOGIN, NOTHING, NOTHING, NOTHING, INSIDE, INSIDE, INSIDE, NOTHING]
        }
        // For whoever came in.
        Request::Send(_)
        | Request::History(_)
        | Request::Mark(_)
        | Request::RoomTopic(_)
        | Request::RoomInvite(_)
        | Request::FileOpen(_)
        | Request::FileGet(_) => [LOGIN, NOTHING, NOTHING, NOTHING, DONE, DONE, DONE, NOTHING],
        // Everybody may come in who was not told otherwise, and leave when they are in.
        Request::RoomJoin(_) => [LOGIN, DONE, BANNED, DONE, DONE, DONE, DONE, DONE],
        Request::RoomLeave(_) => [LOGIN, DONE, NOTHING, DONE, DONE, DONE, DONE, DONE],
        // Keeping order.
        Request::RoomRole(_) => [LOGIN, NO, NO, NO, NO, NO, DONE, DONE],
        Request::RoomKick(_)
        | Request::RoomBan(_)
        | Request::RoomUnban(_)
        | Request::RoomBans(_) => [LOGIN, NO, NO, NO, NO, DONE, DONE, DONE],
    }
}

/// What the requests are about.
#[derive(Clone, Copy)]
struct Object {
    room: RoomId,
    seq: Seq,
    file: FileId,
    device: DeviceId,
    name: &'static str,
}

/// Somebody whom everybody knows.
const BYSTANDER: UserId = UserId(8);

/// Somebody who is in the room.
const INSIDER: UserId = UserId(11);

/// Nothing of it exists.
const MISSING: Object = Object {
    room: RoomId(99_999),
    seq: Seq(1),
    file: FileId(99_999),
    device: DeviceId(99_999),
    name: "nothing",
};

fn hello() -> Hello {
    Hello { v: (1, 1), caps: Vec::new(), agent: String::new(), role: None }
}

fn password(id: &str) -> Auth {
    let (user, secret) = (Some(id.into()), Some(secret(id)));
    Auth { mech: "password".into(), user, secret, ..Auth::default() }
}

/// Every request about this, as somebody asks it; those that change most come last.
fn requests(about: &Object, part: Part) -> Vec<Request> {
    let Object { room, seq, file, device, name } = *about;
    let (id, lobby, user) = (part.id(), RoomId::LOBBY, part.target());
    let cid = Nonce([part as u8 + 1; 16]);
    let body = Body { re: Some(seq), ..Body::text("hello there") };
    let b3 = Hash([part as u8; 32]);
    let made = format!("{id}s-{name}");
    vec![
        hello().into(),
        Register { invite: None, ..register(&made) }.into(),
        password("owner").into(),
        Devices {}.into(),
        Sync::default().into(),
        Watch { act: vec![room, lobby], online: true }.into(),
        Who::default().into(),
        Users { ids: vec![UserId(1)], names: vec![id.clone()] }.into(),
        RoomList::default().into(),
        RoomOpen { user: None, name: Some("bystander".into()) }.into(),
        RoomCreate { name: made, private: true, topic: String::new() }.into(),
        History { room, ..History::default() }.into(),
        History { room, around: Some(seq), ..History::default() }.into(),
        Members { room, ..Members::default() }.into(),
        Mark { room, read: seq }.into(),
        Send { room, cid, kind: Kind::Text, body }.into(),
        RoomTopic { room, topic: format!("as {id} says") }.into(),
        RoomInvite { room, user: BYSTANDER }.into(),
        RoomInvite { room, user: INSIDER }.into(),
        RoomRole { room, user, role: Rank::Moderator }.into(),
        RoomKick { room, user, text: String::new() }.into(),
        RoomBan { room, user, text: format!("as {id} says") }.into(),
        RoomBans { room, after: None, limit: None }.into(),
        RoomUnban { room, user }.into(),
        FileGet { fid: file, off: 0 }.into(),
        FileOpen { room, size: 5, b3, name: "file".into(), media: String::new() }.into(),
        FileDone { x: 77 }.into(),
        FileCancel { x: 77, discard: true }.into(),
        RoomJoin { room: Some(room), name: None }.into(),
        RoomJoin { room: None, name: Some(name.into()) }.into(),
        RoomLeave { room }.into(),
        Revoke { dev: device }.into(),
        Passwd { old: secret(&id), new: secret(&id) }.into(),
        Logout {}.into(),
    ]
}

/// A fresh connection of somebody, ready to ask.
async fn comes(world: &World, part: Part) -> Raw {
    let mut raw = world.raw().await;
    raw.hello().await;
    if part != Anonymous {
        raw.asks::<Session>(password(&part.id())).await.unwrap();
    }
    raw
}

/// What the server answers, on a connection of its own.
async fn asks(world: &World, part: Part, request: Request) -> Result<(), Fault> {
    let mut raw = comes(world, part).await;
    let rid = raw.sends(request).await;
    loop {
        let frame = raw.next().await.expect("an answer");
        match frame.kind() {
            kind::OK if frame.rid == rid => return Ok(()),
            kind::ERR if frame.rid == rid => return Err(frame.decode().unwrap()),
            _ => {}
        }
    }
}

/// A room with everybody in their place, a message and a file.
async fn furnishes(world: &World, owner: &Person, name: &'static str, private: bool) -> Object {
    let named = format!("#{name}");
    let room = owner.creates(&named, private).await;
    for part in [Former, Banned, Invited, Member, Moderator] {
        let person = world.logs_in(&part.id()).await;
        places(owner, &person, (room, &named), part).await;
        person.goes().await;
    }
    for number in 1..=3 {
        let target = world.logs_in(&format!("target{number}")).await;
        places(owner, &target, (room, &named), Member).await;
        target.goes().await;
    }
    let seq = owner.says(&named, "between us").await;
    let mut raw = comes(world, Owner).await;
    let file = uploads(&mut raw, room, b"secret plan").await;
    let body = Body { fid: Some(file), ..Body::default() };
    let send = Send { room, cid: Nonce([99; 16]), kind: Kind::File, body };
    raw.asks::<liao_common::event::Posted>(send).await.unwrap();
    let spare = world.raw().await.logs_in("owner", "spare").await;
    Object { room, seq, file, device: spare.dev, name }
}

async fn places(owner: &Person, person: &Person, (room, name): (RoomId, &str), part: Part) {
    let user = person.number();
    owner.invites(name, user).await.unwrap();
    if part != Invited {
        person.joins(name).await;
    }
    match part {
        Former => person.leaves(name).await,
        Banned => {
            owner.asks(RoomBan { room, user, text: String::new() }).await.unwrap();
        }
        Moderator => {
            owner.asks(RoomRole { room, user, role: Rank::Moderator }).await.unwrap();
        }
        _ => {}
    }
}

async fn uploads(raw: &mut Raw, room: RoomId, bytes: &[u8]) -> FileId {
    use liao_common::event::{FileData, FileOpened, FileStored};
    let (size, b3) = (bytes.len() as u64, Hash(blake3::hash(bytes).into()));
    let ask = FileOpen { room, size, b3, name: "plan".into(), media: String::new() };
    let opened: FileOpened = raw.asks(ask).await.unwrap();
    let data = FileData { x: opened.x, o: 0, d: bytes.to_vec() };
    raw.writes(&liao_common::codec::frame(kind::FDAT, 0, &data)).await;
    raw.asks::<FileStored>(FileDone { x: opened.x }).await.unwrap().fid
}

async fn town() -> (World, Person) {
    let world = World::new().await;
    for part in [Administrator, Stranger, Former, Banned, Invited, Member, Moderator] {
        world.registers(&part.id()).await.goes().await;
    }
    for (id, number) in
        [("bystander", BYSTANDER.0), ("target1", 9), ("target2", 10), ("target3", INSIDER.0)]
    {
        let person = world.registers(id).await;
        assert_eq!(person.number(), UserId(number));
        person.goes().await;
    }
    let owner = world.registers("owner").await;
    (world, owner)
}

/// Asks everything in all parts.
async fn tries(world: &World, plan: &Object, want: impl Fn(&Request, Part) -> Outcome) {
    let mut kinds = BTreeSet::new();
    let count = requests(plan, Owner).len();
    let mut faults = Vec::new();
    for number in 0..count {
        for part in PARTS {
            let request = requests(plan, part).swap_remove(number);
            kinds.insert(request.kind());
            let want = want(&request, part);
            let words = format!("{part:?}: {request:?}");
            let came = asks(world, part, request).await.map_err(|fault| fault.code);
            if came != want {
                faults.push(format!("{words}\n    {came:?}, not {want:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(kinds, request::KINDS.iter().copied().collect(), "every request was asked");
}

#[tokio::test]
async fn everybody_may_do_what_is_theirs_in_a_private_room_and_nothing_else() {
    let (world, owner) = town().await;
    let plan = furnishes(&world, &owner, "plan", true).await;
    tries(&world, &plan, |request, part| in_private(part, private_row(request))).await;
}

#[tokio::test]
async fn everybody_may_do_what_is_theirs_in_a_public_room_and_nothing_else() {
    let (world, owner) = town().await;
    let plan = furnishes(&world, &owner, "plan", false).await;
    tries(&world, &plan, |request, part| in_public(part, public_row(request))).await;
}

#[tokio::test]
async fn what_is_private_and_what_is_not_there_are_the_same() {
    let (world, owner) = town().await;
    let plan = furnishes(&world, &owner, "plan", true).await;
    let direct = owner.opens("member").await;
    let seq = owner.says("@member", "only you").await;
    let mut raw = comes(&world, Owner).await;
    let file = uploads(&mut raw, direct, b"for you only").await;
    let whisper = Object { room: direct, seq, file, name: "whisper", ..plan };
    for part in PARTS {
        for (number, missing) in requests(&MISSING, part).into_iter().enumerate() {
            // Not about the object: it would be done, and then done again.
            if missing.kind() == Register::KIND {
                continue;
            }
            let nothing = asks(&world, part, missing).await;
            for (about, concerned) in [
                (&plan, part.is_outside() || part == Anonymous),
                (&whisper, part != Member && part != Owner),
            ] {
                if concerned {
                    let request = requests(about, part).swap_remove(number);
                    let words = format!("{part:?}: {request:?}");
                    assert_eq!(asks(&world, part, request).await, nothing, "{words}");
                }
            }
        }
    }
}

/// Whether the frame grants the request.
fn grants(frame: &Frame, rid: u64) -> bool {
    frame.rid == rid && frame.kind() == kind::OK
}

#[tokio::test]
async fn a_revoked_device_is_granted_nothing() {
    let (world, owner) = town().await;
    let plan = furnishes(&world, &owner, "plan", true).await;
    for request in requests(&plan, Owner) {
        let mut raw = world.raw().await;
        let session = raw.logs_in("owner", "stolen").await;
        let token = session.token.clone();
        owner.asks(Revoke { dev: session.dev }).await.unwrap();
        let words = format!("{request:?}");
        let rid = raw.sends(request).await;
        let frames = raw.rest().await;
        assert!(!frames.iter().any(|frame| grants(frame, rid)), "{words}");
        let last = frames.last().expect("a word at the end");
        assert_eq!(last.kind(), kind::GOAWAY, "{words}");
        let auth = Auth { mech: "token".into(), token, ..Auth::default() };
        let mut again = world.raw().await;
        again.hello().await;
        let fault = again.asks::<Session>(auth).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Unauthenticated);
    }
    owner.asks(Devices {}).await.unwrap();
}

async fn makes(world: &World, part: Part, name: &str, private: bool) -> Result<(), FaultCode> {
    let ask = RoomCreate { name: name.into(), private, topic: String::new() };
    asks(world, part, ask.into()).await.map_err(|fault| fault.code)
}

#[tokio::test]
async fn trying_names_does_not_find_private_rooms() {
    let (world, owner) = town().await;
    let plan = furnishes(&world, &owner, "plan", true).await;
    for part in [Stranger, Administrator, Former, Banned] {
        assert_eq!(makes(&world, part, "plan", true).await, Ok(()), "{part:?}");
        assert_eq!(makes(&world, part, "plan", true).await, Err(FaultCode::Taken), "their own");
    }
    for part in [Invited, Member, Moderator, Owner] {
        for private in [true, false] {
            assert_eq!(makes(&world, part, "plan", private).await, Err(FaultCode::Taken));
        }
    }
    let join = |name: &str| RoomJoin { room: None, name: Some(name.into()) };
    let mut raw = comes(&world, Invited).await;
    let room: liao_common::event::Room = raw.asks(join("plan")).await.unwrap();
    assert_eq!(room.room, plan.room, "an invitation is for that one");

    let stranger = world.logs_in("stranger").await;
    let other = stranger.room("#plan");
    let member = world.logs_in("member").await;
    stranger.invites("#plan", member.number()).await.unwrap();
    let enter = RoomJoin { room: Some(other), name: None };
    assert_eq!(crate::support::refusal(member.asks(enter).await), FaultCode::Taken);
    let bystander = world.logs_in("bystander").await;
    bystander.creates("#plan", false).await;
    let fault = bystander.asks(RoomCreate { name: "plan".into(), private: true, topic: "".into() });
    assert_eq!(crate::support::refusal(fault.await), FaultCode::Taken);
    let room: liao_common::event::Room = raw.asks(join("plan")).await.unwrap();
    assert_eq!(room.room, plan.room, "also with a public one beside it");
}
