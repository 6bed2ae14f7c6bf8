use super::*;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn server(host: &str, byte: u8) -> KnownServer {
    KnownServer {
        address: address(host),
        pin: Pin([byte; 32]),
        since_ms: 5,
        name: "n".into(),
        vouched: byte % 2 == 1,
        next: Some(Pin([byte; 32])).filter(|_| byte > 1),
    }
}

fn account(host: &str, user: &str, used_ms: u64) -> Account {
    Account {
        address: address(host),
        user: UserName::parse(user).unwrap(),
        name: "张三 \"quoted\"".into(),
        token: Token((0..32).collect()),
        used_ms,
    }
}

fn home() -> (tempfile::TempDir, Home) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open(dir.path().join("liao")).unwrap();
    (dir, home)
}

#[test]
fn known_servers_are_read_back_replaced_and_forgotten() {
    let (_dir, home) = home();
    assert_eq!(home.server(&address("a")).unwrap(), None);
    home.remember_server(server("a", 1)).unwrap();
    home.remember_server(server("[::1]:9", 2)).unwrap();
    home.remember_server(server("a", 3)).unwrap();
    assert_eq!(home.server(&address("A:8888")).unwrap(), Some(server("a", 3)));
    assert_eq!(home.servers().unwrap().len(), 2);
    assert!(home.forget_server(&address("a")).unwrap());
    assert!(!home.forget_server(&address("a")).unwrap());
    assert_eq!(home.servers().unwrap(), [server("[::1]:9", 2)]);
}

#[test]
fn accounts_come_last_used_first_and_keep_their_token() {
    let (_dir, home) = home();
    home.remember_account(account("a", "bob", 1)).unwrap();
    home.remember_account(account("a", "张三", 9)).unwrap();
    home.remember_account(account("b", "bob", 5)).unwrap();
    home.remember_account(account("a", "bob", 7)).unwrap();
    let users: Vec<_> = home.accounts().unwrap();
    let want = [account("a", "张三", 9), account("a", "bob", 7), account("b", "bob", 5)];
    assert_eq!(users, want);
    let bob = UserName::parse("bob").unwrap();
    assert!(home.account_used(&address("b"), &bob, 10).unwrap());
    assert_eq!(home.accounts().unwrap()[0], account("b", "bob", 10));
    assert!(!home.account_used(&address("c"), &bob, 11).unwrap());
    assert!(home.forget_account(&address("a"), &bob).unwrap());
    assert_eq!(home.accounts().unwrap().len(), 2);
    assert!(!format!("{:?}", account("a", "bob", 1)).contains("0102"), "tokens are not printed");
}

