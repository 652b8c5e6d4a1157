//! Failures that a sandbox shows on demand.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::control::Control;

/// What a client meets instead of the right answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultEffect {
    /// Another answer; the request has no effect.
    Status {
        /// The HTTP status.
        code: u16,
        /// The body, sent as `application/json`.
        #[serde(default)]
        body: String,
        /// Further headers.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// No answer, ever; the request has no effect.
    Hang,
    /// The connection is closed without an answer; the request has no effect.
    DropConnection,
    /// The request takes effect; its answer's body ends half-way and the connection with it.
    CutBody,
    /// The request takes effect; the connection is closed without an answer.
    LoseAnswer,
    /// The request takes effect; the answer says otherwise, as GHCR's do when something breaks behind them.
    LateStatus {
        /// The HTTP status.
        code: u16,
        /// The body, sent as `application/json`.
        #[serde(default)]
        body: String,
    },
    /// The request takes effect; where its answer names a digest (`Docker-Content-Digest`), it names another.
    WrongDigest,
    /// The request takes effect; one byte of its answer's body is another.
    WrongBody,
    /// The request takes effect; so many spaces, which JSON allows, follow its answer's body.
    LongBody {
        /// How many bytes are added.
        bytes: usize,
    },
    /// Reads see the registry as it was when the fault was set; writes are not met. Lists of GHCR lag behind like that.
    Stale {
        /// For how long, in milliseconds, however many requests come; `None` leaves it to the number of requests.
        #[serde(default)]
        milliseconds: Option<u64>,
    },
    /// A redirect (307); the request has no effect.
    Redirect {
        /// The `Location` header.
        location: String,
    },
}

/// A failure and the requests that meet it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// The HTTP method in capitals; `None` means all.
    pub method: Option<String>,
    /// What the path with its query must contain; `None` means all.
    pub path_contains: Option<String>,
    /// How many matching requests pass before the first that fails.
    #[serde(default)]
    pub skip: usize,
    /// How many requests fail; [`usize::MAX`] means all.
    #[serde(default = "once")]
    pub times: usize,
    /// How they fail.
    pub effect: FaultEffect,
}

fn once() -> usize {
    1
}

impl Fault {
    /// Makes a fault that the next request meets, once.
    #[must_use]
    pub fn once(effect: FaultEffect) -> Self {
        Self { method: None, path_contains: None, skip: 0, times: 1, effect }
    }

    /// Makes a fault that every request meets.
    #[must_use]
    pub fn always(effect: FaultEffect) -> Self {
        Self { times: usize::MAX, ..Self::once(effect) }
    }

    /// Restricts the fault to requests of one method whose path contains a text.
    #[must_use]
    pub fn on(mut self, method: &str, path_contains: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path_contains = Some(path_contains.to_owned());
        self
    }

    /// Lets the first `skip` matching requests pass.
    #[must_use]
    pub fn after(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path_contains.as_deref().is_none_or(|wanted| path.contains(wanted))
    }
}

impl FaultEffect {
    /// Makes an answer with one registry error in it.
    #[must_use]
    pub fn registry_error(code: u16, error: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": error, "message": message}]}).to_string();
        Self::Status { code, body, headers: Vec::new() }
    }
}

/// The faults that are set, in the order in which they were.
#[derive(Default)]
pub(super) struct Faults(Vec<Active>);

struct Active {
    fault: Fault,
    /// The registry as it was when the fault was set, for one that shows it so.
    view: Option<Control>,
    /// When the fault is over.
    until: Option<Instant>,
}

impl Active {
    fn is_over(&self, now: Instant) -> bool {
        match self.until {
            Some(until) => now >= until,
            None => self.fault.times == 0,
        }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.fault.matches(method, path) && (self.view.is_none() || matches!(method, "GET" | "HEAD"))
    }
}

/// A fault that a request meets.
pub(super) struct Hit {
    pub(super) effect: FaultEffect,
    /// What the request sees instead of the registry.
    pub(super) view: Option<Control>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault, view: Option<Control>) {
        let until = match fault.effect {
            FaultEffect::Stale { milliseconds: Some(milliseconds) } => {
                Instant::now().checked_add(Duration::from_millis(milliseconds))
            }
            _ => None,
        };
        self.0.push(Active { fault, view, until });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Finds the fault that a request meets, and counts it. Faults are tried in the order in which they were set; one that
    /// lets the request pass does not stop the next from hitting it.
    pub(super) fn take(&mut self, method: &str, path: &str) -> Option<Hit> {
        let now = Instant::now();
        self.0.retain(|active| !active.is_over(now));
        let mut hit = None;
        for active in &mut self.0 {
            if !active.matches(method, path) {
                continue;
            }
            let Active { fault, view, until } = active;
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if fault.times != usize::MAX && until.is_none() {
                fault.times -= 1;
            }
            hit = Some(Hit { effect: fault.effect.clone(), view: view.clone() });
            break;
        }
        self.0.retain(|active| !active.is_over(now));
        hit
    }
}
