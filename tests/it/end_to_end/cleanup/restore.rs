//! Clean-ups undone, from their journal or from what the log of their job has of it.

use std::fs;

use super::{
    super::step::{single, writes},
    shop::{DELETED, PACKAGE, all_tags, assert_clean, empty, picture, shop, tags, terminal, weekly},
};

#[test]
fn a_journal_brings_everything_back() {
    let sandbox = shop();
    let before = picture(&sandbox);
    let weekly_step = weekly(&sandbox, "cleanup").input("dry-run", "false");
    let done = weekly_step.succeed();
    assert_clean(&sandbox);
    let step = terminal(&sandbox, &["restore", "--journal-file", "journal.jsonl"]);
    fs::copy(&done.outputs["journal-file"], step.path("workspace/journal.jsonl")).unwrap();
    let journal = fs::read(step.path("workspace/journal.jsonl")).unwrap();
    let outcome = step.succeed();
    assert_eq!(picture(&sandbox), before, "{outcome}");
    assert_eq!(sandbox.incomplete(PACKAGE), []);
    assert!(outcome.stdout.contains(&format!("brought back {DELETED} versions and")), "{outcome}");
    assert_eq!(fs::read(step.path("workspace/journal.jsonl")).unwrap(), journal);
    // Once more changes nothing, and is no failure.
    let again = step.succeed();
    assert_eq!(picture(&sandbox), before, "{again}");
    assert!(again.stdout.contains("brought back 0 versions and 0 tags"), "{again}");
    // And the next clean-up does the same as the first.
    weekly(&sandbox, "cleanup").input("dry-run", "false").succeed();
    assert_clean(&sandbox);
}

#[test]
fn the_log_of_a_job_does_as_well() {
    let sandbox = shop();
    let before = picture(&sandbox);
    let done = weekly(&sandbox, "cleanup").input("dry-run", "false").succeed();
    // As GitHub keeps it: a time before each line, both streams in one.
    let lines = done.stdout.lines().chain(done.stderr.lines());
    let log: String = lines.map(|line| format!("2026-03-01T12:00:00.1234567Z {line}\r\n")).collect();
    let step = weekly(&sandbox, "restore").input("journal-file", "log.txt");
    fs::write(step.path("workspace/log.txt"), format!("\u{feff}{log}")).unwrap();
    let outcome = step.succeed();
    assert_eq!(picture(&sandbox), before, "{outcome}");
    assert_eq!(outcome.outputs["failed"], "0");
    assert!(outcome.outputs["restored"].parse::<usize>().unwrap() > DELETED, "{outcome}");
    assert!(outcome.summary.contains("brought back"), "{}", outcome.summary);
}

#[test]
fn an_interrupted_run_is_brought_back_as_far_as_it_came() {
    for nth in [1, 4, DELETED, DELETED + 1] {
        let sandbox = shop();
        let before = picture(&sandbox);
        let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("journal-file", "journal.jsonl");
        super::shop::kill(&sandbox, &step, nth);
        // A job that is killed in the middle of a line.
        let path = step.path("workspace/journal.jsonl");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"at\":\"2026-");
        fs::write(&path, text).unwrap();
        let outcome = step.mode("restore").succeed();
        assert_eq!(tags(&sandbox), all_tags(), "{outcome}");
        let after = picture(&sandbox);
        assert!(before.iter().all(|(id, version)| after.get(id) == Some(version)), "{outcome}");
    }
}

#[test]
fn a_tag_that_somebody_has_taken_since_stays_theirs() {
    let sandbox = shop();
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("journal-file", "journal.jsonl");
    step.succeed();
    single("theirs").put_into(&sandbox, PACKAGE, &"pr-1".parse().unwrap());
    let theirs = sandbox.tag(PACKAGE, "pr-1");
    let outcome = step.mode("restore").succeed();
    assert_eq!(sandbox.tag(PACKAGE, "pr-1"), theirs);
    assert_eq!(tags(&sandbox), all_tags());
    assert!(outcome.stdout.contains("tag pr-1 stays on"), "{outcome}");
}

#[test]
fn versions_are_brought_back_by_their_numbers() {
    let sandbox = shop();
    let before = picture(&sandbox);
    weekly(&sandbox, "cleanup").input("dry-run", "false").succeed();
    let after = picture(&sandbox);
    let gone: Vec<String> = before.keys().filter(|id| !after.contains_key(id)).map(u64::to_string).collect();
    assert_eq!(gone.len(), DELETED);
    let image = format!("{}/{PACKAGE}", sandbox.host());
    let numbers = gone.join(",");
    terminal(&sandbox, &["restore", "--image", &image, "--versions", &numbers]).succeed();
    assert_eq!(super::shop::versions(&sandbox, PACKAGE), before.len());
    let unknown = terminal(&sandbox, &["restore", "--image", &image, "--versions", "999999"]).fail(1);
    assert!(unknown.stdout.contains("version 999999 is not among the deleted versions"), "{unknown}");
}

#[test]
fn a_dry_run_says_what_would_come_back() {
    let sandbox = shop();
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("journal-file", "journal.jsonl");
    step.succeed();
    sandbox.clear_requests();
    let outcome = step.mode("restore").input("dry-run", "true").succeed();
    assert_eq!(writes(&sandbox), []);
    assert!(outcome.stdout.contains(&format!("would bring back {DELETED} versions")), "{outcome}");
}

#[test]
fn what_is_no_journal_is_refused() {
    let sandbox = empty();
    let missing = terminal(&sandbox, &["restore"]).fail(2);
    assert!(missing.stderr.contains("mode `restore` needs `journal-file`"), "{missing}");
    let step = terminal(&sandbox, &["restore", "--journal-file", "log.txt"]);
    let absent = step.fail(2);
    assert!(absent.stderr.contains("log.txt"), "{absent}");
    fs::write(step.path("workspace/log.txt"), "nothing\n").unwrap();
    let empty = step.fail(2);
    assert!(empty.stderr.contains("`log.txt` holds no line of a journal"), "{empty}");
    assert_eq!(sandbox.requests(), []);
}
