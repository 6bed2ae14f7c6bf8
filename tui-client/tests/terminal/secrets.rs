//! What is secret stays out of the program's log, however much is logged.

use std::fs;

use crate::driver::{Opening, PASSWORD, Town, beginning};

const WORDS: &str = "canary of what was said";

#[test]
fn nothing_secret_is_logged_even_when_everything_is() {
    let mut town = Town::new();
    let home = town.home("alice");
    let link = town.link();
    let mut alice = Opening::at(&home).with(&[&link]).locale("LIAO_LOG", "trace").opens();
    alice.registers("alice", "Alice");
    alice.says(WORDS);
    town.stops();
    alice.waits_for(beginning("link.waiting"));
    town.starts();
    alice.waits_for_end_of(beginning("link.waiting"));
    alice.quits();
    let log = fs::read_to_string(home.join("liao.log")).unwrap();
    assert!(log.contains("DEBUG"), "little is logged, so little is proved:\n{log}");
    for secret in [PASSWORD, WORDS] {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
}
