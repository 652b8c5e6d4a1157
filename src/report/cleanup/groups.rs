//! What people take for one thing: an image with its platforms, signatures and attestations, all of which share its fate.

use std::collections::BTreeMap;

use crate::{
    model::{
        Digest, Inventory, Version, VersionId,
        inventory::{Blob, ManifestRole},
    },
    policy::cleanup::{CleanupPlan, Decision, PlannedVersion, VersionReason},
};

/// A version with all that stays or goes because of it.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The version that the others belong to.
    pub(super) head: Member<'a>,
    /// The others, lowest number first.
    pub(super) parts: Vec<Member<'a>>,
    /// The blobs of all of them, each once, in bytes; `None` if no manifest of them was read.
    pub(super) bytes: Option<u64>,
}

/// A version as it was planned and as it was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) planned: &'a PlannedVersion,
    /// None only if the plan is another inventory's.
    pub(super) found: Option<&'a Version>,
}

impl Member<'_> {
    /// Says what it is by itself.
    pub(super) fn kind(&self) -> &'static str {
        match self.found.and_then(Version::read).map(|manifest| manifest.kind) {
            Some(ManifestRole::Image) => "image",
            Some(ManifestRole::Index) => "index",
            Some(ManifestRole::Artifact) => "artifact",
            Some(ManifestRole::Placeholder) => "placeholder",
            None => "manifest",
        }
    }

    /// Returns the size of its own blobs, in bytes.
    pub(super) fn bytes(&self) -> Option<u64> {
        let manifest = self.found?.read()?;
        Some(manifest.blobs.iter().fold(0, |sum, blob| blob.size.saturating_add(sum)))
    }
}

impl Group<'_> {
    /// Says what a part is to the whole: its platform, or what refers to it.
    pub(super) fn role(&self, part: &Member<'_>) -> String {
        let members = || std::iter::once(&self.head).chain(&self.parts);
        let entries = members().filter_map(|member| member.found?.read()).flat_map(|manifest| &manifest.children);
        match entries.into_iter().find(|entry| entry.digest == part.planned.digest) {
            Some(entry) => match &entry.platform {
                // This is how BuildKit lists what is no image.
                Some(platform) if platform.os == "unknown" => "attestation".to_owned(),
                Some(platform) => crate::model::untrusted::shown(&platform.to_string()),
                None => part.kind().to_owned(),
            },
            None => match part.found.and_then(Version::read).and_then(|manifest| manifest.artifact_type.as_deref()) {
                Some(artifact_type) => crate::model::untrusted::shown(artifact_type),
                None => "signature or other referrer".to_owned(),
            },
        }
    }
}

/// Returns the version that another one stays or goes with, if it does.
fn belongs_to(version: &PlannedVersion) -> Option<VersionId> {
    match version.decision {
        Decision::Keep => {
            // What is young enough to stay by itself is a part of an image all the same.
            let is_young = |reason: &&VersionReason| {
                matches!(reason, VersionReason::UntaggedYoung { .. } | VersionReason::UntaggedForever)
            };
            let whole = version.reasons.iter().find_map(|reason| match reason {
                VersionReason::ChildOf { id, .. } | VersionReason::ReferrerOf { id, .. } => Some(*id),
                _ => None,
            });
            version.reached.or_else(|| version.reasons.iter().find(is_young).and(whole))
        }
        Decision::Delete if version.reasons.contains(&VersionReason::TagsExpired) => None,
        Decision::Delete => version.after.first().copied(),
    }
}

/// Groups the versions of a plan, in the order of their heads.
pub(super) fn groups<'a>(plan: &'a CleanupPlan, inventory: &'a Inventory) -> Vec<Group<'a>> {
    let found: BTreeMap<VersionId, &Version> = inventory.versions.iter().map(|version| (version.id, version)).collect();
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, head) in heads(plan).into_iter().enumerate() {
        members.entry(head).or_default().push(at);
    }
    let member = |at: usize| {
        let planned = &plan.versions[at];
        Member { planned, found: found.get(&planned.id).copied() }
    };
    members
        .into_iter()
        .map(|(head, members)| {
            let blobs = || members.iter().filter_map(|at| member(*at).found?.read()).map(|manifest| &manifest.blobs);
            let bytes = blobs().next().is_some().then(|| distinct(blobs().flatten()));
            let parts = members.iter().filter(|at| **at != head).map(|at| member(*at)).collect();
            Group { head: member(head), parts, bytes }
        })
        .collect()
}

/// Sums up blobs, each once.
fn distinct<'a>(blobs: impl Iterator<Item = &'a Blob>) -> u64 {
    let mut blobs: Vec<(&Digest, u64)> = blobs.map(|blob| (&blob.digest, blob.size)).collect();
    blobs.sort_unstable();
    blobs.dedup_by_key(|(digest, _)| *digest);
    blobs.into_iter().fold(0, |sum, (_, size)| size.saturating_add(sum))
}

/// Finds the head of each version, by their places in the plan. Two versions may refer to each other by their tags: then the
/// one that is met first is the head.
fn heads(plan: &CleanupPlan) -> Vec<usize> {
    let place = |id: VersionId| plan.versions.binary_search_by_key(&id, |version| version.id).ok();
    let mut heads: Vec<Option<usize>> = vec![None; plan.versions.len()];
    for start in 0..heads.len() {
        let mut path = Vec::new();
        let mut at = start;
        let head = loop {
            if let Some(head) = heads[at] {
                break head;
            }
            // Whoever is met again on the way is its own head.
            heads[at] = Some(at);
            path.push(at);
            match belongs_to(&plan.versions[at]).and_then(place) {
                Some(next) => at = next,
                None => break at,
            }
        };
        for at in path {
            heads[at] = Some(head);
        }
    }
    heads.into_iter().enumerate().map(|(at, head)| head.unwrap_or(at)).collect()
}
