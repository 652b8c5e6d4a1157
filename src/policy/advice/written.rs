//! Rows as YAML to copy into a policy.

use std::{fmt::Write as _, time::Duration};

use crate::policy::rules::{Immutable, Keep, TagRule, While};
use crate::policy::template::Template;

/// Writes a duration as the policy language has it, in the largest unit that fits.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    let units = [("day", 24 * 60), ("hour", 60), ("minute", 1)];
    let (unit, length) = units.into_iter().find(|(_, length)| minutes.is_multiple_of(*length)).unwrap_or(("minute", 1));
    let number = minutes / length;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// Writes a row as an item of `tags`.
#[must_use]
pub fn row_text(rule: &TagRule) -> String {
    let TagRule { row: _, on, tag, also, rolling, index, immutable, keep, matcher, sanitiser: _ } = rule;
    let mut lines = Vec::new();
    let entries: Vec<String> = on.iter().map(ToString::to_string).collect();
    match entries.as_slice() {
        [] => {}
        [one] => lines.push(format!("on: {}", plain_or_quoted(one, "*"))),
        several => {
            let several: Vec<String> = several.iter().map(|entry| plain_or_quoted(entry, "")).collect();
            lines.push(format!("on: [{}]", several.join(", ")));
        }
    }
    let mut list = |key: &str, templates: &[Template]| {
        let texts: Vec<String> = templates.iter().map(|template| quoted(template.as_str())).collect();
        match texts.as_slice() {
            [] => {}
            [one] => lines.push(format!("{key}: {one}")),
            several => lines.push(format!("{key}: [{}]", several.join(", "))),
        }
    };
    list("tag", tag);
    list("also", also);
    list("rolling", rolling);
    list("index", index.as_slice());
    match immutable {
        Immutable::No => {}
        Immutable::Yes => lines.push("immutable: true".to_owned()),
        Immutable::KeepExisting => lines.push("immutable: keep existing".to_owned()),
    }
    if let Some(matcher) = matcher {
        lines.push(format!("match: {}", quoted(&matcher.text)));
    }
    lines.extend(keep_text(keep).map(|keep| format!("keep: {keep}")));
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let _ = writeln!(text, "{} {line}", if at == 0 { "-" } else { " " });
    }
    text
}

/// Writes a life; `forever` is what a row says that says nothing.
fn keep_text(keep: &Keep) -> Option<String> {
    let Keep { forever, duration, last, while_holds } = keep;
    let what = while_holds.map(|what| match what {
        While::Open => "open",
        While::BranchExists => "branch exists",
    });
    let duration = duration.map(duration_text);
    match (forever, duration, last, what) {
        (true, ..) | (false, None, None, None) => None,
        (false, Some(duration), None, None) => Some(duration),
        (false, None, Some(last), None) => Some(format!("last {last}")),
        (false, None, None, Some(what)) => Some(format!("while {what}")),
        (false, duration, last, what) => {
            let parts = duration.map(|text| format!("for: {text}")).into_iter();
            let parts = parts.chain(last.map(|last| format!("last: {last}")));
            let parts: Vec<String> = parts.chain(what.map(|what| format!("while: {what}"))).collect();
            Some(format!("{{{}}}", parts.join(", ")))
        }
    }
}

fn plain_or_quoted(text: &str, allowed: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " /._-".contains(c) || allowed.contains(c));
    if plain { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    if text.contains(['\\', '"']) { format!("'{}'", text.replace('\'', "''")) } else { format!("\"{text}\"") }
}
