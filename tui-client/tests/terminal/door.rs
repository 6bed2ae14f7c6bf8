//! The way in: refusals at the field they are about, the account that an administrator made, languages, and
//! servers that are none.

use std::{io::Write as _, net::TcpListener, thread};

use liao::words::Language;
use liao_common::request::Secret;
use liao_server::admin::{account::AddAccount, client::add_account};

use crate::driver::{Key, Opening, PASSWORD, Town, filled, first_sentence, word, word_in};

#[test]
fn a_refused_login_stays_at_the_form_and_tells_nothing_about_who_exists() {
    let town = Town::new();
    town.registers("alice", "Alice").quits();
    let refused = first_sentence("fault.unauthenticated");
    for (user, password) in [("alice", "not her password"), ("nobody", PASSWORD)] {
        let mut terminal = Opening::at(&town.home("stranger")).with(&[&town.link()]).opens();
        terminal.logs_in(user, password);
        terminal.waits_for_all(&[word("field.user"), user, word("field.password"), refused]);
        terminal.quits();
    }
    let mut alice = Opening::at(&town.home("stranger")).with(&[&town.link()]).opens();
    alice.logs_in("alice", "not her password");
    alice.waits_for(refused);
    alice.presses(Key::Ctrl('u'));
    alice.enters(PASSWORD);
    alice.is_in("#lobby");
    alice.quits();
}

#[test]
fn a_refused_registration_says_so_at_the_field_and_keeps_what_was_typed() {
    let town = Town::new();
    let alice = town.registers("alice", "Alice");
    let mut other = town.opens("other");
    other.chooses("2");
    other.waits_for(word("field.password_again"));
    let [user, name, password, again] =
        ["field.user", "field.name", "field.password", "field.password_again"].map(word);

    other.fills_in(&["alice", "Another", PASSWORD, PASSWORD]);
    other.waits_for_all(&[user, "alice", word("fault.taken"), name, "Another", password]);
    other.presses(Key::Ctrl('u'));
    other.fills_in(&["other", "", "", ""]);
    other.is_in("#lobby");
    alice.sees_online("Another");
    other.quits();

    let mut weak = town.opens("weak");
    weak.chooses("2");
    weak.waits_for(again);
    weak.fills_in(&["weak", "", "short", "short"]);
    let short = filled("invalid.password_short", &[("count", &8)]);
    weak.waits_for_all(&[user, name, password, &short, again]);
    weak.presses(Key::Ctrl('u'));
    // It is said before anything is sent.
    weak.types("Password1");
    weak.presses(Key::Tab);
    weak.waits_for_all(&[user, name, password, word("fault.weak_password"), again]);
    weak.types("Password1");
    weak.presses(Key::Enter);
    weak.waits_for_all(&[user, name, password, word("fault.weak_password"), again]);
    alice.quits();
    weak.presses(Key::Ctrl('u'));
    weak.fills_in(&[PASSWORD, ""]);
    weak.waits_for_all(&[again, word("invalid.passwords_differ")]);
    weak.presses(Key::Ctrl('u'));
    weak.enters(PASSWORD);
    weak.is_in("#lobby");
    weak.quits();
}

#[test]
fn the_account_that_the_administrator_made_logs_in_and_others_see_it_come_and_go() {
    let town = Town::new();
    let watcher = town.registers("watcher", "Watcher");
    let account =
        AddAccount { id: "100".into(), name: "一百".into(), secret: Secret("123456".into()) };
    town.runtime().block_on(add_account(town.data(), account)).unwrap();

    let mut seed = town.opens("100");
    seed.logs_in("100", "654321");
    seed.waits_for(first_sentence("fault.unauthenticated"));
    assert!(watcher.has_never_seen("● 一百"), "a wrong password does not log in");
    seed.presses(Key::Ctrl('u'));
    seed.enters("123456");
    seed.is_in("#lobby");
    watcher.sees_online("一百");
    seed.sees_online("Watcher");
    seed.quits();
    watcher.sees_gone("一百");
    watcher.quits();
}

