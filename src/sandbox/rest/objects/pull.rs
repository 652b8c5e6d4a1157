//! Pull requests.

use serde_json::{Value, json};

use super::{account, node_id, repository};
use crate::sandbox::{
    rest::call::Call,
    state::{SourceRepository, State, Time, source::PullRequest},
};

fn end(state: &State, call: &Call, source: Option<&SourceRepository>, branch: &str, sha: &str) -> Value {
    let owner = source.map_or("unknown", |source| source.owner.as_str());
    json!({
        "label": format!("{owner}:{branch}"),
        "ref": branch,
        "sha": sha,
        "user": account::simple_by_login(state, call, owner),
        "repo": source.map(|source| repository::whole(state, call, source)),
    })
}

/// Makes a pull request as lists have it.
pub(in crate::sandbox::rest) fn simple(
    state: &State,
    call: &Call,
    source: &SourceRepository,
    pull: &PullRequest,
) -> Value {
    let repository = format!("{}/repos/{}", call.api, source.full_name());
    let number = pull.number;
    let url = format!("{repository}/pulls/{number}");
    let issue = format!("{repository}/issues/{number}");
    let web = format!("https://github.com/{}/pull/{number}", source.full_name());
    let statuses = format!("{repository}/statuses/{}", pull.head_sha);
    let time = |time: Option<Time>| time.map(|time| time.to_string());
    let head = pull.head_repository.as_ref().and_then(|name| state.source(name));
    let links = json!({
        "self": {"href": url},
        "html": {"href": web},
        "issue": {"href": issue},
        "comments": {"href": format!("{issue}/comments")},
        "review_comments": {"href": format!("{url}/comments")},
        "review_comment": {"href": format!("{repository}/pulls/comments{{/number}}")},
        "commits": {"href": format!("{url}/commits")},
        "statuses": {"href": statuses},
    });
    json!({
        "url": url,
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "html_url": web,
        "diff_url": format!("{web}.diff"),
        "patch_url": format!("{web}.patch"),
        "issue_url": issue,
        "number": number,
        "state": if pull.closed.is_some() { "closed" } else { "open" },
        "locked": false,
        "title": pull.title,
        "user": account::simple_by_login(state, call, &source.owner),
        "body": null,
        "created_at": pull.created.to_string(),
        "updated_at": pull.updated.to_string(),
        "closed_at": time(pull.closed),
        "merged_at": time(pull.merged),
        "merge_commit_sha": pull.merge_commit,
        "assignee": null,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": [],
        "milestone": null,
        "draft": pull.draft,
        "commits_url": format!("{url}/commits"),
        "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{repository}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"),
        "statuses_url": statuses,
        "head": end(state, call, head, &pull.head_branch, &pull.head_sha),
        "base": end(state, call, Some(source), &pull.base_branch, &pull.base_sha),
        "_links": links,
        "author_association": "OWNER",
        "auto_merge": null,
        "active_lock_reason": null,
    })
}

/// Makes a pull request as it is told alone.
pub(in crate::sandbox::rest) fn full(
    state: &State,
    call: &Call,
    source: &SourceRepository,
    pull: &PullRequest,
) -> Value {
    let mut object = simple(state, call, source, pull);
    let merged_by = pull.merged.map(|_| account::simple_by_login(state, call, &source.owner));
    let more = json!({
        "merged": pull.merged.is_some(),
        "mergeable": if pull.closed.is_some() { None } else { Some(true) },
        "rebaseable": null,
        "mergeable_state": "clean",
        "merged_by": merged_by,
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": false,
        "commits": 1,
        "additions": 1,
        "deletions": 0,
        "changed_files": 1,
    });
    account::extend(&mut object, more);
    object
}
