//! Comparing two commits.

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
    state::{SourceRepository, State},
};

/// Commits on a page where the client does not say how many.
const DEFAULT_SIZE: usize = 250;

/// Answers `GET …/compare/{base}...{head}`. Only the first page lists changed files.
pub(super) fn get(state: &State, call: &Call, source: &SourceRepository, both: &str) -> Result<Answer, Answer> {
    let (base_name, head_name) = both.split_once("...").ok_or_else(not_found)?;
    // `owner:branch` names a branch of a fork; there are no forks here.
    let resolve = |name: &str| source.resolve(name.rsplit(':').next().unwrap_or_default()).ok_or_else(not_found);
    let (base, head) = (resolve(base_name)?, resolve(head_name)?);
    let comparison = source.compare(base, head);
    let Some(merge_base) = comparison.merge_base else {
        let message = format!("No common ancestor between {base_name} and {head_name}.");
        return Err(refuse(StatusCode::NOT_FOUND, &message));
    };
    let (ahead, behind) = (comparison.ahead.len(), comparison.behind);
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let page = Page::with_default(call, DEFAULT_SIZE);
    let commits: Vec<_> =
        page.cut(comparison.ahead).into_iter().map(|found| commit::object(state, call, source, found)).collect();
    let files = if page.number == 1 && ahead > 0 {
        commit::changed_files(call, source, Some(merge_base), head)
    } else {
        Vec::new()
    };
    let name = source.full_name();
    let web = format!("https://github.com/{name}/compare/{base_name}...{head_name}");
    let body = json!({
        "url": format!("{}/repos/{name}/compare/{base_name}...{head_name}", call.api),
        "html_url": web,
        "permalink_url": web,
        "diff_url": format!("{web}.diff"),
        "patch_url": format!("{web}.patch"),
        "base_commit": commit::object(state, call, source, base),
        "merge_base_commit": commit::object(state, call, source, merge_base),
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": commits,
        "files": files,
    });
    let path = format!("/repositories/{}/compare/{base_name}...{head_name}", source.id);
    Ok(page.answer(call, &path, ahead, &body))
}
