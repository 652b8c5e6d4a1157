//! What a valid policy may not mean, in sentences for whoever wrote it.

use serde_json::{Value, json};

use super::words;
use crate::{
    model::untrusted::{shown, shown_up_to},
    policy::{
        advice::{Advice, Finding, Never, Overlap, Part, Remedy, duration_text},
        inversion::Role,
        rules::While,
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
        warnings.push(format!(
            "{} more of this kind; they are shown once these are gone",
            words::count(*omitted, "warning")
        ));
    }
    if *unpaired > 0 {
        warnings.push(format!(
            "the last {} were not held against the others: the policy has too many",
            words::count(*unpaired, "row")
        ));
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
            "tags expire ({row}), but versions that no tag reaches are kept for good, the platforms of deleted indexes too: give them a life, as in `untagged: {{keep: 14 days}}`"
        ),
        Finding::UntaggedBrief { keep } => format!(
            "`untagged` keeps versions for {} only: the platforms of an image are untagged while it is being pushed, and may be deleted before its tags are there; write 1 day or more",
            duration_text(*keep)
        ),
    }
}

fn overlap(found: &Overlap) -> String {
    let Overlap { row, by, tag, role, own, result, remedy } = found;
    let as_what = match role {
        Role::Tag => "",
        Role::Also => " as one of its `also`",
        Role::Rolling => " as one of its `rolling` tags",
        Role::Index => " as its `index`",
    };
    let text = format!(
        "{row} and {by} both explain `{tag}`, and a tag is kept while any row keeps it: row {} means {}, and row {}{as_what} makes it {}",
        row.number,
        life(own),
        by.number,
        life(result)
    );
    match remedy {
        Some(Remedy::Row { text: tighter }) => format!(
            "{text}. Row {} would leave it alone if it were written so (tags that it fits no more are kept, and listed as unexplained):\n{}",
            by.number,
            shown_lines(tighter)
        ),
        Some(Remedy::Name { template, renamed }) => format!(
            "{text}. A name of its own sets row {} apart: `{}` in the place of `{}` (tags published before are then explained by no row, and kept)",
            by.number,
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
        Part::Pointer => "a pointer, which is always kept".to_owned(),
        Part::For(duration) => duration_text(*duration),
        Part::Last { images, row } => format!("the last {images} of row {row}"),
        Part::While(While::Open) => "while the pull request is open".to_owned(),
        Part::While(While::BranchExists) => "while the branch exists".to_owned(),
    };
    let parts: Vec<String> = parts.iter().map(part).collect();
    parts.join(" or ")
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
                Some(Remedy::Row { text }) => (Some(text), None),
                Some(Remedy::Name { template, renamed }) => (None, Some(json!({"from": template, "to": renamed}))),
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
    }
}
