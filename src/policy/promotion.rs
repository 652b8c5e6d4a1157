//! Promotion: which tag of a registry is the image that a branch build of this commit left there.

use std::fmt;

use super::{
    inversion::{Inversion, Role},
    rules::{Condition, Policy, Row, TagRule},
    tagging::{self, RowPlan},
    template::{Template, TemplateError, Variable, sanitised_name},
};
use crate::{
    event::{Context, Subject},
    model::{CommitId, Tag},
};

/// Input `promote-from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromoteFrom {
    /// What the policy's `branch` rows say.
    Auto,
    /// The tag that this template gives.
    Template(Template),
}

impl std::str::FromStr for PromoteFrom {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            template => Template::parse(template).map(Self::Template),
        }
    }
}

/// A tag that may be the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: Tag,
    /// The row whose build it is; none where a template named it.
    pub row: Option<Row>,
}

/// What was looked for in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// No tag of the row holds the commit.
    NoTag {
        /// The row.
        row: Row,
        /// Its template.
        template: String,
        /// The commit.
        commit: CommitId,
    },
    /// A tag holds the commit, and a row for pull requests or merge groups may have made it.
    NotFromABranch {
        /// The tag.
        tag: Tag,
        /// That row.
        row: Row,
    },
    /// The tag does not exist.
    Absent {
        /// The tag.
        tag: Tag,
    },
    /// The tag is on a clean-up's placeholder.
    Placeholder {
        /// The tag.
        tag: Tag,
    },
    /// No row says which tag a branch build gets.
    NoRow,
    /// There is no commit to look for.
    NoCommit {
        /// Why.
        why: String,
    },
    /// The template gives no tag.
    NoValue {
        /// The template.
        template: String,
        /// Which value is missing, and why.
        problem: String,
    },
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTag { row, template, commit } => {
                write!(formatter, "{row}: no tag of `{template}` holds commit {}", commit.abbreviated(7))
            }
            Self::NotFromABranch { tag, row } => {
                write!(formatter, "`{tag}` may be the work of {row}, which is not built from a branch")
            }
            Self::Absent { tag } => write!(formatter, "there is no tag `{tag}`"),
            Self::Placeholder { tag } => write!(formatter, "`{tag}` is on a clean-up's placeholder"),
            Self::NoRow => formatter
                .write_str("no `branch` row of the policy has a template with `{{sha}}`, so no tag says its commit"),
            Self::NoCommit { why } => formatter.write_str(why),
            Self::NoValue { template, problem } => write!(formatter, "`{template}` gives no tag: {problem}"),
        }
    }
}

/// What to look up, in this order, and what there is no use in looking up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The tags that may be it.
    pub candidates: Vec<Candidate>,
    /// What was looked for in vain already.
    pub tried: Vec<Tried>,
}

/// What a search is for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Input `promote-from`.
    pub from: &'a PromoteFrom,
    /// The policy.
    pub policy: &'a Policy,
    /// The event.
    pub context: &'a Context,
    /// The rows that fit it.
    pub rows: &'a [RowPlan],
    /// The length of `{{sha}}`, in digits.
    pub short_sha_length: usize,
}

