//! Every decision, outcome and end in words.

use chrono::{DateTime, Utc};

use super::quantities::{age, by_number, counted, duration, is_just_over};
use crate::{
    execute::cleanup::{End, Outcome, Refused},
    model::{Digest, Tag, inventory::Refusal, untrusted::shown},
    policy::{
        age::AgeSource,
        cleanup::{PlannedVersion, VersionReason},
        inversion::Role,
        retention::{Fact, Life, Place, Span, TagDecision, TagReason},
        rules::{Keep, While},
    },
};

/// The most names that a sentence lists.
const MAX_NAMES: usize = 20;

/// Text of others between backticks, in which nothing can end them.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text).replace('`', "'"))
}

/// Text of others in a sentence, where backticks would begin code.
pub(super) fn plain(text: &str) -> String {
    shown(text).replace('`', "'")
}

/// A tag between backticks. Of a digest in it the beginning is enough.
pub(super) fn tag(tag: &Tag) -> String {
    let text = tag.as_str();
    if !tag.is_referrers_tag() {
        return format!("`{text}`");
    }
    let (algorithm, hex) = text.split_at("sha256-".len());
    format!("`{algorithm}{}…{}`", &hex[..12], &hex[64..])
}

/// A digest between backticks, its beginning.
pub(super) fn digest(digest: &Digest) -> String {
    format!("`{}`", digest.short())
}

/// A version as people know it: by its first tag, else by its digest, with its number.
pub(super) fn version(version: &PlannedVersion) -> String {
    let name = version.tags.first().map_or_else(|| digest(&version.digest), |decision| tag(&decision.tag));
    format!("{name} (version {})", version.id)
}

/// Lists names, the first of them if they are many.
pub(super) fn names(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(MAX_NAMES);
    let mut text = names.take(MAX_NAMES).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {} more", super::quantities::number(more)));
    }
    text
}

/// Says a row's `keep` as the policy does.
pub(super) fn keep(keep: &Keep) -> String {
    let Keep { forever, duration: time, last, while_holds } = keep;
    if *forever {
        return "forever".to_owned();
    }
    let time = time.map(|time| duration(time.as_secs()));
    let last = last.map(|last| format!("last {last}"));
    let holds = while_holds.map(|what| match what {
        While::Open => "while open".to_owned(),
        While::BranchExists => "while branch exists".to_owned(),
    });
    [holds, time, last].into_iter().flatten().collect::<Vec<_>>().join(" or ")
}

/// Says what an age counts from.
pub(super) const fn age_source(source: AgeSource) -> &'static str {
    match source {
        AgeSource::Version => "version",
        AgeSource::Date => "date in the name",
        AgeSource::Commit => "commit",
        AgeSource::GitTag => "git tag",
        AgeSource::Release => "release",
    }
}

/// Says what a tag is to a row.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Tag => "a tag",
        Role::Also => "a further name",
        Role::Rolling => "a rolling tag",
        Role::Index => "the tag of a joined index",
    }
}

/// Says what of the source repository decides.
pub(super) const fn fact(fact: Fact) -> &'static str {
    match fact {
        Fact::Commits => "the commits of its branches",
        Fact::Releases => "the releases",
        Fact::GitTags => "the git tags",
        Fact::PullRequests => "the open pull requests",
        Fact::Branches => "the branches",
    }
}

/// Says how old a tag is, and from what.
fn aged(now: DateTime<Utc>, span: &Span) -> String {
    let Span { since, from, keep_seconds } = span;
    let (old, keep) = (age(now, *since), duration(*keep_seconds));
    let from = match from {
        AgeSource::Version => "",
        AgeSource::Date => " by the date in its name",
        AgeSource::Commit => " by its commit",
        AgeSource::GitTag => " by its git tag",
        AgeSource::Release => " by its release",
    };
    // Whole days do not show by how little it is too old.
    let just = if is_just_over(now, *since, *keep_seconds) { "just over " } else { "" };
    format!("{just}{old} old{from}, kept for {keep}")
}

