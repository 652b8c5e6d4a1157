//! One request to the API: admitted, sent, sent again where that helps.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use octocrab::Octocrab;
use reqwest::{
    StatusCode,
    header::{ACCEPT, HeaderMap, HeaderValue, LINK},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    limited,
    meter::{Admission, Meter, Shortage},
};
use crate::{
    adapters::github,
    model::{Secret, access::Trap, untrusted::shown},
    ports::{PortError, PortErrorKind, RateLimit},
};

/// How often a request is sent again after a failure of the server or the connection.
const RETRIES: usize = 4;

/// How often one request waits for a limit: whoever goes on while limited may be shut out.
const DENIALS: u32 = 3;

/// The time for one try, its answer included: GitHub gives up on a request after 10 s itself.
const TRY_TIMEOUT: Duration = Duration::from_secs(60);

/// The points that reads and writes cost
/// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#calculating-points-for-the-secondary-rate-limit>).
const READ_POINTS: u32 = 1;
const WRITE_POINTS: u32 = 5;

/// The media type that nearly everything is asked for in.
const JSON: &str = "application/vnd.github+json";

/// How requests are made.
#[derive(Clone, Copy, Debug)]
pub struct ApiOptions {
    /// Points a minute, a read 1, a write 5; 0 for a server without limits.
    pub pace: u32,
    /// Requests that the run may make.
    pub request_budget: Option<u64>,
    /// Requests of the token's hour that are left to others.
    pub reserve: u64,
    /// The longest wait for a limit; beyond it, the request ends as rate limited.
    pub longest_wait: Duration,
    /// When no wait for a limit or a pace may go on any more.
    pub deadline: Option<Instant>,
    /// The wait before a request is sent a second time after a failure; it doubles from try to try.
    pub first_wait: Duration,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            // GitHub's own limit, which a window of a minute and a second keeps below.
            pace: 900,
            request_budget: None,
            reserve: 0,
            longest_wait: Duration::from_secs(300),
            deadline: None,
            first_wait: Duration::from_secs(1),
        }
    }
}

/// The API of one server, for one token. Clones share connections and counts.
#[derive(Clone, Debug)]
pub struct Api {
    client: Octocrab,
    /// The path of the API's address, without a slash at its end (`/api/v3` on GHES).
    pub(super) base_path: String,
    meter: Arc<Mutex<Meter>>,
    options: ApiOptions,
    stop: CancellationToken,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::adapters) enum Verb {
    Get,
    Delete,
    Post,
    Patch,
}

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub(in crate::adapters) struct Call<'a> {
    pub(in crate::adapters) verb: Verb,
    /// The path below the API's address, with its query.
    pub(in crate::adapters) path: String,
    /// For messages, fit for "failed to …".
    pub(in crate::adapters) operation: &'a str,
    pub(in crate::adapters) accept: &'static str,
    /// The largest body that is taken, in bytes.
    pub(in crate::adapters) limit: usize,
    /// What is sent along.
    pub(in crate::adapters) body: Option<Value>,
}

impl<'a> Call<'a> {
    /// The largest answer that is taken unless a call says otherwise, in bytes: a hundred pull requests with their texts,
    /// or the files of a large repository.
    const MAX_BYTES: usize = 64 * 1024 * 1024;

    pub(in crate::adapters) fn get(path: impl Into<String>, operation: &'a str) -> Self {
        Self { verb: Verb::Get, path: path.into(), operation, accept: JSON, limit: Self::MAX_BYTES, body: None }
    }

    /// A request that changes something and sends no body.
    pub(in crate::adapters) fn change(verb: Verb, path: impl Into<String>, operation: &'a str) -> Self {
        Self { verb, ..Self::get(path, operation) }
    }

    /// Adds a body, which POST and PATCH send.
    #[must_use]
    pub(in crate::adapters) fn with_body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(in crate::adapters) fn error(&self, kind: PortErrorKind, detail: impl Into<String>) -> PortError {
        PortError::new(kind, self.operation, detail)
    }
}

/// An answer that no further try would better.
#[derive(Debug)]
pub(in crate::adapters) struct ApiAnswer {
    pub(in crate::adapters) status: StatusCode,
    pub(in crate::adapters) headers: HeaderMap,
    pub(in crate::adapters) body: Bytes,
    /// Whether an earlier try failed in a way that leaves open whether it took effect.
    pub(in crate::adapters) tried_before: bool,
}

impl ApiAnswer {
    /// Returns what a refusal says, bounded and without control characters.
    pub(in crate::adapters) fn message(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Refusal {
            message: String,
        }
        serde_json::from_slice::<Refusal>(&self.body).map(|answer| shown(&answer.message)).unwrap_or_default()
    }

