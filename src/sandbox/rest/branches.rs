//! Branches.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    call::{Call, encode},
    errors::refuse,
    objects::commit,
    paging::Page,
};
use crate::sandbox::{
    http::Answer,
    state::{SourceRepository, State},
};

/// Answers `GET …/branches`, by name.
pub(super) fn list(call: &Call, source: &SourceRepository) -> Answer {
    let repository = format!("{}/repos/{}", call.api, source.full_name());
    let branches: Vec<Value> = source
        .branches()
        .filter(|_| call.parameter("protected") != Some("true"))
        .map(|(name, id)| {
            let commit = json!({"sha": id, "url": format!("{repository}/commits/{id}")});
            json!({"name": name, "commit": commit, "protected": false})
        })
        .collect();
    Page::of(call).answer_all(call, &format!("/repositories/{}/branches", source.id), branches)
}

/// Answers `GET …/branches/{branch}`.
pub(super) fn get(state: &State, call: &Call, source: &SourceRepository, name: &str) -> Result<Answer, Answer> {
    let found = source.branch(name).and_then(|id| source.commit_by_id(id));
    let found = found.ok_or_else(|| refuse(StatusCode::NOT_FOUND, "Branch not found"))?;
    let url = format!("{}/repos/{}/branches/{}", call.api, source.full_name(), encode(name));
    let body = json!({
        "name": name,
        "commit": commit::object(state, call, source, found),
        "_links": {"self": url, "html": format!("https://github.com/{}/tree/{name}", source.full_name())},
        "protected": false,
        "protection": {
            "enabled": false,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
        "protection_url": format!("{url}/protection"),
    });
    Ok(Answer::json(StatusCode::OK, &body))
}
