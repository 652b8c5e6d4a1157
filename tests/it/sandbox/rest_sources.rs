//! What the API tells of accounts and source repositories.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::{
    adapters::github::GitHub,
    model::Secret,
    ports::{Ancestry, NameKind},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    api::{acme, call, call_as, fetch, names, outcome, outcome_as, project, refused},
    support::{TOKEN, client, header},
};

const REPOSITORY: &str = "/repos/acme/shop";

#[tokio::test]
async fn accounts_say_what_they_are() {
    let sandbox = acme().await;
    let kind = |path: &'static str| async { fetch(&sandbox, path).await["type"].clone() };
    assert_eq!(kind("/users/acme").await, "Organization");
    assert_eq!(kind("/orgs/ACME").await, "Organization");
    assert_eq!(kind("/users/me").await, "User");
    assert_eq!(fetch(&sandbox, "/user").await["login"], "me");
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/orgs/me").await, refused(404, "Not Found"));
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/users/nobody").await, refused(404, "Not Found"));
    assert_eq!(outcome_as(&sandbox, "", Method::GET, "/user").await, refused(401, "Requires authentication"));
}

#[tokio::test]
async fn a_private_repository_is_shown_to_tokens_only() {
    let sandbox = acme().await;
    project(&sandbox);
    let seen = call_as(&sandbox, "", Method::GET, REPOSITORY).send().await.unwrap();
    assert_eq!(seen.json::<Value>().await.unwrap()["full_name"], "acme/Shop");
    sandbox.change(|state| state.source_mut("acme/shop").unwrap().private = true);
    assert_eq!(outcome_as(&sandbox, "", Method::GET, REPOSITORY).await, refused(404, "Not Found"));
    assert_eq!(fetch(&sandbox, REPOSITORY).await["private"], true);
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/none").await, refused(404, "Not Found"));
}

#[tokio::test]
async fn pull_requests_are_listed_by_state_in_either_order() {
    let sandbox = acme().await;
    project(&sandbox);
    let list = |query: &'static str| async { names(&fetch(&sandbox, query).await, "number") };
    assert_eq!(list("/repos/acme/shop/pulls").await, ["1"]);
    assert_eq!(list("/repos/acme/shop/pulls?state=closed").await, ["2"]);
    assert_eq!(list("/repos/acme/shop/pulls?state=all").await, ["2", "1"]);
    assert_eq!(list("/repos/acme/shop/pulls?state=all&direction=asc").await, ["1", "2"]);
    assert_eq!(list("/repos/acme/shop/pulls?state=all&sort=updated&direction=desc").await, ["2", "1"]);
    assert_eq!(list("/repos/acme/shop/pulls?state=all&head=acme:release/1").await, ["1"]);
    let response = call(&sandbox, Method::GET, "/repos/acme/shop/pulls?state=all&per_page=1").await;
    let source = sandbox.change(|state| state.source("acme/shop").unwrap().id);
    let next = format!("/repositories/{source}/pulls?state=all&per_page=1&page=2");
    assert!(header(&response, "link").contains(&next));
    assert_eq!(names(&fetch(&sandbox, &next).await, "number"), ["1"]);
}

#[tokio::test]
async fn a_pull_request_says_where_it_comes_from() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    let pull = fetch(&sandbox, "/repos/acme/shop/pulls/1").await;
    assert_eq!((&pull["state"], &pull["merged"]), (&"open".into(), &false.into()));
    assert_eq!((&pull["head"]["ref"], &pull["head"]["sha"]), (&"release/1".into(), &commits[3].clone().into()));
    assert_eq!(pull["base"]["repo"]["full_name"], "acme/Shop");
    sandbox.change(|state| {
        let source = state.source_mut("acme/shop").unwrap();
        source.pulls.get_mut(&1).unwrap().head_repository = None;
    });
    assert_eq!(fetch(&sandbox, "/repos/acme/shop/pulls/1").await["head"]["repo"], Value::Null);
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/pulls/9").await.0, 404);
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/pulls/x").await.0, 404);
}

#[tokio::test]
async fn branches_may_have_slashes() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    assert_eq!(names(&fetch(&sandbox, "/repos/acme/shop/branches").await, "name"), ["main", "release/1"]);
    for path in ["release/1", "release%2F1"] {
        let branch = fetch(&sandbox, &format!("/repos/acme/shop/branches/{path}")).await;
        assert_eq!(branch["commit"]["sha"], commits[3].as_str());
    }
    let absent = outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/branches/none").await;
    assert_eq!(absent, refused(404, "Branch not found"));
}

