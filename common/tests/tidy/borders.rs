//! Which folder may use what: the table of ARCHITECTURE.md as a test. Crate borders hold by
//! themselves; here are the ones inside crates.

use std::collections::BTreeSet;

use crate::{assert_none, tree};

/// What files whose paths begin with one of `at` must never use. A name ending in `::` forbids all
/// below it; `only` names files of the folder that may.
struct Border {
    at: &'static [&'static str],
    never: &'static [&'static str],
    only: &'static [&'static str],
}

const BORDERS: &[Border] = &[
    // What both sides agree on knows no runtime, no file, no socket, no clock.
    Border {
        at: &["common/src/"],
        never: &["tokio", "std::fs", "std::net", "std::env", "std::time", "std::thread", "tracing"],
        only: &[],
    },
    // The model of the client is pure.
    Border {
        at: &[
            "client-core/src/model",
            "client-core/src/timeline",
            "client-core/src/inbox",
            "client-core/src/backoff",
            "client-core/src/notice",
            "client-core/src/address",
        ],
        never: &[
            "tokio",
            "rustls",
            "std::fs",
            "std::time::Instant",
            ".await",
            "crate::link",
            "crate::handle",
        ],
        only: &[],
    },
    Border {
        at: &["client-core/src/outbox"],
        never: &["tokio", ".await", "crate::link"],
        only: &[],
    },
    // What a link does knows nothing of how the model reads it.
    Border {
        at: &[
            "client-core/src/link",
            "client-core/src/connection",
            "client-core/src/dial",
            "client-core/src/tls",
        ],
        never: &["crate::model", "crate::timeline", "crate::inbox"],
        only: &[],
    },
    // The rules of chat know no socket, no TLS, no file, no index engine.
    Border {
        at: &["server/src/chat/"],
        never: &[
            "tokio::net",
            "tokio::io",
            "rustls",
            "tokio_rustls",
            "sled",
            "std::fs",
            "std::net",
            "crate::gateway",
            "crate::listen",
            "crate::disk",
            "liao_common::frame::FrameCodec",
        ],
        only: &[],
    },
    // A gateway turns frames into requests and answers into frames.
    Border {
        at: &["server/src/gateway/"],
        never: &[
            "crate::journal",
            "crate::index",
            "crate::engine",
            "crate::store",
            "crate::files",
            "std::fs",
        ],
        only: &[],
    },
    // Storage knows nothing of people and connections.
    Border {
        at: &["server/src/journal/", "server/src/index/", "server/src/store/", "server/src/disk/"],
        never: &[
            "tokio",
            ".await",
            "crate::chat",
            "crate::gateway",
            "crate::engine",
            "liao_common::request",
        ],
        only: &[],
    },
    // From records to index rows is a plain function of data.
    Border {
        at: &["server/src/state/"],
        never: &[
            "tokio",
            ".await",
            "std::fs",
            "crate::chat",
            "crate::engine",
            "crate::clock",
            "crate::entropy",
        ],
        only: &[],
    },
    Border {
        at: &["server/src/engine/"],
        never: &["crate::chat", "crate::gateway", "std::fs"],
        only: &[],
    },
    // One place each for what could be replaced.
    Border { at: &["server/src/"], never: &["sled"], only: &["server/src/index/"] },
    Border { at: &["server/src/"], never: &["argon2"], only: &["server/src/chat/password.rs"] },
    Border { at: &["server/src/"], never: &["rustls", "rcgen"], only: &["server/src/tls"] },
    Border {
        at: &["server/src/", "client-core/src/"],
        never: &["getrandom"],
        only: &["server/src/entropy.rs", "client-core/src/entropy.rs"],
    },
    Border {
        at: &["server/src/", "tui-client/src/"],
        never: &["clap"],
        only: &["server/src/main.rs", "tui-client/src/main.rs"],
    },
    // What the screen shows, and how keys change it, is pure.
    Border {
        at: &[
            "tui-client/src/app",
            "tui-client/src/view",
            "tui-client/src/composer",
            "tui-client/src/command",
            "tui-client/src/keymap",
            "tui-client/src/form",
            "tui-client/src/picker.rs",
            "tui-client/src/fuzzy",
            "tui-client/src/text",
        ],
        never: &[
            "tokio",
            ".await",
            "std::fs",
            "std::net",
            "std::time::Instant",
            "liao_server",
            "ratatui::Frame",
            "ratatui::widgets",
            "crossterm::terminal",
            "crossterm::execute",
        ],
        only: &[],
    },
    // Drawing changes nothing but cells.
    Border {
        at: &["tui-client/src/screen/"],
        never: &[
            "tokio",
            ".await",
            "std::fs",
            "crossterm",
            "liao_server",
            "liao_client_core::handle",
            "liao_client_core::link",
        ],
        only: &[],
    },
];

