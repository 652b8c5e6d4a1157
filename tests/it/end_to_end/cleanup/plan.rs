//! Plans and dry runs: told, written, and nothing changed.

use std::fs;

use serde_json::Value;

use super::{
    super::step::writes,
    shop::{
        ALL, DELETED, KEPT, api, assert_clean, assert_untouched, deletions, journal, journalled, manifests_read, read,
        shop, tags, terminal, weekly,
    },
};

fn read_plan(text: &str) -> Value {
    let plan: Value = serde_json::from_str(text).unwrap();
    assert_eq!(plan["format"], "ghcr-lifecycle/plan/1");
    plan
}

#[test]
fn a_plan_at_a_terminal_is_a_file_and_a_text() {
    let sandbox = shop();
    let step = terminal(&sandbox, &["plan"]);
    let outcome = step.succeed();
    assert_untouched(&sandbox);
    assert!(outcome.stdout.starts_with("Clean-up: plan\n"), "{outcome}");
    for part in [
        &format!("{DELETED} of {ALL} versions go, {} stay; 1 tag is taken away", ALL - DELETED),
        "main-1111111",
        "pull request 1 is not open",
        "1 tag is explained by no row and stays: `signed`",
    ] {
        assert!(outcome.stdout.contains(part), "no `{part}`: {outcome}");
    }
    assert!(!outcome.stdout.contains("dry-run"), "{outcome}");
    let plan = fs::read_to_string(step.path("workspace/plan.json")).unwrap();
    let package = &read_plan(&plan)["packages"][0];
    assert_eq!(package["name"], format!("{}/acme/shop", sandbox.host()));
    assert_eq!(package["versions"].as_array().unwrap().len(), ALL);
    assert_eq!(package["untag"][0]["tag"], "pr-1");
    // The same facts give the same bytes.
    step.succeed();
    let place = step.path("workspace/plan.json");
    assert_eq!(fs::read_to_string(&place).unwrap(), plan);
    assert!(!step.path("workspace/journal.jsonl").exists());
    // A run that can plan nothing leaves the plan that somebody looks at.
    let step = step.variable("GITHUB_API_URL", "http://127.0.0.1:1");
    let dead = step.fail(1);
    for part in ["failed to plan the clean-up of", "hint: see that GITHUB_API_URL is right"] {
        assert!(dead.stderr.contains(part), "no `{part}`: {dead}");
    }
    assert_eq!(fs::read_to_string(&place).unwrap(), plan);
}

#[test]
fn a_plan_at_a_terminal_goes_where_it_is_told_to_and_out_as_json() {
    let sandbox = shop();
    let step = terminal(&sandbox, &["plan", "--plan-file", "here/my.json", "--format", "json"]);
    let outcome = step.succeed();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["plan-file"], "here/my.json");
    read_plan(&fs::read_to_string(step.path("workspace/here/my.json")).unwrap());
    assert!(!step.path("workspace/plan.json").exists());
}

