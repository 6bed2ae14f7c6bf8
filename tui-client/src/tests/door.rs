//! The way in: no password before the key is known, errors at their fields, what is typed stays.

use liao_client_core::{
    address::LinkTarget,
    notice::{Cut, End, LinkState, Notice},
    tls::Shown,
    trust::ConnectError,
};
use liao_common::{
    event::{Session, Synced},
    fault::{Fault, FaultCode},
    id::{DeviceId, Pin, RoomId},
    request::Secret,
};

use super::driver::{ALICE, Desk, NOW_MS, room, start, with};
use crate::{
    effect::{Effect, Login},
    input::{Input, PrivateTrouble, Unstored},
    view::server::{Account, KnownKey, Server},
    words::Language,
};

const SIZE: (u16, u16) = (80, 24);
const PIN: Pin = Pin([9; 32]);

fn server() -> Server {
    Server::At(LinkTarget::parse("chat.example.org").unwrap())
}

fn pinned(pin: Pin) -> Shown {
    Shown { pin, vouched: false }
}

fn known() -> Desk {
    let key = KnownKey { pin: PIN, since_ms: NOW_MS, vouched: false, next: None };
    let account = Account { address: server().address(), user: "bob".into(), name: "Bob".into() };
    let known = vec![(server().address(), key)];
    Desk::new(with(start(SIZE, Language::English), server(), known, vec![account]))
}

fn session() -> Session {
    Session {
        user: ALICE,
        id: "alice".into(),
        name: "Alice".into(),
        dev: DeviceId(1),
        token: None,
        admin: false,
    }
}

#[test]
fn one_enter_starts_a_private_server_and_leads_to_the_register_form() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.keys("<Enter>");
    assert_eq!(desk.wishes(), [Effect::StartPrivate]);
    desk.shows("starting the private server");
    desk.input(Input::PrivateReady(Ok(())));
    desk.shows("Password again");
    assert!(
        matches!(&desk.wishes()[..], [Effect::Remember(state)] if state.server.as_deref() == Some("private"))
    );
}

#[test]
fn a_private_server_that_does_not_start_says_why() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.keys("<Enter>");
    desk.input(Input::PrivateReady(Err(PrivateTrouble::InUse("/home/a/private".into()))));
    desk.shows("/home/a/private");
    desk.shows("Start a private server");
}

#[test]
fn no_password_is_typed_before_the_key_is_known() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.keys("2chat.example.org<Enter>");
    assert_eq!(desk.wishes(), [Effect::Probe(server().address())]);
    desk.hides("Password");
    desk.input(Input::Probed { address: server().address(), result: Ok(pinned(PIN)) });
    desk.shows(&PIN.words());
    desk.keys("<Enter>");
    assert_eq!(desk.wishes(), [], "Enter alone trusts nobody");
    desk.keys("y");
    assert!(desk.wishes().contains(&Effect::KeepPin(server().address(), pinned(PIN))));
    desk.keys("1");
    desk.shows("Password");
}

#[test]
fn a_key_for_which_an_authority_vouches_is_no_question() {
    for (language, standing) in [
        (Language::English, "TLS, certificate verified, since 2026-11-22"),
        (Language::Chinese, "TLS，证书有效，"),
    ] {
        let mut desk = Desk::fresh(SIZE, language);
        desk.keys("2chat.example.org<Enter>");
        desk.effects.clear();
        let vouched = Shown { pin: PIN, vouched: true };
        desk.input(Input::Probed { address: server().address(), result: Ok(vouched) });
        assert!(desk.wishes().contains(&Effect::KeepPin(server().address(), vouched)));
        desk.hides(&PIN.words());
        desk.shows(standing);
    }
}

fn vouched(target: LinkTarget, language: Language) -> Desk {
    let known = vec![(
        server().address(),
        KnownKey { pin: PIN, since_ms: NOW_MS, vouched: true, next: None },
    )];
    Desk::new(with(start(SIZE, language), Server::At(target), known, Vec::new()))
}

