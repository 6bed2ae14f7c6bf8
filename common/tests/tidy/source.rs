//! Rules for every source file: its length, its first lines, and the lints it silences.

use crate::{assert_none, tree};

/// Lines a file may have, tests left out.
const LINES_MAX: usize = 500;

/// Files that are longer, how long they may be at most, and why. A number here may only fall.
const LONGER: &[(&str, usize, &str)] = &[];

/// Where guarded lints may be silenced, by the end of the path.
const SILENCED: &[(&str, &str)] = &[
    // The one file of a crate that reads the time.
    ("/src/clock.rs", "clippy::disallowed_methods"),
    // A program says its last words where its user looks.
    ("/src/main.rs", "clippy::print_stderr"),
    ("client-core/src/entropy.rs", "clippy::panic"),
    ("common/src/codec.rs", "clippy::disallowed_methods"),
];

/// Lints that may be silenced only as listed.
const GUARDED: &[&str] = &[
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::todo",
    "clippy::unimplemented",
    "clippy::print_stdout",
    "clippy::print_stderr",
    "clippy::too_many_lines",
    "clippy::await_holding_lock",
    "clippy::disallowed_methods",
];

#[test]
fn files_are_short() {
    let mut faults = Vec::new();
    let sources = tree::production();
    for file in &sources {
        let lines = file.text.lines().count();
        match LONGER.iter().find(|(path, ..)| *path == file.path) {
            None if lines > LINES_MAX => {
                faults.push(format!("{}: {lines} lines; split it by reasons to change", file.path));
            }
            Some((_, most, _)) if lines > *most => {
                faults.push(format!(
                    "{}: {lines} lines, and {most} is already an exception",
                    file.path
                ));
            }
            Some(_) if lines <= LINES_MAX => {
                faults
                    .push(format!("{}: {lines} lines; it needs no exception any more", file.path));
            }
            _ => {}
        }
    }
    let missing = LONGER.iter().filter(|(path, ..)| !sources.iter().any(|file| file.path == *path));
    faults.extend(missing.map(|(path, ..)| format!("{path}: listed, but not there")));
    assert_none(&faults);
}

#[test]
fn files_say_what_they_are_for() {
    let silent = tree::production().into_iter().filter(|file| !file.text.starts_with("//! "));
    let faults: Vec<_> = silent.map(|file| format!("{}: no `//!` at the top", file.path)).collect();
    assert_none(&faults);
}

#[test]
fn lints_are_not_silenced() {
    let mut faults = Vec::new();
    for file in tree::production() {
        if file.text.contains("[allow(") {
            faults.push(format!("{}: `expect` with a reason, not `allow`", file.path));
        }
        for lint in GUARDED {
            let may = |(end, of): &&(&str, &str)| file.path.ends_with(end) && of == lint;
            if file.text.contains(&format!("expect({lint}"))
                && !SILENCED.iter().any(|entry| may(&entry))
            {
                faults.push(format!("{}: silences {lint}", file.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_crate_keeps_the_lints() {
    let manifests = tree::files("", &["Cargo.toml"]);
    let members = manifests.iter().filter(|file| file.path != "Cargo.toml");
    let deaf = members.filter(|file| !file.text.contains("[lints]\nworkspace = true"));
    let faults: Vec<_> =
        deaf.map(|file| format!("{}: no `[lints] workspace = true`", file.path)).collect();
    assert!(manifests.len() > 4, "the crates of the workspace");
    assert_none(&faults);
}

#[test]
fn no_paths_of_one_machine() {
    // In two pieces, so that this file is not found.
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];
    let mut faults = Vec::new();
    for file in
        tree::files("", &[".rs", ".toml", ".md", ".py", ".json", ".service", "justfile", "run"])
    {
        let found = paths.iter().filter(|path| file.text.contains(**path));
        faults.extend(found.map(|path| format!("{}: {path}", file.path)));
    }
    assert_none(&faults);
}
