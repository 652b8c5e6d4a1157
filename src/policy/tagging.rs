//! From an event to tags: which rows of the policy fit, which tags each gives, and why the others do not fit.

use std::collections::BTreeSet;

use chrono::Datelike as _;
use semver::Version;

use super::{
    inversion::{Inversion, Role},
    rules::{Condition, Policy, Row, TagRule},
    template::{Template, Variable},
};
use crate::{
    event::{Context, EventKind, Subject},
    model::Tag,
};

/// The tags that an event gives.
#[derive(Clone, Debug)]
#[must_use = "a plan does nothing until it is published or shown"]
pub struct TagPlan {
    /// The rows that fit, in the order that the policy tries them.
    pub rows: Vec<RowPlan>,
    /// The rows that do not fit.
    pub skipped: Vec<Skip>,
    /// Why no tag is no mistake, where the event published nothing.
    pub nothing: Option<String>,
    /// Tags made from a name that another row's immutable template explains: an error if they exist.
    pub captures: Vec<Capture>,
}

/// The tags of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPlan {
    /// The row's place in [`Policy::rules`].
    pub rule: usize,
    /// The entry of `on` that fits.
    pub condition: Condition,
    /// The version, on `release` and `prerelease` rows.
    pub version: Option<Version>,
    /// The names that `keep` is about.
    pub tag: Vec<Tag>,
    /// Further names.
    pub also: Vec<Tag>,
    /// Pointers.
    pub rolling: Vec<Tag>,
    /// Those of all these that a branch's or git tag's own name went into.
    pub named: BTreeSet<Tag>,
}

impl RowPlan {
    /// Returns all tags of the row with the part they play, in the order of the policy.
    pub fn tags(&self) -> impl Iterator<Item = (Role, &Tag)> {
        self.tag
            .iter()
            .map(|tag| (Role::Tag, tag))
            .chain(self.also.iter().map(|tag| (Role::Also, tag)))
            .chain(self.rolling.iter().map(|tag| (Role::Rolling, tag)))
    }
}

/// A row that does not fit, with a reason for each of its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The row.
    pub row: Row,
    /// Why each entry that could have fitted does not, or why the row as a whole does not.
    pub reasons: Vec<NoFit>,
}

/// Why an entry of `on` does not fit an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoFit {
    /// Events of this kind never fit such an entry.
    NeverFits {
        /// The event's name.
        event: String,
        /// The entry.
        condition: Condition,
    },
    /// The policy has a row for such events alone.
    OwnRows {
        /// The event's name.
        event: String,
        /// `schedule` or `dispatch`.
        kind: &'static str,
    },
    /// Only `pull request` rows fit a run that a pull request or another repository triggered.
    OnlyPullRequests,
    /// The entry is about branches (or tags) and the run is about something else.
    OtherSubject {
        /// What the entry is about: `branch` or `git tag`.
        wanted: &'static str,
        /// What the run is about.
        found: String,
    },
    /// The pattern does not fit the name.
    NameDiffers {
        /// The entry.
        condition: Condition,
        /// The name.
        name: String,
    },
    /// Another entry takes the name away.
    TakenAway {
        /// That entry, without its `!`.
        condition: Condition,
        /// The name.
        name: String,
    },
    /// The git tag is no version.
    NotSemVer {
        /// The part that should be one.
        text: String,
    },
    /// The version has (or lacks) a pre-release part.
    OtherRelease {
        /// The version.
        version: Version,
    },
    /// The payload names no pull request.
    NoNumber,
    /// The row has only `match`: it retires tags and creates none.
    RetentionOnly,
    /// A value of a template is missing.
    NoValue {
        /// The template.
        template: String,
        /// Which value and why.
        problem: String,
    },
}

/// A tag made from a branch's or git tag's name that exists under another row's immutable template, if it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The tag.
    pub tag: Tag,
    /// The row that would write it.
    pub row: Row,
    /// The row that it belongs to.
    pub owner: Row,
}

/// Why an event's tags cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaggingError {
    /// A value cannot be given.
    #[error("{row}: the template `{template}` cannot be filled in: {problem}")]
    NoValue {
        /// The row.
        row: Row,
        /// The template.
        template: String,
        /// Which value and why.
        problem: String,
    },
    /// A name would become another row's pointer.
    #[error(
        "{row} would give this image the tag `{tag}`, made from the name `{name}`, but `{tag}` is a rolling tag of {owner}"
    )]
    CapturesPointer {
        /// The tag.
        tag: Tag,
        /// The branch's or git tag's name.
        name: String,
        /// The row that would write it.
        row: Row,
        /// The row whose pointer it is.
        owner: Row,
    },
    /// The tag is the place of another image's signatures.
    #[error(
        "{row}: the template `{template}` gives `{tag}`, and tags of this form hold the signatures of the image that they name"
    )]
    ReferrersTag {
        /// The row.
        row: Row,
        /// The template.
        template: String,
        /// The tag.
        tag: Tag,
    },
}

