//! Several packages in one run, patterns, and the matrix that spreads them over jobs.

use ghcr_lifecycle::{
    model::Secret,
    sandbox::{
        Sandbox,
        state::{TokenKind, tokens::Role},
    },
};
use serde_json::Value;

use super::{
    super::step::{Outcome, single, writes},
    shop::{DELETED, PACKAGE, assert_clean, break_manifest, days_ago, empty, policy, shop, terminal, versions, weekly},
};

/// A job's token that may do all that a job may.
const JOB_TOKEN: &str = "ghs_job00000000000000000000000000000000";

fn add_job_token(sandbox: &Sandbox, packages: &[&str]) {
    let kind = TokenKind::Workflow { repository: PACKAGE.to_owned(), packages: Role::Admin };
    sandbox.add_token(Secret::new(JOB_TOKEN).unwrap(), kind);
    sandbox.change(|state| {
        for package in packages {
            state.set_role(package, &format!("repository:{PACKAGE}"), Role::Admin);
        }
    });
}

/// A package with one image that stays and one that goes.
fn tool(sandbox: &Sandbox, package: &str) {
    for (days, tag) in [(50, "main-1111111"), (1, "v1.0.0")] {
        sandbox.freeze(days_ago(days));
        single(tag).put_into(sandbox, package, &tag.parse().unwrap());
    }
    sandbox.freeze(days_ago(0));
}

