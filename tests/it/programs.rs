//! The programs that tests talk to.

use std::process::{Command, Stdio};

/// Starts to describe a call of a program; a missing one fails the test and names the Debian package.
pub(crate) fn program(name: &str, package: &str) -> Command {
    let there = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(there.is_ok(), "`{name}` is missing: install the Debian package `{package}`");
    Command::new(name)
}

/// Runs a program to its end and returns what it printed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
