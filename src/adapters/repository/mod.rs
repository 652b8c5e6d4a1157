//! The source repository as a clean-up asks about it, by the REST API: pull requests, branches, commits, releases, git tags,
//! files. Every list is complete or an error.

mod release_text;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::DeserializeOwned;

use super::{
    github::{encode, encode_path},
    rest::{Api, ApiAnswer, Call, Page, Pages},
};
use crate::{
    model::{CommitId, RepositoryName, untrusted::shown},
    ports::{FileEntry, GitTagObject, PortError, PortErrorKind, RepositoryReader},
};

/// How often a list that changes while it is read is read again.
const LISTINGS: usize = 5;

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The source repositories of one server, as one token sees them.
#[derive(Clone, Debug)]
pub struct Repositories {
    api: Api,
}

impl Repositories {
    /// Makes a client.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    async fn one<T: DeserializeOwned>(&self, path: &str, operation: &str, needs: &'static str) -> Result<T, PortError> {
        let call = Call::get(path, operation);
        let answer = self.api.send(&call).await?;
        if answer.status.is_success() { answer.json(&call) } else { Err(refusal(&call, &answer, needs)) }
    }

    /// Reads a list of things that have keys. One of several pages may have changed while it was read: it is read again
    /// until nothing comes twice, and `twice` until two listings agree.
    async fn listed<W, K, V>(
        &self,
        list: &List<'_>,
        read: impl Fn(W) -> Result<Option<(K, V)>, PortError> + Send + Sync,
    ) -> Result<BTreeMap<K, V>, PortError>
    where
        W: DeserializeOwned + Send,
        K: Ord + Send,
        V: PartialEq + Send,
    {
        let List { path, operation, needs, agree } = *list;
        let pages = Pages { api: &self.api, path, operation };
        let refuse = |call: &Call<'_>, answer: &ApiAnswer| refusal(call, answer, needs);
        let mut earlier: Option<BTreeMap<K, V>> = None;
        for _ in 0..LISTINGS {
            let Page { items, is_whole: _ }: Page<W> = pages.all(&refuse).await?;
            let (mut found, mut came_twice) = (BTreeMap::new(), false);
            for item in items {
                if let Some((key, value)) = read(item)? {
                    came_twice |= found.insert(key, value).is_some();
                }
            }
            let agrees = match agree {
                Agree::Once => true,
                Agree::Twice => earlier.as_ref() == Some(&found),
            };
            if !came_twice && agrees {
                return Ok(found);
            }
            earlier = (!came_twice).then_some(found);
        }
        Err(PortError::new(
            PortErrorKind::Unavailable,
            operation,
            format!("the list changed each of the {LISTINGS} times that it was read"),
        )
        .with_hint("run it again when there is less going on"))
    }

    /// Lists the refs of a namespace, which come all at once.
    async fn refs(
        &self,
        repository: &RepositoryName,
        namespace: &str,
        operation: &str,
    ) -> Result<BTreeMap<String, wire::Target>, PortError> {
        let path = format!("{}/git/matching-refs/{namespace}", base(repository));
        let call = Call::get(path, operation);
        let answer = self.api.send(&call).await?;
        if !answer.status.is_success() {
            return Err(refusal(&call, &answer, CONTENTS));
        }
        if answer.headers.contains_key("link") {
            return Err(call.error(PortErrorKind::Malformed, "the list came in pages, and would not be complete"));
        }
        let prefix = format!("refs/{namespace}/");
        let refs: Vec<wire::Ref> = answer.json(&call)?;
        let named = |found: wire::Ref| Some((found.name.strip_prefix(&prefix)?.to_owned(), found.object));
        Ok(refs.into_iter().filter_map(named).collect())
    }
}

/// A list to read.
struct List<'a> {
    path: &'a str,
    operation: &'a str,
    needs: &'static str,
    agree: Agree,
}

#[derive(Clone, Copy)]
enum Agree {
    /// One listing will do, where nothing comes twice.
    Once,
    /// Two listings in a row must be the same.
    Twice,
}

const CONTENTS: &str = "contents: read";
const PULLS: &str = "pull-requests: read";

fn base(repository: &RepositoryName) -> String {
    format!("/repos/{}/{}", encode(repository.owner()), encode(repository.name()))
}

fn refusal(call: &Call<'_>, answer: &ApiAnswer, needs: &str) -> PortError {
    let kind = match answer.status.as_u16() {
        401 | 403 => PortErrorKind::Denied,
        404 | 409 => PortErrorKind::NotFound,
        _ => PortErrorKind::Malformed,
    };
    let error = call.error(kind, answer.said());
    match kind {
        PortErrorKind::Denied | PortErrorKind::NotFound => error.with_hint(format!(
            "grant `{needs}` to the job; a token of another repository needs the right to read this one"
        )),
        PortErrorKind::RateLimited
        | PortErrorKind::Unavailable
        | PortErrorKind::Malformed
        | PortErrorKind::Unsupported => error,
    }
}

fn commit_id(text: &str, operation: &str) -> Result<CommitId, PortError> {
    text.parse()
        .ok()
        .filter(CommitId::is_full)
        .ok_or_else(|| PortError::new(PortErrorKind::Malformed, operation, format!("`{}` is no commit", shown(text))))
}

impl RepositoryReader for Repositories {
    async fn open_pull_requests(&self, repository: &RepositoryName) -> Result<BTreeSet<u64>, PortError> {
        let operation = format!("list the open pull requests of {repository}");
        let path = format!("{}/pulls?state=open&sort=created&direction=asc", base(repository));
        let list = List { path: &path, operation: &operation, needs: PULLS, agree: Agree::Twice };
        let found = self.listed(&list, |pull: wire::Pull| Ok(Some((pull.number, ())))).await?;
        Ok(found.into_keys().collect())
    }

