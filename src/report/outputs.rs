//! The outputs of the action.

use super::{Report, TagLine, TagOutcome, json};
use crate::policy::metadata::{Content, Items, Metadata, MetadataInputs, Output, outputs as metadata_outputs};

/// Each output with what it holds. `action.yml` and the README list the same.
pub const OUTPUTS: [(&str, &str); 27] = [
    ("tags", "Full names of the tags that this event gives, `image:tag`, one per line."),
    ("tag-names", "The same without the image, one per line."),
    ("version", "The first tag of the first row that fits."),
    ("labels", "OCI labels for the image, `key=value`, one per line."),
    ("annotations", "OCI annotations for the image, `level:key=value`, one per line."),
    ("digest", "The digest that the tags point at."),
    ("digests", "The digest of each platform's image, as a JSON object."),
    ("image-refs", "Each image by its digest, `image@sha256:…`, one per line."),
    ("moved", "Full names of the tags that were created or moved, one per line."),
    (
        "stayed",
        "Full names of the rolling tags that stay where they are, one per line; the reasons are in the summary, and with a policy in `json`.",
    ),
    (
        "exists",
        "`true` if a row with `immutable: keep existing` found its image published, so that nothing needs to be built.",
    ),
    ("bake-file", "The path of a definition for `docker buildx bake` with tags and labels."),
    ("bake-file-tags", "The path of such a definition with the tags."),
    ("bake-file-labels", "The path of such a definition with the labels."),
    ("bake-file-annotations", "The path of such a definition with the annotations."),
    ("plan-file", "The path of the plan of a clean-up, a JSON document."),
    ("journal-file", "The path of the journal of what was deleted, which mode `restore` takes; empty if nothing was."),
    ("report-file", "The path of the page that input `report-file` asked for."),
    ("deleted", "How many versions a clean-up deleted."),
    ("untagged", "How many expired tags it took away from versions that stay."),
    ("kept", "How many versions stay."),
    ("freed-bytes", "How many bytes of blobs only the deleted versions held."),
    ("remaining", "How many versions and tags are left for a next run, because of a budget or since it was a dry run."),
    ("failed", "How much failed: versions, tags and packages."),
    ("restored", "How many versions and tags mode `restore` brought back."),
    ("matrix", "The packages that mode `discover` found, as the matrix of a job: `packages` takes each entry."),
    (
        "json",
        "All of this as one JSON document, with the reason of each tag; with rows of `tags` what docker/metadata-action puts there.",
    ),
];

/// Returns every output with its value, up to the mistake that stopped the run, if there is one.
#[must_use]
pub fn outputs(report: &Report, inputs: &MetadataInputs, items: &Items) -> Metadata {
    let given = |image: &str, tag: &str| {
        let mut lines = report.images.iter().filter(|lines| lines.is_of(image)).flat_map(|lines| &lines.tags);
        lines.find(|line| line.tag == tag).is_none_or(TagLine::is_given)
    };
    let content = match &report.drop_in {
        Some(plan) => Content::of(plan, &report.named, &report.facts, given),
        None => Content {
            version: report.version.clone(),
            images: report.images.iter().map(|lines| lines.image.clone()).collect(),
            tags: report.tag_names().into_iter().map(str::to_owned).collect(),
            full: report.full_names(TagLine::is_given),
            labels: report.base_labels.clone(),
        },
    };
    let mut metadata = metadata_outputs(inputs, items, &content, &report.facts);
    if report.drop_in.is_none()
        && let Some(document) = metadata.outputs.iter_mut().find(|output| output.name == "json")
    {
        document.value = json::document(report).to_string();
    }
    let ours = [
        ("digest", report.digest().map(ToString::to_string).unwrap_or_default()),
        ("digests", serde_json::to_string(&report.digests()).unwrap_or_default()),
        ("image-refs", report.image_refs().join("\n")),
        ("moved", report.full_names(TagLine::is_moved).join("\n")),
        ("stayed", report.full_names(|line| line.outcome == TagOutcome::Stayed).join("\n")),
        ("exists", report.exists().to_string()),
    ];
    metadata.outputs.extend(ours.map(|(name, value)| Output { name, value, file: None }));
    metadata
}
