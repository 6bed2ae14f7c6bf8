//! What the operator is told in the server's log about a start, in sentences. Pure but for the counts,
//! which are read from the store.

use std::{net::SocketAddr, path::Path};

use liao_common::id::Pin;

use crate::{
    journal::{JournalError, TailCut},
    state::{key, view},
    store::{IndexFate, Progress, Recovery, Store, StoreError},
};

/// Rooms whose messages are counted for the log; a server with more of them does not count.
const COUNTED_ROOMS_MAX: usize = 10_000;

/// How far the reading of the journal is, is told this often, in milliseconds.
const PROGRESS_EVERY_MS: u64 = 2000;

/// What there is to tell of data that were opened.
pub(crate) struct Opening {
    counts: String,
    took_ms: u64,
}

impl Opening {
    /// Counts what is quickly counted.
    pub(crate) fn of(store: &Store, took_ms: u64) -> Self {
        let counts = counts(store).unwrap_or_else(|error| format!("not counted: {error}"));
        Self { counts, took_ms }
    }

    /// The server takes connections now.
    pub(crate) fn told(&self, data: &Path, addr: SocketAddr, pin: Option<Pin>) {
        let Self { counts, took_ms } = self;
        let (version, data) = (env!("CARGO_PKG_VERSION"), data.display());
        let key = match pin {
            Some(pin) => format!("with the key {pin}"),
            None => "without encryption".to_owned(),
        };
        tracing::info!(
            "liaod {version} serves {data} at {addr} {key}. Opened in {took_ms} ms: {counts}"
        );
    }
}

fn counts(store: &Store) -> Result<String, StoreError> {
    let accounts = view::next_number(store, key::ACCOUNTS)? - 1;
    let rooms = view::next_number(store, key::ROOMS)? - 1;
    let messages = view::message_count(store, COUNTED_ROOMS_MAX)?;
    let messages = messages.map_or_else(String::new, |count| format!(", messages {count}"));
    Ok(format!("accounts {accounts}, rooms {rooms}{messages}"))
}

/// Tells now and then how far a replay is.
pub(crate) fn progress(clock: fn() -> u64) -> impl FnMut(Progress) {
    let mut told_ms = clock();
    move |Progress { position, end, records }| {
        let now_ms = clock();
        if now_ms.saturating_sub(told_ms) >= PROGRESS_EVERY_MS {
            told_ms = now_ms;
            tracing::info!(
                "reading the journal: {records} records so far, at byte {} of segment {} of {}",
                position.offset,
                position.segment,
                end.segment
            );
        }
    }
}

/// What was found and repaired before the start.
pub(crate) fn recovered(recovery: &Recovery) {
    if recovery.journal_fell_back {
        tracing::error!("{}", fell_back(&recovery.cuts));
    } else {
        recovery.cuts.iter().for_each(cut);
    }
    if let Some((at, reason)) = recovery.damage {
        tracing::error!("{}", passed_by(&JournalError::damaged(at, reason)));
    }
    if let IndexFate::Rebuilt { reason, aside } = &recovery.index
        && (aside.is_some() || recovery.replayed_records > 0)
    {
        tracing::warn!("{}", made_anew(reason, aside.as_deref(), recovery.replayed_records));
    }
}

/// What was cut off an incomplete end.
pub(crate) fn cut(cut: &TailCut) {
    tracing::warn!("{}", cut_off(cut));
}

fn fell_back(cuts: &[TailCut]) -> String {
    let cuts = cuts.iter().map(|cut| format!(" What could not be read: {}.", end_of(cut)));
    format!(
        "the journal ends before what people were told: the disk lost messages that were \
         acknowledged. Everybody is told to read anew; if there is a backup, it may have them.{}",
        cuts.collect::<String>()
    )
}

fn cut_off(cut: &TailCut) -> String {
    format!(
        "the journal's tail was not complete and has been cut off: {}. On a disk that keeps what it \
         was told to keep, nothing acknowledged was in it",
        end_of(cut)
    )
}

fn end_of(cut: &TailCut) -> String {
    let TailCut { end, bytes, reason, kept_in } = cut;
    let kept = match kept_in {
        Some(name) => format!("a copy is in journal/{name}"),
        None => "the disk was too full for a copy".to_owned(),
    };
    format!(
        "{bytes} bytes behind byte {} of {:08}.log, since {reason}; {kept}",
        end.offset, end.segment
    )
}

fn passed_by(error: &JournalError) -> String {
    format!(
        "{error}. The index knows all other records, so the server goes on, and whoever reads a \
         damaged message is told so. Put that segment back from a backup: without the index the \
         server would not start"
    )
}

fn made_anew(reason: &str, aside: Option<&str>, records: u64) -> String {
    let aside = aside.map(|name| format!("; the old one is kept as {name}"));
    format!(
        "the index was made anew from the journal, {records} records, since {reason}{}",
        aside.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Flaw, Position};

    #[test]
    fn what_was_repaired_is_said_in_sentences() {
        let end = Position { segment: 3, offset: 4096 };
        let kept_in = Some("tail-1.cut".to_owned());
        let cut = TailCut { end, bytes: 700, reason: Flaw::Checksum, kept_in };
        let error = JournalError::damaged(end, Flaw::Checksum);
        let said = [
            cut_off(&cut),
            cut_off(&TailCut { kept_in: None, ..cut.clone() }),
            fell_back(std::slice::from_ref(&cut)),
            fell_back(&[]),
            passed_by(&error),
            made_anew("its newest part is gone", Some("index.bad-1"), 12),
            made_anew("there was none", None, 12),
        ];
        for sentence in &said {
            let raw = ['{', '}', '"'];
            assert!(!sentence.contains(raw) && !sentence.contains("Some"), "{sentence}");
        }
        assert!(said[0].contains("700 bytes behind byte 4096 of 00000003.log"), "{}", said[0]);
        assert!(said[0].contains("a checksum does not match"), "{}", said[0]);
        assert!(said[0].contains("journal/tail-1.cut"), "{}", said[0]);
        assert!(
            said[5].contains("since its newest part is gone; the old one is kept as index.bad-1")
        );
    }
}
