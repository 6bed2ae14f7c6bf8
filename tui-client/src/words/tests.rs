//! Both languages say the same things, and every word that the program asks for exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use liao_common::fault::FaultCode;

use super::*;

fn placeholders(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut rest = text;
    while let Some((_, name, after)) = next_placeholder(rest) {
        names.insert(name);
        rest = after;
    }
    names
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs")
            && !path.ends_with("words/tests.rs")
        {
            found.push(path);
        }
    }
}

/// String literals in the program's source that look like keys of a known group.
fn literals() -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let is_key = |piece: &&str| {
            piece.contains('.')
                && piece
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c))
        };
        // Every second piece between quotes is a literal, if no literal holds a quote; others do not look
        // like keys.
        found.extend(text.split('"').filter(is_key).map(str::to_owned));
    }
    found
}

#[test]
fn both_files_parse_and_hold_texts_only() {
    for source in [ENGLISH_TOML, CHINESE_TOML] {
        let table: toml::Table = source.parse().unwrap();
        for (group, value) in &table {
            let texts = value.as_table().unwrap_or_else(|| panic!("{group} is not a group"));
            let leaves_ok = |value: &toml::Value| {
                value.as_str().is_some_and(|text| !text.is_empty()) || value.is_table()
            };
            assert!(texts.values().all(leaves_ok), "{group} has an empty text or another type");
        }
    }
}

#[test]
fn both_languages_have_the_same_keys_and_placeholders() {
    let (english, chinese) = (Words::of(Language::English), Words::of(Language::Chinese));
    let keys = |words: &'static Words| words.keys().collect::<BTreeSet<_>>();
    assert_eq!(keys(english), keys(chinese), "left has no Chinese, right has no English");
    for key in keys(english) {
        assert_eq!(placeholders(english.t(key)), placeholders(chinese.t(key)), "{key}");
    }
}

#[test]
fn counted_words_have_both_forms() {
    let words = Words::of(Language::English);
    let keys: BTreeSet<&str> = words.keys().collect();
    let one = |key: &str| key.strip_suffix("_one").map(|name| format!("{name}_many"));
    let many = |key: &str| {
        key.strip_suffix("_many")
            .filter(|name| !name.contains("too"))
            .map(|name| format!("{name}_one"))
    };
    for other in keys.iter().flat_map(|key| one(key).into_iter().chain(many(key))) {
        assert!(keys.contains(other.as_str()), "{other} is missing");
    }
}

#[test]
fn every_word_the_program_asks_for_exists() {
    let words = Words::of(Language::English);
    let groups: BTreeSet<&str> = words.keys().filter_map(|key| key.split('.').next()).collect();
    let known = |literal: &str| {
        words.texts.contains_key(literal)
            || words.texts.contains_key(&format!("{literal}_one"))
            || literal.ends_with('.')
    };
    let asked = literals();
    let missing: Vec<&String> = asked
        .iter()
        .filter(|literal| groups.contains(literal.split('.').next().unwrap_or_default()))
        .filter(|literal| !known(literal))
        .collect();
    assert!(missing.is_empty(), "no text for {missing:?}");
}

#[test]
fn every_fault_has_a_sentence() {
    for language in Language::ALL {
        for code in FaultCode::ALL {
            let sentence = Words::of(language).fault(*code);
            assert!(sentence.ends_with(['.', '。', '?', '？']), "{code:?}: {sentence}");
        }
    }
}

#[test]
fn chinese_text_uses_chinese_punctuation() {
    for key in Words::of(Language::Chinese).keys() {
        let text = Words::of(Language::Chinese).t(key);
        let chars: Vec<char> = text.chars().collect();
        for pair in chars.windows(2) {
            let han = ('\u{4e00}'..='\u{9fff}').contains(&pair[0]);
            assert!(!(han && ",;:!?.".contains(pair[1])), "{key}: {text}");
        }
    }
}

#[test]
fn placeholders_are_filled_once() {
    let words = Words {
        language: Language::English,
        texts: HashMap::from([("x.y".to_owned(), "{name} of {room} at {time}".to_owned())]),
    };
    let filled = words.fill("x.y", &[("name", &"{room}"), ("room", &"lobby")]);
    assert_eq!(filled, "{room} of lobby at {time}");
    assert_eq!(words.t("no.key"), "no.key");
    assert_eq!(words.fill("no.key", &[]), "no.key");
}

#[test]
fn the_locale_chooses_the_language() {
    for (locale, expected) in [
        ("zh_CN.UTF-8", Language::Chinese),
        ("zh-Hans-CN", Language::Chinese),
        ("ZH", Language::Chinese),
        ("en_GB.UTF-8", Language::English),
        ("C", Language::English),
        ("zhx", Language::English),
        ("", Language::English),
    ] {
        assert_eq!(Language::from_locale(locale), expected, "{locale}");
    }
    assert_eq!(Language::from_environment([Some(""), None, Some("zh_CN")]), Language::Chinese);
    assert_eq!(Language::from_environment([Some("C"), None, Some("zh_CN")]), Language::English);
}
/// Groups whose keys are put together while running (`fault.` and a code, `month.` and a number).
const COMPOSED: &[&str] = &["action.", "fault.", "strength.", "weekday.", "month."];

#[test]
fn every_word_is_used() {
    let used = literals();
    let unused: Vec<&str> = Words::of(Language::English)
        .keys()
        .filter(|key| !COMPOSED.iter().any(|group| key.starts_with(group)))
        .filter(|key| {
            let counted = key.strip_suffix("_one").or_else(|| key.strip_suffix("_many"));
            !used.contains(*key) && !counted.is_some_and(|name| used.contains(name))
        })
        .collect();
    assert!(unused.is_empty(), "remove or use: {unused:?}");
}