fn matrix(outcome: &Outcome) -> Vec<String> {
    let matrix: Value = serde_json::from_str(&outcome.outputs["matrix"]).unwrap();
    matrix["packages"].as_array().unwrap().iter().map(|entry| entry.as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_package_that_fails_does_not_stop_the_others() {
    let sandbox = shop();
    for package in ["acme/broken", "acme/tool"] {
        tool(&sandbox, package);
    }
    break_manifest(&sandbox, "acme/broken", "v2.0.0");
    let packages = ["acme/absent", "acme/broken", PACKAGE, "acme/tool"];
    let outcome =
        weekly(&sandbox, "cleanup").input("dry-run", "false").policy(&policy(&packages, &sandbox.host())).fail(1);
    assert_clean(&sandbox);
    assert_eq!([versions(&sandbox, "acme/broken"), versions(&sandbox, "acme/tool")], [3, 1]);
    assert_eq!([&*outcome.outputs["deleted"], &*outcome.outputs["failed"]], [&*(DELETED + 1).to_string(), "2"]);
    for part in ["failed to clean up all of 4 packages", "acme/absent", "unreadable: [sha256:", "acme/broken"] {
        assert!(outcome.stderr.contains(part), "no `{part}`: {outcome}");
    }
    // Each package has a line of its own in the table, and in the error only what failed.
    assert!(!outcome.stderr.contains("acme/tool: "), "{outcome}");
    assert!(outcome.summary.contains("failed, see below"), "{}", outcome.summary);
    assert_eq!(outcome.stdout.matches("::error").count(), 1, "{outcome}");
}

#[test]
fn an_unreadable_manifest_that_is_known_to_be_lost_blocks_nothing() {
    let sandbox = shop();
    break_manifest(&sandbox, PACKAGE, "broken");
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false");
    let outcome = step.fail(1);
    assert_eq!(writes(&sandbox), []);
    let line = outcome.stderr.lines().find_map(|line| line.split('`').find(|part| part.starts_with("unreadable: ")));
    let line = line.unwrap_or_else(|| panic!("no line to write: {outcome}"));
    let step = step.policy(&format!("{}{line}\n", policy(&[PACKAGE], &sandbox.host())));
    step.succeed();
    sandbox.change(|state| state.remove_tag(PACKAGE, &"broken".parse().unwrap()));
    assert_eq!(super::shop::tags(&sandbox), super::shop::KEPT);
}

#[test]
fn packages_are_named_by_endings_and_whole_names() {
    let sandbox = shop();
    tool(&sandbox, "acme/tool");
    let both = policy(&[PACKAGE, "acme/tool"], &sandbox.host());
    let whole = format!("{}/acme/tool", sandbox.host());
    for name in ["tool", "acme/tool", &whole] {
        let outcome = weekly(&sandbox, "plan").policy(&both).input("packages", name).succeed();
        let other = format!("{}/acme/shop", sandbox.host());
        assert!(outcome.stdout.contains(&whole) && !outcome.stdout.contains(&other), "{outcome}");
    }
    let unknown = weekly(&sandbox, "plan").policy(&both).input("packages", "tools").fail(2);
    assert!(unknown.stderr.contains("no image of the policy and no whole name"), "{unknown}");
}

#[test]
fn all_packages_of_an_owner_where_the_token_can_list_them() {
    let sandbox = shop();
    for package in ["acme/tool", "acme/charts/web", "acme/unlinked"] {
        tool(&sandbox, package);
    }
    let link = Some(PACKAGE);
    sandbox.change(|state| ["acme/tool", "acme/charts/web"].map(|package| state.link_package(package, link)));
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("packages", "*");
    let outcome = step.succeed();
    assert_clean(&sandbox);
    // What the policy says of its own images' repository is nothing that another package could be judged by.
    let left = ["acme/tool", "acme/charts/web", "acme/unlinked"].map(|package| versions(&sandbox, package));
    assert_eq!(left, [1, 1, 2], "{outcome}");
    assert_eq!(outcome.outputs["deleted"], (DELETED + 2).to_string());

    add_job_token(&sandbox, &[PACKAGE]);
    for mode in ["cleanup", "discover"] {
        let outcome = weekly(&sandbox, mode).input("packages", "*").input("github-token", JOB_TOKEN).fail(1);
        for part in ["the job's token cannot list packages", "input `packages`", "classic", "`read:packages`"] {
            assert!(outcome.stderr.contains(part), "no `{part}`: {outcome}");
        }
        assert!(outcome.stdout.contains("::error"), "{outcome}");
    }
}

#[test]
fn a_job_cleans_up_with_its_own_token() {
    let sandbox = shop();
    add_job_token(&sandbox, &[PACKAGE]);
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("github-token", JOB_TOKEN);
    step.succeed();
    assert_clean(&sandbox);
}

#[test]
fn a_job_whose_token_may_only_read_is_told_what_to_grant() {
    let sandbox = shop();
    let kind = TokenKind::Workflow { repository: PACKAGE.to_owned(), packages: Role::Read };
    sandbox.add_token(Secret::new(JOB_TOKEN).unwrap(), kind);
    sandbox.change(|state| state.set_role(PACKAGE, &format!("repository:{PACKAGE}"), Role::Read));
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("github-token", JOB_TOKEN);
    let outcome = step.fail(1);
    // One refusal is enough.
    assert_eq!(super::shop::deletions(&sandbox), 1);
    assert!(outcome.stderr.contains("grant `packages: write` to the job"), "{outcome}");
    assert!(outcome.stderr.contains("role Admin"), "{outcome}");
    assert_eq!(outcome.stdout.matches("::error").count(), 1, "{outcome}");
    assert_eq!(super::shop::tags(&sandbox), super::shop::all_tags());
}

#[test]
fn discover_is_a_matrix_for_a_workflow() {
    let sandbox = shop();
    tool(&sandbox, "acme/charts/web");
    let all = weekly(&sandbox, "discover").input("packages", "*").succeed();
    let host = sandbox.host();
    assert_eq!(matrix(&all), [format!("{host}/acme/charts/web"), format!("{host}/acme/shop")]);
    let charts = weekly(&sandbox, "discover").input("packages", &format!("{host}/acme/charts/*")).succeed();
    assert_eq!(matrix(&charts), [format!("{host}/acme/charts/web")]);
    let own = weekly(&sandbox, "discover").succeed();
    assert_eq!(matrix(&own), [format!("{host}/acme/shop")]);
    let terminal = terminal(&sandbox, &["discover", "--packages", "*", "--format", "json"]).succeed();
    let json: Value = serde_json::from_str(&terminal.stdout).unwrap();
    assert_eq!(json["matrix"]["packages"][1], format!("{host}/acme/shop"));
    let nothing = weekly(&sandbox, "discover").input("packages", "nothing-*").fail(1);
    assert!(nothing.stderr.contains("`nothing-*` matches none"), "{nothing}");
    assert_eq!(writes(&sandbox), []);
}

#[test]
fn more_packages_than_a_matrix_may_have_share_its_jobs() {
    let sandbox = empty();
    for number in 0..300 {
        single("same").put_into(&sandbox, &format!("acme/tool-{number}"), &"v1.0.0".parse().unwrap());
    }
    let step = |mode: &str| weekly(&sandbox, mode).policy(&policy(&["acme/tool-0"], &sandbox.host()));
    let outcome = step("discover").input("packages", "*").succeed();
    let entries = matrix(&outcome);
    assert!(entries.len() <= 256, "{}", entries.len());
    let names: Vec<&str> = entries.iter().flat_map(|entry| entry.split(',')).collect();
    assert_eq!(names.len(), 300);
    // Each entry is what input `packages` takes.
    let planned = step("plan").input("packages", &entries[0]).succeed();
    for name in entries[0].split(',') {
        assert!(planned.stdout.contains(name), "{planned}");
    }
}
