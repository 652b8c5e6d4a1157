//! Releases and issues.

use serde_json::{Value, json};

use super::{account, node_id};
use crate::sandbox::{
    rest::call::{Call, encode},
    state::{
        SourceRepository, State,
        source::{Issue, Release},
    },
};

/// Makes a release.
pub(in crate::sandbox::rest) fn release(
    state: &State,
    call: &Call,
    source: &SourceRepository,
    release: &Release,
) -> Value {
    let name = source.full_name();
    let (repository, id, tag) = (format!("{}/repos/{name}", call.api), release.id, encode(&release.tag_name));
    json!({
        "url": format!("{repository}/releases/{id}"),
        "assets_url": format!("{repository}/releases/{id}/assets"),
        "upload_url": format!("{repository}/releases/{id}/assets{{?name,label}}"),
        "html_url": format!("https://github.com/{name}/releases/tag/{tag}"),
        "id": id,
        "author": account::simple_by_login(state, call, &source.owner),
        "node_id": node_id("Release", id),
        "tag_name": release.tag_name,
        "target_commitish": release.target_commitish,
        "name": release.name,
        "draft": release.draft,
        "immutable": false,
        "prerelease": release.prerelease,
        "created_at": release.created.to_string(),
        "updated_at": release.created.to_string(),
        "published_at": release.published.map(|time| time.to_string()),
        "assets": [],
        "tarball_url": format!("{repository}/tarball/{tag}"),
        "zipball_url": format!("{repository}/zipball/{tag}"),
        "body": release.body,
    })
}

/// Makes an issue.
pub(in crate::sandbox::rest) fn issue(state: &State, call: &Call, source: &SourceRepository, issue: &Issue) -> Value {
    let name = source.full_name();
    let repository = format!("{}/repos/{name}", call.api);
    let url = format!("{repository}/issues/{}", issue.number);
    let labels: Vec<Value> = issue
        .labels
        .iter()
        .map(|label| {
            json!({
                "id": 1,
                "node_id": node_id("Label", label),
                "url": format!("{repository}/labels/{}", encode(label)),
                "name": label,
                "description": null,
                "color": "ededed",
                "default": false,
            })
        })
        .collect();
    json!({
        "url": url,
        "repository_url": repository,
        "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"),
        "html_url": format!("https://github.com/{name}/issues/{}", issue.number),
        "id": issue.id,
        "node_id": node_id("Issue", issue.id),
        "number": issue.number,
        "title": issue.title,
        "user": account::simple_by_login(state, call, &source.owner),
        "labels": labels,
        "state": "open",
        "state_reason": null,
        "locked": false,
        "assignee": null,
        "assignees": [],
        "milestone": null,
        "comments": 0,
        "created_at": issue.created.to_string(),
        "updated_at": issue.created.to_string(),
        "closed_at": null,
        "author_association": "OWNER",
        "body": issue.body,
    })
}