#[test]
fn a_page_for_people_is_written_where_it_is_asked_for() {
    let sandbox = shop();
    let step = terminal(&sandbox, &["plan", "--report-file", "pages/report.html"]);
    let outcome = step.succeed();
    assert!(outcome.stdout.contains("The report is in `pages/report.html`."), "{outcome}");
    let page = fs::read_to_string(step.path("workspace/pages/report.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("main-1111111"), "{page}");
    let outcome = weekly(&sandbox, "cleanup").input("dry-run", "false").input("report-file", "report.html").succeed();
    assert_eq!(outcome.outputs["report-file"], "report.html");
    assert_clean(&sandbox);
    // What was done is told even where the page cannot be kept.
    let sandbox = shop();
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("report-file", "/dev/full");
    let outcome = step.fail(1);
    assert_clean(&sandbox);
    assert!(outcome.stderr.contains("failed to write the report"), "{outcome}");
    assert_eq!(outcome.outputs["deleted"], DELETED.to_string());
    assert!(outcome.summary.contains("versions deleted"), "{outcome}");
}

#[test]
fn a_plan_in_a_workflow_has_outputs_a_summary_and_a_file() {
    let sandbox = shop();
    let step = weekly(&sandbox, "plan");
    let outcome = step.succeed();
    assert_untouched(&sandbox);
    let output = |name: &str| outcome.outputs[name].as_str();
    assert_eq!((output("deleted"), output("untagged"), output("freed-bytes")), ("0", "0", "0"));
    assert_eq!(output("kept"), (ALL - DELETED).to_string());
    assert_eq!((output("remaining"), output("failed")), (&*(DELETED + 1).to_string(), "0"));
    assert_eq!(output("journal-file"), "");
    read_plan(&fs::read_to_string(output("plan-file")).unwrap());
    assert!(outcome.summary.contains("Clean-up: plan") && outcome.summary.contains("main-1111111"), "{outcome}");
    assert!(!outcome.stdout.contains("::error") && !outcome.stdout.contains("::warning"), "{outcome}");
}

#[test]
fn a_clean_up_is_a_dry_run_unless_told_otherwise_and_says_how() {
    let sandbox = shop();
    let outcome = weekly(&sandbox, "cleanup").succeed();
    assert_untouched(&sandbox);
    assert!(outcome.stdout.contains("::notice::nothing was changed: `dry-run` is `true` unless"), "{outcome}");
    for told in [&outcome.stdout, &read(&outcome.summary)] {
        assert!(told.contains("set `dry-run: false`"), "{outcome}\n{}", outcome.summary);
    }
    assert!(outcome.stdout.contains("Clean-up: dry run"), "{outcome}");
    let asked = weekly(&sandbox, "cleanup").input("dry-run", "true").succeed();
    let summary = read(&asked.summary);
    assert!(!summary.contains("set `dry-run: false`") && summary.contains("dry run"), "{summary}");
    let outcome = terminal(&sandbox, &["cleanup"]).succeed();
    assert!(outcome.stdout.contains("--dry-run false") || outcome.stdout.contains("dry-run: false"), "{outcome}");
    assert_untouched(&sandbox);
}

#[test]
fn a_clean_up_does_what_the_plan_says_once() {
    let sandbox = shop();
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false");
    let outcome = step.succeed();
    assert_clean(&sandbox);
    let output = |name: &str| outcome.outputs[name].clone();
    assert_eq!([output("deleted"), output("untagged")], [DELETED.to_string(), "1".to_owned()]);
    assert_eq!([output("kept"), output("remaining")], [(ALL - DELETED).to_string(), "0".to_owned()]);
    assert_eq!(output("failed"), "0");
    assert_ne!(output("freed-bytes"), "0");
    let entries = journal(output("journal-file").as_ref());
    assert_eq!(journalled(&entries), DELETED);
    // A cancelled job loses its files, and keeps its log.
    let logged: Vec<&str> = outcome.stderr.lines().filter_map(|line| line.strip_prefix("journal ")).collect();
    let written = fs::read_to_string(output("journal-file")).unwrap();
    assert_eq!(logged, written.lines().collect::<Vec<_>>(), "{outcome}");
    assert!(outcome.summary.contains("restore --journal-file"), "{}", outcome.summary);

    sandbox.clear_requests();
    let again = step.succeed();
    assert_eq!(writes(&sandbox), []);
    assert_eq!(
        [&*again.outputs["deleted"], &*again.outputs["remaining"], &*again.outputs["journal-file"]],
        ["0", "0", ""]
    );
}

#[test]
fn a_clean_up_at_a_terminal_leaves_its_journal_there() {
    let sandbox = shop();
    let step = terminal(&sandbox, &["cleanup", "--dry-run", "false"]);
    let outcome = step.succeed();
    assert_clean(&sandbox);
    assert_eq!(journalled(&journal(&step.path("workspace/journal.jsonl"))), DELETED);
    assert!(!outcome.stderr.contains("{\"at\""), "{outcome}");
    assert!(outcome.stdout.contains(&format!("{DELETED} versions deleted")), "{outcome}");
    assert!(!step.path("workspace/plan.json").exists());
}

#[test]
fn one_tag_or_digest_is_explained() {
    let sandbox = shop();
    let explain = |what: &str| terminal(&sandbox, &["plan", "--explain", what]);
    let pr = explain("pr-1");
    let told = pr.succeed();
    assert!(told.stdout.contains("pull request 1 is not open") && told.stdout.contains("row 3"), "{told}");
    assert!(!pr.path("workspace/plan.json").exists());
    let digest = sandbox.tag("acme/shop", "main-1111111").unwrap();
    let told = explain(&digest.to_string()).succeed();
    assert!(told.stdout.contains("main-1111111") && told.stdout.contains("50 days old"), "{told}");
    let told = explain("nobody-has-it").fail(1);
    assert!(told.stderr.contains("failed to explain `nobody-has-it`: no package"), "{told}");
    let told = explain("no tag").fail(2);
    assert!(told.stderr.contains("neither a tag nor a digest"), "{told}");
    let told = weekly(&sandbox, "plan").input("explain", "signed").succeed();
    assert!(told.stdout.contains("no row explains it"), "{told}");
    assert_untouched(&sandbox);
}

#[test]
fn a_cache_spares_the_registry_the_second_time() {
    let sandbox = shop();
    let step = weekly(&sandbox, "plan").input("cache-dir", "cache");
    let first = step.succeed();
    assert_eq!(manifests_read(&sandbox), ALL);
    assert!(first.stdout.contains(&format!("{ALL} manifests were read anew")), "{first}");
    sandbox.clear_requests();
    let second = step.succeed();
    assert_eq!(manifests_read(&sandbox), 0);
    assert!(second.stdout.contains("no manifest was read anew"), "{second}");
    let path = |outcome: &super::super::step::Outcome| fs::read_to_string(&outcome.outputs["plan-file"]).unwrap();
    assert_eq!(path(&first), path(&second));
}

#[test]
fn a_clean_up_asks_the_api_little() {
    let sandbox = shop();
    weekly(&sandbox, "cleanup").input("dry-run", "false").succeed();
    assert_eq!(tags(&sandbox), KEPT);
    let most = ALL.div_ceil(100) + deletions(&sandbox) + 10 + 2 + 1;
    assert!(api(&sandbox).len() <= most, "{} > {most}: {:#?}", api(&sandbox).len(), api(&sandbox));
}