    async fn recent_pull_requests(&self, repository: &RepositoryName) -> Result<BTreeSet<u64>, PortError> {
        let operation = format!("list the open pull requests of {repository} that were updated last");
        let path = format!("{}/pulls?state=open&sort=updated&direction=desc&per_page=100", base(repository));
        let pulls: Vec<wire::Pull> = self.one(&path, &operation, PULLS).await?;
        Ok(pulls.into_iter().map(|pull| pull.number).collect())
    }

    async fn branches(&self, repository: &RepositoryName) -> Result<BTreeMap<String, CommitId>, PortError> {
        let operation = format!("list the branches of {repository}");
        let refs = self.refs(repository, "heads", &operation).await?;
        refs.into_iter().map(|(name, target)| Ok((name, commit_id(&target.sha, &operation)?))).collect()
    }

    async fn default_branch(&self, repository: &RepositoryName) -> Result<String, PortError> {
        let operation = format!("look up the repository {repository}");
        let found: wire::Repository = self.one(&base(repository), &operation, CONTENTS).await?;
        Ok(found.default_branch)
    }

    async fn commits_since(
        &self,
        repository: &RepositoryName,
        tip: &CommitId,
        since: DateTime<Utc>,
    ) -> Result<BTreeMap<CommitId, DateTime<Utc>>, PortError> {
        let operation = format!("list the commits of {repository} before {}", tip.abbreviated(12));
        // What a commit reaches never changes, so the pages of this list do not shift.
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let path = format!("{}/commits?sha={tip}&since={}", base(repository), encode(&since));
        let list = List { path: &path, operation: &operation, needs: CONTENTS, agree: Agree::Once };
        self.listed(&list, |commit: wire::Commit| {
            Ok(Some((commit_id(&commit.sha, &operation)?, commit.commit.committer.date)))
        })
        .await
    }

    async fn releases(&self, repository: &RepositoryName) -> Result<BTreeMap<String, DateTime<Utc>>, PortError> {
        let operation = format!("list the releases of {repository}");
        let path = format!("{}/releases?", base(repository));
        let list = List { path: &path, operation: &operation, needs: CONTENTS, agree: Agree::Once };
        // Drafts may share a tag's name, so releases are told apart by their numbers.
        let read = |found: wire::Release| {
            Ok(Some((found.id, found.published_at.map(|published| (found.tag_name, published)))))
        };
        let mut releases = BTreeMap::new();
        for (tag, published) in self.listed(&list, read).await?.into_values().flatten() {
            let newest = releases.entry(tag).or_insert(published);
            *newest = published.max(*newest);
        }
        Ok(releases)
    }

    async fn git_tags(&self, repository: &RepositoryName) -> Result<BTreeMap<String, GitTagObject>, PortError> {
        let operation = format!("list the git tags of {repository}");
        let refs = self.refs(repository, "tags", &operation).await?;
        let object = |target: wire::Target| match target.kind.as_str() {
            "tag" => commit_id(&target.sha, &operation).map(GitTagObject::Annotated),
            _ => Ok(GitTagObject::Lightweight),
        };
        refs.into_iter().map(|(name, target)| Ok((name, object(target)?))).collect()
    }

    async fn git_tag_date(&self, repository: &RepositoryName, object: &CommitId) -> Result<DateTime<Utc>, PortError> {
        let operation = format!("look up the git tag {} of {repository}", object.abbreviated(12));
        let path = format!("{}/git/tags/{object}", base(repository));
        let found: wire::TagObject = self.one(&path, &operation, CONTENTS).await?;
        Ok(found.tagger.date)
    }

    async fn files(&self, repository: &RepositoryName, branch: &str) -> Result<Vec<FileEntry>, PortError> {
        let operation = format!("list the files of branch `{}` of {repository}", shown(branch));
        let missing = || {
            PortError::new(PortErrorKind::NotFound, operation.clone(), "there is no such branch")
                .with_hint("name branches that exist in `references`")
        };
        let name = encode_path(branch).ok_or_else(missing)?;
        let path = format!("{}/git/ref/heads/{name}", base(repository));
        let tip: wire::Ref = self.one(&path, &operation, CONTENTS).await?;
        let commit = commit_id(&tip.object.sha, &operation)?;
        let path = format!("{}/git/trees/{commit}?recursive=1", base(repository));
        let tree: wire::Tree = self.one(&path, &operation, CONTENTS).await?;
        if tree.truncated {
            return Err(PortError::new(
                PortErrorKind::Malformed,
                operation,
                "the API cut the list: the repository has more files than it tells of",
            )
            .with_hint("`references` cannot be used with this repository; protect the tags by name"));
        }
        let files = tree.tree.into_iter().filter(|entry| entry.kind == "blob");
        Ok(files.map(|entry| FileEntry { commit: commit.clone(), path: entry.path }).collect())
    }

    async fn file(&self, repository: &RepositoryName, file: &FileEntry) -> Result<Bytes, PortError> {
        let FileEntry { commit, path } = file;
        let operation = format!("read `{}` of {repository}", shown(path));
        let Some(encoded) = encode_path(path) else {
            return Err(PortError::new(PortErrorKind::Malformed, operation, "this is no path inside a repository"));
        };
        let route = format!("{}/contents/{encoded}?ref={commit}", base(repository));
        let call =
            Call { accept: "application/vnd.github.raw+json", limit: MAX_FILE_BYTES, ..Call::get(route, &operation) };
        let answer = self.api.send(&call).await?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(refusal(&call, &answer, CONTENTS)) }
    }
}
