//! Commits.

use hyper::StatusCode;
use serde_json::json;

use super::{
    call::Call,
    errors::{not_found, refuse},
    objects::commit,
    paging::Page,
};
use crate::sandbox::{
    http::Answer,
    state::{
        SourceRepository, State, Time,
        source::{Commit, objects::blob_id},
    },
};

/// Answers `GET …/commits`, newest first.
pub(super) fn list(state: &State, call: &Call, source: &SourceRepository) -> Result<Answer, Answer> {
    let start = match call.parameter("sha").filter(|name| !name.is_empty()) {
        Some(name) => source.resolve(name).ok_or_else(not_found)?,
        None => {
            let empty = || refuse(StatusCode::CONFLICT, "Git Repository is empty.");
            source.resolve("HEAD").ok_or_else(empty)?
        }
    };
    let time = |name| call.parameter(name).and_then(|text| text.parse::<Time>().ok());
    let (since, until) = (time("since"), time("until"));
    let path = call.parameter("path").map(|path| path.trim_matches('/')).filter(|path| !path.is_empty());
    let touches = |commit: &Commit, path: &str| {
        let below = |name: &str| name == path || name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        let of = |commit: Option<&Commit>| -> Vec<(String, String)> {
            let files = commit.into_iter().flat_map(|commit| commit.files.iter());
            files.filter(|(name, _)| below(name)).map(|(name, bytes)| (name.clone(), blob_id(bytes))).collect()
        };
        let parent = commit.parents.first().and_then(|id| source.commit_by_id(id));
        of(Some(commit)) != of(parent)
    };
    let commits: Vec<&Commit> = source
        .history(start)
        .into_iter()
        .filter(|commit| since.is_none_or(|since| commit.date >= since))
        .filter(|commit| until.is_none_or(|until| commit.date <= until))
        .filter(|commit| path.is_none_or(|path| touches(commit, path)))
        .collect();
    let page = Page::of(call);
    let total = commits.len();
    let objects: Vec<_> =
        page.cut(commits).into_iter().map(|found| commit::object(state, call, source, found)).collect();
    Ok(page.answer(call, &format!("/repositories/{}/commits", source.id), total, &objects))
}

/// Answers `GET …/commits/{ref}`: a commit with the files that it changes, which only the first page lists.
pub(super) fn get(state: &State, call: &Call, source: &SourceRepository, name: &str) -> Result<Answer, Answer> {
    let message = format!("No commit found for SHA: {name}");
    let found = source.resolve(name).ok_or_else(|| refuse(StatusCode::UNPROCESSABLE_ENTITY, &message))?;
    if call.accepts("sha") {
        return Ok(Answer::new(StatusCode::OK).body("application/vnd.github.sha; charset=utf-8", found.id.clone()));
    }
    let parent = found.parents.first().and_then(|id| source.commit_by_id(id));
    let files = commit::changed_files(call, source, parent, found);
    let page = Page::of(call);
    let mut body = commit::object(state, call, source, found);
    body["stats"] = json!({"total": files.len(), "additions": files.len(), "deletions": 0});
    body["files"] = page.cut(files).into();
    Ok(Answer::json(StatusCode::OK, &body))
}

/// Answers `GET …/git/commits/{sha}`, which knows whole ids only.
pub(super) fn git_commit(call: &Call, source: &SourceRepository, id: &str) -> Result<Answer, Answer> {
    let Commit { id, parents, message, author, date, tree, files: _ } =
        source.commit_by_id(id).ok_or_else(not_found)?;
    let repository = format!("{}/repos/{}", call.api, source.full_name());
    let web = format!("https://github.com/{}/commit", source.full_name());
    let who = json!({"name": author, "email": format!("{author}@users.noreply.github.com"), "date": date.to_string()});
    let parents: Vec<_> = parents
        .iter()
        .map(
            |id| json!({"sha": id, "url": format!("{repository}/git/commits/{id}"), "html_url": format!("{web}/{id}")}),
        )
        .collect();
    let body = json!({
        "sha": id,
        "node_id": id,
        "url": format!("{repository}/git/commits/{id}"),
        "html_url": format!("{web}/{id}"),
        "author": who,
        "committer": who,
        "message": message,
        "tree": {"sha": tree, "url": format!("{repository}/git/trees/{tree}")},
        "parents": parents,
        "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
    });
    Ok(Answer::json(StatusCode::OK, &body))
}
