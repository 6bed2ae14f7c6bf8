//! Writing and doing: sending, commands, dialogs, files, completion, leaving.

use liao_client_core::{
    answer::{Answer, CallError},
    notice::{End, LinkState, Notice, Ticket},
    transfer::{
        Direction, DownloadJob, Phase, TransferChange, TransferFault, TransferId, TransferNotice,
        UploadJob,
    },
};
use liao_common::{
    event::{Event, Role, Room, RoomKind, UserPage},
    fault::{Fault, FaultCode},
    id::{FileId, Hash, Nonce, RoomId, UserId},
    message::{Body, Kind},
    request::{
        Passwd, Request, RoomCreate, RoomInvite, RoomJoin, RoomLeave, RoomOpen, RoomTopic, Secret,
        Users,
    },
};

use super::driver::{BOB, Desk, RUST, ZHANG, busy, direct, room, user};
use crate::{
    effect::Effect,
    input::{Input, Unkept},
    words::Language,
};

const SIZE: (u16, u16) = (120, 36);
const LOBBY: RoomId = RoomId::LOBBY;

fn says(room: RoomId, text: &str, at: &[UserId]) -> Effect {
    Effect::Post(room, Kind::Text, Body { at: at.to_vec(), ..Body::text(text) })
}

fn ask(request: impl Into<Request>) -> Effect {
    Effect::Ask(request.into())
}

fn done(keys: &str) -> Vec<Effect> {
    let mut desk = busy(SIZE, Language::English);
    desk.keys(keys);
    desk.wishes()
}

#[test]
fn what_is_typed_is_sent_and_shown_at_once() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("hi<A-Enter>there<Enter>");
    assert_eq!(desk.wishes(), [says(LOBBY, "hi\nthere", &[])]);
    desk.queued(LOBBY, 9, "hi there");
    desk.shows("hi there ◌");
    desk.keys("  <Enter>");
    assert_eq!(desk.wishes(), [], "nothing is not sent");
}

#[test]
fn people_who_are_named_are_told() {
    assert_eq!(done("@bob look<Enter>"), [says(LOBBY, "@bob look", &[BOB])]);
    assert_eq!(done("@张三你好 @nobody<Enter>"), [says(LOBBY, "@张三你好 @nobody", &[ZHANG])]);
}

#[test]
fn a_display_name_is_nobodys_id() {
    let mallory = UserId(9);
    // The account that was made first takes the name of a user id; who has the id comes last.
    let ask_for = |people: Vec<liao_common::event::User>, typed: &str| {
        let mut desk = Desk::inside(SIZE, Language::English);
        let page = UserPage { users: people, total: 2, v: 1, ..UserPage::default() };
        let request = Users { ids: vec![mallory], names: Vec::new() };
        desk.answer(request, Answer::Users(page));
        desk.effects.clear();
        desk.keys(typed);
        desk.wishes()
    };
    let carl = UserId(10);
    let named_carl = || user(mallory, "mallory", "carl");
    let both = || vec![named_carl(), user(carl, "carl", "Carl")];
    let open = |user| ask(RoomOpen { user: Some(user), name: None });
    assert_eq!(ask_for(both(), "/msg carl psst<Enter>"), [open(carl)]);
    assert_eq!(ask_for(both(), "@carl look<Enter>"), [says(LOBBY, "@carl look", &[carl])]);
    let invite = |user| ask(RoomInvite { room: LOBBY, user });
    assert_eq!(ask_for(both(), "/invite carl<Enter>"), [invite(carl)]);

    // Who has the id is not known here: the server is asked, not a display name.
    let by_name = ask(RoomOpen { user: None, name: Some("carl".into()) });
    assert_eq!(ask_for(vec![named_carl()], "/msg carl psst<Enter>"), [by_name]);
    assert_eq!(ask_for(vec![named_carl()], "/invite carl<Enter>"), [], "it is looked up");
    assert_eq!(ask_for(vec![named_carl()], "/invite<Enter>carl<Enter>"), [], "it is looked up");

    // A name that two people have is nobody's.
    let twins = || vec![user(mallory, "m1", "Zoë"), user(carl, "m2", "Zoë")];
    assert_eq!(ask_for(twins(), "@Zoë look<Enter>"), [says(LOBBY, "@Zoë look", &[])]);
}

#[test]
fn a_text_full_of_marks_costs_no_more_than_a_few() {
    let mut desk = busy(SIZE, Language::English);
    let many = "@x".repeat(100) + " @bob";
    desk.input(Input::Paste(many.clone()));
    desk.keys("<Enter>");
    assert_eq!(
        desk.wishes(),
        [says(LOBBY, &many, &[])],
        "marks beyond the wire's limit name nobody"
    );
}

