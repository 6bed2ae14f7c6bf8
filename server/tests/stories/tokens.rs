//! Remembered logins: renewed now and then, never lost on the way, void when they should be, and
//! nowhere on the server's disk.

use std::{fs, path::Path};

use liao_client_core::notice::End;
use liao_common::{
    event::{DeviceList, Empty, Event, Session, Welcome},
    fault::{Fault, FaultCode},
    request::{Auth, Devices, Hello, Logout, Revoke, Token},
};

use crate::support::{Person, Raw, World, within};

fn with_token(token: &Token) -> Auth {
    Auth { mech: "token".into(), token: Some(token.clone()), ..Auth::default() }
}

/// A connection that has shown a token, and what the server says to it.
async fn shows(world: &World, role: Option<&str>, token: &Token) -> (Raw, Result<Session, Fault>) {
    let mut raw = world.raw().await;
    let role = role.map(str::to_owned);
    let hello = Hello { v: (1, 1), caps: Vec::new(), agent: String::new(), role };
    raw.asks::<Welcome>(hello).await.unwrap();
    let session = raw.asks(with_token(token)).await;
    (raw, session)
}

/// The new token that comes with a login, if any. The connection is gone when this returns.
async fn renews(world: &World, token: &Token) -> Result<Option<Token>, FaultCode> {
    let (mut raw, session) = shows(world, None, token).await;
    let session = session.map_err(|fault| fault.code)?;
    raw.stops_writing().await;
    raw.rest().await;
    Ok(session.token)
}

const VOID: Result<Option<Token>, FaultCode> = Err(FaultCode::Unauthenticated);

async fn somebody(world: &World) -> Token {
    let alice = world.registers("alice").await;
    let token = alice.token();
    let mut gone = shows(world, None, &token).await.0;
    alice.goes().await;
    gone.stops_writing().await;
    gone.rest().await;
    token
}

/// Restarts the server, which reads its journal again.
async fn reads_it_all_again(world: &mut World) {
    world.stops().await;
    fs::remove_dir_all(world.data().join("index")).unwrap();
    world.starts().await;
}

#[tokio::test]
async fn a_token_is_good_until_the_one_after_it_was_used() {
    let mut world = World::with(|config| config.rules.token_renewed_ms = 0).await;
    let first = somebody(&world).await;
    let lost = renews(&world, &first).await.unwrap().expect("a new one");
    let second = renews(&world, &first).await.unwrap().expect("the first is good still");
    assert_eq!(renews(&world, &lost).await, VOID, "only the newest is to come");
    reads_it_all_again(&mut world).await;
    assert_eq!(renews(&world, &lost).await, VOID);
    assert_eq!(renews(&world, &second).await, Ok(None), "it has arrived");
    assert_eq!(renews(&world, &first).await, VOID);
    reads_it_all_again(&mut world).await;
    assert_eq!(renews(&world, &first).await, VOID);
    let third = renews(&world, &second).await.unwrap().expect("and so on");
    let mut raw = shows(&world, None, &second).await.0;
    raw.asks::<Empty>(Logout {}).await.unwrap();
    for token in [first, lost, second, third] {
        assert_eq!(renews(&world, &token).await, VOID, "all of them went with the device");
    }
}

#[tokio::test]
async fn a_token_is_renewed_once_a_day_and_not_under_the_feet_of_others() {
    let mut world = World::new().await;
    let token = somebody(&world).await;
    assert_eq!(renews(&world, &token).await, Ok(None), "it is new");
    world.changes(|config| config.rules.token_renewed_ms = 0).await;
    for _ in 0..2 {
        let data = shows(&world, Some("data"), &token).await;
        assert_eq!(data.1.unwrap().token, None, "a connection for files gets none");
    }
    let (mut first, session) = shows(&world, None, &token).await;
    let new = session.unwrap().token.expect("alone, it gets a new one");
    let second = shows(&world, None, &token).await;
    assert_eq!(second.1.unwrap().token, None, "another program has the same token");
    let data = shows(&world, Some("data"), &new).await;
    assert_eq!(data.1.unwrap().token, None);
    assert!(shows(&world, None, &token).await.1.is_ok(), "files confirm nothing");
    first.asks::<Empty>(Logout {}).await.unwrap();
}

#[tokio::test]
async fn a_client_goes_on_with_its_newest_token() {
    let world = World::with(|config| config.rules.token_renewed_ms = 0).await;
    let alice = world.registers("alice").await;
    let (first, mut seen) = (alice.token(), 0);
    for round in 0..6 {
        let states = alice.looks(|person| person.states.len());
        alice.network.cut();
        let again = |person: &crate::support::Seen| person.states.len() > states + 4;
        alice.waits_for("a new connection", again).await;
        alice.says("#lobby", &format!("round {round}")).await;
        seen += u32::from(alice.token() != first);
    }
    assert!(seen > 0, "no token was renewed");
    let newest = alice.token();
    alice.goes().await;
    world.shows(newest).await.unwrap();
    assert_eq!(world.shows(first).await.err().unwrap().code, FaultCode::Unauthenticated);
}

