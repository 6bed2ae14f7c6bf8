//! Accounts: who may come in, and as whom.

use liao_client_core::{link::Credentials, notice::End};
use liao_common::{
    event::{Empty, Session},
    fault::{Fault, FaultCode},
    name::UserName,
    request::{Auth, Devices, Logout, Passwd, Register, Revoke, Secret, Token},
};
use liao_server::admin::{account::AddAccount, client};

use crate::support::{Person, World, refusal, register, secret};

async fn refused(world: &World, form: Register) -> FaultCode {
    match world.enters(Credentials::Register(form)).await {
        Err(fault) => fault.code,
        Ok(_) => panic!("this should have been refused"),
    }
}

#[tokio::test]
async fn somebody_registers_and_is_in_the_lobby() {
    let world = World::over_tls().await;
    let form =
        Register { user: " Ｚhangsan ".into(), name: "张三".into(), ..register("zhangsan") };
    let zhangsan = world.enters(Credentials::Register(form)).await.unwrap();
    let me = zhangsan.looks(|seen| seen.model.me.clone().unwrap());
    assert_eq!((me.id.as_str(), me.name.as_str(), me.admin), ("zhangsan", "张三", true));
    assert_eq!(zhangsan.looks(|seen| seen.room("#lobby").unwrap().members), 1);
    let second = world.registers("lisi").await;
    assert!(!second.looks(|seen| seen.model.me.clone().unwrap().admin));
    zhangsan.sees("#lobby", "lisi joined").await;
}

#[tokio::test]
async fn forms_are_refused_each_with_its_own_word() {
    let world = World::new().await;
    world.registers("alice").await;
    let weak = |password: &str| Register { secret: Secret(password.into()), ..register("bob") };
    let called = |user: &str| Register { user: user.into(), ..register("bob") };
    let named = |name: &str| Register { name: name.into(), ..register("bob") };
    for (form, want) in [
        (register("alice"), FaultCode::Taken),
        (called("ALICE "), FaultCode::Taken),
        (called(""), FaultCode::BadName),
        (called("two words"), FaultCode::BadName),
        (called("-dash"), FaultCode::BadName),
        (called("аlice"), FaultCode::BadName),
        (called(&"x".repeat(33)), FaultCode::BadName),
        (named("\u{1b}[31mred"), FaultCode::BadName),
        (named("left\u{202e}right"), FaultCode::BadName),
        (weak("short"), FaultCode::WeakPassword),
        (weak("password"), FaultCode::WeakPassword),
        (weak(""), FaultCode::WeakPassword),
    ] {
        assert_eq!(refused(&world, form.clone()).await, want, "{form:?}");
    }
    world.registers("bob").await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_the_same() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let mut faults = Vec::new();
    for (user, password) in [("alice", "wrong horse"), ("nobody", "wrong horse"), ("alice", "")] {
        faults.push(world.tries(user, password).await.err().expect("refused"));
    }
    assert_eq!(faults[0], Fault::from(FaultCode::Unauthenticated));
    assert!(faults.iter().all(|fault| *fault == faults[0]), "{faults:?}");
    world.tries("Alice", &secret("alice").0).await.unwrap();
}

/// One guess: what came back, and how many hashes it cost.
async fn guess(world: &World, user: &str, password: &str) -> (Vec<u8>, u64) {
    let mut raw = world.raw().await;
    raw.hello().await;
    let before = worked(world);
    let auth = Auth {
        mech: "password".into(),
        user: Some(user.into()),
        secret: Some(Secret(password.into())),
        ..Auth::default()
    };
    raw.sends(auth).await;
    let frame = raw.next().await.expect("an answer");
    (frame.body.to_vec(), worked(world) - before)
}

