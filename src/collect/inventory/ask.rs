//! Answers what a plan asks for. What cannot be known is noted as such, with the permission that is missing: it keeps what
//! depends on it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    model::{
        Asked, CommitId, Inventory, RepositoryName,
        evidence::{Commits, GitTag},
        inventory::DeletedVersion,
        untrusted::shown,
    },
    policy::{
        retention::Question,
        rules::{Condition, Policy, TagRule},
    },
    ports::{GitTagObject, PackagesReader, PortError, PortErrorKind, RepositoryReader},
};

/// How many git tags are asked for at once.
const AT_ONCE: usize = 10;

/// Who answers, and what was answered that an inventory does not hold.
pub(super) struct Asker<'a, P, S> {
    packages: &'a P,
    source: &'a S,
    repository: Option<&'a RepositoryName>,
    policy: &'a Policy,
    /// The branches with their tips.
    branches: Asked<BTreeMap<String, CommitId>>,
    /// The objects of annotated git tags.
    tag_objects: BTreeMap<String, CommitId>,
}

/// Says what an error means for the one thing that was asked.
fn problem(error: &PortError) -> String {
    match &error.hint {
        Some(hint) => format!("{}; {hint}", shown(&error.to_string())),
        None => shown(&error.to_string()),
    }
}

/// Takes an answer as known or not.
///
/// # Errors
/// If a limit of requests is spent: then nothing else can be asked either, whatever the token may do.
pub(super) fn known<T>(answer: Result<T, PortError>) -> Result<Asked<T>, PortError> {
    match answer {
        Ok(fact) => Ok(Asked::Known(fact)),
        Err(error) if error.kind == PortErrorKind::RateLimited => Err(error),
        Err(error) => Ok(Asked::Unreadable { problem: problem(&error) }),
    }
}

fn map<T, U>(asked: Asked<T>, change: impl FnOnce(T) -> U) -> Asked<U> {
    match asked {
        Asked::NotAsked => Asked::NotAsked,
        Asked::Unreadable { problem } => Asked::Unreadable { problem },
        Asked::Known(fact) => Asked::Known(change(fact)),
    }
}

impl<'a, P: PackagesReader, S: RepositoryReader> Asker<'a, P, S> {
    pub(super) fn new(
        packages: &'a P,
        source: &'a S,
        repository: Option<&'a RepositoryName>,
        policy: &'a Policy,
    ) -> Self {
        Self { packages, source, repository, policy, branches: Asked::NotAsked, tag_objects: BTreeMap::new() }
    }

    /// Answers questions: whatever comes back, none of them is open afterwards.
    ///
    /// # Errors
    /// If a limit of requests is spent.
    pub(super) async fn answer(
        &mut self,
        inventory: &mut Inventory,
        questions: &BTreeSet<Question>,
    ) -> Result<(), PortError> {
        let mut dates = Vec::new();
        for question in questions {
            match question {
                Question::PullRequests => inventory.pull_requests = self.pull_requests().await?,
                Question::Branches => {
                    self.find_branches().await?;
                    inventory.branches = map(self.branches.clone(), |branches| branches.into_keys().collect());
                }
                Question::Releases => inventory.evidence.releases = self.releases().await?,
                Question::GitTags => inventory.evidence.git_tags = self.git_tags().await?,
                Question::GitTagDate { name } => dates.push(name.clone()),
                Question::Commits { row, since } => {
                    let commits = self.commits(*row, *since).await?;
                    inventory.evidence.commits.insert(*row, commits);
                }
                Question::DeletedVersions => {
                    let deleted = known(self.packages.deleted_versions(&inventory.image).await)?;
                    let short = |version: crate::ports::ListedVersion| DeletedVersion {
                        id: version.id,
                        digest: version.digest,
                    };
                    inventory.deleted = map(deleted, |versions| versions.into_iter().map(short).collect());
                }
            }
        }
        self.find_dates(inventory, dates).await
    }

    fn nobody<T>() -> Asked<T> {
        let problem = "the package is linked to no source repository, and the policy names none";
        Asked::Unreadable { problem: problem.to_owned() }
    }

