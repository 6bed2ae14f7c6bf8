//! The files of the tree, and what of them is production code.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text file: its path from the root of the tree, with `/`, and its content.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files below `folder` whose names end so. What is hidden or built is left out, `.ci` is not.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    visit(&root().join(folder), folder, endings, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "nothing below {folder:?} ends with one of {endings:?}");
    found
}

fn visit(folder: &Path, shown: &str, endings: &[&str], found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{shown}: {error}")) {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if shown.is_empty() { name.clone() } else { format!("{shown}/{name}") };
        let hidden = name.starts_with('.') && name != ".ci";
        if hidden || ["target", "tmp", "__pycache__"].contains(&&*name) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            visit(&entry.path(), &path, endings, found);
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(entry.path()).unwrap();
            found.push(File { path, text });
        }
    }
}

/// The production code of the workspace: sources that are not tests, without their test modules.
pub(crate) fn production() -> Vec<File> {
    let mut sources = files("", &[".rs"]);
    sources.retain(|file| file.path.contains("/src/") && !is_test(&file.path));
    for file in &mut sources {
        file.text.truncate(production_bytes(&file.text));
    }
    sources
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Where the test module at the end of a file begins.
fn production_bytes(text: &str) -> usize {
    ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub(crate) mod tests {"]
        .iter()
        .filter_map(|start| text.find(start))
        .min()
        .unwrap_or(text.len())
}

#[test]
fn test_modules_do_not_count() {
    let text = "//! x\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
    assert_eq!(&text[..production_bytes(text)], "//! x\nfn a() {}\n\n");
    assert_eq!(production_bytes("#[cfg(test)]\nmod tests;\nfn a() {}\n"), 34);
    assert!(is_test("server/src/store/tests.rs") && is_test("server/tests/stories/chat.rs"));
    assert!(!is_test("common/src/request.rs"));
}
