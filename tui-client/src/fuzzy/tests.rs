//! What is found by which letters, and in what order.

use proptest::prelude::*;

use super::*;

/// The candidate with its matched characters in brackets.
fn marked(query: &str, candidate: &str) -> Option<String> {
    let found = find(query, candidate)?;
    let mark = |(at, c): (usize, char)| {
        if found.offsets.contains(&at) { format!("[{c}]") } else { c.to_string() }
    };
    Some(candidate.char_indices().map(mark).collect())
}

#[test]
fn letters_are_found_in_order() {
    for (query, candidate, expected) in [
        ("", "bob", Some("bob")),
        ("bb", "bob", Some("[b]o[b]")),
        ("BOB", "bob", Some("[b][o][b]")),
        ("bo", "Bob", Some("[B][o]b")),
        ("obb", "bob", None),
        ("rs", "#rust", Some("#[r]u[s]t")),
        ("go ch", "go to chat", Some("[g][o] to [c][h]at")),
        ("lw", "老王", Some("[老][王]")),
        ("laow", "老王", Some("[老][王]")),
        ("laowang", "老王", Some("[老][王]")),
        ("老", "老王", Some("[老]王")),
        ("w", "老王", Some("老[王]")),
        ("wl", "老王", None),
        ("lx", "老王", None),
        ("zxl", "曾小立", Some("[曾][小][立]")),
        ("cxl", "曾小立", Some("[曾][小][立]")),
        ("lv", "吕布", Some("[吕]布")),
        ("lu", "吕布", Some("[吕]布")),
        ("jsb", "技术部 backend", Some("[技][术][部] backend")),
        ("x", "", None),
    ] {
        assert_eq!(marked(query, candidate).as_deref(), expected, "{query} in {candidate}");
    }
}

#[test]
fn the_likelier_comes_first() {
    for (query, candidates, expected) in [
        ("rust", vec!["trusty", "#rust-help", "#rust"], vec!["#rust", "#rust-help", "trusty"]),
        ("ab", vec!["xaxb", "a-b", "abc"], vec!["abc", "a-b", "xaxb"]),
        ("lw", vec!["flow", "李大伟", "老王"], vec!["老王", "李大伟", "flow"]),
        ("", vec!["b", "a"], vec!["b", "a"]),
    ] {
        let ranked = rank(query, candidates, |text| text, 10);
        assert_eq!(
            ranked.into_iter().map(|(text, _)| text).collect::<Vec<_>>(),
            expected,
            "{query}"
        );
    }
    assert_eq!(rank("a", ["a", "ab", "abc"], |text| text, 2).len(), 2);
}

proptest! {
    #[test]
    fn offsets_are_characters_in_order(query in "[a-z ]{0,6}|\\PC{0,4}", candidate in "([a-z#-]|[老王曾吕]|\\PC){0,20}") {
        if let Some(found) = find(&query, &candidate) {
            prop_assert!(found.offsets.is_sorted_by(|a, b| a < b));
            prop_assert!(found.offsets.iter().all(|at| candidate.is_char_boundary(*at) && *at < candidate.len()));
        }
    }

    #[test]
    fn every_subsequence_is_found(candidate in "[a-z]{1,20}", keep in prop::collection::vec(any::<bool>(), 20)) {
        let query: String = candidate.chars().zip(keep).filter(|(_, keep)| *keep).map(|(c, _)| c).collect();
        let found = find(&query, &candidate);
        prop_assert_eq!(found.map(|found| found.offsets.len()), Some(query.len()));
    }
}
