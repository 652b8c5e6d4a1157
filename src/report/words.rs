//! Reasons in words.

use crate::{
    event::{Context, EventKind, Subject},
    model::{ImageName, Tag, untrusted::shown},
    policy::{
        checks::Large,
        join::LeftOut,
        metadata::{Skipped, Unknown},
        rolling::{MoveReason, StayReason},
        rules::Row,
        tagging::{self, NoFit, Skip},
    },
};

use super::{Doubt, TagLine, TagOutcome};

/// A name that can stand between backticks in a sentence.
pub(crate) fn quoted(name: &str) -> String {
    shown(name).replace('`', "'")
}

/// Says how many, with the noun in the right number.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Says what happened, as in "a push of the git tag `v0.2.0`".
#[must_use]
pub fn event(context: &Context) -> String {
    if let Subject::Nothing(why) = &context.subject {
        return shown(why);
    }
    let about = shown(&tagging::describe(&context.subject));
    let what = match &context.event {
        EventKind::Push => "a push of",
        EventKind::Create => "the creation of",
        EventKind::Delete => "a deletion:",
        EventKind::PullRequest | EventKind::PullRequestTarget => "an event of",
        EventKind::MergeGroup => "a request to check",
        EventKind::Release => "a release event of",
        EventKind::Schedule => "a scheduled run on",
        EventKind::WorkflowDispatch | EventKind::RepositoryDispatch => "a dispatched run on",
        EventKind::Other(name) if name.is_empty() => "a run outside a workflow on",
        EventKind::Other(name) => return format!("an event `{}` on {about}", quoted(name)),
    };
    let by_ref = matches!(context.subject, Subject::Branch(_) | Subject::Tag(_) | Subject::Commit(_));
    let built = if context.built_elsewhere && by_ref { " (by input `ref`)" } else { "" };
    format!("{what} {about}{built}")
}

/// Says that nothing of a saved plan is done, since a fresh one has none of it.
#[must_use]
pub fn outdated_plan(image: &ImageName, steps: usize, taken_at: Option<&str>) -> String {
    let taken_at = taken_at.map(|time| format!(" of {}", shown(time))).unwrap_or_default();
    format!(
        "nothing of the plan{taken_at} holds any more for {image}: each of its {} is done already, or what it was about changed \
         since (a tag came or moved, or the policy keeps it now); `plan` makes a fresh one",
        count(steps, "step")
    )
}

/// Says why a row does not apply.
#[must_use]
pub fn skip(skip: &Skip) -> String {
    let Skip { row, reasons } = skip;
    let reasons: Vec<String> = reasons.iter().map(no_fit).collect();
    format!("{row}: {}", reasons.join("; "))
}

/// Says why an entry of `on` does not fit.
#[must_use]
pub fn no_fit(reason: &NoFit) -> String {
    match reason {
        NoFit::NeverFits { event, condition } if event.is_empty() => {
            format!("a run outside a workflow fits no `{condition}` entry")
        }
        NoFit::NeverFits { event, condition } => {
            format!("`{}` events never fit `{condition}`", quoted(event))
        }
        NoFit::OwnRows { event, kind } => {
            format!("the policy has a `{kind}` row, so `{}` events fit only such rows", quoted(event))
        }
        NoFit::OnlyPullRequests => {
            "the triggering run was of a pull request or another repository, so only `pull request` rows fit".to_owned()
        }
        NoFit::OtherSubject { wanted, found } => format!("needs a {wanted}, and the run is about {}", shown(found)),
        NoFit::NameDiffers { condition, name } => format!("`{condition}` does not fit the name `{}`", quoted(name)),
        NoFit::TakenAway { condition, name } => format!("`!{condition}` takes `{}` away", quoted(name)),
        NoFit::NotSemVer { text } => format!("`{}` is no SemVer version", quoted(text)),
        NoFit::OtherRelease { version } if version.pre.is_empty() => {
            format!("{version} has no pre-release part")
        }
        NoFit::OtherRelease { version } => format!("{} has a pre-release part", shown(&version.to_string())),
        NoFit::NoNumber => "the payload names no pull request (a fork's `workflow_run` does not)".to_owned(),
        NoFit::Metadata(reason) => skipped(reason),
        NoFit::RetentionOnly => "has only `match`: it retires tags and creates none".to_owned(),
        NoFit::NoValue { template, problem } => {
            format!("its template `{template}` cannot be filled in: {}", shown(problem))
        }
    }
}

