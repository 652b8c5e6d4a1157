//! Source repositories by HTTP, for users who try a policy.

use ghcr_lifecycle::sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    api::{acme, fetch, names},
    support::anonymous,
};

const SHOP: &str = "/_sandbox/source/acme/Shop";

async fn put(sandbox: &Sandbox, document: &Value) -> (u16, Value) {
    let response = anonymous(sandbox, Method::PUT, SHOP).body(document.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// One of everything.
fn document() -> Value {
    json!({
        "private": false,
        "description": "A shop",
        "license": "MIT",
        "default-branch": "trunk",
        "created": "2026-01-01T00:00:00Z",
        "commits": [
            {"message": "first", "date": "2026-02-01T08:00:00Z", "files": {"README.md": "# Shop\n", "src/a.txt": "a"}},
            {"date": "2026-02-02T08:00:00Z", "files": {"src/a.txt": "b"}, "tags": ["v1.0.0"]},
            {"branch": "fix/clock", "message": "fix", "date": "2026-02-03T08:00:00Z"},
            {"branch": "trunk", "parents": ["trunk", "fix/clock"], "date": "2026-02-04T08:00:00Z"},
            {"branch": "other", "parents": [], "id": "0123456789abcdef0123456789abcdef01234567"},
        ],
        "branches": {"release/1": "v1.0.0", "side": "01234567"},
        "tags": {
            "v1.0.1": "fix/clock",
            "v1.1.0": {"commit": "trunk", "annotated": "2026-02-05T08:00:00Z"},
            "light": {"commit": "trunk"},
        },
        "pull-requests": [
            {"head": "fix/clock", "number": 17, "title": "Fix it", "created": "2026-02-06T08:00:00Z"},
            {"head": "release/1", "state": "closed", "closed": "2026-02-07T08:00:00Z"},
            {"head": "gone", "head-sha": "v1.0.0", "state": "merged", "merge-commit": "trunk"},
            {"head": "theirs", "head-sha": "v1.0.0", "head-repository": "other/shop", "draft": true, "base": "release/1"},
        ],
        "releases": [
            {"tag": "v1.0.0", "published": "2026-02-02T09:00:00Z"},
            {"tag": "v1.1.0-rc.1", "body": "Try it", "target": "release/1"},
            {"tag": "v9", "draft": true, "name": "Soon"},
        ],
    })
}

#[tokio::test]
async fn a_repository_is_what_the_document_says() {
    let sandbox = acme().await;
    let (status, said) = put(&sandbox, &document()).await;
    assert_eq!((status, &said["full_name"]), (200, &"acme/Shop".into()), "{said}");
    let list = |path: &str| {
        let path = format!("/repos/acme/shop{path}");
        let sandbox = &sandbox;
        async move { fetch(sandbox, &path).await }
    };
    let repository = list("").await;
    assert_eq!((&repository["default_branch"], &repository["license"]["spdx_id"]), (&"trunk".into(), &"MIT".into()));
    assert_eq!(names(&list("/branches").await, "name"), ["fix/clock", "other", "release/1", "side", "trunk"]);
    assert_eq!(list("/commits").await[0]["sha"], said["branches"]["trunk"]);
    assert_eq!(names(&list("/commits").await, "sha").len(), 4);
    assert_eq!(list("/commits/side").await["sha"], "0123456789abcdef0123456789abcdef01234567");
    assert_eq!(list("/compare/v1.0.0...v1.0.1").await["status"], "ahead");
    assert_eq!(list("/contents/src/a.txt").await["size"], 1);
    assert_eq!(said["tags"]["v1.1.0"], said["branches"]["trunk"]);
    let annotated = list("/git/ref/tags/v1.1.0").await;
    assert_eq!(annotated["object"]["type"], "tag");
    assert_eq!(list("/git/ref/tags/light").await["object"]["type"], "commit");
    let pulls = list("/pulls?state=all&sort=number&direction=asc").await;
    assert_eq!(pulls.as_array().unwrap().len(), 4);
    let open = list("/pulls").await;
    assert_eq!(names(&open, "number"), ["20", "17"]);
    assert_eq!((&open[0]["head"]["repo"], &open[0]["draft"]), (&Value::Null, &true.into()));
    let merged = list("/pulls/19").await;
    assert_eq!((&merged["merged"], &merged["merge_commit_sha"]), (&true.into(), &said["branches"]["trunk"]));
    assert_eq!(list("/pulls/18").await["closed_at"], "2026-02-07T08:00:00Z");
    assert_eq!(names(&list("/releases").await, "tag_name"), ["v9", "v1.1.0-rc.1", "v1.0.0"]);
    let release = list("/releases/latest").await;
    assert_eq!((&release["tag_name"], &release["published_at"]), (&"v1.0.0".into(), &"2026-02-02T09:00:00Z".into()));
    // The whole state has the same, and so has the repository's own page.
    let state = anonymous(&sandbox, Method::GET, "/_sandbox/state").send().await.unwrap();
    let own = anonymous(&sandbox, Method::GET, SHOP).send().await.unwrap();
    let (state, own): (Value, Value) = (state.json().await.unwrap(), own.json().await.unwrap());
    assert_eq!((&state["sources"]["acme/shop"], &own["pulls"]["17"]["title"]), (&own, &"Fix it".into()));
}

#[tokio::test]
async fn every_field_is_optional_and_the_newest_document_counts() {
    let sandbox = acme().await;
    put(&sandbox, &document()).await;
    let before = fetch(&sandbox, "/repos/acme/shop").await;
    let (status, said) = put(&sandbox, &json!({})).await;
    assert_eq!((status, &said["branches"]), (200, &json!({})));
    let after = fetch(&sandbox, "/repos/acme/shop").await;
    assert_eq!((&after["id"], &after["default_branch"]), (&before["id"], &"main".into()));
    assert_eq!(fetch(&sandbox, "/repos/acme/shop/pulls?state=all").await, json!([]));
    let empty = json!({"commits": [{}], "pull-requests": [{"head": "main"}], "releases": [{"tag": "v1"}]});
    assert_eq!(put(&sandbox, &empty).await.0, 200);
    assert_eq!(names(&fetch(&sandbox, "/repos/acme/shop/pulls").await, "number"), ["1"]);
    let deleted = anonymous(&sandbox, Method::DELETE, SHOP).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(anonymous(&sandbox, Method::GET, SHOP).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn every_mistake_is_told_with_its_field() {
    let sandbox = acme().await;
    put(&sandbox, &document()).await;
    let before = fetch(&sandbox, "/repos/acme/shop").await;
    let wrong = json!({
        "private": "yes",
        "colour": 1,
        "commits": [{"date": "noon", "id": "abc", "files": {"a": 1}}, {"parents": ["none"]}, 7],
        "branches": {"x": "nowhere", "y": 1},
        "tags": {"v1": {"annotated": "2026-02-05T08:00:00Z"}},
        "pull-requests": [{"head": "gone"}, {"head": "main", "state": "asleep", "number": 0}, {}],
        "releases": [{"draft": 1}],
    });
    let (status, said) = put(&sandbox, &wrong).await;
    assert_eq!(status, 422);
    let messages: Vec<&str> =
        said["errors"].as_array().unwrap().iter().map(|error| error["message"].as_str().unwrap()).collect();
    let expected = [
        "`colour` is not known; there are private, description, license, default-branch, created, commits, branches, \
         tags, pull-requests, releases",
        "`private` is no `true` or `false`",
        "`commits[2]` is no object",
        "`commits[0].date` is no time as in `2026-03-01T12:00:00Z`",
        "`commits[0].id` is no commit id: 40 lower-case hex digits",
        "`commits[0].files[\"a\"]` is no text: write what the file holds",
        "`commits[1].parents[0]` `none` is no branch, tag or commit above it",
        "`branches[\"x\"]` `nowhere` is no branch, tag or commit above it",
        "`branches[\"y\"]` is no text: name a branch, a tag or a commit",
        "`tags[\"v1\"].commit` is missing",
        "`pull-requests[0].head` is no branch: where it is gone, name its commit in `head-sha`",
        "`pull-requests[1].number` is taken, or is 0",
        "`pull-requests[1].state` is none of `open`, `closed` and `merged`",
        "`pull-requests[2].head` is missing",
        "`releases[0].tag` is missing",
        "`releases[0].draft` is no `true` or `false`",
    ];
    assert_eq!(messages, expected);
    assert_eq!(said["errors"][3]["field"], "commits[0].date");
    assert_eq!(fetch(&sandbox, "/repos/acme/shop").await, before, "a wrong document changes nothing");
    assert_eq!(put(&sandbox, &json!([])).await.1["errors"][0]["message"], "`the document` is no object");
}

#[tokio::test]
async fn only_this_machine_may_and_only_where_a_repository_can_be() {
    let sandbox = acme().await;
    let send = |method: Method, path: &'static str, host: &'static str, body: &'static str| {
        let request = anonymous(&sandbox, method, path).body(body);
        let request = if host.is_empty() { request } else { request.header("host", host) };
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(send(Method::PUT, SHOP, "evil.example", "{}").await, 403);
    assert_eq!(send(Method::PUT, SHOP, "", "{").await, 400);
    assert_eq!(send(Method::POST, SHOP, "", "{}").await, 405);
    for path in
        ["/_sandbox/source/acme", "/_sandbox/source/acme/", "/_sandbox/source/a/b/c", "/_sandbox/source/a/..%2f"]
    {
        assert_eq!(send(Method::PUT, path, "", "{}").await, 404, "{path}");
    }
    assert_eq!(sandbox.requests(), []);
}
