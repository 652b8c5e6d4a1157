//! The entries of `on`: `release`, `branch release/*`, `!branch main`.

use super::keys::listed;
use super::walk::{MAX_SHOWN, Text, Walk};
use crate::model::untrusted::shown_up_to;
use crate::policy::{
    diagnostic::nearest,
    glob::Glob,
    language::{EVENTS, EventName, event_names},
    rules::{Condition, OnEntry},
};

/// What people write who know other languages.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("pr", "pull request"),
    ("pull", "pull request"),
    ("pull_request_target", "pull request"),
    ("push", "branch **"),
    ("workflow_dispatch", "dispatch"),
    ("repository_dispatch", "dispatch"),
    ("manual", "dispatch"),
    ("cron", "schedule"),
    ("nightly", "schedule"),
    ("pre-release", "prerelease"),
    ("semver", "release"),
    ("merge_queue", "merge group"),
    ("branches", "branch **"),
    ("tags", "tag *"),
    ("published", "release"),
];

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a row: `branch` and `tag` need a pattern.
    Row,
    /// In `only` of a mirror: without a pattern, they mean any.
    Mirror,
}

/// Reads an entry.
pub(super) fn entry(walk: &mut Walk<'_>, text: &Text<'_>, place: Place) -> Option<OnEntry> {
    let whole = text.text;
    let body = whole.trim_start();
    let (negated, body) = match body.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, body),
    };
    let start = whole.len() - body.len();
    let body = body.trim_end();
    let Some((is, kind, rest)) = kind(body) else {
        unknown(walk, text, body, start);
        return None;
    };
    // The pattern is what follows the kind; its place is needed for mistakes in it.
    let pattern = rest.trim_start();
    let pattern_at = start + body.len() - pattern.len();
    let bare = match is {
        EventName::PullRequest => Some(Condition::PullRequest),
        EventName::Schedule => Some(Condition::Schedule),
        EventName::Dispatch => Some(Condition::Dispatch),
        EventName::MergeGroup => Some(Condition::MergeGroup),
        EventName::Release | EventName::Prerelease | EventName::Tag | EventName::Branch => None,
    };
    if let Some(condition) = bare {
        if pattern.is_empty() {
            return Some(OnEntry { negated, condition });
        }
        let problem = format!("`{kind}` takes no pattern");
        walk.mistake_within(text, pattern_at..start + body.len(), problem, Some(format!("write `{kind}`")));
        return None;
    }
    if pattern.is_empty() {
        let condition = match (is, place) {
            (EventName::Release, _) => Condition::Release(None),
            (EventName::Prerelease, _) => Condition::Prerelease(None),
            (EventName::Tag, Place::Mirror) => Condition::Tag(any()?),
            (EventName::Branch, Place::Mirror) => Condition::Branch(any()?),
            _ => {
                let problem = format!("`{kind}` needs a pattern");
                let hint =
                    format!("for any: `{kind} **`; for one: `{kind} {}`", if kind == "tag" { "v1" } else { "main" });
                walk.mistake(&text.value, problem, Some(hint));
                return None;
            }
        };
        return Some(OnEntry { negated, condition });
    }
    let glob = match Glob::parse(pattern) {
        Ok(glob) => glob,
        Err(error) => {
            let hint = pattern
                .contains(char::is_whitespace)
                .then(|| "for several patterns write a list, one entry each".to_owned());
            let at = pattern_at + error.at.min(pattern.len());
            let end = at + whole[at.min(whole.len())..].chars().next().map_or(0, char::len_utf8);
            walk.mistake_within(text, at..end, error.to_string(), hint);
            return None;
        }
    };
    let condition = match is {
        EventName::Tag => Condition::Tag(glob),
        EventName::Branch => Condition::Branch(glob),
        _ if glob.wildcards() != 1 => {
            let problem = format!(
                "the pattern of `{kind}` needs exactly one `*`, not {}: what it matches is the version",
                glob.wildcards()
            );
            let hint = if glob.wildcards() == 0 {
                format!("write `{kind}` alone, or as in `{kind} app-v*`")
            } else {
                format!("as in `{kind} app-v*`")
            };
            walk.mistake_within(text, pattern_at..pattern_at + pattern.len(), problem, Some(hint));
            return None;
        }
        EventName::Release => Condition::Release(Some(glob)),
        _ => Condition::Prerelease(Some(glob)),
    };
    Some(OnEntry { negated, condition })
}

fn any() -> Option<Glob> {
    Glob::parse("**").ok()
}

/// Splits an entry into what it begins with and the rest.
fn kind(body: &str) -> Option<(EventName, &'static str, &str)> {
    EVENTS.iter().find_map(|event| {
        let mut rest = body;
        for (index, word) in event.name.split(' ').enumerate() {
            if index > 0 {
                let trimmed = rest.trim_start();
                if trimmed.len() == rest.len() {
                    return None;
                }
                rest = trimmed;
            }
            rest = rest.strip_prefix(word)?;
        }
        (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some((event.is, event.name, rest))
    })
}

fn unknown(walk: &mut Walk<'_>, text: &Text<'_>, body: &str, start: usize) {
    let end = start + body.len();
    if body.is_empty() {
        walk.mistake(
            &text.value,
            "the entry of `on` is empty",
            Some(format!("it begins with one of {}", listed(&event_names()))),
        );
        return;
    }
    let first = body.split_whitespace().next().unwrap_or(body);
    let two = body.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let lower = first.to_lowercase();
    let rest = |words: usize| body.split_whitespace().skip(words).collect::<Vec<_>>().join(" ");
    let meant = OTHER_NAMES
        .iter()
        .find(|(other, _)| *other == lower)
        .map(|(_, kind)| (*kind).to_owned())
        .or_else(|| {
            nearest(&two, event_names().into_iter().filter(|kind| kind.contains(' '))).map(|kind| with(kind, &rest(2)))
        })
        .or_else(|| nearest(first, event_names()).map(|kind| with(kind, &rest(1))));
    let hint = match meant {
        Some(meant) => format!("did you mean `{}`?", shown_up_to(&meant, MAX_SHOWN)),
        None if !body.contains(char::is_whitespace) && Glob::parse(body).is_ok() => {
            let name = shown_up_to(body, MAX_SHOWN);
            format!("if it is a branch, write `branch {name}`; if it is a git tag, `tag {name}`")
        }
        None => format!("an entry begins with one of {}", listed(&event_names())),
    };
    walk.mistake_within(text, start..end, format!("`{}` is no event", shown_up_to(body, MAX_SHOWN)), Some(hint));
}

fn with(kind: &str, rest: &str) -> String {
    if rest.is_empty() { kind.to_owned() } else { format!("{kind} {rest}") }
}