/// Says why a row of docker/metadata-action gives no tag.
fn skipped(reason: &Skipped) -> String {
    match reason {
        Skipped::Disabled => "its `enable` is `false`".to_owned(),
        Skipped::OtherEvent { event } => format!("needs a scheduled run, and this is a `{}` event", quoted(event)),
        Skipped::OtherRef { wanted, found } if found.is_empty() => {
            format!("needs {}, and the run names no ref", shown(wanted))
        }
        Skipped::OtherRef { wanted, found } => {
            format!("needs {}, and the run is on `{}`", shown(wanted), quoted(found))
        }
        Skipped::NoVersion { text, wanted } => format!("`{}` is no {wanted} version", quoted(text)),
        Skipped::NoMatch { pattern, text } => format!("`{}` does not match `{}`", quoted(pattern), quoted(text)),
        Skipped::NoGroup { group } => format!("the match has no group {}", shown(group)),
        Skipped::NoCommit => "the run names no commit".to_owned(),
        Skipped::Empty => "the tag would be empty".to_owned(),
        Skipped::NoLatest => "`flavor` says `latest=false`".to_owned(),
        Skipped::NothingLatest => "no row gave a tag".to_owned(),
        Skipped::FirstIsNoRelease { row } => {
            format!("the first tag is that of `{}`, which is no release", quoted(row))
        }
    }
}

/// Says why a pointer moves.
#[must_use]
pub fn move_reason(reason: &MoveReason) -> String {
    match reason {
        MoveReason::New => "first image for it".to_owned(),
        MoveReason::Here => "points at this image already".to_owned(),
        MoveReason::HighestVersion { below: None } => "the highest version for it".to_owned(),
        MoveReason::HighestVersion { below: Some(below) } => format!("the highest version for it, after {below}"),
        MoveReason::SameCommit => "built from the same commit as the image there".to_owned(),
        MoveReason::Descendant { of } => format!("newer than commit {} there", of.abbreviated(7)),
        MoveReason::BranchTip => "the histories diverged, and this commit is the branch's tip".to_owned(),
        MoveReason::Unknown { there: None } => {
            "moved without knowing which commit the image there was built from".to_owned()
        }
        MoveReason::Unknown { there: Some(commit) } => {
            format!("moved without knowing whether commit {} there is newer", commit.abbreviated(7))
        }
        MoveReason::Foreign => "moved without knowing the commit that was built".to_owned(),
        MoveReason::PublishedMeanwhile { tag } => format!("belongs on {tag}, which another run published meanwhile"),
    }
}

/// Says why a pointer stays.
#[must_use]
pub fn stay_reason(reason: &StayReason) -> String {
    match reason {
        StayReason::HigherVersion { version, tag } if tag.as_str() == version.to_string() => {
            format!("{version} is higher and published")
        }
        StayReason::HigherVersion { version, tag } => format!("{version} is higher and published ({tag})"),
        StayReason::Ancestor { of } => format!("commit {} there is newer", of.abbreviated(7)),
        StayReason::Diverged { from, tip } => {
            let from = from.as_ref().map(|commit| format!(" from commit {} there", commit.abbreviated(7)));
            let tip = match tip {
                Some(tip) => format!("the branch's tip is {}", tip.abbreviated(7)),
                None => "the branch's tip is not known".to_owned(),
            };
            format!("the history diverged{}, and {tip}", from.unwrap_or_default())
        }
        StayReason::SharedUnknown => {
            "releases and a branch share it, and which commit is newer is not known".to_owned()
        }
        StayReason::OtherRow => "another row that fits keeps it where it is".to_owned(),
    }
}

/// Says what a doubtful decision about a pointer was, and how it can be known the next time.
#[must_use]
pub fn doubtful(image: &str, line: &TagLine, doubt: Doubt) -> String {
    let TagLine { tag, why, outcome, .. } = line;
    let stays = if *outcome == TagOutcome::Stayed { "stays: " } else { "" };
    let remedy = match doubt {
        Doubt::Commit => {
            "give images the labels org.opencontainers.image.revision and org.opencontainers.image.source (output `labels`), or a tag that holds the commit"
        }
        Doubt::Foreign => {
            "what was built is none of this repository's commits, so runs that push this tag must not overtake each other: give them one `concurrency` group"
        }
        Doubt::History => {
            "let the job read the history: `github-token` with `contents: read`, or `fetch-depth: 0` for actions/checkout"
        }
    };
    format!("the rolling tag {image}:{tag} {stays}{why}; {remedy}")
}

/// Warns that no row gave a tag, with each row's reason.
#[must_use]
pub fn no_tag(event: &str, skipped: &[Skip]) -> String {
    let mut text = format!("no row gives a tag for {event}, so there is none");
    for one in skipped {
        text.push_str(&format!("\n- {}", skip(one)));
    }
    text
}

/// Warns of an attribute that means nothing.
#[must_use]
pub fn unknown_attribute(row: &Row, unknown: &Unknown) -> String {
    let Unknown { name, nearest } = unknown;
    let meant = nearest.map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default();
    format!("{row}: the attribute `{name}` means nothing{meant}")
}

/// Warns of a row that takes a pointer along without asking whether it moves forward.
#[must_use]
pub fn unguarded(tag: &str, row: &Row, owner: &Row) -> String {
    format!(
        "{row} moves `{tag}` wherever it points, and by {owner} that tag moves forward only: add `rolling=true` to the first, or take the tag out of it"
    )
}

/// Tells that there is nothing to push.
pub const ALL_STAY: &str = "every tag of this run stays where it is, so the output `tags` is empty: guard the step that pushes with `if: steps.ID.outputs.tags != ''`";

