//! The package of a project that releases, builds each commit and each pull request, and never cleaned up.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use ghcr_lifecycle::{
    model::{
        Asked, Digest, Evidence, Inventory, Tag, Version, VersionId,
        evidence::Commits,
        inventory::{Blob, Child, ManifestFacts, ManifestRole, ReadManifest},
    },
    policy::{cleanup::plan_cleanup, config, rules::Policy},
    report::cleanup::{CleanupReport, DryRun, PackageReport, PackageResult},
};

/// The policy of a real project, whose rows the tags below are made for.
pub(crate) fn policy() -> Policy {
    config::parse(include_str!("../../../fixtures/policies/kyklos.yml")).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_366_400, 0).unwrap()
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Versions as they are pushed, each with the next number.
struct Pushes {
    versions: Vec<Version>,
    chance: Chance,
}

impl Pushes {
    fn put(
        &mut self,
        age: TimeDelta,
        tags: &[String],
        kind: ManifestRole,
        children: Vec<Child>,
        blobs: Vec<Blob>,
    ) -> Digest {
        let id = 900_000_000 + self.versions.len() as u64 * 7;
        let digest = Digest::of(&id.to_le_bytes());
        let manifest = ReadManifest { kind, children, subject: None, blobs, artifact_type: None };
        self.versions.push(Version {
            id: VersionId::new(id),
            digest: digest.clone(),
            tags: tags.iter().map(|tag| tag.parse::<Tag>().unwrap()).collect(),
            created_at: now() - age,
            updated_at: now() - age,
            manifest: ManifestFacts::Read(Box::new(manifest)),
        });
        digest
    }

    /// Pushes an index of two platforms, each with its attestation: five versions.
    fn image(&mut self, age: TimeDelta, tags: &[String]) -> Digest {
        let mut children = Vec::new();
        for platform in ["linux/amd64", "linux/arm64"] {
            let base = Blob { digest: Digest::of(platform.as_bytes()), size: 28_000_000 };
            let size = 4_000_000 + self.chance.below(9_000_000);
            let own = Blob { digest: Digest::of(&(size, self.versions.len()).0.to_le_bytes()), size };
            let digest = self.put(age, &[], ManifestRole::Image, Vec::new(), vec![base, own]);
            children.push(Child { digest, is_manifest: true, platform: Some(platform.parse().unwrap()) });
            let statement = Blob { digest: Digest::of(&self.versions.len().to_le_bytes()), size: 24_000 };
            let digest = self.put(age, &[], ManifestRole::Artifact, Vec::new(), vec![statement]);
            children.push(Child { digest, is_manifest: true, platform: Some("unknown/unknown".parse().unwrap()) });
        }
        self.put(age, tags, ManifestRole::Index, children, Vec::new())
    }
}

/// Returns the package after so many pushes; some of them are signed.
pub(crate) fn inventory(pushes: u64) -> Inventory {
    let mut made = Pushes { versions: Vec::new(), chance: Chance(7) };
    let length = TimeDelta::days(420);
    for at in 0..pushes {
        let left = i32::try_from(pushes - at - 1).unwrap();
        let age = length * left / i32::try_from(pushes).unwrap() + TimeDelta::minutes(made.chance.below(900) as i64);
        let sha = format!("{:07x}", 0xa00_0000 + made.chance.below(0x5ff_ffff));
        let tags = match made.chance.below(20) {
            0 => vec![format!("v0.{}.{}", at / 40, at % 40)],
            1 => vec![format!("v0.{}.0-rc.{}", at / 40 + 1, at % 40)],
            2 => vec![format!("v0.{}-{sha}", at / 40)],
            3..=7 => vec![format!("pr-{at}")],
            8 => Vec::new(),
            9 if at % 3 == 0 => vec![format!("try-{at}")],
            10 => vec![format!("main-{sha}"), format!("v0.{}.{}", at / 40, at % 40)],
            _ => vec![format!("main-{sha}")],
        };
        let digest = made.image(age, &tags);
        if tags.iter().any(|tag| tag.starts_with("v0.") && !tag.contains('-')) {
            let blob = Blob { digest: Digest::of(digest.hex().as_bytes()), size: 900 };
            made.put(age, &[format!("sha256-{}.sig", digest.hex())], ManifestRole::Artifact, Vec::new(), vec![blob]);
        }
    }
    let newest = |version: &&mut Version| {
        version.tags.iter().any(|tag| tag.as_str().starts_with("v0.") && !tag.as_str().contains('-'))
    };
    if let Some(version) = made.versions.iter_mut().rev().find(newest) {
        version.tags.extend(["latest", "v0"].map(|tag| tag.parse::<Tag>().unwrap()));
    }
    let commits = Commits { since: now() - length * 2, dates: Default::default() };
    Inventory {
        image: "ghcr.io/kyklos/kyklos".parse().unwrap(),
        taken_at: now(),
        versions: made.versions,
        deleted: Asked::Known(Vec::new()),
        undeletable: Default::default(),
        pull_requests: Asked::Known((pushes.saturating_sub(40)..pushes).filter(|at| at % 3 == 0).collect()),
        branches: Asked::Known(BTreeSet::new()),
        evidence: Evidence {
            commits: (1..10).map(|row| (row, Asked::Known(commits.clone()))).collect(),
            releases: Asked::Known(Default::default()),
            git_tags: Asked::Known(Default::default()),
        },
        references: Asked::NotAsked,
    }
}

/// Plans the clean-up of a package.
pub(crate) fn package(inventory: Inventory, policy: &Policy) -> PackageReport {
    let plan = plan_cleanup(&inventory, policy).unwrap();
    let page = "https://github.com/orgs/kyklos/packages/container";
    PackageReport {
        image: inventory.image.to_string(),
        page: Some(format!("{page}/package/kyklos")),
        settings: Some(format!("{page}/kyklos/settings")),
        repository: Some("kyklos/kyklos".to_owned()),
        manifests_read: plan.versions.len(),
        result: Ok(PackageResult { inventory, plan, too_many: None, applied: None }),
    }
}

/// Reports on packages.
pub(crate) fn report(policy: &Policy, packages: Vec<PackageReport>) -> CleanupReport<'_> {
    CleanupReport { mode: "plan", policy, dry_run: DryRun::Plan, closed: None, pace: 900, packages }
}
