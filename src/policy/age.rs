//! How old a tag is. GHCR changes no date when a digest is pushed or tagged again, so a promoted or reproduced image would
//! be older than its tag: the age counts from the newest thing that the tag names.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use semver::Version;

use super::{
    inversion::Reading,
    rules::{Condition, TagRule},
    template::{Template, Variable, sanitise},
};
use crate::model::{
    Asked, CommitId, Evidence, Tag,
    evidence::{Commits, GitTag},
};

/// What a tag's age counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgeSource {
    /// When GHCR first saw the version.
    Version,
    /// The date in the tag's name.
    Date,
    /// The commit that the tag names.
    Commit,
    /// The annotated git tag that it names.
    GitTag,
    /// The release that it names.
    Release,
}

/// The beginning of a tag's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    /// When it began.
    pub since: DateTime<Utc>,
    /// What says so.
    pub source: AgeSource,
}

/// Whether the release that a tag names is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseEvidence {
    /// There is none to ask for, or it is known and counted.
    Settled,
    /// The releases are not known.
    NoReleases,
    /// No release has the name; the git tags are not known.
    NoGitTags,
    /// The date of this annotated git tag is not known.
    NoDate(String),
    /// The tag was cut, so that the name in it cannot be told.
    Illegible,
}

/// What one row can learn of the age of its tags.
#[derive(Debug)]
pub struct RowEvidence<'a> {
    is_on_branches: bool,
    names_git_tags: bool,
    commits: Option<&'a Commits>,
    releases: Option<Named<DateTime<Utc>>>,
    git_tags: Option<Named<(&'a str, &'a GitTag)>>,
}

/// Things by the versions and names that a row reads in their git tag.
#[derive(Debug)]
struct Named<T> {
    versions: HashMap<Version, T>,
    names: HashMap<String, T>,
}

impl<T: Clone> Named<T> {
    fn of<'a>(rule: &TagRule, tags: impl Iterator<Item = (&'a str, T)>, newer: impl Fn(&T, &T) -> bool) -> Self {
        let mut named = Self { versions: HashMap::new(), names: HashMap::new() };
        let replaces = |there: Option<&T>, fact: &T| there.is_none_or(|there| newer(fact, there));
        for (name, fact) in tags {
            let (versions, names) = read_git_tag(rule, name);
            for version in versions {
                if replaces(named.versions.get(&version), &fact) {
                    named.versions.insert(version, fact.clone());
                }
            }
            for name in names {
                if replaces(named.names.get(&name), &fact) {
                    named.names.insert(name, fact.clone());
                }
            }
        }
        named
    }

    fn find(&self, reading: &Reading<'_>) -> Option<&T> {
        let version = reading.values.version.as_ref().and_then(|version| self.versions.get(version));
        version.or_else(|| self.names.get(reading.values.git_tag.as_deref()?))
    }
}

/// Reads a git tag's name as a row does: its versions, and the texts that it may leave in an image tag.
fn read_git_tag(rule: &TagRule, name: &str) -> (Vec<Version>, Vec<String>) {
    let (mut versions, mut names) = (Vec::new(), Vec::new());
    for entry in rule.on.iter().filter(|entry| !entry.negated) {
        let (glob, is_version) = match &entry.condition {
            Condition::Release(glob) | Condition::Prerelease(glob) => (glob.as_ref(), true),
            Condition::Tag(glob) => (Some(glob), false),
            Condition::Branch(_)
            | Condition::PullRequest
            | Condition::Schedule
            | Condition::Dispatch
            | Condition::MergeGroup
            | Condition::Metadata(_)
            | Condition::Latest(_) => continue,
        };
        let captures = match glob.map(|glob| glob.captures(name)) {
            None => Vec::new(),
            Some(Some(captures)) => captures,
            Some(None) => continue,
        };
        if is_version {
            let text = captures.first().map_or(name, String::as_str);
            if let Ok(mut version) = Version::parse(text.strip_prefix('v').unwrap_or(text)) {
                version.build = semver::BuildMetadata::EMPTY;
                versions.push(version);
            }
        }
        for text in captures.iter().map(String::as_str).chain([name]) {
            names.extend([sanitise(text, true), sanitise(text, false)]);
        }
    }
    (versions, names)
}

/// Tells whether a template shows the whole git tag or version.
fn names_git_tag(template: &Template) -> bool {
    template.variables().any(|(variable, _)| matches!(variable, Variable::Version | Variable::GitTag(_)))
}

