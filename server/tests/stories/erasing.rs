//! Taking back a file: what only its offer had is gone from the server's disk, what others have stays.

use std::{fs, path::Path};

use liao_client_core::transfer::Phase;
use liao_common::{
    fault::FaultCode,
    id::{Hash, Seq},
    message::{Body, Kind},
    request::FileGet,
};

use crate::support::{Person, World, refusal};

const CONTENT: &[u8] = b"the content of a file that will be regretted";

/// Offers a file of this name and gives the place of the offer.
async fn offers(person: &Person, name: &str) -> Seq {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, CONTENT).unwrap();
    let transfer = person.sends_file("#lobby", &path);
    assert!(matches!(person.transferred(transfer).await, Phase::Done { .. }));
    person.waits_for(name, |seen| place(seen, name).is_some()).await;
    person.looks(|seen| place(seen, name)).unwrap()
}

fn place(seen: &crate::support::Seen, name: &str) -> Option<Seq> {
    let mut messages = seen.messages.iter().rev();
    messages.find(|message| message.body.name.as_deref() == Some(name)).map(|message| message.seq)
}

async fn takes_back(person: &Person, of: Seq) {
    let body = Body { of: Some(of), ..Body::default() };
    person.posts("#lobby", Kind::Redact, body).await.unwrap();
}

fn blob(data: &Path) -> std::path::PathBuf {
    let name = Hash(blake3::hash(CONTENT).into()).to_string();
    data.join("blobs").join(&name[..2]).join(&name[2..4]).join(name)
}

/// Whether the journal or the index has these bytes.
fn is_on_disk(data: &Path, words: &str) -> bool {
    ["journal", "index"].iter().any(|folder| {
        let files = fs::read_dir(data.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let contents = files.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap());
        contents
            .into_iter()
            .any(|bytes| bytes.windows(words.len()).any(|part| part == words.as_bytes()))
    })
}

#[tokio::test]
async fn a_file_taken_back_goes_with_its_name_and_its_content() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let (hers, his) = (offers(&alice, "her plan.txt").await, offers(&bob, "his plan.txt").await);
    assert!(blob(world.data()).exists() && is_on_disk(world.data(), "her plan.txt"));
    takes_back(&alice, hers).await;
    assert!(!is_on_disk(world.data(), "her plan.txt"), "the name is gone");
    assert!(blob(world.data()).exists(), "bob still offers the same content");
    let into = tempfile::tempdir().unwrap();
    let fetched = alice.fetches("#lobby", "his plan.txt", into.path());
    assert!(matches!(alice.transferred(fetched).await, Phase::Done { .. }));
    takes_back(&bob, his).await;
    assert!(!blob(world.data()).exists() && !is_on_disk(world.data(), "his plan.txt"));

    // A crash came before the content was removed.
    world.stops().await;
    fs::write(blob(world.data()), CONTENT).unwrap();
    world.starts().await;
    assert!(!blob(world.data()).exists());
    offers(&alice, "her plan, again.txt").await;
    world.restarts().await;
    assert!(blob(world.data()).exists(), "it was stored anew");
}

#[tokio::test]
async fn a_file_offered_twice_is_there_as_long_as_one_offer_stands() {
    let mut world = World::new().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    let first = offers(&alice, "plan.txt").await;
    let fid = alice.looks(|seen| seen.offer("#lobby", "plan.txt").fid);
    let body = Body { fid: Some(fid), ..Body::default() };
    let second = alice.posts("#lobby", Kind::File, body).await.unwrap().seq;
    takes_back(&alice, second).await;
    bob.asks(FileGet { fid, off: 0 }).await.unwrap();
    let body = Body { fid: Some(fid), ..Body::default() };
    let third = alice.posts("#lobby", Kind::File, body).await.unwrap().seq;
    takes_back(&alice, first).await;
    bob.asks(FileGet { fid, off: 0 }).await.unwrap();
    world.stops().await;
    fs::remove_dir_all(world.data().join("index")).unwrap();
    world.starts().await;
    let fresh = world.logs_in("bob").await;
    fresh.asks(FileGet { fid, off: 0 }).await.unwrap();
    takes_back(&alice, third).await;
    for person in [&alice, &fresh] {
        let refused = person.asks(FileGet { fid, off: 0 }).await;
        assert_eq!(refusal(refused), FaultCode::NotFound);
    }
    assert!(!blob(world.data()).exists());
}
