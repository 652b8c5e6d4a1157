//! Refs and annotated tags.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    call::Call,
    errors::not_found,
    objects::{ref_node_id, tag_node_id},
    paging::Page,
};
use crate::sandbox::{
    http::Answer,
    state::{SourceRepository, source::Target},
};

fn target(call: &Call, source: &SourceRepository, Target { annotated, id }: &Target) -> Value {
    let (kind, folder) = if *annotated { ("tag", "tags") } else { ("commit", "commits") };
    let url = format!("{}/repos/{}/git/{folder}/{id}", call.api, source.full_name());
    json!({"sha": id, "type": kind, "url": url})
}

fn object(call: &Call, source: &SourceRepository, name: &str, points_at: &Target) -> Value {
    json!({
        "ref": name,
        "node_id": ref_node_id(name),
        "url": format!("{}/repos/{}/git/{name}", call.api, source.full_name()),
        "object": target(call, source, points_at),
    })
}

/// Answers `GET …/git/ref/{ref}`, where `ref` is `heads/…` or `tags/…` in full.
pub(super) fn get(call: &Call, source: &SourceRepository, name: &str) -> Result<Answer, Answer> {
    let full = format!("refs/{name}");
    let found = source.refs(name).into_iter().find(|(other, _)| *other == full);
    let (name, points_at) = found.ok_or_else(not_found)?;
    Ok(Answer::json(StatusCode::OK, &object(call, source, &name, &points_at)))
}

/// Answers `GET …/git/matching-refs/{ref}`: all that begin so, perhaps none.
pub(super) fn matching(call: &Call, source: &SourceRepository, prefix: &str) -> Answer {
    let found = source.refs(prefix);
    let list = found.iter().map(|(name, points_at)| object(call, source, name, points_at)).collect();
    // This list comes whole unless a page is asked for.
    if call.parameter("per_page").is_none() && call.parameter("page").is_none() {
        return Answer::json(StatusCode::OK, &Value::Array(list));
    }
    let path = format!("/repositories/{}/git/matching-refs/{prefix}", source.id);
    Page::of(call).answer_all(call, &path, list)
}

/// Answers `GET …/git/tags/{sha}`.
pub(super) fn tag(call: &Call, source: &SourceRepository, id: &str) -> Result<Answer, Answer> {
    let tag = source.annotated_tag(id).ok_or_else(not_found)?;
    let body = json!({
        "node_id": tag_node_id(&tag.id),
        "sha": tag.id,
        "url": format!("{}/repos/{}/git/tags/{}", call.api, source.full_name(), tag.id),
        "tagger": {
            "name": source.owner,
            "email": format!("{}@users.noreply.github.com", source.owner),
            "date": tag.date.to_string(),
        },
        "object": target(call, source, &tag.target),
        "tag": tag.name,
        "message": tag.message,
        "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
    });
    Ok(Answer::json(StatusCode::OK, &body))
}
