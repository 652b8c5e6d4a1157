//! Releases.

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
    state::{SourceRepository, State, source::Release},
};

fn answer(state: &State, call: &Call, source: &SourceRepository, found: Option<&Release>) -> Result<Answer, Answer> {
    let found = found.ok_or_else(not_found)?;
    Ok(Answer::json(StatusCode::OK, &release::release(state, call, source, found)))
}

/// Newest first. Drafts are shown to those who could publish them.
fn visible<'a>(call: &Call, source: &'a SourceRepository) -> Vec<&'a Release> {
    let writes = call.writes(source).is_ok();
    let mut releases: Vec<&Release> = source.releases.values().filter(|release| writes || !release.draft).collect();
    releases.sort_by_key(|release| std::cmp::Reverse((release.created, release.id)));
    releases
}

/// Answers `GET …/releases`.
pub(super) fn list(state: &State, call: &Call, source: &SourceRepository) -> Answer {
    let releases = visible(call, source);
    let (page, total) = (Page::of(call), releases.len());
    let objects: Vec<Value> =
        page.cut(releases).into_iter().map(|found| release::release(state, call, source, found)).collect();
    page.answer(call, &format!("/repositories/{}/releases", source.id), total, &objects)
}

/// Answers `GET …/releases/latest`: neither a draft nor a pre-release.
pub(super) fn latest(state: &State, call: &Call, source: &SourceRepository) -> Result<Answer, Answer> {
    let releases = visible(call, source);
    answer(state, call, source, releases.into_iter().find(|release| !release.draft && !release.prerelease))
}

/// Answers `GET …/releases/tags/{tag}`, which finds no drafts.
pub(super) fn by_tag(state: &State, call: &Call, source: &SourceRepository, tag: &str) -> Result<Answer, Answer> {
    let found = source.releases.values().find(|release| release.tag_name == tag && !release.draft);
    answer(state, call, source, found)
}

/// Answers `GET …/releases/{id}`.
pub(super) fn get(state: &State, call: &Call, source: &SourceRepository, id: &str) -> Result<Answer, Answer> {
    let found = id.parse().ok().and_then(|id: u64| source.releases.get(&id));
    answer(state, call, source, found.filter(|release| !release.draft || call.writes(source).is_ok()))
}

/// Answers `PATCH …/releases/{id}`: name, text, and whether it is a draft or a pre-release.
pub(super) fn edit(scene: &mut Scene<'_>, name: &str, id: &str) -> Result<Answer, Answer> {
    let call = scene.call;
    let id: u64 = id.parse().map_err(|_| not_found())?;
    let source = scene.state.source(name).ok_or_else(not_found)?;
    call.writes(source)?;
    source.releases.get(&id).ok_or_else(not_found)?;
    let changes = call.object()?;
    let text = |field: &str| match changes.get(field) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(text)) => Ok(Some(Some(text.clone()))),
        Some(_) => Err(invalid("Release", field, "invalid")),
    };
    let flag = |field: &str| match changes.get(field) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(invalid("Release", field, "invalid")),
    };
    let (title, body, draft, prerelease) = (text("name")?, text("body")?, flag("draft")?, flag("prerelease")?);
    let source = scene.state.source_mut(name).ok_or_else(not_found)?;
    let release = source.releases.get_mut(&id).ok_or_else(not_found)?;
    if let Some(title) = title {
        release.name = title;
    }
    if let Some(body) = body {
        release.body = body;
    }
    if let Some(prerelease) = prerelease {
        release.prerelease = prerelease;
    }
    if let Some(draft) = draft {
        release.draft = draft;
        release.published = if draft { None } else { release.published.or(Some(call.now)) };
    }
    let source = scene.state.source(name).ok_or_else(not_found)?;
    answer(scene.state, call, source, source.releases.get(&id))
}
