//! The report for a terminal or a log.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use crate::{execute::publish::Staged, model::untrusted::shown, policy::metadata::Output};

use super::{ImageReport, Report, TagLine, TagOutcome, words};

/// Renders the report for people; warnings and notices are for whoever prints it. `width` is that of the terminal, in columns, where there is one.
#[must_use]
pub fn text(report: &Report, width: Option<u16>) -> String {
    let Report { event, images, mirrors, skipped, nothing, .. } = report;
    let mut text = format!("{event}\n");
    for image in images {
        show_image(&mut text, image, width);
    }
    if images.iter().all(|image| image.tags.is_empty()) {
        match nothing.as_ref().filter(|nothing| *nothing != event) {
            Some(nothing) => text.push_str(&format!("no tags: {nothing}\n")),
            None => text.push_str("no tags\n"),
        }
    }
    for mirror in mirrors {
        let _ = writeln!(text, "\n{}", mirror.lines().join("\n  "));
    }
    if !skipped.is_empty() {
        let _ = writeln!(text, "\nrows that did not apply:");
        for skip in skipped {
            let _ = writeln!(text, "  {}", words::skip(skip));
        }
    }
    text
}

/// Shows the outputs that docker/metadata-action's log has, too: what labels and version are is looked up there.
#[must_use]
pub fn described(outputs: &[Output]) -> String {
    let mut text = String::new();
    for Output { name, value, file: _ } in outputs.iter().filter(|output| ["version", "labels"].contains(&output.name))
    {
        let _ = writeln!(text, "\n{name}:");
        for line in value.lines() {
            let _ = writeln!(text, "  {}", shown(line));
        }
    }
    text
}

fn show_image(text: &mut String, report: &ImageReport, width: Option<u16>) {
    let ImageReport { image, digest, platforms, exists: _, staged, referrers, repaired: _, tags } = report;
    let image = if image.is_empty() { "no image is named" } else { image };
    let _ = writeln!(text, "\n{image}{}", digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default());
    for (platform, digest) in platforms {
        let _ = writeln!(text, "  {platform}  {digest}");
    }
    if let Some(staged) = staged {
        let _ = writeln!(text, "  {}", sent(staged, *referrers));
    }
    if tags.is_empty() {
        return;
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["  tag", "digest", "result", "why"]);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for TagLine { tag, digest, outcome, why, row, .. } in tags {
        let digest = digest.as_ref().map(crate::model::Digest::short).unwrap_or_default();
        let outcome = match outcome {
            TagOutcome::Moved { from } => format!("moved from {}", from.short()),
            other => words::outcome(other).to_owned(),
        };
        let why = if why.is_empty() { format!("by {row}") } else { why.clone() };
        table.add_row([format!("  {tag}"), digest, outcome, why]);
    }
    let _ = writeln!(text, "{}", table.trim_fmt());
}

/// Says what was sent.
#[must_use]
pub fn sent(staged: &Staged, referrers: usize) -> String {
    let Staged { manifests_sent, blobs_mounted, blobs_sent, bytes_sent } = staged;
    if manifests_sent + blobs_mounted + blobs_sent == 0 {
        return format!("all of it was in the registry already{}", with(referrers));
    }
    let mounted = match blobs_mounted {
        0 => String::new(),
        some => format!(", {} mounted", words::count(*some, "blob")),
    };
    format!(
        "sent {} and {} ({bytes_sent} bytes){mounted}{}",
        words::count(*manifests_sent, "manifest"),
        words::count(*blobs_sent, "blob"),
        with(referrers)
    )
}

fn with(referrers: usize) -> String {
    match referrers {
        0 => String::new(),
        1 => "; 1 manifest that refers to it came along".to_owned(),
        some => format!("; {some} manifests that refer to it came along"),
    }
}
