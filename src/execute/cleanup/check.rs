//! The check at the end: what a kept image needs and has lost is restored at once.

use std::collections::{BTreeMap, BTreeSet};

use super::{End, JournalState, JournalStep, Line, Lookout, Restored, SoFar, Sweep};
use crate::{
    model::{Digest, Version, VersionId},
    policy::verify::lost_children,
    ports::{Journal, PackagesWriter, PortError, RegistryWriter, Restoration, Run},
};

/// How often all is checked once more because something had to be restored.
const CHECKS: usize = 3;

impl<P, R, J, U, L> Sweep<'_, P, R, J, U, L>
where
    P: PackagesWriter,
    R: RegistryWriter,
    J: Journal,
    U: Run,
    L: Lookout,
{
    /// Looks once more, and restores what is needed after all.
    pub(super) async fn check(&mut self) {
        for _ in 0..CHECKS {
            match self.restore_lost().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(problem) => {
                    self.applied.unchecked = Some(problem);
                    return;
                }
            }
        }
    }

    /// Returns whether something was restored, so that all has to be checked again.
    async fn restore_lost(&mut self) -> Result<bool, String> {
        let told = |error: PortError| match error.hint {
            Some(ref hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        };
        let so_far = SoFar { steps: &[], moved: &self.moved, gone: &self.gone };
        self.lookout.look(so_far).await.map_err(told)?;
        let active = self.active().await.map_err(told)?;
        let lost: BTreeMap<VersionId, (Digest, Digest)> =
            lost_children(&self.lookout.seen().versions, self.work.before, &active);
        let lost: Vec<(VersionId, (Digest, Digest))> =
            lost.into_iter().filter(|(id, _)| !self.applied.restored.contains_key(id)).collect();
        let mut is_changed = false;
        for (id, (digest, needed_by)) in lost {
            let problem = match self.restore(id, &digest).await {
                Ok(problem) => problem,
                Err(End::Failed { problem, .. } | End::Limit { problem }) => return Err(problem),
                Err(End::Finished | End::TimeBudget | End::Interrupted { .. }) => None,
            };
            if problem.is_none() {
                self.gone.remove(&id);
                is_changed = true;
            } else {
                self.applied.broken.entry(needed_by.clone()).or_default().insert(digest.clone());
            }
            self.applied.restored.insert(id, Restored { digest, needed_by, problem });
        }
        Ok(is_changed)
    }

    /// Returns the digests that are there now: what was there before and is not gone, what is new, and what tags are on: a
    /// push may have brought back what this run deleted, under the number that it had. What kept images list is asked for,
    /// since somebody else may have deleted it.
    async fn active(&self) -> Result<BTreeSet<Digest>, PortError> {
        let seen = self.lookout.seen();
        let here = |version: &&Version| !self.gone.contains(&version.id);
        let mut active: BTreeSet<Digest> =
            self.work.before.versions.iter().filter(here).map(|version| version.digest.clone()).collect();
        active.extend(seen.versions.iter().map(|version| version.digest.clone()));
        active.extend(seen.tags.values().flatten().cloned());
        let is_active = |version: &&Version| active.contains(&version.digest);
        let listing = self.work.before.versions.iter().filter(is_active).chain(&seen.versions);
        let children: BTreeSet<Digest> = listing
            .filter_map(|version| version.read())
            .flat_map(|manifest| manifest.children.iter().map(|child| &child.digest))
            .filter(|digest| active.contains(*digest))
            .cloned()
            .collect();
        for digest in self.lookout.missing(children).await? {
            active.remove(&digest);
        }
        Ok(active)
    }

    /// Restores a version. Returns why it is not back, if it is not.
    async fn restore(&mut self, id: VersionId, digest: &Digest) -> Result<Option<String>, End> {
        let before = self.work.before.versions.iter().find(|version| version.id == id);
        let tags = before.map(|version| version.tags.clone()).unwrap_or_default();
        let line = Line { step: JournalStep::Restore, id: Some(id), digest, tags: &tags };
        self.write(&line, JournalState::Intent, None)?;
        match self.with.packages.restore_version(&self.work.plan.image, id).await {
            Ok(Restoration::Done) => {
                self.write(&line, JournalState::Done, None)?;
                Ok(None)
            }
            Ok(Restoration::NotThere) => {
                // Somebody may have pushed it again.
                let missing = self.lookout.missing(BTreeSet::from([digest.clone()])).await;
                if missing.is_ok_and(|missing| missing.is_empty()) {
                    self.write(&line, JournalState::AlreadyGone, Some("it is there".to_owned()))?;
                    return Ok(None);
                }
                let problem = "it is not among the deleted versions".to_owned();
                self.write(&line, JournalState::AlreadyGone, Some(problem.clone()))?;
                Ok(Some(problem))
            }
            Err(error) => {
                let problem = error.to_string();
                self.write(&line, JournalState::Failed, Some(problem.clone()))?;
                match self.end(error) {
                    end @ End::Limit { .. } => Err(end),
                    _ => Ok(Some(problem)),
                }
            }
        }
    }
}
