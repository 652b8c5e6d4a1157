//! Whose policy decides, whose clock, whose token.

use ghcr_lifecycle::sandbox::{Fault, FaultEffect};
use serde_json::json;

use super::{
    super::step::{Step, writes},
    shop::{
        PACKAGE, all_tags, api, assert_clean, assert_untouched, policy, publish_policy, shop, step, tags, terminal,
        weekly,
    },
};

/// A run that somebody started on another branch, where the policy would delete everything that it can.
fn on_a_branch(sandbox: &ghcr_lifecycle::sandbox::Sandbox, mode: &str) -> Step {
    let payload = json!({"inputs": null, "ref": "refs/heads/feature", "repository": {"full_name": PACKAGE, "default_branch": "main"}});
    let step = step(sandbox, mode, "workflow_dispatch", "refs/heads/feature", &payload);
    step.policy(&policy(&[PACKAGE], &sandbox.host()).replace("30 days", "1 hour"))
}

#[test]
fn a_policy_that_is_not_merged_may_plan_and_not_delete() {
    let sandbox = shop();
    let planned = on_a_branch(&sandbox, "plan").succeed();
    assert!(planned.stdout.contains("8 of 20 versions go"), "{planned}");
    let dry = on_a_branch(&sandbox, "cleanup").succeed();
    assert!(dry.stdout.contains("8 of 20 versions go"), "{dry}");
    assert_untouched(&sandbox);
    assert!(!api(&sandbox).iter().any(|line| line.contains("/contents/")));
    // What changes something goes by the default branch.
    on_a_branch(&sandbox, "cleanup").input("dry-run", "false").succeed();
    assert!(api(&sandbox).iter().any(|line| line.contains("/contents/")));
    assert_clean(&sandbox);
}

#[test]
fn a_policy_in_the_workflow_of_another_branch_may_plan_and_not_delete() {
    let sandbox = shop();
    let text = policy(&[PACKAGE], &sandbox.host());
    on_a_branch(&sandbox, "plan").input("policy", &text).succeed();
    let outcome = on_a_branch(&sandbox, "cleanup").input("policy", &text).input("dry-run", "false").fail(2);
    assert!(outcome.stderr.contains("may plan, and delete nothing"), "{outcome}");
    assert_untouched(&sandbox);
    // The workflow of the default branch is merged.
    weekly(&sandbox, "cleanup").input("policy", &text).input("dry-run", "false").succeed();
    assert_clean(&sandbox);
}

#[test]
fn a_plan_from_another_branch_is_applied_by_the_merged_policy() {
    let sandbox = shop();
    let plan = on_a_branch(&sandbox, "plan");
    let planned = plan.succeed();
    let apply = on_a_branch(&sandbox, "apply").input("plan-file", "plan.json");
    std::fs::copy(&planned.outputs["plan-file"], apply.path("workspace/plan.json")).unwrap();
    apply.succeed();
    assert_clean(&sandbox);
}

#[test]
fn a_scheduled_run_reads_the_work_tree() {
    let sandbox = shop();
    publish_policy(&sandbox, "version: 1\nimages: []\n");
    weekly(&sandbox, "cleanup").input("dry-run", "false").succeed();
    assert!(!api(&sandbox).iter().any(|line| line.contains("/contents/")), "{:#?}", api(&sandbox));
    assert_clean(&sandbox);
}

#[test]
fn a_terminal_takes_the_file_that_it_is_given() {
    let sandbox = shop();
    publish_policy(&sandbox, "version: 1\nimages: []\n");
    terminal(&sandbox, &["cleanup", "--dry-run", "false"]).succeed();
    assert_clean(&sandbox);
}

#[test]
fn a_merged_policy_that_is_wrong_or_absent_ends_with_two() {
    let sandbox = shop();
    publish_policy(&sandbox, "version: 1\nimages: []\nuntaged: 1\n");
    let outcome = on_a_branch(&sandbox, "cleanup").input("dry-run", "false").fail(2);
    assert!(outcome.stderr.contains("untagged"), "{outcome}");
    let elsewhere = on_a_branch(&sandbox, "cleanup").input("dry-run", "false").input("policy", "other.yml").fail(2);
    assert!(elsewhere.stderr.contains("`other.yml` does not exist"), "{elsewhere}");
    assert!(elsewhere.stderr.contains("default branch"), "{elsewhere}");
    assert!(!elsewhere.stderr.contains("actions/checkout"), "{elsewhere}");
    assert_untouched(&sandbox);
}

