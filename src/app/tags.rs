//! Mode `tags`: which tags this event gives, for whoever pushes the image.

use crate::{
    error::Error,
    policy::{
        publish::{Ours, Target},
        tagging::{RowPlan, TagPlan},
    },
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
    let mut report = plan::report("tags", job, &planned)?;
    for (image, planned_image) in plans {
        let mut lines = ImageReport::new(image.to_string());
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
    if job.policy.drop_in.is_some() {
        name_rest(&mut report, job, &planned.tags);
    }
    report.finish();
    Ok(report)
}

/// Adds what docker/metadata-action's rules give beside tags of images in a registry: names that are no tags, names of images
/// that do not say where they are, and tags without any image.
fn name_rest(report: &mut Report, job: &Job<'_>, tags: &TagPlan) {
    let line = |name: &str, row: &RowPlan| TagLine::named(name, job.policy.rules[row.rule].row.clone());
    for image in &mut report.images {
        image.tags.extend(tags.rows.iter().filter_map(|row| Some(line(row.outside.as_deref()?, row))));
    }
    let nameless = [String::new()];
    for name in if job.names.is_empty() { &nameless } else { job.names } {
        if report.images.iter().any(|image| image.is_of(name)) {
            continue;
        }
        let mut image = ImageReport::new(name.as_str());
        for row in &tags.rows {
            for name in row.names() {
                if !image.tags.iter().any(|line| line.tag == name) {
                    image.tags.push(line(name, row));
                }
            }
        }
        report.images.push(image);
    }
    report.images.sort_by_key(|image| job.names.iter().position(|name| image.is_of(name)));
}