#[test]
fn commands_become_requests() {
    for (typed, want) in [
        ("/join #music<Enter>", vec![ask(RoomJoin { room: None, name: Some("music".into()) })]),
        (
            "/create den a place<Enter>",
            vec![ask(RoomCreate { name: "den".into(), private: false, topic: "a place".into() })],
        ),
        ("/topic new one<Enter>", vec![ask(RoomTopic { room: LOBBY, topic: "new one".into() })]),
        ("/invite bob<Enter>", vec![ask(RoomInvite { room: LOBBY, user: BOB })]),
        ("<C-n>/leave<Enter>", vec![ask(RoomLeave { room: RUST })]),
        ("/leave<Enter>y", vec![]),
        ("/msg bob psst<Enter>", vec![ask(RoomOpen { user: Some(BOB), name: None })]),
        ("/msg eve psst<Enter>", vec![ask(RoomOpen { user: None, name: Some("eve".into()) })]),
        ("/send /tmp/a b.txt<Enter>", vec![Effect::SeeFile(LOBBY, "/tmp/a b.txt".into())]),
        ("/reconnect<Enter>", vec![Effect::RetryNow]),
        ("/logout<Enter>", vec![Effect::LogOut]),
        ("/quit<Enter>", vec![Effect::Quit]),
        ("//join is a command<Enter>", vec![says(LOBBY, "/join is a command", &[])]),
        ("/usr/bin<Enter>", vec![says(LOBBY, "/usr/bin", &[])]),
    ] {
        assert_eq!(done(typed), want, "{typed}");
    }
}

#[test]
fn commands_open_what_they_name() {
    for (typed, shown) in [
        ("/help<Enter>", "Help"),
        ("/rooms<Enter>", "Rooms"),
        ("/files<Enter>", "Transfers"),
        ("/inbox<Enter>", "Inbox"),
        ("/people<Enter>", "filter"),
        ("/password<Enter>", "Current password"),
        ("/topic<Enter>", "Topic of #lobby"),
        ("/invite<Enter>", "Invite to #lobby"),
        ("/create<Enter>", "Create a room"),
        ("/join #rust<Enter>", "Message to #rust"),
        ("/language zh-CN<Enter>", "语言：简体中文"),
        ("/language xx<Enter>", "There is no language xx"),
        ("/theme<Enter>", "Theme: ansi-dark. There are ansi-dark, ansi-light, ink,"),
        ("/theme ink<Enter>", "Theme: ink"),
        ("/theme none<Enter>", "There is no theme none"),
        ("/close<Enter>", "/leave leaves a room"),
        ("/leave<Enter>", "Everybody is in #lobby"),
        ("/dance<Enter>", "There is no command /dance"),
        ("/join <Enter>", "/join needs more: /join #room"),
        ("/query<Enter>", "/query needs more: /msg USER text"),
        ("/language zh-CN<Enter>/send<Enter>", "/send 还缺内容：/send 路径"),
        ("/join<Enter>#rust<Enter>", "Message to #rust"),
    ] {
        let mut desk = busy(SIZE, Language::English);
        desk.keys(typed);
        desk.shows(shown);
    }
}

#[test]
fn a_refused_wish_is_said_in_words() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/join #secret<Enter>");
    let request = Request::from(RoomJoin { room: None, name: Some("secret".into()) });
    let answer = Err(CallError::Fault(Fault::from(FaultCode::NotFound)));
    desk.tell(Notice::Answer { ticket: Ticket(1), request: Box::new(request), answer });
    desk.shows("No such room found. Create it?");
    // A slip of the finger is not a room; whoever means it presses Enter.
    desk.effects.clear();
    desk.keys("<Enter>");
    let create = RoomCreate { name: "secret".into(), private: false, topic: String::new() };
    assert_eq!(desk.wishes(), [ask(create)]);
}

#[test]
fn a_private_message_goes_to_the_room_that_opens_for_it() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/msg bob see you<Enter>");
    desk.effects.clear();
    let open = RoomOpen { user: Some(BOB), name: None };
    desk.answer(open, Answer::Room(direct(RoomId(8), user(BOB, "bob", "Bob"))));
    assert_eq!(desk.wishes(), [says(RoomId(8), "see you", &[])]);
    desk.shows("Message to Bob");
}

