//! Mode `push`: an image from its source to a registry, under every tag that the event gives.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::{
    collect::{
        image::{Image, Part, read_image},
        pointer::after_write,
    },
    error::Error,
    execute::publish::{self, Staged, StagedPart},
    model::{Descriptor, Digest, ImageName, ManifestReference, RawManifest, Tag},
    policy::{
        inversion::Role,
        publish::{Change, Ours, Target, Write},
        rolling::{self, Candidate, MoveReason, Settled},
        rules::Immutable,
    },
    ports::{ImageSource, PortError, PortErrorKind, RegistryWriter, SourceHistory},
    report::{ImageReport, Report, TagLine, TagOutcome},
};

use super::plan::{self, ImagePlan, Job, Planned};

/// How often a pointer is looked at again after it was written. Each further look is due to another run that published in
/// between.
const LOOKS: usize = 10;

/// How often all is checked once more because something had to be put back: who deletes an image deletes its tags too.
const CHECKS: usize = 3;

/// Publishes the source under every planned tag of every chosen image.
///
/// The order is: check everything; put blobs, children and the image's own manifest of every image by digest; then flip
/// tags, then pointers; then verify.
///
/// # Errors
/// If anything forbids writing (then no tag was written, and nothing was sent unless another run published meanwhile), if
/// the image does not stay complete, or if a request fails for good.
pub async fn push<W: RegistryWriter, H: SourceHistory, S: ImageSource>(
    job: &Job<'_>,
    writer: &W,
    history: &H,
    source: &S,
) -> Result<Report, Error> {
    let planned = plan::plan(job, history).await?;
    let mut report = plan::report("push", job, &planned)?;
    plan::all_are_tags(job, &planned)?;
    if planned.tags.rows.is_empty() {
        report.finish();
        return Ok(report);
    }
    let image = read_image(source).await?;
    let ours = Ours { digest: Some(image.root().digest.clone()), commit: plan::own_commit(&planned.context) };
    let plans = plan::plan_images(job, &planned, writer, history, &ours, true).await?;
    let push = Push { job, planned: &planned, writer, history, source, image: &image, ours: &ours };

    let mut staged: BTreeMap<ImageName, Staged> = BTreeMap::new();
    for (name, plan) in &plans {
        if plan.plan.writes.iter().any(|write| write.target == Target::Ours) {
            staged.insert(name.clone(), publish::stage(writer, source, name, &push.parts()).await?);
        }
    }
    // Sending takes time, in which another run may have published: the tags are planned afresh, right before they flip.
    let plans = if staged.values().all(|staged| *staged == Staged::default()) {
        plans
    } else {
        plan::plan_images(job, &planned, writer, history, &ours, true).await?
    };
    let mut manifests: BTreeMap<(ImageName, Digest), RawManifest> = BTreeMap::new();
    let mut reports: BTreeMap<ImageName, ImageReport> = BTreeMap::new();
    for (name, plan) in &plans {
        reports.insert(name.clone(), push.prepare(name, plan, staged.get(name), &mut manifests).await?);
    }
    for pointers in [false, true] {
        for (name, plan) in &plans {
            for write in plan.plan.writes.iter().filter(|write| (write.role == Role::Rolling) == pointers) {
                let line = push.flip(name, write, &manifests).await?;
                if let Some(lines) = reports.get_mut(name) {
                    lines.tags.push(line);
                }
            }
        }
    }
    for (name, plan) in &plans {
        let Some(lines) = reports.get_mut(name) else { continue };
        for stay in &plan.plan.stays {
            lines.tags.push(TagLine::stayed(stay, job.policy.rules[stay.rule].row.clone()));
        }
        let mut complete = false;
        for _ in 0..CHECKS {
            push.settle_pointers(name, plan, &manifests, lines).await?;
            complete = push.verify(name, plan, &manifests, lines, &mut report).await?;
            if complete {
                break;
            }
        }
        if !complete {
            return Err(Error::failed(format!(
                "keep {name} complete: each of {CHECKS} checks had to put back what somebody else deleted"
            ))
            .with_hint(
                "is a clean-up of another tool running at the same time? Let the two share a `concurrency` group",
            ));
        }
    }
    report.images = reports.into_values().collect();
    report.finish();
    Ok(report)
}

struct Push<'a, W, H, S> {
    job: &'a Job<'a>,
    planned: &'a Planned,
    writer: &'a W,
    history: &'a H,
    source: &'a S,
    image: &'a Image,
    ours: &'a Ours,
}

