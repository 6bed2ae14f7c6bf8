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
    outbox.add(vec![post(1, "one"), post(2, "二")]).unwrap();
    outbox.add(vec![post(3, "three")]).unwrap();
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
    outbox.add(vec![post(1, "one")]).unwrap();
    let whole = fs::metadata(&path).unwrap().len();
    outbox.add(vec![post(2, "two")]).unwrap();
    drop(outbox);
    let bytes = fs::read(&path).unwrap();
    for len in usize::try_from(whole).unwrap()..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let mut outbox = Outbox::open(&path).unwrap();
        assert_eq!(texts(&outbox), ["one"], "cut at {len}");
        outbox.add(vec![post(3, "three")]).unwrap();
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
        outbox.add(vec![post(byte, &"x".repeat(16_000))]).unwrap();
        outbox.remove(Nonce([byte; 16])).unwrap();
    }
    assert!(fs::metadata(&path).unwrap().len() <= REWRITE_BYTES + 20_000);
    outbox.add(vec![post(50, "still here")]).unwrap();
    drop(outbox);
    assert_eq!(texts(&Outbox::open(&path).unwrap()), ["still here"]);
}

#[test]
fn a_long_file_is_written_anew_while_one_post_never_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let mut outbox = Outbox::open(&path).unwrap();
    outbox.add(vec![post(200, "stays")]).unwrap();
    outbox.refuse(Nonce([200; 16]), Some(FaultCode::Forbidden)).unwrap();
    for byte in 0..40 {
        outbox.add(vec![post(byte, &"x".repeat(16_000))]).unwrap();
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
        outbox.add(vec![post(byte, &"x".repeat(16_000))]).unwrap();
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
    outbox.add(vec![post(1, "one"), post(2, "two"), post(3, "three")]).unwrap();
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