#[test]
fn words_for_somebody_who_is_not_there_come_back_before_what_is_typed_by_then() {
    let nobody = || RoomOpen { user: None, name: Some("eve".into()) };
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/msg eve a long story<Enter>and more");
    desk.refuse(nobody(), FaultCode::NotFound);
    desk.shows("There is nobody called eve.");
    desk.shows("❯ /msg eve a long story");
    desk.shows("and more");
    // Nothing of it is chosen, to be replaced by the next letter.
    desk.keys("!");
    desk.shows("❯ /msg eve a long story");
    desk.shows("and more!");

    let mut desk = busy(SIZE, Language::English);
    desk.keys("/msg eve one<Enter>/msg eve two<Enter>");
    for _ in 0..2 {
        desk.refuse(nobody(), FaultCode::NotFound);
    }
    desk.shows("❯ /msg eve one");
    desk.shows("/msg eve two");

    // A command without words is one key away, and no more: what is being written is not for it.
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/msg eve<Enter>and more");
    desk.refuse(nobody(), FaultCode::NotFound);
    desk.shows("❯ and more");
    desk.hides("/msg eve");
}

#[test]
fn a_stranger_is_looked_up_before_the_invitation() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/invite eve<Enter>");
    let users = Users { ids: Vec::new(), names: vec!["eve".into()] };
    let page = UserPage { users: vec![user(UserId(9), "eve", "Eve")], ..UserPage::default() };
    desk.answer(users, Answer::Users(page));
    assert_eq!(desk.wishes(), [ask(RoomInvite { room: LOBBY, user: UserId(9) })]);
    desk.keys("/invite eva<Enter>");
    let users = Users { ids: Vec::new(), names: vec!["eva".into()] };
    desk.answer(users, Answer::Users(UserPage::default()));
    desk.shows("There is nobody called eva");
}

#[test]
fn dialogs_check_what_is_typed() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("/create<Enter>two words<Enter><Enter>");
    desk.shows("Letters, digits");
    assert_eq!(desk.wishes(), []);
    desk.keys("<C-u>den<Tab>cosy<Tab> <Enter>");
    assert_eq!(
        desk.wishes(),
        [ask(RoomCreate { name: "den".into(), private: true, topic: "cosy".into() })]
    );
    desk.keys("/password<Enter>old<Tab>short<Tab>short<Enter>");
    desk.shows("At least 8 characters");
    desk.keys("<C-u>alice1999<Tab><C-u>alice1999<Enter>");
    desk.shows("This password is too easy to");
    assert_eq!(desk.wishes(), [], "one's own user id is known here too");
    desk.keys("<C-u>long enough<Tab><C-u>long enough<Enter>");
    let passwd = Passwd { old: Secret("old".into()), new: Secret("long enough".into()) };
    assert_eq!(desk.wishes(), [ask(passwd)]);
}

#[test]
fn rooms_are_joined_from_the_list_and_a_new_name_makes_one() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<F6>den");
    desk.shows("Create a room #den");
    desk.keys("<Enter>");
    desk.shows("Topic");
    desk.effects.clear();
    desk.keys("<Enter>");
    assert_eq!(
        desk.wishes(),
        [ask(RoomCreate { name: "den".into(), private: false, topic: String::new() })]
    );
    desk.answer(
        RoomCreate { name: "den".into(), private: false, topic: String::new() },
        Answer::Room(room(RoomId(20), "den", 1)),
    );
    desk.shows("Message to #den");
}

#[test]
fn the_switcher_goes_to_chats_people_and_commands() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<C-k>rus<Enter>");
    desk.shows("Message to #rust");
    desk.keys("<C-k>zs<Enter>");
    assert_eq!(desk.wishes(), [ask(RoomOpen { user: Some(ZHANG), name: None })]);
    desk.keys("<C-k>passw<Enter>");
    desk.shows("Current password");
}

#[test]
fn words_are_completed() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("hi @zh<Tab>!<Enter>");
    assert_eq!(desk.wishes(), [says(LOBBY, "hi @zhangsan !", &[ZHANG])]);
    desk.keys("@b<Esc>");
    desk.hides("@bob");
    desk.keys("<C-u>/the<Tab>in<Tab><Enter>");
    desk.shows("Theme: ink");
    desk.keys(":tada<Tab><Enter>");
    assert_eq!(desk.wishes().last(), Some(&says(LOBBY, "🎉", &[])));
}