#[test]
fn where_an_authority_decides_no_link_does() {
    let target =
        LinkTarget { pin: Some(Pin([1; 32])), ..LinkTarget::parse("chat.example.org").unwrap() };
    let mut desk = vouched(target, Language::English);
    desk.shows("certificate verified, since");
    desk.keys("1");
    desk.shows("Password");
}

#[test]
fn a_server_that_lost_its_certificate_stops() {
    for (language, title) in [
        (Language::English, "Stop: nobody vouches for this key"),
        (Language::Chinese, "没有机构为这个密钥作证"),
    ] {
        let mut desk = vouched(LinkTarget::parse("chat.example.org").unwrap(), language);
        desk.keys("1alice<Tab>secret<Enter>");
        let end = End::Uncertified { found: Pin([1; 32]) };
        desk.tell(Notice::State(LinkState::Ended(end)));
        desk.shows(title);
        desk.shows(&Pin([1; 32]).words());
        desk.shows("liao forget chat.example.org:8888");
        desk.effects.clear();
        desk.keys("y");
        assert_eq!(desk.wishes(), [], "it is no question");
    }
}

#[test]
fn a_certificate_out_of_date_names_the_clock() {
    for (why, text) in [(Cut::Expired, "has expired"), (Cut::NotYetValid, "does not hold")] {
        let mut desk = vouched(LinkTarget::parse("chat.example.org").unwrap(), Language::English);
        desk.keys("1alice<Tab>secret<Enter>");
        desk.tell(Notice::State(LinkState::Waiting { retry_in_ms: 1000, why }));
        desk.shows(text);
        desk.shows("clock");
    }
}

#[test]
fn a_key_that_comes_late_is_not_taken_for_another_servers() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.keys("2chat.example.org<Enter>");
    let address = LinkTarget::parse("other.example.org").unwrap().address;
    desk.input(Input::Probed { address, result: Ok(pinned(PIN)) });
    desk.hides(&PIN.words());
}

#[test]
fn a_link_brings_key_and_invite() {
    let target = LinkTarget {
        pin: Some(PIN),
        invite: Some("abc".into()),
        ..LinkTarget::parse("chat.example.org").unwrap()
    };
    let mut desk =
        Desk::new(with(start(SIZE, Language::English), Server::At(target), Vec::new(), Vec::new()));
    desk.keys("2");
    desk.shows("Invite code");
    desk.shows("abc");
    let keep = Effect::KeepPin(server().address(), pinned(PIN));
    assert!(!desk.wishes().contains(&keep), "nobody has proved to have the key");
    desk.keys("alice<Tab><Tab>correct horse<Tab>correct horse<Enter><Enter>");
    desk.tell(Notice::State(LinkState::Securing));
    assert!(!desk.wishes().contains(&keep));
    desk.tell(Notice::State(LinkState::LoggingIn));
    assert!(desk.wishes().contains(&keep));
}

#[test]
fn a_link_for_another_server_is_said_and_keeps_nobody_from_the_other_fields() {
    let target = LinkTarget {
        pin: Some(PIN),
        invite: Some("abc".into()),
        ..LinkTarget::parse("chat.example.org").unwrap()
    };
    let mut desk =
        Desk::new(with(start(SIZE, Language::English), Server::At(target), Vec::new(), Vec::new()));
    let elsewhere = "This link is for another server.";
    desk.keys("2<Tab><Tab><Tab><Tab><C-u>liao://other.example.org/?invite=c0de");
    desk.hides(elsewhere);
    desk.keys("<S-Tab>correct horse");
    desk.shows(elsewhere);
    desk.keys("<S-Tab>correct horse<S-Tab><S-Tab>alice<Enter><Enter><Enter><Enter>");
    desk.shows(elsewhere);
    desk.effects.clear();
    desk.keys("<Enter>");
    assert_eq!(desk.wishes(), [], "nothing is sent with it");
    desk.keys("<C-u>c0de<Enter>");
    let wishes = desk.wishes();
    assert!(
        wishes.iter().any(|wish| matches!(wish, Effect::Connect(_, Login::Register { invite, .. })
            if invite.as_deref() == Some("c0de"))),
        "{wishes:?}"
    );
}

