//! The pages of the way in, and the small boxes, for the pictures.

use liao_client_core::{
    address::{Address, LinkTarget},
    notice::{Cut, End, LinkState, Notice},
    tls::Shown,
    trust::ConnectError,
};
use liao_common::{
    fault::{Fault, FaultCode},
    id::Pin,
};

use super::{
    driver::{Desk, NOW_MS, busy, start, with},
    pictures::Scene,
};
use crate::{
    input::{Input, PrivateTrouble},
    view::server::{Account, KnownKey, Server},
    words::Language,
};

pub(super) const DOOR: &[Scene] = &[
    ("menu-first", Desk::fresh),
    ("menu-starting", menu_starting),
    ("menu-trouble", menu_trouble),
    ("menu-link", menu_link),
    ("menu-remembered", menu_remembered),
    ("menu-crowded", menu_crowded),
    ("menu-forget", menu_forget),
    ("menu-changed", menu_changed),
    ("menu-vouched", menu_vouched),
    ("address-empty", address_empty),
    ("address-wrong", address_wrong),
    ("trust-probing", trust_probing),
    ("trust-unreached", trust_unreached),
    ("trust-new", trust_new),
    ("trust-changed", trust_changed),
    ("trust-uncertified", trust_uncertified),
    ("trust-link", trust_link),
    ("register-empty", register_empty),
    ("register-errors", register_errors),
    ("register-weak", register_weak),
    ("register-invite", register_invite),
    ("login-empty", login_empty),
    ("login-waiting", login_waiting),
    ("login-refused", login_refused),
    ("login-remembered", login_remembered),
    ("help-door", help_door),
    ("dialog-password", dialog_password),
    ("dialog-topic", dialog_topic),
    ("confirm-lose", confirm_paste),
];

type Size = (u16, u16);

fn pinned(pin: Pin) -> Shown {
    Shown { pin, vouched: false }
}

fn at_server() -> Server {
    Server::At(LinkTarget::parse("chat.example.org").unwrap())
}

fn known() -> Vec<(Address, KnownKey)> {
    vec![(
        at_server().address(),
        KnownKey { pin: Pin([0xa5; 32]), since_ms: NOW_MS, vouched: false, next: None },
    )]
}

fn account(server: &Server, user: &str, name: &str) -> Account {
    Account { address: server.address(), user: user.into(), name: name.into() }
}

fn at_menu(size: Size, language: Language, accounts: Vec<Account>) -> Desk {
    Desk::new(with(start(size, language), at_server(), known(), accounts))
}

fn menu_starting(size: Size, language: Language) -> Desk {
    let mut desk = Desk::fresh(size, language);
    desk.keys("<Enter>");
    desk
}

fn menu_trouble(size: Size, language: Language) -> Desk {
    let mut desk = menu_starting(size, language);
    let folder = "/home/alice/.local/share/liao/private-server".into();
    desk.input(Input::PrivateReady(Err(PrivateTrouble::InUse(folder))));
    desk
}

fn menu_link(size: Size, language: Language) -> Desk {
    let target = format!("liao://chat.example.org:8888/?pin={}", "5a".repeat(32));
    let server = Server::At(LinkTarget::parse(&target).unwrap());
    Desk::new(with(start(size, language), server, Vec::new(), Vec::new()))
}

fn menu_remembered(size: Size, language: Language) -> Desk {
    at_menu(size, language, vec![account(&at_server(), "zhangsan", "张三")])
}

fn menu_forget(size: Size, language: Language) -> Desk {
    let mut desk = menu_remembered(size, language);
    desk.keys("<Del>");
    desk
}

fn menu_crowded(size: Size, language: Language) -> Desk {
    let here = [("zhangsan", "张三"), ("bob", "Bob"), ("carol", ""), ("operator", "值班管理员")];
    let mut accounts: Vec<Account> =
        here.iter().map(|(user, name)| account(&at_server(), user, name)).collect();
    accounts.push(account(&Server::Private, "alice", "Alice"));
    let mut desk = at_menu(size, language, accounts);
    desk.keys("<Down>");
    desk
}

fn menu_changed(size: Size, language: Language) -> Desk {
    let mut desk = trust_changed(size, language);
    desk.keys("<Esc>");
    desk
}

fn menu_vouched(size: Size, language: Language) -> Desk {
    let key = KnownKey { pin: Pin([0xa5; 32]), since_ms: NOW_MS, vouched: true, next: None };
    let known = vec![(at_server().address(), key)];
    Desk::new(with(start(size, language), at_server(), known, Vec::new()))
}

