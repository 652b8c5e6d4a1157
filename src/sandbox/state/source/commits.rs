//! Commits.

use std::sync::Arc;

use git2::ObjectType;
use serde::{Deserialize, Serialize};

use super::{
    SourceRepository,
    objects::{Files, TreeEntry, object_id, tree},
};
use crate::sandbox::state::Time;

/// A commit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The ids of its parents.
    pub parents: Vec<String>,
    /// Its message.
    pub message: String,
    /// The login of its author and committer.
    pub author: String,
    /// When it was committed.
    pub date: Time,
    /// The id of its tree.
    pub tree: String,
    /// Its files.
    #[serde(with = "stored_files")]
    pub files: Arc<Files>,
}

/// A commit to be made.
#[derive(Clone, Debug, Default)]
pub struct NewCommit {
    /// Its id; `None` for the one that git would compute.
    pub id: Option<String>,
    /// The ids of its parents; `None` for the tip of the branch.
    pub parents: Option<Vec<String>>,
    /// The branch that moves to it; empty for none.
    pub branch: String,
    /// Its message.
    pub message: String,
    /// When it was committed; `None` for now.
    pub date: Option<Time>,
    /// Files that are added or replaced: those of the first parent stay.
    pub files: Files,
}

impl NewCommit {
    /// Makes a commit on a branch.
    #[must_use]
    pub fn on(branch: &str, message: &str) -> Self {
        Self { branch: branch.to_owned(), message: message.to_owned(), ..Self::default() }
    }

    /// Adds or replaces a file.
    #[must_use]
    pub fn file(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.to_owned(), bytes.as_ref().to_vec());
        self
    }

    /// Sets when it was committed.
    #[must_use]
    pub fn at(mut self, date: Time) -> Self {
        self.date = Some(date);
        self
    }
}

impl SourceRepository {
    /// Makes a commit, moves its branch, and returns its id. `now` is the sandbox's time.
    pub fn commit(&mut self, new: NewCommit, now: Time) -> String {
        let NewCommit { id, parents, branch, message, date, files } = new;
        let parents = parents.unwrap_or_else(|| self.branches.get(&branch).cloned().into_iter().collect());
        let inherited =
            parents.first().and_then(|parent| self.commits.get(parent)).map(|parent| Arc::clone(&parent.files));
        let files = match inherited {
            Some(inherited) if files.is_empty() => inherited,
            Some(inherited) => {
                let mut all = Files::clone(&inherited);
                all.extend(files);
                Arc::new(all)
            }
            None => Arc::new(files),
        };
        let (date, author) = (date.unwrap_or(now), self.owner.clone());
        let (tree, _) = tree(&files, "", &mut self.trees);
        let id = id.unwrap_or_else(|| {
            let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
            let who = format!("{author} <{author}@users.noreply.github.com> {} +0000", date.seconds());
            let text = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n{message}\n");
            object_id(ObjectType::Commit, text.as_bytes())
        });
        if !branch.is_empty() {
            self.branches.insert(branch, id.clone());
            self.pushed = self.pushed.max(date);
        }
        self.commits.insert(id.clone(), Commit { id: id.clone(), parents, message, author, date, tree, files });
        id
    }

    /// Returns a commit by its whole id.
    #[must_use]
    pub fn commit_by_id(&self, id: &str) -> Option<&Commit> {
        self.commits.get(id)
    }

    /// Lists what is in a folder of a commit, `None` if there is nothing. `path` has no slash at its end.
    pub fn folder(&self, commit: &Commit, path: &str) -> Option<Vec<TreeEntry>> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let (_, entries) = tree(&commit.files, &prefix, &mut super::objects::Trees::new());
        (path.is_empty() || !entries.is_empty()).then_some(entries)
    }

    /// Lists what a tree holds, by its id or that of a commit.
    #[must_use]
    pub fn tree(&self, id: &str) -> Option<(String, Arc<Files>, String)> {
        let id = self.commits.get(id).map_or(id, |commit| commit.tree.as_str());
        let (files, prefix) = self.trees.get(id)?;
        Some((id.to_owned(), Arc::clone(files), prefix.clone()))
    }

    /// Lists what is below a folder of some files, where `prefix` is empty or ends with a slash: what is in it, or
    /// everything, by path.
    #[must_use]
    pub fn entries_below(&self, files: &Arc<Files>, prefix: &str, recursive: bool) -> Vec<TreeEntry> {
        let (_, entries) = tree(files, prefix, &mut super::objects::Trees::new());
        let mut all = Vec::new();
        for entry in entries {
            let (name, is_folder) = (entry.name.clone(), entry.size.is_none());
            all.push(entry);
            if recursive && is_folder {
                let below = self.entries_below(files, &format!("{prefix}{name}/"), true);
                all.extend(
                    below.into_iter().map(|entry| TreeEntry { name: format!("{name}/{}", entry.name), ..entry }),
                );
            }
        }
        all
    }

    /// Registers the trees of all commits: they are not written down with the rest.
    pub(in crate::sandbox::state) fn find_trees(&mut self) {
        for commit in self.commits.values() {
            tree(&commit.files, "", &mut self.trees);
        }
    }
}

mod stored_files {
    use std::{collections::BTreeMap, sync::Arc};

    use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use super::Files;

    pub(super) fn serialize<S: Serializer>(files: &Arc<Files>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(files.iter().map(|(path, bytes)| (path, BASE64.encode(bytes))))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Files>, D::Error> {
        let encoded = BTreeMap::<String, String>::deserialize(deserializer)?;
        let decode = |(path, text): (String, String)| Ok((path, BASE64.decode(text).map_err(D::Error::custom)?));
        encoded.into_iter().map(decode).collect::<Result<Files, _>>().map(Arc::new)
    }
}
