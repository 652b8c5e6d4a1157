//! A clean-up undone: versions first, then the tags that are still free.

use std::collections::BTreeMap;

use crate::{
    execute::retag::{Put, put_unless_moved},
    model::{Digest, ImageName, JournalEntry, JournalState, JournalStep, Manifest, ManifestReference, Tag, VersionId},
    policy::restore::{RestorePlan, RestoreVersion},
    ports::{Journal, PackagesWriter, PortError, PortErrorKind, RegistryWriter, Restoration, Run},
};

/// What became of undoing a clean-up in one package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoredPackage {
    /// The versions.
    pub versions: BTreeMap<VersionId, VersionBack>,
    /// The tags.
    pub tags: BTreeMap<Tag, TagBack>,
    /// What ended the work early.
    pub ended: Option<String>,
}

/// What became of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionBack {
    /// It is back.
    Back,
    /// It was there: nothing had to be done.
    WasThere,
    /// GitHub has it no more: it keeps deleted versions for 30 days.
    GoneForGood,
    /// It failed.
    Failed {
        /// What was answered, bounded and without control characters.
        problem: String,
    },
    /// The run ended before.
    NotTried,
}

/// What became of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagBack {
    /// It is back.
    Back,
    /// It was there: nothing had to be done.
    WasThere,
    /// It is on another image now.
    Taken {
        /// That image's digest.
        by: Digest,
    },
    /// The image that it was on is not there.
    NoImage,
    /// It failed.
    Failed {
        /// What was answered, bounded and without control characters.
        problem: String,
    },
    /// The run ended before.
    NotTried,
}

/// Who does it.
#[derive(Debug)]
pub struct Restorer<'a, P, R, J, U> {
    /// The Packages API.
    pub packages: &'a P,
    /// The registry.
    pub registry: &'a R,
    /// The journal of this run, which undoes another's.
    pub journal: &'a J,
    /// The run.
    pub run: &'a U,
}