#[tokio::test]
async fn who_exists_is_told_neither_by_words_nor_by_work() {
    let mut world = World::new().await;
    for number in 0..10 {
        world.registers(&format!("user{number}")).await.goes().await;
    }
    // The first guess after a start is one like all others.
    world.restarts().await;
    let mut told = std::collections::BTreeSet::new();
    for number in 0..10 {
        let known = format!("user{number}");
        let unknown = format!("nobody{number}");
        let long = "x".repeat(1000);
        for (user, password) in [
            (unknown.as_str(), "wrong horse"),
            (known.as_str(), "wrong horse"),
            (known.as_str(), ""),
            ("not a name", "wrong horse"),
            (unknown.as_str(), ""),
            (known.as_str(), long.as_str()),
            (unknown.as_str(), long.as_str()),
        ] {
            let (words, hashes) = guess(&world, user, password).await;
            assert_eq!(hashes, 1, "{user} {password}");
            told.insert(words);
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn after_a_wrong_password_the_same_connection_may_try_again() {
    let world = World::new().await;
    world.registers("alice").await;
    let mut raw = world.raw().await;
    raw.hello().await;
    let auth = |password: Secret| Auth {
        mech: "password".into(),
        user: Some("alice".into()),
        secret: Some(password),
        ..Auth::default()
    };
    let fault = raw.asks::<Session>(auth(Secret("wrong horse".into()))).await.unwrap_err();
    assert_eq!((fault.code, fault.fatal), (FaultCode::Unauthenticated, false));
    let session = raw.asks::<Session>(auth(secret("alice"))).await.unwrap();
    assert_eq!(
        (session.dev.0, session.token),
        (0, None),
        "without a device's name nothing is kept"
    );
}

#[tokio::test]
async fn a_token_logs_in_until_its_device_logs_out() {
    let mut world = World::over_tls().await;
    let alice = world.registers("alice").await;
    let token = alice.token();
    alice.goes().await;
    world.restarts().await;
    let again = world.shows(token.clone()).await.unwrap();
    assert_eq!(again.looks(|seen| seen.model.me.clone().unwrap().id), "alice");
    again.asks(Logout {}).await.unwrap();
    assert_eq!(again.ends().await, End::LoggedOut);
    let fault = world.shows(token).await.err().expect("the token is void");
    assert!(matches!(fault.code, FaultCode::Unauthenticated | FaultCode::AuthRevoked), "{fault}");
    let fault = world.shows(Token(vec![7; 32])).await.err().expect("a made-up token");
    assert_eq!(fault.code, FaultCode::Unauthenticated);
    world.logs_in("alice").await;
}

#[tokio::test]
async fn a_new_password_logs_everybody_else_out() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let elsewhere = world.logs_in("alice").await;
    let mut nameless = world.raw().await;
    nameless.logs_in("alice", "").await;
    let new = Secret("another horse".into());
    let wrong = Passwd { old: Secret("wrong horse".into()), new: new.clone() };
    assert_eq!(refusal(alice.asks(wrong).await), FaultCode::Unauthenticated);
    let weak = Passwd { old: secret("alice"), new: Secret("alice".into()) };
    assert_eq!(refusal(alice.asks(weak).await), FaultCode::WeakPassword);
    alice.asks(Passwd { old: secret("alice"), new: new.clone() }).await.unwrap();

    assert!(
        matches!(elsewhere.ends().await, End::Refused(fault) if fault.code == FaultCode::AuthRevoked)
    );
    assert!(world.shows(elsewhere.token()).await.is_err(), "its token is void");
    assert_eq!(nameless.last_words().await, Some(FaultCode::AuthRevoked), "also without a device");
    alice.says("#lobby", "still here").await;
    let fault = world.tries("alice", &secret("alice").0).await.err().expect("the old password");
    assert_eq!(fault.code, FaultCode::Unauthenticated);
    world.tries("alice", &new.0).await.unwrap();
}

#[tokio::test]
async fn devices_are_listed_and_logged_out_one_by_one() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let other = world.logs_in("alice").await;
    let devices = alice.asks(Devices {}).await.unwrap().devices;
    assert_eq!(devices.iter().map(|device| device.here).collect::<Vec<_>>(), [true, false]);
    let stranger = world.registers("bob").await;
    let revoke = Revoke { dev: devices[1].dev };
    assert_eq!(refusal(stranger.asks(revoke.clone()).await), FaultCode::NotFound);
    alice.asks(revoke).await.unwrap();
    assert!(
        matches!(other.ends().await, End::Refused(fault) if fault.code == FaultCode::AuthRevoked)
    );
    assert_eq!(alice.asks(Devices {}).await.unwrap().devices.len(), 1);
}

#[tokio::test]
async fn many_password_changes_at_once_do_not_keep_others_out() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    let mut raw = world.raw().await;
    raw.logs_in("alice", "laptop").await;
    let mut asked = Vec::new();
    for _ in 0..16 {
        asked.push(raw.sends(Passwd { old: secret("alice"), new: secret("alice") }).await);
    }
    world.registers("bob").await;
    for rid in asked {
        raw.answer::<Empty>(rid).await.unwrap();
    }
}

