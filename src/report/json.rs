//! The report as one JSON document: docker/metadata-action's keys first (`tags`, `tag-names`, `labels`, `annotations`),
//! ours beside them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::Digest;

use super::{
    ImageReport, Report, TagLine,
    outputs::{is_given, is_moved},
    words,
};

/// Returns the document.
#[must_use]
pub fn document(report: &Report) -> Value {
    let Report { mode, event, images, skipped, nothing, version, labels, warnings, notices } = report;
    let full = |keep: fn(&TagLine) -> bool| -> Vec<String> {
        images
            .iter()
            .flat_map(|image| {
                image.tags.iter().filter(|line| keep(line)).map(move |line| format!("{}:{}", image.image, line.tag))
            })
            .collect()
    };
    let platforms: BTreeMap<&str, &Digest> = images
        .iter()
        .flat_map(|image| image.platforms.iter().map(|(platform, digest)| (platform.as_str(), digest)))
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for line in images.iter().flat_map(|image| &image.tags).filter(|line| is_given(line)) {
        if !names.contains(&line.tag.as_str()) {
            names.push(line.tag.as_str());
        }
    }
    let annotations: Vec<String> = labels.iter().map(|(key, value)| format!("manifest:{key}={value}")).collect();
    let labels: Map<String, Value> =
        labels.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    let rows: Vec<Value> = skipped
        .iter()
        .map(|skip| {
            json!({
                "row": skip.row.number,
                "line": skip.row.line,
                "on": skip.row.label,
                "reasons": skip.reasons.iter().map(words::no_fit).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "tags": full(is_given),
        "tag-names": names,
        "labels": labels,
        "annotations": annotations,
        "version": version,
        "digest": images.iter().find_map(|image| image.digest.as_ref()),
        "digests": platforms,
        "image-refs": images
            .iter()
            .filter_map(|image| Some(format!("{}@{}", image.image, image.digest.as_ref()?)))
            .collect::<Vec<_>>(),
        "exists": images.iter().any(|image| image.exists),
        "mode": mode,
        "event": event,
        "images": images.iter().map(image).collect::<Vec<_>>(),
        "moved": full(is_moved),
        "stayed": images
            .iter()
            .flat_map(|image| image.tags.iter().map(move |line| (image, line)))
            .filter(|(_, line)| line.outcome == super::TagOutcome::Stayed)
            .map(|(image, line)| json!({"tag": format!("{}:{}", image.image, line.tag), "reason": line.why}))
            .collect::<Vec<_>>(),
        "rows-not-applied": rows,
        "nothing": nothing,
        "warnings": warnings,
        "notices": notices,
    })
}

fn image(report: &ImageReport) -> Value {
    let ImageReport { image, digest, platforms, exists, staged, repaired, tags } = report;
    json!({
        "image": image.to_string(),
        "digest": digest,
        "digests": platforms,
        "exists": exists,
        "sent": staged.map(|staged| json!({
            "manifests": staged.manifests_sent,
            "blobs": staged.blobs_sent,
            "mounted": staged.blobs_mounted,
            "bytes": staged.bytes_sent,
        })),
        "repaired": repaired,
        "tags": tags.iter().map(tag).collect::<Vec<_>>(),
    })
}

fn tag(line: &TagLine) -> Value {
    let TagLine { tag, digest, row, role: _, outcome, why, doubtful, only_published: _ } = line;
    let from = match outcome {
        super::TagOutcome::Moved { from } => Some(from),
        _ => None,
    };
    json!({
        "tag": tag.as_str(),
        "digest": digest,
        "from": from,
        "row": row.number,
        "outcome": words::outcome(outcome),
        "reason": why,
        "doubtful": doubtful,
    })
}