/// Says what a row's `keep` came to for a tag. `now` is the plan's.
pub(super) fn life(life: &Life, now: DateTime<Utc>) -> String {
    match life {
        Life::Forever => "kept forever".to_owned(),
        Life::Rolling => "rolling tags are always kept".to_owned(),
        Life::PointedAt { rolling } => format!("the rolling tag {} points at its version", tag(rolling)),
        Life::Carried { by } => format!("lives as long as {} on its version, which is kept", tag(by)),
        Life::NotCarried => "goes with the row's tags on its version".to_owned(),
        Life::Young(span) | Life::Old(span) => aged(now, span),
        Life::AmongLast(Place { place, last }) => {
            format!("number {place} of the newest images, and the last {last} are kept")
        }
        Life::NotAmongLast(Place { place, last }) => {
            format!("number {place} of the newest images, and only the last {last} are kept")
        }
        Life::Open { number } => format!("pull request {number} is open"),
        Life::Closed { number } => format!("pull request {number} is not open"),
        Life::NoneOpen => "names no pull request that is open".to_owned(),
        Life::BranchExists { branch } => format!("the branch {} exists", quoted(branch)),
        Life::BranchGone { branch } => format!("the branch {} is gone", quoted(branch)),
        Life::Unknown { fact: what, problem: Some(problem) } => {
            format!("kept, since {} could not be read: {}", fact(*what), plain(problem))
        }
        Life::Unknown { fact: what, problem: None } => format!("kept, since {} were not asked for", fact(*what)),
        Life::Illegible { fact: Fact::PullRequests } => {
            "kept, since it does not show for sure which pull request it belongs to".to_owned()
        }
        Life::Illegible { fact: Fact::Branches } => {
            "kept, since it does not show for sure which branch it belongs to".to_owned()
        }
        Life::Illegible { fact: Fact::Commits | Fact::Releases | Fact::GitTags } => {
            "kept, since it was cut and does not show for sure what it names".to_owned()
        }
    }
}

/// Says what keeps a tag beside the rows.
pub(super) fn tag_reason(reason: &TagReason) -> String {
    match reason {
        TagReason::Unexplained => "no row explains it, so it is kept".to_owned(),
        TagReason::Protected { pattern } => format!("`protect` names it: {}", quoted(pattern)),
        TagReason::Referenced { place } => format!("a file names it: {}", quoted(place)),
        TagReason::MayBeReferenced { place, pattern } => {
            format!("a file may name it: {} says {}", quoted(place), quoted(pattern))
        }
        TagReason::OnTwoVersions => "it is listed on two versions at once, so it is moving right now".to_owned(),
        TagReason::OnPlaceholder => "it is on a placeholder that a clean-up left, and counts as absent".to_owned(),
        TagReason::NamesSubject => "it names what its version refers to, and lives as long".to_owned(),
    }
}

/// Says why a version stays or goes, beside its tags. `now` is the plan's.
pub(super) fn version_reason(reason: &VersionReason, now: DateTime<Utc>) -> String {
    match reason {
        VersionReason::Tagged => "a tag that is kept".to_owned(),
        VersionReason::ProtectedDigest => "`protect` names its digest".to_owned(),
        VersionReason::ReferencedDigest { place } => format!("a file names its digest: {}", quoted(place)),
        VersionReason::Newest { place, at_least } => match at_least {
            1 => "the newest image, and `keep-at-least` is 1".to_owned(),
            _ => format!("number {place} of the newest images, and `keep-at-least` is {at_least}"),
        },
        VersionReason::UntaggedForever => {
            "untagged, and the policy has no `untagged`, so such versions are kept".to_owned()
        }
        VersionReason::UntaggedYoung { since, keep_seconds } | VersionReason::UntaggedOld { since, keep_seconds } => {
            let span = Span { since: *since, from: AgeSource::Version, keep_seconds: *keep_seconds };
            format!("untagged, {}", aged(now, &span))
        }
        VersionReason::UnknownMediaType { media_type } => {
            format!("its manifest is of a kind that this version does not know: {}", quoted(media_type))
        }
        VersionReason::Orphaned { subject } => {
            format!("it refers to {}, which is not in this package", digest(subject))
        }
        VersionReason::Undeletable { refusal: Refusal::Downloads } => {
            "GitHub refuses to delete it: it was downloaded more than 5,000 times".to_owned()
        }
        VersionReason::Undeletable { refusal: Refusal::Other } => "GitHub refuses to delete it".to_owned(),
        VersionReason::LastTagged => {
            "every tagged version would go, and GitHub refuses to delete the last one".to_owned()
        }
        VersionReason::ChildOf { id, digest: index } => {
            format!("the index {} (version {id}), which is kept, lists it", digest(index))
        }
        VersionReason::ReferrerOf { id, digest: subject } => {
            format!("it refers to {} (version {id}), which is kept", digest(subject))
        }
        VersionReason::Unreadable { problem } => {
            let problem = problem.as_deref().map(plain).unwrap_or_else(|| "it was not asked for".to_owned());
            format!("its manifest cannot be read: {problem}")
        }
        VersionReason::NotLookedAt => "only the tags of a closed pull request were looked at".to_owned(),
        VersionReason::Placeholder => "a placeholder that a clean-up left".to_owned(),
        VersionReason::TagsExpired => "none of its tags is kept, and nothing that is kept reaches it".to_owned(),
        VersionReason::SubjectDeleted { digest: subject } => {
            format!("it refers to {}, which goes as well", digest(subject))
        }
        VersionReason::SubjectGone { digest: subject } => {
            format!("it refers to {}, which was deleted before", digest(subject))
        }
    }
}

