use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use liao_common::id::Seq;

use super::*;

fn post(byte: u8, text: &str) -> Queued {
    Queued {
        nonce: Nonce([byte; 16]),
        room: RoomId(4),
        kind: Kind::Text,
        body: Body::text(text),
        at_ms: 12,
    }
}

fn texts(outbox: &Outbox) -> Vec<&str> {
    outbox.iter().filter_map(|post| post.body.text.as_deref()).collect()
}

#[test]
fn what_waits_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let mut outbox = Outbox::open(&path).unwrap();
    outbox.add(vec![post(1, "one"), post(2, "二")], "e1").unwrap();
    outbox.add(vec![post(3, "three")], "e1").unwrap();
    outbox.remove(Nonce([2; 16])).unwrap();
    outbox.remove(Nonce([9; 16])).unwrap();
    assert_eq!(texts(&outbox), ["one", "three"]);
    drop(outbox);
    let outbox = Outbox::open(&path).unwrap();
    assert_eq!(texts(&outbox), ["one", "three"]);
    assert_eq!(outbox.find(Nonce([3; 16])), Some(&post(3, "three")));
}

#[test]
fn a_record_cut_off_by_a_crash_is_dropped_and_nothing_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let mut outbox = Outbox::open(&path).unwrap();
    outbox.add(vec![post(1, "one")], "e1").unwrap();
    let whole = fs::metadata(&path).unwrap().len();
    outbox.add(vec![post(2, "two")], "e1").unwrap();
    drop(outbox);
    let bytes = fs::read(&path).unwrap();
    for len in usize::try_from(whole).unwrap()..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let mut outbox = Outbox::open(&path).unwrap();
        assert_eq!(texts(&outbox), ["one"], "cut at {len}");
        outbox.add(vec![post(3, "three")], "e1").unwrap();
        drop(outbox);
        assert_eq!(texts(&Outbox::open(&path).unwrap()), ["one", "three"], "cut at {len}");
    }
}

#[test]
fn a_long_file_is_written_anew_once_nothing_waits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let mut outbox = Outbox::open(&path).unwrap();
    for byte in 0..40 {
        outbox.add(vec![post(byte, &"x".repeat(16_000))], "e1").unwrap();
        outbox.remove(Nonce([byte; 16])).unwrap();
    }
    assert!(fs::metadata(&path).unwrap().len() <= REWRITE_BYTES + 20_000);
    outbox.add(vec![post(50, "still here")], "e1").unwrap();
    drop(outbox);
    assert_eq!(texts(&Outbox::open(&path).unwrap()), ["still here"]);
}

#[test]
fn a_long_file_is_written_anew_while_one_post_never_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let mut outbox = Outbox::open(&path).unwrap();
    outbox.add(vec![post(200, "stays")], "e1").unwrap();
    outbox.refuse(Nonce([200; 16]), Some(FaultCode::Forbidden)).unwrap();
    for byte in 0..40 {
        outbox.add(vec![post(byte, &"x".repeat(16_000))], "e1").unwrap();
        outbox.remove(Nonce([byte; 16])).unwrap();
        assert!(fs::metadata(&path).unwrap().len() <= REWRITE_BYTES + 20_000);
    }
    drop(outbox);
    let outbox = Outbox::open(&path).unwrap();
    assert_eq!(texts(&outbox), ["stays"]);
    assert_eq!(outbox.refused(Nonce([200; 16])), Some(FaultCode::Forbidden));
}

#[test]
fn a_long_file_full_of_waiting_posts_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let mut outbox = Outbox::open(&path).unwrap();
    for byte in 0..60 {
        outbox.add(vec![post(byte, &"x".repeat(16_000))], "e1").unwrap();
    }
    let before = fs::metadata(&path).unwrap().len();
    outbox.remove(Nonce([0; 16])).unwrap();
    assert!(fs::metadata(&path).unwrap().len() > before, "one more record, and no new file");
}

#[test]
fn that_a_post_was_refused_is_known_after_a_restart_until_it_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let [first, second] = [Nonce([1; 16]), Nonce([2; 16])];
    let mut outbox = Outbox::open(&path).unwrap();
    outbox.add(vec![post(1, "one"), post(2, "two"), post(3, "three")], "e1").unwrap();
    outbox.refuse(first, Some(FaultCode::Forbidden)).unwrap();
    outbox.refuse(second, Some(FaultCode::TooLarge)).unwrap();
    for _ in 0..2 {
        drop(outbox);
        outbox = Outbox::open(&path).unwrap();
        assert_eq!(texts(&outbox), ["one", "two", "three"], "each once, and in order");
        assert_eq!(outbox.refused(first), Some(FaultCode::Forbidden));
        assert_eq!(outbox.refused(second), Some(FaultCode::TooLarge));
        assert_eq!(outbox.refused(Nonce([3; 16])), None);
    }
    outbox.refuse(first, None).unwrap();
    outbox.remove(second).unwrap();
    drop(outbox);
    let outbox = Outbox::open(&path).unwrap();
    assert_eq!((texts(&outbox), outbox.refused(first)), (vec!["one", "three"], None));
}

