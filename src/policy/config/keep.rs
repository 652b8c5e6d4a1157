//! `keep`: how long the tags of a row live.

use std::{num::NonZeroU32, time::Duration};

use super::{
    amount::{AmountError, duration},
    node::Kind,
    walk::{MAX_SHOWN, Text, Value, Walk},
};
use crate::model::untrusted::shown_up_to;
use crate::policy::{
    diagnostic::nearest,
    language,
    rules::{Keep, While},
};

const FORMS: &str =
    "as in `forever`, `30 days`, `last 10`, `while open`, `while branch exists`, or `{for: 30 days, last: 10}`";

/// Reads a `keep` in any of its forms.
pub(super) fn keep(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<Keep> {
    match &value.node.kind {
        Kind::Map(_) => keep_map(walk, value),
        Kind::Text(_) => {
            let text = walk.text(value, "a life")?;
            keep_text(walk, &text)
        }
        _ => {
            not_text(walk, value);
            None
        }
    }
}

/// Reads a duration, or `forever` as nothing.
pub(super) fn duration_or_forever(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<Option<Duration>> {
    if !matches!(value.node.kind, Kind::Text(_)) {
        not_text(walk, value);
        return None;
    }
    let text = walk.text(value, "a duration")?;
    if text.text.trim() == "forever" {
        return Some(None);
    }
    match duration(text.text) {
        Ok(duration) => Some(Some(duration)),
        Err(error) => {
            let AmountError { problem, hint } = explained(text.text, error, &["forever"]);
            walk.mistake(&text.value, problem, hint);
            None
        }
    }
}

fn not_text(walk: &mut Walk<'_>, value: &Value<'_>) {
    let hint = match value.node.kind {
        Kind::Integer(1) => Some("did you mean `1 day`?".to_owned()),
        Kind::Integer(number) if number >= 0 => Some(format!("did you mean `{number} days`?")),
        Kind::Bool(true) => Some("did you mean `forever`?".to_owned()),
        _ => Some("as in `30 days` or `forever`".to_owned()),
    };
    walk.wrong_type(value, "a duration with a unit", hint);
}

fn keep_text(walk: &mut Walk<'_>, text: &Text<'_>) -> Option<Keep> {
    match keep_of(text.text) {
        Ok(keep) => Some(keep),
        Err(AmountError { problem, hint }) => {
            walk.mistake(&text.value, problem, hint);
            None
        }
    }
}

/// Reads a `keep` that is a text.
///
/// # Errors
/// With what is wrong and what was probably meant.
pub(in crate::policy) fn keep_of(text: &str) -> Result<Keep, AmountError> {
    let none = Keep { forever: false, duration: None, last: None, while_holds: None };
    let fail = |problem: String, hint: &str| Err(AmountError { problem, hint: Some(hint.to_owned()) });
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["forever"] => Ok(Keep::FOREVER),
        ["while", "open"] => Ok(Keep { while_holds: Some(While::Open), ..none }),
        ["while", "branch", "exists"] => Ok(Keep { while_holds: Some(While::BranchExists), ..none }),
        ["last", number] => match number.parse::<NonZeroU32>() {
            Ok(last) => Ok(Keep { last: Some(last), ..none }),
            Err(_) => {
                fail(format!("`{}` is no whole number above 0", shown_up_to(number, MAX_SHOWN)), "as in `last 10`")
            }
        },
        ["last"] => fail("`last` needs a number".to_owned(), "as in `last 10`"),
        ["while", ..] => {
            let hint = match nearest(text, ["while open", "while branch exists"]) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "it is `while open` (a pull request) or `while branch exists`".to_owned(),
            };
            fail(format!("`keep` does not know `{}`", shown_up_to(text.trim(), MAX_SHOWN)), &hint)
        }
        _ => match duration(text) {
            Ok(duration) => Ok(Keep { duration: Some(duration), ..none }),
            Err(error) => Err(explained(text, error, &["forever", "while open", "while branch exists"])),
        },
    }
}

/// Says what is wrong with a text that is no duration.
fn explained(text: &str, error: AmountError, words: &[&'static str]) -> AmountError {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return error;
    }
    let hint = match nearest(text, words.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if matches!(text.to_lowercase().trim(), "always" | "never" | "ever") => {
            "did you mean `forever`?".to_owned()
        }
        None if words.len() > 1 => FORMS.to_owned(),
        None => "as in `30 days` or `forever`".to_owned(),
    };
    AmountError { problem: format!("`keep` does not know `{}`", shown_up_to(text, MAX_SHOWN)), hint: Some(hint) }
}

fn keep_map(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<Keep> {
    let fields = walk.fields(value, "a map", &language::KEEP)?;
    let mut keep = Keep { forever: false, duration: None, last: None, while_holds: None };
    if let Some(value) = fields.get("for") {
        match duration_or_forever(walk, value) {
            Some(Some(duration)) => keep.duration = Some(duration),
            Some(None) => walk.mistake(value, "`forever` stands alone", Some("write `keep: forever`".into())),
            None => {}
        }
    }
    if let Some(value) = fields.get("last") {
        keep.last = walk.number(value, 1).and_then(NonZeroU32::new);
    }
    if let Some(value) = fields.get("while")
        && let Some(text) = walk.text(value, "`open` or `branch exists`")
    {
        match text.text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["open"] => keep.while_holds = Some(While::Open),
            ["branch", "exists"] => keep.while_holds = Some(While::BranchExists),
            _ => {
                let problem =
                    format!("expected `open` or `branch exists`, found `{}`", shown_up_to(text.text, MAX_SHOWN));
                let stripped = text.text.trim().strip_prefix("while ").unwrap_or(text.text);
                let hint = nearest(stripped, language::CONDITIONS).map(|meant| format!("did you mean `{meant}`?"));
                walk.mistake(value, problem, hint);
            }
        }
    }
    if matches!(&value.node.kind, Kind::Map(map) if map.is_empty()) {
        let hint = "as in `{for: 30 days, last: 10}`; to keep for good, write `forever`";
        walk.mistake(value, "`keep` is an empty map", Some(hint.into()));
    }
    (keep.duration.is_some() || keep.last.is_some() || keep.while_holds.is_some()).then_some(keep)
}