#[test]
fn a_private_server_that_is_ready_late_calls_nobody_back() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.keys("<Enter><F2>chat");
    desk.shows("❯ chat");
    desk.input(Input::PrivateReady(Ok(())));
    desk.shows("❯ chat");
}

#[test]
fn a_link_with_another_key_than_the_known_one_stops() {
    let target =
        LinkTarget { pin: Some(Pin([1; 32])), ..LinkTarget::parse("chat.example.org").unwrap() };
    let known = vec![(
        server().address(),
        KnownKey { pin: PIN, since_ms: NOW_MS, vouched: false, next: None },
    )];
    let mut desk =
        Desk::new(with(start(SIZE, Language::English), Server::At(target), known, Vec::new()));
    desk.keys("1");
    desk.shows("The link names another key");
    desk.shows("liao forget chat.example.org:8888");
    assert_eq!(desk.wishes(), [Effect::Recall]);
    desk.keys("y");
    assert_eq!(desk.wishes(), [], "a changed key is no question");
}

#[test]
fn a_link_whose_key_the_server_does_not_have_is_no_changed_key() {
    let target = LinkTarget { pin: Some(PIN), ..LinkTarget::parse("chat.example.org").unwrap() };
    let at = Server::At(target);
    let mut desk = Desk::new(with(start(SIZE, Language::English), at, Vec::new(), Vec::new()));
    desk.shows("key from the link, not yet seen");
    desk.keys("1alice<Tab>secret<Enter>");
    let end = End::LinkMismatch { named: PIN, found: Pin([1; 32]) };
    desk.tell(Notice::State(LinkState::Ended(end)));
    desk.shows("this link is for another key");
    desk.shows(&Pin([1; 32]).words());
    desk.hides("than before");
    desk.hides("liao forget");
    desk.keys("<Esc>");
    desk.shows("key from the link, not yet seen");
    assert!(!desk.wishes().iter().any(|effect| matches!(effect, Effect::KeepPin(..))));
}

#[test]
fn a_key_that_came_with_a_link_can_be_forgotten_like_any_other() {
    let target = LinkTarget { pin: Some(PIN), ..LinkTarget::parse("chat.example.org").unwrap() };
    let at = Server::At(target);
    let mut desk = Desk::new(with(start(SIZE, Language::English), at, Vec::new(), Vec::new()));
    desk.keys("1alice<Tab>secret<Enter>");
    desk.tell(Notice::State(LinkState::LoggingIn));
    desk.log_in();
    desk.tell(Notice::State(LinkState::Ended(End::PinChanged {
        expected: PIN,
        found: Pin([1; 32]),
    })));
    desk.shows("liao forget chat.example.org:8888");
    desk.keys("<Esc>");
    desk.effects.clear();
    desk.keys("1");
    desk.input(Input::Recalled(Vec::new()));
    desk.input(Input::Probed { address: server().address(), result: Ok(pinned(Pin([1; 32]))) });
    desk.shows(&Pin([1; 32]).words());
    desk.keys("y");
    desk.shows("Password");
}

#[test]
fn a_key_that_another_program_forgot_is_asked_for_before_a_password_is_typed() {
    let mut desk = known();
    desk.keys("1");
    assert!(desk.wishes().contains(&Effect::Recall));
    desk.input(Input::Recalled(Vec::new()));
    assert_eq!(desk.wishes(), [Effect::Probe(server().address())]);
    desk.hides("Password");
    desk.input(Input::Probed { address: server().address(), result: Ok(pinned(PIN)) });
    desk.shows(&PIN.words());
    desk.keys("y");
    desk.shows("Password");
}