#[test]
fn a_second_program_does_not_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let first = Outbox::open(&path).unwrap();
    assert_eq!(Outbox::open(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(first);
    Outbox::open(&path).unwrap();
}

/// A file on a disk with so many bytes of room, which writes what fits and then fails.
#[derive(Debug)]
struct Narrow {
    file: File,
    room: Arc<AtomicU64>,
    cuts: bool,
}

impl Ink for Narrow {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::SeqCst);
        let fits = usize::try_from(room).unwrap().min(bytes.len());
        self.file.append(&bytes[..fits])?;
        self.room.fetch_sub(fits as u64, Ordering::SeqCst);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        if self.cuts { Ink::cut(&self.file, len) } else { Err(io::ErrorKind::Other.into()) }
    }
}

/// Puts the file of an outbox on such a disk.
fn narrow(outbox: &mut Outbox, room: u64, cuts: bool) -> Arc<AtomicU64> {
    let left = Arc::new(AtomicU64::new(room));
    let opened = outbox.file.as_mut().unwrap();
    let file = appending(&opened.path).unwrap();
    opened.ink = Box::new(Narrow { file, room: Arc::clone(&left), cuts });
    left
}

#[test]
fn a_full_disk_loses_no_post_that_was_taken() {
    for cuts in [true, false] {
        for room in 0..200 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("box");
            let mut outbox = Outbox::open(&path).unwrap();
            outbox.add(vec![post(1, "one")], "e1").unwrap();
            let left = narrow(&mut outbox, room, cuts);
            let taken = outbox.add(vec![post(2, "two")], "e1");
            if let Err(error) = &taken {
                assert!(matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::Other));
                assert_eq!(texts(&outbox), ["one"], "what is refused is not in it");
            }
            // There is room again, and the program dies right after the next post.
            left.store(u64::MAX, Ordering::SeqCst);
            let next = outbox.add(vec![post(3, "three")], "e1");
            assert!(next.is_ok() || !cuts);
            let before: Vec<String> = texts(&outbox).into_iter().map(str::to_owned).collect();
            drop(outbox);
            assert_eq!(texts(&Outbox::open(&path).unwrap()), before, "{room} {cuts}");
        }
    }
}

#[test]
fn what_could_not_be_noted_on_a_full_disk_is_noted_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let mut outbox = Outbox::open(&path).unwrap();
    outbox.add(vec![post(1, "one"), post(2, "two"), post(3, "three")], "e1").unwrap();
    narrow(&mut outbox, 3, true);
    assert!(outbox.remove(Nonce([1; 16])).is_err());
    assert_eq!(texts(&outbox), ["two", "three"], "it is out nevertheless");
    outbox.remove(Nonce([2; 16])).unwrap();
    drop(outbox);
    assert_eq!(texts(&Outbox::open(&path).unwrap()), ["three"]);
}

#[test]
fn an_outbox_is_opened_where_nothing_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let mut outbox = Outbox::open(&path).unwrap();
    outbox.add(vec![post(1, "one")], "e1").unwrap();
    let whole = fs::read(&path).unwrap();
    drop(outbox);
    fs::write(&path, [&whole[..], b"half a re"].concat()).unwrap();
    assert_eq!(texts(&Outbox::open(&path).unwrap()), ["one"]);
    assert_eq!(fs::read(&path).unwrap(), whole, "cut off, and not written anew");
}

#[test]
fn what_speaks_of_another_log_is_refused_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let about = |byte: u8, kind: Kind, body: Body| Queued { kind, body, ..post(byte, "") };
    let answer = Body { re: Some(Seq(3)), ..Body::text("yes") };
    let edit = Body { of: Some(Seq(3)), ..Body::text("better") };
    let mut outbox = Outbox::open(&path).unwrap();
    let answer = about(1, Kind::Text, answer);
    outbox.add(vec![answer.clone(), about(2, Kind::Edit, edit), post(3, "hello")], "e1").unwrap();
    assert_eq!(outbox.refuse_void("e1", false).0, []);
    drop(outbox);

    let mut outbox = Outbox::open(&path).unwrap();
    let void = [(RoomId(4), Nonce([1; 16])), (RoomId(4), Nonce([2; 16]))];
    assert_eq!(outbox.refuse_void("e2", false).0, void);
    assert_eq!(outbox.refuse_void("e2", false).0, [], "it is known already");
    drop(outbox);

    let mut outbox = Outbox::open(&path).unwrap();
    assert_eq!(outbox.refused(Nonce([2; 16])), Some(FaultCode::EpochChanged));
    assert_eq!(outbox.refused(Nonce([3; 16])), None);
    assert!(outbox.renew(Nonce([1; 16]), "e2").unwrap());
    assert!(!outbox.renew(Nonce([2; 16]), "e2").unwrap(), "there is nothing to change");
    drop(outbox);

    let mut outbox = Outbox::open(&path).unwrap();
    let alone = Queued { body: Body::text("yes"), ..answer };
    assert_eq!(outbox.find(Nonce([1; 16])), Some(&alone), "it answers nothing now");
    assert_eq!(outbox.refused(Nonce([1; 16])), None);
    outbox
        .add(vec![about(5, Kind::Redact, Body { of: Some(Seq(1)), ..Body::default() })], "e2")
        .unwrap();
    assert_eq!(
        outbox.refuse_void("e2", true).0,
        [(RoomId(4), Nonce([5; 16]))],
        "the same name, another log"
    );
}
