//! Why a server could not be reached or a link is down, in sentences. Pure.

use std::{io, path::Path};

use liao_client_core::{
    address::{Address, AddressError},
    answer::CallError,
    notice::Cut,
    timeline::Farewell,
    transfer::TransferFault,
    trust::ConnectError,
};
use liao_common::{event::Rank, fault::FaultCode};

use crate::{
    format,
    input::{PrivateTrouble, Unkept, Unstored},
    words::Words,
};

/// Key of the sentence for an address that is none.
pub(crate) const fn address_error(error: AddressError) -> &'static str {
    match error {
        AddressError::Empty => "invalid.address_empty",
        AddressError::Host | AddressError::Link => "invalid.address_form",
        AddressError::Port => "invalid.address_port",
        AddressError::Pin => "invalid.address_pin",
    }
}

/// Key of the sentence for a refusal.
pub(super) fn fault_key(code: FaultCode) -> String {
    format!("fault.{}", code.as_str())
}

/// Why a server could not be reached, as a sentence.
#[must_use]
pub fn connect_sentence(error: &ConnectError, address: &Address, words: &Words) -> String {
    let key = match error {
        ConnectError::NoSuchHost(_) => {
            return words.fill("connect.no_address", &[("host", &address.host)]);
        }
        ConnectError::KeysUnreadable(reason) => return keys_sentence(reason, words),
        ConnectError::Refused => "connect.refused",
        ConnectError::Unreachable(_) => "connect.unreachable",
        ConnectError::Timeout => "connect.timed_out",
        ConnectError::Tls(_) => "connect.tls",
        ConnectError::Unencrypted => "connect.unencrypted",
        ConnectError::PinChanged { .. } => "trust.changed",
        ConnectError::LinkMismatch { .. } => "trust.link_mismatch",
        ConnectError::Uncertified { .. } => "trust.uncertified",
        ConnectError::Expired => "connect.expired",
        ConnectError::NotYetValid => "connect.not_yet_valid",
        ConnectError::KeyUnknown => "trust.first_time",
        ConnectError::NotLoopback => "connect.not_loopback",
        ConnectError::Protocol(_) => "connect.not_liao",
    };
    words.fill(key, &[("address", address)])
}

/// The file of known keys cannot be read, as a sentence.
#[must_use]
pub fn keys_sentence(reason: &str, words: &Words) -> String {
    words.fill("connect.keys_unreadable", &[("reason", &reason)])
}

/// Why a link is down for a while, as a sentence.
#[must_use]
pub fn cut_sentence(cut: &Cut, address: &str, words: &Words) -> String {
    match cut {
        Cut::NoSuchHost(_) => {
            let host = Address::parse(address).map_or_else(|_| address.to_owned(), |at| at.host);
            words.fill("connect.no_address", &[("host", &host)])
        }
        Cut::Refused => words.fill("connect.refused", &[("address", &address)]),
        Cut::Unreachable(_) => words.fill("connect.unreachable", &[("address", &address)]),
        Cut::Timeout | Cut::Silent => words.fill("connect.timed_out", &[("address", &address)]),
        Cut::Tls(_) => words.fill("connect.tls", &[("address", &address)]),
        Cut::Expired => words.fill("connect.expired", &[("address", &address)]),
        Cut::NotYetValid => words.fill("connect.not_yet_valid", &[("address", &address)]),
        Cut::Protocol(_) => words.fill("connect.not_liao", &[("address", &address)]),
        Cut::Unencrypted => words.fill("connect.unencrypted", &[("address", &address)]),
        Cut::Encrypted => words.fill("connect.encrypted", &[("address", &address)]),
        Cut::Lost => words.t("connect.cut").to_owned(),
        Cut::GoAway(code) => words.fault(liao_common::fault::FaultCode::parse(code)),
        Cut::Busy(fault) => words.fault(fault.code),
    }
}

/// Why there is no private server, as a sentence.
pub(super) fn private_sentence(trouble: &PrivateTrouble, words: &Words) -> String {
    match trouble {
        PrivateTrouble::InUse(path) => {
            words.fill("server.data_in_use", &[("path", &Path::display(path))])
        }
        PrivateTrouble::Failed(reason) => {
            words.fill("server.start_failed", &[("reason", &reason.trim_end_matches('.'))])
        }
    }
}

/// What the disk did not take, as a sentence.
#[must_use]
pub fn unstored_sentence(
    what: Unstored,
    kind: io::ErrorKind,
    reason: &str,
    words: &Words,
) -> String {
    let key = match what {
        Unstored::Key => "unkept.key",
        Unstored::Login => "unkept.login",
    };
    words.fill(key, &[("reason", &io_reason(kind, reason, words))])
}

