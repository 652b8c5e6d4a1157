//! What clients asked for, and the gate that each request passes before it takes effect.

use std::{collections::VecDeque, fmt, sync::Arc};

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

/// The requests so far, the newest [`LOG_LENGTH`] of them.
#[derive(Default)]
pub(super) struct RequestLog {
    count: u64,
    requests: VecDeque<RequestInfo>,
}

impl RequestLog {
    pub(super) fn record(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap) -> RequestInfo {
        self.count += 1;
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

    /// Forgets the requests; the numbers go on.
    pub(super) fn clear(&mut self) {
        self.requests.clear();
    }
}