impl Wanted<'_> {
    /// Says which of an image's tags may be the one to promote.
    #[must_use]
    pub fn search(&self, tags: &[Tag]) -> Search {
        match self.from {
            PromoteFrom::Template(template) => self.by_template(template),
            PromoteFrom::Auto => match self.commit() {
                Ok(commit) => self.by_rows(commit, tags),
                Err(why) => Search { candidates: Vec::new(), tried: vec![Tried::NoCommit { why }] },
            },
        }
    }

    fn by_template(&self, template: &Template) -> Search {
        let mut search = Search::default();
        let mut problem = "no row fits this event".to_owned();
        for row in self.rows {
            match tagging::fill_in(template, row, self.context, self.short_sha_length) {
                Ok(tag) => {
                    search.candidates.push(Candidate { tag, row: None });
                    return search;
                }
                Err(missing) => problem = missing,
            }
        }
        search.tried.push(Tried::NoValue { template: template.as_str().to_owned(), problem });
        search
    }

    fn commit(&self) -> Result<&CommitId, String> {
        let Context { subject, built_elsewhere, sha, .. } = self.context;
        match subject {
            _ if *built_elsewhere => {
                Err("input `ref` says that something else was built than this run's commit".to_owned())
            }
            Subject::PullRequest(_) | Subject::MergeGroup => {
                Err(format!("the run is about {}, whose merge no branch has built", tagging::describe(subject)))
            }
            _ => sha.as_ref().ok_or_else(|| "neither GITHUB_SHA nor the payload names a commit".to_owned()),
        }
    }

    /// The tags of `branch` rows that hold the commit: rows in their order; of one row the default branch's first, then the
    /// newest.
    fn by_rows(&self, commit: &CommitId, tags: &[Tag]) -> Search {
        let mut search = Search::default();
        let has = |rule: &TagRule, wanted: fn(&Condition) -> bool| {
            rule.on.iter().any(|entry| !entry.negated && wanted(&entry.condition))
        };
        let is_branch = |condition: &Condition| matches!(condition, Condition::Branch(_));
        let is_merge = |condition: &Condition| matches!(condition, Condition::PullRequest | Condition::MergeGroup);
        let others: Vec<(&Row, Inversion)> = self
            .policy
            .rules
            .iter()
            .filter(|rule| has(rule, is_merge))
            .map(|rule| (&rule.row, Inversion::of(rule)))
            .collect();
        let default_branch = self.context.facts.default_branch.as_deref().map(sanitised_name);
        for rule in self.policy.rules.iter().filter(|rule| has(rule, is_branch)) {
            let inversion = Inversion::of(rule);
            for template in rule.tag.iter().chain(&rule.also).filter(|template| holds_commit(template)) {
                let mut found: Vec<(bool, usize, &Tag)> = Vec::new();
                let mut foreign = Vec::new();
                for (place, tag) in tags.iter().enumerate() {
                    let reading = inversion.readings(tag).into_iter().find(|reading| {
                        matches!(reading.role, Role::Tag | Role::Also) && reading.template == Some(template)
                    });
                    let Some(values) = reading.map(|reading| reading.values) else { continue };
                    if !values.commit.as_ref().is_some_and(|theirs| theirs.same_commit(commit)) {
                        continue;
                    }
                    match others.iter().find(|(_, other)| other.explain(tag).is_some()) {
                        Some((row, _)) => {
                            foreign.push(Tried::NotFromABranch { tag: tag.clone(), row: (*row).clone() });
                        }
                        None => found.push((values.branch == default_branch, place, tag)),
                    }
                }
                if found.is_empty() && foreign.is_empty() {
                    search.tried.push(Tried::NoTag {
                        row: rule.row.clone(),
                        template: template.as_str().to_owned(),
                        commit: commit.clone(),
                    });
                }
                search.tried.extend(foreign);
                found.sort_by_key(|(is_default, place, _)| std::cmp::Reverse((*is_default, *place)));
                let row = Some(rule.row.clone());
                search
                    .candidates
                    .extend(found.into_iter().map(|(_, _, tag)| Candidate { tag: tag.clone(), row: row.clone() }));
            }
        }
        if search.candidates.is_empty() && search.tried.is_empty() {
            search.tried.push(Tried::NoRow);
        }
        search
    }
}

fn holds_commit(template: &Template) -> bool {
    template.variables().any(|(variable, _)| matches!(variable, Variable::Sha | Variable::ShaFull))
}

/// Returns the tags that an image is promoted to although their age could not be known later: `tag`s of a row with a finite
/// life that only a git tag's own date could tell.
#[must_use]
pub fn undated<'a>(policy: &Policy, rows: &'a [RowPlan]) -> Vec<(&'a RowPlan, &'a Tag)> {
    rows.iter()
        .filter(|row| {
            let keep = &policy.rules[row.rule].keep;
            let ages = keep.duration.is_some() || keep.last.is_some();
            !keep.forever
                && ages
                && matches!(row.condition, Condition::Release(_) | Condition::Prerelease(_) | Condition::Tag(_))
                && !policy.rules[row.rule]
                    .tag
                    .iter()
                    .any(|template| template.variables().any(|(variable, _)| matches!(variable, Variable::Date(_))))
        })
        .filter_map(|row| Some((row, row.tag.first()?)))
        .collect()
}