#[test]
fn a_key_that_is_unknown_when_it_is_needed_is_asked_for_and_nothing_typed_is_lost() {
    let mut desk = known();
    desk.keys("1alice<Tab>secret<Enter>");
    desk.effects.clear();
    desk.tell(Notice::State(LinkState::Ended(End::KeyUnknown)));
    assert_eq!(desk.wishes(), [Effect::Probe(server().address())]);
    desk.input(Input::Probed { address: server().address(), result: Ok(pinned(Pin([1; 32]))) });
    desk.shows(&Pin([1; 32]).words());
    desk.keys("y");
    desk.shows("alice");
    assert!(desk.wishes().contains(&Effect::KeepPin(server().address(), pinned(Pin([1; 32])))));

    // A remembered login goes on by itself.
    let mut desk = known();
    desk.keys("<Enter>");
    desk.tell(Notice::State(LinkState::Ended(End::KeyUnknown)));
    desk.input(Input::Probed { address: server().address(), result: Ok(pinned(Pin([1; 32]))) });
    desk.effects.clear();
    desk.keys("y");
    assert!(desk.wishes().contains(&Effect::Connect(server(), Login::Token("bob".into()))));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let mut desk =
        Desk::new(with(start(SIZE, Language::English), server(), Vec::new(), Vec::new()));
    desk.keys("1");
    desk.input(Input::Probed { address: server().address(), result: Err(ConnectError::Refused) });
    desk.shows("Nothing answers at chat.example.org:8888");
    desk.keys("<Esc>");
    desk.shows("Log in");
}

#[test]
fn logging_in_waits_and_goes_in() {
    let mut desk = known();
    desk.keys("1alice<Tab>secret<Enter>");
    let wish = desk.wishes();
    let login =
        Login::Password { user: "alice".into(), secret: Secret("secret".into()), keep: true };
    assert!(wish.contains(&Effect::Connect(server(), login)), "{wish:?}");
    desk.tell(Notice::State(LinkState::Securing));
    desk.shows("securing the connection");
    desk.tell(Notice::LoggedIn(Box::new(session())));
    desk.hides("Password");
}

#[test]
fn a_wrong_password_is_said_at_the_field_and_nothing_typed_is_lost() {
    let mut desk = known();
    desk.keys("1alice<Tab>wrong<Enter>");
    desk.tell(Notice::State(LinkState::Ended(End::Refused(Fault::from(
        FaultCode::Unauthenticated,
    )))));
    desk.shows("User id or password is wrong");
    desk.shows("alice");
    desk.shows("•••••");
}

#[test]
fn escape_stops_the_wait_and_keeps_what_was_typed() {
    let mut desk = known();
    desk.keys("1alice<Tab>secret<Enter>");
    desk.effects.clear();
    desk.keys("<Esc>");
    assert_eq!(desk.wishes(), [Effect::Disconnect]);
    desk.shows("alice");
    desk.keys("<Esc>1");
    desk.shows("alice");
}

#[test]
fn what_is_typed_while_one_is_let_in_is_in_the_composer() {
    let mut desk = known();
    desk.keys("<Enter>hello 1, what? ");
    desk.log_in();
    desk.keys("ok");
    let rooms = vec![room(RoomId::LOBBY, "lobby", 2)];
    desk.tell(Notice::Synced(Box::new(Synced { epoch: "e".into(), reset: false, rooms })));
    desk.greet();
    desk.shows("❯ hello 1, what? ok");

    let mut desk = known();
    desk.keys("<Enter>a password");
    let refused = End::Refused(Fault::from(FaultCode::Unauthenticated));
    desk.tell(Notice::State(LinkState::Ended(refused)));
    desk.keys("another<Enter>");
    desk.log_in();
    let rooms = vec![room(RoomId::LOBBY, "lobby", 2)];
    desk.tell(Notice::Synced(Box::new(Synced { epoch: "e".into(), reset: false, rooms })));
    desk.greet();
    desk.shows("Message to #lobby");
}

#[test]
fn a_remembered_login_is_one_key_and_a_stale_one_asks_for_the_password() {
    let mut desk = known();
    desk.keys("<Enter>");
    assert!(desk.wishes().contains(&Effect::Connect(server(), Login::Token("bob".into()))));
    desk.tell(Notice::State(LinkState::Ended(End::Refused(Fault::from(
        FaultCode::Unauthenticated,
    )))));
    desk.shows("no longer valid");
    desk.shows("bob");
    assert_eq!(desk.wishes(), [Effect::ForgetAccount(server(), "bob".into())]);
    desk.keys("<Esc>");
    desk.hides("Go on as");
}

