//! Branches and tags, and what names lead to.

use git2::ObjectType;
use serde::{Deserialize, Serialize};

use super::{Commit, SourceRepository, objects::object_id};
use crate::sandbox::state::Time;

/// What a ref points at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Whether that is an annotated tag, not a commit.
    pub annotated: bool,
    /// The id of the commit or of the annotated tag.
    pub id: String,
}

/// An annotated tag.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnnotatedTag {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its message.
    pub message: String,
    /// When it was made.
    pub date: Time,
    /// What it points at.
    pub target: Target,
}

impl SourceRepository {
    /// Points a branch at a commit.
    pub fn set_branch(&mut self, name: &str, commit: &str) {
        self.branches.insert(name.to_owned(), commit.to_owned());
    }

    /// Removes a branch.
    pub fn remove_branch(&mut self, name: &str) -> Option<String> {
        self.branches.remove(name)
    }

    /// Returns the commit that a branch points at.
    #[must_use]
    pub fn branch(&self, name: &str) -> Option<&str> {
        self.branches.get(name).map(String::as_str)
    }

    /// Lists the branches and the commits that they point at, by name.
    pub fn branches(&self) -> impl Iterator<Item = (&str, &str)> {
        self.branches.iter().map(|(name, commit)| (name.as_str(), commit.as_str()))
    }

    /// Makes a tag that points straight at a commit.
    pub fn set_tag(&mut self, name: &str, commit: &str) {
        self.tags.insert(name.to_owned(), Target { annotated: false, id: commit.to_owned() });
    }

    /// Makes an annotated tag and returns its id.
    pub fn annotate_tag(&mut self, name: &str, commit: &str, date: Time) -> String {
        let target = Target { annotated: false, id: commit.to_owned() };
        let who = format!("{0} <{0}@users.noreply.github.com> {1} +0000", self.owner, date.seconds());
        let text = format!("object {commit}\ntype commit\ntag {name}\ntagger {who}\n\n{name}\n");
        let id = object_id(ObjectType::Tag, text.as_bytes());
        let tag = AnnotatedTag { id: id.clone(), name: name.to_owned(), message: format!("{name}\n"), date, target };
        self.annotated.insert(id.clone(), tag);
        self.tags.insert(name.to_owned(), Target { annotated: true, id: id.clone() });
        id
    }

    /// Removes a tag.
    pub fn remove_tag(&mut self, name: &str) -> Option<Target> {
        self.tags.remove(name)
    }

    /// Returns an annotated tag by its id.
    #[must_use]
    pub fn annotated_tag(&self, id: &str) -> Option<&AnnotatedTag> {
        self.annotated.get(id)
    }

    /// Lists all refs whose name, without `refs/`, begins with `prefix`, in order.
    #[must_use]
    pub fn refs(&self, prefix: &str) -> Vec<(String, Target)> {
        let branch = |(name, id): (&String, &String)| {
            (format!("refs/heads/{name}"), Target { annotated: false, id: id.clone() })
        };
        let tag = |(name, target): (&String, &Target)| (format!("refs/tags/{name}"), target.clone());
        let pull = |pull: &super::PullRequest| {
            (format!("refs/pull/{}/head", pull.number), Target { annotated: false, id: pull.head_sha.clone() })
        };
        let all =
            self.branches.iter().map(branch).chain(self.pulls.values().map(pull)).chain(self.tags.iter().map(tag));
        all.filter(|(name, _)| name.strip_prefix("refs/").is_some_and(|name| name.starts_with(prefix))).collect()
    }

    fn peel(&self, target: &Target) -> Option<&Commit> {
        if target.annotated { self.peel(&self.annotated.get(&target.id)?.target) } else { self.commits.get(&target.id) }
    }

    /// Returns the commit that a name leads to: a branch, a tag, a full ref, a commit id or the beginning of one.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<&Commit> {
        if let Some(commit) = self.commits.get(name) {
            return Some(commit);
        }
        let short = name.strip_prefix("refs/").unwrap_or(name);
        if let Some(branch) = short.strip_prefix("heads/") {
            return self.commits.get(self.branches.get(branch)?);
        }
        if let Some(tag) = short.strip_prefix("tags/") {
            return self.peel(self.tags.get(tag)?);
        }
        if name == "HEAD" {
            return self.commits.get(self.branches.get(&self.default_branch)?);
        }
        if let Some(commit) = self.branches.get(name).and_then(|id| self.commits.get(id)) {
            return Some(commit);
        }
        if let Some(commit) = self.tags.get(name).and_then(|target| self.peel(target)) {
            return Some(commit);
        }
        if !(4..40).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let begin = name.to_ascii_lowercase();
        let mut matching = self.commits.range(begin.clone()..).take_while(|(id, _)| id.starts_with(&begin));
        match (matching.next(), matching.next()) {
            (Some((_, commit)), None) => Some(commit),
            _ => None,
        }
    }
}
