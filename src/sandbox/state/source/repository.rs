//! A source repository as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AnnotatedTag, Commit, Dispatch, Issue, PullRequest, Release, Target, objects::Trees};
use crate::sandbox::state::{State, Time};

/// A source repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceRepository {
    /// Its number.
    pub id: u64,
    /// The login of its owner.
    pub owner: String,
    /// Its name without the owner's.
    pub name: String,
    /// Whether only tokens can see it.
    pub private: bool,
    /// What it is.
    pub description: Option<String>,
    /// Its licence, as an SPDX identifier.
    pub license: Option<String>,
    /// The branch that counts where none is named.
    pub default_branch: String,
    /// When it came into being.
    pub created: Time,
    /// When something was pushed last.
    pub pushed: Time,
    /// Whether listing a tree recursively ends early, as it does where a repository is too large.
    pub truncates_trees: bool,
    /// Pull requests by number.
    pub pulls: BTreeMap<u64, PullRequest>,
    /// Releases by id.
    pub releases: BTreeMap<u64, Release>,
    /// Issues by number.
    pub issues: BTreeMap<u64, Issue>,
    /// What `dispatches` endpoints were sent.
    pub dispatches: Vec<Dispatch>,
    pub(super) commits: BTreeMap<String, Commit>,
    pub(super) branches: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, Target>,
    pub(super) annotated: BTreeMap<String, AnnotatedTag>,
    #[serde(skip)]
    pub(super) trees: Trees,
    next: u64,
}

impl SourceRepository {
    fn new(id: u64, owner: &str, name: &str, now: Time) -> Self {
        Self {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            private: false,
            description: None,
            license: None,
            default_branch: "main".to_owned(),
            created: now,
            pushed: now,
            truncates_trees: false,
            pulls: BTreeMap::new(),
            releases: BTreeMap::new(),
            issues: BTreeMap::new(),
            dispatches: Vec::new(),
            commits: BTreeMap::new(),
            branches: BTreeMap::new(),
            tags: BTreeMap::new(),
            annotated: BTreeMap::new(),
            trees: Trees::default(),
            next: 0,
        }
    }

    /// Returns `owner/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Returns the number for a new pull request or issue, which share theirs.
    pub fn next_number(&mut self) -> u64 {
        let pulls = self.pulls.last_key_value().map_or(0, |(number, _)| *number);
        let issues = self.issues.last_key_value().map_or(0, |(number, _)| *number);
        pulls.max(issues) + 1
    }

    /// Returns an id for something new in it.
    pub(in crate::sandbox) fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.id * 1_000 + self.next
    }
}

impl State {
    /// Adds a source repository, `owner/name`, unless it exists, and returns it to be filled.
    ///
    /// # Panics
    /// If the name has no slash.
    pub fn add_source(&mut self, full_name: &str) -> &mut SourceRepository {
        self.touch();
        let (owner, name) = full_name.split_once('/').expect("a source repository has an owner and a name");
        let key = full_name.to_lowercase();
        if !self.sources.contains_key(&key) {
            self.ensure_owner(owner);
        }
        let (id, now) = (self.next_id(), self.now());
        self.sources.entry(key).or_insert_with(|| SourceRepository::new(id, owner, name, now))
    }

    /// Makes a source repository, `owner/name`, anew in place of what it was, unless `build` fails. It keeps its number.
    ///
    /// # Errors
    /// What `build` says.
    ///
    /// # Panics
    /// If the name has no slash.
    pub fn replace_source<E>(
        &mut self,
        full_name: &str,
        build: impl FnOnce(&mut SourceRepository, Time) -> Result<(), E>,
    ) -> Result<&SourceRepository, E> {
        let (owner, name) = full_name.split_once('/').expect("a source repository has an owner and a name");
        let now = self.now();
        let id = self.source(full_name).map(|source| source.id);
        let id = id.unwrap_or_else(|| self.next_id());
        let mut source = SourceRepository::new(id, owner, name, now);
        build(&mut source, now)?;
        self.touch();
        self.ensure_owner(owner);
        let key = full_name.to_lowercase();
        self.sources.remove(&key);
        Ok(self.sources.entry(key).or_insert(source))
    }

    /// Removes a source repository.
    pub fn remove_source(&mut self, full_name: &str) -> Option<SourceRepository> {
        self.touch();
        self.sources.remove(&full_name.to_lowercase())
    }

    /// Returns a source repository; the case of its name does not matter.
    #[must_use]
    pub fn source(&self, full_name: &str) -> Option<&SourceRepository> {
        self.sources.get(&full_name.to_lowercase())
    }

    /// Returns a source repository to change it.
    pub fn source_mut(&mut self, full_name: &str) -> Option<&mut SourceRepository> {
        self.touch();
        self.sources.get_mut(&full_name.to_lowercase())
    }

    /// Returns a source repository by its number.
    #[must_use]
    pub fn source_by_id(&self, id: u64) -> Option<&SourceRepository> {
        self.sources.values().find(|source| source.id == id)
    }

    pub(in crate::sandbox::state) fn find_trees(&mut self) {
        for source in self.sources.values_mut() {
            source.find_trees();
        }
    }

    /// Lists all source repositories.
    pub fn sources(&self) -> impl Iterator<Item = &SourceRepository> {
        self.sources.values()
    }
}