impl<W: RegistryWriter, H: SourceHistory, S: ImageSource> Push<'_, W, H, S> {
    fn parts(&self) -> Vec<StagedPart<'_>> {
        self.image.parts.iter().map(|Part { manifest, blobs }| StagedPart { manifest, blobs }).collect()
    }

    /// Gets the manifests that the tags are to point at, and starts the image's report.
    async fn prepare(
        &self,
        name: &ImageName,
        plan: &ImagePlan,
        staged: Option<&Staged>,
        manifests: &mut BTreeMap<(ImageName, Digest), RawManifest>,
    ) -> Result<ImageReport, Error> {
        let mut lines = ImageReport::new(name.to_string());
        let writes = &plan.plan.writes;
        if writes.iter().any(|write| write.target == Target::Ours) {
            lines.staged = staged.copied();
            lines.digest = self.ours.digest.clone();
            lines.platforms = self.image.platforms.clone();
            manifests.insert((name.clone(), self.image.root().digest.clone()), self.image.root().clone());
        }
        for write in writes {
            let Target::Published(digest) = &write.target else { continue };
            self.load(name, digest, manifests).await?;
        }
        if let Some(existing) = &plan.plan.existing {
            lines.exists = true;
            if lines.digest.is_none() {
                let published = PublishedSource { writer: self.writer, image: name, digest: existing };
                lines.platforms = read_image(&published).await?.platforms;
                lines.digest = Some(existing.clone());
            }
        }
        Ok(lines)
    }

    /// Reads a published manifest that a tag is to point at.
    async fn load(
        &self,
        name: &ImageName,
        digest: &Digest,
        manifests: &mut BTreeMap<(ImageName, Digest), RawManifest>,
    ) -> Result<(), Error> {
        let key = (name.clone(), digest.clone());
        if let Entry::Vacant(vacant) = manifests.entry(key) {
            let published = PublishedSource { writer: self.writer, image: name, digest };
            vacant.insert(published.root().await?);
        }
        Ok(())
    }

    async fn flip(
        &self,
        name: &ImageName,
        write: &Write,
        manifests: &BTreeMap<(ImageName, Digest), RawManifest>,
    ) -> Result<TagLine, Error> {
        let digest = match &write.target {
            Target::Ours => &self.image.root().digest,
            Target::Published(digest) => digest,
        };
        let row = self.job.policy.rules[write.rule].row.clone();
        let line = TagLine::written(write, row, digest);
        if line.outcome != TagOutcome::Unchanged
            && !(write.role == Role::Rolling && self.moved_meanwhile(name, write).await?)
            && let Some(manifest) = manifests.get(&(name.clone(), digest.clone()))
        {
            self.point(name, &write.tag, manifest).await?;
        }
        Ok(line)
    }

    /// Points a tag at a manifest that is staged. If part of our image is gone since, it is staged once more.
    async fn point(&self, name: &ImageName, tag: &Tag, manifest: &RawManifest) -> Result<(), PortError> {
        match publish::point(self.writer, name, tag, manifest).await {
            Err(error) if error.kind == PortErrorKind::NotFound && manifest.digest == self.image.root().digest => {
                publish::stage(self.writer, self.source, name, &self.parts()).await?;
                publish::point(self.writer, name, tag, manifest).await
            }
            other => other,
        }
    }

    /// Tells whether another run moved a pointer since the plan was made: where it belongs is then decided afresh, when it
    /// is looked at.
    async fn moved_meanwhile(&self, name: &ImageName, write: &Write) -> Result<bool, Error> {
        let planned = match &write.change {
            Change::Move { from } => Some(from),
            Change::Create => None,
            Change::Unchanged | Change::Unknown => return Ok(false),
        };
        let now = publish::read_back(self.writer, name, &write.tag).await?;
        Ok(now.is_some() && now.as_ref() != planned)
    }

    /// Looks at each pointer that was written until nothing has to be put right any more.
    async fn settle_pointers(
        &self,
        name: &ImageName,
        plan: &ImagePlan,
        manifests: &BTreeMap<(ImageName, Digest), RawManifest>,
        lines: &mut ImageReport,
    ) -> Result<(), Error> {
        let question = plan::question(self.job, self.planned, name, self.ours, true);
        for write in plan.plan.writes.iter().filter(|write| write.role == Role::Rolling) {
            let Some(row) = self.planned.tags.rows.iter().find(|row| row.rule == write.rule) else { continue };
            let target = match &write.target {
                Target::Ours => self.image.root().digest.clone(),
                Target::Published(digest) => digest.clone(),
            };
            let candidate =
                Candidate { digest: Some(&target), version: row.version.as_ref(), commit: self.ours.commit.as_ref() };
            let mut settled = false;
            for _ in 0..LOOKS {
                let after = after_write(self.writer, self.history, &question, row, &write.tag, &plan.published).await?;
                let (digest, reason) = match rolling::settle(&candidate, &after) {
                    Settled::Right => {
                        if let Some(now) = after.facts.current.map(|image| image.digest) {
                            lines.overtaken(&write.tag, &now);
                        }
                        settled = true;
                        break;
                    }
                    Settled::Ours => (target.clone(), None),
                    Settled::Theirs { tag, digest } => (digest, Some(MoveReason::PublishedMeanwhile { tag })),
                };
                let manifest = match manifests.get(&(name.clone(), digest.clone())) {
                    Some(manifest) => manifest.clone(),
                    None => PublishedSource { writer: self.writer, image: name, digest: &digest }.root().await?,
                };
                self.point(name, &write.tag, &manifest).await?;
                lines.repointed(&write.tag, &digest, reason.as_ref());
            }
            if !settled {
                return Err(Error::failed(format!(
                    "settle the rolling tag {name}:{}: other runs moved it after each of {LOOKS} looks",
                    write.tag
                ))
                .with_hint("let the workflow's runs share a `concurrency` group"));
            }
        }
        Ok(())
    }

    /// Checks that every manifest that the tags reach is there, and that every tag points where it was put. Returns whether
    /// nothing had to be put back.
    async fn verify(
        &self,
        name: &ImageName,
        plan: &ImagePlan,
        manifests: &BTreeMap<(ImageName, Digest), RawManifest>,
        lines: &mut ImageReport,
        report: &mut Report,
    ) -> Result<bool, Error> {
        let repaired_before = lines.repaired.len();
        if plan.plan.writes.iter().any(|write| write.target == Target::Ours) {
            let repaired = publish::verify_parts(self.writer, self.source, name, &self.parts()).await?;
            lines.repaired.extend(repaired);
        }
        for digest in plan.plan.writes.iter().filter_map(|write| match &write.target {
            Target::Ours => None,
            Target::Published(digest) => Some(digest),
        }) {
            let published = PublishedSource { writer: self.writer, image: name, digest };
            read_image(&published).await?;
        }
        for write in plan.plan.writes.iter().filter(|write| write.role != Role::Rolling) {
            let wanted = match &write.target {
                Target::Ours => &self.image.root().digest,
                Target::Published(digest) => digest,
            };
            let found = publish::read_back(self.writer, name, &write.tag).await?;
            match found {
                Some(found) if found == *wanted => {}
                // Deleted with the version that it was on before: put it back.
                None => {
                    if let Some(manifest) = manifests.get(&(name.clone(), wanted.clone())) {
                        self.point(name, &write.tag, manifest).await?;
                        lines.repaired.push(wanted.clone());
                    }
                }
                Some(found)
                    if self.job.policy.rules[write.rule].immutable == Immutable::Yes && write.role == Role::Tag =>
                {
                    return Err(Error::failed(format!(
                        "publish {name}:{} once and for all: another run put {found} under it at the same time as this one put {wanted}",
                        write.tag
                    ))
                    .with_hint("let the workflow's runs share a `concurrency` group, and publish a new version: nobody can tell which of the two was pulled"));
                }
                Some(found) => report.overtaken(name, &write.tag, wanted, &found),
            }
        }
        Ok(lines.repaired.len() == repaired_before)
    }
}

