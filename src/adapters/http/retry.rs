//! Which failures are worth another attempt, and after how long.

use std::{error::Error, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, Utc};
use reqwest::StatusCode;

use super::{Answer, one_line, rate_limit};
use crate::ports::{PortError, PortErrorKind};

/// How often and after how long a request is sent again; tests shrink the delays.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Attempts in all.
    pub attempts: usize,
    /// The first delay; each later one is twice the one before, and a random part of at most itself is added.
    pub first_delay: Duration,
    /// The longest delay of our own choosing.
    pub longest_delay: Duration,
    /// The longest wait that a server may ask for; beyond it, the request ends as rate limited.
    pub longest_wait: Duration,
    /// The wait after GitHub's secondary rate limit where it names none.
    pub secondary_wait: Duration,
    /// How often a secondary rate limit is waited out.
    pub secondary_attempts: usize,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            // About 6 to 12 s in all: longer than a registry's hiccup, shorter than anyone's patience.
            attempts: 6,
            first_delay: Duration::from_millis(200),
            longest_delay: Duration::from_secs(15),
            longest_wait: Duration::from_secs(120),
            // "Wait for at least one minute", says GitHub's documentation of rate limits.
            secondary_wait: Duration::from_secs(60),
            secondary_attempts: 2,
        }
    }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The connection failed, or broke before the answer was complete.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// Nothing came or went for too long.
    #[error("{0}")]
    Stalled(&'static str),
    /// More came than may be taken into memory.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The request could not be built.
    #[error("the request is invalid")]
    Invalid(#[source] reqwest::Error),
}

impl Lost {
    /// Wraps a connection's failure without its address, whose query may be a signature.
    pub(crate) fn connection(error: reqwest::Error) -> Self {
        Self::Connection(error.without_url())
    }

    fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut below = self.source();
        while let Some(error) = below {
            text.push_str(": ");
            text.push_str(&error.to_string());
            below = error.source();
        }
        text
    }

    /// Turns this into what the ports say.
    pub(crate) fn into_port_error(self, operation: &str) -> PortError {
        let kind = match self {
            Self::Connection(_) | Self::Stalled(_) => PortErrorKind::Unavailable,
            Self::TooLarge(_) | Self::Invalid(_) => PortErrorKind::Malformed,
        };
        let untrusted = self.is_certificate();
        let error = PortError::new(kind, operation, self.to_string());
        let error = match self {
            Self::Connection(source) | Self::Invalid(source) => error.with_source(source),
            Self::Stalled(_) | Self::TooLarge(_) => error,
        };
        if untrusted {
            error.with_hint(
                "the server's certificate is not trusted: name your own authority's PEM file in SSL_CERT_FILE",
            )
        } else {
            error
        }
    }

    fn is_certificate(&self) -> bool {
        match self {
            Self::Connection(error) => error.is_connect() && self.chain().contains("invalid peer certificate"),
            Self::Stalled(_) | Self::TooLarge(_) | Self::Invalid(_) => false,
        }
    }

    fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Connection(_) => !self.is_certificate(),
            Self::Stalled(_) => true,
            Self::TooLarge(_) | Self::Invalid(_) => false,
        }
    }
}

/// What follows from an attempt.
#[derive(Debug)]
pub(crate) enum Judged {
    /// The answer stands.
    Final(Box<Answer>),
    /// Another attempt, after this long.
    Again(Duration),
}

/// The attempts of one request.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: RetryPolicy,
    delays: ExponentialBackoff,
    secondary_left: usize,
}

