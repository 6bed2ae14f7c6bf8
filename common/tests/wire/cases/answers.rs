//! What servers answer: the `ok` of every request, and one `err` for every fault code.

use liao_common::{
    event::{
        Ban, BanPage, Device, DeviceList, Empty, FileFound, FileOpened, FileStored, Limits, Marked,
        Page, Posted, Role, Room, RoomKind, RoomPage, RoomRow, Session, Synced, UserPage, Welcome,
        kind,
    },
    fault::{Fault, FaultCode},
    id::{DeviceId, FileId, Pin, RoomId, Seq, UserId},
    limits,
    message::{Body, Kind, Message},
    request::Token,
};

use super::{Case, answer, body, hash, nonce, person};

pub(super) fn all() -> Vec<Case> {
    [account(), messages(), rooms(), people(), files(), faults()].into_iter().flatten().collect()
}

fn account() -> Vec<Case> {
    let session = Session {
        user: UserId(7),
        id: "zhangsan".into(),
        name: "张三".into(),
        dev: DeviceId(3),
        token: Some(Token(vec![0xa5; 32])),
        admin: true,
    };
    let again = Session { token: None, admin: false, ..session.clone() };
    let here = Device {
        dev: DeviceId(3),
        name: "laptop".into(),
        since: 1_767_225_600_123,
        seen: 1_767_225_700_000,
        here: true,
        online: true,
    };
    let other = Device {
        dev: DeviceId(4),
        name: "电脑".into(),
        seen: 0,
        here: false,
        online: false,
        ..here
    };
    vec![
        answer("hello", 1, welcome()),
        answer("register", 2, session),
        answer("auth", 2, again),
        answer("logout", 90, Empty {}),
        answer("passwd", 91, Empty {}),
        answer("devices", 92, DeviceList { devices: vec![here, other] }),
        answer("revoke", 93, Empty {}),
    ]
}

fn welcome() -> Welcome {
    Welcome {
        v: limits::PROTOCOL_VERSION,
        caps: vec!["example".into()],
        epoch: "7f3a90c15be2d846".into(),
        auth: vec!["password".into(), "token".into()],
        register: "open".into(),
        server: "liaod/0.1.0".into(),
        limits: Limits {
            frame: limits::FRAME_BYTES_MAX as u64,
            text: limits::TEXT_BYTES_MAX as u64,
            page: limits::PAGE_MESSAGES_MAX as u64,
            chunk: limits::CHUNK_BYTES as u64,
            window: limits::WINDOW_BYTES,
            file: 100 << 20,
            password_min: limits::PASSWORD_CHARS_MIN as u64,
            idle_s: limits::PING_AFTER_MS / 1000,
        },
        next_pin: Some(Pin([0x5a; Pin::LEN])),
    }
}

fn messages() -> Vec<Case> {
    let lobby = Room {
        room: RoomId::LOBBY,
        kind: RoomKind::Public,
        name: "lobby".into(),
        with: None,
        ..direct()
    };
    let posted = Posted { seq: Seq(123), at_ms: 1_767_225_600_123, dup: true };
    let said = Message {
        room: RoomId(42),
        seq: Seq(118),
        n: 96,
        at_ms: 1_767_225_600_000,
        from: UserId(17),
        device: DeviceId(5),
        cid: nonce(),
        kind: Kind::Text,
        body: Body::text("在吗?"),
    };
    let page = Page {
        msgs: vec![said],
        more: true,
        floor: Seq(12),
        users: vec![person(17, "lisi", "李四", None)],
    };
    let synced =
        Synced { epoch: "7f3a90c15be2d846".into(), reset: true, rooms: vec![direct(), lobby] };
    vec![
        answer("sync", 3, synced),
        answer("send", 9, posted),
        answer("history", 13, page),
        answer("mark", 14, Marked { room: RoomId(42), read: (Seq(123), 97) }),
        answer("watch", 15, Empty {}),
    ]
}

fn direct() -> Room {
    Room {
        room: RoomId(7),
        kind: RoomKind::Direct,
        name: String::new(),
        topic: String::new(),
        head: (Seq(15), 12),
        read: (Seq(9), 8),
        role: Role::Member,
        members: 2,
        floor: Seq::ZERO,
        with: Some(person(17, "lisi", "李四", Some(true))),
        moderates: false,
        removed: None,
    }
}

fn rooms() -> Vec<Case> {
    let made = Room {
        room: RoomId(42),
        kind: RoomKind::Private,
        name: "rust".into(),
        topic: "借用检查器".into(),
        role: Role::Owner,
        members: 1,
        with: None,
        ..direct()
    };
    let joined = Room {
        kind: RoomKind::Public,
        role: Role::Member,
        floor: Seq(3),
        moderates: true,
        ..made.clone()
    };
    let row = RoomRow {
        room: RoomId(42),
        name: "rust".into(),
        topic: "借用检查器".into(),
        members: 4011,
        joined: true,
    };
    let ban = Ban {
        user: person(17, "lisi", "李四", None),
        by: UserId(7),
        at_ms: 1_767_225_600_123,
        text: "广告".into(),
    };
    vec![
        answer("room.create", 20, made),
        answer("room.list", 21, RoomPage { rooms: vec![row], next: Some("rust".into()) }),
        answer("room.join", 22, joined),
        answer("room.leave", 23, Empty {}),
        answer("room.topic", 24, Posted { seq: Seq(124), at_ms: 1_767_225_600_456, dup: false }),
        answer("room.invite", 25, Empty {}),
        answer("room.open", 26, direct()),
        answer("room.role", 27, Empty {}),
        answer("room.kick", 28, Empty {}),
        answer("room.ban", 29, Empty {}),
        answer("room.unban", 33, Empty {}),
        answer("room.bans", 34, BanPage { bans: vec![ban], next: Some("17".into()) }),
    ]
}

fn people() -> Vec<Case> {
    let page = UserPage {
        users: vec![
            person(7, "zhangsan", "张三", Some(true)),
            person(17, "lisi", "李四", Some(false)),
        ],
        total: 2,
        v: 0,
        next: None,
        owner: Some(UserId(7)),
        mods: vec![UserId(17)],
    };
    let online = UserPage {
        total: 5120,
        v: 311,
        next: Some("zhangsan".into()),
        owner: None,
        mods: Vec::new(),
        ..page.clone()
    };
    let users = vec![person(17, "lisi", "李四", None)];
    let found = UserPage { users, total: 1, ..UserPage::default() };
    vec![answer("members", 30, page), answer("who", 31, online), answer("users", 32, found)]
}

fn files() -> Vec<Case> {
    let found = FileFound { x: 2, size: 1_048_577, b3: hash(), name: "报告.pdf".into() };
    vec![
        answer("file.open", 40, FileOpened { x: 1, off: 65_536 }),
        answer("file.done", 41, FileStored { fid: FileId(9) }),
        answer("file.get", 42, found),
        answer("file.cancel", 43, Empty {}),
    ]
}

fn faults() -> Vec<Case> {
    let fault = |&code: &FaultCode| {
        let plain = Fault::new(code, "why, for the log");
        let fault = match code {
            FaultCode::RateLimited | FaultCode::Busy => plain.retry_after(2000),
            FaultCode::SlowConsumer | FaultCode::ShuttingDown => plain.fatal(),
            FaultCode::Conflict => Fault { off: Some(65_536), ..plain },
            FaultCode::NotFound => FaultCode::NotFound.into(),
            _ => plain,
        };
        body(format!("err-{}", code.as_str()), kind::ERR, 2, fault)
    };
    FaultCode::ALL.iter().map(fault).collect()
}
