use super::*;

fn files(limits: FileLimits) -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path(), limits).unwrap();
    (folder, files)
}

fn roomy() -> FileLimits {
    FileLimits { free_bytes_min: 0, ..FileLimits::default() }
}

fn hash(content: &[u8]) -> Hash {
    Hash(blake3::hash(content).into())
}

fn read_all(mut download: Download) -> Vec<u8> {
    let mut all = Vec::new();
    while !download.is_done() {
        all.extend(download.read().unwrap().1);
    }
    all
}

#[test]
fn a_cut_upload_goes_on_where_it_was() {
    let (_folder, files) = files(roomy());
    let content: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let (size, b3) = (content.len() as u64, hash(&content));
    let mut upload = files.upload(UserId(1), size, b3, 0).unwrap();
    assert!(matches!(files.upload(UserId(1), size, b3, 0), Err(FileError::InUse)));
    upload.write(0, &content[..100_000]).unwrap();
    assert!(matches!(upload.write(0, &content[..10]), Err(FileError::Offset(100_000))));
    drop(upload);
    let mut upload = files.upload(UserId(1), size, b3, 0).unwrap();
    assert_eq!(upload.offset(), 100_000);
    assert_eq!(upload.write(100_000, &content[100_000..]).unwrap(), Some(size));
    assert!(matches!(upload.write(size, b"x"), Err(FileError::Excess)));
    upload.verify().unwrap().publish().unwrap();
    assert_eq!(read_all(files.download(UserId(1), &b3, size, 0).unwrap()), content);
    assert_eq!(
        read_all(files.download(UserId(1), &b3, size, size - 5).unwrap()),
        content[content.len() - 5..]
    );
    assert!(read_all(files.download(UserId(1), &b3, size, size + 5).unwrap()).is_empty());
}

#[test]
fn other_content_than_announced_never_becomes_a_file() {
    let (_folder, files) = files(roomy());
    let b3 = hash(b"right");
    let mut upload = files.upload(UserId(1), 5, b3, 0).unwrap();
    upload.write(0, b"wrong").unwrap();
    assert!(matches!(upload.verify(), Err(FileError::Mismatch)));
    assert!(matches!(files.download(UserId(1), &b3, 5, 0), Err(FileError::Missing)));
    let upload = files.upload(UserId(1), 5, b3, 0).unwrap();
    assert_eq!(upload.offset(), 0, "the wrong bytes are gone");
    assert!(matches!(upload.verify(), Err(FileError::Offset(0))));
}

#[test]
fn limits_hold() {
    let limits = FileLimits { file_bytes_max: 10, user_bytes_max: 15, ..roomy() };
    let (_folder, files) = files(limits);
    let start = |size, used| files.upload(UserId(1), size, hash(&[size as u8]), used);
    assert!(matches!(start(11, 0), Err(FileError::TooLarge)));
    assert!(matches!(start(10, 6), Err(FileError::TooLarge)));
    let mut unfinished = start(9, 0).unwrap();
    unfinished.write(0, b"12345678").unwrap();
    assert!(matches!(start(7, 0), Err(FileError::TooLarge)), "what was announced counts");
    drop(unfinished);
    assert!(matches!(start(8, 0), Err(FileError::TooLarge)), "unfinished uploads count");
    assert!(start(7, 0).is_ok());
    let full = Files { limits: FileLimits { free_bytes_min: u64::MAX, ..limits }, ..files.clone() };
    assert!(matches!(full.upload(UserId(2), 1, hash(b"x"), 0), Err(FileError::Full)));
}

#[test]
fn forgotten_uploads_free_their_room() {
    let (_folder, files) = files(roomy());
    files.upload(UserId(1), 5, hash(b"right"), 0).unwrap().write(0, b"rig").unwrap();
    assert_eq!(files.forget_unfinished(0).unwrap(), 0);
    assert_eq!(files.forget_unfinished(u64::MAX).unwrap(), 3);
    assert_eq!(files.upload(UserId(1), 5, hash(b"right"), 0).unwrap().offset(), 0);
}

#[test]
fn a_file_that_a_crash_left_unpublished_is_published_at_the_next_start() {
    let (_folder, files) = files(roomy());
    for (user, content) in [(1, b"mine!"), (2, b"other")] {
        let mut upload = files.upload(UserId(user), 5, hash(content), 0).unwrap();
        upload.write(0, content).unwrap();
        drop(upload.verify().unwrap());
    }
    files.publish_left_over(|user, b3| user == UserId(1) && *b3 == hash(b"mine!")).unwrap();
    assert_eq!(read_all(files.download(UserId(1), &hash(b"mine!"), 5, 0).unwrap()), b"mine!");
    assert!(matches!(files.download(UserId(1), &hash(b"other"), 5, 0), Err(FileError::Missing)));
}
