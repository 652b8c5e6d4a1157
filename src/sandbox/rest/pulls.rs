//! Pull requests.

use hyper::StatusCode;

use super::{call::Call, errors::not_found, objects::pull, paging::Page};
use crate::sandbox::{
    http::Answer,
    state::{SourceRepository, State, source::PullRequest},
};

/// Answers `GET …/pulls`.
pub(super) fn list(state: &State, call: &Call, source: &SourceRepository) -> Answer {
    let wanted = call.parameter("state").unwrap_or("open");
    let head = call.parameter("head").filter(|head| !head.is_empty());
    let base = call.parameter("base").filter(|base| !base.is_empty());
    let label = |pull: &PullRequest| {
        let owner = pull.head_repository.as_deref().and_then(|name| name.split('/').next()).unwrap_or("unknown");
        format!("{owner}:{}", pull.head_branch)
    };
    let mut pulls: Vec<&PullRequest> = source
        .pulls
        .values()
        .filter(|pull| match wanted {
            "all" => true,
            "closed" => pull.closed.is_some(),
            _ => pull.closed.is_none(),
        })
        .filter(|pull| base.is_none_or(|base| base == pull.base_branch))
        .filter(|pull| head.is_none_or(|head| head.eq_ignore_ascii_case(&label(pull))))
        .collect();
    let sort = call.parameter("sort").unwrap_or("created");
    pulls.sort_by_key(|pull| (if sort == "updated" { pull.updated } else { pull.created }, pull.number));
    // The newest come first, unless the client names another order than GitHub's own and no direction.
    let ascending = match call.parameter("direction") {
        Some(direction) => direction == "asc",
        None => call.parameter("sort").is_some_and(|sort| sort != "created"),
    };
    if !ascending {
        pulls.reverse();
    }
    let page = Page::of(call);
    let total = pulls.len();
    let objects: Vec<_> =
        page.cut(pulls).into_iter().map(|request| pull::simple(state, call, source, request)).collect();
    page.answer(call, &format!("/repositories/{}/pulls", source.id), total, &objects)
}

/// Answers `GET …/pulls/{number}`.
pub(super) fn get(state: &State, call: &Call, source: &SourceRepository, number: &str) -> Result<Answer, Answer> {
    let found = number.parse().ok().and_then(|number: u64| source.pulls.get(&number));
    Ok(Answer::json(StatusCode::OK, &pull::full(state, call, source, found.ok_or_else(not_found)?)))
}