#[test]
fn enter_says_what_was_typed_and_takes_only_what_was_chosen() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("look at #rus<Enter>");
    assert_eq!(desk.wishes(), [says(LOBBY, "look at #rus", &[])]);
    desk.keys("/join #rusty<Left><Left><Enter>");
    assert_eq!(desk.wishes(), [ask(RoomJoin { room: None, name: Some("rusty".into()) })]);
    desk.keys("#borrow");
    desk.hides("Borrow checkers");
    desk.keys("<C-u>look at #rus<Down><Enter><Enter>");
    assert_eq!(desk.wishes(), [says(LOBBY, "look at #rust", &[])]);
    desk.keys("@bo<Down>b<Backspace><Enter>");
    assert_eq!(desk.wishes(), [says(LOBBY, "@bo", &[])], "typing on is no choice");
}

#[test]
fn a_file_that_can_be_read_is_sent_and_one_that_cannot_is_explained() {
    let mut desk = busy(SIZE, Language::English);
    let seen = |result| Input::FileSeen { session: 0, room: LOBBY, path: "/tmp/a".into(), result };
    desk.input(seen(Ok(1)));
    let job = UploadJob { room: LOBBY, path: "/tmp/a".into(), media: String::new() };
    assert_eq!(desk.wishes(), [Effect::Upload(job)]);
    for (kind, text) in [
        (std::io::ErrorKind::NotFound, "There is no file /tmp/a"),
        (std::io::ErrorKind::IsADirectory, "is a folder"),
        (std::io::ErrorKind::PermissionDenied, "cannot be read"),
    ] {
        desk.input(seen(Err(kind.into())));
        desk.shows(text);
    }
    desk.effects.clear();
    desk.input(seen(Ok(200 << 20)));
    desk.shows("a is too large: it has 200 MiB, and this server takes at most 95 MiB.");
    desk.hides("Sending to");
    assert_eq!(desk.wishes(), [], "nothing is offered");
}

#[test]
fn an_offered_file_is_saved_with_one_key() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<A-s>");
    let job = DownloadJob {
        room: LOBBY,
        fid: FileId(7),
        name: "design.pdf".into(),
        size: 2_400_000,
        hash: Hash([7; 32]),
        dir: "/home/alice/Downloads".into(),
    };
    assert_eq!(desk.wishes(), [Effect::Download(job.clone())]);
    let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
    desk.tell(notice(TransferChange::Added {
        direction: Direction::Download,
        room: LOBBY,
        name: "design.pdf".into(),
        size: 2_400_000,
        fid: Some(FileId(7)),
    }));
    desk.tell(notice(TransferChange::Phase { phase: Phase::Moving, at_ms: 0 }));
    desk.tell(notice(TransferChange::Moved { done: 1_200_000, at_ms: 1000 }));
    desk.shows("50 %");
    let path = "/home/alice/Downloads/design.pdf".into();
    desk.tell(notice(TransferChange::Phase {
        phase: Phase::Done { fid: FileId(7), path },
        at_ms: 2000,
    }));
    desk.shows("Saved as /home/alice/Downloads/design.pdf");
    // It may lie there no more.
    desk.effects.clear();
    desk.keys("<A-s>");
    assert_eq!(desk.wishes(), [Effect::Download(job)]);
    desk.tell(notice(TransferChange::Phase { phase: Phase::Waiting, at_ms: 3000 }));
    desk.keys("<A-s>");
    assert_eq!(desk.wishes(), [Effect::Resume(TransferId(5))], "once at a time");
}

#[test]
fn what_stood_still_is_listed_with_its_place_and_needs_no_question() {
    let mut desk = busy(SIZE, Language::English);
    let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
    let (direction, name) = (Direction::Upload, "a.bin".to_owned());
    let added = TransferChange::Added { direction, room: LOBBY, name, size: 1000, fid: None };
    desk.tell(notice(added));
    desk.tell(notice(TransferChange::Place { path: "/home/alice/docs/a.bin".into() }));
    desk.tell(notice(TransferChange::Phase { phase: Phase::Paused, at_ms: 1000 }));
    desk.tell(notice(TransferChange::Moved { done: 250, at_ms: 1000 }));
    desk.keys("<F4>");
    desk.shows("25 %  paused");
    desk.shows("/home/alice/docs/a.bin");
    desk.keys("R");
    assert_eq!(desk.wishes(), [Effect::Resume(TransferId(5))]);
    desk.keys("<Esc><A-r>");
    assert_eq!(desk.wishes(), [Effect::Resume(TransferId(5))], "from the chat too");
    desk.keys("<C-q>");
    assert_eq!(desk.wishes(), [Effect::Quit], "it is there again at the next start");
}

