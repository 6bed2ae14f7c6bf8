//! What is secret is neither logged nor kept, and a run that dies leaves no core file.

use std::{fs, os::unix::process::ExitStatusExt as _, path::Path, process::Command};

use crate::support::{PASSWORD, Person, Town};

const WORDS: &str = "canary of what was said";
const FILE: &str = "canary of a file.txt";
const CONTENT: &str = "canary of what is in a file";
const INVITE: &str = "canary-of-an-invite";

#[test]
fn nothing_secret_is_said_on_standard_error_or_kept_in_a_file() {
    let town = Town::new();
    let mut command = town.command("ann");
    command.args(["--pin", &town.pin().to_string(), "--register", "--invite", INVITE]);
    command.env("LIAO_LOG", "trace").env("RUST_BACKTRACE", "full");
    let home = town.path("home-ann");
    fs::write(town.path(FILE), CONTENT).unwrap();
    let bob = town.enters("bob");
    let mut ann = Person::start("ann", &mut command);
    ann.complains("you write to #lobby");
    ann.says(WORDS);
    ann.says(&format!("/msg bob {WORDS}"));
    ann.says(&format!("/file bob ../{FILE}"));
    bob.hears("file", |_| true);
    let (code, words) = ann.ends_with_words();
    assert_eq!(code, 0, "{words}");
    let kept = all_files(&home);
    for secret in [PASSWORD, WORDS, CONTENT, INVITE] {
        assert!(!words.contains(secret), "{secret:?} is in {words}");
        let found = kept.iter().find(|(_, bytes)| contains(bytes, secret));
        assert!(found.is_none(), "{secret:?} is in {:?}", found.map(|(path, _)| path));
    }
}

fn contains(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

fn all_files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(all_files(&path)),
            false => files.push((path.clone(), fs::read(path).unwrap())),
        }
    }
    files
}

#[test]
fn a_run_that_dies_leaves_no_core() {
    let town = Town::new();
    let with_cores = town.command("ann");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c \"$(ulimit -H -c)\" && exec \"$0\" \"$@\""]);
    command.arg(with_cores.get_program()).args(with_cores.get_args());
    for (name, value) in with_cores.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(["--pin", &town.pin().to_string(), "--register"]);
    command.current_dir(town.path("home-ann"));
    command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let ann = Person::start("ann", &mut command);
    ann.complains("you write to #lobby");
    let limits = fs::read_to_string(format!("/proc/{}/limits", ann.pid())).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(cores.split_whitespace().nth(4), Some("0"), "{cores}");
    let ended = ann.dies();
    assert_eq!(ended.signal(), Some(6));
    assert!(!ended.core_dumped(), "a core was written");
}
