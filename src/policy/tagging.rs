//! From an event to tags: which rows of the policy fit, which tags each gives, and why the others do not fit.

use std::collections::BTreeSet;

use semver::Version;

use super::{
    inversion::Role,
    metadata::{Facts, Given, Kind, Latest, MetadataError, Rule, Skipped, sanitised},
    rules::{Condition, OnEntry, Policy, Row, Sanitiser, TagRule},
    template::{Template, Variable},
};
use crate::{
    event::{Context, Subject},
    model::Tag,
};
use captures::{check_captures, check_pointers};
use fit::{Fit, Run, fit, subject_name};
use value::value;

pub use fit::describe;

mod captures;
mod fit;
mod value;

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
    /// Tags that another row calls a pointer, given by a rule of docker/metadata-action that does not.
    pub unguarded: Vec<Capture>,
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
    /// The tag that joins the row's tag and its siblings.
    pub index: Option<Tag>,
    /// Those of all these that a branch's or git tag's own name went into.
    pub named: BTreeSet<Tag>,
    /// A name that is no OCI tag: docker/metadata-action gives such names, and no registry takes them.
    pub outside: Option<String>,
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

    /// Returns all names of the row, whether or not they are tags.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tags().map(|(_, tag)| tag.as_str()).chain(self.outside.as_deref())
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
    /// The row of docker/metadata-action gives nothing.
    Metadata(Skipped),
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
    /// A rule of docker/metadata-action is wrong, or a value in it cannot be given.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
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

/// Plans the tags of an event.
///
/// # Errors
/// Every row's mistakes at once: values that are missing, and names that would become another row's pointer. Of
/// docker/metadata-action's rules the first mistake only, as there.
pub fn plan_tags(context: &Context, policy: &Policy, short_sha_length: usize) -> Result<TagPlan, Vec<TaggingError>> {
    let mut plan =
        TagPlan { rows: Vec::new(), skipped: Vec::new(), nothing: None, captures: Vec::new(), unguarded: Vec::new() };
    if let (Subject::Nothing(why), None) = (&context.subject, &policy.drop_in) {
        plan.nothing = Some(why.clone());
        return Ok(plan);
    }
    let facts = policy.drop_in.as_ref().map(|settings| Facts::of(context, settings));
    let run = Run { context, policy, facts: facts.as_ref(), short_sha_length };
    let mut errors = Vec::new();
    let mut first = None;
    for (index, rule) in policy.rules.iter().enumerate() {
        let fit = match fit(rule, &run, first.as_ref()).map_err(|error| vec![error.into()])? {
            Ok(fit) => fit,
            // Why there is no `latest` is only said to who asks for something of it.
            Err(_) if matches!(rule.on.as_slice(), [OnEntry { condition: Condition::Latest(flavor), .. }] if flavor.latest != Latest::Forward || first.is_none()) =>
            {
                continue;
            }
            Err(reasons) => {
                plan.skipped.push(Skip { row: rule.row.clone(), reasons });
                continue;
            }
        };
        let expanded = match rule.sanitiser {
            Sanitiser::Oci => expand(index, rule, &fit, &run),
            Sanitiser::Metadata => surround(index, &fit, &run).map_err(TaggingError::from),
        };
        match expanded {
            Ok(Expanded::Row(row)) => {
                plan.rows.push(row);
                if let (None, Some(given), Condition::Metadata(row)) = (&first, fit.given, fit.condition) {
                    first = Some((given, row));
                }
            }
            Ok(Expanded::NoValue(reason)) => {
                plan.skipped.push(Skip { row: rule.row.clone(), reasons: vec![reason] });
            }
            Err(error @ TaggingError::Metadata(_)) => return Err(vec![error]),
            Err(error) => errors.push(error),
        }
    }
    check_pointers(&mut plan, policy);
    errors.extend(check_captures(&mut plan, context, policy));
    if errors.is_empty() { Ok(plan) } else { Err(errors) }
}

/// The first rule of docker/metadata-action that gave a name: `latest` depends on it.
type First = (Given, Box<Rule>);

enum Expanded {
    Row(RowPlan),
    /// A name that this event does not have, where another event of the row would.
    NoValue(NoFit),
}

fn expand(index: usize, rule: &TagRule, fit: &Fit, run: &Run<'_>) -> Result<Expanded, TaggingError> {
    let mut missing_name = None;
    let mut named = BTreeSet::new();
    let mut fill = |templates: &[Template]| -> Result<Vec<Tag>, TaggingError> {
        let mut tags: Vec<Tag> = Vec::new();
        for template in templates {
            let missing = std::cell::Cell::new(false);
            let filled = template.expand(|variable| {
                value(variable, fit, run.context, run.short_sha_length).inspect_err(|_| {
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
    let joining = fill(rule.index.as_slice())?.pop();
    Ok(match missing_name {
        Some(reason) => Expanded::NoValue(reason),
        None => Expanded::Row(RowPlan {
            rule: index,
            condition: fit.condition.clone(),
            version: fit.version.clone(),
            tag,
            also,
            rolling,
            index: joining,
            named,
            outside: None,
        }),
    })
}

/// Makes a name of what a rule of docker/metadata-action gives.
fn surround(index: usize, fit: &Fit, run: &Run<'_>) -> Result<Expanded, MetadataError> {
    let (name, is_pointer, is_branch) = match (&fit.condition, &fit.given, run.facts) {
        (Condition::Metadata(row), Some(given), Some(facts)) => {
            let name = row.surround(&given.text, facts)?;
            let is_prerelease = given.version.as_ref().is_some_and(|version| !version.pre.is_empty());
            (name, row.extension.rolling && !is_prerelease, row.kind == Kind::RefBranch)
        }
        (Condition::Latest(flavor), Some(given), _) => {
            (sanitised(&given.text), flavor.latest == Latest::Forward, false)
        }
        _ => (String::new(), false, false),
    };
    if name.is_empty() {
        return Ok(Expanded::NoValue(NoFit::Metadata(Skipped::Empty)));
    }
    let mut row = RowPlan {
        rule: index,
        condition: fit.condition.clone(),
        version: fit.version.clone(),
        tag: Vec::new(),
        also: Vec::new(),
        rolling: Vec::new(),
        index: None,
        named: BTreeSet::new(),
        outside: None,
    };
    match name.parse::<Tag>() {
        Ok(tag) => {
            if is_branch {
                row.named.insert(tag.clone());
            }
            if is_pointer { &mut row.rolling } else { &mut row.tag }.push(tag);
        }
        Err(_) => row.outside = Some(name),
    }
    Ok(Expanded::Row(row))
}

/// Fills in a template of a row that fits as if the run were that of another commit.
#[must_use]
pub fn expand_for(template: &Template, row: &RowPlan, context: &Context, short_sha_length: usize) -> Option<Tag> {
    fill_in(template, row, context, short_sha_length).ok()
}

/// Fills in a template with the values of a row that fits.
///
/// # Errors
/// With the value that is missing, and why.
pub fn fill_in(template: &Template, row: &RowPlan, context: &Context, short_sha_length: usize) -> Result<Tag, String> {
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
    let fit = Fit { condition: row.condition.clone(), captures, version: row.version.clone(), given: None };
    template.expand(|variable| value(variable, &fit, context, short_sha_length))
}
