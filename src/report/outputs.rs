//! The outputs of the action.

use std::collections::BTreeMap;

use super::{ImageReport, Report, TagLine, TagOutcome, json};

/// Each output with what it holds. `action.yml` and the README list the same.
pub const OUTPUTS: [(&str, &str); 11] = [
    ("tags", "Full names of the tags that this event gives, `image:tag`, one per line."),
    ("tag-names", "The same without the image, one per line."),
    ("version", "The first tag of the first row that fits."),
    ("labels", "OCI labels for the image, `key=value`, one per line."),
    ("digest", "The digest that the tags point at."),
    ("digests", "The digest of each platform's image, as a JSON object."),
    ("image-refs", "Each image by its digest, `image@sha256:…`, one per line."),
    ("moved", "Full names of the tags that were created or moved, one per line."),
    (
        "stayed",
        "Full names of the rolling tags that stay where they are, one per line; the reasons are in `json` and in the summary.",
    ),
    (
        "exists",
        "`true` if a row with `immutable: keep existing` found its image published, so that nothing needs to be built.",
    ),
    ("json", "All of this as one JSON document, with the reason of each tag."),
];

/// Returns every output with its value.
#[must_use]
pub fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    let refs = |keep: fn(&TagLine) -> bool| lines(report, keep, |image, line| format!("{}:{}", image.image, line.tag));
    let digests: BTreeMap<&str, String> = report
        .images
        .iter()
        .flat_map(|image| image.platforms.iter().map(|(platform, digest)| (platform.as_str(), digest.to_string())))
        .collect();
    let mut names: Vec<String> = Vec::new();
    for image in &report.images {
        for line in image.tags.iter().filter(|line| is_given(line)) {
            let name = line.tag.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let digest = report.images.iter().find_map(|image| image.digest.as_ref());
    let image_refs: Vec<String> =
        report.images.iter().filter_map(|image| Some(format!("{}@{}", image.image, image.digest.as_ref()?))).collect();
    let labels: Vec<String> = report.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    vec![
        ("tags", refs(is_given)),
        ("tag-names", names.join("\n")),
        ("version", report.version.clone().unwrap_or_default()),
        ("labels", labels.join("\n")),
        ("digest", digest.map(ToString::to_string).unwrap_or_default()),
        ("digests", serde_json::to_string(&digests).unwrap_or_default()),
        ("image-refs", image_refs.join("\n")),
        ("moved", refs(is_moved)),
        ("stayed", refs(|line| line.outcome == TagOutcome::Stayed)),
        ("exists", report.images.iter().any(|image| image.exists).to_string()),
        ("json", json::document(report).to_string()),
    ]
}

/// Tells whether whoever builds the image is to give it this tag, or has. In mode `tags` a tag that is published already
/// is none of them: the build can be left out.
pub(super) fn is_given(line: &TagLine) -> bool {
    match line.outcome {
        TagOutcome::Planned | TagOutcome::Created | TagOutcome::Moved { .. } => true,
        TagOutcome::Unchanged => !line.only_published,
        TagOutcome::Stayed => false,
    }
}

pub(super) fn is_moved(line: &TagLine) -> bool {
    matches!(line.outcome, TagOutcome::Created | TagOutcome::Moved { .. })
}

fn lines(report: &Report, keep: fn(&TagLine) -> bool, show: fn(&ImageReport, &TagLine) -> String) -> String {
    let lines: Vec<String> = report
        .images
        .iter()
        .flat_map(|image| image.tags.iter().filter(|line| keep(line)).map(move |line| show(image, line)))
        .collect();
    lines.join("\n")
}
