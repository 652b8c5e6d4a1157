//! Mirrors: the tags of this run in other registries, once they are right in their own. What fails there is reported apart.

use std::collections::BTreeMap;

use crate::{
    app::copy::{copy_image, failure},
    error::Error,
    execute::publish,
    model::{Digest, ImageName, ManifestReference, Tag},
    policy::{
        inversion::Role,
        mirror::{MirrorPlan, MirroredTag, plan_mirrors},
    },
    ports::{ImageSource, PortError, PortErrorKind, RegistryWriter, SourceHistory},
    report::{
        ImageReport, TagOutcome,
        copies::{CopiedTag, MirrorReport},
    },
};

use super::{LOOKS, Push};
use crate::app::plan::{Job, Planned};

/// Names the tags of all mirrors.
pub(super) fn plan(job: &Job<'_>, planned: &Planned) -> Result<Vec<MirrorPlan>, Error> {
    let plans = plan_mirrors(job.policy, &planned.tags, &planned.context, job.short_sha_length).map_err(|errors| {
        let error = errors
            .iter()
            .fold(Error::failed("name the tags of the mirrors"), |error, one| error.with_detail(one.to_string()));
        error.with_hint("let `rename` give each tag a name of its own").with_hint("nothing was pushed")
    })?;
    let filled = plans.iter().find(|plan| !plan.tags.is_empty());
    if let Some(mirror) = filled.filter(|_| planned.images.len() < job.policy.images.len()) {
        return Err(shared(job, mirror));
    }
    Ok(plans)
}

/// Images of different content would take each other's tags away in a mirror.
fn shared(job: &Job<'_>, mirror: &MirrorPlan) -> Error {
    let MirrorPlan { image, tags } = mirror;
    let error = Error::input(format!(
        "the images of the policy share the mirror {image}, and input `image` says that their content differs"
    ));
    let error = match (tags.first(), job.policy.images.len()) {
        (Some(tag), count) => error.with_detail(format!("each of the {count} would be {image}:{} there", tag.to)),
        (None, _) => error,
    };
    error
        .with_hint("give the image with this mirror a policy file of its own, and name it in input `policy`")
        .with_hint("set `image: all` if all have the same content")
        .with_hint("nothing was pushed")
}