impl Retries {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(policy.first_delay)
            .with_max_delay(policy.longest_delay)
            .with_factor(2.0)
            .with_max_times(policy.attempts.saturating_sub(1))
            .with_jitter()
            .build();
        Self { policy, delays, secondary_left: policy.secondary_attempts }
    }

    /// Judges an attempt.
    ///
    /// # Errors
    /// If it failed in a way that a retry could cure, and the retries are spent; or in one that none can cure.
    pub(crate) fn judge(&mut self, operation: &str, outcome: Result<Answer, Lost>) -> Result<Judged, PortError> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(lost) if lost.is_worth_a_retry() => {
                return match self.next_delay() {
                    Some(delay) => {
                        tracing::debug!(operation, ?delay, reason = lost.chain(), "trying again");
                        Ok(Judged::Again(delay))
                    }
                    None => Err(lost.into_port_error(operation)),
                };
            }
            Err(lost) => return Err(lost.into_port_error(operation)),
        };
        match answer.status.as_u16() {
            403 if rate_limit::is_secondary_limit(&answer.body) => self.wait_out_secondary(operation, &answer),
            403 if answer.header("x-ratelimit-remaining") == Some("0") => self.wait_out(operation, &answer),
            429 => self.wait_out(operation, &answer),
            500 | 502 | 503 | 504 => self.after_failure(operation, &answer),
            _ => Ok(Judged::Final(Box::new(answer))),
        }
    }

    /// Returns the delay before another attempt, if one is left.
    pub(crate) fn next_delay(&mut self) -> Option<Duration> {
        self.delays.next()
    }

    fn after_failure(&mut self, operation: &str, answer: &Answer) -> Result<Judged, PortError> {
        let asked = rate_limit::asked_wait(&answer.headers, &[]).unwrap_or_default();
        match self.next_delay() {
            Some(delay) if asked <= self.policy.longest_wait => {
                tracing::debug!(operation, ?delay, status = answer.status.as_u16(), "trying again");
                Ok(Judged::Again(delay.max(asked)))
            }
            _ => Err(unavailable(operation, answer.status, &answer.body)),
        }
    }

    fn wait_out(&mut self, operation: &str, answer: &Answer) -> Result<Judged, PortError> {
        let asked = rate_limit::asked_wait(&answer.headers, &answer.body);
        match self.next_delay() {
            // Our own delay is added to the server's: many callers were told the same moment.
            Some(delay) if asked.is_none_or(|asked| asked <= self.policy.longest_wait) => {
                let delay = asked.unwrap_or_default() + delay;
                tracing::debug!(operation, ?delay, "waiting for the rate limit");
                Ok(Judged::Again(delay))
            }
            _ => Err(rate_limited(operation, answer, asked)),
        }
    }

    fn wait_out_secondary(&mut self, operation: &str, answer: &Answer) -> Result<Judged, PortError> {
        let asked = rate_limit::asked_wait(&answer.headers, &[]);
        let wait = asked.unwrap_or(self.policy.secondary_wait);
        if self.secondary_left == 0 || wait > self.policy.longest_wait {
            return Err(rate_limited(operation, answer, Some(wait)));
        }
        self.secondary_left -= 1;
        tracing::warn!(operation, ?wait, "waiting for GitHub's secondary rate limit");
        Ok(Judged::Again(wait))
    }
}

fn unavailable(operation: &str, status: StatusCode, body: &[u8]) -> PortError {
    PortError::new(
        PortErrorKind::Unavailable,
        operation,
        format!("the server went on answering {} {}", status.as_u16(), one_line(body)),
    )
}

fn rate_limited(operation: &str, answer: &Answer, asked: Option<Duration>) -> PortError {
    let until = asked
        .and_then(|wait| chrono::Duration::from_std(wait).ok())
        .and_then(|wait| rate_limit::now(&answer.headers).checked_add_signed(wait))
        .map(|until: DateTime<Utc>| format!(" until {}", until.format("%Y-%m-%dT%H:%M:%SZ")))
        .unwrap_or_default();
    PortError::new(
        PortErrorKind::RateLimited,
        operation,
        format!("rate limited{until}: the server answered {} {}", answer.status.as_u16(), one_line(&answer.body)),
    )
    .with_hint("run the same step again later: what is done stays done")
}