#[tokio::test]
async fn a_registration_that_is_cut_off_makes_one_account() {
    let world = World::over_tls().await;
    for (number, bytes) in (1500..4500).step_by(150).enumerate() {
        let id = format!("somebody{number}");
        let network = world.network();
        network.breaks_after(bytes);
        let person = Person::start(network, Credentials::Register(register(&id)));
        let person = person.online().await.unwrap_or_else(|fault| panic!("{bytes}: {fault}"));
        assert_eq!(person.looks(|seen| seen.model.me.clone().unwrap().id), id);
        person.goes().await;
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_waited_for() {
    let mut world = World::new().await;
    let network = world.network();
    network.goes_down();
    let alice = Person::start(network.clone(), Credentials::Register(register("alice")));
    alice.waits_for("an attempt", |seen| !seen.states.is_empty()).await;
    world.stops().await;
    network.comes_up();
    world.starts().await;
    let alice = alice.online().await.unwrap();
    alice.says("#lobby", "finally").await;
}

/// The seed case: the administrator sets user `100` up with a password that nobody could choose.
async fn user_100_comes_and_goes(world: &World) {
    let watcher = world.registers("watcher").await;
    let fault = world.tries("100", "1234567").await.err().expect("a wrong password");
    assert_eq!(fault.code, FaultCode::Unauthenticated);
    let user = UserName::parse("100").unwrap();
    let secret = Secret("123456".into());
    let hundred = world.enters(Credentials::Password { user, secret }).await.unwrap();
    watcher.sees_online("100").await;
    hundred.says("#lobby", "good evening").await;
    watcher.sees("#lobby", "User 100: good evening").await;
    hundred.goes().await;
    watcher.sees_gone("100").await;
}

fn user_100() -> AddAccount {
    AddAccount { id: "100".into(), name: "User 100".into(), secret: Secret("123456".into()) }
}

#[tokio::test]
async fn the_administrator_adds_a_user_while_the_server_runs() {
    let world = World::over_tls().await;
    let added = client::add_account(world.data(), user_100()).await.unwrap();
    assert_eq!((added.id.as_str(), added.admin), ("100", true));
    user_100_comes_and_goes(&world).await;
    let error = client::add_account(world.data(), user_100()).await.unwrap_err();
    assert_eq!(error.to_string(), "this user id is taken");
}

#[tokio::test]
async fn the_administrator_adds_a_user_while_the_server_is_stopped() {
    let mut world = World::over_tls().await;
    world.stops().await;
    client::add_account(world.data(), user_100()).await.unwrap();
    world.starts().await;
    user_100_comes_and_goes(&world).await;
}

fn worked(world: &World) -> u64 {
    world.server(liao_server::server::Running::passwords_worked)
}

/// Logs in with a password once, and tells how many hashes that took.
async fn hashes_of_a_login(world: &World, device: &str) -> u64 {
    let before = worked(world);
    world.raw().await.logs_in("alice", device).await;
    worked(world) - before
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_hashing_has_become_dearer() {
    let mut world = World::new().await;
    let alice = world.registers("alice").await;
    let mut nameless = world.raw().await;
    nameless.logs_in("alice", "").await;
    for (device, passes) in [("", 2), ("laptop", 3)] {
        assert_eq!(hashes_of_a_login(&world, device).await, 1);
        world.changes(|config| config.hash_cost.passes = passes).await;
        assert_eq!(hashes_of_a_login(&world, device).await, 2, "verified, and hashed anew");
        assert_eq!(hashes_of_a_login(&world, device).await, 1);
    }
    assert_eq!(refusal(alice.asks(wrong_change()).await), FaultCode::Unauthenticated);
    let fault = world.tries("alice", "wrong horse").await.err().expect("refused");
    assert_eq!(fault.code, FaultCode::Unauthenticated);
    alice.says("#lobby", "nobody was logged out").await;
    world.shows(alice.token()).await.unwrap();
}

fn wrong_change() -> Passwd {
    Passwd { old: Secret("wrong horse".into()), new: Secret("another horse".into()) }
}

#[tokio::test]
async fn an_invite_is_used_once_also_by_many_at_the_same_time() {
    let world = World::with(|config| {
        config.rules.registration = liao_server::chat::hub::Registration::Invite;
    })
    .await;
    let ask = liao_server::admin::invite::AddInvite { uses: 2, days: 1 };
    let invited = client::add_invite(world.data(), ask).await.unwrap();
    let mut asked = Vec::new();
    for number in 0..8 {
        let mut raw = world.raw().await;
        raw.hello().await;
        let invite = Some(invited.code.clone());
        let rid = raw.sends(Register { invite, ..register(&format!("user{number}")) }).await;
        asked.push((raw, rid));
    }
    let mut came = 0;
    for (mut raw, rid) in asked {
        match raw.answer::<Session>(rid).await {
            Ok(_) => came += 1,
            Err(fault) => assert_eq!(fault.code, FaultCode::InviteRequired),
        }
    }
    assert_eq!(came, 2);
}

#[tokio::test]
async fn without_an_invite_nothing_tells_who_exists() {
    let mut world = World::new().await;
    world.registers("alice").await.goes().await;
    let by_invite = liao_server::chat::hub::Registration::Invite;
    world.changes(|config| config.rules.registration = by_invite).await;
    let mut faults = Vec::new();
    for id in ["alice", "nobody"] {
        let mut raw = world.raw().await;
        raw.hello().await;
        faults.push(raw.asks::<Session>(register(id)).await.unwrap_err());
    }
    assert_eq!(faults[0], faults[1]);
    assert_eq!(faults[0].code, FaultCode::InviteRequired);
}
