//! What is checked out, as input `context: git` sees it: a branch by its name, else the best name that a detached `HEAD`
//! has. The decoration that `git log --format=%D` prints is rebuilt from the refs, since docker/metadata-action reads that.

use git2::{Commit, Oid, Reference, ReferenceType, Repository};

use super::date_of;
use crate::{
    model::{GitHead, untrusted::shown},
    ports::{PortError, PortErrorKind},
};

const OPERATION: &str = "read what is checked out (input `context: git`)";

/// A ref under its two names.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    /// For policies: one branch, tag or pull request.
    git_ref: String,
    /// What docker/metadata-action makes of the same decoration.
    literal_ref: String,
}

pub(super) fn read(repository: &Repository) -> Result<GitHead, PortError> {
    let fail = |detail: &str, error: git2::Error| {
        tracing::debug!(error = error.message(), "{detail}");
        refused(detail).with_hint("does a step `actions/checkout` run before this one?")
    };
    let head = repository.find_reference("HEAD").map_err(|error| fail("the clone has no `HEAD`", error))?;
    let commit = head.peel_to_commit().map_err(|error| fail("`HEAD` leads to no commit", error))?;
    let Names { git_ref, literal_ref } = match head.symbolic_target() {
        Ok(Some(branch)) => Names { git_ref: branch.to_owned(), literal_ref: branch.to_owned() },
        _ => detached(repository, commit.id())?,
    };
    let sha = commit.id().to_string().parse().map_err(|error: crate::model::commit::CommitIdError| {
        refused("`HEAD` is no SHA-1 commit id").with_source(error)
    })?;
    let committed = date_of(&commit).ok_or_else(|| refused("the date of the commit is out of range"))?;
    Ok(GitHead { git_ref, literal_ref, sha, committed })
}

fn refused(detail: impl Into<String>) -> PortError {
    PortError::new(PortErrorKind::Malformed, OPERATION, detail)
}

fn detached(repository: &Repository, head: Oid) -> Result<Names, PortError> {
    let refs = Refs::read(repository);
    let decorations = refs.at(head);
    if decorations.is_empty() {
        return refs.containing(repository, head).ok_or_else(|| {
            refused(format!("`HEAD` is detached at {head}, and no branch or tag of the clone contains it"))
                .with_hint("let `actions/checkout` check out a branch or a tag, or use `context: workflow`")
        });
    }
    let shown_names: Vec<String> = decorations.iter().map(|found| found.decoration()).collect();
    let text = shown_names.join(", ");
    let Some(literal_ref) = literal(&text) else {
        return Err(refused(format!("`HEAD` is detached, and its only name is the local branch `{}`", shown(&text)))
            .with_hint("check the branch out by its name, or use `context: workflow`"));
    };
    let named = decorations.iter().find(|found| !found.symbolic && found.name != "refs/stash");
    let git_ref = named.map_or_else(|| literal_ref.clone(), |found| found.full_name());
    Ok(Names { git_ref, literal_ref })
}

/// A ref that leads to a commit.
struct Found<'a> {
    name: String,
    symbolic: bool,
    commit: Commit<'a>,
}