#[tokio::test]
async fn commits_are_listed_from_a_name_and_since_a_time() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    let list = |query: &str| {
        let path = format!("/repos/acme/shop/commits{query}");
        let sandbox = &sandbox;
        async move { names(&fetch(sandbox, &path).await, "sha") }
    };
    let ids = |which: &[usize]| which.iter().map(|place| commits[*place].clone()).collect::<Vec<_>>();
    assert_eq!(list("").await, ids(&[2, 1, 0]));
    assert_eq!(list("?sha=release/1").await, ids(&[3, 1, 0]));
    assert_eq!(list("?sha=v1.0.1&since=2026-02-02T00:00:00Z").await, ids(&[3, 1]));
    assert_eq!(list("?until=2026-02-02T08:00:00Z").await, ids(&[1, 0]));
    assert_eq!(list("?path=src").await, ids(&[2]));
    assert_eq!(list("?per_page=2&page=2").await, ids(&[0]));
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/commits?sha=none").await.0, 404);
}

#[tokio::test]
async fn a_commit_is_found_by_any_of_its_names() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    for name in [&commits[1][..], &commits[1][..8], "v1.0.0", "tags/v1.0.0", "refs/tags/v1.0.0"] {
        let commit = fetch(&sandbox, &format!("/repos/acme/shop/commits/{name}")).await;
        assert_eq!(commit["sha"], commits[1].as_str(), "{name}");
        assert_eq!(names(&commit["files"], "filename"), [".github/ghcr-lifecycle.yml"]);
    }
    let second_page = fetch(&sandbox, "/repos/acme/shop/commits/main?per_page=1&page=2").await;
    assert_eq!((&second_page["sha"], &second_page["files"]), (&commits[2].clone().into(), &json!([])));
    let absent = outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/commits/none").await;
    assert_eq!(absent, refused(422, "No commit found for SHA: none"));
}

#[tokio::test]
async fn files_come_as_json_or_raw() {
    let sandbox = acme().await;
    project(&sandbox);
    let path = "/repos/acme/shop/contents/.github/ghcr-lifecycle.yml";
    let file = fetch(&sandbox, path).await;
    let text = file["content"].as_str().unwrap().replace('\n', "");
    assert_eq!(BASE64.decode(text).unwrap(), b"version: 1\n");
    assert_eq!((&file["type"], &file["size"]), (&"file".into(), &11.into()));
    // `git hash-object` says so.
    let readme = fetch(&sandbox, "/repos/acme/shop/contents/README.md").await;
    assert_eq!(readme["sha"], git2::Oid::hash_object(git2::ObjectType::Blob, b"# Shop\n").unwrap().to_string());
    let raw = call_as(&sandbox, TOKEN, Method::GET, path).header("accept", "application/vnd.github.raw+json");
    assert!(raw.send().await.unwrap().text().await.unwrap().contains("version: 1"));
    let folder = fetch(&sandbox, "/repos/acme/shop/contents?ref=release/1").await;
    assert_eq!(names(&folder, "path"), [".github", "README.md", "src"]);
    assert_eq!(names(&fetch(&sandbox, "/repos/acme/shop/contents/src").await, "path"), ["src/a.txt"]);
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/contents/none").await.0, 404);
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, &format!("{path}?ref=none")).await.0, 404);
}

#[tokio::test]
async fn trees_are_listed_flat_or_whole() {
    let sandbox = acme().await;
    project(&sandbox);
    let tree = |query: &str| {
        let path = format!("/repos/acme/shop/git/trees/{query}");
        let sandbox = &sandbox;
        async move { fetch(sandbox, &path).await }
    };
    let flat = tree("main").await;
    assert_eq!(names(&flat["tree"], "path"), [".github", "README.md", "src"]);
    assert_eq!(flat["truncated"], false);
    let whole = tree(&format!("{}?recursive=1", flat["sha"].as_str().unwrap())).await;
    let paths = [".github", ".github/ghcr-lifecycle.yml", "README.md", "src", "src/a.txt"];
    assert_eq!(names(&whole["tree"], "path"), paths);
    let folder = tree(flat["tree"][2]["sha"].as_str().unwrap()).await;
    assert_eq!(names(&folder["tree"], "path"), ["a.txt"]);
    sandbox.change(|state| state.source_mut("acme/shop").unwrap().truncates_trees = true);
    assert_eq!(tree("main?recursive=1").await["truncated"], true);
}