/// What the names of a fitting entry are.
struct Fit {
    condition: Condition,
    captures: Vec<String>,
    version: Option<Version>,
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

/// Plans the tags of an event.
///
/// # Errors
/// Every row's mistakes at once: values that are missing, and names that would become another row's pointer.
pub fn plan_tags(context: &Context, policy: &Policy, short_sha_length: usize) -> Result<TagPlan, Vec<TaggingError>> {
    let mut plan = TagPlan { rows: Vec::new(), skipped: Vec::new(), nothing: None, captures: Vec::new() };
    if let Subject::Nothing(why) = &context.subject {
        plan.nothing = Some(why.clone());
        return Ok(plan);
    }
    let mut errors = Vec::new();
    let mut order: Vec<usize> = (0..policy.rules.len()).collect();
    order.sort_by(|a, b| policy.rules[*b].priority.total_cmp(&policy.rules[*a].priority));
    for index in order {
        let rule = &policy.rules[index];
        match fit(rule, context, policy) {
            Err(reasons) => plan.skipped.push(Skip { row: rule.row.clone(), reasons }),
            Ok(fit) => match expand(index, rule, &fit, context, short_sha_length) {
                Ok(Expanded::Row(row)) => plan.rows.push(row),
                Ok(Expanded::NoValue(reason)) => {
                    plan.skipped.push(Skip { row: rule.row.clone(), reasons: vec![reason] });
                }
                Err(error) => errors.push(error),
            },
        }
    }
    errors.extend(check_captures(&mut plan, context, policy));
    if errors.is_empty() { Ok(plan) } else { Err(errors) }
}

fn fit(rule: &TagRule, context: &Context, policy: &Policy) -> Result<Fit, Vec<NoFit>> {
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
    let plain = || Fit { condition: condition.clone(), captures: Vec::new(), version: None };
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
            Ok(Fit { condition: condition.clone(), captures, version })
        }
        Condition::Release(None) | Condition::Prerelease(None) => {
            let version = released(git_tag(&context.subject)?, condition)?;
            Ok(Fit { version: Some(version), ..plain() })
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

fn subject_name(subject: &Subject) -> Option<String> {
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
        Subject::Branch(name) => format!("the branch `{name}`"),
        Subject::Tag(name) => format!("the git tag `{name}`"),
        Subject::PullRequest(Some(number)) => format!("pull request {number}"),
        Subject::PullRequest(None) => "a pull request without a number".to_owned(),
        Subject::MergeGroup => "a merge group".to_owned(),
        Subject::Unresolved(name) => format!("`{name}`, which may be a branch or a git tag"),
        Subject::Commit(commit) => format!("the commit `{commit}`"),
        Subject::Nothing(why) => why.clone(),
        Subject::Unknown => "no branch and no git tag".to_owned(),
    }
}

enum Expanded {
    Row(RowPlan),
    /// A name that this event does not have, where another event of the row would.
    NoValue(NoFit),
}

fn expand(
    index: usize,
    rule: &TagRule,
    fit: &Fit,
    context: &Context,
    short_sha_length: usize,
) -> Result<Expanded, TaggingError> {
    let mut missing_name = None;
    let mut named = BTreeSet::new();
    let mut fill = |templates: &[Template]| -> Result<Vec<Tag>, TaggingError> {
        let mut tags: Vec<Tag> = Vec::new();
        for template in templates {
            let missing = std::cell::Cell::new(false);
            let filled = template.expand(|variable| {
                value(variable, fit, context, short_sha_length).inspect_err(|_| {
                    if matches!(variable, Variable::Branch(_) | Variable::GitTag(_) | Variable::BaseRef) {
                        missing.set(true);
                    }
                })
            });
            match filled {
                Ok(tag) if tag.is_referrers_tag() => {
                    return Err(TaggingError::ReferrersTag {
                        row: rule.row.clone(),
                        template: template.as_str().to_owned(),
                        tag,
                    });
                }
                Ok(tag) => {
                    if template.holds_a_name() {
                        named.insert(tag.clone());
                    }
                    if !tags.contains(&tag) {
                        tags.push(tag);
                    }
                }
                Err(problem) if missing.get() => {
                    missing_name = Some(NoFit::NoValue { template: template.as_str().to_owned(), problem });
                }
                Err(problem) => {
                    return Err(TaggingError::NoValue {
                        row: rule.row.clone(),
                        template: template.as_str().to_owned(),
                        problem,
                    });
                }
            }
        }
        Ok(tags)
    };
    let (tag, also, rolling) = (fill(&rule.tag)?, fill(&rule.also)?, fill(&rule.rolling)?);
    Ok(match missing_name {
        Some(reason) => Expanded::NoValue(reason),
        None => Expanded::Row(RowPlan {
            rule: index,
            condition: fit.condition.clone(),
            version: fit.version.clone(),
            tag,
            also,
            rolling,
            named,
        }),
    })
}

/// Fills in a template of a row that fits as if the run were that of another commit.
#[must_use]
pub fn expand_for(template: &Template, row: &RowPlan, context: &Context, short_sha_length: usize) -> Option<Tag> {
    let captures = match (&row.condition, subject_name(&context.subject)) {
        (
            Condition::Branch(glob)
            | Condition::Tag(glob)
            | Condition::Release(Some(glob))
            | Condition::Prerelease(Some(glob)),
            Some(name),
        ) => glob.captures(&name).unwrap_or_default(),
        _ => Vec::new(),
    };
    let fit = Fit { condition: row.condition.clone(), captures, version: row.version.clone() };
    template.expand(|variable| value(variable, &fit, context, short_sha_length)).ok()
}

fn value(variable: &Variable, fit: &Fit, context: &Context, short_sha_length: usize) -> Result<String, String> {
    let missing = |why: &str| format!("`{{{{{variable}}}}}` has no value: {why}");
    let sha = || {
        if context.built_elsewhere {
            return Err(missing("input `ref` says that something else was built than this run's commit"));
        }
        context.sha.clone().ok_or_else(|| missing("neither GITHUB_SHA nor the payload names a commit"))
    };
    let version = || fit.version.as_ref().ok_or_else(|| missing("the event names no version"));
    let group = |number: usize| {
        fit.captures
            .get(number - 1)
            .cloned()
            .ok_or_else(|| missing(&format!("`{}` has no wildcard number {number}", fit.condition)))
    };
    Ok(match variable {
        Variable::Branch(None) => match &context.subject {
            Subject::Branch(name) => name.clone(),
            other => return Err(missing(&format!("the run is about {}", describe(other)))),
        },
        Variable::GitTag(None) => match &context.subject {
            Subject::Tag(name) => name.clone(),
            other => return Err(missing(&format!("the run is about {}", describe(other)))),
        },
        Variable::Branch(Some(number)) | Variable::GitTag(Some(number)) => group(*number)?,
        Variable::Number => match context.subject {
            Subject::PullRequest(Some(number)) => number.to_string(),
            _ => return Err(missing("the run is about no pull request")),
        },
        Variable::Sha => sha()?.abbreviated(short_sha_length).to_owned(),
        Variable::ShaFull => match sha()? {
            full if full.is_full() => full.as_str().to_owned(),
            short => return Err(missing(&format!("only `{short}` of the commit is known"))),
        },
        Variable::Version => version()?.to_string(),
        Variable::Major => version()?.major.to_string(),
        Variable::Minor => version()?.minor.to_string(),
        Variable::Patch => version()?.patch.to_string(),
        Variable::Prerelease => version()?.pre.to_string(),
        Variable::BaseRef => context.base_ref.clone().ok_or_else(|| missing("the event names no base branch"))?,
        Variable::Date(format) => {
            year_is_usual(context.now.year()).map_err(missing)?;
            format.show(&context.now)
        }
        Variable::CommitDate(format) => {
            if context.built_elsewhere {
                sha()?;
            }
            let date = context.commit_date.ok_or_else(|| {
                missing("the payload does not say when the commit was made, and neither the clone nor the API could be asked")
            })?;
            year_is_usual(date.to_utc().year()).map_err(missing)?;
            format.show(&date)
        }
        Variable::RunNumber => context
            .run_number
            .map(|number| number.to_string())
            .ok_or_else(|| missing("GITHUB_RUN_NUMBER is not set"))?,
    })
}

/// Refuses times that formats show with a sign or with five digits: no tag could be read back.
fn year_is_usual(year: i32) -> Result<(), &'static str> {
    if (1970..=9998).contains(&year) { Ok(()) } else { Err("the time is before 1970 or after 9998") }
}

