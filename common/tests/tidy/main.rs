//! The house rules that no compiler checks: sizes, borders between folders, silenced lints, links, and
//! that the documents say what the code says. Reads the whole tree; owns the lists of exceptions,
//! which may only shrink. `cfg(test)` stands on the modules for the lints, which allow `unwrap` and
//! `panic` under it only.

#[cfg(test)]
mod borders;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod source;
#[cfg(test)]
mod tree;

/// Fails with all faults at once, so that one run is enough.
#[cfg(test)]
#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
