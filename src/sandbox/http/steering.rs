//! Faults by HTTP, for clients that run in another process than the sandbox. These requests pass no gate and no log.

use hyper::{Method, StatusCode, body::Incoming};

use super::{answer::Answer, body::read_at_most};
use crate::sandbox::{Control, Fault};

/// Where faults are set.
pub(super) const FAULTS: &str = "/_sandbox/faults";

/// The longest description of a fault, in bytes: it may hold the body of an answer.
const MAX_FAULT_BYTES: usize = 1024 * 1024;

/// Answers POST, which sets one fault (`{"method": "PUT", "path-contains": "/manifests/", "skip": 1, "times": 2, "effect":
/// "lose-answer"}`), and DELETE, which removes all.
pub(super) async fn faults(control: &Control, method: &Method, body: &mut Incoming) -> Result<Answer, Answer> {
    match *method {
        Method::POST => {
            let invalid = |message: &str| Answer::error(StatusCode::BAD_REQUEST, "FAULT_INVALID", message);
            let bytes = read_at_most(body, MAX_FAULT_BYTES).await?.ok_or_else(|| invalid("longer than 1 MiB"))?;
            let fault: Fault = serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
            control.fault(fault);
            Ok(Answer::new(StatusCode::NO_CONTENT))
        }
        Method::DELETE => {
            control.clear_faults();
            Ok(Answer::new(StatusCode::NO_CONTENT))
        }
        _ => Err(Answer::unsupported()),
    }
}