#[tokio::test]
async fn refs_are_found_whole_or_by_their_beginning() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    let head = fetch(&sandbox, "/repos/acme/shop/git/ref/heads/release/1").await;
    assert_eq!((&head["ref"], &head["object"]["sha"]), (&"refs/heads/release/1".into(), &commits[3].clone().into()));
    let tags = fetch(&sandbox, "/repos/acme/shop/git/matching-refs/tags/v1").await;
    assert_eq!(names(&tags, "ref"), ["refs/tags/v1.0.0", "refs/tags/v1.0.1"]);
    assert_eq!(tags[0]["object"]["type"], "commit");
    let annotated = &tags[1]["object"];
    assert_eq!(annotated["type"], "tag");
    let path = format!("/repos/acme/shop/git/tags/{}", annotated["sha"].as_str().unwrap());
    let tag = fetch(&sandbox, &path).await;
    assert_eq!(
        (&tag["object"]["sha"], &tag["tagger"]["date"]),
        (&commits[3].clone().into(), &"2026-02-04T08:00:00Z".into())
    );
    assert_eq!(fetch(&sandbox, "/repos/acme/shop/git/matching-refs/tags/none").await, json!([]));
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/git/ref/heads/release").await.0, 404);
}

#[tokio::test]
async fn releases_are_listed_and_their_text_edited() {
    let sandbox = acme().await;
    project(&sandbox);
    let list = fetch(&sandbox, "/repos/acme/shop/releases").await;
    assert_eq!(names(&list, "tag_name"), ["v1.1.0-rc.1", "v1.0.0"]);
    assert_eq!(list[0]["prerelease"], true);
    let latest = fetch(&sandbox, "/repos/acme/shop/releases/latest").await;
    assert_eq!(latest["tag_name"], "v1.0.0");
    let by_tag = fetch(&sandbox, "/repos/acme/shop/releases/tags/v1.0.0").await;
    assert_eq!((&by_tag, &by_tag["published_at"]), (&latest, &"2026-02-02T08:00:00Z".into()));
    let path = format!("/repos/acme/shop/releases/{}", latest["id"]);
    let edit = |token: &str, body: &str| {
        let request = call_as(&sandbox, token, Method::PATCH, &path).body(body.to_owned());
        async move { request.send().await.unwrap() }
    };
    let edited = edit(TOKEN, r#"{"body": "Digests\n"}"#).await;
    assert_eq!(edited.json::<Value>().await.unwrap()["body"], "Digests\n");
    assert_eq!(fetch(&sandbox, &path).await["body"], "Digests\n");
    assert_eq!(outcome(edit("", "{}").await).await, refused(401, "Requires authentication"));
    assert_eq!(outcome(edit(TOKEN, "{").await).await, refused(400, "Problems parsing JSON"));
    assert_eq!(outcome(edit(TOKEN, r#"{"body": 1}"#).await).await, refused(422, "Validation Failed"));
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/releases/tags/none").await.0, 404);
}

#[tokio::test]
async fn comparing_tells_all_four_relations() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    let compare = |both: &str| {
        let path = format!("/repos/acme/shop/compare/{both}");
        let sandbox = &sandbox;
        async move { fetch(sandbox, &path).await }
    };
    let status = |comparison: &Value| {
        (comparison["status"].clone(), comparison["ahead_by"].clone(), comparison["behind_by"].clone())
    };
    let expected = |status: &str, ahead: u64, behind: u64| (json!(status), json!(ahead), json!(behind));
    assert_eq!(status(&compare("main...main").await), expected("identical", 0, 0));
    let ahead = compare("v1.0.0...main").await;
    assert_eq!(status(&ahead), expected("ahead", 1, 0));
    assert_eq!(
        (names(&ahead["commits"], "sha"), names(&ahead["files"], "filename")),
        (vec![commits[2].clone()], vec!["src/a.txt".to_owned()])
    );
    assert_eq!(status(&compare("main...v1.0.0").await), expected("behind", 0, 1));
    let diverged = compare("release/1...main").await;
    assert_eq!(status(&diverged), expected("diverged", 1, 1));
    assert_eq!(diverged["merge_base_commit"]["sha"], commits[1].as_str());
    let second_page = compare("v1.0.0...main?per_page=1&page=2").await;
    assert_eq!((&second_page["files"], &second_page["status"]), (&json!([]), &"ahead".into()));
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::GET, "/repos/acme/shop/compare/main...none").await.0, 404);
}

#[tokio::test]
async fn dispatches_and_issues_are_recorded() {
    let sandbox = acme().await;
    project(&sandbox);
    let post = |path: &str, body: &str| {
        let request = call_as(&sandbox, TOKEN, Method::POST, &format!("{REPOSITORY}{path}")).body(body.to_owned());
        async move { request.send().await.unwrap() }
    };
    let event = r#"{"event_type": "deploy", "client_payload": {"a": 1}}"#;
    assert_eq!(post("/dispatches", event).await.status(), 204);
    let run = r#"{"ref": "main", "inputs": {"dry-run": "true"}}"#;
    assert_eq!(post("/actions/workflows/cleanup.yml/dispatches", run).await.status(), 204);
    assert_eq!(outcome(post("/dispatches", "{}").await).await, refused(422, "Validation Failed"));
    let opened = post("/issues", r#"{"title": "Broken", "body": "It is", "labels": ["bug"]}"#).await;
    assert_eq!(opened.status(), 201);
    let issue: Value = opened.json().await.unwrap();
    assert_eq!((&issue["number"], &issue["labels"][0]["name"]), (&3.into(), &"bug".into()));
    assert_eq!(outcome(post("/issues", "{}").await).await, refused(422, "Validation Failed"));
    assert_eq!(names(&fetch(&sandbox, "/repos/acme/shop/issues").await, "title"), ["Broken"]);
    let dispatches = sandbox.change(|state| state.source("acme/shop").unwrap().dispatches.clone());
    assert_eq!(dispatches[0].body["client_payload"]["a"], 1);
    assert_eq!(dispatches[1].workflow.as_deref(), Some("cleanup.yml"));
}

#[tokio::test]
async fn our_own_client_of_the_api_works_against_it() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    let address = format!("http://{}", sandbox.host());
    let token = Secret::new(TOKEN).unwrap();
    let client = reqwest::Client::builder().no_proxy();
    let client = {
        super::support::client();
        client.build().unwrap()
    };
    let github = GitHub::new(client, &address, Some(&token), "acme/shop".parse().unwrap()).unwrap();
    let id = |place: usize| commits[place].parse().unwrap();
    assert_eq!(github.ancestry(&id(2), &id(1)).await.unwrap(), Ancestry::Descendant);
    assert_eq!(github.ancestry(&id(1), &id(2)).await.unwrap(), Ancestry::Ancestor);
    assert_eq!(github.ancestry(&id(2), &id(3)).await.unwrap(), Ancestry::Diverged);
    assert_eq!(github.branch_tip("release/1").await.unwrap(), Some(id(3)));
    assert_eq!(github.branch_tip("none").await.unwrap(), None);
    let date = github.commit_date(&id(0)).await.unwrap().unwrap();
    assert_eq!(date.to_rfc3339(), "2026-02-01T08:00:00+00:00");
    let facts = github.repository_facts().await.unwrap();
    assert_eq!((facts.description.as_deref(), facts.license.as_deref()), (Some("A shop"), Some("MIT")));
    assert_eq!(github.name_kind("v1.0.1", &id(3)).await.unwrap(), NameKind::Tag);
    assert_eq!(github.name_kind("main", &id(2)).await.unwrap(), NameKind::Branch);
    assert_eq!(github.name_kind("none", &id(2)).await.unwrap(), NameKind::Neither);
    let file = github.file(".github/ghcr-lifecycle.yml", "main").await.unwrap();
    assert_eq!(file.as_deref(), Some(&b"version: 1\n"[..]));
    assert_eq!(github.file("none", "main").await.unwrap(), None);
}

#[tokio::test]
async fn credentials_come_in_several_forms() {
    let sandbox = acme().await;
    let url = format!("http://{}/user", sandbox.host());
    let basic = BASE64.encode(format!("x:{TOKEN}"));
    for value in [format!("Bearer {TOKEN}"), format!("token {TOKEN}"), format!("Basic {basic}")] {
        let request = client().get(&url).header("user-agent", "test").header("authorization", &value);
        assert_eq!(request.send().await.unwrap().status(), 200, "{value}");
    }
    for value in ["Bearer", "Bearer wrong", "Basic !", "Digest x"] {
        let request = client().get(&url).header("user-agent", "test").header("authorization", value);
        assert_eq!(outcome(request.send().await.unwrap()).await, refused(401, "Bad credentials"), "{value}");
    }
}