#[test]
fn another_time_is_for_plans_and_for_this_machine() {
    let sandbox = shop();
    let later = weekly(&sandbox, "plan").input("now", "2026-05-01T12:00:00Z").succeed();
    assert!(later.stdout.contains("As of 2026-05-01 12:00 UTC"), "{later}");
    assert!(later.stdout.contains("8 of 20 versions go"), "{later}");
    assert_untouched(&sandbox);
    sandbox.clear_requests();
    for mode in ["cleanup", "apply"] {
        let step = weekly(&sandbox, mode).input("now", "2026-05-01T12:00:00Z").input("plan-file", "plan.json");
        let step = step.policy(&policy(&[PACKAGE], "ghcr.io")).input("ghcr-host", "ghcr.io");
        for dry_run in ["true", "false"] {
            let outcome = Step::input(weekly(&sandbox, mode), "now", "2026-05-01T12:00:00Z");
            let outcome = outcome.input("dry-run", dry_run).policy(&policy(&[PACKAGE], "ghcr.io"));
            let outcome = outcome.input("ghcr-host", "ghcr.io").fail(2);
            assert!(outcome.stderr.contains("input `now` sets another time"), "{outcome}");
        }
        step.fail(2);
    }
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn a_clean_up_on_this_machine_may_have_another_time() {
    let sandbox = shop();
    weekly(&sandbox, "cleanup").input("now", "2026-01-15T12:00:00Z").input("dry-run", "false").succeed();
    // Nothing was old then, and the pull request's tag has no age.
    let kept: Vec<&str> = all_tags().into_iter().filter(|tag| *tag != "pr-1").collect();
    assert_eq!(tags(&sandbox), kept);
}

#[test]
fn a_token_is_asked_for() {
    let sandbox = shop();
    for mode in ["plan", "cleanup", "apply", "discover"] {
        let outcome = weekly(&sandbox, mode).input("github-token", "").fail(2);
        assert!(outcome.stderr.contains("clean-ups need a token for GitHub's API"), "{outcome}");
        assert!(outcome.stderr.contains("github-token: ${{ github.token }}"), "{outcome}");
        let outcome = terminal(&sandbox, &[mode]).without("GITHUB_TOKEN").fail(2);
        assert!(outcome.stderr.contains("set GITHUB_TOKEN to a classic token"), "{outcome}");
    }
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn a_fact_that_cannot_be_read_keeps_tags_and_names_the_permission_once() {
    let refused = r#"{"message":"Resource not accessible by integration"}"#;
    for (code, body, named) in [(403, refused, 1), (200, "{", 0)] {
        let sandbox = shop();
        let effect = FaultEffect::Status { code, body: body.to_owned(), headers: Vec::new() };
        sandbox.fault(Fault::always(effect).on("GET", "/pulls"));
        let outcome = weekly(&sandbox, "cleanup").input("dry-run", "false").succeed();
        assert!(tags(&sandbox).contains(&"pr-1".to_owned()), "{outcome}");
        assert!(!tags(&sandbox).contains(&"main-1111111".to_owned()), "{outcome}");
        let warnings: Vec<&str> = outcome.stdout.lines().filter(|line| line.starts_with("::warning::")).collect();
        let [warning] = warnings[..] else { panic!("{outcome}") };
        assert!(warning.contains("2 tags that may have expired stay, since the open pull requests"), "{outcome}");
        assert_eq!(warning.matches("pull-requests: read").count(), named, "{outcome}");
    }
}

#[test]
fn a_token_that_nobody_knows_is_said_so_once() {
    let sandbox = shop();
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("github-token", "ghp_expired");
    let outcome = step.fail(1);
    assert!(
        outcome.stderr.contains("renew it, and then the secret that holds it: https://github.com/settings/tokens"),
        "{outcome}"
    );
    assert_eq!(writes(&sandbox), []);
}
