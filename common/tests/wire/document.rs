//! docs/PROTOCOL.md against the code: the same types, fields, fault codes and limits, none
//! missing and none too many. The tables of its reference part are read here.

use std::collections::{BTreeMap, BTreeSet};

use liao_common::{fault::FaultCode, limits, request};
use serde_json::Value;

use super::{cases, json};

const DOCUMENT: &str = include_str!("../../../docs/PROTOCOL.md");
const EVENT_SOURCE: &str = include_str!("../../src/event.rs");
const LIMITS_SOURCE: &str = include_str!("../../src/limits.rs");

/// Header types that are no requests, as `event::kind` of the code has them.
pub(crate) fn event_kinds() -> Vec<&'static str> {
    let constant = |line: &'static str| {
        let (_, text) = line.trim().strip_prefix("pub const ")?.split_once(": &str = \"")?;
        text.strip_suffix("\";")
    };
    EVENT_SOURCE.lines().filter_map(constant).collect()
}

/// The rows of the table under a heading, without its head; cells as they stand.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let from = DOCUMENT
        .lines()
        .position(|line| line.trim_start_matches('#').trim() == heading)
        .unwrap_or_else(|| panic!("the document has no heading {heading:?}"));
    let rows: Vec<_> = DOCUMENT
        .lines()
        .skip(from + 1)
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "no table under {heading:?}");
    rows
}

fn code(cell: &'static str) -> &'static str {
    cell.trim_matches('`')
}

/// A body as the document tells it: its fields with their types, `true` for optional ones.
type Shape = BTreeMap<&'static str, (&'static str, bool)>;

fn shape(cell: &'static str) -> Shape {
    let field = |token: &'static str| {
        let (name, kind) = token.split_once(':')?;
        Some((name.trim_end_matches('?'), (kind, name.ends_with('?'))))
    };
    cell.split('`').skip(1).step_by(2).filter_map(field).collect()
}

struct Book {
    shapes: BTreeMap<&'static str, Shape>,
    requests: BTreeMap<&'static str, (Shape, &'static str)>,
    events: BTreeMap<&'static str, &'static str>,
}

fn book() -> Book {
    let shapes = table("Shapes").into_iter().map(|row| (code(row[0]), shape(row[1]))).collect();
    let requests = table("Requests")
        .into_iter()
        .map(|row| (code(row[0]), (shape(row[1]), code(row[2]))))
        .collect();
    let events =
        table("Answers and events").into_iter().map(|row| (code(row[0]), code(row[2]))).collect();
    Book { shapes, requests, events }
}

impl Book {
    /// What the body of a case must look like.
    fn shape_of(&self, case: &cases::Case) -> &Shape {
        // `mark` is a request and an event, so the type alone does not tell.
        match self.requests.get(case.kind) {
            Some((shape, _)) if !case.name.starts_with("event-") => return shape,
            _ => {}
        }
        let name = match self.requests.get(case.answers) {
            Some((_, answer)) => answer,
            None => self.events.get(case.kind).expect("the type is in the document"),
        };
        self.shape(name)
    }

    fn shape(&self, name: &str) -> &Shape {
        self.shapes.get(name).unwrap_or_else(|| panic!("no shape {name:?} in the document"))
    }
}

/// One walk of a body beside its shape.
struct Walk<'a> {
    book: &'a Book,
    /// JSON pointers of the fields met, each with whether it may be absent.
    met: Vec<(String, bool)>,
    /// Fields met, by the address of their shape: what remains is documented and never used.
    used: &'a mut BTreeSet<(*const Shape, &'static str)>,
}

impl Walk<'_> {
    fn map(&mut self, at: &str, value: &Value, shape: &Shape) {
        let map = value.as_object().unwrap_or_else(|| panic!("{at} is no map"));
        for (name, (_, optional)) in shape {
            assert!(*optional || map.contains_key(*name), "{at}/{name} is documented as required");
        }
        for (key, value) in map {
            let at = format!("{at}/{key}");
            let (name, (kind, optional)) =
                shape.get_key_value(key.as_str()).unwrap_or_else(|| panic!("{at}: undocumented"));
            self.met.push((at.clone(), *optional));
            self.used.insert((std::ptr::from_ref(shape), name));
            self.value(&at, value, kind);
        }
    }

    fn value(&mut self, at: &str, value: &Value, kind: &str) {
        if let Some(inner) = kind.strip_prefix('[').and_then(|rest| rest.strip_suffix("…]")) {
            let items = value.as_array().unwrap_or_else(|| panic!("{at} is no list"));
            items.iter().enumerate().for_each(|(i, v)| self.value(&format!("{at}/{i}"), v, inner));
            return;
        }
        if let Some(inner) = kind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let items = value.as_array().unwrap_or_else(|| panic!("{at} is no tuple"));
            assert_eq!(items.len(), inner.split(',').count(), "{at}: entries of the tuple");
            items.iter().zip(inner.split(',')).for_each(|(v, kind)| self.value(at, v, kind));
            return;
        }
        let bytes = json::bin(value).map(|hex| hex.len() / 2);
        let fits = match kind {
            "uint" | "ms" => value.is_u64(),
            "str" => value.is_string(),
            "bool" => value.is_boolean(),
            "bin" => bytes.is_some(),
            "bin16" => bytes == Some(16),
            "bin32" => bytes == Some(32),
            name => return self.map(at, value, self.book.shape(name)),
        };
        assert!(fits, "{at} is documented as {kind} and is {value}");
    }
}

