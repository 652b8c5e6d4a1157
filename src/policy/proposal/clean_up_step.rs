//! Clean-up actions that a repository runs already: which of their inputs say the same as keys of a policy.

use super::{CleanUpStep, Taken, workflow::Step};
use crate::policy::glob::Glob;

/// The clean-up actions that are known.
const PACKAGE_VERSIONS: &str = "actions/delete-package-versions";
const RETENTION_POLICY: &str = "snok/container-retention-policy";
const CLEANUP_ACTION: &str = "dataaxiom/ghcr-cleanup-action";

/// Inputs that say nothing about what is kept.
const BESIDE_THE_POINT: &[&str] = &[
    "token",
    "owner",
    "user",
    "org-name",
    "account",
    "account-type",
    "package-name",
    "package-names",
    "package",
    "packages",
    "package-type",
    "image-names",
    "repository",
    "dry-run",
    "validate",
    "log-level",
    "timestamp-to-use",
    "expand-packages",
    "use-regex",
];

/// Reads a step of such an action.
pub(super) fn read(file: &str, step: &Step) -> Option<CleanUpStep> {
    if ![PACKAGE_VERSIONS, RETENTION_POLICY, CLEANUP_ACTION].contains(&step.action.as_str()) {
        return None;
    }
    let mut found =
        CleanUpStep { file: file.to_owned(), action: step.action.clone(), taken: Vec::new(), left: Vec::new() };
    let is_regular = step.input("use-regex") == Some("true");
    for (name, value) in &step.with {
        let value = value.trim();
        if value.is_empty() || BESIDE_THE_POINT.contains(&name.as_str()) {
            continue;
        }
        let taken = match (step.action.as_str(), name.as_str()) {
            (PACKAGE_VERSIONS, "min-versions-to-keep")
            | (RETENTION_POLICY, "keep-n-most-recent" | "keep-at-least")
            | (CLEANUP_ACTION, "keep-n-tagged") => value.parse().ok().map(Taken::KeepAtLeast),
            (RETENTION_POLICY, "cut-off") | (CLEANUP_ACTION, "older-than") => days(value).map(Taken::UntaggedDays),
            (RETENTION_POLICY, "skip-tags") => globs(value),
            (CLEANUP_ACTION, "exclude-tags") if !is_regular => globs(value),
            // What is not deleted now has no row or is of a version that no tag reaches: the same.
            (PACKAGE_VERSIONS, "delete-only-untagged-versions")
            | (RETENTION_POLICY, "untagged-only" | "tag-selection")
            | (
                CLEANUP_ACTION,
                "delete-untagged" | "delete-ghost-images" | "delete-partial-images" | "delete-orphaned-images",
            ) => {
                continue;
            }
            _ => None,
        };
        match taken {
            Some(taken) => found.taken.push(taken),
            None => found.left.push((name.clone(), value.to_owned())),
        }
    }
    Some(found)
}

fn globs(value: &str) -> Option<Taken> {
    let globs: Vec<String> =
        value.split([',', '\n']).map(str::trim).filter(|glob| !glob.is_empty()).map(str::to_owned).collect();
    let is_glob = |glob: &String| {
        glob.chars().all(|c| c.is_ascii_alphanumeric() || "._-*".contains(c)) && Glob::parse(glob).is_ok()
    };
    (!globs.is_empty() && globs.iter().all(is_glob)).then_some(Taken::Protect(globs))
}

/// Reads an age as these actions have it (`2w 1d`, `5 days`, `A month ago UTC`), in whole days, at least one.
fn days(text: &str) -> Option<u64> {
    let text = text.to_lowercase().replace("ago", " ").replace("utc", " ");
    let mut hours = 0_u64;
    let mut number: Option<u64> = None;
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_whitespace() || c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (word, left) = rest.split_at(end.max(first.len_utf8()));
        rest = left.trim_start();
        if is_digit {
            number = Some(word.parse().ok()?);
            continue;
        }
        let unit = match word.trim_end_matches('s') {
            "a" | "an" => {
                number = Some(1);
                continue;
            }
            "h" | "hr" | "hour" => 1,
            "d" | "day" => 24,
            "w" | "week" => 7 * 24,
            "month" => 30 * 24,
            "y" | "year" => 365 * 24,
            _ => return None,
        };
        hours = hours.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    (hours > 0 && number.is_none() && hours < 24 * 36_500).then(|| hours.div_ceil(24))
}

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn ages_are_read_as_the_actions_have_them() {
        for (text, expected) in [
            ("2w 1d", Some(15)),
            ("5 days", Some(5)),
            ("30d", Some(30)),
            ("A month ago UTC", Some(30)),
            ("two days", None),
            ("3 hours ago UTC", Some(1)),
            ("1w 2", None),
            ("", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
    }
}