#[test]
fn a_file_on_its_way_stands_below_the_messages() {
    let mut desk = busy(SIZE, Language::English);
    let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
    let (direction, name) = (Direction::Upload, "a.bin".to_owned());
    desk.tell(notice(TransferChange::Added {
        direction,
        room: LOBBY,
        name,
        size: 1000,
        fid: None,
    }));
    desk.tell(notice(TransferChange::Phase { phase: Phase::Moving, at_ms: 0 }));
    desk.tell(notice(TransferChange::Moved { done: 250, at_ms: 1000 }));
    desk.shows("a.bin");
    desk.shows("25 %");
    desk.keys("<F4>p");
    assert_eq!(desk.wishes(), [Effect::Pause(TransferId(5))]);
    desk.tell(notice(TransferChange::Phase { phase: Phase::Paused, at_ms: 2000 }));
    desk.keys("p");
    assert_eq!(desk.wishes(), [Effect::Resume(TransferId(5))]);
    desk.tell(notice(TransferChange::Phase { phase: Phase::Waiting, at_ms: 2500 }));
    desk.keys("c<Esc><C-q>");
    assert_eq!(
        desk.wishes(),
        [Effect::Cancel(TransferId(5))],
        "leaving is asked about while files move"
    );
    desk.shows("At the next start F4");
    desk.keys("n");
    desk.input(Input::Opened { session: 1, unkept: Some(Unkept::InUse) });
    desk.keys("<C-q>");
    desk.shows("Send or save the same");
    desk.keys("y");
    assert_eq!(desk.wishes(), [Effect::Quit]);
}

#[test]
fn the_question_before_leaving_keeps_to_the_facts() {
    let mut desk = busy(SIZE, Language::English);
    let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
    let (direction, name) = (Direction::Upload, "a.bin".to_owned());
    let added = TransferChange::Added { direction, room: LOBBY, name, size: 1000, fid: None };
    desk.tell(notice(added));
    desk.tell(notice(TransferChange::Phase { phase: Phase::Moving, at_ms: 0 }));
    desk.keys("<C-q>");
    desk.shows("Quitting stops the transfers");
    let (fid, path) = (FileId(9), "/home/alice/a.bin".into());
    desk.tell(notice(TransferChange::Phase { phase: Phase::Done { fid, path }, at_ms: 2000 }));
    desk.hides("Quitting stops the transfers");
    desk.shows("Nothing is under way any more. Quit?");
    desk.input(Input::Opened { session: 1, unkept: Some(Unkept::InUse) });
    desk.queued(LOBBY, 9, "oh");
    desk.shows("1 message is not sent");
    desk.queued(LOBBY, 10, "no");
    desk.shows("2 messages are not sent");
    desk.tell(Notice::PostFailed {
        nonce: Nonce([9; 16]),
        room: LOBBY,
        fault: FaultCode::Forbidden.into(),
    });
    desk.shows("1 message is not sent");
    desk.keys("y");
    assert_eq!(desk.wishes(), [Effect::Quit]);
}

#[test]
fn a_transfer_that_failed_gives_one_piece_of_advice() {
    for (fault, advice) in [
        (TransferFault::Changed, "a.bin was moved or changed meanwhile. Alt-R starts over."),
        (TransferFault::HashMismatch, "arrived damaged and was dropped. Alt-R starts over."),
        (TransferFault::DiskFull, "no room for a.bin on this disk. Alt-R resumes."),
        (TransferFault::Unwritable("no".into()), "the download folder. Alt-R resumes."),
        (TransferFault::OtherLog, "Send or save a.bin anew."),
    ] {
        let mut desk = busy((160, 36), Language::English);
        let notice = |change| Notice::Transfer(TransferNotice { id: TransferId(5), change });
        let (direction, name) = (Direction::Upload, "a.bin".to_owned());
        let added = TransferChange::Added { direction, room: LOBBY, name, size: 1000, fid: None };
        desk.tell(notice(added));
        desk.tell(notice(TransferChange::Phase { phase: Phase::Failed(fault), at_ms: 0 }));
        desk.shows(advice);
        let row = desk.screen().lines().find(|row| row.contains(advice)).unwrap().to_owned();
        let told = row.matches("Alt-R").count() + row.matches("Send").count();
        assert_eq!(told, 1, "{row}");
    }
}