#[test]
fn the_box_decides_whether_a_token_is_kept() {
    let mut desk = known();
    desk.keys("1alice<Tab>secret<Tab> <Enter>");
    let kept = desk.wishes().into_iter().find_map(|effect| match effect {
        Effect::Connect(_, Login::Password { keep, .. }) => Some(keep),
        _ => None,
    });
    assert_eq!(kept, Some(false));
}

#[test]
fn passwords_are_shown_on_request() {
    let mut desk = known();
    desk.keys("1alice<Tab>secret");
    desk.hides("secret");
    desk.keys("<C-t>");
    desk.shows("secret");
}

#[test]
fn the_language_changes_while_running() {
    let mut desk = known();
    desk.keys("<F3>");
    desk.shows("登录");
    desk.keys("<F3>");
    desk.shows("Log in");
}

#[test]
fn waiting_for_the_private_server_can_be_given_up() {
    let mut desk = known();
    desk.keys("p");
    desk.shows("Esc cancel");
    desk.keys("<Esc>");
    desk.hides("starting the private server");
    desk.hides("Esc cancel");
    desk.wishes();
    desk.input(Input::PrivateReady(Ok(())));
    desk.shows("Go on as Bob");
    assert_eq!(desk.wishes(), [], "who gave it up is not called back");
    desk.keys("1");
    desk.shows("Password");
    desk.shows("chat.example.org:8888");
}

#[test]
fn a_login_is_forgotten_after_a_question_only() {
    let mut desk = known();
    let forgets = Effect::ForgetAccount(server(), "bob".into());
    for no in ["n", "<Esc>", "<Enter>"] {
        desk.keys("<Del>");
        desk.shows("Forget this login?");
        desk.shows("Bob (bob) will need the password");
        desk.keys(no);
        desk.shows("Go on as Bob");
        assert!(!desk.wishes().contains(&forgets), "{no}");
    }
    desk.keys("<Del>y");
    desk.hides("Go on as Bob");
    assert_eq!(desk.wishes(), [forgets]);
}

#[test]
fn the_menu_quits_by_number() {
    let mut desk = known();
    desk.keys("3");
    assert_eq!(desk.wishes(), [Effect::Quit]);
}

#[test]
fn who_is_new_is_welcomed_otherwise_than_who_comes_back() {
    for (newcomer, text) in [(true, "Welcome, Alice. You are in #lobby"), (false, "Hello, Alice")] {
        let mut desk = Desk::inside(SIZE, Language::English);
        desk.app.front =
            crate::app::Front::Main(Box::new(crate::view::main::MainView::of(newcomer)));
        desk.greet();
        desk.shows(text);
    }
}

fn refused(desk: &mut Desk) {
    let result = Err(ConnectError::Refused);
    desk.input(Input::Probed { address: server().address(), result });
}

#[test]
fn a_failed_address_takes_no_choice_away_and_can_be_tried_again_or_changed() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.keys("2chat.example.org<Enter>");
    refused(&mut desk);
    desk.shows("Enter retry   F2 change address   Esc back");
    desk.wishes();
    for key in ["<Enter>", "R"] {
        desk.keys(key);
        assert_eq!(desk.wishes(), [Effect::Probe(server().address())], "{key}");
        refused(&mut desk);
    }
    desk.keys("<F2>");
    desk.shows("❯ chat.example.org");
    desk.keys("<Enter>");
    refused(&mut desk);
    desk.keys("<Esc>");
    desk.shows("Start a private server");
    desk.shows("Connect to a server");
    desk.wishes();
    desk.keys("1");
    assert_eq!(desk.wishes(), [Effect::StartPrivate]);
}

#[test]
fn with_a_server_the_private_one_and_others_are_still_offered() {
    let mut desk = known();
    desk.keys("p");
    assert_eq!(desk.wishes(), [Effect::StartPrivate]);
    desk.input(Input::PrivateReady(Err(PrivateTrouble::Failed("no disk".into()))));
    desk.shows("no disk");
    desk.shows("Go on as Bob");
    desk.keys("<F2>");
    desk.shows("Choose a server");
}

