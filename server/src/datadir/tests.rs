//! What a data folder promises.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_new_folder_is_private_and_has_a_format() {
    let root = tempfile::tempdir().expect("folder");
    let path = root.path().join("a/b");
    let folder = DataDir::open(&path).expect("open");
    assert_eq!(fs::metadata(&path).expect("facts").permissions().mode() & 0o777, 0o700);
    assert_eq!(folder.journal(), path.join("journal"));
    drop(folder);
    DataDir::open(&path).expect("open again");
}

#[test]
fn two_servers_cannot_share_a_folder() {
    let root = tempfile::tempdir().expect("folder");
    let first = DataDir::open(root.path()).expect("open");
    let error = DataDir::open(root.path()).expect_err("in use");
    assert!(matches!(error, DataDirError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("in use"));
    drop(first);
    DataDir::open(root.path()).expect("free again");
}

#[test]
fn a_child_that_is_being_started_does_not_hold_the_folder() {
    let root = tempfile::tempdir().expect("folder");
    let first = DataDir::open(root.path()).expect("open");
    // The same open file once more: what a fork has until its exec.
    let forked = first.lock.try_clone().expect("the same file");
    drop(first);
    DataDir::open(root.path()).expect("free again");
    drop(forked);
}

#[test]
fn a_newer_or_foreign_format_is_refused_in_words() {
    let root = tempfile::tempdir().expect("folder");
    drop(DataDir::open(root.path()).expect("open"));
    let refusal = |text: &str| {
        fs::write(root.path().join("format"), text).expect("write");
        DataDir::open(root.path()).expect_err("refused")
    };
    let newer = refusal("liao-data 2\n");
    assert!(matches!(newer, DataDirError::Newer { found: 2, .. }), "{newer}");
    assert!(newer.to_string().contains("newer server"), "{newer}");
    for text in ["", "liao-data", "liao-data 0\n", "else 1\n"] {
        assert!(matches!(refusal(text), DataDirError::Foreign { .. }), "{text:?}");
    }
}

#[test]
fn a_journal_without_a_format_is_not_taken_over() {
    let root = tempfile::tempdir().expect("folder");
    fs::create_dir(root.path().join("journal")).expect("create");
    assert!(matches!(DataDir::open(root.path()), Err(DataDirError::Foreign { .. })));
}

#[test]
fn a_path_that_cannot_be_a_folder_is_told() {
    let root = tempfile::tempdir().expect("folder");
    let file = root.path().join("file");
    fs::write(&file, "").expect("write");
    let words = DataDir::open(file.join("data")).expect_err("refused").to_string();
    assert!(words.starts_with("cannot create") && words.contains("file/data"), "{words}");
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let root = tempfile::tempdir().expect("folder");
    fs::write(root.path().join("passwd"), "root").expect("write");
    let error = DataDir::open(root.path()).expect_err("refused");
    assert!(matches!(&error, DataDirError::Occupied { .. }), "{error}");
    assert!(error.to_string().contains("passwd"), "{error}");
    let names =
        fs::read_dir(root.path()).expect("read").map(|entry| entry.expect("entry").file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["passwd"], "nothing was made beside it");
}

#[test]
fn an_empty_folder_of_a_file_system_becomes_private() {
    let root = tempfile::tempdir().expect("folder");
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("mode");
    for kept in ["lost+found", "tls"] {
        fs::create_dir(root.path().join(kept)).expect("create");
    }
    DataDir::open(root.path()).expect("taken");
    assert_eq!(fs::metadata(root.path()).expect("facts").permissions().mode() & 0o777, 0o700);
}