#[test]
fn the_language_is_that_of_the_locale_until_a_key_changes_it() {
    let town = Town::new();
    let chinese = |key| word_in(Language::Chinese, key);
    let open = || {
        let opening = Opening::at(&town.home("wang")).locale("LANG", "zh_CN.UTF-8");
        opening.with(&[&town.link()]).opens()
    };
    let mut wang = open();
    wang.waits_for_all(&["登录", "注册", "退出"]);
    wang.chooses_in(Language::Chinese, "2");
    wang.waits_for(chinese("field.password_again"));
    wang.presses(Key::F(3));
    wang.waits_for(word("field.password_again"));
    wang.presses(Key::F(3));
    wang.waits_for(chinese("field.password_again"));
    wang.fills_in(&["wang", "老王", PASSWORD, PASSWORD]);
    wang.waits_for("老王，欢迎！");
    wang.enters("你好，世界");
    wang.waits_for("你好，世界");
    wang.enters("/language en");
    wang.waits_for(filled("composer.placeholder_to", &[("room", &"#lobby")]));
    wang.quits();

    let wang = open();
    wang.waits_for(filled("menu.remembered", &[("name", &"老王 (wang)")]));
    wang.quits();
}

#[test]
fn servers_that_are_none_get_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let garbage = TcpListener::bind("127.0.0.1:0").unwrap();
    let talker = garbage.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in garbage.incoming() {
            // It may have heard enough before all is said.
            let _ = stream.and_then(|mut stream| stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n"));
        }
    });
    for (addr, key) in [(nobody, "connect.refused"), (talker, "connect.tls")] {
        let mut alice = Opening::at(home.path()).with(&[&addr]).opens();
        alice.chooses("1");
        alice.waits_for_all(&[word("trust.unreached"), &filled(key, &[("address", &addr)])]);
        alice.presses(Key::Esc);
        alice.waits_for_all(&[word("menu.quit"), word("menu.start_server")]);
        alice.quits();
    }
}

#[test]
fn a_server_that_comes_late_is_reached_by_trying_again() {
    let mut town = Town::new();
    let addr = town.addr().to_string();
    town.stops();
    let mut alice = Opening::at(&town.home("alice")).opens();
    alice.chooses("2");
    alice.waits_for(word("server.address"));
    alice.enters(&addr);
    alice.waits_for(filled("connect.refused", &[("address", &addr)]));
    // Nothing is meant by a server that nobody has met: the first choices are there again.
    alice.presses(Key::Esc);
    alice.waits_for_all(&[word("menu.start_server"), word("menu.connect_server")]);
    alice.chooses("2");
    alice.waits_for(&addr);
    alice.presses(Key::Enter);
    alice.waits_for(word("trust.unreached"));
    town.starts();
    alice.presses(Key::Enter);
    alice.waits_for_all(&[word("trust.title"), &town.key_words()]);
    alice.types("y");
    alice.registers("alice", "Alice");
    alice.quits();
}

#[test]
fn line_mode_asks_for_the_password_and_does_not_show_it() {
    let town = Town::new();
    town.registers("alice", "Alice").quits();
    let (addr, pin) = (town.addr().to_string(), town.pin().unwrap().to_string());
    let arguments = ["plain", "--server", &addr, "--pin", &pin, "--user", "alice"];
    let opens = || {
        let opening = Opening::at(&town.home("alice")).with(&arguments);
        let terminal = opening.with(&["--password-file", "-"]).opens();
        terminal.waits_for(filled("cli.password_prompt", &[("user", &"alice")]));
        terminal
    };
    let mut alice = opens();
    alice.types("half of it");
    alice.presses(Key::Ctrl('c'));
    alice.waits_until_left();
    assert!(alice.has_never_seen("half of it"));
    let mut alice = opens();
    alice.enters(PASSWORD);
    alice.waits_for("you write to #lobby");
    assert!(alice.has_never_seen(PASSWORD));
}
