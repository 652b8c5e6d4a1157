//! Which entry of `on` an event fits: the table of the policy language, and the names that patterns match.

use semver::Version;

use super::{First, NoFit};
use crate::{
    event::{Context, EventKind, Subject},
    policy::{
        metadata::{self, Facts, Given, MetadataError},
        rules::{Condition, Policy, TagRule},
    },
};

/// What rows are tried on.
pub(super) struct Run<'a> {
    pub(super) context: &'a Context,
    pub(super) policy: &'a Policy,
    /// The same as docker/metadata-action sees it, where the rules are its.
    pub(super) facts: Option<&'a Facts>,
    pub(super) short_sha_length: usize,
}

/// What the names of a fitting entry are.
pub(super) struct Fit {
    pub(super) condition: Condition,
    pub(super) captures: Vec<String>,
    pub(super) version: Option<Version>,
    /// What a rule of docker/metadata-action gives.
    pub(super) given: Option<Given>,
}

/// The kinds of row that an event may fit: this is the table of the policy language.
///
/// | event | release, prerelease, tag, branch | pull request | schedule | dispatch | merge group |
/// |---|---|---|---|---|---|
/// | `push`, `create`, `release` | by ref | | | | |
/// | `schedule` | by ref, unless the policy has such a row | | yes | | |
/// | `workflow_dispatch`, `repository_dispatch` | by ref, unless the policy has such a row | | | yes | |
/// | `pull_request`, `pull_request_target` | | yes | | | |
/// | `merge_group` | | | | | yes |
/// | `delete`, any other | | | | | |
const fn may_fit(event: &EventKind, condition: &Condition) -> bool {
    let by_ref = matches!(
        condition,
        Condition::Release(_) | Condition::Prerelease(_) | Condition::Tag(_) | Condition::Branch(_)
    );
    match event {
        EventKind::Push | EventKind::Create | EventKind::Release => by_ref,
        EventKind::Schedule => by_ref || matches!(condition, Condition::Schedule),
        EventKind::WorkflowDispatch | EventKind::RepositoryDispatch => {
            by_ref || matches!(condition, Condition::Dispatch)
        }
        EventKind::PullRequest | EventKind::PullRequestTarget => matches!(condition, Condition::PullRequest),
        EventKind::MergeGroup => matches!(condition, Condition::MergeGroup),
        EventKind::Delete | EventKind::Other(_) => false,
    }
}

/// Tries a row.
///
/// # Errors
/// If the row is one of docker/metadata-action's and cannot be understood.
pub(super) fn fit(
    rule: &TagRule,
    run: &Run<'_>,
    first: Option<&First>,
) -> Result<Result<Fit, Vec<NoFit>>, MetadataError> {
    let applied = match (rule.on.first().map(|entry| &entry.condition), run.facts) {
        (Some(Condition::Metadata(row)), Some(facts)) => metadata::apply(row, facts)?,
        (Some(Condition::Latest(flavor)), _) => {
            metadata::apply_latest(flavor, first.map(|(given, row)| (given, row.as_ref())))
        }
        _ => return Ok(fit_entries(rule, run.context, run.policy)),
    };
    Ok(match applied {
        Ok(given) => Ok(Fit {
            condition: rule.on[0].condition.clone(),
            captures: Vec::new(),
            version: given.version.clone(),
            given: Some(given),
        }),
        Err(reason) => Err(vec![NoFit::Metadata(reason)]),
    })
}