/// Why unsent messages are not on the disk, as a sentence.
pub(super) fn unkept_sentence(unkept: &Unkept, words: &Words) -> String {
    match unkept {
        Unkept::InUse => words.t("unkept.in_use").to_owned(),
        Unkept::Failed(kind, reason) => {
            let reason = io_reason(*kind, reason, words);
            words.fill("unkept.failed", &[("reason", &reason)])
        }
    }
}

/// Why a request came to nothing, as a sentence.
#[must_use]
pub fn call_sentence(error: &CallError, words: &Words) -> String {
    match error {
        CallError::Fault(fault) => words.fault(fault.code),
        CallError::Lost => words.t("connect.cut").to_owned(),
        CallError::Full => words.fault(FaultCode::Busy),
        CallError::Closed => words.t("link.idle").to_owned(),
        CallError::Decode(_) => words.fault(FaultCode::Internal),
    }
}

/// What the operating system says of a file, in a few words; in its own where there are none.
#[must_use]
pub fn io_reason(kind: io::ErrorKind, said: &str, words: &Words) -> String {
    let key = match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "io.full",
        io::ErrorKind::PermissionDenied => "io.denied",
        io::ErrorKind::NotFound => "io.missing",
        io::ErrorKind::IsADirectory => "io.folder",
        io::ErrorKind::ReadOnlyFilesystem => "io.read_only",
        _ => return said.to_owned(),
    };
    words.t(key).to_owned()
}

/// Why a transfer stopped, as a sentence.
#[must_use]
pub fn fault_sentence(words: &Words, fault: &TransferFault, name: &str) -> String {
    let with_name = |key: &str| words.fill(key, &[("file", &name), ("path", &name)]);
    match fault {
        TransferFault::Missing => with_name("files.not_found"),
        TransferFault::Unreadable(_) => with_name("files.unreadable"),
        TransferFault::NotAFile => with_name("files.not_a_file"),
        TransferFault::Changed => with_name("files.vanished"),
        TransferFault::Unwritable(_) => with_name("files.unwritable"),
        TransferFault::DiskFull => with_name("files.no_space"),
        TransferFault::HashMismatch => with_name("files.hash_differs"),
        TransferFault::TooLarge { size, bytes_max } => too_large(words, name, (*size, *bytes_max)),
        // A file that is too large by itself was not offered, so it is the sum.
        TransferFault::Refused(fault) if fault.code == FaultCode::TooLarge => {
            with_name("files.no_quota")
        }
        TransferFault::Refused(fault) => words.fault(fault.code),
        TransferFault::TooMany => words.t("files.too_many").to_owned(),
        TransferFault::LinkEnded => words.t("link.idle").to_owned(),
        TransferFault::OtherLog => with_name("files.other_log"),
    }
}

/// A file is larger than the server takes, as a sentence: its size and the limit, in bytes.
#[must_use]
pub fn too_large(words: &Words, name: &str, (size, bytes_max): (u64, u64)) -> String {
    let (size, limit) = format::sizes_apart(size, bytes_max);
    words.fill("files.too_large", &[("file", &name), ("size", &size), ("limit", &limit)])
}

/// Who was taken out of a room, by whom, and why.
pub(crate) fn farewell_sentence(
    words: &Words,
    name: &str,
    by: &str,
    farewell: &Farewell,
) -> String {
    let key = match (farewell.ban, farewell.why.is_empty()) {
        (false, true) => "room.removed",
        (false, false) => "room.removed_why",
        (true, true) => "room.banned",
        (true, false) => "room.banned_why",
    };
    words.fill(key, &[("name", &name), ("by", &by), ("reason", &farewell.why)])
}

/// Who keeps order in a room from now on.
pub(crate) fn role_sentence(words: &Words, name: &str, other: &str, rank: Rank) -> String {
    let key = match rank {
        Rank::Owner => "room.made_owner",
        Rank::Moderator => "room.made_moderator",
        Rank::Member => "room.made_member",
        Rank::Other => return words.t("timeline.unknown").to_owned(),
    };
    words.fill(key, &[("name", &name), ("other", &other)])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::words::Language;

    #[test]
    fn every_way_to_miss_a_server_has_a_sentence_of_its_own() {
        let why = String::new;
        let cuts = [
            Cut::NoSuchHost(why()),
            Cut::Refused,
            Cut::Unreachable(why()),
            Cut::Timeout,
            Cut::Tls(why()),
            Cut::Expired,
            Cut::NotYetValid,
            Cut::Unencrypted,
            Cut::Encrypted,
            Cut::Lost,
            Cut::Protocol(why()),
        ];
        for words in Language::ALL.map(Words::of) {
            let sentences: BTreeSet<String> =
                cuts.iter().map(|cut| cut_sentence(cut, "example.org:1", words)).collect();
            assert_eq!(sentences.len(), cuts.len(), "{sentences:#?}");
            assert!(sentences.iter().all(|text| !text.contains('{')), "{sentences:#?}");
        }
    }
}
