use std::{
    fs,
    path::{Path, PathBuf},
};

use liao_common::{
    event::{Empty, Event, FileAck, FileData, FileFound, FileOpened, FileStored, Posted, kind},
    fault::FaultCode,
    frame::Frame,
    id::{FileId, Hash, RoomId, Seq},
    limits::{CHUNK_BYTES, WINDOW_BYTES},
    message::Kind,
    request::{FileCancel, FileDone, FileGet, FileOpen, Send, Token},
};
use tokio::time::Duration;

use super::*;
use crate::{
    connection::Connection,
    entropy::SystemEntropy,
    fake::{FakeServer, Peer, fake, room, soon},
    handle::{Handle, PostError},
    link::{Credentials, Link, LinkConfig},
    notice::Queued,
    transfer::{Transfer, Transfers},
};

const X: u64 = 1;
const FID: FileId = FileId(9);

struct Story {
    handle: Handle,
    notices: mpsc::Receiver<Notice>,
    server: FakeServer,
    chat: Peer,
    dir: tempfile::TempDir,
}

async fn story() -> Story {
    story_in(tempfile::tempdir().unwrap(), None).await
}

/// One that keeps its transfers in this directory.
async fn kept_story(dir: tempfile::TempDir) -> Story {
    let shelf = Shelf::at(dir.path().join("shelf"));
    story_in(dir, Some(shelf)).await
}

async fn story_in(dir: tempfile::TempDir, shelf: Option<Shelf>) -> Story {
    let (dialer, mut server) = fake();
    let credentials = Credentials::Token(Token(vec![1]));
    let mut config = LinkConfig::new(dialer, credentials, "test/1");
    config.shelf = shelf;
    let (handle, notices) = Link::start(config);
    let (chat, _) = server.accept_synced(&[room(1, 0)]).await;
    Story { handle, notices, server, chat, dir }
}

impl Story {
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn upload(&self, path: &Path) -> TransferId {
        let job = UploadJob { room: RoomId(1), path: path.to_owned(), media: String::new() };
        self.handle.upload(job).unwrap()
    }

    fn downloads(&self) -> PathBuf {
        self.dir.path().join("downloads")
    }

    fn job(&self, name: &str, bytes: &[u8]) -> DownloadJob {
        DownloadJob {
            room: RoomId(1),
            fid: FID,
            name: name.to_owned(),
            size: bytes.len() as u64,
            hash: hash(bytes),
            dir: self.downloads(),
        }
    }

    /// A data connection, logged in.
    async fn data(&mut self) -> Peer {
        self.server.accept_data().await
    }

    /// The chat connection stays, and only its pings are answered from here on.
    fn leave_chat_alone(&mut self) {
        let nothing = Peer(Connection::new(Box::new(tokio::io::duplex(1).0)));
        let mut chat = std::mem::replace(&mut self.chat, nothing);
        tokio::spawn(async move { chat.expect_end().await });
    }

    /// The program ends; what it had in its directory stays.
    async fn leave(mut self) -> tempfile::TempDir {
        self.handle.close().await;
        drop(self.handle);
        drop(self.chat);
        // The desk of transfers is the last that lets go.
        soon(async { while self.notices.recv().await.is_some() {} }).await;
        self.dir
    }

    /// What the list of transfers says of the first one that stands still or has failed.
    async fn listed(&mut self) -> Transfer {
        let mut transfers = Transfers::default();
        soon(async {
            loop {
                if let Notice::Transfer(notice) =
                    self.notices.recv().await.expect("the link is gone")
                {
                    let told = matches!(
                        notice.change,
                        TransferChange::Moved { .. }
                            | TransferChange::Phase { phase: Phase::Failed(_), .. }
                    );
                    transfers.apply(&notice);
                    if told {
                        return transfers.find(notice.id).unwrap().clone();
                    }
                }
            }
        })
        .await
    }

    /// The phase in which a transfer comes to rest.
    async fn rest(&mut self, id: TransferId) -> Phase {
        self.phase(id, |phase| phase.is_over() || *phase == Phase::Paused).await
    }

