//! The GitHub REST API, as far as the source repository's history and files are concerned. Packages have a module of
//! their own.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use octocrab::{Octocrab, service::middleware::retry::RetryConfig};
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};

use self::exchange::{Exchange, MAX_JSON_BYTES};
use crate::{
    model::{CommitId, RepositoryFacts, RepositoryName, Secret, name::is_loopback_host, untrusted::shown},
    ports::{Ancestry, NameKind, PortError, PortErrorKind},
};

mod exchange;

/// The largest file that is read, in bytes: as much as a policy may have.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// How many annotated tags that point at tags are followed; git itself makes such chains only on purpose.
const MAX_TAG_DEPTH: usize = 5;

/// One source repository behind the REST API.
#[derive(Clone, Debug)]
pub struct GitHub {
    client: Octocrab,
    /// The path of the API's address, without a slash at its end (`/api/v3` on GHES).
    base_path: String,
    repository: RepositoryName,
    first_wait: Duration,
}

impl GitHub {
    /// Prepares requests for `repository` to the API at `api_url` (`GITHUB_API_URL`). The token goes there and nowhere
    /// else. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// If `api_url` is no URL, or neither https nor on this machine, or if the token cannot be sent in a header.
    pub fn new(
        client: reqwest::Client,
        api_url: &str,
        token: Option<&Secret>,
        repository: RepositoryName,
    ) -> Result<Self, PortError> {
        let (client, base_path) = connect(client, api_url, token)?;
        Ok(Self { client, base_path, repository, first_wait: Duration::from_secs(1) })
    }

    /// Sets the wait before a request is sent a second time (1 s); it doubles from try to try.
    #[must_use]
    pub fn with_first_wait(mut self, first_wait: Duration) -> Self {
        self.first_wait = first_wait;
        self
    }

    /// Returns the repository that is asked about.
    #[must_use]
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// Tells how `ours` stands to `theirs`; unknown if the repository does not have both commits (`GET …/compare/…`).
    ///
    /// # Errors
    /// If the API refuses, cannot be reached, or answers something else.
    pub async fn ancestry(&self, ours: &CommitId, theirs: &CommitId) -> Result<Ancestry, PortError> {
        #[derive(Deserialize)]
        struct Comparison {
            status: String,
        }
        // The second page of single commits: only the first lists changed files, which can be megabytes.
        let route = format!("compare/{theirs}...{ours}?per_page=1&page=2");
        let operation = format!("compare commit {} with {} on GitHub", ours.abbreviated(12), theirs.abbreviated(12));
        let Some(Comparison { status }) = self.json(&route, &operation).await? else {
            return Ok(Ancestry::Unknown);
        };
        Ok(match status.as_str() {
            "identical" => Ancestry::Same,
            "ahead" => Ancestry::Descendant,
            "behind" => Ancestry::Ancestor,
            "diverged" => Ancestry::Diverged,
            _ => Ancestry::Unknown,
        })
    }

