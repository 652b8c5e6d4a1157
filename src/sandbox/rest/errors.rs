//! The API's refusals: `message`, `documentation_url`, and the status as text.

use hyper::StatusCode;
use serde_json::json;

use crate::sandbox::http::Answer;

/// What a refusal points at where no page says more.
const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// Makes a refusal.
pub(super) fn refuse(status: StatusCode, message: &str) -> Answer {
    refuse_with(status, message, DOCUMENTATION)
}

/// Makes a refusal that points at a page of the documentation.
pub(super) fn refuse_with(status: StatusCode, message: &str, documentation: &str) -> Answer {
    let body = json!({"message": message, "documentation_url": documentation, "status": status.as_u16().to_string()});
    Answer::json(status, &body)
}

pub(super) fn not_found() -> Answer {
    refuse(StatusCode::NOT_FOUND, "Not Found")
}

pub(super) fn bad_credentials() -> Answer {
    refuse(StatusCode::UNAUTHORIZED, "Bad credentials")
}

pub(super) fn requires_authentication() -> Answer {
    refuse(StatusCode::UNAUTHORIZED, "Requires authentication")
}

/// What a GITHUB_TOKEN is told that lacks a permission.
pub(super) fn not_for_integrations() -> Answer {
    refuse(StatusCode::FORBIDDEN, "Resource not accessible by integration")
}

/// What a fine-grained token is told that lacks a permission.
pub(super) fn not_for_fine_grained() -> Answer {
    refuse(StatusCode::FORBIDDEN, "Resource not accessible by personal access token")
}

pub(super) fn package_not_found() -> Answer {
    refuse(StatusCode::NOT_FOUND, "Package not found.")
}

pub(super) fn version_not_found() -> Answer {
    refuse(StatusCode::NOT_FOUND, "Package version not found.")
}

/// Refuses a body that says something impossible; `field` names what.
pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Answer {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let body = json!({
        "message": "Validation Failed",
        "errors": [{"resource": resource, "field": field, "code": code}],
        "documentation_url": DOCUMENTATION,
        "status": status.as_u16().to_string(),
    });
    Answer::json(status, &body)
}
