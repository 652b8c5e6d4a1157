//! The five policies on packages as their projects would have them: the plan by row, and the slow reference on smaller ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use chrono::TimeDelta;
use ghcr_lifecycle::{
    model::{
        Asked, Evidence, Inventory, Tag, Version, VersionId,
        evidence::{Commits, GitTag},
        inventory::{Child, ManifestFacts, ManifestRole, ReadManifest},
    },
    policy::{
        cleanup::{CleanupPlan, Decision, plan_cleanup},
        rules::Policy,
    },
};

use super::{
    generated::{digest, now},
    outcome,
    reference::reference,
};
use crate::invariants::generated::{POLICIES, policy};

/// A generator of numbers that gives the same ones everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// The tags that the events of a project give one image: `#` is a number of its own, `@` a short commit id, `%` a long one,
/// `&` a date.
fn names(which: &str) -> &'static [&'static [&'static str]] {
    match which {
        "buildkit-riscv64" => {
            &[&["v0.#.0-riscv64"], &["master-&"], &["v0.#.0-riscv64", "v0.#.0"], &["pr-#"], &["v0.#.0-amd64"]]
        }
        "kyklos" => &[&["v0.#.1"], &["v0.#.0-beta.1"], &["main-@"], &["v0.1-@"], &["pr-#"], &["main-@", "pr-#"]],
        "phialo" => &[
            &["v2.#.0", "main-@", "sha-%", "&"],
            &["main-@", "sha-%", "&-120000"],
            &["feature-#"],
            &["pr-#"],
            &["buildcache-#"],
        ],
        "raqeem" => &[&["v1.#.0"], &["main-@"], &["pr-#"], &["main-@", "something-else-#"]],
        _ => &[
            &["1.#.0"],
            &["docs-#"],
            &["main-@", "build-#"],
            &["preview-feature-#"],
            &["pr-#-@"],
            &["queue-@"],
            &["nightly-&"],
            &["%"],
            &["demo-#"],
            &["main-@", "pr-#-@"],
        ],
    }
}

fn pointers(which: &str) -> &'static [&'static str] {
    match which {
        "kyklos" => &["latest", "v0", "v0.1"],
        "raqeem" => &["main", "latest", "v1.1"],
        "storefront" => &["edge", "nightly", "stable", "1"],
        _ => &["latest"],
    }
}

fn package(which: &str, versions: usize, seed: u64) -> Inventory {
    let mut numbers = Numbers(seed);
    let mut list: Vec<Version> = Vec::with_capacity(versions);
    let mut used: BTreeSet<String> = BTreeSet::new();
    let (mut dates, mut releases, mut git_tags) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut build = 0_u64;
    while list.len() < versions {
        let left = i64::try_from(versions - list.len()).unwrap();
        let created_at = now() - TimeDelta::hours(left * 9_600 / i64::try_from(versions).unwrap());
        let commit = digest(format!("{seed} {build}")).hex()[..40].to_owned();
        let kinds = names(which);
        let mut tags: BTreeSet<Tag> = BTreeSet::new();
        for name in kinds[usize::try_from(numbers.below(kinds.len() as u64)).unwrap()] {
            let text = name
                .replace('#', &(build + 1).to_string())
                .replace('@', &commit[..7])
                .replace('%', &commit)
                .replace('&', &created_at.format("%Y%m%d").to_string());
            if used.insert(text.clone()) {
                tags.insert(text.parse().unwrap());
            }
        }
        // Some were promoted or built again later.
        let later = created_at + TimeDelta::days(i64::try_from(numbers.below(200)).unwrap());
        if numbers.below(6) == 0 {
            dates.insert(commit.parse().unwrap(), later.min(now()));
            for tag in &tags {
                match numbers.below(3) {
                    0 => drop(releases.insert(format!("v{}", tag.as_str().trim_start_matches('v')), later.min(now()))),
                    1 => drop(git_tags.insert(tag.to_string(), GitTag::Annotated(Asked::Known(later.min(now()))))),
                    _ => drop(git_tags.insert(tag.to_string(), GitTag::Lightweight)),
                }
            }
        }
        let mut push = |kind, name: String, children: &[String], subject: Option<&str>, tags: BTreeSet<Tag>| {
            let child = |name: &String| Child { digest: digest(name), is_manifest: true, platform: None };
            let manifest = ManifestFacts::Read(Box::new(ReadManifest {
                kind,
                children: children.iter().map(child).collect(),
                subject: subject.map(digest),
                blobs: Vec::new(),
                artifact_type: None,
            }));
            let id = VersionId::new(list.len() as u64 + 1);
            list.push(Version { id, digest: digest(name), tags, created_at, updated_at: created_at, manifest });
        };
        let index = format!("{seed} index {build}");
        let parts: Vec<String> = ["amd64", "arm64"].map(|part| format!("{seed} {part} {build}")).into();
        for part in &parts {
            push(ManifestRole::Image, part.clone(), &[], None, BTreeSet::new());
        }
        push(ManifestRole::Index, index.clone(), &parts, None, tags);
        match numbers.below(4) {
            0 => push(ManifestRole::Artifact, format!("{index} sbom"), &[], Some(&index), BTreeSet::new()),
            1 => {
                let tag = format!("sha256-{}.sig", digest(&index).hex()).parse().unwrap();
                push(ManifestRole::Artifact, format!("{index} signature"), &[], None, BTreeSet::from([tag]));
            }
            _ => {}
        }
        build += 1;
    }
    let mut tagged: Vec<usize> = (0..list.len()).filter(|at| !list[*at].tags.is_empty()).collect();
    for pointer in pointers(which) {
        let at = tagged.swap_remove(usize::try_from(numbers.below(tagged.len() as u64)).unwrap());
        list[at].tags.insert(pointer.parse().unwrap());
    }
    let commits = |row| (row, Asked::Known(Commits { since: now() - TimeDelta::days(4000), dates: dates.clone() }));
    Inventory {
        image: policy(which).images[0].clone(),
        taken_at: now(),
        versions: list,
        deleted: Asked::Known(Vec::new()),
        undeletable: BTreeMap::new(),
        pull_requests: Asked::Known((1..=build).filter(|number| number % 5 == 0).collect()),
        branches: Asked::Known((1..=build).filter(|n| n % 3 == 0).map(|n| format!("feature/{n}")).collect()),
        evidence: Evidence {
            commits: (1..12).map(commits).collect(),
            releases: Asked::Known(releases),
            git_tags: Asked::Known(git_tags),
        },
        references: Asked::Known(Vec::new()),
    }
}

