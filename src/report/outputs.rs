//! The outputs of the action.

use super::{Report, TagLine, TagOutcome, json};

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
    let labels: Vec<String> = report.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    vec![
        ("tags", report.full_names(TagLine::is_given).join("\n")),
        ("tag-names", report.tag_names().join("\n")),
        ("version", report.version.clone().unwrap_or_default()),
        ("labels", labels.join("\n")),
        ("digest", report.digest().map(ToString::to_string).unwrap_or_default()),
        ("digests", serde_json::to_string(&report.digests()).unwrap_or_default()),
        ("image-refs", report.image_refs().join("\n")),
        ("moved", report.full_names(TagLine::is_moved).join("\n")),
        ("stayed", report.full_names(|line| line.outcome == TagOutcome::Stayed).join("\n")),
        ("exists", report.exists().to_string()),
        ("json", json::document(report).to_string()),
    ]
}