#[test]
fn what_was_typed_for_one_server_is_not_shown_to_another() {
    let mut desk = known();
    desk.keys("1alice<Tab>secret<Esc>");
    desk.keys("1");
    desk.shows("alice");
    desk.hides("•");
    desk.keys("<Esc>p");
    desk.input(Input::PrivateReady(Ok(())));
    desk.keys("<Esc>1");
    desk.hides("alice");
}

#[test]
fn who_logged_out_stands_in_the_menu_no_more() {
    let mut desk = known();
    desk.shows("Go on as");
    desk.keys("<Enter>");
    desk.tell(Notice::LoggedIn(Box::new(Session { id: "bob".into(), ..session() })));
    let rooms = vec![room(RoomId::LOBBY, "lobby", 3)];
    desk.tell(Notice::Synced(Box::new(Synced { epoch: "e".into(), reset: true, rooms })));
    desk.greet();
    desk.keys("/logout<Enter>");
    assert!(desk.wishes().contains(&Effect::LogOut));
    desk.tell(Notice::State(LinkState::Ended(End::LoggedOut)));
    desk.shows("Log in");
    desk.hides("Go on as");
}

#[test]
fn every_remembered_account_is_one_key() {
    let account = |server: &Server, user: &str, name: &str| Account {
        address: server.address(),
        user: user.into(),
        name: name.into(),
    };
    let private = Server::Private;
    let accounts = vec![
        account(&server(), "bob", "Bob"),
        account(&server(), "carol", ""),
        account(&private, "dave", ""),
    ];
    let known = vec![(
        server().address(),
        KnownKey { pin: PIN, since_ms: NOW_MS, vouched: false, next: None },
    )];
    let open = || {
        let start = start(SIZE, Language::English);
        Desk::new(with(start, server(), known.clone(), accounts.clone()))
    };
    let connects = |desk: &mut Desk, to: Server, user: &str| {
        let wish = desk.wishes();
        assert!(wish.contains(&Effect::Connect(to, Login::Token(user.into()))), "{wish:?}");
    };
    let mut desk = open();
    let shown = desk.screen();
    assert_eq!(shown.matches('↵').count(), 1, "Enter leads to one place\n{shown}");
    desk.keys("<Enter>");
    connects(&mut desk, server(), "bob");
    for keys in ["4", "<Down><Enter>", "<Down><Up><Down><Enter>"] {
        let mut desk = open();
        desk.keys(keys);
        connects(&mut desk, server(), "carol");
    }
    let mut desk = open();
    desk.shows("Go on as dave, private server");
    desk.keys("5");
    desk.input(Input::PrivateReady(Ok(())));
    connects(&mut desk, Server::Private, "dave");
}

#[test]
fn a_busy_server_does_not_cost_the_remembered_login() {
    let mut desk = known();
    desk.keys("<Enter>");
    desk.wishes();
    desk.tell(Notice::State(LinkState::Ended(End::Refused(Fault::from(FaultCode::Busy)))));
    desk.shows("The server is busy");
    assert_eq!(desk.wishes(), []);
    desk.keys("<Esc>");
    desk.shows("Go on as Bob");
}

#[test]
fn help_lists_the_keys_of_the_page_it_was_opened_on() {
    let mut desk = Desk::fresh(SIZE, Language::English);
    desk.keys("<F1>");
    desk.shows("the private server");
    desk.hides("register");
    desk.keys("<Esc>2<F1>");
    desk.shows("next field, or send the form");
    desk.hides("password");
    desk.keys("ctrl-c");
    desk.shows("Ctrl-C");
    desk.hides("when pressed twice");
    desk.wishes();
    desk.keys("<C-c>");
    assert_eq!(desk.wishes(), [Effect::Quit]);
    let mut desk = known();
    desk.keys("<F1>");
    desk.shows("register");
    desk.keys("<Esc>1<F1>password");
    desk.shows("show or hide the password");
}

