//! Plans that were looked at, and the limit to what a run deletes.

use std::fs;

use ghcr_lifecycle::sandbox::Sandbox;

use super::{
    super::step::{Step, index, single, writes},
    shop::{
        ALL, DELETED, KEPT, PACKAGE, assert_clean, assert_untouched, days_ago, deletions, journal, journalled, policy,
        shop, tags, terminal, versions, weekly,
    },
};

/// Writes a plan, and makes a step of it that is to be carried out.
fn planned(sandbox: &Sandbox) -> Step {
    let step = weekly(sandbox, "plan");
    let plan = fs::read(&step.succeed().outputs["plan-file"]).unwrap();
    let step = weekly(sandbox, "apply").input("plan-file", "plan.json");
    fs::write(step.path("workspace/plan.json"), plan).unwrap();
    step
}

fn put(sandbox: &Sandbox, days: i64, seed: &str, tag: &str) {
    sandbox.freeze(days_ago(days));
    single(seed).put_into(sandbox, PACKAGE, &tag.parse().unwrap());
    sandbox.freeze(days_ago(0));
}

#[test]
fn a_plan_that_was_looked_at_is_carried_out() {
    let sandbox = shop();
    let step = planned(&sandbox);
    let before = fs::read(step.path("workspace/plan.json")).unwrap();
    let outcome = step.succeed();
    assert_clean(&sandbox);
    assert_eq!(outcome.outputs["deleted"], DELETED.to_string());
    assert_eq!(fs::read(step.path("workspace/plan.json")).unwrap(), before);
    assert_eq!(journalled(&journal(outcome.outputs["journal-file"].as_ref())), DELETED);
}

#[test]
fn only_what_both_plans_contain_is_done() {
    let sandbox = shop();
    let step = planned(&sandbox);
    // One of the plan's images is released, a tag that it takes away is put on another, its pull request's is reopened; and
    // one more would go by now.
    index("main 1").put_into(&sandbox, PACKAGE, &"v2.0.0".parse().unwrap());
    put(&sandbox, 44, "another", "main-4444444");
    sandbox.change(|state| state.source_mut(PACKAGE).unwrap().reopen_pull_request(1, days_ago(0)));
    let outcome = step.succeed();
    let mut kept: Vec<&str> = [&KEPT[..], &["main-1111111", "main-4444444", "pr-1", "v2.0.0"]].concat();
    // An expired tag of a version that stays is in the fresh plan, and not in the old one.
    kept.sort_unstable();
    assert_eq!(tags(&sandbox), kept, "{outcome}");
    assert_eq!([&*outcome.outputs["deleted"], &*outcome.outputs["untagged"]], ["2", "0"], "{outcome}");
    assert!(outcome.stdout.contains("left, since the plan file does not have it"), "{outcome}");
    assert_eq!(sandbox.incomplete(PACKAGE), []);
}

#[test]
fn there_is_no_dry_run_of_what_was_looked_at() {
    let sandbox = shop();
    let refused = planned(&sandbox).input("dry-run", "true").fail(2);
    assert!(refused.stderr.contains("`plan` says what would go"), "{refused}");
    assert_untouched(&sandbox);
}

#[test]
fn what_is_no_plan_is_not_carried_out() {
    let sandbox = shop();
    let missing = weekly(&sandbox, "apply").fail(2);
    assert!(missing.stderr.contains("mode `apply` needs `plan-file`"), "{missing}");
    let step = weekly(&sandbox, "apply").input("plan-file", "plan.json");
    let absent = step.fail(2);
    assert!(absent.stderr.contains("plan.json"), "{absent}");
    for text in ["", "{}", r#"{"format": "ghcr-lifecycle/plan/2", "taken_at": "2026-03-01T12:00:00Z", "packages": []}"#]
    {
        fs::write(step.path("workspace/plan.json"), text).unwrap();
        let wrong = step.fail(2);
        assert!(wrong.stderr.contains("`plan.json` is no plan that can be applied"), "{wrong}");
    }
    assert_untouched(&sandbox);
}

#[test]
fn a_run_that_would_delete_too_much_stops_before_the_first() {
    let sandbox = shop();
    let step = |limit: &str| weekly(&sandbox, "cleanup").input("dry-run", "false").input("max-deletions", limit);
    for limit in ["6", "0"] {
        let outcome = step(limit).fail(1);
        assert_untouched(&sandbox);
        let hint = format!("set `max-deletions: {DELETED}`");
        assert!(outcome.stderr.contains(&hint) && outcome.summary.contains(&hint), "{outcome}\n{}", outcome.summary);
        assert!(outcome.stdout.contains("::error"), "{outcome}");
        assert_eq!([&*outcome.outputs["deleted"], &*outcome.outputs["failed"]], ["0", "1"]);
    }
    // A dry run warns of it, and is no failure.
    let outcome = weekly(&sandbox, "cleanup").input("max-deletions", "6").succeed();
    assert!(outcome.stdout.contains("::warning") && outcome.stdout.contains("max-deletions: 7"), "{outcome}");
    // A share never stops so few.
    step("1 %").succeed();
    assert_clean(&sandbox);
}

#[test]
fn more_than_half_of_a_package_is_too_much_unless_the_number_is_given() {
    let sandbox = shop();
    for number in 0..30 {
        put(&sandbox, 70, &format!("old {number}"), &format!("main-{number:07}"));
    }
    let (all, gone) = (ALL + 30, DELETED + 30);
    let stopped = weekly(&sandbox, "cleanup").input("dry-run", "false").fail(1);
    assert_eq!(writes(&sandbox), []);
    assert!(stopped.stderr.contains(&format!("{gone} of {all} versions would be deleted")), "{stopped}");
    let number = gone.to_string();
    terminal(&sandbox, &["cleanup", "--dry-run", "false", "--max-deletions", &number]).succeed();
    assert_clean(&sandbox);
}

#[test]
fn one_package_with_too_much_stops_all() {
    let sandbox = shop();
    for number in 0..25 {
        sandbox.freeze(days_ago(70));
        single(&format!("{number}")).put_into(&sandbox, "acme/tool", &format!("main-{number:07}").parse().unwrap());
    }
    sandbox.freeze(days_ago(1));
    single("new").put_into(&sandbox, "acme/tool", &"v1.0.0".parse().unwrap());
    sandbox.freeze(days_ago(0));
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false");
    let outcome = step.policy(&policy(&[PACKAGE, "acme/tool"], &sandbox.host())).fail(1);
    assert_eq!((deletions(&sandbox), versions(&sandbox, "acme/tool")), (0, 26));
    assert!(outcome.stderr.contains("max-deletions: 25"), "{outcome}");
    assert!(!outcome.stderr.contains("max-deletions: 7"), "{outcome}");
}
