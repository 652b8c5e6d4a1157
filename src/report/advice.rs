//! What a valid policy may not mean, in sentences for whoever wrote it.

use std::time::Duration;

use serde_json::{Value, json};

use super::words;
use crate::{
    model::untrusted::{shown, shown_up_to},
    policy::{
        advice::{Advice, Finding, Never, Overlap, Part, Remedy, duration_text},
        inversion::Role,
        language::KEEP_EXISTING,
        rules::{Immutable, While},
    },
};

/// Text of a policy that can stand between backticks in a sentence.
fn quoted(text: &str) -> String {
    shown_up_to(text, 300).replace('`', "'")
}

/// Renders each finding as a warning; rows to copy stand on lines of their own.
#[must_use]
pub fn warnings(advice: &Advice) -> Vec<String> {
    let Advice { findings, omitted, unpaired } = advice;
    let mut warnings: Vec<String> = findings.iter().map(finding).collect();
    if *omitted > 0 {
        let more = words::count(*omitted, "more warning");
        warnings.push(format!("{more}, shown once some of these are gone"));
    }
    if *unpaired > 0 {
        let rows = words::count(*unpaired, "row");
        warnings.push(format!("the policy has many rows: the last {rows} were not held against the others"));
    }
    warnings
}

/// Says what was found, and the remedy.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    match finding {
        Finding::Overlap(found) => overlap(found),
        Finding::Never { row, part, why } => {
            format!("{row}: nothing ever fits `{}`: {}", quoted(part), never(why))
        }
        Finding::MissesOwn { row, matcher, tag } => format!(
            "{row} creates tags such as `{tag}`, which its own `match` `{}` does not fit, so it never retires them: `match` takes the place of what the template says",
            quoted(matcher)
        ),
        Finding::PilesUp { row, template, value } => format!(
            "{row}: the rolling template `{}` gives a new name with each `{{{{{value}}}}}`, and rolling tags are always kept, so they pile up: move it to `also`, where `keep` holds",
            quoted(template)
        ),
        Finding::UntaggedForever { row } => format!(
            "tags of {row} expire, but versions that no tag reaches are kept for good, the platforms of deleted indexes too: give them a life, as in `untagged: {{keep: 14 days}}`"
        ),
        Finding::UntaggedBrief { keep } => format!(
            "`untagged` keeps versions for {} only: the platforms of an image are untagged while it is being pushed, and may be deleted before its tags are there; write 1 day or more",
            duration_text(*keep)
        ),
        Finding::SharedMirror { image, line, images } => format!(
            "the mirror {image} (line {line}) is that of {images} images, whose tags would meet there: only a push with `image: all`, which says that they have the same content, fills it; give an image with a mirror of its own a policy file of its own"
        ),
    }
}

fn overlap(found: &Overlap) -> String {
    let Overlap { row, by, tag, role, own, result, remedy } = found;
    let as_what = match role {
        Role::Tag => "",
        Role::Also => ", which reads it as one of its `also`,",
        Role::Rolling => ", which reads it as one of its `rolling` tags,",
        Role::Index => ", which reads it as its `index`,",
    };
    let text = format!(
        "{row} and {by} both explain `{tag}`. Row {} keeps it {}; with row {}{as_what} it is kept {}, since any row that keeps a tag is enough",
        row.number,
        life(own),
        by.number,
        life(result)
    );
    match remedy {
        Some(Remedy::Row { number, text: tighter }) => format!(
            "{text}. Written like this, row {number} leaves it alone (published tags that no row explains any more are kept):\n{}",
            shown_lines(tighter)
        ),
        Some(Remedy::Name { number, template, renamed }) => format!(
            "{text}. A name of its own sets row {number} apart: `{}` in the place of `{}` (published tags that no row explains any more are kept)",
            quoted(renamed),
            quoted(template)
        ),
        None => text,
    }
}

/// Each line for itself: escaping would take the line breaks away.
fn shown_lines(text: &str) -> String {
    text.lines().map(|line| format!("  {}", shown(line))).collect::<Vec<_>>().join("\n")
}

/// Says how long a tag is kept: while any of these holds.
#[must_use]
pub fn life(parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Forever => "forever".to_owned(),
        Part::Pointer => "always, as a pointer".to_owned(),
        Part::For(duration) => format!("for {}", duration_text(*duration)),
        Part::Last { images: 1, row } => format!("while it is on the newest image of row {row}"),
        Part::Last { images, row } => format!("while it is on one of the {images} newest images of row {row}"),
        Part::While(While::Open) => "while its pull request is open".to_owned(),
        Part::While(While::BranchExists) => "while its branch exists".to_owned(),
    };
    let parts: Vec<String> = parts.iter().map(part).collect();
    parts.join(" or ")
}