    /// Returns the status and what is said beside it.
    pub(in crate::adapters) fn said(&self) -> String {
        match self.message() {
            message if message.is_empty() => format!("status {}", self.status),
            message => format!("status {}: {message}", self.status),
        }
    }

    /// Returns when it was answered, by the server's clock.
    pub(in crate::adapters) fn answered_at(&self) -> DateTime<Utc> {
        limited::answered_at(&self.headers)
    }

    /// Returns the scopes of the token, if it is of a kind that has some.
    pub(in crate::adapters) fn scopes(&self) -> Option<BTreeSet<String>> {
        let text = self.headers.get("x-oauth-scopes")?.to_str().ok()?;
        Some(text.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect())
    }

    /// Reads the body.
    pub(in crate::adapters) fn json<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, PortError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            call.error(PortErrorKind::Malformed, "the answer is not what the API documents").with_source(error)
        })
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok())
    }
}

/// What became of one try.
enum Try {
    Final(ApiAnswer),
    /// No answer, or one that says that the server failed.
    Failed(PortError),
    Limited(PortError, Duration),
    Unusable(PortError),
}

impl Api {
    /// Prepares requests to the API at `api_url` (`GITHUB_API_URL`). The token goes there and nowhere else. Must be called
    /// inside a Tokio runtime.
    ///
    /// # Errors
    /// If `api_url` is no URL, or neither https nor on this machine, or if the token cannot be sent in a header.
    pub fn new(
        client: reqwest::Client,
        api_url: &str,
        token: Option<&Secret>,
        options: ApiOptions,
    ) -> Result<Self, PortError> {
        let (client, base_path) = github::connect(client, api_url, token)?;
        let ApiOptions { pace, request_budget, reserve, .. } = options;
        Ok(Self {
            client,
            base_path,
            meter: Arc::new(Mutex::new(Meter::new(pace, request_budget, reserve))),
            options,
            stop: CancellationToken::new(),
        })
    }

    /// Ends waits, and not requests, once `stop` is cancelled: what waits then fails as rate limited.
    #[must_use]
    pub fn stopped_by(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// Tells whether a wait for a limit is too long.
    fn is_too_long(&self, wait: Duration) -> bool {
        wait > self.options.longest_wait || self.is_past_the_deadline(wait)
    }

    fn is_past_the_deadline(&self, wait: Duration) -> bool {
        let ends = Instant::now().checked_add(wait);
        self.options.deadline.is_some_and(|deadline| ends.is_none_or(|ends| ends > deadline))
    }

    /// Waits before a request is sent.
    async fn wait(&self, operation: &str, wait: Duration) -> Result<(), PortError> {
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.stop.cancelled() => {
                Err(PortError::new(PortErrorKind::RateLimited, operation, "the run was told to end while it waited"))
            }
        }
    }

