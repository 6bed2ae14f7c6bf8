//! Backups: made while people talk or while nobody does, verified, and good for a server that goes on
//! where the backup was made.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use liao_client_core::link::Credentials;
use liao_common::{
    codec,
    event::{self, Page},
    id::{DeviceId, Nonce, RoomId, Seq, UserId},
    message::{Body, Kind, Message},
    request::History,
};
use liao_server::{
    admin::{
        backup::{BackupError, backup, restore},
        check::check,
    },
    disk::RealDisk,
    journal::{Journal, JournalOptions, NewRecord},
    state::record,
};

use crate::support::{Person, World};

/// Every record of a journal that nobody has open: kind, body, whether its commit ends there.
fn records(data: &Path) -> Vec<(u8, Vec<u8>, bool)> {
    let disk = Arc::new(RealDisk::open(data.join("journal")).unwrap());
    let (journal, _) = Journal::open(disk, JournalOptions::new(0)).unwrap();
    let all = journal.reader().records(liao_server::journal::Position::START);
    all.map(|record| record.unwrap())
        .map(|record| (record.kind, record.body.to_vec(), record.last))
        .collect()
}

/// Another server, stopped and without its data.
async fn empty_place() -> World {
    let world = World::over_tls().await;
    world.stops().await;
    fs::remove_dir_all(world.data()).unwrap();
    world
}

async fn sends_a_file(alice: &Person) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a file");
    fs::write(&path, vec![7; 300_000]).unwrap();
    let id = alice.sends_file("#lobby", &path);
    alice.transferred(id).await;
    alice.waits_for("the offer", |seen| seen.messages.iter().any(|m| m.kind == Kind::File)).await;
}

async fn epoch(world: &World) -> String {
    world.raw().await.hello().await.epoch
}

/// What the lobby says.
async fn words(person: &Person) -> Vec<String> {
    let ask = History { room: RoomId::LOBBY, ..History::default() };
    let page: Page = person.asks(ask).await.unwrap();
    page.msgs.into_iter().filter_map(|message| message.body.text).collect()
}

#[tokio::test]
async fn a_stopped_server_is_copied_record_by_record() {
    let world = World::over_tls().await;
    let alice = world.registers("alice").await;
    alice.creates("#plan", true).await;
    for number in 0..50 {
        alice.says("#lobby", &format!("word {number}")).await;
    }
    sends_a_file(&alice).await;
    let (token, pin) = (alice.token(), world.server(liao_server::server::Running::pin));
    let told = epoch(&world).await;
    alice.goes().await;
    world.stops().await;
    let out = world.data().with_extension("backup");
    let made = backup(world.data(), &out).await.unwrap();
    let before = records(world.data());
    assert_eq!((made.records, made.files), (before.len() as u64, 1));
    assert!(matches!(backup(world.data(), &out).await, Err(BackupError::Occupied(_))));

    let mut place = empty_place().await;
    let restored = restore(&out, place.data()).await.unwrap();
    assert_eq!(restored, made);
    assert_eq!(records(place.data()), before);
    assert!(matches!(restore(&out, place.data()).await, Err(BackupError::Occupied(_))));
    place.starts().await;
    assert_eq!(place.server(liao_server::server::Running::pin), pin);
    let again = place.enters(Credentials::Token(token)).await.unwrap();
    assert_eq!(words(&again).await.last().map(String::as_str), Some("word 49"));
    assert_ne!(epoch(&place).await, told, "clients read anew");
    again.says("#lobby", "and on it goes").await;
    fs::remove_dir_all(out).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_copied_while_people_talk_and_take_back() {
    let world = World::over_tls().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let mut taken_back = Vec::new();
    for round in 0..4 {
        alice.says("#lobby", &format!("before {round}")).await;
        let secret = format!("a secret of round {round}");
        let of = alice.says("#lobby", &secret).await;
        let back = Body { of: Some(of), ..Body::default() };
        alice.posts("#lobby", Kind::Redact, back).await.unwrap();
        taken_back.push(secret);
        let out = world.data().with_extension(format!("backup{round}"));
        let talk = async {
            for number in 0..40 {
                let seq = bob.says("#lobby", &format!("meanwhile {round} {number}")).await;
                let back = Body { of: Some(seq), ..Body::default() };
                bob.posts("#lobby", Kind::Redact, back).await.unwrap();
            }
        };
        let (made, ()) = tokio::join!(backup(world.data(), &out), talk);
        made.unwrap();
        let mut place = empty_place().await;
        restore(&out, place.data()).await.unwrap();
        let copied = records(place.data());
        for secret in &taken_back {
            let has =
                |body: &[u8]| body.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!copied.iter().any(|(_, body, _)| has(body)), "{secret}");
        }
        let has = |body: &[u8], words: &str| {
            body.windows(words.len()).any(|part| part == words.as_bytes())
        };
        let words = format!("before {round}");
        assert!(copied.iter().any(|(_, body, _)| has(body, &words)), "acknowledged before");
        place.starts().await;
        place.logs_in("bob").await.says("#lobby", "and on it goes").await;
        fs::remove_dir_all(out).unwrap();
    }
}