    async fn pull_requests(&self) -> Result<Asked<BTreeSet<u64>>, PortError> {
        match self.repository {
            Some(repository) => known(self.source.open_pull_requests(repository).await),
            None => Ok(Self::nobody()),
        }
    }

    async fn releases(&self) -> Result<Asked<BTreeMap<String, DateTime<Utc>>>, PortError> {
        match self.repository {
            Some(repository) => known(self.source.releases(repository).await),
            None => Ok(Self::nobody()),
        }
    }

    async fn find_branches(&mut self) -> Result<(), PortError> {
        if self.branches == Asked::NotAsked {
            self.branches = match self.repository {
                Some(repository) => known(self.source.branches(repository).await)?,
                None => Self::nobody(),
            };
        }
        Ok(())
    }

    async fn git_tags(&mut self) -> Result<Asked<BTreeMap<String, GitTag>>, PortError> {
        let Some(repository) = self.repository else { return Ok(Self::nobody()) };
        let tags = known(self.source.git_tags(repository).await)?;
        let objects = &mut self.tag_objects;
        Ok(map(tags, |tags| {
            let kind = |(name, object): (String, GitTagObject)| match object {
                GitTagObject::Lightweight => (name, GitTag::Lightweight),
                GitTagObject::Annotated(object) => {
                    objects.insert(name.clone(), object);
                    (name, GitTag::Annotated(Asked::NotAsked))
                }
            };
            tags.into_iter().map(kind).collect()
        }))
    }

    async fn find_dates(&self, inventory: &mut Inventory, names: Vec<String>) -> Result<(), PortError> {
        let Asked::Known(tags) = &mut inventory.evidence.git_tags else { return Ok(()) };
        let asked: Vec<(String, Asked<DateTime<Utc>>)> = stream::iter(names)
            .map(|name| async move {
                let date = match (self.repository, self.tag_objects.get(&name)) {
                    (Some(repository), Some(object)) => known(self.source.git_tag_date(repository, object).await)?,
                    (None, _) | (_, None) => Self::nobody(),
                };
                Ok((name, date))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (name, date) in asked {
            tags.insert(name, GitTag::Annotated(date));
        }
        Ok(())
    }

    /// Lists the commits of all branches that a row is on. A branch whose tip another one reaches has nothing to add.
    async fn commits(&mut self, row: usize, since: DateTime<Utc>) -> Result<Asked<Commits>, PortError> {
        self.find_branches().await?;
        let Some(repository) = self.repository else { return Ok(Self::nobody()) };
        let branches = match &self.branches {
            Asked::Known(branches) => branches,
            Asked::Unreadable { problem } => return Ok(Asked::Unreadable { problem: problem.clone() }),
            Asked::NotAsked => return Ok(Self::nobody()),
        };
        let rule = self.policy.rules.iter().find(|rule| rule.row.number == row);
        let mut dates = BTreeMap::new();
        for (_, tip) in branches.iter().filter(|(name, _)| rule.is_none_or(|rule| is_on(rule, name))) {
            if dates.contains_key(tip) {
                continue;
            }
            match known(self.source.commits_since(repository, tip, since).await)? {
                Asked::Known(found) => dates.extend(found),
                Asked::Unreadable { problem } => return Ok(Asked::Unreadable { problem }),
                Asked::NotAsked => {}
            }
        }
        Ok(Asked::Known(Commits { since, dates }))
    }
}

/// Tells whether a row is on a branch; in doubt it is.
fn is_on(rule: &TagRule, branch: &str) -> bool {
    let fits = |condition: &Condition| match condition {
        Condition::Branch(glob) => Some(glob.matches(branch)),
        Condition::Release(_)
        | Condition::Prerelease(_)
        | Condition::Tag(_)
        | Condition::PullRequest
        | Condition::Schedule
        | Condition::Dispatch
        | Condition::MergeGroup => Some(false),
        Condition::Metadata(_) | Condition::Latest(_) => None,
    };
    let mut named = rule.on.iter().map(|entry| (entry.negated, fits(&entry.condition)));
    let is_taken_away = named.clone().any(|(negated, fits)| negated && fits == Some(true));
    !is_taken_away && named.any(|(negated, fits)| !negated && fits != Some(false))
}