#[test]
fn every_body_is_as_the_document_says() {
    let book = book();
    let mut used = BTreeSet::new();
    for case in cases::all() {
        let frame = cases::parse(&case.frame);
        let body = json::view(&frame.body);
        let mut walk = Walk { book: &book, met: Vec::new(), used: &mut used };
        walk.map(&case.name, &body, book.shape_of(&case));
        for (at, optional) in walk.met {
            check_removal(&case, &body, at.strip_prefix(&case.name).unwrap(), optional);
        }
    }
    let all = book.shapes.values().chain(book.requests.values().map(|(shape, _)| shape));
    for shape in all {
        for name in shape.keys() {
            let met = used.contains(&(std::ptr::from_ref(shape), *name));
            assert!(met, "{name} of {:?} is documented and in no frame", shape.keys());
        }
    }
}

/// Takes one field out and compares: readers must do without exactly the optional ones.
fn check_removal(case: &cases::Case, body: &Value, pointer: &str, optional: bool) {
    let mut less = body.clone();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    let map = less.pointer_mut(parent).and_then(Value::as_object_mut).expect("a map");
    map.remove(key).expect("the field is there");
    let rid = cases::parse(&case.frame).rid;
    let frame = liao_common::codec::frame_raw(case.kind, rid, &json::bytes(&less));
    let reads = (case.reads)(&cases::parse(&frame));
    assert_eq!(reads, optional, "{}{pointer}: may it be absent?", case.name);
}

#[test]
fn the_types_are_the_same() {
    let book = book();
    let code: BTreeSet<_> = request::KINDS.iter().copied().collect();
    assert_eq!(book.requests.keys().copied().collect::<BTreeSet<_>>(), code);
    let code: BTreeSet<_> = event_kinds().into_iter().collect();
    assert_eq!(book.events.keys().copied().collect::<BTreeSet<_>>(), code);
}

#[test]
fn the_fault_codes_are_the_same() {
    let document: Vec<_> = table("Faults").into_iter().map(|row| code(row[0])).collect();
    let code: Vec<_> = FaultCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(document, code, "same codes in the same order");
}

macro_rules! numbers {
    ($($name:ident)*) => { [$((stringify!($name), limits::$name as u64),)*] };
}

#[test]
fn the_limits_are_the_same() {
    let numbers = BTreeMap::from(numbers![
        PROTOCOL_VERSION PORT_DEFAULT FRAME_BYTES_MAX_EARLY FRAME_BYTES_MAX TEXT_BYTES_MAX
        TEXT_LINES_MAX PAGE_MESSAGES_MAX PAGE_ENTRIES_MAX REQUESTS_IN_FLIGHT_MAX
        REPLAY_MESSAGES_MAX DEPTH_MAX ENTRIES_MAX BAD_REQUESTS_MAX CHUNK_BYTES WINDOW_BYTES
        TRANSFERS_MAX TRANSFERS_PER_USER_MAX FILE_NAME_BYTES_MAX USER_NAME_GRAPHEMES_MAX DISPLAY_NAME_GRAPHEMES_MAX
        ROOM_NAME_GRAPHEMES_MAX NAME_BYTES_MAX TOPIC_GRAPHEMES_MAX TOPIC_BYTES_MAX
        REASON_GRAPHEMES_MAX REASON_BYTES_MAX MODERATORS_MAX BANS_MAX PASSWORD_CHARS_MIN
        PASSWORD_BYTES_MAX MENTIONS_MAX ROOMS_PER_USER_MAX PRESENCE_NAMES_MAX PRESENCE_FIRST_MAX
        PING_AFTER_MS SILENCE_MAX_MS PRESENCE_GRACE_MS
    ]);
    let document: BTreeMap<_, _> =
        table("Limits").into_iter().map(|row| (code(row[0]), row[1].replace(',', ""))).collect();
    let mut names = BTreeSet::new();
    for line in LIMITS_SOURCE.lines().filter_map(|line| line.strip_prefix("pub const ")) {
        let name = line.split_once(':').expect("a constant has a type").0;
        names.insert(name);
        let want = match numbers.get(name) {
            Some(number) => number.to_string(),
            None => {
                assert_eq!(name, "ALPN", "add the new limit to this test and to the document");
                format!("`{}`", std::str::from_utf8(limits::ALPN).unwrap())
            }
        };
        assert_eq!(document.get(name), Some(&want), "{name} in the table of limits");
    }
    assert_eq!(document.into_keys().collect::<BTreeSet<_>>(), names);
}
