//! After the writes: pointers are looked at again until they are right, and everything that a tag reaches is asked for.

use std::collections::BTreeMap;

use crate::{
    collect::{
        image::{PublishedSource, read_image},
        pointer::after_write,
    },
    error::Error,
    execute::publish,
    model::{Digest, ImageName, RawManifest, Tag},
    policy::{
        inversion::Role,
        publish::Target,
        rolling::{self, Candidate, MoveReason, Settled},
        rules::Immutable,
    },
    ports::{ImageSource, RegistryWriter, SourceHistory},
    report::{ImageReport, Report},
};

use super::{LOOKS, Push};
use crate::app::plan::{self, ImagePlan};

impl<W: RegistryWriter, H: SourceHistory, S: ImageSource> Push<'_, W, H, S> {
    /// Looks at each pointer that was written until nothing has to be put right any more.
    pub(super) async fn settle_pointers(
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
                    None => PublishedSource { reader: self.writer, image: name, digest: &digest }.root().await?,
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
    pub(super) async fn verify(
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
            let published = PublishedSource { reader: self.writer, image: name, digest };
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
