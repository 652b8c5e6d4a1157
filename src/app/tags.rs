//! Mode `tags`: which tags this event gives, for whoever pushes the image.

use crate::{
    error::Error,
    policy::publish::{Ours, Target},
    ports::{RegistryReader, SourceHistory},
    report::{ImageReport, Report, TagLine},
};

use super::plan::{self, Job};

/// Plans the tags and reports them. The registry is only asked where a row has rolling or immutable tags.
///
/// # Errors
/// If the tags cannot be planned, or the registry or the source repository cannot be asked.
pub async fn tags<R: RegistryReader, H: SourceHistory>(
    job: &Job<'_>,
    reader: &R,
    history: &H,
) -> Result<Report, Error> {
    let planned = plan::plan(job, history).await?;
    let ours = Ours { digest: None, commit: plan::own_commit(&planned.context) };
    let plans = plan::plan_images(job, &planned, reader, history, &ours, false).await?;
    let mut report = Report::new("tags", &planned.context, &planned.tags, job.policy);
    for (image, planned_image) in plans {
        let mut lines = ImageReport::new(image);
        lines.digest = planned_image.plan.existing.clone();
        lines.exists = lines.digest.is_some();
        for write in &planned_image.plan.writes {
            let row = job.policy.rules[write.rule].row.clone();
            match &write.target {
                Target::Ours => lines.tags.push(TagLine::planned(write, row)),
                // The row's image is published: nothing is to be built or pushed for it.
                Target::Published(digest) => lines.tags.push(TagLine::published(write, row, digest)),
            }
        }
        for stay in &planned_image.plan.stays {
            lines.tags.push(TagLine::stayed(stay, job.policy.rules[stay.rule].row.clone()));
        }
        report.images.push(lines);
    }
    report.finish();
    Ok(report)
}