fn fit_entries(rule: &TagRule, context: &Context, policy: &Policy) -> Result<Fit, Vec<NoFit>> {
    if rule.on.is_empty() {
        return Err(vec![NoFit::RetentionOnly]);
    }
    let mut reasons: Vec<NoFit> = Vec::new();
    for entry in rule.on.iter().filter(|entry| !entry.negated) {
        let reason = match fit_condition(&entry.condition, context, policy) {
            Err(reason) => reason,
            Ok(fit) => {
                let away = rule
                    .on
                    .iter()
                    .find(|other| other.negated && fit_condition(&other.condition, context, policy).is_ok());
                match away {
                    None => return Ok(fit),
                    Some(away) => NoFit::TakenAway {
                        condition: away.condition.clone(),
                        name: subject_name(&context.subject).unwrap_or_default(),
                    },
                }
            }
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Err(reasons)
}

fn fit_condition(condition: &Condition, context: &Context, policy: &Policy) -> Result<Fit, NoFit> {
    let event = || context.event_name.clone();
    if context.only_pull_requests && *condition != Condition::PullRequest {
        return Err(NoFit::OnlyPullRequests);
    }
    if !context.only_pull_requests && !may_fit(&context.event, condition) {
        return Err(NoFit::NeverFits { event: event(), condition: condition.clone() });
    }
    if let Some((own, kind)) = own_rows(&context.event)
        && *condition != own
        && policy.rules.iter().flat_map(|rule| &rule.on).any(|entry| !entry.negated && entry.condition == own)
    {
        return Err(NoFit::OwnRows { event: event(), kind });
    }
    let plain = || Fit { condition: condition.clone(), captures: Vec::new(), version: None, given: None };
    match condition {
        Condition::Schedule | Condition::Dispatch | Condition::MergeGroup => Ok(plain()),
        Condition::PullRequest => match context.subject {
            Subject::PullRequest(Some(_)) => Ok(plain()),
            _ => Err(NoFit::NoNumber),
        },
        Condition::Branch(glob) => match &context.subject {
            Subject::Branch(name) => match glob.captures(name) {
                Some(captures) => Ok(Fit { captures, ..plain() }),
                None => Err(NoFit::NameDiffers { condition: condition.clone(), name: name.clone() }),
            },
            other => Err(NoFit::OtherSubject { wanted: "branch", found: describe(other) }),
        },
        Condition::Tag(glob) | Condition::Release(Some(glob)) | Condition::Prerelease(Some(glob)) => {
            let name = git_tag(&context.subject)?;
            let captures = glob
                .captures(name)
                .ok_or_else(|| NoFit::NameDiffers { condition: condition.clone(), name: name.to_owned() })?;
            let version = match condition {
                Condition::Tag(_) => None,
                _ => Some(released(captures.first().map_or("", String::as_str), condition)?),
            };
            Ok(Fit { captures, version, ..plain() })
        }
        Condition::Release(None) | Condition::Prerelease(None) => {
            let version = released(git_tag(&context.subject)?, condition)?;
            Ok(Fit { version: Some(version), ..plain() })
        }
        // These are tried by what they say, not by the event's kind.
        Condition::Metadata(_) | Condition::Latest(_) => {
            Err(NoFit::NeverFits { event: event(), condition: condition.clone() })
        }
    }
}

/// The condition that an event fits alone where the policy has it, with its word.
const fn own_rows(event: &EventKind) -> Option<(Condition, &'static str)> {
    match event {
        EventKind::Schedule => Some((Condition::Schedule, "schedule")),
        EventKind::WorkflowDispatch | EventKind::RepositoryDispatch => Some((Condition::Dispatch, "dispatch")),
        _ => None,
    }
}

fn git_tag(subject: &Subject) -> Result<&str, NoFit> {
    match subject {
        Subject::Tag(name) => Ok(name),
        other => Err(NoFit::OtherSubject { wanted: "git tag", found: describe(other) }),
    }
}

/// Reads the version of a release's tag, without build metadata; a leading `v` is accepted.
fn released(text: &str, condition: &Condition) -> Result<Version, NoFit> {
    let mut version = Version::parse(text.strip_prefix('v').unwrap_or(text))
        .map_err(|_| NoFit::NotSemVer { text: text.to_owned() })?;
    version.build = semver::BuildMetadata::EMPTY;
    if version.pre.is_empty() == matches!(condition, Condition::Release(_)) {
        Ok(version)
    } else {
        Err(NoFit::OtherRelease { version })
    }
}

pub(super) fn subject_name(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Branch(name) | Subject::Tag(name) | Subject::Unresolved(name) => Some(name.clone()),
        Subject::PullRequest(number) => number.map(|number| number.to_string()),
        Subject::Commit(commit) => Some(commit.clone()),
        Subject::MergeGroup | Subject::Nothing(_) | Subject::Unknown => None,
    }
}

/// Says what a run is about, with the article.
#[must_use]
pub fn describe(subject: &Subject) -> String {
    match subject {
        Subject::Branch(name) => format!("the branch `{}`", unquoted(name)),
        Subject::Tag(name) => format!("the git tag `{}`", unquoted(name)),
        Subject::PullRequest(Some(number)) => format!("pull request {number}"),
        Subject::PullRequest(None) => "a pull request without a number".to_owned(),
        Subject::MergeGroup => "a merge group".to_owned(),
        Subject::Unresolved(name) => format!("`{}`, which may be a branch or a git tag", unquoted(name)),
        Subject::Commit(commit) => format!("the commit `{commit}`"),
        Subject::Nothing(why) => why.clone(),
        Subject::Unknown => "no branch and no git tag".to_owned(),
    }
}

/// A name that can stand between backticks.
fn unquoted(name: &str) -> String {
    name.replace('`', "'")
}