/// Finds tags made from a name that belong to another row.
fn check_captures(plan: &mut TagPlan, context: &Context, policy: &Policy) -> Vec<TaggingError> {
    let mut errors = Vec::new();
    // A merge group has no name of its own, but `{{base_ref}}` gives it one.
    let Some(name) = subject_name(&context.subject).or_else(|| context.base_ref.clone()) else { return errors };
    let mut inversions: Vec<Option<Inversion>> = policy.rules.iter().map(|_| None).collect();
    for row in &plan.rows {
        let rule = &policy.rules[row.rule];
        for tag in &row.named {
            for (other_index, other) in policy.rules.iter().enumerate() {
                if other_index == row.rule {
                    continue;
                }
                let inversion = inversions[other_index].get_or_insert_with(|| Inversion::of(other));
                let own = plan.rows.iter().find(|planned| planned.rule == other_index);
                let points = inversion.explain_as(Role::Rolling, tag).is_some()
                    && !own.is_some_and(|own| own.rolling.contains(tag));
                if points {
                    errors.push(TaggingError::CapturesPointer {
                        tag: tag.clone(),
                        name: name.clone(),
                        row: rule.row.clone(),
                        owner: other.row.clone(),
                    });
                } else if other.immutable != super::rules::Immutable::No
                    && inversion.explain_as(Role::Tag, tag).is_some()
                    && !own.is_some_and(|own| own.tag.contains(tag))
                {
                    plan.captures.push(Capture { tag: tag.clone(), row: rule.row.clone(), owner: other.row.clone() });
                }
            }
        }
    }
    errors
}
