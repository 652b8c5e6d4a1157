//! What clients asked for, and the gate that each request passes before it takes effect.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
};

use futures::future::BoxFuture;
use hyper::{HeaderMap, Method, Uri, header};

/// How many requests are remembered; a year of events needs a few thousand.
const LOG_LENGTH: usize = 100_000;

/// An async callback that is awaited before a request takes effect, so that a test can hold it, change the state under
/// it, or end the process that sent it. It runs on the sandbox's own thread: it must not block.
pub type RequestHook = Arc<dyn Fn(RequestInfo) -> BoxFuture<'static, ()> + Send + Sync>;

/// A request as it arrived. Its `Debug` shows only the scheme of the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestInfo {
    /// Its place in the order of arrival, from 1.
    pub number: u64,
    /// The HTTP method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The `Host` header.
    pub host: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// What the `User-Agent` header says in its first parentheses: `a` in `tool/1.0 (a)`. It tells two clients apart.
    pub client: Option<String>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

impl RequestInfo {
    /// Tells whether the request may change something: it is no GET and no HEAD.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

impl fmt::Debug for RequestInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, method, path, host, user_agent, client: _, authorization } = self;
        write!(formatter, "#{number} {method} {path} host={host:?} user-agent={user_agent:?}")?;
        match authorization {
            Some(text) => write!(formatter, " authorization={} ***", text.split(' ').next().unwrap_or_default()),
            None => Ok(()),
        }
    }
}

/// Which half a request went to, and whether it may have changed something there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// GET and HEAD below `/v2/`.
    RegistryRead,
    /// All else below `/v2/`.
    RegistryWrite,
    /// The token endpoint.
    Token,
    /// The bytes of blobs, behind a signed URL.
    Storage,
    /// GET and HEAD of the REST API.
    RestRead,
    /// All else of the REST API.
    RestWrite,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 6] =
        [Self::RegistryRead, Self::RegistryWrite, Self::Token, Self::Storage, Self::RestRead, Self::RestWrite];

    /// Returns its name in lower case with dashes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RegistryRead => "registry-read",
            Self::RegistryWrite => "registry-write",
            Self::Token => "token",
            Self::Storage => "storage",
            Self::RestRead => "rest-read",
            Self::RestWrite => "rest-write",
        }
    }

    fn of(method: &Method, path: &str) -> Self {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match (below("/v2"), reads) {
            (true, true) => Self::RegistryRead,
            (true, false) => Self::RegistryWrite,
            _ if path == "/token" => Self::Token,
            _ if below("/_storage") => Self::Storage,
            (false, true) => Self::RestRead,
            (false, false) => Self::RestWrite,
        }
    }
}

/// How many requests of one kind there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestCount {
    /// Their class.
    pub class: Class,
    /// Their method.
    pub method: String,
    /// Their path without its query, `{}` in place of names and numbers.
    pub route: String,
    /// How many there were.
    pub count: u64,
}

/// The longest route, in bytes: clients may make up any number of them.
const LONGEST_ROUTE: usize = 128;

/// The words of paths that are no names.
const WORDS: [&str; 34] = [
    "_storage",
    "actions",
    "blobs",
    "branches",
    "commits",
    "compare",
    "container",
    "contents",
    "dispatches",
    "git",
    "issues",
    "latest",
    "list",
    "manifests",
    "matching-refs",
    "organizations",
    "orgs",
    "packages",
    "pulls",
    "rate_limit",
    "ref",
    "referrers",
    "releases",
    "repos",
    "repositories",
    "restore",
    "tags",
    "token",
    "trees",
    "upload",
    "uploads",
    "users",
    "versions",
    "workflows",
];

/// Replaces what is a name in a path by `{}`, several segments by one.
fn route(path: &str) -> String {
    let mut route = String::new();
    for segment in path.split('/').skip(1) {
        let is_word = WORDS.contains(&segment) || matches!(segment, "" | "v2" | "user");
        // A tag may have any name, `latest` above all.
        if is_word && !route.ends_with("/manifests") {
            route.push('/');
            route.push_str(segment);
            if route.len() > LONGEST_ROUTE {
                return "/{}".to_owned();
            }
        } else if !route.ends_with("{}") {
            route.push_str("/{}");
        }
    }
    route
}

/// The requests so far, the newest [`LOG_LENGTH`] of them.
#[derive(Default)]
pub(super) struct RequestLog {
    counts: BTreeMap<(Class, String, String), u64>,
    count: u64,
    requests: VecDeque<RequestInfo>,
}

impl RequestLog {
    pub(super) fn record(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap) -> RequestInfo {
        self.count += 1;
        // Methods are the client's to invent.
        let known =
            matches!(*method, Method::GET | Method::HEAD | Method::PUT | Method::POST | Method::PATCH | Method::DELETE);
        let name = if known { method.as_str() } else { "other" };
        *self.counts.entry((Class::of(method, uri.path()), name.to_owned(), route(uri.path()))).or_default() += 1;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let user_agent = text(header::USER_AGENT);
        let client = user_agent
            .as_deref()
            .and_then(|agent| agent.split_once('(')?.1.split_once(')'))
            .map(|(inside, _)| inside.to_owned());
        let info = RequestInfo {
            number: self.count,
            method: method.to_string(),
            path: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
            host: text(header::HOST),
            user_agent,
            client,
            authorization: text(header::AUTHORIZATION),
        };
        if self.requests.len() == LOG_LENGTH {
            self.requests.pop_front();
        }
        self.requests.push_back(info.clone());
        info
    }

    pub(super) fn all(&self) -> Vec<RequestInfo> {
        self.requests.iter().cloned().collect()
    }

    pub(super) fn counts(&self) -> Vec<RequestCount> {
        let count = |((class, method, route), count): (&(Class, String, String), &u64)| RequestCount {
            class: *class,
            method: method.clone(),
            route: route.clone(),
            count: *count,
        };
        self.counts.iter().map(count).collect()
    }

    /// Forgets the requests; the numbers go on.
    pub(super) fn clear(&mut self) {
        self.counts.clear();
        self.requests.clear();
    }
}