fn address_empty(size: Size, language: Language) -> Desk {
    let mut desk = Desk::fresh(size, language);
    desk.keys("2");
    desk
}

fn address_wrong(size: Size, language: Language) -> Desk {
    let mut desk = address_empty(size, language);
    desk.keys("chat.example.org:99999<Enter>");
    desk
}

fn trust_probing(size: Size, language: Language) -> Desk {
    let mut desk = Desk::new(with(start(size, language), at_server(), Vec::new(), Vec::new()));
    desk.keys("1");
    desk
}

fn trust_unreached(size: Size, language: Language) -> Desk {
    let mut desk = trust_probing(size, language);
    let result = Err(ConnectError::Refused);
    desk.input(Input::Probed { address: at_server().address(), result });
    desk
}

fn trust_new(size: Size, language: Language) -> Desk {
    let mut desk = trust_probing(size, language);
    desk.input(Input::Probed {
        address: at_server().address(),
        result: Ok(pinned(Pin([0x5a; 32]))),
    });
    desk
}

fn trust_changed(size: Size, language: Language) -> Desk {
    let mut desk = login_waiting(size, language);
    let end = End::PinChanged { expected: Pin([0xa5; 32]), found: Pin([0x5a; 32]) };
    desk.tell(Notice::State(LinkState::Ended(end)));
    desk
}

fn trust_uncertified(size: Size, language: Language) -> Desk {
    let mut desk = login_waiting(size, language);
    let end = End::Uncertified { found: Pin([0x5a; 32]) };
    desk.tell(Notice::State(LinkState::Ended(end)));
    desk
}

fn trust_link(size: Size, language: Language) -> Desk {
    let mut desk = login_waiting(size, language);
    let end = End::LinkMismatch { named: Pin([0xa5; 32]), found: Pin([0x5a; 32]) };
    desk.tell(Notice::State(LinkState::Ended(end)));
    desk
}

fn register_empty(size: Size, language: Language) -> Desk {
    let mut desk = at_menu(size, language, Vec::new());
    desk.keys("2");
    desk
}

fn register_errors(size: Size, language: Language) -> Desk {
    let mut desk = register_empty(size, language);
    desk.keys("a b<Tab>张三<Tab>correct horse<Tab>correct<Enter>");
    desk
}

fn register_weak(size: Size, language: Language) -> Desk {
    let mut desk = register_empty(size, language);
    desk.keys("bob<Tab><Tab>password1<Tab>password1<Enter><Enter>");
    let end = End::Refused(Fault::from(FaultCode::WeakPassword));
    desk.tell(Notice::State(LinkState::Ended(end)));
    desk
}

fn register_invite(size: Size, language: Language) -> Desk {
    let mut desk = register_empty(size, language);
    desk.keys("bob<Tab>Bob<Tab>correct horse<Tab>correct horse<Enter><Enter>");
    let end = End::Refused(Fault::from(FaultCode::InviteRequired));
    desk.tell(Notice::State(LinkState::Ended(end)));
    desk
}

fn login_empty(size: Size, language: Language) -> Desk {
    let mut desk = at_menu(size, language, Vec::new());
    desk.keys("1");
    desk
}

fn login_waiting(size: Size, language: Language) -> Desk {
    let mut desk = login_empty(size, language);
    desk.keys("alice<Tab>secret<Enter>");
    desk.tell(Notice::State(LinkState::LoggingIn));
    desk
}

fn login_refused(size: Size, language: Language) -> Desk {
    let mut desk = login_waiting(size, language);
    let end = End::Refused(Fault::from(FaultCode::Unauthenticated));
    desk.tell(Notice::State(LinkState::Ended(end)));
    desk
}

fn login_remembered(size: Size, language: Language) -> Desk {
    let mut desk = menu_remembered(size, language);
    desk.keys("<Enter>");
    let why = Cut::Refused;
    desk.tell(Notice::State(LinkState::Waiting { retry_in_ms: 4000, why }));
    desk
}

fn help_door(size: Size, language: Language) -> Desk {
    let mut desk = Desk::fresh(size, language);
    desk.keys("<F1>");
    desk
}

fn dialog_password(size: Size, language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("/password<Enter>old password<Tab>newpass");
    desk
}

fn dialog_topic(size: Size, language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.keys("/topic<Enter>");
    desk
}

fn confirm_paste(size: Size, language: Language) -> Desk {
    let mut desk = busy(size, language);
    desk.input(Input::Paste("one line\n".repeat(30)));
    desk
}