impl<W: RegistryWriter, H: SourceHistory, S: ImageSource> Push<'_, W, H, S> {
    /// Fills one mirror from an image that is complete. An error is part of the report.
    pub(super) async fn fill_mirror(&self, plan: &MirrorPlan, name: &ImageName, lines: &ImageReport) -> MirrorReport {
        let mut report = MirrorReport::new(&plan.image);
        if let Err(error) = self.fill(plan, name, lines, &mut report).await {
            report.failure = Some(failure(&error));
        }
        report
    }

    async fn fill(
        &self,
        plan: &MirrorPlan,
        name: &ImageName,
        lines: &ImageReport,
        report: &mut MirrorReport,
    ) -> Result<(), PortError> {
        let given: BTreeMap<&str, &Digest> = lines
            .tags
            .iter()
            .filter(|line| line.is_given())
            .filter_map(|line| Some((line.tag.as_str(), line.digest.as_ref()?)))
            .collect();
        let wanted: Vec<(&MirroredTag, &Digest)> =
            plan.tags.iter().filter_map(|tag| Some((tag, *given.get(tag.from.as_str())?))).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        // What is published for the first time is known to be so once its tags were asked for.
        self.writer.tags(&plan.image).await?;
        let tags = self.writer.tags(name).await?;
        let mut current: BTreeMap<&Tag, Option<Digest>> = BTreeMap::new();
        for (tag, digest) in &wanted {
            let now = self.real_digest(&plan.image, &tag.to).await?;
            if let Some(now) = now.as_ref().filter(|now| tag.immutable && now != digest) {
                return Err(PortError::new(
                    PortErrorKind::Malformed,
                    format!("put {name}:{} into the mirror as {}:{}", tag.from, plan.image, tag.to),
                    format!("it is published there as {now}, and its row says that nobody replaces it"),
                )
                .with_hint("delete the tag in the mirror, or publish a new version"));
            }
            current.insert(&tag.to, now);
        }
        for digest in wanted.iter().map(|(_, digest)| *digest).collect::<std::collections::BTreeSet<_>>() {
            self.copy(plan, name, &tags, digest, report).await?;
        }
        for (tag, digest) in wanted {
            let now = current.get(&tag.to).cloned().flatten();
            let outcome = match now {
                Some(now) if now == *digest => TagOutcome::Unchanged,
                Some(now) => TagOutcome::Moved { from: now },
                None => TagOutcome::Created,
            };
            let mut line = CopiedTag { from: tag.from.clone(), to: tag.to.clone(), digest: digest.clone(), outcome };
            if line.outcome != TagOutcome::Unchanged {
                self.point_mirror(plan, tag, digest).await?;
            }
            if tag.role == Role::Rolling || tag.role == Role::Index {
                line.digest = self.follow(plan, name, &tags, tag, digest, report).await?;
            }
            report.tags.push(line);
        }
        Ok(())
    }

    /// Another run may have moved the pointer since: the mirror follows what it points at after our write.
    async fn follow(
        &self,
        plan: &MirrorPlan,
        name: &ImageName,
        tags: &[Tag],
        tag: &MirroredTag,
        put: &Digest,
        report: &mut MirrorReport,
    ) -> Result<Digest, PortError> {
        let mut put = put.clone();
        for _ in 0..LOOKS {
            match self.real_digest(name, &tag.from).await? {
                Some(now) if now != put => {
                    self.copy(plan, name, tags, &now, report).await?;
                    self.point_mirror(plan, tag, &now).await?;
                    put = now;
                }
                Some(_) | None => return Ok(put),
            }
        }
        Err(PortError::new(
            PortErrorKind::Unavailable,
            format!("let {}:{} follow {name}:{}", plan.image, tag.to, tag.from),
            format!("other runs moved it after each of {LOOKS} looks"),
        )
        .with_hint("let the workflow's runs share a `concurrency` group"))
    }

    async fn copy(
        &self,
        plan: &MirrorPlan,
        name: &ImageName,
        tags: &[Tag],
        digest: &Digest,
        report: &mut MirrorReport,
    ) -> Result<(), PortError> {
        let (_, copied) = copy_image(self.writer, name, tags, &plan.image, digest).await?;
        report.staged.add(copied.staged);
        report.referrers += copied.referrers;
        report.warnings.extend(copied.warnings);
        Ok(())
    }

    /// Points a mirror's tag at an image that is there, and reads it back.
    async fn point_mirror(&self, plan: &MirrorPlan, tag: &MirroredTag, digest: &Digest) -> Result<(), PortError> {
        let by_digest = ManifestReference::Digest(digest.clone());
        let failed = |kind, detail: String| {
            Err(PortError::new(kind, format!("put {}:{}", plan.image, tag.to), detail)
                .with_hint("is a clean-up running there at the same time? Run this again"))
        };
        let Some(manifest) = self.writer.manifest(&plan.image, &by_digest).await? else {
            return failed(PortErrorKind::NotFound, format!("{digest} went away after it was put"));
        };
        publish::point(self.writer, &plan.image, &tag.to, &manifest).await?;
        match publish::read_back(self.writer, &plan.image, &tag.to).await? {
            Some(now) if now == *digest || tag.role != Role::Tag => Ok(()),
            Some(now) => failed(PortErrorKind::Malformed, format!("it points at {now} instead of {digest}")),
            None => failed(PortErrorKind::NotFound, "it is not there after it was written".to_owned()),
        }
    }

    /// Returns what a tag points at; a clean-up's placeholder counts as nothing.
    async fn real_digest(&self, image: &ImageName, tag: &Tag) -> Result<Option<Digest>, PortError> {
        let raw = self.writer.manifest(image, &ManifestReference::Tag(tag.clone())).await?;
        Ok(raw.filter(|raw| !raw.parse().is_ok_and(|manifest| manifest.is_placeholder())).map(|raw| raw.digest))
    }
}
