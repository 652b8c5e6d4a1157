//! Prints what planning a clean-up of 100,000 versions costs, beside the bars. It asserts nothing about time.
//!
//! `cargo bench --bench retention`

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads files, prints, and stops at the first surprise"
)]

use std::{collections::BTreeSet, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use ghcr_lifecycle::{
    model::{
        Asked, Digest, Evidence, Inventory, Tag, Version, VersionId,
        evidence::Commits,
        inventory::{Blob, Child, ManifestFacts, ManifestRole, ReadManifest},
    },
    policy::{
        cleanup::{plan_cleanup, write_plans},
        config,
        rules::Policy,
        verify::{Look, allowed},
    },
};

fn digest(name: impl AsRef<str>) -> Digest {
    Digest::of(name.as_ref().as_bytes())
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_366_400, 0).unwrap()
}

fn policy(name: &str) -> Policy {
    config::parse(&std::fs::read_to_string(format!("fixtures/policies/{name}.yml")).unwrap()).unwrap()
}

/// A package of multi-platform builds with provenance and signatures; or, flat, of single manifests with a tag each.
fn package(versions: usize, flat: bool) -> Inventory {
    let mut inventory = Inventory {
        image: "ghcr.io/acme/storefront".parse().unwrap(),
        taken_at: now(),
        versions: Vec::with_capacity(versions),
        deleted: Asked::Known(Vec::new()),
        undeletable: Default::default(),
        pull_requests: Asked::Known((0..50).collect()),
        branches: Asked::Known((0..200).map(|at| format!("feature/{at}")).collect()),
        evidence: Evidence {
            commits: (1..10)
                .map(|row| {
                    (row, Asked::Known(Commits { since: now() - TimeDelta::days(4000), dates: Default::default() }))
                })
                .collect(),
            releases: Asked::Known(Default::default()),
            git_tags: Asked::Known(Default::default()),
        },
        references: Asked::Known(Vec::new()),
    };
    let mut build = 0_usize;
    while inventory.versions.len() < versions {
        let created_at =
            now() - TimeDelta::minutes(10 * i64::try_from(versions - inventory.versions.len()).unwrap() / 5);
        let hash = digest(format!("commit {build}"));
        let tag = match build % 10 {
            0 => format!("{}.{}.{}", build / 10_000, build / 100 % 100, build % 100),
            1 => format!("preview-feature-{build}"),
            2 | 3 => format!("pr-{build}-{}", &hash.hex()[..7]),
            4 => format!("nightly-{}", created_at.format("%Y%m%d")),
            5 => hash.hex()[..40].to_owned(),
            _ => format!("main-{}", &hash.hex()[..7]),
        };
        let mut push = |name: String, kind, children: Vec<&str>, tags: BTreeSet<Tag>| {
            let layers = (0..6)
                .map(|layer| Blob { digest: digest(format!("layer {layer} {}", build / (layer + 1))), size: 1 << 20 });
            let manifest = ReadManifest {
                kind,
                children: children
                    .into_iter()
                    .map(|name| Child { digest: digest(name), is_manifest: true, platform: None })
                    .collect(),
                subject: None,
                blobs: if kind == ManifestRole::Image { layers.collect() } else { Vec::new() },
                artifact_type: None,
            };
            let id = VersionId::new(inventory.versions.len() as u64 + 1);
            let manifest = ManifestFacts::Read(Box::new(manifest));
            inventory.versions.push(Version {
                id,
                digest: digest(name),
                tags,
                created_at,
                updated_at: created_at,
                manifest,
            });
        };
        let mut tags = BTreeSet::from([tag.parse().unwrap()]);
        if build % 10 > 5 {
            tags.insert(format!("build-{build}").parse().unwrap());
        }
        if flat {
            push(format!("image {build}"), ManifestRole::Image, Vec::new(), tags);
        } else {
            let parts: Vec<String> =
                ["amd64", "arm64", "provenance"].iter().map(|part| format!("{part} {build}")).collect();
            push(parts[0].clone(), ManifestRole::Image, Vec::new(), BTreeSet::new());
            push(parts[1].clone(), ManifestRole::Image, Vec::new(), BTreeSet::new());
            push(parts[2].clone(), ManifestRole::Artifact, Vec::new(), BTreeSet::new());
            push(format!("index {build}"), ManifestRole::Index, parts.iter().map(String::as_str).collect(), tags);
            let signature = format!("sha256-{}.sig", digest(format!("index {build}")).hex());
            push(
                format!("signature {build}"),
                ManifestRole::Artifact,
                Vec::new(),
                BTreeSet::from([signature.parse().unwrap()]),
            );
        }
        build += 1;
    }
    inventory
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown").replace('\t', " ")
}

fn measure(what: &str, inventory: &Inventory, policy: &Policy) {
    let before = peak();
    let begin = Instant::now();
    let plan = plan_cleanup(inventory, policy).unwrap();
    let planned = begin.elapsed();
    println!(
        "{what}: {} versions, {} deleted, {} tags taken away: {planned:?} (bar 0.5 s); {before} before, {} after (bar 300 MB)",
        inventory.versions.len(),
        plan.deleted().count(),
        plan.untag.len(),
        peak()
    );
    let begin = Instant::now();
    let bytes = write_plans(std::slice::from_ref(&plan)).unwrap().len();
    println!("  plan.json: {bytes} bytes in {:?}", begin.elapsed());
    let begin = Instant::now();
    println!(
        "  a newer look leaves {} steps: {:?}",
        allowed(&plan, inventory, &Look::default()).len(),
        begin.elapsed()
    );
}

fn main() {
    for which in ["storefront", "kyklos", "phialo"] {
        measure(which, &package(100_000, false), &policy(which));
    }
    for which in ["storefront", "phialo"] {
        measure(&format!("{which}, single manifests"), &package(100_000, true), &policy(which));
    }
}
