//! The full screen where it cannot begin.

use std::{sync::mpsc::sync_channel, thread};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::support::DEADLINE;

#[test]
fn a_terminal_that_cannot_be_written_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let modes = || format!("{:?}", pair.master.get_termios());
    let before = modes();
    // Standard output is the terminal, opened for reading only.
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", "exec \"$0\" 1<\"$(tty)\"", env!("CARGO_BIN_EXE_liao")]);
    command.env("LIAO_HOME", folder.path());
    command.env("LC_ALL", "C");
    let mut child = pair.slave.spawn_command(command).unwrap();
    let mut end = child.clone_killer();
    let (ended, wait) = sync_channel(1);
    thread::spawn(move || ended.send(child.wait().unwrap()).unwrap());
    let status = wait.recv_timeout(DEADLINE);
    if status.is_err() {
        end.kill().unwrap();
    }
    assert!(!status.expect("it ends by itself").success());
    assert_eq!(modes(), before, "the modes of the line are others than before");
}