/// Warns of a name that no registry takes.
#[must_use]
pub fn no_image_tag(name: &str) -> String {
    format!(
        "`{}` is no tag of an image: no registry takes it. One has at most 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two",
        quoted(name)
    )
}

/// Warns of a tag that is not in the index of its siblings.
#[must_use]
pub fn not_joined(image: &ImageName, index: &Tag, tag: &Tag, why: &LeftOut) -> String {
    format!("{image}:{index} is joined without `{tag}`: {}", shown(&why.to_string()))
}

/// Warns of an index that nothing could be joined into.
#[must_use]
pub fn nothing_joined(image: &ImageName, index: &Tag, left_out: &[(Tag, LeftOut)]) -> String {
    let why: Vec<String> = left_out.iter().map(|(tag, why)| format!("`{tag}`: {}", shown(&why.to_string()))).collect();
    format!("{image}:{index} was not written, since there is no image to join: {}", why.join("; "))
}

/// Tells which image was promoted.
#[must_use]
pub fn promoted(image: &ImageName, tag: &Tag, row: Option<&Row>) -> String {
    match row {
        Some(row) => {
            format!("nothing was built: this is {image}:{tag}, which a branch build of this commit pushed by {row}")
        }
        None => format!("nothing was built: this is {image}:{tag}, which `promote-from` names"),
    }
}

/// Tells why `source` was pushed where a promotion was asked for.
#[must_use]
pub fn not_promoted(tried: &[String]) -> String {
    format!("there is nothing to promote, so `source` was pushed: {}", tried.join("; "))
}

/// Warns of a promotion to a tag whose age nobody could tell later.
#[must_use]
pub fn undated(row: &Row, tag: &str, git_tag: &str) -> String {
    format!(
        "{row} keeps `{tag}` for a time only, and the git tag `{}` is neither annotated nor a release: later the image is as old as its build. Make the tag with `git tag -a`, or publish a release for it",
        quoted(git_tag)
    )
}

/// Warns that the table of a release is not current.
#[must_use]
pub fn no_release_notes(git_tag: &str, why: &str, remedy: &str) -> String {
    format!(
        "`release-notes`: the table of digests in release `{}` is not current: {why}. Remedy: {remedy}",
        quoted(git_tag)
    )
}

/// Tells how to let a run change a release.
#[must_use]
pub fn needs_contents() -> String {
    "grant `contents: write` to the job, and pass `github-token`".to_owned()
}

/// Tells that the table of a release was written.
#[must_use]
pub fn release_notes(git_tag: &str) -> String {
    format!("the digests are in the text of release `{}`", quoted(git_tag))
}

/// Tells that there is no release for the table.
#[must_use]
pub fn no_release(git_tag: &str) -> String {
    format!(
        "`release-notes`: no GitHub release is published for `{}`, so there is no text to put the digests into; a run under the event `release` finds it",
        quoted(git_tag)
    )
}

/// Warns that strangers cannot pull.
#[must_use]
pub fn not_public(image: &ImageName, said: &str, page: Option<&str>) -> String {
    let remedy = match page {
        Some(page) => format!("open {page} and choose \"Change visibility\", \"Public\""),
        None => "open the package's settings and make it public".to_owned(),
    };
    format!("`visibility: public`: {image} was pushed and cannot be pulled without a login ({said}): {remedy}")
}

/// Warns that it is not known whether strangers can pull.
#[must_use]
pub fn not_tried(image: &ImageName, why: &str) -> String {
    format!("`visibility: public`: whether {image} can be pulled without a login is not known: {why}")
}

/// Names what an image lacks.
#[must_use]
pub fn missing_platforms<'a>(missing: &[String], has: impl Iterator<Item = &'a String>) -> String {
    let has: Vec<String> = has.take(20).map(|platform| shown(platform)).collect();
    let has = if has.is_empty() { "none that is known".to_owned() } else { has.join(", ") };
    format!("it is not for {} (it is for {has})", missing.join(", "))
}

/// Warns of a platform that is larger than it should be.
#[must_use]
pub fn large(large: &Large) -> String {
    format!("`checks.size.target`: {large}")
}

/// Tells what an index still lacks.
#[must_use]
pub fn joined_without(image: &ImageName, index: &Tag, missing: &[String]) -> String {
    format!(
        "{image}:{index} is not for {} yet, which `checks.platforms` of the policy asks for: no sibling brought it so far",
        missing.join(", ")
    )
}

/// Names the parts of a policy that this version does not carry out.
#[must_use]
pub fn not_carried_out(keys: &[String]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("this version does not carry out {} yet", keys.join(", "))
}

/// Says what became of a tag.
#[must_use]
pub fn outcome(outcome: &TagOutcome) -> &'static str {
    match outcome {
        TagOutcome::Planned => "planned",
        TagOutcome::Created => "created",
        TagOutcome::Moved { .. } => "moved",
        TagOutcome::Unchanged => "unchanged",
        TagOutcome::Stayed => "stayed",
    }
}
