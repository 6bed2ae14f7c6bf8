//! What clients ask. Each type in its shortest and in its fullest form where they differ.

use liao_common::{
    event::Rank,
    id::{DeviceId, FileId, RoomId, Seq, UserId},
    message::{Body, Kind},
    request::{
        Auth, Devices, FileCancel, FileDone, FileGet, FileOpen, Hello, History, Logout, Mark,
        Members, Passwd, Register, Revoke, RoomBan, RoomBans, RoomCreate, RoomInvite, RoomJoin,
        RoomKick, RoomLeave, RoomList, RoomOpen, RoomRole, RoomTopic, RoomUnban, Secret, Send,
        Sync, Token, Users, Watch, Who,
    },
};

use super::{Case, hash, nonce, request};

pub(super) fn all() -> Vec<Case> {
    [account(), messages(), rooms(), people(), files()].into_iter().flatten().collect()
}

fn account() -> Vec<Case> {
    let hello =
        Hello { v: (1, 1), caps: vec!["example".into()], agent: "liao/0.1.0".into(), role: None };
    let data = Hello { role: Some("data".into()), ..hello.clone() };
    let register = Register {
        user: "zhangsan".into(),
        name: "张三".into(),
        secret: Secret("correct horse battery".into()),
        dev_name: "laptop".into(),
        invite: None,
    };
    let invited = Register { invite: Some("K7Q2-9XWD".into()), ..register.clone() };
    let password = Auth {
        mech: "password".into(),
        user: Some("zhangsan".into()),
        secret: Some(Secret("correct horse battery".into())),
        dev_name: "laptop".into(),
        token: None,
    };
    let token =
        Auth { mech: "token".into(), token: Some(Token(vec![0xa5; 32])), ..Auth::default() };
    let passwd = Passwd {
        old: Secret("correct horse battery".into()),
        new: Secret("四个生僻的词语".into()),
    };
    vec![
        request("hello", 1, hello),
        request("hello-data", 1, data),
        request("register", 2, register),
        request("register-invite", 2, invited),
        request("auth-password", 2, password),
        request("auth-token", 2, token),
        request("logout", 90, Logout {}),
        request("passwd", 91, passwd),
        request("devices", 92, Devices {}),
        request("revoke", 93, Revoke { dev: DeviceId(4) }),
    ]
}

fn messages() -> Vec<Case> {
    let cursors = Sync {
        epoch: "7f3a90c15be2d846".into(),
        cur: vec![(RoomId(1), Seq(118)), (RoomId(42), Seq(70_000))],
    };
    let post = |kind, body| Send { room: RoomId(42), cid: nonce(), kind, body };
    let text = Body { re: Some(Seq(118)), at: vec![UserId(17)], ..Body::text("你好, Li") };
    let late = Body { late: true, ..Body::text("火车上") };
    let edit = Body { of: Some(Seq(119)), ..Body::text("你好!") };
    let redact = Body { of: Some(Seq(119)), ..Body::default() };
    let file = Body {
        fid: Some(FileId(9)),
        name: Some("报告.pdf".into()),
        size: Some(1_048_577),
        b3: Some(hash()),
        media: Some("application/pdf".into()),
        ..Body::default()
    };
    let history = History { room: RoomId(42), ..History::default() };
    let before = History { before: Some(Seq(119)), limit: Some(100), ..history };
    let after = History { after: Some(Seq(119)), ..history };
    let around = History { around: Some(Seq(119)), ..history };
    vec![
        request("sync", 3, Sync::default()),
        request("sync-cursors", 3, cursors),
        request("send-text", 9, post(Kind::Text, text)),
        request("send-late", 9, post(Kind::Text, late)),
        request("send-file", 10, post(Kind::File, file)),
        request("send-edit", 11, post(Kind::Edit, edit)),
        request("send-redact", 12, post(Kind::Redact, redact)),
        request("history", 13, history),
        request("history-before", 13, before),
        request("history-after", 13, after),
        request("history-around", 13, around),
        request("mark", 14, Mark { room: RoomId(42), read: Seq(123) }),
        request("watch", 15, Watch { act: vec![RoomId(42)], online: true }),
    ]
}

fn rooms() -> Vec<Case> {
    let create = RoomCreate { name: "rust".into(), private: true, topic: "借用检查器".into() };
    let list = RoomList { query: "ru".into(), after: Some("rust".into()), limit: Some(100) };
    let named = RoomJoin { room: None, name: Some("rust".into()) };
    let numbered = RoomJoin { room: Some(RoomId(42)), name: None };
    let topic = RoomTopic { room: RoomId(42), topic: "所有权".into() };
    let with = RoomOpen { user: Some(UserId(17)), name: None };
    let by_id = RoomOpen { user: None, name: Some("lisi".into()) };
    let (room, user, text) = (RoomId(42), UserId(17), "广告".to_owned());
    let bans = RoomBans { room, after: Some("17".into()), limit: Some(50) };
    vec![
        request("room.create", 20, create),
        request("room.list", 21, RoomList::default()),
        request("room.list-next", 21, list),
        request("room.join", 22, numbered),
        request("room.join-name", 22, named),
        request("room.leave", 23, RoomLeave { room: RoomId(42) }),
        request("room.topic", 24, topic),
        request("room.invite", 25, RoomInvite { room: RoomId(42), user: UserId(17) }),
        request("room.open", 26, with),
        request("room.open-name", 26, by_id),
        request("room.role", 27, RoomRole { room, user, role: Rank::Moderator }),
        request("room.kick", 28, RoomKick { room, user, text: text.clone() }),
        request("room.ban", 29, RoomBan { room, user, text }),
        request("room.unban", 33, RoomUnban { room, user }),
        request("room.bans", 34, RoomBans { room, ..RoomBans::default() }),
        request("room.bans-next", 34, bans),
    ]
}

fn people() -> Vec<Case> {
    let next = Some("lisi".to_owned());
    let room = RoomId(42);
    let members = Members { room, after: next.clone(), limit: Some(50), ..Members::default() };
    let named = Members { room, query: "li".into(), ..Members::default() };
    let who = Who { query: "张".into(), after: next, limit: Some(50) };
    let users = Users { ids: vec![UserId(17), UserId(300)], names: vec!["lisi".into()] };
    vec![
        request("members", 30, members),
        request("members-query", 30, named),
        request("who", 31, Who::default()),
        request("who-next", 31, who),
        request("users", 32, users),
    ]
}

fn files() -> Vec<Case> {
    let open = FileOpen {
        room: RoomId(42),
        size: 1_048_577,
        b3: hash(),
        name: "报告.pdf".into(),
        media: "application/pdf".into(),
    };
    vec![
        request("file.open", 40, open),
        request("file.done", 41, FileDone { x: 1 }),
        request("file.get", 42, FileGet { fid: FileId(9), off: 65_536 }),
        request("file.cancel", 43, FileCancel { x: 2, discard: true }),
    ]
}