/// Says how long a row's tags live and whether they may be replaced.
#[must_use]
pub fn row_life(keep: &[Part], immutable: Immutable, rolling: bool) -> String {
    let replaced = match immutable {
        Immutable::No => "",
        Immutable::Yes => ", never replaced",
        Immutable::KeepExisting => ", never replaced (the published image takes the new one's place)",
    };
    let pointers = if rolling { "; rolling tags move forward only and are always kept" } else { "" };
    format!("kept {}{replaced}{pointers}", life(keep))
}

/// Writes `immutable` as the policy does.
#[must_use]
pub fn immutable_value(immutable: Immutable) -> Value {
    match immutable {
        Immutable::No => json!(false),
        Immutable::Yes => json!(true),
        Immutable::KeepExisting => json!(KEEP_EXISTING),
    }
}

/// Says what is kept beside what rows keep, a line each.
#[must_use]
pub fn kept_beside_rows(
    untagged: Option<Duration>,
    at_least: u32,
    protect: &[String],
    references: &[String],
) -> String {
    let mut lines = vec!["tags that no row matches: kept forever".to_owned()];
    lines.push(match untagged {
        Some(keep) => format!("versions that no tag reaches: kept for {}", duration_text(keep)),
        None => "versions that no tag reaches: kept forever".to_owned(),
    });
    if at_least > 0 {
        lines
            .push(format!("the newest {} of each package: kept in any case", words::count(at_least as usize, "image")));
    }
    if !protect.is_empty() {
        lines.push(format!("never deleted: {}", protect.join(", ")));
    }
    if !references.is_empty() {
        lines.push(format!("never deleted: what {} refer to", references.join(", ")));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn never(why: &Never) -> String {
    match why {
        Never::TakenAway { by } => format!("`{}` takes all of it away", quoted(by)),
        Never::NoGitName { because } => format!("no name in git has {because}"),
        Never::NoGitHubName { because } => format!("GitHub takes no name that {because}"),
        Never::TooLong => "the tag would have more than 128 characters".to_owned(),
        Never::NoTagBeginsSo => "no image tag begins with `.` or `-`".to_owned(),
        Never::NoTagHolds { character } => {
            format!("no image tag holds `{}`", quoted(&character.to_string()))
        }
        Never::OnlyReferrers => {
            "tags `sha256-…` belong to the image whose digest they name, and live as long; no row explains them"
                .to_owned()
        }
    }
}

/// Renders a finding as JSON: its kind, the rows by their numbers, its facts, and the sentence.
#[must_use]
pub fn document(found: &Finding) -> Value {
    let message = finding(found);
    match found {
        Finding::Overlap(overlap) => {
            let Overlap { row, by, tag, role, own, result, remedy } = &**overlap;
            let (tighter, renamed) = match remedy {
                Some(Remedy::Row { number, text }) => (Some(json!({"row": number, "yaml": text})), None),
                Some(Remedy::Name { number, template, renamed }) => {
                    (None, Some(json!({"row": number, "from": template, "to": renamed})))
                }
                None => (None, None),
            };
            json!({
                "kind": "overlap", "row": row.number, "line": row.line, "by-row": by.number, "by-line": by.line,
                "tag": tag, "role": role, "keep": life(own), "kept": life(result), "tighter-row": tighter,
                "rename": renamed, "message": message,
            })
        }
        Finding::Never { row, part, why: _ } => {
            json!({"kind": "never-matches", "row": row.number, "line": row.line, "part": part, "message": message})
        }
        Finding::MissesOwn { row, matcher, tag } => {
            json!({"kind": "match-misses-own-tags", "row": row.number, "line": row.line, "match": matcher, "tag": tag, "message": message})
        }
        Finding::PilesUp { row, template, value } => {
            json!({"kind": "rolling-piles-up", "row": row.number, "line": row.line, "template": template, "value": value, "message": message})
        }
        Finding::UntaggedForever { row } => {
            json!({"kind": "untagged-kept-for-good", "row": row.number, "line": row.line, "message": message})
        }
        Finding::UntaggedBrief { keep } => {
            json!({"kind": "untagged-too-brief", "keep": duration_text(*keep), "message": message})
        }
        Finding::SharedMirror { image, line, images: _ } => {
            json!({"kind": "shared-mirror", "line": line, "mirror": image.to_string(), "message": message})
        }
    }
}
