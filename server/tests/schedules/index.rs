//! What is committed is seen by all, while it wanders from the overlay into the index.

use std::sync::Arc;

use liao_common::id::Seq;
use liao_server::{
    index::Direction,
    state::view,
    store::{Applying, Store},
};
use loom::sync::atomic::{AtomicU64, Ordering};

use crate::{ROOM, beside, in_every_order, message, open};

/// Everything up to the head is there, and the head never falls behind what was finished.
fn looks(store: &Store, finished: u64) -> u64 {
    let head = view::head(store, ROOM).unwrap().seq;
    assert!(head.0 >= finished, "{head} is seen, and {finished} was finished");
    let span = (Seq::ZERO, head);
    let places = view::message_places(store, ROOM, span, Direction::Forward, usize::MAX).unwrap();
    let seqs: Vec<u64> = places.iter().map(|place| place.seq.0).collect();
    assert_eq!(seqs, (1..=head.0).collect::<Vec<_>>());
    head.0
}

/// One commits, one brings it into the index, one reads.
fn reads_while_others_write(unapplied_records_max: usize, messages: u64, looks_at: usize) {
    let (store, mut writer) = open(Applying::OwnThread, unapplied_records_max);
    let finished = Arc::new(AtomicU64::new(0));
    let (watched, reading) = (Arc::clone(&finished), Arc::clone(&store));
    let reader = beside(move || {
        let mut seen = 0;
        for _ in 0..looks_at {
            seen = looks(&reading, seen.max(watched.load(Ordering::SeqCst)));
        }
    });
    for seq in 1..=messages {
        let mut batch = writer.batch();
        batch.stage(&[message(seq)]).unwrap();
        batch.finish().unwrap();
        finished.store(seq, Ordering::SeqCst);
    }
    reader.join().unwrap();
    writer.close().unwrap();
    assert_eq!((store.unapplied_records(), looks(&store, messages)), (0, messages));
}

#[test]
fn what_is_finished_is_seen_on_its_way_into_the_index() {
    in_every_order(2, || reads_while_others_write(100, 2, 2));
}

/// Nobody has to ask for it: the index's thread is woken by the first record.
#[test]
fn what_is_finished_reaches_the_index_unasked() {
    in_every_order(3, || {
        let (store, mut writer) = open(Applying::OwnThread, 100);
        writer.commit(vec![vec![message(1)]]).unwrap();
        while store.unapplied_records() > 0 {
            loom::thread::yield_now();
        }
        writer.close().unwrap();
    });
}

/// The writer waits for the index, and the index for the writer; none for ever.
#[test]
fn a_writer_that_waits_for_the_index_goes_on() {
    in_every_order(3, || reads_while_others_write(1, 3, 0));
}

/// Dropped without a close, as in a crash: the index's thread ends all the same.
#[test]
fn a_writer_that_is_dropped_ends_the_thread_of_the_index() {
    in_every_order(3, || {
        let (store, mut writer) = open(Applying::OwnThread, 100);
        writer.commit(vec![vec![message(1)]]).unwrap();
        drop(writer);
        looks(&store, 1);
    });
}
