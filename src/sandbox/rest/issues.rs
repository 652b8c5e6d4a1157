//! Issues, and the two kinds of dispatches: they are recorded, and nothing comes of them.

use hyper::StatusCode;
use serde_json::Value;

use super::{
    call::{Call, Scene},
    errors::{invalid, not_found},
    objects::release,
    paging::Page,
};
use crate::sandbox::{
    http::Answer,
    state::{SourceRepository, State, source::Dispatch},
};

/// Answers `GET …/issues`, newest first.
pub(super) fn list(state: &State, call: &Call, source: &SourceRepository) -> Answer {
    let open = !matches!(call.parameter("state"), Some("closed"));
    let issues = source.issues.values().rev().filter(|_| open);
    let objects = issues.map(|issue| release::issue(state, call, source, issue)).collect();
    Page::of(call).answer_all(call, &format!("/repositories/{}/issues", source.id), objects)
}

/// Answers `GET …/issues/{number}`.
pub(super) fn get(state: &State, call: &Call, source: &SourceRepository, number: &str) -> Result<Answer, Answer> {
    let found = number.parse().ok().and_then(|number: u64| source.issues.get(&number)).ok_or_else(not_found)?;
    Ok(Answer::json(StatusCode::OK, &release::issue(state, call, source, found)))
}

/// Answers `POST …/issues`.
pub(super) fn open(scene: &mut Scene<'_>, name: &str) -> Result<Answer, Answer> {
    let call = scene.call;
    call.writes(scene.state.source(name).ok_or_else(not_found)?)?;
    let object = call.object()?;
    let title = match object.get("title") {
        Some(Value::String(title)) if !title.trim().is_empty() => title,
        Some(Value::Number(_)) => return Err(invalid("Issue", "title", "invalid")),
        _ => return Err(invalid("Issue", "title", "missing_field")),
    };
    let label = |label: &Value| label.as_str().or_else(|| label["name"].as_str()).map(str::to_owned);
    let labels = object.get("labels").and_then(Value::as_array);
    let labels = labels.map(|labels| labels.iter().filter_map(label).collect()).unwrap_or_default();
    let body = object.get("body").and_then(Value::as_str);
    let source = scene.state.source_mut(name).ok_or_else(not_found)?;
    let number = source.open_issue(title, body, labels, call.now);
    let source = scene.state.source(name).ok_or_else(not_found)?;
    let issue = source.issues.get(&number).ok_or_else(not_found)?;
    let object = release::issue(scene.state, call, source, issue);
    let url = object["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(StatusCode::CREATED, &object).header("location", url))
}

/// Answers `POST …/dispatches` and `POST …/actions/workflows/{workflow}/dispatches`.
pub(super) fn dispatch(scene: &mut Scene<'_>, name: &str, workflow: Option<&str>) -> Result<Answer, Answer> {
    let call = scene.call;
    call.writes(scene.state.source(name).ok_or_else(not_found)?)?;
    let body = call.object()?;
    let required = if workflow.is_some() { "ref" } else { "event_type" };
    if !body.get(required).is_some_and(Value::is_string) {
        return Err(invalid("Dispatch", required, "missing_field"));
    }
    let source = scene.state.source_mut(name).ok_or_else(not_found)?;
    let workflow = workflow.map(str::to_owned);
    source.dispatches.push(Dispatch { workflow, body: Value::Object(body), at: call.now });
    Ok(Answer::new(StatusCode::NO_CONTENT))
}
