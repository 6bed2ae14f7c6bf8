//! Paths as people type, paste and drop them: `~` for the home folder, names counted from a folder, quotes and
//! escapes of a shell, `file://` of a desktop. Pure.

use std::path::{Component, Path, PathBuf};

use super::Entry;

/// The folder that a typed path speaks of, and the beginning of a name in it. Without a slash it is a name in
/// `base`.
#[must_use]
pub fn split<'t>(typed: &'t str, base: &Path) -> (PathBuf, &'t str) {
    match typed {
        _ if is_bare_folder(typed) => (expand(typed, base), ""),
        _ => match typed.rsplit_once('/') {
            Some(("", name)) => (PathBuf::from("/"), name),
            Some((folder, name)) => (expand(folder, base), name),
            None => (base.to_owned(), typed),
        },
    }
}

/// Whether a typed path is a folder without the slash that a name in it needs.
#[must_use]
pub fn is_bare_folder(typed: &str) -> bool {
    matches!(typed, "~" | "..")
}

/// The whole path, without `~` and `..`, counted from `base`.
#[must_use]
pub fn expand(typed: &str, base: &Path) -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_else(|| PathBuf::from("~"));
    let path = match typed.split_once('/').unwrap_or((typed, "")) {
        ("~", rest) => home().join(rest),
        _ => base.join(typed),
    };
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The path that was pasted or dropped; none when the text is no path.
#[must_use]
pub fn dropped(text: &str) -> Option<String> {
    let line = text.trim();
    if line.contains(['\n', '\r']) {
        return None;
    }
    let path = bare(line);
    let is_path = path.contains('/') || path == "~";
    is_path.then_some(path)
}

/// The path without what a shell or a desktop puts around it.
#[must_use]
pub fn bare(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inside.to_owned();
        }
    }
    if let Some(rest) = text.strip_prefix("file://") {
        // What stands before the path is the name of this computer.
        let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(rest);
        return decoded(path).unwrap_or_else(|| path.to_owned());
    }
    unescaped(text)
}

fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            letter => plain.push(letter),
        }
    }
    plain
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// How a name goes on as far as all entries agree that begin with it; a lone folder with its slash. None when
/// nothing begins so, or when nothing more is certain.
#[must_use]
pub fn completed(name: &str, entries: &[Entry]) -> Option<String> {
    let found = beginning(name, entries);
    if let [only] = found.as_slice() {
        return Some(word(only)).filter(|whole| whole != name);
    }
    let mut words = found.iter().map(|entry| entry.shown.as_str());
    let mut common = words.next()?;
    for other in words {
        let same = common.char_indices().zip(other.chars());
        let end =
            same.take_while(|((_, a), b)| a == b).map(|((at, a), _)| at + a.len_utf8()).last();
        common = common.get(..end.unwrap_or(0))?;
    }
    (common.len() > name.len()).then(|| common.to_owned())
}

/// The entries that begin with a name, in either case where none does exactly. Hidden ones only for a dot.
#[must_use]
pub fn beginning<'e>(name: &str, entries: &'e [Entry]) -> Vec<&'e Entry> {
    let typed_well = |entry: &&Entry| entry.name.to_str() == Some(entry.shown.as_str());
    let seen = |entry: &&Entry| name.starts_with('.') || !entry.is_hidden();
    let offered: Vec<&Entry> = entries.iter().filter(typed_well).filter(seen).collect();
    let exact: Vec<&Entry> =
        offered.iter().copied().filter(|entry| entry.shown.starts_with(name)).collect();
    if !exact.is_empty() {
        return exact;
    }
    let small = name.to_lowercase();
    offered.into_iter().filter(|entry| entry.shown.to_lowercase().starts_with(&small)).collect()
}

/// What is put in for an entry: a folder's name leads on.
#[must_use]
pub fn word(entry: &Entry) -> String {
    let slash = if entry.is_folder { "/" } else { "" };
    format!("{}{slash}", entry.shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_a_folder_and_a_name() {
        let home = std::env::home_dir().unwrap();
        let base = Path::new("/home/alice");
        for (typed, folder, name) in [
            ("", "/home/alice".into(), ""),
            ("not", "/home/alice".into(), "not"),
            ("/", "/".into(), ""),
            ("/etc", "/".into(), "etc"),
            ("/etc/ho", "/etc".into(), "ho"),
            ("docs/a b", "/home/alice/docs".into(), "a b"),
            ("../bob/x", "/home/bob".into(), "x"),
            ("..", "/home".into(), ""),
            ("./x", "/home/alice".into(), "x"),
            ("~", home.clone(), ""),
            ("~/x", home, "x"),
            ("~x", "/home/alice".into(), "~x"),
            ("/../..", "/".into(), ".."),
        ] {
            assert_eq!(split(typed, base), (folder, name), "{typed}");
        }
    }

    #[test]
    fn what_is_dropped_is_made_plain() {
        for (pasted, path) in [
            ("/tmp/a b.txt\n", Some("/tmp/a b.txt")),
            ("'/tmp/a b.txt' ", Some("/tmp/a b.txt")),
            ("\"/tmp/x\"", Some("/tmp/x")),
            ("/tmp/a\\ b.txt", Some("/tmp/a b.txt")),
            ("file:///tmp/%E8%81%8A%20.txt", Some("/tmp/聊 .txt")),
            ("file://host/tmp/x", Some("/tmp/x")),
            ("file:///tmp/%zz", Some("/tmp/%zz")),
            ("~", Some("~")),
            ("notes.txt", None),
            ("/a\n/b", None),
            ("\\", None),
        ] {
            assert_eq!(dropped(pasted).as_deref(), path, "{pasted}");
        }
    }

    #[test]
    fn names_are_completed_as_far_as_is_certain() {
        let entries = [
            Entry::new("report-1.txt", false, 1),
            Entry::new("report-2.txt", false, 1),
            Entry::new("Reading", true, 0),
            Entry::new(".hidden", false, 1),
            Entry::new("会议", true, 0),
        ];
        for (name, whole) in [
            ("re", Some("report-")),
            ("report-", None),
            ("report-1", Some("report-1.txt")),
            ("report-1.txt", None),
            ("rea", Some("Reading/")),
            ("Reading", Some("Reading/")),
            (".", Some(".hidden")),
            ("会", Some("会议/")),
            ("zzz", None),
        ] {
            assert_eq!(completed(name, &entries).as_deref(), whole, "{name}");
        }
    }
}