/// Says in a journal that nobody has open that a message is taken back, and erases nothing: so it is
/// found by whoever reads it in that moment.
fn asks_to_erase(data: &Path, of: Seq, by: UserId) {
    let disk = Arc::new(RealDisk::open(data.join("journal")).unwrap());
    let (mut journal, _) = Journal::open(disk, JournalOptions::new(0)).unwrap();
    let message = Message {
        room: RoomId::LOBBY,
        seq: Seq(of.0 + 2),
        n: 2,
        at_ms: 1,
        from: by,
        device: DeviceId(1),
        cid: Nonce([9; 16]),
        kind: Kind::Redact,
        body: Body { of: Some(of), ..Body::default() },
    };
    let body = codec::frame(event::kind::MSG, 0, &message);
    journal.stage(&[NewRecord { kind: record::kind::MESSAGE, body }]).unwrap();
    journal.sync().unwrap();
}

#[tokio::test]
async fn words_copied_before_their_erasure_are_not_in_a_backup() {
    let world = World::over_tls().await;
    let alice = world.registers("alice").await;
    let of = alice.says("#lobby", "a secret").await;
    let change = Body { of: Some(of), ..Body::text("a changed one") };
    alice.posts("#lobby", Kind::Edit, change).await.unwrap();
    let by = alice.number();
    alice.goes().await;
    world.stops().await;
    asks_to_erase(world.data(), of, by);
    let out = world.data().with_extension("backup");
    let made = backup(world.data(), &out).await.unwrap();
    let mut place = empty_place().await;
    assert_eq!(restore(&out, place.data()).await.unwrap(), made);
    for words in ["a secret", "a changed one"] {
        let has = |folder: &Path| {
            records(folder)
                .iter()
                .any(|(_, body, _)| body.windows(words.len()).any(|part| part == words.as_bytes()))
        };
        assert!(has(world.data()), "this is how one looks");
        assert!(!has(&out) && !has(place.data()), "{words}");
    }
    place.starts().await;
    assert_eq!(words(&place.logs_in("alice").await).await.concat().trim(), "");
    fs::remove_dir_all(out).unwrap();
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[tokio::test]
async fn a_spoiled_backup_is_not_restored() {
    let world = World::over_tls().await;
    let alice = world.registers("alice").await;
    alice.says("#lobby", "a word").await;
    sends_a_file(&alice).await;
    let out = world.data().with_extension("backup");
    backup(world.data(), &out).await.unwrap();
    let place = empty_place().await;
    let all = files(&out);
    assert_eq!(all.len(), 4, "{all:?}");
    for path in all {
        let sound = fs::read(&path).unwrap();
        // Behind the header of a segment, whose spare bytes mean nothing.
        for at in [40, sound.len() / 2, sound.len() - 1] {
            let mut spoiled = sound.clone();
            spoiled[at] ^= 1;
            fs::write(&path, &spoiled).unwrap();
            let refused = restore(&out, place.data()).await;
            assert!(refused.is_err(), "{} at {at}", path.display());
            assert!(!place.data().exists(), "nothing was begun");
        }
        fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        assert!(restore(&out, place.data()).await.is_err(), "{} cut", path.display());
        fs::remove_file(&path).unwrap();
        assert!(restore(&out, place.data()).await.is_err(), "{} gone", path.display());
        fs::write(&path, sound).unwrap();
    }
    restore(&out, place.data()).await.unwrap();
    fs::remove_dir_all(out).unwrap();
}

#[tokio::test]
async fn there_is_no_backup_of_nothing() {
    let world = World::over_tls().await;
    let out = world.data().with_extension("backup");
    let nowhere = world.data().join("nowhere");
    let nothing = backup(&nowhere, &out).await;
    assert!(matches!(nothing, Err(BackupError::Nothing { .. })), "{nothing:?}");
    assert!(!nowhere.exists() && !out.exists());
    let nothing = restore(&nowhere, &out).await;
    assert!(matches!(nothing, Err(BackupError::Nothing { .. })), "{nothing:?}");
    assert!(!out.exists());
}

/// What `check` says of a folder, and whether it is damaged.
fn checks(world: &World) -> (String, bool) {
    let findings = check(world.data()).unwrap();
    (findings.lines.join("\n"), findings.damaged)
}

#[tokio::test]
async fn check_names_what_is_wrong_and_what_a_start_would_do() {
    let world = World::over_tls().await;
    let alice = world.registers("alice").await;
    sends_a_file(&alice).await;
    world.stops().await;
    let data = world.data();
    let (said, damaged) = checks(&world);
    assert!(
        !damaged && said.contains("sound records") && said.contains("blobs: 1 sound"),
        "{said}"
    );
    assert!(said.contains("tls/key.pem: sound"), "{said}");

    fs::remove_dir_all(data.join("index")).unwrap();
    fs::write(data.join("journal/overwrite.redo"), b"torn").unwrap();
    let (said, damaged) = checks(&world);
    assert!(!damaged && said.contains("makes it anew"), "{said}");
    assert!(said.contains("an erasure was interrupted"), "{said}");

    let blob = files(&data.join("blobs")).remove(0);
    fs::write(&blob, b"other bytes").unwrap();
    let (said, damaged) = checks(&world);
    assert!(damaged && said.contains(&blob.display().to_string()), "{said}");
    let out = data.with_extension("backup");
    let made = backup(data, &out).await.unwrap();
    assert_eq!((made.files, made.damaged.len()), (0, 1), "it is left out and named");
    fs::remove_dir_all(out).unwrap();
    fs::remove_file(&blob).unwrap();

    fs::remove_file(data.join("tls/key.pem")).unwrap();
    let (said, damaged) = checks(&world);
    assert!(damaged && said.contains("does not start without it"), "{said}");
}
