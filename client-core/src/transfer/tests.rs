use super::*;

fn with(changes: &[TransferChange]) -> Transfers {
    let mut transfers = Transfers::default();
    let id = TransferId(1);
    let added = TransferChange::Added {
        direction: Direction::Upload,
        room: RoomId(1),
        name: "a\u{1b}[2J.txt".to_owned(),
        size: 1000,
        fid: None,
    };
    transfers.apply(&TransferNotice { id, change: added });
    for change in changes {
        transfers.apply(&TransferNotice { id, change: change.clone() });
    }
    transfers
}

fn row(transfers: &Transfers) -> &Transfer {
    transfers.find(TransferId(1)).unwrap()
}

const fn moved(done: u64, at_ms: u64) -> TransferChange {
    TransferChange::Moved { done, at_ms }
}

const fn phase(phase: Phase, at_ms: u64) -> TransferChange {
    TransferChange::Phase { phase, at_ms }
}

#[test]
fn a_steady_flow_has_its_rate_and_an_end() {
    let transfers =
        with(&[phase(Phase::Moving, 0), moved(0, 0), moved(100, 1000), moved(200, 2000)]);
    let row = row(&transfers);
    assert_eq!((row.rate(), row.percent(), row.seconds_left()), (100, 20, Some(8)));
    assert_eq!(row.name, "a␛[2J.txt");
}

#[test]
fn where_a_resumed_transfer_begins_is_no_speed() {
    let transfers = with(&[phase(Phase::Moving, 5000), moved(900, 5010), moved(910, 6010)]);
    assert_eq!(row(&transfers).rate(), 10);
}

#[test]
fn a_transfer_without_bytes_is_stalled_and_a_paused_one_is_not() {
    let transfers = with(&[phase(Phase::Moving, 0), moved(0, 0), moved(100, 1000)]);
    assert!(!row(&transfers).is_stalled(5999));
    assert!(row(&transfers).is_stalled(6000));
    let transfers =
        with(&[phase(Phase::Moving, 0), moved(0, 0), moved(100, 1000), phase(Phase::Paused, 1001)]);
    assert!(!row(&transfers).is_stalled(99_000));
    assert_eq!(row(&transfers).rate(), 0);
}

#[test]
fn what_was_hashed_has_not_moved() {
    let hashed = [phase(Phase::Hashing, 0), moved(500, 1), moved(1000, 2)];
    let transfers = with(&[&hashed[..], &[phase(Phase::Cut, 3)]].concat());
    assert_eq!(row(&transfers).percent(), 0);
    let sent = [phase(Phase::Moving, 4), moved(0, 4), moved(300, 4), phase(Phase::Paused, 5)];
    assert_eq!(row(&with(&[&hashed[..], &sent].concat())).done, 300);
    let again = [phase(Phase::Hashing, 6), moved(700, 7), phase(Phase::Paused, 8)];
    assert_eq!(row(&with(&[&hashed[..], &sent, &again].concat())).done, 300);
}

#[test]
fn an_empty_file_is_complete() {
    let mut transfers = Transfers::default();
    let change = TransferChange::Added {
        direction: Direction::Download,
        room: RoomId(1),
        name: String::new(),
        size: 0,
        fid: Some(FileId(3)),
    };
    transfers.apply(&TransferNotice { id: TransferId(1), change });
    assert_eq!(row(&transfers).percent(), 100);
    assert_eq!(transfers.of_file(FileId(3)).map(|row| row.id), Some(TransferId(1)));
}

#[test]
fn finished_ones_leave_the_list_in_the_end() {
    let mut transfers = Transfers::default();
    for id in 0..200 {
        let change = TransferChange::Added {
            direction: Direction::Upload,
            room: RoomId(1),
            name: String::new(),
            size: 0,
            fid: None,
        };
        transfers.apply(&TransferNotice { id: TransferId(id), change });
        let change = phase(Phase::Cancelled, 0);
        transfers.apply(&TransferNotice { id: TransferId(id), change });
    }
    assert!(transfers.iter().count() <= FINISHED_MAX + 1);
    assert!(transfers.find(TransferId(199)).is_some());
}
