//! Mode `push`: an image from its source to a registry, under every tag that the event gives.

mod checks;
mod index;
mod mirrors;
mod promote;
mod release_notes;
mod verify;
mod visibility;

use std::collections::{BTreeMap, btree_map::Entry};

use crate::{
    collect::image::{Image, PublishedSource, read_image},
    error::Error,
    execute::publish::{self, Staged, StagedPart},
    model::{Digest, ImageName, RawManifest, Tag},
    policy::{
        inversion::Role,
        mirror::MirrorPlan,
        publish::{Change, Ours, Target, Write},
    },
    ports::{ImageSource, PortError, PortErrorKind, RegistryWriter, SourceHistory},
    report::{ImageReport, Report, TagLine, TagOutcome},
};

use super::{
    copy::{copy_referrers, put_beside, staged_parts, tags_if_shown},
    plan::{self, ImagePlan, Job, Planned},
};

pub use promote::{Promotion, promote};
pub use release_notes::write_release_notes;
pub use visibility::try_anonymous_pull;

/// How often a pointer is looked at again after it was written. Each further look is due to another run that published in
/// between.
const LOOKS: usize = 10;

/// How often all is checked once more because something had to be put back: who deletes an image deletes its tags too.
const CHECKS: usize = 3;

/// Publishes the source that `open` opens under every planned tag of every chosen image.
///
/// The order is: check everything; put blobs, children and the image's own manifest of every image by digest, and what
/// refers to them; then flip tags, then pointers; then verify.
///
/// # Errors
/// If anything forbids writing (then no tag was written, and nothing was sent unless another run published meanwhile), if
/// the image does not stay complete, or if a request fails for good.
pub async fn push<W, H, S, F>(job: &Job<'_>, writer: &W, history: &H, open: impl FnOnce() -> F) -> Result<Report, Error>
where
    W: RegistryWriter,
    H: SourceHistory,
    S: ImageSource,
    F: Future<Output = Result<S, Error>>,
{
    let begun = begin(job, history).await?;
    if begun.planned.tags.rows.is_empty() {
        return Ok(begun.finish());
    }
    // What needs no image is known to be right: opening one may take minutes.
    let source = open().await?;
    publish(job, begun, writer, history, &source).await
}

/// What is known before the source is opened.
struct Begun {
    planned: Planned,
    mirrors: Vec<MirrorPlan>,
    report: Report,
}

impl Begun {
    fn finish(mut self) -> Report {
        self.report.finish();
        self.report
    }
}

async fn begin<H: SourceHistory>(job: &Job<'_>, history: &H) -> Result<Begun, Error> {
    let planned = plan::plan(job, history).await?;
    let report = plan::report("push", job, &planned)?;
    plan::all_are_tags(job, &planned)?;
    index::check_indexes(job, &planned)?;
    let mirrors = mirrors::plan(job, &planned)?;
    Ok(Begun { planned, mirrors, report })
}

async fn publish<W: RegistryWriter, H: SourceHistory, S: ImageSource>(
    job: &Job<'_>,
    begun: Begun,
    writer: &W,
    history: &H,
    source: &S,
) -> Result<Report, Error> {
    let Begun { planned, mirrors, mut report } = begun;
    let image = read_image(source).await?;
    let ours = Ours { digest: Some(image.root().digest.clone()), commit: plan::own_commit(&planned.context) };
    let push = Push { job, planned: &planned, writer, history, source, image: &image, ours: &ours };
    push.check_image(&mut report)?;
    let plans = plan::plan_images(job, &planned, writer, history, &ours, true).await?;
    promote::warn_of_undated(&push, &mut report).await;

    let mut staged: BTreeMap<ImageName, Staged> = BTreeMap::new();
    let mut referrers: BTreeMap<ImageName, usize> = BTreeMap::new();
    for (name, plan) in &plans {
        if plan.plan.writes.iter().any(|write| write.target == Target::Ours) {
            let mut sent = publish::stage(writer, source, name, &push.parts()).await?;
            let (count, more) = push.take_referrers(name, &mut report).await?;
            sent.add(more);
            staged.insert(name.clone(), sent);
            referrers.insert(name.clone(), count);
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
        let mut lines = push.prepare(name, plan, staged.get(name), &mut manifests).await?;
        lines.referrers = referrers.get(name).copied().unwrap_or_default();
        reports.insert(name.clone(), lines);
    }
    for pointers in [false, true] {
        for (name, plan) in &plans {
            if pointers {
                for (row, index) in planned.tags.rows.iter().filter_map(|row| Some((row, row.index.as_ref()?))) {
                    let line = push.join_index(name, row, index, &mut report).await?;
                    if let Some(lines) = reports.get_mut(name) {
                        lines.tags.extend(line);
                    }
                }
            }
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
    // Where there are several images, their content is the same.
    if let Some((name, lines)) = reports.first_key_value() {
        for mirror in &mirrors {
            report.mirrors.push(push.fill_mirror(mirror, name, lines).await);
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
        staged_parts(&self.image.parts)
    }

    /// Takes along what refers to the image where it comes from. Returns how many manifests do, and what was
    /// sent.
    async fn take_referrers(&self, name: &ImageName, report: &mut Report) -> Result<(usize, Staged), Error> {
        let beside = put_beside(self.writer, self.source, name, self.image).await?;
        let (mut count, mut sent) = (beside.referrers, beside.staged);
        for origin in self.source.origins().into_iter().filter(|origin| *origin != name) {
            let tags = match tags_if_shown(self.writer, origin).await? {
                Ok(tags) => tags,
                Err(warning) => {
                    report.warn(warning);
                    continue;
                }
            };
            let copied = copy_referrers(self.writer, origin, &tags, name, self.image).await?;
            count += copied.referrers;
            sent.add(copied.staged);
            for warning in copied.warnings {
                report.warn(warning);
            }
        }
        Ok((count, sent))
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
                let published = PublishedSource { reader: self.writer, image: name, digest: existing };
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
            let published = PublishedSource { reader: self.writer, image: name, digest };
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
}
