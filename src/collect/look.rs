//! Looks at a package again while its clean-up goes on: what was pushed, tagged, moved or reopened since.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    inventory::{Sources, read_manifests},
    ramp::ramped,
};
use crate::{
    model::{Digest, Inventory, ManifestReference, RepositoryName, Tag, Version, VersionId, inventory::ManifestFacts},
    policy::{
        cleanup::{CleanupPlan, Step},
        movable::Movable,
        retention::Life,
        verify::{Look, SoFar},
    },
    ports::{ListedVersion, ManifestCache, PackagesReader, PortError, PortErrorKind, RegistryReader, RepositoryReader},
};

/// The number that stands for that of a version which the registry has and the Packages API does not list yet.
const UNLISTED: VersionId = VersionId::new(0);

/// Looks at one package again and again. What was seen stays seen.
#[derive(Debug)]
pub struct Lookout<'a, P, R, S, C> {
    sources: &'a Sources<'a, P, R, S, C>,
    plan: &'a CleanupPlan,
    before: &'a Inventory,
    repository: Option<&'a RepositoryName>,
    movable: &'a Movable,
    ids: BTreeSet<VersionId>,
    look: Look,
}

impl<'a, P, R, S, C> Lookout<'a, P, R, S, C>
where
    P: PackagesReader,
    R: RegistryReader,
    S: RepositoryReader,
    C: ManifestCache,
{
    /// Starts from what was collected: `repository` is the source repository that was asked.
    pub fn new(
        sources: &'a Sources<'a, P, R, S, C>,
        plan: &'a CleanupPlan,
        before: &'a Inventory,
        repository: Option<&'a RepositoryName>,
        movable: &'a Movable,
    ) -> Self {
        let ids = before.versions.iter().map(|version| version.id).collect();
        Self { sources, plan, before, repository, movable, ids, look: Look::default() }
    }

    /// Returns what was seen so far.
    #[must_use]
    pub const fn seen(&self) -> &Look {
        &self.look
    }

    /// Notes that a version will not be deleted.
    pub fn refused(&mut self, id: VersionId) {
        self.look.refused.insert(id);
    }

    /// Looks again: at the newest versions down to a known one, the tags, and what remaining steps depend on.
    ///
    /// # Errors
    /// If something cannot be looked at: nothing may be changed then.
    pub async fn look(&mut self, so_far: SoFar<'_>) -> Result<(), PortError> {
        let image = &self.before.image;
        let newest = self.sources.packages.newest_versions(image, &self.ids).await?;
        let new = newest.into_iter().filter(|version| !self.ids.contains(&version.id)).collect();
        self.add(new).await?;
        self.look_at_tags(so_far).await?;
        self.look_at_source(so_far).await
    }

    /// Returns those of some manifests that the registry has no more.
    ///
    /// # Errors
    /// If one of them cannot be asked for.
    pub async fn missing(&self, digests: BTreeSet<Digest>) -> Result<BTreeSet<Digest>, PortError> {
        let (registry, image) = (self.sources.registry, &self.before.image);
        let mut missing = BTreeSet::new();
        let ask = |digest: Digest| async move {
            let there = registry.manifest_digest(image, &ManifestReference::Digest(digest.clone())).await;
            (digest, there)
        };
        ramped(registry, digests, ask, |(digest, there)| {
            match there {
                Ok(Some(_)) => {}
                Ok(None) => {
                    missing.insert(digest);
                }
                // It is there, whatever it is.
                Err(error) if error.kind == PortErrorKind::Unsupported => {}
                Err(error) => return Err(error),
            }
            Ok(())
        })
        .await?;
        Ok(missing)
    }

    /// Adds versions that were not there before, with their manifests.
    async fn add(&mut self, new: Vec<ListedVersion>) -> Result<(), PortError> {
        let Sources { registry, cache, .. } = *self.sources;
        let digests: BTreeSet<Digest> = new.iter().map(|version| version.digest.clone()).collect();
        let (mut facts, _) = read_manifests(registry, cache, &self.before.image, digests).await?;
        for ListedVersion { id, digest, tags, created_at, updated_at } in new {
            let manifest = facts.remove(&digest).unwrap_or(ManifestFacts::NotRead);
            self.look.versions.retain(|known| known.digest != digest);
            self.look.versions.push(Version { id, digest, tags, created_at, updated_at, manifest });
        }
        Ok(())
    }

    /// Looks up the digest of every tag that is new or may have moved; at the first look, of all.
    ///
    /// # Errors
    /// If one of them cannot be asked for: nothing may be changed then.
    pub async fn look_at_tags(&mut self, so_far: SoFar<'_>) -> Result<(), PortError> {
        let (registry, image) = (self.sources.registry, &self.before.image);
        let listed: BTreeSet<Tag> = registry.tags(image).await?.into_iter().collect();
        let is_gone = |version: &&Version| so_far.gone.contains(&version.id);
        let here = self.before.versions.iter().filter(|version| !is_gone(version));
        let here: BTreeSet<&Tag> = here.flat_map(|version| &version.tags).collect();
        let untag: BTreeSet<&Tag> = so_far.steps.iter().flat_map(Step::untagged).collect();
        // Where nothing is deleted, nothing but the tags that go can be lost.
        let deletes = !so_far.gone.is_empty() || so_far.steps.iter().any(|step| step.deleted().is_some());
        let is_due = |tag: &&Tag| {
            let is_new = !self.look.tags.contains_key(*tag) || !here.contains(*tag);
            let may_matter = deletes && (is_new || self.movable.may_move(tag));
            !so_far.moved.contains(*tag) && (untag.contains(*tag) || may_matter)
        };
        let due: BTreeSet<&Tag> = here.iter().copied().chain(&listed).filter(is_due).collect();
        let ask = |tag: Tag| async move {
            let digest = registry.manifest_digest(image, &ManifestReference::Tag(tag.clone())).await;
            (tag, digest)
        };
        let mut found: BTreeMap<Tag, Option<Digest>> = BTreeMap::new();
        ramped(registry, due.into_iter().cloned().collect::<Vec<_>>(), ask, |(tag, digest)| {
            found.insert(tag, digest?);
            Ok::<(), PortError>(())
        })
        .await?;
        // What a tag is on and no list has shown yet.
        let versions = self.before.versions.iter().chain(&self.look.versions);
        let known: BTreeSet<&Digest> = versions.map(|version| &version.digest).collect();
        let unlisted: BTreeSet<Digest> =
            found.values().flatten().filter(|digest| !known.contains(digest)).cloned().collect();
        let taken_at = self.before.taken_at;
        let unlisted = unlisted.into_iter().map(|digest| ListedVersion {
            id: UNLISTED,
            digest,
            tags: BTreeSet::new(),
            created_at: taken_at,
            updated_at: taken_at,
        });
        self.add(unlisted.collect()).await?;
        self.look.tags.extend(found);
        // What went with a version that was deleted is not where it was seen before.
        for (tag, digest) in &mut self.look.tags {
            if !here.contains(tag) && !listed.contains(tag) {
                *digest = None;
            }
        }
        // What this run moved is its own doing.
        self.look.tags.retain(|tag, _| !so_far.moved.contains(tag));
        Ok(())
    }

    /// Looks at what tags waited for, where a step that is left depends on it.
    async fn look_at_source(&mut self, so_far: SoFar<'_>) -> Result<(), PortError> {
        let Some(repository) = self.repository else { return Ok(()) };
        let lives = self.lives(so_far);
        if lives.iter().any(|life| matches!(life, Life::Closed { .. } | Life::NoneOpen)) {
            let open = self.sources.repository.recent_pull_requests(repository).await?;
            self.look.open_pull_requests.extend(open);
        }
        let lives = self.lives(so_far);
        if lives.iter().any(|life| matches!(life, Life::BranchGone { .. })) {
            let branches = self.sources.repository.branches(repository).await?;
            self.look.branches.extend(branches.into_keys());
        }
        Ok(())
    }

    /// Returns the reasons for which tags go in the steps that are left.
    fn lives(&self, so_far: SoFar<'_>) -> Vec<&'a Life> {
        let deleted: BTreeSet<VersionId> = so_far.steps.iter().filter_map(Step::deleted).collect();
        let untagged: BTreeSet<&Tag> = so_far.steps.iter().flat_map(Step::untagged).collect();
        let plan = self.plan;
        plan.versions
            .iter()
            .flat_map(|version| version.tags.iter().map(move |tag| (version.id, tag)))
            .filter(|(id, decision)| deleted.contains(id) || untagged.contains(&decision.tag))
            .flat_map(|(_, decision)| decision.rows.iter().flat_map(|row| &row.reasons))
            .collect()
    }
}