#[test]
fn posts_that_are_in_memory_only_are_not_left_without_a_question() {
    let mut desk = busy(SIZE, Language::English);
    desk.input(Input::Opened { session: 1, unkept: Some(Unkept::InUse) });
    desk.shows("not kept on disk");
    desk.keys("<C-q>");
    assert_eq!(desk.wishes(), [Effect::Quit], "nothing is unsent");
    desk.queued(LOBBY, 9, "oh");
    desk.keys("<C-q>");
    assert_eq!(desk.wishes(), []);
    desk.shows("Quit and lose");
    desk.keys("<Enter>");
    assert_eq!(desk.wishes(), [], "a hand presses Enter by itself");
    desk.hides("Quit and lose");
    desk.keys("/logout<Enter><Enter>");
    assert_eq!(desk.wishes(), [], "they would be lost too");
    desk.keys("/logout<Enter>");
    desk.shows("not on disk. Log out and");
    desk.keys("n<C-q>y");
    assert_eq!(desk.wishes(), [Effect::Quit]);

    let mut kept = busy(SIZE, Language::English);
    kept.input(Input::Opened { session: 1, unkept: None });
    kept.hides("not kept on disk");
    kept.queued(LOBBY, 9, "oh");
    kept.keys("<C-q>");
    assert_eq!(kept.wishes(), [Effect::Quit], "it goes out next time");
}

#[test]
fn what_comes_late_from_another_link_is_not_for_this_one() {
    let mut desk = busy(SIZE, Language::English);
    desk.input(Input::Opened { session: 2, unkept: None });
    desk.input(Input::Opened { session: 1, unkept: Some(Unkept::InUse) });
    desk.hides("not kept on disk");
    desk.input(Input::NotPosted { session: 1, room: LOBBY, text: "elsewhere".into() });
    desk.hides("elsewhere");
    let path = "/tmp/a".into();
    desk.input(Input::FileSeen { session: 1, room: LOBBY, path, result: Ok(1) });
    assert_eq!(desk.wishes(), [], "rooms of two servers have the same numbers");
}

#[test]
fn a_failed_message_is_sent_again_with_one_key() {
    let mut desk = busy(SIZE, Language::English);
    desk.queued(LOBBY, 9, "oh");
    let fault = Fault::from(FaultCode::StorageFull);
    desk.tell(Notice::PostFailed { nonce: Nonce([9; 16]), room: LOBBY, fault });
    desk.shows("Alt-R sends it again");
    desk.keys("<A-r>");
    assert_eq!(desk.wishes(), [Effect::Resend(Nonce([9; 16]))]);
}

#[test]
fn a_failed_message_is_given_up_with_one_key() {
    let mut desk = busy(SIZE, Language::English);
    desk.queued(LOBBY, 9, "oh no");
    desk.keys("<Up>d");
    assert_eq!(desk.wishes(), [], "what is on its way cannot be taken back");
    let fault = Fault::from(FaultCode::Forbidden);
    desk.tell(Notice::PostFailed { nonce: Nonce([9; 16]), room: LOBBY, fault });
    desk.keys("<Esc><Up>d");
    assert_eq!(desk.wishes(), [Effect::Discard(Nonce([9; 16]))]);
    desk.tell(Notice::Discarded { nonce: Nonce([9; 16]), room: LOBBY });
    desk.hides("oh no");
    desk.keys("next<Enter>");
    assert_eq!(desk.wishes(), [says(LOBBY, "next", &[])]);
}

#[test]
fn a_message_that_could_not_be_kept_comes_back() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("hello<Enter>");
    desk.keys("and now");
    desk.input(Input::NotPosted { session: 0, room: LOBBY, text: "hello".into() });
    desk.shows("❯ hello");
    desk.shows("and now");
}

#[test]
fn what_is_said_to_somebody_who_is_not_there_comes_back() {
    for error in
        [CallError::Fault(Fault::from(FaultCode::NotFound)), CallError::Lost, CallError::Full]
    {
        let mut desk = busy(SIZE, Language::English);
        desk.keys("/msg eve a long story<Enter>");
        desk.hides("a long story");
        let request = Box::new(RoomOpen { user: None, name: Some("eve".into()) }.into());
        let sentence = match &error {
            CallError::Fault(_) => "There is nobody called eve.".to_owned(),
            error => crate::view::door::call_sentence(error, desk.app.base.words),
        };
        desk.tell(Notice::Answer { ticket: Ticket(1), request, answer: Err(error) });
        desk.shows("❯ /msg eve a long story");
        desk.shows(sentence.trim_end_matches('.'));
    }
}

