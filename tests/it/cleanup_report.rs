//! What a clean-up says: bounded however much there is, and markup only where it is ours.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use ghcr_lifecycle::{
    execute::cleanup::{Applied, End, Outcome},
    model::{
        Asked, Digest, Evidence, Inventory, Version, VersionId,
        evidence::{Reference, Referenced},
        inventory::{Child, ManifestFacts, ManifestRole, ReadManifest},
    },
    policy::{
        cleanup::{CleanupPlan, plan_cleanup},
        config,
        rules::Policy,
    },
    report::cleanup::{CleanupReport, DryRun, PackageReport, PackageResult, Problem},
};
use proptest::prelude::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_366_400, 0).unwrap()
}

fn policy() -> Policy {
    config::parse(
        "version: 1\nimages: [ghcr.io/acme/shop]\ntags:\n  - {match: '_*', keep: 1 day}\nuntagged: {keep: 1 day}\n",
    )
    .unwrap()
}

/// A package of versions with tags of this width, 127 for the longest, which grow the most when they are escaped; every other one is explained by
/// no row.
fn inventory(versions: u64, width: usize, references: Vec<Reference>) -> Inventory {
    let version = |at: u64| {
        let name = |role: &str| format!("{role}{at:_>width$}").parse().unwrap();
        let missing = Child { digest: Digest::of(&at.to_le_bytes()), is_manifest: true, platform: None };
        Version {
            id: VersionId::new(at),
            digest: Digest::of(at.to_string().as_bytes()),
            tags: BTreeSet::from([name(if at.is_multiple_of(2) { "_" } else { "x" })]),
            created_at: now() - TimeDelta::days(400),
            updated_at: now(),
            manifest: ManifestFacts::Read(Box::new(ReadManifest {
                kind: ManifestRole::Index,
                children: vec![missing],
                subject: None,
                blobs: Vec::new(),
                artifact_type: None,
            })),
        }
    };
    Inventory {
        image: "ghcr.io/acme/shop".parse().unwrap(),
        taken_at: now(),
        versions: (1..=versions).map(version).collect(),
        deleted: Asked::Known(Vec::new()),
        undeletable: Default::default(),
        pull_requests: Asked::NotAsked,
        branches: Asked::NotAsked,
        evidence: Evidence::default(),
        references: Asked::Known(references),
    }
}

fn package(image: String, inventory: &Inventory, plan: &CleanupPlan, is_applied: bool) -> PackageReport {
    let plan = plan.clone();
    let applied = is_applied.then(|| {
        let mut applied = Applied::begin(&plan, &plan.steps);
        for (id, outcome) in &mut applied.deletions {
            *outcome = Outcome::Failed { problem: format!("problem {id} {}", "*_<>".repeat(40)) };
        }
        applied.end = End::Limit { problem: "spent".to_owned() };
        applied
    });
    PackageReport {
        image,
        page: None,
        settings: None,
        repository: None,
        manifests_read: 0,
        result: Ok(PackageResult { inventory: inventory.clone(), plan, too_many: None, applied }),
    }
}

fn report(policy: &Policy, packages: Vec<PackageReport>) -> CleanupReport<'_> {
    CleanupReport { mode: "plan", policy, dry_run: DryRun::Plan, closed: None, pace: 900, packages }
}

/// What GitHub shows of a summary, in bytes.
const MOST: usize = 1 << 20;

#[test]
fn a_summary_of_20_000_versions_fits() {
    let policy = policy();
    let inventory = inventory(20_000, 20, Vec::new());
    let plan = plan_cleanup(&inventory, &policy).unwrap();
    for is_applied in [false, true] {
        let report = report(&policy, vec![package("ghcr.io/acme/shop".to_owned(), &inventory, &plan, is_applied)]);
        let summary = report.summary();
        assert!(summary.len() < MOST && summary.len() > 50_000, "{} bytes", summary.len());
        assert!(summary.contains("10,000 of 20,000") || summary.contains("0 of 10,000"), "{}", &summary[..400]);
        assert!(summary.contains(" more, see the plan file"));
        assert_eq!(summary.matches("<details>").count(), summary.matches("</details>").count());
        let text = report.text(Some(120));
        assert!(text.len() < MOST, "{} bytes", text.len());
        assert!(report.warnings().iter().chain(&report.notices()).chain(&report.failures()).count() < 50);
    }
}

#[test]
fn a_summary_of_many_packages_fits() {
    let policy = policy();
    let inventory = inventory(400, 127, Vec::new());
    let plan = plan_cleanup(&inventory, &policy).unwrap();
    let image = |at: usize| format!("ghcr.io/acme/shop-{at}");
    let packages = (0..100).map(|at| package(image(at), &inventory, &plan, false)).collect();
    let report = report(&policy, packages);
    let summary = report.summary();
    assert!(summary.len() < MOST, "{} bytes", summary.len());
    assert!(summary.contains("shop-99"), "each is compared at least");
    assert_eq!(summary.matches("<details>").count(), summary.matches("</details>").count());
}

/// Checks that every line of the summary is one that the report itself makes.
fn assert_inert(summary: &str) {
    let ours = ["<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>"];
    let mut columns = 0;
    for line in summary.lines() {
        let mut rest = line.to_owned();
        for tag in ours {
            rest = rest.replace(tag, "");
        }
        assert!(!rest.contains('<'), "markup: {line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!rest.trim_start().starts_with("::") && !rest.contains("##["), "a command: {line}");
        let pipes = line.matches('|').count();
        columns = if pipes == 0 {
            0
        } else if columns == 0 {
            pipes
        } else {
            columns
        };
        assert_eq!(pipes, columns, "another number of cells: {line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_of_others_stay_in_their_cells(text in r#"([a-z`|<>&*_\[\]()!#@:\\"'\n\r\t ]|::error::|\PC|\x1b){0,60}"#) {
        let policy = policy();
        let place = ghcr_lifecycle::model::untrusted::shown(&text);
        let names = Referenced::Tag(format!("x{:_>127}", 1).parse().unwrap());
        let planned = |image: &str, references, is_applied| {
            let inventory = inventory(4, 127, references);
            let plan = plan_cleanup(&inventory, &policy).unwrap();
            package(image.to_owned(), &inventory, &plan, is_applied)
        };
        let mut first = planned("ghcr.io/acme/shop", vec![Reference { place, names }], false);
        let mut outcomes = planned("ghcr.io/acme/applied", Vec::new(), true);
        if let Ok(PackageResult { applied: Some(applied), .. }) = &mut outcomes.result {
            for outcome in applied.deletions.values_mut() {
                *outcome = Outcome::Failed { problem: text.clone() };
            }
            applied.end = End::Failed { problem: text.clone(), hint: Some(text.clone()) };
            applied.unchecked = Some(text.clone());
        }
        first.repository = Some(text.clone());
        let failed = PackageReport {
            image: "ghcr.io/acme/failed".to_owned(),
            page: None,
            settings: None,
            repository: None,
            manifests_read: 0,
            result: Err(Problem { message: text.clone(), hints: vec![text.clone()], is_next_runs: false }),
        };
        let report = report(&policy, vec![first, outcomes, failed]);
        assert_inert(&report.summary());
        let told = [report.warnings(), report.notices(), report.failures()].concat();
        for line in report.text(None).lines().chain(told.iter().map(String::as_str)) {
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert!(!line.trim_start().starts_with("::"), "{line:?}");
        }
    }
}
