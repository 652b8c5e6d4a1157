//! One GET to the GitHub API: bounded in time, tries and size, its failures told apart by their remedy.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::{Bytes, BytesMut};
use chrono::DateTime;
use octocrab::Octocrab;
use reqwest::{StatusCode, header::HeaderMap};

use crate::{
    model::{access::Trap, untrusted::shown},
    ports::{PortError, PortErrorKind},
};

/// The largest JSON answer that is read, in bytes: one commit with its message is far below it.
pub(super) const MAX_JSON_BYTES: usize = 4 * 1024 * 1024;

/// How often a request is sent again.
const RETRIES: usize = 4;

/// The time for one try, its answer included: GitHub gives up on a request after 10 s itself.
const TRY_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest wait that a rate limit may ask for: an answer here is never worth an hour of a job.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// A GET request, ready to be sent.
pub(super) struct Exchange<'a> {
    pub(super) client: &'a Octocrab,
    /// The path below the API's address, with its query.
    pub(super) path: String,
    /// For messages, fit for "failed to …".
    pub(super) operation: &'a str,
    pub(super) headers: HeaderMap,
    /// The largest body that is taken, in bytes.
    pub(super) limit: usize,
    /// The wait before the second try; it doubles from try to try.
    pub(super) first_wait: Duration,
}

/// What became of one try.
enum Try {
    Done(Option<Bytes>),
    Failed(PortError),
    /// Failed, and worth another try after the wait that the server asked for.
    Again(PortError, Option<Duration>),
}

impl Exchange<'_> {
    /// Sends the request and returns the body; `None` on 404.
    pub(super) async fn send(&self) -> Result<Option<Bytes>, PortError> {
        let mut waits =
            ExponentialBuilder::default().with_min_delay(self.first_wait).with_max_times(RETRIES).with_jitter().build();
        loop {
            let tried = match tokio::time::timeout(TRY_TIMEOUT, self.attempt()).await {
                Ok(tried) => tried,
                Err(_) => Try::Again(self.error(PortErrorKind::Unavailable, "no answer in time"), None),
            };
            let (error, asked) = match tried {
                Try::Done(body) => return Ok(body),
                Try::Failed(error) => return Err(error),
                Try::Again(error, asked) => (error, asked),
            };
            let Some(wait) = waits.next() else {
                return Err(error);
            };
            let wait = asked.map_or(wait, |asked| asked.max(wait));
            tracing::debug!(%error, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self) -> Try {
        let response = match self.client._get_with_headers(self.path.as_str(), Some(self.headers.clone())).await {
            Ok(response) => reqwest::Response::from(response.map(reqwest::Body::wrap)),
            Err(error) => {
                let error = self
                    .error(PortErrorKind::Unavailable, "the API cannot be reached")
                    .with_hint(Trap::Unreachable.remedy())
                    .with_source(error);
                return Try::Again(error, None);
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        if status == StatusCode::NOT_FOUND {
            return Try::Done(None);
        }
        let body = match self.body(response).await {
            Ok(body) => body,
            Err(tried) => return tried,
        };
        if status.is_success() {
            return Try::Done(Some(body));
        }
        self.refusal(status, &headers, &message(&body))
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Bytes, Try> {
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > self.limit => {
                    let detail = format!("the answer is larger than {} bytes", self.limit);
                    return Err(Try::Failed(self.error(PortErrorKind::Malformed, detail)));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body.freeze()),
                Err(error) => {
                    let error = self.error(PortErrorKind::Unavailable, "the answer broke off").with_source(error);
                    return Err(Try::Again(error, None));
                }
            }
        }
    }

    /// Sorts an error answer (rate limits come as 403 or 429, told apart from missing rights by headers and wording).
    fn refusal(&self, status: StatusCode, headers: &HeaderMap, message: &str) -> Try {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
        let said = if message.is_empty() { format!("status {status}") } else { format!("status {status}: {message}") };
        let lower = message.to_lowercase();
        let spent = number("x-ratelimit-remaining") == Some(0);
        let limited = status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::FORBIDDEN
                && (spent
                    || headers.contains_key("retry-after")
                    || lower.contains("rate limit")
                    || lower.contains("abuse detection"));
        if limited {
            let error = self.error(PortErrorKind::RateLimited, said);
            let reset = number("x-ratelimit-reset").filter(|_| spent).and_then(|seconds| {
                DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0).map(|time| time.format("%H:%M:%S UTC"))
            });
            let wait = number("retry-after").map(Duration::from_secs);
            return match (reset, wait) {
                (_, Some(wait)) if wait <= MAX_WAIT => Try::Again(error, Some(wait)),
                (Some(reset), _) => {
                    Try::Failed(error.with_hint(format!("the rate limit starts anew at {reset}; run it again then")))
                }
                (None, Some(wait)) => {
                    Try::Failed(error.with_hint(format!("run it again in {} minutes", wait.as_secs().div_ceil(60))))
                }
                // GitHub asks for at least a minute where it names no time.
                (None, None) => Try::Failed(error.with_hint("run it again in a few minutes")),
            };
        }
        match status {
            StatusCode::UNAUTHORIZED => Try::Failed(
                self.error(PortErrorKind::Denied, said)
                    .with_hint("give the job's token: `github-token: ${{ github.token }}`"),
            ),
            StatusCode::FORBIDDEN => {
                Try::Failed(self.error(PortErrorKind::Denied, said).with_hint("grant `contents: read` to the job"))
            }
            StatusCode::REQUEST_TIMEOUT => Try::Again(self.error(PortErrorKind::Unavailable, said), None),
            status if status.is_server_error() => Try::Again(self.error(PortErrorKind::Unavailable, said), None),
            _ => Try::Failed(self.error(PortErrorKind::Malformed, said)),
        }
    }

    fn error(&self, kind: PortErrorKind, detail: impl Into<String>) -> PortError {
        PortError::new(kind, self.operation, detail)
    }
}

fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        message: String,
    }
    serde_json::from_slice::<Answer>(body).map(|answer| shown(&answer.message)).unwrap_or_default()
}