#[test]
fn what_is_being_written_is_kept() {
    let drafts = |text: &str| Effect::KeepDrafts([(LOBBY, text.to_owned())].into());
    for (leave, then) in [("<C-q>", Effect::Quit), ("<F2><C-q>", Effect::Quit)] {
        let mut desk = busy(SIZE, Language::English);
        desk.keys("half a");
        desk.keys(leave);
        assert_eq!(desk.wishes(), [drafts("half a"), then], "{leave}");
    }

    let mut desk = busy(SIZE, Language::English);
    desk.keys("half a");
    assert_eq!(desk.wishes(), [], "not with every letter");
    let due = desk.app.wake_at_ms().unwrap();
    desk.app.base.now_ms = due;
    desk.input(Input::Woken);
    assert_eq!(desk.wishes(), [drafts("half a")], "a while later");
    assert_eq!(desk.app.wake_at_ms(), None, "once");
    desk.keys(" story");
    desk.tell(Notice::State(LinkState::Ended(End::LoggedOut)));
    assert_eq!(desk.wishes(), [drafts("half a story")], "when the link ends");

    let mut desk = busy(SIZE, Language::English);
    desk.input(Input::Drafts { session: 0, drafts: [(LOBBY, "half a".to_owned())].into() });
    desk.shows("❯ half a");
    desk.keys("<C-q>");
    assert_eq!(desk.wishes(), [Effect::Quit], "nothing changed");
    desk.keys(" story<Enter><C-q>");
    assert_eq!(desk.wishes(), [says(LOBBY, "half a story", &[]), drafts(""), Effect::Quit]);
}

#[test]
fn a_large_paste_is_asked_about_and_a_huge_one_refused() {
    let mut desk = busy(SIZE, Language::English);
    desk.input(Input::Paste("a\r\nb".into()));
    desk.shows("❯ a");
    let many = (1..=30).map(|line| format!("row {line}")).collect::<Vec<_>>().join("\n");
    desk.input(Input::Paste(many));
    desk.shows("Paste 30 lines?");
    desk.keys("<Enter>");
    desk.shows("row 30");
    for huge in ["x".repeat(1 << 20), "x\n".repeat(1 << 19), "x\n".repeat(600)] {
        desk.app.base.now_ms += 10_000;
        desk.input(Input::Woken);
        desk.hides("as a file.");
        desk.input(Input::Paste(huge));
        desk.hides("Paste");
        desk.shows("as a file.");
        desk.shows("row 30");
    }
}

#[test]
fn ctrl_c_empties_the_text_first_and_that_can_be_undone() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("precious<C-c>");
    desk.hides("precious");
    desk.keys("<C-z>");
    desk.shows("precious");
    desk.keys("<C-c>");
    desk.hides("precious");
    desk.hides("once more quits");
}

#[test]
fn ctrl_c_leaves_when_it_is_pressed_twice() {
    for (size, language) in super::driver::everywhere() {
        for before in ["", "<Tab>", "<F2>", "<F3>", "<C-k>", "<F4>", "<F6>", "/create<Enter>"] {
            let mut desk = busy(size, language);
            let once_more = desk.app.base.words.fill("status.again_quits", &[("key", &"Ctrl-C")]);
            desk.keys(before);
            desk.wishes();
            desk.keys("<C-c>");
            desk.shows(&once_more);
            assert!(!desk.wishes().contains(&Effect::Quit), "after {before:?}");
            desk.app.base.now_ms += 3_000;
            desk.input(Input::Woken);
            desk.hides(&once_more);
            desk.keys("<C-c>");
            assert!(!desk.wishes().contains(&Effect::Quit), "{before:?}: that was long ago");
            desk.shows(&once_more);
            desk.keys("<C-c>");
            assert!(desk.wishes().contains(&Effect::Quit), "after {before:?}");
        }
    }
}

#[test]
fn ctrl_c_leaves_only_while_it_says_so() {
    for between in ["x<C-c>", "<Tab><S-Tab>", "<F1><Esc>"] {
        let mut desk = busy(SIZE, Language::English);
        desk.keys("<C-c>");
        desk.shows("once more quits");
        desk.keys(between);
        desk.hides("once more quits");
        desk.keys("<C-c>");
        assert!(!desk.wishes().contains(&Effect::Quit), "after {between:?}");
        desk.shows("once more quits");
        desk.keys("<C-c>");
        assert!(desk.wishes().contains(&Effect::Quit), "after {between:?}");
    }
}

