//! Users and organisations.

use serde_json::{Value, json};

use super::node_id;
use crate::sandbox::{
    rest::call::Call,
    state::{Owner, OwnerKind, State},
};

/// Makes what stands wherever somebody is named.
pub(in crate::sandbox::rest) fn simple(call: &Call, owner: &Owner) -> Value {
    let Owner { id, login, kind, .. } = owner;
    let kind = match kind {
        OwnerKind::User => "User",
        OwnerKind::Organization => "Organization",
    };
    let url = format!("{}/users/{login}", call.api);
    json!({
        "login": login,
        "id": id,
        "node_id": node_id(kind, id),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("https://github.com/{login}"),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": kind,
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// Makes the same of a login, `null` if nobody has it.
pub(in crate::sandbox::rest) fn simple_by_login(state: &State, call: &Call, login: &str) -> Value {
    state.owner(login).map_or(Value::Null, |owner| simple(call, owner))
}

/// Makes the whole profile, as `/users/{login}` tells it.
pub(in crate::sandbox::rest) fn full(call: &Call, owner: &Owner) -> Value {
    let mut object = simple(call, owner);
    let more = json!({
        "name": owner.login,
        "company": null,
        "blog": "",
        "location": null,
        "email": null,
        "hireable": null,
        "bio": null,
        "twitter_username": null,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": owner.created.to_string(),
        "updated_at": owner.created.to_string(),
    });
    extend(&mut object, more);
    object
}

/// Makes what `/orgs/{login}` tells.
pub(in crate::sandbox::rest) fn organization(call: &Call, owner: &Owner) -> Value {
    let Owner { id, login, created, .. } = owner;
    let url = format!("{}/orgs/{login}", call.api);
    json!({
        "login": login,
        "id": id,
        "node_id": node_id("Organization", id),
        "url": url,
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events"),
        "hooks_url": format!("{url}/hooks"),
        "issues_url": format!("{url}/issues"),
        "members_url": format!("{url}/members{{/member}}"),
        "public_members_url": format!("{url}/public_members{{/member}}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "description": null,
        "has_organization_projects": true,
        "has_repository_projects": true,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": format!("https://github.com/{login}"),
        "type": "Organization",
        "created_at": created.to_string(),
        "updated_at": created.to_string(),
        "archived_at": null,
    })
}

/// Adds the fields of one object to another.
pub(super) fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
