//! The documents: their links lead somewhere, and what they say of the code is true.

use liao_common::limits;

use crate::{assert_none, tree};

#[test]
fn links_lead_somewhere() {
    let (mut faults, mut seen) = (Vec::new(), 0);
    for file in tree::files("", &[".md"]) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in links(&file.text) {
            seen += 1;
            let path = target.split('#').next().unwrap_or_default();
            // Pictures are looked for by CI, so that a missing one does not keep the tests from running.
            let foreign = target.contains("://") || path.is_empty() || path.ends_with(".png");
            if !foreign && !tree::root().join(folder).join(path).exists() {
                faults.push(format!("{}: {path} is missing", file.path));
            }
        }
    }
    assert!(seen > 10, "the documents have links");
    assert_none(&faults);
}

/// Targets of the Markdown links and pictures in a text.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

#[test]
fn links_are_found() {
    let text = "a [b](c.md), ![d](e/f.png)\n[g](#h) [i](https://j/)";
    assert_eq!(links(text).collect::<Vec<_>>(), ["c.md", "e/f.png", "#h", "https://j/"]);
}

#[test]
fn dependencies_are_explained() {
    let manifest = std::fs::read_to_string(tree::root().join("Cargo.toml")).unwrap();
    let document = std::fs::read_to_string(tree::root().join("ARCHITECTURE.md")).unwrap();
    let table = manifest.split("[workspace.dependencies]\n").nth(1).unwrap();
    let table = table.split("\n[").next().unwrap();
    let names: Vec<_> =
        table.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
    assert!(names.contains(&"tokio"), "{names:?}");
    let foreign = names.iter().filter(|name| !name.starts_with("liao-"));
    let silent = foreign.filter(|name| !document.contains(&format!("`{name}`")));
    let faults: Vec<_> = silent.map(|name| format!("ARCHITECTURE.md: why {name}?")).collect();
    assert_none(&faults);
}

#[test]
fn the_readme_tells_the_limits() {
    let readme = std::fs::read_to_string(tree::root().join("README.md")).unwrap();
    let said = [
        format!("{} KiB, {} lines", limits::TEXT_BYTES_MAX >> 10, limits::TEXT_LINES_MAX),
        format!("| rooms of one person | {} |", limits::ROOMS_PER_USER_MAX),
        format!("room names | {} characters |", limits::ROOM_NAME_GRAPHEMES_MAX),
        format!("at least {} characters", limits::PASSWORD_CHARS_MIN),
        format!("port {}", limits::PORT_DEFAULT),
    ];
    let faults: Vec<_> = said.iter().filter(|words| !readme.contains(*words)).cloned().collect();
    assert_none(&faults);
}