#[test]
fn hints_say_what_enter_does_at_this_field() {
    let mut desk = known();
    desk.keys("1");
    desk.shows("Enter next field");
    desk.keys("<Tab>");
    desk.shows("Enter log in");
    desk.keys("<Tab>");
    desk.shows("Enter log in   Space tick");
    desk.keys("<Esc>2");
    desk.shows("Enter next field");
    desk.keys("<Up><Up>");
    desk.shows("Enter register");
    desk.keys("<Esc><F2>");
    desk.shows("Enter connect");
    desk.hides("Tab");
}

#[test]
fn a_dialog_with_one_field_has_no_next_one() {
    let mut desk = Desk::inside(SIZE, Language::English);
    desk.keys("/topic<Enter>");
    desk.shows("Enter save   Esc cancel");
    desk.hides("Tab next");
}

#[test]
fn the_way_back_is_always_in_sight() {
    for ((columns, rows), language) in super::driver::everywhere() {
        for (name, scene) in super::door_scenes::DOOR {
            let mut desk = scene((columns, rows), language);
            if name.starts_with("menu") {
                continue;
            }
            let shown = desk.screen();
            let way_out = if name.starts_with("confirm") { "n " } else { "Esc " };
            assert!(shown.contains(way_out), "{name} {columns}x{rows}\n{shown}");
        }
    }
}

#[test]
fn the_menu_says_what_is_known_of_the_servers_key() {
    let link = |pin| LinkTarget { pin, ..LinkTarget::parse("chat.example.org").unwrap() };
    let known = vec![(
        server().address(),
        KnownKey { pin: PIN, since_ms: NOW_MS, vouched: false, next: None },
    )];
    let none = Vec::new();
    for (pin, known, text) in [
        (None, &none, "not connected yet"),
        (Some(PIN), &none, "key from the link, not yet seen"),
        (None, &known, "key pinned since 2026-11-22"),
        (Some(PIN), &known, "key pinned since 2026-11-22"),
        (Some(Pin([1; 32])), &known, "the link names another key"),
    ] {
        let server = Server::At(link(pin));
        let start = start(SIZE, Language::English);
        Desk::new(with(start, server, known.clone(), Vec::new())).shows(text);
    }
    let mut desk = self::known();
    desk.keys("<Enter>");
    let end = End::PinChanged { expected: PIN, found: Pin([1; 32]) };
    desk.tell(Notice::State(LinkState::Ended(end)));
    desk.keys("<Esc>");
    desk.shows("key changed: stopped");
}

#[test]
fn what_the_disk_does_not_take_is_said_where_one_is() {
    let full = |what| Input::NotStored {
        what,
        kind: std::io::ErrorKind::StorageFull,
        reason: "No space left on device (os error 28)".into(),
    };
    let mut desk = known();
    desk.keys("1alice");
    desk.input(full(Unstored::Key));
    desk.shows("The server's key cannot be kept on this computer: the disk");
    desk.hides("os error");
    desk.shows("alice");

    let mut desk = Desk::inside(SIZE, Language::English);
    desk.input(full(Unstored::Login));
    desk.shows("This login cannot be kept on this computer: the disk is full.");
    // A greeting does not push it away.
    desk.greet();
    desk.shows("This login cannot be kept");
}

#[test]
fn a_form_that_is_opened_anew_is_fresh() {
    let mut desk = known();
    desk.keys("2carol<Tab>Carol<Tab>short<Tab>other<Tab><Enter>");
    desk.shows("At least");
    desk.keys("<Esc>2");
    desk.hides("At least");
    desk.hides("not the same");
    desk.shows("carol");
    // One goes on where something is missing, not where one stopped.
    desk.keys("sea-otter-44<Tab>sea-otter-44<Enter>");
    let secret = Secret("sea-otter-44".into());
    let (user, name) = ("carol".to_owned(), "Carol".to_owned());
    let login = Login::Register { user, name, secret, invite: None, keep: true };
    assert!(desk.wishes().contains(&Effect::Connect(server(), login)));
}