#[tokio::test]
async fn a_login_that_nobody_used_for_long_ends() {
    let mut world = World::new().await;
    let token = somebody(&world).await;
    let bob = world.registers("bob").await;
    world.changes(|config| config.rules.token_idle_ms = 0).await;
    assert_eq!(renews(&world, &token).await, VOID);
    let mut raw = world.raw().await;
    raw.logs_in("alice", "").await;
    let devices: DeviceList = raw.asks(Devices {}).await.unwrap();
    assert!(devices.devices.is_empty(), "{devices:?}");
    world.changes(|config| config.rules.token_idle_ms = u64::MAX).await;
    assert_eq!(renews(&world, &token).await, Ok(None), "a clock that jumps destroys nothing");
    drop(bob);
}

#[tokio::test]
async fn a_full_disk_keeps_no_token_out() {
    let mut world = World::new().await;
    let token = somebody(&world).await;
    world
        .changes(|config| {
            config.rules.token_renewed_ms = 0;
            config.free_bytes_min = u64::MAX;
        })
        .await;
    assert_eq!(renews(&world, &token).await, Ok(None));
    world.changes(|config| config.free_bytes_min = 0).await;
    assert!(renews(&world, &token).await.unwrap().is_some());
}

/// Whether any file below the folder has these bytes.
fn has(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let found = |path: &Path| {
            let content = fs::read(path).unwrap();
            content.windows(bytes.len()).any(|part| part == bytes)
        };
        if kind.is_dir() {
            has(&entry.path(), bytes)
        } else {
            kind.is_file() && found(&entry.path())
        }
    })
}

#[tokio::test]
async fn the_servers_disk_has_nothing_to_log_in_with() {
    let world = World::with(|config| config.rules.token_renewed_ms = 0).await;
    let token = somebody(&world).await;
    let new = renews(&world, &token).await.unwrap().unwrap();
    world.stops().await;
    assert!(has(world.data(), blake3::hash(&token.0).as_bytes()), "this is how one looks");
    for secret in [&token.0[..], &new.0[..], b"correct horse of alice"] {
        assert!(!has(world.data(), secret));
    }
}

#[tokio::test]
async fn a_revoked_device_hears_nothing_more() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let mut thief = world.raw().await;
    let session = thief.logs_in("alice", "thief").await;
    thief.quiet().await;
    let stolen = session.token.unwrap();
    let data = shows(&world, Some("data"), &stolen).await;
    alice.says("#lobby", "before").await;
    alice.asks(Revoke { dev: session.dev }).await.unwrap();
    alice.says("#lobby", "after").await;
    let mut frames = within("the end", thief.rest()).await;
    frames.extend(
        within("the end of the connection for files", async move {
            let mut data = data.0;
            data.rest().await
        })
        .await,
    );
    for frame in frames {
        if let Some(Event::Message(message)) = Event::decode(&frame).unwrap() {
            assert_eq!(message.body.text.as_deref(), Some("before"));
        }
    }
    assert_eq!(renews(&world, &stolen).await, VOID);
    assert!(alice.looks(|seen| seen.ended().is_none()));
}

/// People of the storm; `LIAO_STORM` asks for more.
const STORM: usize = 40;

#[tokio::test]
async fn a_storm_of_reconnects_hashes_no_password() {
    let count = std::env::var("LIAO_STORM").ok().and_then(|n| n.parse().ok()).unwrap_or(STORM);
    let mut world = World::over_tls().await;
    let mut crowd = Vec::new();
    for number in 0..count {
        crowd.push(world.registers(&format!("user{number}")).await);
    }
    let listener = world.registers("listener").await;
    for round in 0..3 {
        // The count begins anew with the server.
        world.restarts().await;
        for person in &crowd {
            person.network.cut();
        }
        for (number, person) in crowd.iter().enumerate() {
            person.says("#lobby", &format!("{round}.{number}")).await;
        }
        let last = count - 1;
        listener.sees("#lobby", &format!("user{last}: {round}.{last}")).await;
        let worked = world.server(liao_server::server::Running::passwords_worked);
        assert_eq!(worked, 0, "tokens are enough");
    }
    let person: &Person = &crowd[0];
    assert!(!matches!(person.looks(|seen| seen.ended().cloned()), Some(End::Refused(_))));
}
