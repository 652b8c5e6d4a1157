//! Failures that a sandbox shows on demand.

use serde::Deserialize;

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

/// Finds the fault that a request meets, and counts it. Faults are tried in the order in which they were set; one that
/// lets the request pass does not stop the next from hitting it.
pub(super) fn take(faults: &mut Vec<Fault>, method: &str, path: &str) -> Option<FaultEffect> {
    let mut hit = None;
    for (position, fault) in faults.iter_mut().enumerate() {
        if fault.times == 0 || !fault.matches(method, path) {
            continue;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
            continue;
        }
        if fault.times != usize::MAX {
            fault.times -= 1;
        }
        hit = Some(position);
        break;
    }
    let effect = hit.map(|position| faults[position].effect.clone());
    faults.retain(|fault| fault.times > 0);
    effect
}