impl<P, R, J, U> Restorer<'_, P, R, J, U>
where
    P: PackagesWriter,
    R: RegistryWriter,
    J: Journal,
    U: Run,
{
    /// Brings back what is to be brought back, as far as it goes.
    pub async fn restore(&self, image: &ImageName, plan: &RestorePlan) -> RestoredPackage {
        let mut done = RestoredPackage {
            versions: plan.versions.iter().map(|version| (version.id, VersionBack::NotTried)).collect(),
            tags: plan.tags.keys().map(|tag| (tag.clone(), TagBack::NotTried)).collect(),
            ended: None,
        };
        if let Err(error) = self.restore_all(image, plan, &mut done).await {
            done.ended = Some(match error.hint {
                Some(ref hint) => format!("{error}; {hint}"),
                None => error.to_string(),
            });
        }
        done
    }

    async fn restore_all(
        &self,
        image: &ImageName,
        plan: &RestorePlan,
        done: &mut RestoredPackage,
    ) -> Result<(), PortError> {
        for version in &plan.versions {
            self.may_go_on(image)?;
            let back = self.version(image, version).await?;
            done.versions.insert(version.id, back);
        }
        for (tag, digest) in &plan.tags {
            self.may_go_on(image)?;
            let is_back = plan.versions.iter().any(|version| {
                version.digest.as_ref() == Some(digest) && done.versions.get(&version.id) == Some(&VersionBack::Back)
            });
            let back = self.tag(image, tag, digest, is_back).await?;
            done.tags.insert(tag.clone(), back);
        }
        Ok(())
    }

    fn may_go_on(&self, image: &ImageName) -> Result<(), PortError> {
        let ended = |why: String| Err(PortError::new(PortErrorKind::RateLimited, format!("restore {image}"), why));
        match self.run.interrupted() {
            Some(signal) => ended(format!("{signal} arrived")),
            None if self.run.is_overdue() => ended("the time budget is spent".to_owned()),
            None => Ok(()),
        }
    }

    /// Restores a version. What concerns this one only is no error.
    async fn version(&self, image: &ImageName, version: &RestoreVersion) -> Result<VersionBack, PortError> {
        let RestoreVersion { id, digest } = version;
        let write = |state, detail| match digest {
            Some(digest) => self.write(image, JournalStep::Restore, Some(*id), digest, None, state, detail),
            None => Ok(()),
        };
        write(JournalState::Intent, None)?;
        match self.packages.restore_version(image, *id).await {
            Ok(Restoration::Done) => {
                write(JournalState::Done, None)?;
                Ok(VersionBack::Back)
            }
            Ok(Restoration::NotThere) => {
                write(JournalState::AlreadyGone, None)?;
                let is_there = match digest {
                    Some(digest) => self
                        .registry
                        .manifest_digest(image, &ManifestReference::Digest(digest.clone()))
                        .await?
                        .is_some(),
                    None => false,
                };
                Ok(if is_there { VersionBack::WasThere } else { VersionBack::GoneForGood })
            }
            Err(error) => {
                write(JournalState::Failed, Some(error.to_string()))?;
                ends_all(error).map(|problem| VersionBack::Failed { problem })
            }
        }
    }

    /// Puts a tag back where it was, unless it is somewhere else now. One on a placeholder is free.
    async fn tag(&self, image: &ImageName, tag: &Tag, digest: &Digest, is_back: bool) -> Result<TagBack, PortError> {
        let by_tag = ManifestReference::Tag(tag.clone());
        let on = match self.registry.manifest(image, &by_tag).await {
            // It came back with its version, or never left.
            Ok(Some(manifest)) if manifest.digest == *digest && is_back => return Ok(TagBack::Back),
            Ok(Some(manifest)) if manifest.digest == *digest => return Ok(TagBack::WasThere),
            Ok(Some(manifest)) if !manifest.parse().is_ok_and(|manifest: Manifest| manifest.is_placeholder()) => {
                return Ok(TagBack::Taken { by: manifest.digest });
            }
            Ok(manifest) => manifest.map(|manifest| manifest.digest),
            Err(error) => return ends_all(error).map(|problem| TagBack::Failed { problem }),
        };
        let by_digest = ManifestReference::Digest(digest.clone());
        let manifest = match self.registry.manifest(image, &by_digest).await {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return Ok(TagBack::NoImage),
            Err(error) => return ends_all(error).map(|problem| TagBack::Failed { problem }),
        };
        self.write(image, JournalStep::Retag, None, digest, Some(tag), JournalState::Intent, None)?;
        match put_unless_moved(self.registry, image, tag, on.as_ref(), &manifest).await {
            Ok(Put::Done) => {
                self.write(image, JournalStep::Retag, None, digest, Some(tag), JournalState::Done, None)?;
                Ok(TagBack::Back)
            }
            Ok(Put::Elsewhere(by)) => {
                let detail = "somebody else moved it".to_owned();
                self.write(
                    image,
                    JournalStep::Retag,
                    None,
                    digest,
                    Some(tag),
                    JournalState::Failed,
                    Some(detail.clone()),
                )?;
                Ok(by.map_or(TagBack::Failed { problem: detail }, |by| TagBack::Taken { by }))
            }
            Err(error) => {
                let detail = Some(error.to_string());
                self.write(image, JournalStep::Retag, None, digest, Some(tag), JournalState::Failed, detail)?;
                ends_all(error).map(|problem| TagBack::Failed { problem })
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one for each field of the line")]
    fn write(
        &self,
        image: &ImageName,
        step: JournalStep,
        id: Option<VersionId>,
        digest: &Digest,
        tag: Option<&Tag>,
        state: JournalState,
        detail: Option<String>,
    ) -> Result<(), PortError> {
        self.journal.write(&JournalEntry {
            at: self.run.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            package: image.to_string(),
            step,
            id,
            digest: digest.clone(),
            tags: tag.into_iter().cloned().collect(),
            state,
            detail,
        })
    }
}

/// Tells what concerns one thing from what would concern all that follow.
fn ends_all(error: PortError) -> Result<String, PortError> {
    match error.kind {
        PortErrorKind::RateLimited | PortErrorKind::Denied | PortErrorKind::NotFound => Err(error),
        PortErrorKind::Unavailable | PortErrorKind::Malformed | PortErrorKind::Unsupported => Ok(error.to_string()),
    }
}
