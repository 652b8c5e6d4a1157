//! Source repositories.

use serde_json::{Value, json};

use super::{account, node_id};
use crate::sandbox::{
    rest::call::Call,
    state::{SourceRepository, State},
};

/// Fields that hold an address below the repository's own.
const ADDRESSES: [(&str, &str); 38] = [
    ("forks_url", "/forks"),
    ("keys_url", "/keys{/key_id}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("languages_url", "/languages"),
    ("stargazers_url", "/stargazers"),
    ("contributors_url", "/contributors"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("merges_url", "/merges"),
    ("archive_url", "/{archive_format}{/ref}"),
    ("downloads_url", "/downloads"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("labels_url", "/labels{/name}"),
    ("releases_url", "/releases{/id}"),
    ("deployments_url", "/deployments"),
    ("url", ""),
    ("git_url", ""),
];

/// Makes what stands wherever a repository is named.
pub(in crate::sandbox::rest) fn minimal(state: &State, call: &Call, source: &SourceRepository) -> Value {
    let full_name = source.full_name();
    let mut object = json!({
        "id": source.id,
        "node_id": node_id("Repository", source.id),
        "name": source.name,
        "full_name": full_name,
        "private": source.private,
        "owner": account::simple_by_login(state, call, &source.owner),
        "html_url": format!("https://github.com/{full_name}"),
        "description": source.description,
        "fork": false,
    });
    for (field, path) in ADDRESSES {
        object[field] = format!("{}/repos/{full_name}{path}", call.api).into();
    }
    object["git_url"] = format!("git://github.com/{full_name}.git").into();
    object
}

/// Makes what a pull request says of its repositories.
pub(in crate::sandbox::rest) fn whole(state: &State, call: &Call, source: &SourceRepository) -> Value {
    let (mut object, full_name) = (minimal(state, call, source), source.full_name());
    let open = source.pulls.values().filter(|pull| pull.closed.is_none()).count() + source.issues.len();
    let license = source.license.as_ref().map(|spdx| {
        let key = spdx.to_lowercase();
        json!({
            "key": key,
            "name": spdx,
            "spdx_id": spdx,
            "url": format!("{}/licenses/{key}", call.api),
            "node_id": node_id("License", &key),
        })
    });
    let more = json!({
        "created_at": source.created.to_string(),
        "updated_at": source.pushed.to_string(),
        "pushed_at": source.pushed.to_string(),
        "ssh_url": format!("git@github.com:{full_name}.git"),
        "clone_url": format!("https://github.com/{full_name}.git"),
        "svn_url": format!("https://github.com/{full_name}"),
        "homepage": null,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": null,
        "has_issues": true,
        "has_projects": false,
        "has_downloads": false,
        "has_wiki": false,
        "has_pages": false,
        "has_discussions": false,
        "forks_count": 0,
        "mirror_url": null,
        "archived": false,
        "disabled": false,
        "open_issues_count": open,
        "license": license,
        "allow_forking": true,
        "is_template": false,
        "web_commit_signoff_required": false,
        "topics": [],
        "visibility": if source.private { "private" } else { "public" },
        "forks": 0,
        "open_issues": open,
        "watchers": 0,
        "default_branch": source.default_branch,
    });
    account::extend(&mut object, more);
    object
}

/// Makes what `/repos/{owner}/{repo}` tells.
pub(in crate::sandbox::rest) fn full(state: &State, call: &Call, source: &SourceRepository) -> Value {
    let mut object = whole(state, call, source);
    account::extend(&mut object, json!({"network_count": 0, "subscribers_count": 0}));
    object
}