    async fn phase(&mut self, id: TransferId, wanted: impl Fn(&Phase) -> bool) -> Phase {
        soon(async {
            loop {
                let notice = self.notices.recv().await.expect("the link is gone");
                if let Notice::Transfer(TransferNotice {
                    id: of,
                    change: TransferChange::Phase { phase, .. },
                }) = notice
                    && of == id
                    && wanted(&phase)
                {
                    return phase;
                }
            }
        })
        .await
    }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

fn hash(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}

fn piece(frame: &Frame) -> FileData {
    match Event::decode(frame).unwrap() {
        Some(Event::FileData(piece)) => piece,
        other => panic!("{other:?}"),
    }
}

/// Answers `file.open` and takes pieces until `stored` has `until` bytes.
async fn take(peer: &mut Peer, stored: &mut Vec<u8>, until: usize) -> FileOpen {
    let (rid, open) = peer.expect::<FileOpen>().await;
    peer.ok(rid, &FileOpened { x: X, off: stored.len() as u64 });
    let mut acked = stored.len() as u64;
    while stored.len() < until {
        let piece = piece(&peer.frame().await.unwrap());
        assert_eq!((piece.x, piece.o), (X, stored.len() as u64), "in order, from the offset");
        stored.extend_from_slice(&piece.d);
        assert!(piece.d.len() <= CHUNK_BYTES && stored.len() as u64 <= acked + WINDOW_BYTES);
        if stored.len() as u64 - acked >= WINDOW_BYTES / 2 || stored.len() as u64 == open.size {
            acked = stored.len() as u64;
            peer.event(kind::FACK, &FileAck { x: X, o: acked }).await;
        }
    }
    open
}

async fn store(peer: &mut Peer) {
    let (rid, done) = peer.expect::<FileDone>().await;
    assert_eq!(done.x, X);
    peer.ok(rid, &FileStored { fid: FID });
    peer.flush().await;
}

/// Answers `file.get` and sends pieces of `content` up to `until`, within the window.
async fn give(peer: &mut Peer, content: &[u8], until: usize) -> u64 {
    let (rid, asked) = peer.expect::<FileGet>().await;
    let found =
        FileFound { x: X, size: content.len() as u64, b3: hash(content), name: "whatever".into() };
    peer.ok(rid, &found);
    let mut at = usize::try_from(asked.off).unwrap();
    let mut acked = at;
    while at < until {
        let end = (at + CHUNK_BYTES).min(until);
        while end as u64 > acked as u64 + WINDOW_BYTES {
            acked = usize::try_from(ack(&peer.frame().await.unwrap())).unwrap();
        }
        let piece = FileData { x: X, o: at as u64, d: content[at..end].to_vec() };
        peer.event(kind::FDAT, &piece).await;
        at = end;
    }
    while until == content.len() && acked < until {
        acked = usize::try_from(ack(&peer.frame().await.unwrap())).unwrap();
    }
    asked.off
}

fn ack(frame: &Frame) -> u64 {
    match Event::decode(frame).unwrap() {
        Some(Event::FileAck(ack)) => ack.o,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_ends_in_a_message_that_offers_the_file() {
    let mut story = story().await;
    let content = bytes(3 * usize::try_from(WINDOW_BYTES).unwrap() + 5);
    let path = story.file("报告 .pdf", &content);
    let id = story.upload(&path);
    let mut data = story.data().await;
    let mut stored = Vec::new();
    let open = take(&mut data, &mut stored, content.len()).await;
    assert_eq!((open.b3, open.name.as_str()), (hash(&content), "报告 .pdf"));
    store(&mut data).await;
    let (rid, send) = story.chat.expect::<Send>().await;
    assert_eq!((send.kind, send.body.fid, send.body.b3), (Kind::File, Some(FID), Some(open.b3)));
    assert_eq!((send.body.size, stored), (Some(content.len() as u64), content));
    story.chat.ok(rid, &Posted { seq: Seq(1), at_ms: 1, dup: false });
    assert_eq!(story.rest(id).await, Phase::Done { fid: FID, path });
}

#[tokio::test(start_paused = true)]
async fn an_empty_file_is_a_file() {
    let mut story = story().await;
    let path = story.file("empty", b"");
    let id = story.upload(&path);
    let mut data = story.data().await;
    take(&mut data, &mut Vec::new(), 0).await;
    store(&mut data).await;
    story.chat.expect::<Send>().await;
    assert!(matches!(story.rest(id).await, Phase::Done { .. }));

    let job = story.job("nothing", b"");
    let id = story.handle.download(job).unwrap();
    let Phase::Done { path, .. } = story.rest(id).await else { panic!() };
    assert_eq!(fs::read(path).unwrap(), b"");
}

/// Answers pings and nothing else, for so long.
async fn only_pings(peer: &mut Peer, seconds: u64) -> usize {
    let mut pings = 0;
    let _ = tokio::time::timeout(Duration::from_secs(seconds), async {
        while let Ok(stepped) = peer.0.step(true).await {
            let Some(frame) = stepped else { continue };
            if let Ok(Some(Event::Ping(ping))) = Event::decode(&frame) {
                peer.0.pong(ping);
                pings += 1;
            }
        }
    })
    .await;
    pings
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_and_there_is_not_left() {
    let mut story = story().await;
    story.leave_chat_alone();
    let content = bytes(9);
    let path = story.file("slow.bin", &content);
    let id = story.upload(&path);
    let mut data = story.data().await;
    let (rid, _) = data.expect::<FileOpen>().await;
    data.ok(rid, &FileOpened { x: X, off: 0 });
    assert_eq!(piece(&data.frame().await.unwrap()).d, content);
    assert!(only_pings(&mut data, 300).await >= 10);
    data.event(kind::FACK, &FileAck { x: X, o: 9 }).await;
    store(&mut data).await;
    let over = story.phase(id, |phase| phase.is_over() || *phase == Phase::Cut).await;
    assert_eq!(over, Phase::Done { fid: FID, path });
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_left() {
    let mut story = story().await;
    story.leave_chat_alone();
    let path = story.file("silent.bin", &bytes(9));
    let id = story.upload(&path);
    let mut data = story.data().await;
    let (rid, _) = data.expect::<FileOpen>().await;
    data.ok(rid, &FileOpened { x: X, off: 0 });
    piece(&data.frame().await.unwrap());
    let before = clock::now();
    story.phase(id, |phase| *phase == Phase::Cut).await;
    let after = clock::ms_since(before);
    assert!((45_000..46_000).contains(&after), "{after}");
    drop(data);
    take(&mut story.data().await, &mut Vec::new(), 9).await;
}

#[tokio::test(start_paused = true)]
async fn a_cut_upload_goes_on_where_it_was() {
    let mut story = story().await;
    let content = bytes(2_000_000);
    let path = story.file("a", &content);
    let id = story.upload(&path);
    let mut stored = Vec::new();
    for until in [700_000, 1_500_000, content.len()] {
        let mut data = story.data().await;
        take(&mut data, &mut stored, until).await;
        if until < content.len() {
            drop(data);
            story.phase(id, |phase| *phase == Phase::Cut).await;
        } else {
            store(&mut data).await;
        }
    }
    story.chat.expect::<Send>().await;
    assert!(matches!(story.rest(id).await, Phase::Done { .. }));
    assert_eq!(stored, content);
}

/// A transfer that has begun, with acknowledgements that come at once up to `acked`.
async fn acknowledged(story: &mut Story, acked: u64) -> (TransferId, Peer) {
    let path = story.file("a", &bytes(2_000_000));
    let id = story.upload(&path);
    let mut data = story.data().await;
    let (rid, _) = data.expect::<FileOpen>().await;
    data.ok(rid, &FileOpened { x: X, off: 0 });
    // All that may be sent without an acknowledgement.
    for _ in 0..WINDOW_BYTES / CHUNK_BYTES as u64 {
        piece(&data.frame().await.unwrap());
    }
    for o in (1..=acked / CHUNK_BYTES as u64).map(|count| count * CHUNK_BYTES as u64) {
        data.event(kind::FACK, &FileAck { x: X, o }).await;
    }
    // The client has taken the last one: it sends what it allows.
    while piece(&data.frame().await.unwrap()).o < WINDOW_BYTES + acked - CHUNK_BYTES as u64 {}
    (id, data)
}

#[tokio::test(start_paused = true)]
async fn the_last_progress_is_told_though_it_came_right_behind_another() {
    const ACKED: u64 = 5 * CHUNK_BYTES as u64;
    let mut story = story().await;
    let (id, _data) = acknowledged(&mut story, ACKED).await;
    let told = soon(async {
        loop {
            let notice = story.notices.recv().await.expect("the link is gone");
            let Notice::Transfer(TransferNotice { id: of, change }) = notice else { continue };
            match change {
                TransferChange::Moved { done, .. } if of == id && done == ACKED => return done,
                TransferChange::Phase { phase: Phase::Cut, .. } => panic!("it was not told"),
                _ => {}
            }
        }
    });
    assert_eq!(told.await, ACKED);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_stops_shows_its_true_bytes() {
    const ACKED: u64 = 5 * CHUNK_BYTES as u64;
    let mut story = story().await;
    let (id, mut data) = acknowledged(&mut story, ACKED).await;
    story.handle.pause(id).unwrap();
    let cancel = loop {
        let frame = data.frame().await.unwrap();
        if frame.kind() == "file.cancel" {
            break frame;
        }
    };
    data.ok(cancel.rid, &Empty {});
    data.flush().await;
    let mut transfers = crate::transfer::Transfers::default();
    soon(async {
        while transfers.find(id).is_none_or(|row| row.phase != Phase::Paused) {
            if let Some(Notice::Transfer(notice)) = story.notices.recv().await {
                transfers.apply(&notice);
            }
        }
    })
    .await;
    assert_eq!(transfers.find(id).map(|row| row.done), Some(ACKED));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_the_server_does_not_take_is_refused_before_it_is_read() {
    let mut story = story().await;
    let path = story.file("large", b"");
    let size = crate::fake::FILE_BYTES_MAX + 1;
    fs::File::options().write(true).open(&path).unwrap().set_len(size).unwrap();
    let id = story.upload(&path);
    let fault = TransferFault::TooLarge { size, bytes_max: crate::fake::FILE_BYTES_MAX };
    assert_eq!(story.rest(id).await, Phase::Failed(fault));
    // There is nothing to go on with, and the next one is the first that the server hears of.
    story.handle.resume(id).unwrap();
    let small = story.file("small", &bytes(9));
    let id = story.upload(&small);
    let mut data = story.data().await;
    let open = take(&mut data, &mut Vec::new(), 9).await;
    assert_eq!(open.name, "small");
    store(&mut data).await;
    assert_eq!(story.rest(id).await, Phase::Done { fid: FID, path: small });
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_or_vanishes_is_not_offered() {
    for vanish in [false, true] {
        let mut story = story().await;
        let path = story.file("a", &bytes(100_000));
        let id = story.upload(&path);
        let mut data = story.data().await;
        let (rid, _) = data.expect::<FileOpen>().await;
        if vanish {
            fs::remove_file(&path).unwrap();
        } else {
            fs::write(&path, bytes(50_000)).unwrap();
        }
        data.ok(rid, &FileOpened { x: X, off: 0 });
        let cancel = loop {
            let frame = data.frame().await.unwrap();
            match frame.kind() {
                kind::FDAT => {
                    let piece = piece(&frame);
                    let o = piece.o + piece.d.len() as u64;
                    data.event(kind::FACK, &FileAck { x: X, o }).await;
                }
                "file.cancel" => break frame,
                other => panic!("{other}"),
            }
        };
        assert!(cancel.decode::<FileCancel>().unwrap().discard);
        data.ok(cancel.rid, &Empty {});
        data.flush().await;
        assert_eq!(story.rest(id).await, Phase::Failed(TransferFault::Changed));
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_says_why() {
    let mut story = story().await;
    let id = story.upload(&story.dir.path().join("missing"));
    assert_eq!(story.rest(id).await, Phase::Failed(TransferFault::Missing));
    let dir = story.dir.path().to_owned();
    let id = story.upload(&dir);
    assert_eq!(story.rest(id).await, Phase::Failed(TransferFault::NotAFile));
    let path = story.file("large", &bytes(10));
    let id = story.upload(&path);
    let mut data = story.data().await;
    let (rid, _) = data.expect::<FileOpen>().await;
    data.err(rid, &FaultCode::TooLarge.into()).await;
    let Phase::Failed(TransferFault::Refused(fault)) = story.rest(id).await else { panic!() };
    assert_eq!(fault.code, FaultCode::TooLarge);
    story.handle.resume(id).unwrap();
    let mut data = story.data().await;
    take(&mut data, &mut Vec::new(), 10).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_upload_stops_and_resumes() {
    let mut story = story().await;
    let content = bytes(1_000_000);
    let path = story.file("a", &content);
    let id = story.upload(&path);
    let mut data = story.data().await;
    let mut stored = Vec::new();
    take(&mut data, &mut stored, 300_000).await;
    story.handle.pause(id).unwrap();
    let cancel = loop {
        let frame = data.frame().await.unwrap();
        if frame.kind() == "file.cancel" {
            break frame;
        }
    };
    assert!(!cancel.decode::<FileCancel>().unwrap().discard, "what is there stays");
    data.ok(cancel.rid, &Empty {});
    data.flush().await;
    assert_eq!(story.rest(id).await, Phase::Paused);
    story.handle.resume(id).unwrap();
    let mut data = story.data().await;
    take(&mut data, &mut stored, content.len()).await;
    store(&mut data).await;
    story.chat.expect::<Send>().await;
    assert!(matches!(story.rest(id).await, Phase::Done { .. }));
    assert_eq!(stored, content);
}

#[tokio::test(start_paused = true)]
async fn a_download_is_verified_and_overwrites_nothing() {
    let mut story = story().await;
    let content = bytes(1_300_000);
    fs::create_dir_all(story.downloads()).unwrap();
    fs::write(story.downloads().join("passwd"), "mine").unwrap();
    let id = story.handle.download(story.job("../../etc/passwd", &content)).unwrap();
    let mut data = story.data().await;
    assert_eq!(give(&mut data, &content, content.len()).await, 0);
    let Phase::Done { path, fid } = story.rest(id).await else { panic!() };
    assert_eq!((path.as_path(), fid), (story.downloads().join("passwd (2)").as_path(), FID));
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(fs::read(story.downloads().join("passwd")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(story.downloads()).unwrap().count(), 2, "no part is left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_download_goes_on_from_what_is_written() {
    let mut story = story().await;
    let content = bytes(1_000_000);
    let id = story.handle.download(story.job("a.bin", &content)).unwrap();
    let mut data = story.data().await;
    give(&mut data, &content, 400_000).await;
    let written = loop {
        let acked = ack(&data.frame().await.unwrap());
        if acked >= 300_000 {
            break acked;
        }
    };
    drop(data);
    story.phase(id, |phase| *phase == Phase::Cut).await;
    let mut data = story.data().await;
    assert_eq!(give(&mut data, &content, content.len()).await, written);
    let Phase::Done { path, .. } = story.rest(id).await else { panic!() };
    assert_eq!(fs::read(path).unwrap(), content);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_an_earlier_run_is_used() {
    let mut story = story().await;
    let content = bytes(600_000);
    let job = story.job("a.bin", &content);
    fs::create_dir_all(&job.dir).unwrap();
    let part = job.dir.join(format!("a.bin.{}.part", &job.hash.to_string()[..16]));
    fs::write(&part, &content[..250_000]).unwrap();
    let id = story.handle.download(job.clone()).unwrap();
    let mut data = story.data().await;
    assert_eq!(give(&mut data, &content, content.len()).await, 250_000);
    assert!(matches!(story.rest(id).await, Phase::Done { .. }));

    fs::write(&part, bytes(700_000)).unwrap();
    let id = story.handle.download(job.clone()).unwrap();
    let mut data = story.data().await;
    assert_eq!(give(&mut data, &content, content.len()).await, 0, "longer than the file");
    assert!(matches!(story.rest(id).await, Phase::Done { .. }));

    fs::write(&part, vec![7; 600_000]).unwrap();
    let id = story.handle.download(job).unwrap();
    assert_eq!(story.rest(id).await, Phase::Failed(TransferFault::HashMismatch));
    assert!(!part.exists(), "the next try starts clean");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_link_planted_in_place_of_the_part_is_not_followed() {
    let mut story = story().await;
    let content = bytes(1000);
    let job = story.job("a", &content);
    fs::create_dir_all(&job.dir).unwrap();
    let victim = story.file("victim", b"precious");
    let part = job.dir.join(format!("a.{}.part", &job.hash.to_string()[..16]));
    std::os::unix::fs::symlink(&victim, part).unwrap();
    let id = story.handle.download(job).unwrap();
    assert!(matches!(story.rest(id).await, Phase::Failed(TransferFault::Unwritable(_))));
    assert_eq!(fs::read(victim).unwrap(), b"precious");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lies_gets_nothing_written() {
    let content = bytes(100_000);
    let lies: [fn(&mut FileData); 4] = [
        |piece| piece.o += 1,
        |piece| piece.o = u64::MAX,
        |piece| piece.d = vec![0; 100_001],
        |piece| piece.d.clear(),
    ];
    for lie in lies {
        let mut story = story().await;
        let id = story.handle.download(story.job("a", &content)).unwrap();
        let mut data = story.data().await;
        let (rid, _) = data.expect::<FileGet>().await;
        let size = content.len() as u64;
        data.ok(rid, &FileFound { x: X, size, b3: hash(&content), name: String::new() });
        let mut piece = FileData { x: X, o: 0, d: content[..CHUNK_BYTES].to_vec() };
        lie(&mut piece);
        data.event(kind::FDAT, &piece).await;
        story.phase(id, |phase| *phase == Phase::Cut).await;
        let mut data = story.data().await;
        let wrong = bytes(100_000).iter().map(|byte| byte ^ 1).collect::<Vec<_>>();
        let (rid, asked) = data.expect::<FileGet>().await;
        assert_eq!(asked.off, 0);
        data.ok(rid, &FileFound { x: X, size, b3: hash(&content), name: String::new() });
        for (at, d) in wrong.chunks(CHUNK_BYTES).enumerate() {
            let piece = FileData { x: X, o: (at * CHUNK_BYTES) as u64, d: d.to_vec() };
            data.event(kind::FDAT, &piece).await;
        }
        assert_eq!(story.rest(id).await, Phase::Failed(TransferFault::HashMismatch));
        assert_eq!(fs::read_dir(story.downloads()).unwrap().count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn two_run_and_the_third_waits_for_its_turn() {
    let mut story = story().await;
    let content = bytes(1000);
    let mut ids = Vec::new();
    for n in 0..3 {
        let job = DownloadJob { fid: FileId(n), ..story.job(&format!("f{n}"), &content) };
        ids.push(story.handle.download(job).unwrap());
    }
    // Either of the first two may be the first to connect.
    let mut running = Vec::new();
    for _ in 0..2 {
        let mut data = story.data().await;
        let (rid, asked) = data.expect::<FileGet>().await;
        running.push((asked.fid.0, rid, data));
    }
    running.sort_by_key(|(fid, ..)| *fid);
    assert_eq!(running.iter().map(|(fid, ..)| *fid).collect::<Vec<_>>(), [0, 1]);
    let (_, rid, first) = &mut running[0];
    let (size, b3) = (content.len() as u64, hash(&content));
    first.ok(*rid, &FileFound { x: X, size, b3, name: String::new() });
    first.event(kind::FDAT, &FileData { x: X, o: 0, d: content.clone() }).await;
    story.phase(ids[0], |phase| matches!(phase, Phase::Done { .. })).await;
    let mut third = story.data().await;
    give(&mut third, &content, content.len()).await;
    story.phase(ids[2], |phase| matches!(phase, Phase::Done { .. })).await;
    story.handle.cancel(ids[1]).unwrap();
    assert_eq!(story.rest(ids[1]).await, Phase::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_download_leaves_nothing() {
    let mut story = story().await;
    let content = bytes(500_000);
    let id = story.handle.download(story.job("a", &content)).unwrap();
    let mut data = story.data().await;
    give(&mut data, &content, 300_000).await;
    ack(&data.frame().await.unwrap());
    story.handle.cancel(id).unwrap();
    drop(data);
    assert_eq!(story.rest(id).await, Phase::Cancelled);
    assert_eq!(fs::read_dir(story.downloads()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn too_many_are_refused_and_the_end_of_the_link_ends_them() {
    let mut story = story().await;
    let path = story.file("a", b"x");
    let mut ids = Vec::new();
    for _ in 0..=JOBS_MAX {
        let id = story.upload(&path);
        story.phase(id, |phase| phase.is_over() || *phase == Phase::Waiting).await;
        ids.push(id);
    }
    let mut transfers = crate::transfer::Transfers::default();
    story.handle.close().await;
    soon(async {
        while let Some(notice) = story.notices.recv().await {
            if let Notice::Transfer(notice) = notice
                && let TransferChange::Phase { phase, .. } = &notice.change
            {
                assert!(!matches!(phase, Phase::Done { .. }));
                transfers.apply(&notice);
                ids.retain(|id| {
                    *id != notice.id || *phase != Phase::Failed(TransferFault::LinkEnded)
                });
            }
        }
    })
    .await;
    assert_eq!(ids.len(), 1, "the one too many had failed before");
}

#[test]
fn a_full_disk_has_its_own_word() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert_eq!(super::super::session::unwritable(&full), TransferFault::DiskFull);
    let other = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert!(matches!(super::super::session::unwritable(&other), TransferFault::Unwritable(_)));
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_upload_is_there_after_a_restart_and_goes_on() {
    let mut story = kept_story(tempfile::tempdir().unwrap()).await;
    let window = usize::try_from(WINDOW_BYTES).unwrap();
    let content = bytes(2 * window);
    let path = story.file("thesis.pdf", &content);
    let id = story.upload(&path);
    let mut data = story.data().await;
    let mut stored = Vec::new();
    take(&mut data, &mut stored, window).await;
    story.phase(id, |phase| *phase == Phase::Moving).await;
    let half = |notice: &Notice| match notice {
        Notice::Transfer(TransferNotice { change: TransferChange::Moved { done, .. }, .. }) => {
            *done >= WINDOW_BYTES / 2
        }
        _ => false,
    };
    soon(async { while !half(&story.notices.recv().await.unwrap()) {} }).await;
    drop(data);
    let dir = story.leave().await;

    let mut story = kept_story(dir).await;
    let listed = story.listed().await;
    assert_eq!((listed.direction, listed.phase), (Direction::Upload, Phase::Paused));
    assert_eq!((listed.path.as_ref(), listed.size), (Some(&path), content.len() as u64));
    assert!(listed.done >= WINDOW_BYTES / 2, "{}", listed.done);
    story.handle.resume(listed.id).unwrap();
    let mut data = story.data().await;
    take(&mut data, &mut stored, content.len()).await;
    assert_eq!(stored, content);
    store(&mut data).await;
    let (_, send) = story.chat.expect::<Send>().await;
    assert_eq!(send.body.fid, Some(FID));
    story.rest(listed.id).await;
    let dir = story.leave().await;
    assert!(!dir.path().join("shelf").exists(), "nothing is left to do");
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_download_is_there_after_a_restart() {
    let mut story = kept_story(tempfile::tempdir().unwrap()).await;
    let content = bytes(2 * CHUNK_BYTES);
    let job = story.job("big.iso", &content);
    let (path, id) = (story.downloads().join("big.iso"), story.handle.download(job).unwrap());
    let mut data = story.data().await;
    data.expect::<FileGet>().await;
    story.handle.pause(id).unwrap();
    assert_eq!(story.rest(id).await, Phase::Paused);
    let dir = story.leave().await;
    let mut story = kept_story(dir).await;
    let listed = story.listed().await;
    assert_eq!((listed.direction, listed.fid), (Direction::Download, Some(FID)));
    assert_eq!((listed.path.as_ref(), listed.phase), (Some(&path), Phase::Paused));
    story.handle.cancel(listed.id).unwrap();
    assert_eq!(story.phase(listed.id, |phase| *phase != Phase::Paused).await, Phase::Cancelled);
    let dir = story.leave().await;
    assert!(!dir.path().join("shelf").exists());
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_with_another_log_is_not_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::Upload(UploadJob { room: RoomId(1), path: "/a".into(), media: String::new() });
    let (nonce, epoch) = (Nonce([1; 16]), "another".to_owned());
    let shelf = Shelf::at(dir.path().join("shelf"));
    shelf.write(vec![Kept { job, nonce, epoch, done: 5, whole: None }]).await;
    let mut story = kept_story(dir).await;
    let listed = story.listed().await;
    assert_eq!(listed.phase, Phase::Failed(TransferFault::OtherLog));
    assert!(!listed.phase.can_resume());
    let dir = story.leave().await;
    assert!(!dir.path().join("shelf").exists());
}

/// A desk without a link: what it would put into the outbox is taken here.
struct BareDesk {
    running: tokio::task::JoinHandle<()>,
    commands: mpsc::Sender<TransferCommand>,
    posts: mpsc::Receiver<Command>,
    server: FakeServer,
    _login: watch::Sender<Option<Access>>,
    _posting: mpsc::Sender<Command>,
    _notices: mpsc::Receiver<Notice>,
}

fn bare_desk(shelf: &Path) -> BareDesk {
    let (dialer, server) = fake();
    let (commands, commands_out) = mpsc::channel(8);
    let (notices, notices_out) = mpsc::channel(1000);
    let (posting, posts) = mpsc::channel(8);
    let (login, logins) = watch::channel(None);
    let running = tokio::spawn(run(TransferConfig {
        dialer,
        agent: "test/1".to_owned(),
        entropy: Arc::new(SystemEntropy),
        nonces: Arc::new(Nonces::new(Arc::new(SystemEntropy))),
        commands: commands_out,
        notices,
        posts: posting.downgrade(),
        login: logins,
        kept: None,
        shelf: Some(Shelf::at(shelf.to_owned())),
        numbers: Arc::default(),
    }));
    let access = Access { token: Token(vec![1]), file_bytes_max: 1000, epoch: "e1".to_owned() };
    login.send_replace(Some(access));
    let (_login, _posting, _notices) = (login, posting, notices_out);
    BareDesk { running, commands, posts, server, _login, _posting, _notices }
}

impl BareDesk {
    /// The message that goes into the outbox, which has not answered yet.
    async fn posts(&mut self) -> (Queued, oneshot::Sender<Result<(), PostError>>) {
        match soon(self.posts.recv()).await.unwrap() {
            Command::Post(queued, stored) => (queued, stored),
            _ => panic!("something else is posted"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_offer_a_crash_interrupts_is_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let (shelf, path) = (dir.path().join("shelf"), dir.path().join("a"));
    fs::write(&path, b"content").unwrap();
    let mut desk = bare_desk(&shelf);
    let job = UploadJob { room: RoomId(1), path: path.clone(), media: String::new() };
    desk.commands.send(TransferCommand::Upload(TransferId(1), job)).await.unwrap();
    let mut data = desk.server.accept_data().await;
    take(&mut data, &mut Vec::new(), 7).await;
    store(&mut data).await;
    drop(data);
    let (first, _unanswered) = desk.posts().await;
    desk.running.abort();
    assert!(desk.running.await.unwrap_err().is_cancelled());

    fs::remove_file(&path).unwrap();
    let mut desk = bare_desk(&shelf);
    let (again, stored) = desk.posts().await;
    assert_eq!((again.nonce, again.room, &again.body), (first.nonce, first.room, &first.body));
    assert_eq!(again.body.fid, Some(FID));
    stored.send(Ok(())).unwrap();
    soon(async {
        while shelf.exists() {
            tokio::task::yield_now().await
        }
    })
    .await;
    assert!(desk.server.is_left_alone(), "nothing is sent but the offer");
}

#[tokio::test]
async fn a_shelf_that_cannot_be_read_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shelf");
    for bytes in [&b"no shelf"[..], &[0xff; 40], &vec![0; 2 * 1024 * 1024]] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(Shelf::at(path.clone()).read(JOBS_MAX).await, []);
    }
}
