//! What is said without being asked, in either direction, and every kind of message.

use liao_common::{
    event::{
        Empty, FileAck, FileData, Gap, GoAway, Heads, Marked, Ping, Presence, Rank, Removal, Role,
        Room, RoomKind, kind,
    },
    id::{DeviceId, FileId, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
};

use super::{Case, event, hash, nonce, person};

pub(super) fn all() -> Vec<Case> {
    [messages(), rooms(), presence(), files(), connection()].into_iter().flatten().collect()
}

fn messages() -> Vec<Case> {
    let text = Body { re: Some(Seq(118)), at: vec![UserId(17)], ..Body::text("你好, Li") };
    let file = Body {
        fid: Some(FileId(9)),
        name: Some("报告.pdf".into()),
        size: Some(1_048_577),
        b3: Some(hash()),
        media: Some("application/pdf".into()),
        ..Body::default()
    };
    let edit = Body { of: Some(Seq(119)), ..Body::text("你好!") };
    let redact = Body { of: Some(Seq(119)), ..Body::default() };
    let invite = Body { user: Some(UserId(17)), ..Body::default() };
    let role = Body { role: Some(Rank::Moderator), ..invite.clone() };
    let removed = Body { by: Some(UserId(17)), ban: true, ..Body::text("广告") };
    let removed = message("msg-leave-removed", Kind::Leave, removed);
    let late = Body { late: true, ..Body::text("火车上") };
    let late = message("msg-text-late", Kind::Text, late);
    let plain = [
        (Kind::Text, text),
        (Kind::File, file),
        (Kind::Edit, edit),
        (Kind::Redact, redact),
        (Kind::Join, Body::default()),
        (Kind::Leave, Body::default()),
        (Kind::Topic, Body::text("所有权")),
        (Kind::Invite, invite),
        (Kind::Role, role),
        (Kind::Damaged, Body::default()),
        (Kind::Other("poll".into()), Body::text("later")),
    ];
    let named = |(kind, body): (Kind, Body)| message(&format!("msg-{}", kind.as_str()), kind, body);
    plain.into_iter().map(named).chain([removed, late]).collect()
}

fn message(name: &str, kind: Kind, body: Body) -> Case {
    let message = Message {
        room: RoomId(42),
        seq: Seq(123),
        n: 97,
        at_ms: 1_767_225_600_123,
        from: UserId(7),
        device: DeviceId(3),
        cid: nonce(),
        kind,
        body,
    };
    event(name, kind::MSG, message)
}

fn rooms() -> Vec<Case> {
    let invited = Room {
        room: RoomId(42),
        kind: RoomKind::Private,
        name: "rust".into(),
        topic: "借用检查器".into(),
        head: (Seq::ZERO, 0),
        read: (Seq::ZERO, 0),
        role: Role::Invited,
        members: 3,
        floor: Seq(123),
        with: Some(person(17, "lisi", "李四", None)),
        moderates: false,
        removed: None,
    };
    let gone = Room {
        role: Role::Gone,
        name: String::new(),
        topic: String::new(),
        members: 0,
        floor: Seq::ZERO,
        with: None,
        ..invited.clone()
    };
    let by = person(7, "zhangsan", "张三", None);
    let removed = Some(Removal { by, text: "广告".into(), ban: true });
    let removed = Room { removed, ..gone.clone() };
    let heads = vec![(RoomId(7), Seq(15), 12), (RoomId(9), Seq(4011), 3800)];
    vec![
        event("gap", kind::GAP, Gap { room: RoomId(42), from: Seq(119), to: Seq(3010) }),
        event("synced", kind::SYNCED, Empty {}),
        event("room-invited", kind::ROOM, invited),
        event("room-gone", kind::ROOM, gone),
        event("room-removed", kind::ROOM, removed),
        event("head", kind::HEAD, Heads { h: heads }),
        event("mark", kind::MARK, Marked { room: RoomId(42), read: (Seq(123), 97) }),
    ]
}

fn presence() -> Vec<Case> {
    let change = Presence {
        v: 312,
        on: 17,
        set: vec![person(7, "zhangsan", "张三", Some(true))],
        del: vec![UserId(17)],
        reset: false,
    };
    let counts = Presence { v: 313, on: 5120, reset: true, ..Presence::default() };
    vec![event("pres", kind::PRES, change), event("pres-reset", kind::PRES, counts)]
}

fn files() -> Vec<Case> {
    let piece = FileData { x: 1, o: 65_536, d: b"\x00\xffliao".to_vec() };
    vec![event("fdat", kind::FDAT, piece), event("fack", kind::FACK, FileAck { x: 1, o: 65_542 })]
}

fn connection() -> Vec<Case> {
    let goaway = GoAway { why: "shutting_down".into(), min_ms: 500, max_ms: 5000 };
    vec![
        event("ping", kind::PING, Ping { n: 4 }),
        event("pong", kind::PONG, Ping { n: 4 }),
        event("goaway", kind::GOAWAY, goaway),
        event("bye", kind::BYE, Empty {}),
    ]
}