/// Says why a tag is as it is: by the rows that decided, and by what keeps it beside them.
pub(super) fn decision(decision: &TagDecision, now: DateTime<Utc>) -> String {
    let rows = decision.deciding().map(|row| {
        let lives: Vec<String> = row.reasons.iter().map(|reason| life(reason, now)).collect();
        format!("row {}: {}", row.row, lives.join(", and "))
    });
    let others = decision.others.iter().map(tag_reason);
    // A file may name a tag in many places.
    bounded(rows.chain(others))
}

/// Joins clauses, the first of them if they are many.
pub(super) fn bounded(clauses: impl Iterator<Item = String>) -> String {
    const MAX_CLAUSES: usize = 5;
    let mut clauses: Vec<String> = clauses.take(MAX_CLAUSES + 1).collect();
    if clauses.len() > MAX_CLAUSES {
        clauses[MAX_CLAUSES] = "…".to_owned();
    }
    clauses.join("; ")
}

/// Says what became of versions or tags.
pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::AlreadyGone => "gone already".to_owned(),
        Outcome::Refused { why: Refused::LastTagged, said: _ } => {
            "left, since GitHub refuses (no other tagged version would remain)".to_owned()
        }
        Outcome::Refused { why: Refused::Downloads, said: _ } => {
            "left, since GitHub refuses (downloaded more than 5,000 times)".to_owned()
        }
        Outcome::Refused { why: Refused::Other, said } => format!("left, since GitHub refuses ({})", plain(said)),
        Outcome::Failed { problem } => format!("failed ({})", plain(problem)),
        Outcome::Protected => "left, since something was pushed, tagged or reopened after the plan was made".to_owned(),
        Outcome::NotInBoth => "left, since the plan file does not have it".to_owned(),
        Outcome::Remaining => "not done yet".to_owned(),
    }
}

/// Says how a run ended that did not come to everything; `remaining` counts what is left.
pub(super) fn end(end: &End, remaining: usize) -> Option<String> {
    let left = match remaining {
        0 => "nothing is left to do".to_owned(),
        some => {
            let steps = format!("{} {}", counted(some, "step"), by_number(some, "is", "are"));
            format!("{steps} left, and the next run goes on with {}", by_number(some, "it", "them"))
        }
    };
    match end {
        End::Finished => None,
        End::TimeBudget => Some(format!("the time of the run is over (`time-budget`): {left}")),
        End::Limit { problem } => Some(format!("the requests of the run are spent ({}): {left}", plain(problem))),
        End::Interrupted { signal } => Some(format!("{signal} ended the run in good order: {left}")),
        End::Failed { problem, hint } => {
            let hint = hint.as_deref().map(|hint| format!("; hint: {}", shown(hint))).unwrap_or_default();
            Some(format!("the run could not go on: {}{hint}; {left}", plain(problem)))
        }
    }
}

/// A text of ours that may hold texts of others, such as an error with its hints: bounded, and on one line.
pub(super) fn told(text: &str) -> String {
    crate::model::untrusted::shown_up_to(text, MAX_TOLD)
}

/// The longest text that is told, in characters: an error may list what it is about.
const MAX_TOLD: usize = 2_000;

/// Makes a sentence: a capital at its beginning, a full stop at its end.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_without_a_known_reason_are_told() {
        let reason = VersionReason::Undeletable { refusal: Refusal::Other };
        assert_eq!(version_reason(&reason, DateTime::UNIX_EPOCH), "GitHub refuses to delete it");
    }

    #[test]
    fn names_of_others_end_no_code() {
        assert_eq!(quoted("a`b\u{1b}"), "`a'b\\u{1b}`");
        assert_eq!(plain("`a`\n::error::b"), "'a'\\n::error::b");
    }

    #[test]
    fn a_sentence_begins_and_ends() {
        assert_eq!(sentence("nothing was changed"), "Nothing was changed.");
        assert_eq!(sentence("it is so."), "It is so.");
        assert_eq!(sentence(""), ".");
    }
}
