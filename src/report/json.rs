//! The report as one JSON document: docker/metadata-action's keys first (`tags`, `tag-names`, `labels`, `annotations`),
//! ours beside them.

use serde_json::{Map, Value, json};

use super::{ImageReport, Report, TagLine, TagOutcome, words};

/// Returns the document.
#[must_use]
pub fn document(report: &Report) -> Value {
    let Report {
        mode, event, images, mirrors, skipped, nothing, version, labels, annotations, warnings, notices, ..
    } = report;
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
        "tags": report.full_names(TagLine::is_given),
        "tag-names": report.tag_names(),
        "labels": labels,
        "annotations": annotations,
        "version": version,
        "digest": report.digest(),
        "digests": report.digests(),
        "image-refs": report.image_refs(),
        "exists": report.exists(),
        "mode": mode,
        "event": event,
        "images": images.iter().map(image).collect::<Vec<_>>(),
        "mirrors": mirrors.iter().map(super::MirrorReport::json).collect::<Vec<_>>(),
        "moved": report.full_names(TagLine::is_moved),
        "stayed": report
            .lines(|line| line.outcome == TagOutcome::Stayed)
            .map(|(image, line)| json!({"tag": format!("{image}:{}", line.tag), "reason": line.why}))
            .collect::<Vec<_>>(),
        "rows-not-applied": rows,
        "nothing": nothing,
        "warnings": warnings,
        "notices": notices,
    })
}

fn image(report: &ImageReport) -> Value {
    let ImageReport { image, digest, platforms, exists, staged, referrers, repaired, tags } = report;
    json!({
        "image": image,
        "digest": digest,
        "digests": platforms,
        "exists": exists,
        "sent": staged.map(|staged| json!({
            "manifests": staged.manifests_sent,
            "blobs": staged.blobs_sent,
            "mounted": staged.blobs_mounted,
            "bytes": staged.bytes_sent,
        })),
        "referrers": referrers,
        "repaired": repaired,
        "tags": tags.iter().map(tag).collect::<Vec<_>>(),
    })
}

fn tag(line: &TagLine) -> Value {
    let TagLine { tag, digest, row, role: _, outcome, why, doubt, only_published: _, platforms: _ } = line;
    let from = match outcome {
        TagOutcome::Moved { from } => Some(from),
        _ => None,
    };
    json!({
        "tag": tag,
        "digest": digest,
        "from": from,
        "row": row.number,
        "outcome": words::outcome(outcome),
        "reason": why,
        "doubtful": doubt.is_some(),
    })
}