#[test]
fn borders_hold() {
    let sources = tree::production();
    let mut faults = Vec::new();
    for border in BORDERS {
        for start in border.at {
            assert!(
                sources.iter().any(|file| file.path.starts_with(start)),
                "nothing is at {start}"
            );
        }
        for start in border.only {
            assert!(
                sources.iter().any(|file| file.path.starts_with(start)),
                "nothing is at {start}"
            );
        }
        for file in &sources {
            let begins = |with: &&str| file.path.starts_with(*with);
            if border.at.iter().any(begins) && !border.only.iter().any(begins) {
                let used = uses(&file.text);
                let crossed = border.never.iter().filter(|name| crosses(&used, &file.text, name));
                faults.extend(crossed.map(|name| format!("{}: {name}", file.path)));
            }
        }
    }
    assert_none(&faults);
}

/// True when one of these paths is the forbidden one or below it, or the text names it.
fn crosses(used: &BTreeSet<String>, text: &str, name: &str) -> bool {
    if name.starts_with('.') {
        return code(text).any(|line| line.contains(name));
    }
    let below = format!("{name}::");
    used.iter().any(|path| path == name || path.starts_with(&below))
        || code(text).any(|line| {
            line.match_indices(&below).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                !before.is_some_and(|before| {
                    before.is_alphanumeric() || before == '_' || before == ':'
                })
            })
        })
}

/// The lines that are no comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// All paths that a file brings in with `use`, written out.
fn uses(text: &str) -> BTreeSet<String> {
    let joined: String = code(text).map(|line| format!("{line}\n")).collect();
    let mut found = BTreeSet::new();
    for piece in joined.split("use ").skip(1) {
        if let Some((tree, _)) = piece.split_once(';') {
            let compact: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
            write_out("", &compact, &mut found);
        }
    }
    found
}

/// Writes out `a::{b, c::{d, e}}`.
fn write_out(before: &str, tree: &str, found: &mut BTreeSet<String>) {
    let tree = tree.trim();
    let Some((stem, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        found.insert(format!("{before}{}", path.trim().trim_end_matches("::self")));
        return;
    };
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let stem = format!("{before}{}", stem.trim());
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in inside.char_indices().chain([(inside.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = inside[start..at].trim();
                if part == "self" {
                    found.insert(stem.trim_end_matches("::").to_owned());
                } else if !part.is_empty() {
                    write_out(&stem, part, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_used_is_found() {
    let text = "use std::{\n    fs::{self, File},\n    io,\n};\nuse tokio_util::x as y;\n// use sled;\nlet a = sled::open();\nf().await;\n";
    let used = uses(text);
    for path in ["std::fs", "std::fs::File", "std::io", "tokio_util::x"] {
        assert!(used.contains(path), "{path} in {used:?}");
    }
    for name in ["std::fs", "sled", ".await", "tokio_util"] {
        assert!(crosses(&used, text, name), "{name}");
    }
    for name in ["tokio", "std::net", "std::io::Read", "open"] {
        assert!(!crosses(&used, text, name), "{name}");
    }
    assert!(!crosses(&uses("let unsettled::x = 1;"), "let unsettled::x = 1;", "settled"));
}
