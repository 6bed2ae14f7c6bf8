//! Every frame against its file under `tests/golden`: the same bytes, and the same value back.
//! `UPDATE_GOLDEN=1` writes the files; a missing or superfluous file fails.

use std::{collections::BTreeSet, fs, path::PathBuf};

use liao_common::{event::Event, fault::FaultCode, request};
use serde_json::{Value, json};

use super::{
    cases::{self, Case},
    json::{hex, unhex, view},
};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// What the file of a case must hold.
fn render(case: &Case) -> String {
    let frame = cases::parse(&case.frame);
    let shown = json!({
        "type": frame.kind(),
        "rid": frame.rid,
        "body": view(&frame.body),
        "hex": hex(&case.frame),
    });
    serde_json::to_string_pretty(&shown).unwrap() + "\n"
}

#[test]
fn frames_are_as_in_their_golden_files() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    for case in cases::all() {
        let path = folder().join(format!("{}.json", case.name));
        if update {
            fs::write(&path, render(&case)).unwrap();
        }
        let file =
            fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert_eq!(file, render(&case), "{}", case.name);
        let shown: Value = serde_json::from_str(&file).unwrap();
        let bytes = unhex(shown["hex"].as_str().unwrap());
        assert!((case.same)(&cases::parse(&bytes)), "{} is not read back as it was", case.name);
    }
}

#[test]
fn no_golden_file_is_left_over() {
    let wanted: BTreeSet<String> =
        cases::all().into_iter().map(|case| case.name + ".json").collect();
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(wanted.len(), cases::all().len(), "two cases share a name");
}

#[test]
fn every_request_answer_and_fault_has_a_golden_file() {
    let cases = cases::all();
    for kind in request::KINDS {
        assert!(cases.iter().any(|case| case.kind == *kind), "{kind} has no case");
        assert!(cases.iter().any(|case| case.answers == *kind), "the answer of {kind} has no case");
    }
    for code in FaultCode::ALL {
        let name = format!("err-{}", code.as_str());
        assert!(cases.iter().any(|case| case.name == name), "{name} has no case");
    }
}

#[test]
fn events_are_read_by_their_type() {
    for case in cases::all().iter().filter(|case| case.name.starts_with("event-")) {
        let event = Event::decode(&cases::parse(&case.frame)).unwrap();
        // `bye` goes to the server only, so a client reads it as a type it does not know.
        assert_eq!(event.is_some(), case.kind != "bye", "{}", case.name);
    }
}

#[test]
fn every_event_type_of_the_code_has_a_golden_file() {
    let cases = cases::all();
    let kinds = super::document::event_kinds();
    assert!(kinds.len() >= 15, "the list of types was not found: {kinds:?}");
    for kind in kinds {
        assert!(cases.iter().any(|case| case.kind == kind), "{kind} has no case");
    }
}