impl Found<'_> {
    /// Its name in a decoration.
    fn decoration(&self) -> String {
        match split(&self.name) {
            (Folder::Tags, short) => format!("tag: {short}"),
            (Folder::Heads | Folder::Remotes, short) => short.to_owned(),
            (Folder::Other, whole) => whole.to_owned(),
        }
    }

    /// The ref of the source repository that it stands for.
    fn full_name(&self) -> String {
        match split(&self.name) {
            (Folder::Remotes, short) if is_pull_request(short) => format!("refs/{short}"),
            (Folder::Remotes, short) => match short.split_once('/') {
                Some((_remote, branch)) => format!("refs/heads/{branch}"),
                None => self.name.clone(),
            },
            (Folder::Heads | Folder::Tags | Folder::Other, _) => self.name.clone(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Folder {
    Heads,
    Remotes,
    Tags,
    Other,
}

fn split(name: &str) -> (Folder, &str) {
    for (prefix, folder) in
        [("refs/heads/", Folder::Heads), ("refs/remotes/", Folder::Remotes), ("refs/tags/", Folder::Tags)]
    {
        if let Some(short) = name.strip_prefix(prefix) {
            return (folder, short);
        }
    }
    (Folder::Other, name)
}

/// The refs that git decorates commits with, by name.
struct Refs<'a>(Vec<Found<'a>>);

impl<'a> Refs<'a> {
    /// Reads them. One that leads nowhere, as `origin/HEAD` may in a shallow clone, decorates nothing.
    fn read(repository: &'a Repository) -> Self {
        let found = |reference: Reference<'a>| {
            let name = reference.name().ok()?.to_owned();
            let decorates = split(&name).0 != Folder::Other || name == "refs/stash";
            let commit = decorates.then(|| reference.peel_to_commit().ok()).flatten()?;
            Some(Found { name, symbolic: reference.kind() == Some(ReferenceType::Symbolic), commit })
        };
        let mut refs: Vec<Found<'a>> =
            repository.references().into_iter().flatten().flatten().filter_map(found).collect();
        refs.sort_by(|left, right| left.name.cmp(&right.name));
        Self(refs)
    }

    /// Returns those at a commit in the order of a decoration.
    fn at(&self, commit: Oid) -> Vec<&Found<'a>> {
        self.0.iter().rev().filter(|found| found.commit.id() == commit).collect()
    }

    /// Finds a branch that contains a commit, the one committed to last, else such a branch of a remote, else the first tag.
    fn containing(&self, repository: &Repository, commit: Oid) -> Option<Names> {
        let contains = |found: &&&Found<'a>| {
            let tip = found.commit.id();
            tip == commit || matches!(repository.graph_descendant_of(tip, commit), Ok(true))
        };
        for folder in [Folder::Heads, Folder::Remotes, Folder::Tags] {
            let mut candidates: Vec<&Found<'a>> =
                self.0.iter().filter(|found| split(&found.name).0 == folder).collect();
            if folder != Folder::Tags {
                candidates.sort_by_key(|found| std::cmp::Reverse(found.commit.time().seconds()));
            }
            let Some(first) = candidates.iter().find(contains) else { continue };
            // `origin/HEAD` sorts before the branch that it stands for; docker/metadata-action takes it for a branch.
            let named = candidates.iter().filter(|found| !found.symbolic).find(contains).unwrap_or(first);
            let remote = |name: &str| match split(name) {
                (Folder::Remotes, short) => {
                    short.split_once('/').map_or_else(|| name.to_owned(), |(_, branch)| format!("refs/heads/{branch}"))
                }
                _ => name.to_owned(),
            };
            return Some(Names { git_ref: named.full_name(), literal_ref: remote(&first.name) });
        }
        None
    }
}

fn is_pull_request(short: &str) -> bool {
    let number = short
        .strip_prefix("pull/")
        .and_then(|rest| rest.strip_suffix("/merge").or_else(|| rest.strip_suffix("/head")))
        .unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads a decoration, without the `HEAD` that begins it, as docker/metadata-action does: a tag that begins it counts, and
/// else it is one text, so that with several branches on a commit a part of the list ends up in the ref. `None` if it is of
/// no form that is known.
fn literal(decoration: &str) -> Option<String> {
    if let Some(tag) = decoration.strip_prefix("tag: ") {
        return Some(format!("refs/tags/{}", tag.split(", ").next().unwrap_or_default()));
    }
    if is_pull_request(decoration) {
        return Some(format!("refs/{decoration}"));
    }
    let (remote, rest) = decoration.split_once('/')?;
    if remote.is_empty() || rest.is_empty() {
        return None;
    }
    let segment = rest.split('/').next().unwrap_or_default();
    let after = segment.rfind(", ").filter(|at| *at > 0).map(|at| &rest[at + 2..]).filter(|after| !after.is_empty());
    Some(format!("refs/heads/{}", after.unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoration_is_read_as_one_text() {
        for (decoration, expected) in [
            ("tag: v1.2.3", Some("refs/tags/v1.2.3")),
            ("tag: v2, tag: v1", Some("refs/tags/v2")),
            ("tag: v1, origin/main, main", Some("refs/tags/v1")),
            ("pull/5/merge", Some("refs/pull/5/merge")),
            ("pull/5/head", Some("refs/pull/5/head")),
            ("pull/x/merge", Some("refs/heads/x/merge")),
            ("origin/main, main", Some("refs/heads/main")),
            ("origin/main, main, alias", Some("refs/heads/alias")),
            ("origin/main, origin/HEAD, main", Some("refs/heads/origin/HEAD, main")),
            ("origin/main", Some("refs/heads/main")),
            ("origin/feature/x", Some("refs/heads/feature/x")),
            ("origin/feature/x, feature/x", Some("refs/heads/feature/x, feature/x")),
            ("pull/5/merge, origin/main", Some("refs/heads/5/merge, origin/main")),
            ("feature/x", Some("refs/heads/x")),
            ("main", None),
            ("main, alias", None),
        ] {
            assert_eq!(literal(decoration).as_deref(), expected, "{decoration}");
        }
    }
}
