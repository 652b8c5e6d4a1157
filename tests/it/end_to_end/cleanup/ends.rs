//! Runs that end early: budgets and signals. What was done is in the journal, and the next run goes on.

use std::time::Duration;

use ghcr_lifecycle::sandbox::{Sandbox, requests::RequestInfo, state::limits::Limits};

use super::{
    super::step::{Outcome, Step},
    shop::{
        DELETED, PACKAGE, api, assert_clean, assert_untouched, deletions, interrupt, journal, journalled, shop, signal,
        terminal, weekly,
    },
};

fn cleanup(sandbox: &Sandbox) -> Step {
    weekly(sandbox, "cleanup").input("dry-run", "false")
}

/// Asserts that a run ended in good order after some of its steps, and that another does the rest.
#[track_caller]
fn assert_goes_on(sandbox: &Sandbox, outcome: &Outcome, why: &str) {
    let number = |name: &str| outcome.outputs[name].parse::<usize>().unwrap();
    let (deleted, untagged) = (number("deleted"), number("untagged"));
    assert!(number("remaining") > 0, "{outcome}");
    assert_eq!(deleted + untagged + number("remaining"), DELETED + 1, "{outcome}");
    assert_eq!(outcome.outputs["failed"], "0", "{outcome}");
    for told in [&outcome.stdout, &outcome.summary] {
        assert!(told.contains(why), "no `{why}`: {outcome}\n{}", outcome.summary);
        assert!(told.contains("left, and the next run goes on with"), "{outcome}\n{}", outcome.summary);
    }
    assert!(outcome.stdout.contains("::notice") && !outcome.stdout.contains("::error"), "{outcome}");
    if deleted > 0 {
        assert_eq!(journalled(&journal(outcome.outputs["journal-file"].as_ref())), deleted, "{outcome}");
    }
    assert_eq!(sandbox.incomplete(PACKAGE), [], "{outcome}");
    let rest = super::shop::weekly(sandbox, "cleanup").input("dry-run", "false").succeed();
    assert_clean(sandbox);
    let number = |name: &str| rest.outputs[name].parse::<usize>().unwrap();
    assert_eq!(number("remaining"), 0, "{rest}");
}

#[test]
fn a_signal_in_the_middle_ends_the_run_in_good_order() {
    for (signals, name) in [(&["TERM"][..], "SIGTERM"), (&["INT"], "SIGINT")] {
        for nth in [1, 3, DELETED] {
            let sandbox = shop();
            let step = cleanup(&sandbox);
            let outcome = interrupt(&sandbox, &step, nth, signals);
            assert_eq!(outcome.code, Some(0), "{outcome}");
            // The request in flight is finished, and none comes after it.
            assert_eq!(deletions(&sandbox), nth, "{outcome}");
            assert_goes_on(&sandbox, &outcome, &format!("{name} ended the run in good order"));
        }
    }
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let sandbox = shop();
    let step = cleanup(&sandbox);
    let outcome = interrupt(&sandbox, &step, 2, &["TERM", "INT", "INT"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("failed to finish: SIGTERM arrived"), "{outcome}");
    assert!(outcome.stderr.contains("the journal says what was done"), "{outcome}");
    assert!(outcome.stderr.contains("journal {\"at\""), "{outcome}");
    step.succeed();
    assert_clean(&sandbox);
}

#[test]
fn a_signal_before_anything_is_changed_says_so() {
    let requests: [fn(&RequestInfo) -> bool; 3] = [
        |request| request.path.ends_with("/packages/container/shop"),
        |request| request.path.contains("/versions?"),
        |request| request.path.contains("/manifests/sha256:"),
    ];
    for request in requests {
        for mode in ["cleanup", "plan"] {
            let sandbox = shop();
            let step = weekly(&sandbox, mode).input("dry-run", "false");
            let outcome = signal(&sandbox, &step, &["TERM"], 1, request);
            assert_eq!(outcome.code, Some(1), "{outcome}");
            assert!(outcome.stderr.contains("SIGTERM arrived before it began"), "{outcome}");
            assert!(outcome.stderr.contains("nothing was changed"), "{outcome}");
            assert_untouched(&sandbox);
        }
    }
}

#[test]
fn a_signal_while_packages_are_listed_ends_the_run() {
    let sandbox = shop();
    let step = cleanup(&sandbox).input("packages", "*");
    let outcome = signal(&sandbox, &step, &["INT"], 1, |request| request.path.contains("/packages?"));
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("failed to finish: SIGINT arrived"), "{outcome}");
    assert_untouched(&sandbox);
}

#[test]
fn a_run_that_waits_for_the_pace_ends_at_a_signal() {
    let sandbox = shop();
    // Two deletions are all that a minute allows here.
    let step = cleanup(&sandbox).input("pace", "20");
    let begun = std::time::Instant::now();
    let outcome = interrupt(&sandbox, &step, 1, &["TERM"]);
    assert!(begun.elapsed() < Duration::from_secs(50));
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_goes_on(&sandbox, &outcome, "SIGTERM");
}

#[test]
fn a_budget_of_requests_ends_a_run_in_good_order() {
    let all = {
        let sandbox = shop();
        cleanup(&sandbox).succeed();
        api(&sandbox).len()
    };
    let mut early = 0;
    for budget in 1..=all {
        let sandbox = shop();
        let step = cleanup(&sandbox).input("request-budget", &budget.to_string());
        let outcome = step.run();
        assert!(api(&sandbox).len() <= budget, "{outcome}");
        if outcome.outputs.get("remaining").is_some_and(|remaining| remaining == "0") && outcome.code == Some(0) {
            // Only the check at the end had no request left.
            assert_clean(&sandbox);
        } else if outcome.code == Some(0) && outcome.outputs["deleted"] == "0" && outcome.outputs["untagged"] == "0" {
            // It did not come to the package, or to its first step.
            assert!(outcome.stdout.contains("request-budget"), "{outcome}");
            assert_untouched(&sandbox);
        } else if outcome.code == Some(0) {
            assert_goes_on(&sandbox, &outcome, "request-budget");
            early += 1;
        } else {
            assert!(outcome.stderr.contains("`request-budget`"), "{outcome}");
            assert_untouched(&sandbox);
        }
    }
    assert!(early >= DELETED, "{early}");
}

#[test]
fn a_pace_that_takes_longer_than_the_time_ends_in_good_order() {
    let sandbox = shop();
    // What a minute allows is spent by the listing and a deletion or two.
    let step = cleanup(&sandbox).input("pace", "20").input("time-budget", "1 minute");
    let outcome = step.succeed();
    assert_goes_on(&sandbox, &outcome, "left, and the next run");
}

#[test]
fn a_spent_hour_ends_a_run_in_good_order() {
    let sandbox = shop();
    sandbox.set_limits(Limits { primary: true, primary_budget: Some(15), ..Default::default() });
    let step = cleanup(&sandbox).input("time-budget", "5 minutes");
    let outcome = step.run();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    sandbox.set_limits(Default::default());
    assert_goes_on(&sandbox, &outcome, "left, and the next run");
}

#[test]
fn a_terminal_is_told_the_same() {
    let sandbox = shop();
    let step = terminal(&sandbox, &["cleanup", "--dry-run", "false"]);
    let outcome = interrupt(&sandbox, &step, 2, &["INT"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert!(outcome.stdout.contains("SIGINT ended the run in good order"), "{outcome}");
    assert_eq!(journalled(&journal(&step.path("workspace/journal.jsonl"))), 2);
    step.succeed();
    assert_clean(&sandbox);
    assert_eq!(journalled(&journal(&step.path("workspace/journal.jsonl"))), DELETED);
}