impl<'a> RowEvidence<'a> {
    /// Looks at the evidence as a row does.
    #[must_use]
    pub fn of(rule: &TagRule, evidence: &'a Evidence) -> Self {
        let on = |fits: fn(&Condition) -> bool| rule.on.iter().any(|entry| !entry.negated && fits(&entry.condition));
        let is_on_branches = on(|condition| matches!(condition, Condition::Branch(_)));
        let is_on_tags =
            on(|condition| matches!(condition, Condition::Release(_) | Condition::Prerelease(_) | Condition::Tag(_)));
        let mut templates = rule.tag.iter().chain(&rule.also).chain(&rule.index);
        let names_git_tags = is_on_tags && templates.any(names_git_tag);
        let releases =
            evidence.releases.known().filter(|_| names_git_tags).map(|releases| {
                Named::of(rule, releases.iter().map(|(name, date)| (name.as_str(), *date)), |a, b| a > b)
            });
        let git_tags = evidence.git_tags.known().filter(|_| names_git_tags).map(|tags| {
            Named::of(rule, tags.iter().map(|(name, tag)| (name.as_str(), (name.as_str(), tag))), |a, b| {
                tells_more(a.1, b.1)
            })
        });
        let commits = evidence.commits.get(&rule.row.number).and_then(Asked::known);
        Self { is_on_branches, names_git_tags, commits, releases, git_tags }
    }

    /// Tells whether the commit that the tag names counts.
    #[must_use]
    pub fn asks_for_commit(&self, reading: &Reading<'_>) -> bool {
        self.is_on_branches && reading.values.commit.is_some()
    }

    /// Returns the beginning of a tag's age as this reading has it, and what is not known of it.
    #[must_use]
    pub fn age(&self, created_at: DateTime<Utc>, tag: &Tag, reading: &Reading<'_>) -> (Age, ReleaseEvidence) {
        let mut age = Age { since: created_at, source: AgeSource::Version };
        let mut consider = |since: DateTime<Utc>, source| {
            if since > age.since {
                age = Age { since, source };
            }
        };
        if let Some(date) = reading.values.date {
            consider(date, AgeSource::Date);
        }
        if self.asks_for_commit(reading)
            && let (Some(commit), Some(commits)) = (&reading.values.commit, self.commits)
            && let Some(date) = commit_date(&commits.dates, commit)
        {
            consider(date, AgeSource::Commit);
        }
        if !(self.names_git_tags && reading.template.is_some_and(names_git_tag)) {
            return (age, ReleaseEvidence::Settled);
        }
        let Some(releases) = &self.releases else { return (age, ReleaseEvidence::NoReleases) };
        if let Some(published) = releases.find(reading) {
            consider(*published, AgeSource::Release);
            return (age, ReleaseEvidence::Settled);
        }
        if reading.may_be_cut(tag) {
            return (age, ReleaseEvidence::Illegible);
        }
        let Some(git_tags) = &self.git_tags else { return (age, ReleaseEvidence::NoGitTags) };
        let missing = match git_tags.find(reading) {
            None | Some((_, GitTag::Lightweight)) => ReleaseEvidence::Settled,
            Some((_, GitTag::Annotated(Asked::Known(date)))) => {
                consider(*date, AgeSource::GitTag);
                ReleaseEvidence::Settled
            }
            Some((name, GitTag::Annotated(Asked::NotAsked | Asked::Unreadable { .. }))) => {
                ReleaseEvidence::NoDate((*name).to_owned())
            }
        };
        (age, missing)
    }
}

/// Of two git tags that a row reads alike, the one that keeps longer decides: an unknown date, then the newer one.
fn tells_more(one: &GitTag, other: &GitTag) -> bool {
    let rank = |tag: &GitTag| match tag {
        GitTag::Lightweight => (0, None),
        GitTag::Annotated(Asked::Known(date)) => (1, Some(*date)),
        GitTag::Annotated(Asked::NotAsked | Asked::Unreadable { .. }) => (2, None),
    };
    rank(one) > rank(other)
}

/// Returns the date of the newest commit that an id, perhaps abbreviated, may name.
fn commit_date(dates: &BTreeMap<CommitId, DateTime<Utc>>, commit: &CommitId) -> Option<DateTime<Utc>> {
    let named = dates.range(commit..).take_while(|(full, _)| full.as_str().starts_with(commit.as_str()));
    named.map(|(_, date)| *date).max()
}