#[test]
fn the_cursor_stands_at_the_caret() {
    let mut desk = busy(SIZE, Language::Chinese);
    desk.keys("张三");
    assert_eq!(desk.cursor(), (3 + 4, 34));
    desk.keys("<Left>");
    assert_eq!(desk.cursor(), (3 + 2, 34));
}

#[test]
fn leaving_a_room_and_the_account() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<C-n>/leave<Enter>");
    desk.answer(RoomLeave { room: RUST }, Answer::Done(liao_common::event::Empty {}));
    desk.shows("You left the room.");
    desk.hides("#rust");
    desk.keys("/logout<Enter>");
    desk.shows("Quit");
}

#[test]
fn leaving_asks_where_something_is_lost_by_it() {
    let rust = || room(RUST, "rust", 128);
    let asked = "Leave #rust?";
    for (room, asks) in [
        (rust(), false),
        (Room { kind: RoomKind::Private, ..rust() }, true),
        (Room { role: Role::Owner, ..rust() }, true),
        (Room { moderates: true, ..rust() }, true),
        // Whoever is there alone and comes back owns it again.
        (Room { role: Role::Owner, members: 1, ..rust() }, false),
    ] {
        let mut desk = busy(SIZE, Language::English);
        desk.tell(Notice::Event(Event::Room(Box::new(room.clone()))));
        desk.keys("<C-n>/leave<Enter>");
        let leave = ask(RoomLeave { room: RUST });
        if !asks {
            desk.hides(asked);
            assert_eq!(desk.wishes(), [leave], "{room:?}");
            continue;
        }
        desk.shows(asked);
        if room.role == Role::Owner {
            desk.hides("becomes the owner");
        }
        desk.keys("<Enter>");
        desk.hides(asked);
        assert_eq!(desk.wishes(), [], "Enter agrees to nothing");
        desk.keys("/leave<Enter>n/leave<Enter>y");
        assert_eq!(desk.wishes(), [leave]);
    }
}

#[test]
fn language_and_theme_go_by_the_names_that_people_give_them() {
    let mut desk = busy(SIZE, Language::English);
    for (typed, shown) in [
        ("/language zh", "语言"),
        ("/lang English", "Language: English"),
        ("/lang 中文", "语言"),
        ("/lang zh_CN", "语言"),
        ("/lang en", "Language: English"),
        ("/lang klingon", "There is no language klingon"),
        ("/theme light", "Theme: ansi-light"),
        ("/theme Paper", "Theme: paper"),
        ("/theme dark", "Theme: ansi-dark"),
        ("/theme neon", "There is no theme neon"),
    ] {
        desk.keys(&format!("{typed}<Enter>"));
        desk.shows(shown);
    }
}

#[test]
fn many_rooms_are_marked_as_read_a_few_at_a_time() {
    let mut desk = Desk::inside(SIZE, Language::English);
    let rooms: Vec<_> =
        (10..310).map(|number| room(RoomId(number), &format!("r{number}"), 2)).collect();
    for room in &rooms {
        let request = RoomJoin { room: Some(room.room), name: None };
        desk.answer(request, Answer::Room(room.clone()));
        desk.said(room.room, BOB, 1, "hi");
    }
    let marks = |desk: &mut Desk| -> Vec<Request> {
        let effects = std::mem::take(&mut desk.effects).into_iter();
        let asked = effects.filter_map(|effect| match effect {
            Effect::Ask(request @ Request::Mark(_)) => Some(request),
            _ => None,
        });
        asked.collect()
    };
    desk.keys("<F2>");
    desk.effects.clear();
    desk.keys("X");
    let mut asked = marks(&mut desk);
    assert!(asked.len() <= 32, "{} at once", asked.len());
    let mut done = 0;
    while let Some(request) = asked.pop() {
        done += 1;
        let (request, answer) = (Box::new(request), Err(CallError::Lost));
        desk.tell(Notice::Answer { ticket: Ticket(1), request, answer });
        asked.extend(marks(&mut desk));
    }
    assert_eq!(done, rooms.len());
}

#[test]
fn without_colours_code_keeps_its_marks_and_no_theme_brings_colours_back() {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.app.base.theme = crate::theme::Theme::monochrome();
    desk.said(LOBBY, BOB, 1, "run `cargo test` now");
    desk.shows("run `cargo test` now");
    desk.keys("/theme dusk<Enter>");
    desk.shows("Theme: dusk");
    assert!(desk.app.base.theme.keeps_marks());
    let fg = desk.style_of("cargo").fg;
    assert_eq!(fg, ratatui::style::Color::Reset);
}