    /// Returns where the token stands, as the last answer said.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.meter().limit
    }

    /// Waits until the token's hour has so many requests left, if it is known to have fewer.
    pub(in crate::adapters) async fn afford(&self, operation: &str, requests: u64) -> Result<(), PortError> {
        let shortage = self.meter().shortage(Instant::now(), requests);
        let few = |detail: String| PortError::new(PortErrorKind::RateLimited, operation, detail);
        match shortage {
            Shortage::None => Ok(()),
            Shortage::Ever { limit } => {
                // No run of this token can do it, so that it is no matter of waiting.
                let detail = format!("this takes at least {requests} requests, and the token may make {limit} an hour");
                Err(PortError::new(PortErrorKind::Denied, operation, detail).with_hint(
                    "use a classic token with the scopes `read:packages` and `delete:packages`: it may make \
                                5,000 an hour",
                ))
            }
            Shortage::Until(wait) if self.is_too_long(wait) => {
                Err(later(few(format!("this takes at least {requests} requests, more than the hour has left")), wait))
            }
            Shortage::Until(wait) => {
                tracing::warn!(operation, ?wait, "waiting for the rate limit to start anew");
                self.wait(operation, wait).await
            }
        }
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request until there is an answer that no further try would better, whatever its status.
    pub(in crate::adapters) async fn send(&self, call: &Call<'_>) -> Result<ApiAnswer, PortError> {
        let answer = self.send_within(call, Duration::MAX).await?;
        answer.ok_or_else(|| call.error(PortErrorKind::Unavailable, "it could not be sent"))
    }

    /// Does the same, but sends nothing later than `within` from now: `None` if that is not enough.
    pub(in crate::adapters) async fn send_within(
        &self,
        call: &Call<'_>,
        within: Duration,
    ) -> Result<Option<ApiAnswer>, PortError> {
        let until = Instant::now().checked_add(within);
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(self.options.first_wait)
            .with_max_times(RETRIES)
            .with_jitter()
            .build();
        let (mut tried_before, mut denials) = (false, 0);
        loop {
            if !self.admit(call, until).await? {
                return Ok(None);
            }
            let tried = tokio::time::timeout(TRY_TIMEOUT, self.attempt(call, denials))
                .await
                .unwrap_or_else(|_| Try::Failed(call.error(PortErrorKind::Unavailable, "no answer within 60 s")));
            match tried {
                Try::Final(answer) => return Ok(Some(ApiAnswer { tried_before, ..answer })),
                Try::Unusable(error) => return Err(error),
                Try::Failed(error) => {
                    tried_before = true;
                    let Some(wait) = waits.next() else { return Err(error) };
                    tracing::debug!(%error, ?wait, "trying again");
                    self.wait(call.operation, wait).await?;
                }
                Try::Limited(error, wait) => {
                    denials += 1;
                    // Admission waits, for this request and for all others.
                    self.meter().pause(Instant::now(), wait);
                    if denials > DENIALS || self.is_too_long(wait) {
                        return Err(later(error, wait));
                    }
                    tracing::warn!(%error, ?wait, "waiting for the rate limit");
                }
            }
        }
    }

    /// Waits until a request may be sent; `false` if that is later than `until`.
    async fn admit(&self, call: &Call<'_>, until: Option<Instant>) -> Result<bool, PortError> {
        let cost = match call.verb {
            Verb::Get => READ_POINTS,
            Verb::Delete | Verb::Post | Verb::Patch => WRITE_POINTS,
        };
        loop {
            if until.is_some_and(|until| Instant::now() > until) {
                return Ok(false);
            }
            let admission = self.meter().admit(Instant::now(), cost);
            let wait = match admission {
                Admission::Now => return Ok(true),
                Admission::BudgetSpent => {
                    return Err(call
                        .error(
                            PortErrorKind::RateLimited,
                            "the run has made as many requests as `request-budget` allows",
                        )
                        .with_hint("run the same step again later: what is done stays done"));
                }
                Admission::Limited(wait) if self.is_too_long(wait) => {
                    let error = call.error(PortErrorKind::RateLimited, "the rate limit is spent");
                    return Err(later(error, wait));
                }
                Admission::Paced(wait) if self.is_past_the_deadline(wait) => {
                    let error =
                        call.error(PortErrorKind::RateLimited, "the points of a minute (input `pace`) are spent");
                    return Err(later(error, wait));
                }
                Admission::Paced(wait) | Admission::Limited(wait) => wait,
            };
            self.wait(call.operation, wait).await?;
        }
    }

    async fn attempt(&self, call: &Call<'_>, denials: u32) -> Try {
        let path = format!("{}{}", self.base_path, call.path);
        let path = if call.path.starts_with(&*format!("{}/", self.base_path)) { call.path.clone() } else { path };
        let sent = match call.verb {
            Verb::Get => {
                let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(call.accept))]);
                self.client._get_with_headers(path, Some(headers)).await
            }
            Verb::Delete => self.client._delete(path, None::<&()>).await,
            Verb::Post => self.client._post(path, call.body.as_ref()).await,
            Verb::Patch => self.client._patch(path, call.body.as_ref()).await,
        };
        let response = match sent {
            Ok(response) => reqwest::Response::from(response.map(reqwest::Body::wrap)),
            Err(error) => {
                return Try::Failed(
                    call.error(PortErrorKind::Unavailable, "the API cannot be reached")
                        .with_hint(Trap::Unreachable.remedy())
                        .with_source(error),
                );
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        if let Some((limit, until_reset)) = limited::standing(&headers) {
            self.meter().learn(Instant::now(), limit, until_reset);
        }
        let body = match body(call, response).await {
            Ok(body) => body,
            Err(tried) => return tried,
        };
        let answer = ApiAnswer { status, headers, body, tried_before: false };
        if let Some(wait) = limited::asked_wait(status.as_u16(), &answer.headers, &answer.message(), denials) {
            return Try::Limited(call.error(PortErrorKind::RateLimited, answer.said()), wait);
        }
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            return Try::Failed(call.error(PortErrorKind::Unavailable, answer.said()));
        }
        Try::Final(answer)
    }
}

async fn body(call: &Call<'_>, mut response: reqwest::Response) -> Result<Bytes, Try> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > call.limit => {
                let detail = format!("the answer is larger than {} bytes", call.limit);
                return Err(Try::Unusable(call.error(PortErrorKind::Malformed, detail)));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) => {
                let error = call.error(PortErrorKind::Unavailable, "the answer broke off").with_source(error);
                return Err(Try::Failed(error));
            }
        }
    }
}

fn later(error: PortError, wait: Duration) -> PortError {
    let minutes = wait.as_secs().div_ceil(60).max(1);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    error.with_hint(format!("run it again in {minutes} {unit}: what is done stays done"))
}
