//! Takes expired tags away from versions that stay: all of them are moved onto one placeholder, which is deleted. Neither the
//! registry nor the API can remove a tag; a DELETE takes a version with all its tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Deletion, End, JournalState, JournalStep, Line, Lookout, Outcome, Sweep, TRIES, never_in_time, outcome,
    placeholder::Placeholder,
};
use crate::{
    execute::retag::{Put, put_unless_moved},
    model::{Digest, ManifestReference, Tag, VersionId, journal::PLACEHOLDER},
    policy::cleanup::PlannedUntag,
    ports::{Journal, ListedVersion, PackagesWriter, PortError, PortErrorKind, RegistryWriter, Run},
};

/// How often the version list is read until it shows what the registry shows, and the first wait in between, which doubles.
const LISTINGS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// How long after the placeholder's tags were read it may be deleted.
const FRESH: Duration = Duration::from_secs(1);

impl<P, R, J, U, L> Sweep<'_, P, R, J, U, L>
where
    P: PackagesWriter,
    R: RegistryWriter,
    J: Journal,
    U: Run,
    L: Lookout,
{
    /// Takes tags away. Whatever ends this early, the tags that were moved by then are taken away.
    pub(super) async fn untag(&mut self, tags: &[Tag]) -> Result<(), End> {
        let run = self.with.run;
        let placeholder = Placeholder::new(run.now(), &run.unique());
        let mut moved: BTreeMap<Tag, Digest> = BTreeMap::new();
        let moving = self.move_all(&placeholder, tags, &mut moved).await;
        if moved.is_empty() {
            return moving;
        }
        let removing = self.remove(&placeholder, moved).await;
        moving.and(removing)
    }

    async fn move_all(
        &mut self,
        placeholder: &Placeholder,
        tags: &[Tag],
        moved: &mut BTreeMap<Tag, Digest>,
    ) -> Result<(), End> {
        let planned: BTreeMap<Tag, PlannedUntag> =
            self.planned().into_iter().map(|(tag, untag)| (tag.clone(), untag.clone())).collect();
        let mut is_staged = false;
        for tag in tags {
            self.ready().await?;
            self.progress();
            let Some(untag) = planned.get(tag).filter(|_| self.allowed_tags.contains(tag)) else {
                self.applied.untagging.insert(tag.clone(), Outcome::Protected);
                continue;
            };
            if !is_staged {
                let image = &self.work.plan.image;
                let staged = self.with.registry.put_blob(image, &placeholder.config, placeholder).await;
                staged.map_err(|error| self.end(error))?;
                is_staged = true;
            }
            let (outcome, end) = self.move_one(placeholder, untag).await?;
            if outcome == Outcome::Done {
                moved.insert(tag.clone(), untag.digest.clone());
                self.moved.insert(tag.clone());
                // Until the placeholder is deleted it is not taken away.
                self.applied.untagging.insert(tag.clone(), Outcome::Remaining);
            } else {
                self.applied.untagging.insert(tag.clone(), outcome);
            }
            if let Some(end) = end {
                return Err(end);
            }
        }
        Ok(())
    }

    /// Moves one tag, if it is still where the plan saw it.
    async fn move_one(
        &mut self,
        placeholder: &Placeholder,
        untag: &PlannedUntag,
    ) -> Result<(Outcome, Option<End>), End> {
        let problem = |error: &PortError| Outcome::Failed { problem: error.to_string() };
        match self.digest_of(&untag.tag).await {
            Ok(Some(digest)) if digest == untag.digest => {}
            Ok(Some(_)) => return Ok((Outcome::Protected, None)),
            Ok(None) => return Ok((Outcome::AlreadyGone, None)),
            Err(error) => return Ok((problem(&error), self.failed(error))),
        }
        let tags = BTreeSet::from([untag.tag.clone()]);
        let line = Line { step: JournalStep::Untag, id: Some(untag.id), digest: &untag.digest, tags: &tags };
        self.write(&line, JournalState::Intent, None)?;
        let (image, on) = (&self.work.plan.image, Some(&untag.digest));
        match put_unless_moved(self.with.registry, image, &untag.tag, on, &placeholder.manifest).await {
            Ok(Put::Done) => {
                self.failures = 0;
                self.write(&line, JournalState::Done, None)?;
                Ok((Outcome::Done, None))
            }
            Ok(Put::Elsewhere(_)) => {
                self.write(&line, JournalState::Failed, Some(MOVED_ON.to_owned()))?;
                Ok((Outcome::Protected, None))
            }
            Err(error) => {
                let outcome = problem(&error);
                self.write(&line, JournalState::Failed, Some(error.to_string()))?;
                let end = self.failed(error);
                let is_good = end.as_ref().is_some_and(End::is_good);
                Ok((if is_good { Outcome::Remaining } else { outcome }, end))
            }
        }
    }

    async fn digest_of(&self, tag: &Tag) -> Result<Option<Digest>, PortError> {
        let reference = ManifestReference::Tag(tag.clone());
        self.with.registry.manifest_digest(&self.work.plan.image, &reference).await
    }

    /// Deletes the placeholder with the tags that were moved onto it, and no others.
    async fn remove(&mut self, placeholder: &Placeholder, mut moved: BTreeMap<Tag, Digest>) -> Result<(), End> {
        for _ in 0..TRIES {
            if self.try_to_remove(placeholder, &mut moved).await? {
                return Ok(());
            }
        }
        Err(never_in_time())
    }

    /// Returns whether that is settled; if not, the placeholder has to be looked at again.
    async fn try_to_remove(
        &mut self,
        placeholder: &Placeholder,
        moved: &mut BTreeMap<Tag, Digest>,
    ) -> Result<bool, End> {
        let listed = match self.find(placeholder, moved).await {
            Ok(listed) => listed,
            Err(error) => {
                let end = self.end(error);
                if let End::Failed { problem, .. } = &end {
                    self.settle(moved.keys(), &Outcome::Failed { problem: left_behind(problem) });
                }
                return Err(end);
            }
        };
        let Some(version) = listed else {
            // Somebody else moved all of them on, or deleted the placeholder.
            return Ok(true);
        };
        let tags: BTreeSet<Tag> = moved.keys().cloned().collect();
        let line =
            Line { step: JournalStep::Delete, id: Some(version), digest: &placeholder.manifest.digest, tags: &tags };
        self.write(&line, JournalState::Intent, Some(PLACEHOLDER.to_owned()))?;
        match self.with.packages.delete_version(&self.work.plan.image, version, FRESH).await {
            Ok(deletion) => {
                self.failures = 0;
                let (state, said) = match &deletion {
                    Deletion::Done => (JournalState::Done, PLACEHOLDER.to_owned()),
                    Deletion::AlreadyGone => (JournalState::AlreadyGone, PLACEHOLDER.to_owned()),
                    Deletion::Refused { why: _, said } => (JournalState::Refused, format!("{PLACEHOLDER}: {said}")),
                    Deletion::TooLate => (JournalState::Failed, format!("{PLACEHOLDER}: it is looked at again")),
                };
                self.write(&line, state, Some(said))?;
                let Some(outcome) = outcome(deletion) else { return Ok(false) };
                if let Outcome::Refused { .. } = &outcome {
                    self.put_all_back(placeholder, moved).await?;
                }
                // Whoever deleted it took the tags away.
                let told = if outcome == Outcome::AlreadyGone { &Outcome::Done } else { &outcome };
                self.settle(moved.keys(), told);
                Ok(true)
            }
            Err(error) => {
                let problem = error.to_string();
                self.write(&line, JournalState::Failed, Some(format!("{PLACEHOLDER}: {problem}")))?;
                let end = self.failed(error);
                if !end.as_ref().is_some_and(End::is_good) {
                    self.settle(moved.keys(), &Outcome::Failed { problem: left_behind(&problem) });
                }
                end.map_or(Ok(true), Err)
            }
        }
    }

    /// Finds the placeholder's version, and makes its tags exactly those that were moved: what somebody moved on since is
    /// theirs, and what somebody put there is put back. `None` if it has no tag any more.
    async fn find(
        &mut self,
        placeholder: &Placeholder,
        moved: &mut BTreeMap<Tag, Digest>,
    ) -> Result<Option<VersionId>, PortError> {
        let image = self.work.plan.image.clone();
        let known: BTreeSet<VersionId> = self.work.before.versions.iter().map(|version| version.id).collect();
        let mut wait = FIRST_WAIT;
        let mut seen = String::from("the list does not show it");
        for listing in 0..LISTINGS {
            if listing > 0 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            let newest = self.with.packages.newest_versions(&image, &known).await?;
            let listed = newest.into_iter().find(|version| version.digest == placeholder.manifest.digest);
            let on_it = listed.as_ref().map(|version| version.tags.clone()).unwrap_or_default();
            // A list may be a moment old; the registry says where a tag is.
            let mut is_behind = listed.is_none();
            for tag in moved.keys().filter(|tag| !on_it.contains(*tag)).cloned().collect::<Vec<_>>() {
                if self.digest_of(&tag).await?.as_ref() == Some(&placeholder.manifest.digest) {
                    is_behind = true;
                } else {
                    moved.remove(&tag);
                    self.settle([&tag], &Outcome::Protected);
                }
            }
            if moved.is_empty() && listed.as_ref().is_none_or(|version| version.tags.is_empty()) {
                return Ok(None);
            }
            if is_behind {
                continue;
            }
            let Some(ListedVersion { id, tags, .. }) = listed else { continue };
            let foreign: Vec<Tag> = tags.iter().filter(|tag| !moved.contains_key(*tag)).cloned().collect();
            if foreign.is_empty() {
                return Ok(Some(id));
            }
            for tag in foreign {
                seen = format!("somebody put `{tag}` on it");
                if let Some(digest) = self.meant(&tag, moved) {
                    self.put_back(placeholder, &tag, &digest).await?;
                }
            }
        }
        Err(PortError::new(
            PortErrorKind::Malformed,
            format!("take expired tags of {image} away"),
            format!("the placeholder {} cannot be deleted: {seen}", placeholder.manifest.digest),
        )
        .with_hint("the next run deletes it; put a tag that must not go with it on the right image before"))
    }

    /// Says which image a tag means that somebody put on the placeholder: the one that it was on before, or the one that all
    /// moved tags were on.
    fn meant(&self, tag: &Tag, moved: &BTreeMap<Tag, Digest>) -> Option<Digest> {
        let before = self.work.before.versions.iter().find(|version| version.tags.contains(tag));
        let digests: BTreeSet<&Digest> = moved.values().collect();
        let only = if digests.len() == 1 { digests.first().copied() } else { None };
        before.map(|version| &version.digest).or(only).cloned()
    }

    /// Puts a tag back on the image that it was on, unless it has left the placeholder.
    async fn put_back(&mut self, placeholder: &Placeholder, tag: &Tag, digest: &Digest) -> Result<(), PortError> {
        let image = self.work.plan.image.clone();
        let reference = ManifestReference::Digest(digest.clone());
        let Some(manifest) = self.with.registry.manifest(&image, &reference).await? else {
            return Err(PortError::new(
                PortErrorKind::Malformed,
                format!("put {image}:{tag} back on {digest}"),
                "the registry has it no more",
            ));
        };
        if self.digest_of(tag).await?.as_ref() != Some(&placeholder.manifest.digest) {
            return Ok(());
        }
        let id = self.work.before.versions.iter().find(|version| version.digest == *digest).map(|version| version.id);
        let tags = BTreeSet::from([tag.clone()]);
        let line = Line { step: JournalStep::Retag, id, digest, tags: &tags };
        let journal = |end| match end {
            End::Failed { problem, .. } => PortError::new(PortErrorKind::Malformed, "go on", problem),
            _ => PortError::new(PortErrorKind::Malformed, "go on", "the journal cannot be written"),
        };
        self.write(&line, JournalState::Intent, None).map_err(journal)?;
        let on = Some(&placeholder.manifest.digest);
        let put = put_unless_moved(self.with.registry, &image, tag, on, &manifest).await;
        let (state, detail) = match &put {
            Ok(Put::Done) => (JournalState::Done, None),
            Ok(Put::Elsewhere(_)) => (JournalState::Failed, Some(MOVED_ON.to_owned())),
            Err(error) => (JournalState::Failed, Some(error.to_string())),
        };
        self.write(&line, state, detail).map_err(journal)?;
        put.map(|_| ())
    }

    /// Puts all tags back, where GitHub does not delete the placeholder.
    async fn put_all_back(&mut self, placeholder: &Placeholder, moved: &BTreeMap<Tag, Digest>) -> Result<(), End> {
        for (tag, digest) in moved {
            let put = self.put_back(placeholder, tag, digest).await;
            put.map_err(|error| self.end(error))?;
        }
        Ok(())
    }

    fn settle<'t>(&mut self, tags: impl IntoIterator<Item = &'t Tag>, outcome: &Outcome) {
        for tag in tags {
            self.applied.untagging.insert(tag.clone(), outcome.clone());
        }
    }
}

const MOVED_ON: &str = "somebody else moved it";

fn left_behind(problem: &str) -> String {
    format!("it is on a placeholder, which counts as absent and which the next run deletes: {problem}")
}