/// An image that is published already, as a source.
struct PublishedSource<'a, W> {
    writer: &'a W,
    image: &'a ImageName,
    digest: &'a Digest,
}

impl<W: RegistryWriter> PublishedSource<'_, W> {
    async fn get(&self, digest: &Digest) -> Result<RawManifest, PortError> {
        let reference = ManifestReference::Digest(digest.clone());
        self.writer.manifest(self.image, &reference).await?.ok_or_else(|| {
            PortError::new(
                PortErrorKind::NotFound,
                format!("read {}@{digest}", self.image),
                "the registry has no such manifest, so the published image is incomplete",
            )
            .with_hint("restore it from the package's deleted versions, or publish under a new version")
        })
    }
}

impl<W: RegistryWriter> ImageSource for PublishedSource<'_, W> {
    async fn root(&self) -> Result<RawManifest, PortError> {
        self.get(self.digest).await
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        self.get(&descriptor.digest).await
    }

    /// Only configurations are read from a published image.
    async fn blob(&self, descriptor: &Descriptor) -> Result<crate::ports::BlobStream, PortError> {
        let bytes = self.writer.small_blob(self.image, descriptor).await?;
        Ok(Box::pin(std::io::Cursor::new(bytes)))
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        None
    }
}

/// The tag lines of an image, found by tag.
trait Lines {
    fn overtaken(&mut self, tag: &Tag, now: &Digest);
    fn repointed(&mut self, tag: &Tag, digest: &Digest, reason: Option<&MoveReason>);
}

impl Lines for ImageReport {
    fn overtaken(&mut self, tag: &Tag, now: &Digest) {
        if let Some(line) =
            self.tags.iter_mut().find(|line| line.tag == tag.as_str() && line.digest.as_ref() != Some(now))
        {
            line.overtake(now);
        }
    }

    fn repointed(&mut self, tag: &Tag, digest: &Digest, reason: Option<&MoveReason>) {
        if let Some(line) = self.tags.iter_mut().find(|line| line.tag == tag.as_str()) {
            line.repoint(digest, reason);
        }
    }
}