#[test]
fn a_broken_file_is_an_error_and_stays_as_it_was() {
    let (_dir, home) = home();
    let path = home.dir().join("known_servers.toml");
    for broken in
        ["[[server]]\naddress = 1", "x", "[[server]]\naddress=\"a\"\npin=\"zz\"\nsince_ms=1"]
    {
        fs::write(&path, broken).unwrap();
        let error = home.remember_server(server("a", 1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{broken}");
        assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    }
    fs::write(&path, vec![b'#'; 5 << 20]).unwrap();
    assert!(home.servers().is_err());
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, home) = home();
    home.remember_account(account("a", "bob", 1)).unwrap();
    let _outbox = home.outbox(&address("a"), &UserName::parse("bob").unwrap()).unwrap();
    let mut seen = 0;
    for dir in [home.dir().to_owned(), home.dir().join("outbox")] {
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o77, 0);
        for file in fs::read_dir(dir).unwrap() {
            let meta = file.unwrap().metadata().unwrap();
            assert_eq!(meta.permissions().mode() & 0o77, 0);
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn the_list_has_an_end() {
    let (_dir, home) = home();
    let many = (0..ENTRIES_MAX as u16 + 3).map(|n| server(&format!("h{n}"), 1)).collect();
    home.write("known_servers.toml", &ServersFile { server: many }).unwrap();
    home.remember_server(server("new", 1)).unwrap();
    let servers = home.servers().unwrap();
    assert_eq!((servers.len(), servers.last()), (ENTRIES_MAX, Some(&server("new", 1))));
}

#[test]
fn each_person_on_each_server_has_an_outbox() {
    let (_dir, home) = home();
    let [bob, eve] = ["bob", "eve"].map(|name| UserName::parse(name).unwrap());
    let _first = home.outbox(&address("a"), &bob).unwrap();
    let _second = home.outbox(&address("a"), &eve).unwrap();
    let _third = home.outbox(&address("b"), &bob).unwrap();
    let twice = home.outbox(&address("a"), &bob).unwrap_err();
    assert_eq!(twice.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn drafts_are_kept_for_each_person_and_cut_to_size() {
    let (_dir, home) = home();
    let [bob, eve] = ["bob", "eve"].map(|name| UserName::parse(name).unwrap());
    let drafts = BTreeMap::from([
        (RoomId(1), "two\nlines".to_owned()),
        (RoomId(2), "长".repeat(6000)),
        (RoomId(3), "  ".to_owned()),
        (RoomId(4), "长".repeat(5000)),
    ]);
    let lost = home.keep_drafts(&address("a"), &bob, &drafts).unwrap();
    assert_eq!(lost, [(RoomId(2), "长".repeat(6000))].into(), "what is cut is given back whole");
    let kept = home.drafts(&address("a"), &bob).unwrap();
    assert_eq!(kept.keys().copied().collect::<Vec<_>>(), [RoomId(1), RoomId(2), RoomId(4)]);
    assert_eq!((kept[&RoomId(1)].as_str(), kept[&RoomId(2)].len()), ("two\nlines", 16_383));
    assert_eq!(kept[&RoomId(4)], drafts[&RoomId(4)], "as long as a message may be");
    assert!(home.drafts(&address("a"), &eve).unwrap().is_empty());
}

#[test]
fn drafts_beyond_one_file_are_given_back_and_the_others_can_be_read_again() {
    let bob = UserName::parse("bob").unwrap();
    for (rooms, letters) in [(200, "x"), (40, "\u{1}"), (200, "\"\n")] {
        let (_dir, home) = home();
        let text = letters.repeat(DRAFT_BYTES_MAX / letters.len());
        let drafts: BTreeMap<_, _> = (1..=rooms).map(|room| (RoomId(room), text.clone())).collect();
        let lost = home.keep_drafts(&address("a"), &bob, &drafts).unwrap();
        let kept = home.drafts(&address("a"), &bob).unwrap();
        assert!(!lost.is_empty() && !kept.is_empty());
        let both: BTreeMap<_, _> = kept.into_iter().chain(lost).collect();
        assert_eq!(both, drafts);
        let none = drafts.into_keys().map(|room| (room, String::new())).collect();
        assert_eq!(home.keep_drafts(&address("a"), &bob, &none).unwrap(), BTreeMap::new());
    }
}

#[test]
fn drafts_of_two_programs_are_kept_beside_each_other() {
    let (_dir, home) = home();
    let bob = UserName::parse("bob").unwrap();
    let keep = |drafts: &[(u64, &str)]| {
        let drafts = drafts.iter().map(|(room, text)| (RoomId(*room), (*text).to_owned()));
        home.keep_drafts(&address("a"), &bob, &drafts.collect()).unwrap();
        let kept = home.drafts(&address("a"), &bob).unwrap();
        kept.into_iter().map(|(room, text)| format!("{room} {text}")).collect::<Vec<_>>()
    };
    keep(&[(1, "one"), (2, "two")]);
    assert_eq!(keep(&[(2, "second"), (3, "three")]), ["1 one", "2 second", "3 three"]);
    assert_eq!(keep(&[(1, "")]), ["2 second", "3 three"]);
    let many: Vec<(u64, &str)> = (10..9 + ENTRIES_MAX as u64).map(|room| (room, "x")).collect();
    let kept = keep(&many);
    assert_eq!((kept.len(), kept[0].as_str()), (ENTRIES_MAX, "2 second"));
    assert!(!kept.contains(&"3 three".to_owned()), "what is named comes first");
}

#[test]
fn drafts_that_two_programs_keep_at_once_are_all_there() {
    let (_dir, home) = home();
    let bob = UserName::parse("bob").unwrap();
    std::thread::scope(|scope| {
        for program in 0..3 {
            let (home, bob) = (&home, &bob);
            scope.spawn(move || {
                for n in 0..3 {
                    let drafts = BTreeMap::from([(RoomId(program * 3 + n), "x".to_owned())]);
                    home.keep_drafts(&address("a"), bob, &drafts).unwrap();
                }
            });
        }
    });
    assert_eq!(home.drafts(&address("a"), &bob).unwrap().len(), 9);
}

#[test]
fn a_program_that_hangs_with_the_lock_holds_nobody_up_for_ever() {
    let (_dir, home) = home();
    let held = home.lock().unwrap();
    let (said, heard) = std::sync::mpsc::sync_channel(1);
    let other = home.clone();
    let waits = std::thread::spawn(move || said.send(other.remember_server(server("a", 1))));
    let deadline = std::time::Duration::from_secs(30);
    let refused = heard.recv_timeout(deadline).expect("it waits for ever").unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    waits.join().unwrap().unwrap();
    drop(held);
    home.remember_server(server("a", 1)).unwrap();
}

#[test]
fn a_key_that_cannot_be_written_is_believed_until_the_end_and_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::open(dir.path()).unwrap();
    home.remember_server(server("a", 1)).unwrap();
    // Nothing can be written while the lock is a folder.
    fs::remove_file(dir.path().join("lock")).unwrap();
    fs::create_dir(dir.path().join("lock")).unwrap();
    home.remember_server(server("a", 2)).unwrap_err();
    let copy = home.clone();
    copy.remember_server(server("b", 3)).unwrap_err();
    home.catch_up().unwrap_err();
    let pins = |home: &Home| -> Vec<u8> {
        home.servers().unwrap().into_iter().map(|known| known.pin.0[0]).collect()
    };
    assert_eq!((pins(&home), pins(&copy)), (vec![2, 3], vec![2, 3]));
    assert_eq!(pins(&Home::at(dir.path())), [1], "another program knows what is on the disk");

    fs::remove_dir(dir.path().join("lock")).unwrap();
    home.catch_up().unwrap();
    assert_eq!(pins(&Home::at(dir.path())), [2, 3]);
    assert!(home.forget_server(&address("b")).unwrap());
    assert_eq!(pins(&home), [2]);
}