    /// Returns the commit that a branch points at. `None` if there is no such branch, or if the repository cannot be seen.
    ///
    /// # Errors
    /// If the API refuses, cannot be reached, or answers something else.
    pub async fn branch_tip(&self, branch: &str) -> Result<Option<CommitId>, PortError> {
        let operation = format!("look up the branch `{}` on GitHub", shown(branch));
        match self.reference("heads", branch, &operation).await? {
            Some(Target { kind, sha }) if kind == "commit" => commit_id(&sha, &operation).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns the committer date of a commit. `None` if the repository does not have it.
    ///
    /// # Errors
    /// If the API refuses, cannot be reached, or answers something else.
    pub async fn commit_date(&self, commit: &CommitId) -> Result<Option<DateTime<FixedOffset>>, PortError> {
        #[derive(Deserialize)]
        struct Committer {
            date: String,
        }
        #[derive(Deserialize)]
        struct Commit {
            committer: Committer,
        }
        #[derive(Deserialize)]
        struct Answer {
            commit: Commit,
        }
        let operation = format!("look up commit {} on GitHub", commit.abbreviated(12));
        // Unlike `git/commits`, `commits` takes abbreviations; its second page lists no files.
        let route = format!("commits/{commit}?per_page=1&page=2");
        let Some(Answer { commit: Commit { committer: Committer { date } } }) = self.json(&route, &operation).await?
        else {
            return Ok(None);
        };
        DateTime::parse_from_rfc3339(&date).map(Some).map_err(|error| {
            PortError::new(PortErrorKind::Malformed, operation, "its date is no date").with_source(error)
        })
    }

    /// Returns the repository's facts for labels (`GET /repos/{owner}/{repo}`).
    ///
    /// # Errors
    /// If the repository cannot be seen, or if the API refuses, cannot be reached, or answers something else.
    pub async fn repository_facts(&self) -> Result<RepositoryFacts, PortError> {
        #[derive(Deserialize)]
        struct License {
            spdx_id: Option<String>,
        }
        #[derive(Deserialize)]
        struct Answer {
            name: String,
            html_url: String,
            description: Option<String>,
            license: Option<License>,
            default_branch: String,
        }
        let operation = format!("look up the repository {} on GitHub", self.repository);
        let Some(Answer { name, html_url, description, license, default_branch }) = self.json("", &operation).await?
        else {
            return Err(PortError::new(PortErrorKind::NotFound, operation, "the token does not show it")
                .with_hint("give `github-token: ${{ github.token }}`, and grant `contents: read` to the job"));
        };
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(RepositoryFacts {
            name: known(name),
            html_url: known(html_url),
            description: description.and_then(known),
            license: license.and_then(|license| license.spdx_id).and_then(known),
            default_branch: known(default_branch),
        })
    }

    /// Tells whether `name` is a tag that peels to `commit`, or a branch whose head it is.
    ///
    /// # Errors
    /// If the API refuses, cannot be reached, or answers something else.
    pub async fn name_kind(&self, name: &str, commit: &CommitId) -> Result<NameKind, PortError> {
        let operation = format!("find out whether `{}` is a tag or a branch on GitHub", shown(name));
        if let Some(target) = self.reference("tags", name, &operation).await?
            && self.peel(target, &operation).await?.is_some_and(|tip| tip.same_commit(commit))
        {
            return Ok(NameKind::Tag);
        }
        match self.branch_tip(name).await? {
            Some(tip) if tip.same_commit(commit) => Ok(NameKind::Branch),
            _ => Ok(NameKind::Neither),
        }
    }

    /// Tells whether a git tag is annotated, or a release is published for it.
    ///
    /// # Errors
    /// If the API refuses, cannot be reached, or answers something else.
    pub async fn git_tag_has_date(&self, tag: &str) -> Result<bool, PortError> {
        #[derive(Deserialize)]
        struct Release {
            published_at: Option<String>,
        }
        let operation = format!("look up the git tag `{}` on GitHub", shown(tag));
        if self.reference("tags", tag, &operation).await?.is_some_and(|target| target.kind == "tag") {
            return Ok(true);
        }
        let Some(encoded) = encode_path(tag) else { return Ok(false) };
        let release: Option<Release> = self.json(&format!("releases/tags/{encoded}"), &operation).await?;
        Ok(release.is_some_and(|release| release.published_at.is_some()))
    }

    /// Reads a file of at most 1 MiB as it is on `branch`. `None` if there is no such file or branch, or if the repository
    /// cannot be seen.
    ///
    /// # Errors
    /// If the API refuses, cannot be reached, or if the file is too large.
    pub async fn file(&self, path: &str, branch: &str) -> Result<Option<Bytes>, PortError> {
        let operation = format!("read `{}` of branch `{}` on GitHub", shown(path), shown(branch));
        let path = path.trim_start_matches("./");
        let Some(encoded) = encode_path(path) else {
            return Err(PortError::new(PortErrorKind::Malformed, operation, "this is no path inside a repository"));
        };
        let route = format!("contents/{encoded}?ref=refs%2Fheads%2F{}", encode(branch));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github.raw+json"));
        self.exchange(&route, &operation, headers, MAX_FILE_BYTES).send().await
    }

    async fn json<T: DeserializeOwned>(&self, route: &str, operation: &str) -> Result<Option<T>, PortError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        let Some(body) = self.exchange(route, operation, headers, MAX_JSON_BYTES).send().await? else {
            return Ok(None);
        };
        serde_json::from_slice(&body).map(Some).map_err(|error| {
            PortError::new(PortErrorKind::Malformed, operation, "the answer is not what the API documents")
                .with_source(error)
        })
    }

    fn exchange<'a>(&'a self, route: &str, operation: &'a str, headers: HeaderMap, limit: usize) -> Exchange<'a> {
        let Self { client, base_path, repository, first_wait } = self;
        // octocrab puts its base path before a path that does not begin with it.
        let slash = if route.is_empty() { "" } else { "/" };
        let path = format!("{base_path}/repos/{}/{}{slash}{route}", repository.owner(), repository.name());
        Exchange { client, path, operation, headers, limit, first_wait: *first_wait }
    }

    async fn reference(&self, folder: &str, name: &str, operation: &str) -> Result<Option<Target>, PortError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "ref")]
            name: String,
            object: Target,
        }
        let full = format!("refs/{folder}/{name}");
        // Names come from payloads: one that git does not allow would end up at another address.
        let Some(encoded) = encode_path(name).filter(|_| git2::Reference::is_valid_name(&full)) else {
            return Ok(None);
        };
        let answer: Option<Answer> = self.json(&format!("git/ref/{folder}/{encoded}"), operation).await?;
        Ok(answer.filter(|answer| answer.name == full).map(|answer| answer.object))
    }

    async fn peel(&self, mut target: Target, operation: &str) -> Result<Option<CommitId>, PortError> {
        #[derive(Deserialize)]
        struct Answer {
            object: Target,
        }
        for _ in 0..MAX_TAG_DEPTH {
            match target.kind.as_str() {
                "commit" => return commit_id(&target.sha, operation).map(Some),
                "tag" => {
                    let object = commit_id(&target.sha, operation)?;
                    match self.json(&format!("git/tags/{object}"), operation).await? {
                        Some(Answer { object }) => target = object,
                        None => return Ok(None),
                    }
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// Makes a client of the API at `api_url`, to which alone the token goes, and returns the path of that address, without a
/// slash at its end.
pub(super) fn connect(
    client: reqwest::Client,
    api_url: &str,
    token: Option<&Secret>,
) -> Result<(Octocrab, String), PortError> {
    let wrong = |detail: &str| {
        PortError::new(PortErrorKind::Malformed, "prepare requests to the GitHub API", detail)
            .with_hint("check `GITHUB_API_URL` and the input `github-token`")
    };
    let url = reqwest::Url::parse(api_url).map_err(|_| wrong("the address of the API is no URL"))?;
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" if !host.is_empty() => {}
        "http" if is_loopback_host(host) => {}
        _ => return Err(wrong("the address of the API must begin with `https://`")),
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("the address of the API holds more than a host and a path"));
    }
    let mut builder = Octocrab::builder()
        // Retries are ours: octocrab's do not wait, or wait as long as a rate limit says. Its `User-Agent` stays: a
        // header added here would be sent beside it.
        .add_retry_config(RetryConfig::None)
        .base_uri(url.as_str().trim_end_matches('/'))
        .map_err(|_| wrong("the address of the API is no URL"))?
        .add_header(HeaderName::from_static("x-github-api-version"), "2022-11-28".to_owned());
    if let Some(token) = token {
        let text = token.expose().trim();
        if HeaderValue::from_str(text).is_err() || text.is_empty() {
            return Err(wrong("the token holds characters that no token has"));
        }
        builder = builder.personal_token(text.to_owned());
    }
    let client =
        builder.build_with_reqwest(client).map_err(|error| wrong("the client cannot be built").with_source(error))?;
    Ok((client, url.path().trim_end_matches('/').to_owned()))
}

/// What a ref or an annotated tag points at.
#[derive(Deserialize)]
struct Target {
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

fn commit_id(text: &str, operation: &str) -> Result<CommitId, PortError> {
    text.parse().map_err(|error: crate::model::commit::CommitIdError| {
        PortError::new(PortErrorKind::Malformed, operation, "the answer names no commit").with_source(error)
    })
}

/// Percent-encodes all but RFC 3986's unreserved characters.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Encodes each segment of a path. `None` if one is empty, `.` or `..`: URLs would be shortened by them.
pub(super) fn encode_path(path: &str) -> Option<String> {
    let valid = |segment: &str| !matches!(segment, "" | "." | "..");
    let segments: Vec<String> =
        path.split('/').map(|segment| valid(segment).then(|| encode(segment))).collect::<Option<_>>()?;
    Some(segments.join("/"))
}