/// For each row: how many of the tags that it explains stay and go, and of the rest.
fn by_row(plan: &CleanupPlan, policy: &Policy) -> String {
    let mut text = String::new();
    let tags = || plan.versions.iter().flat_map(|version| version.tags.iter().map(move |tag| (version, tag)));
    let stays = |version: &ghcr_lifecycle::policy::cleanup::PlannedVersion, tag: &Tag| {
        version.decision == Decision::Keep && !plan.untag.iter().any(|untag| untag.tag == *tag)
    };
    let mut line = |name: &str, explained: Vec<bool>| {
        let kept = explained.iter().filter(|stays| **stays).count();
        let _ = writeln!(text, "{name}: {kept} tags stay, {} go", explained.len() - kept);
    };
    for rule in &policy.rules {
        let explained = tags().filter(|(_, tag)| tag.rows.iter().any(|row| row.row == rule.row.number));
        line(&rule.row.label, explained.map(|(version, tag)| stays(version, &tag.tag)).collect());
    }
    let rest = tags().filter(|(_, tag)| tag.rows.is_empty() && !tag.tag.is_referrers_tag());
    line("explained by no row", rest.map(|(version, tag)| stays(version, &tag.tag)).collect());
    let signatures = tags().filter(|(_, tag)| tag.tag.is_referrers_tag());
    line("referrers", signatures.map(|(version, tag)| stays(version, &tag.tag)).collect());
    let deleted = plan.deleted().count();
    let _ = writeln!(
        text,
        "{} versions: {} stay, {deleted} go; {} tags are taken away",
        plan.versions.len(),
        plan.versions.len() - deleted,
        plan.untag.len()
    );
    text
}

#[test]
fn the_five_policies_on_packages_of_2000_versions() {
    let mut text = String::new();
    for which in POLICIES {
        let (policy, inventory) = (policy(which), package(which, 2000, 7));
        let plan = plan_cleanup(&inventory, &policy).unwrap();
        assert_eq!(ghcr_lifecycle::policy::verify::violations(&plan, &inventory), []);
        let _ = writeln!(text, "{which}\n{}", by_row(&plan, &policy));
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(std::env::current_dir().unwrap().join("fixtures/projects"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("clean-up-by-row", text));
}

#[test]
fn the_five_policies_do_what_a_slow_reference_computes() {
    for which in POLICIES {
        for seed in 0..6 {
            let (policy, inventory) = (policy(which), package(which, 60, seed));
            let plan = plan_cleanup(&inventory, &policy).unwrap();
            assert_eq!(Some(outcome(&plan)), reference(&inventory, &policy), "{which} {seed}");
        }
    }
}
