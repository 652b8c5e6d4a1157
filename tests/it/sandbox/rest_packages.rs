//! The Packages API: lists, single objects, deleting, restoring; each refusal with its words.

use std::collections::BTreeSet;

use ghcr_lifecycle::{
    model::ManifestReference,
    sandbox::{
        SampleImage,
        options::Habits,
        state::{Role, TokenKind},
    },
};
use reqwest::Method;

use super::{
    api::{PACKAGE, VERSIONS, acme, call, call_as, fetch, manifest, names, outcome, outcome_as, push, refused, token},
    support::{IMAGE, REPOSITORY, TOKEN, anonymous, header, request},
};

#[tokio::test]
async fn a_pushed_image_is_a_package_with_a_version_for_each_manifest() {
    let sandbox = acme().await;
    let image = SampleImage::builder().seed("1").platform("linux/amd64").platform("linux/arm64").build();
    image.put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    let package = fetch(&sandbox, "/orgs/acme/packages/container/shop").await;
    assert_eq!((&package["name"], &package["package_type"]), (&"shop".into(), &"container".into()));
    assert_eq!((&package["version_count"], &package["visibility"]), (&3.into(), &"private".into()));
    assert_eq!((&package["owner"]["login"], &package["owner"]["type"]), (&"acme".into(), &"Organization".into()));
    assert_eq!(package.get("repository"), None);
    let versions = fetch(&sandbox, VERSIONS).await;
    let digests: BTreeSet<String> = names(&versions, "name").into_iter().collect();
    let mut expected: BTreeSet<String> = image.children().iter().map(|child| child.digest.to_string()).collect();
    expected.insert(image.digest().to_string());
    assert_eq!(digests, expected);
    let root = versions.as_array().unwrap().iter().find(|version| version["name"] == image.digest().to_string());
    assert_eq!(root.unwrap()["metadata"]["container"]["tags"], serde_json::json!(["v1"]));
    assert_eq!(root.unwrap()["created_at"], "2026-03-01T12:00:00Z");
}

#[tokio::test]
async fn versions_come_newest_first_on_pages_with_numbered_links() {
    let sandbox = acme().await;
    let mut ids: Vec<u64> = (0..7).map(|seed| push(&sandbox, PACKAGE, &seed.to_string(), "")).collect();
    ids.reverse();
    let owner = sandbox.change(|state| state.owner("acme").unwrap().id);
    let mut path = format!("{VERSIONS}?per_page=3");
    let mut seen = Vec::new();
    for page in 1..=3 {
        let response = call(&sandbox, Method::GET, &path).await;
        let link = header(&response, "link").to_owned();
        let url = |page| {
            format!(
                "<http://{}/organizations/{owner}/packages/container/shop/versions?per_page=3&page={page}>",
                sandbox.host()
            )
        };
        let expected = match page {
            1 => format!("{}; rel=\"next\", {}; rel=\"last\"", url(2), url(3)),
            2 => format!(
                "{}; rel=\"prev\", {}; rel=\"next\", {}; rel=\"last\", {}; rel=\"first\"",
                url(1),
                url(3),
                url(3),
                url(1)
            ),
            _ => format!("{}; rel=\"prev\", {}; rel=\"first\"", url(2), url(1)),
        };
        assert_eq!(link, expected);
        let list: serde_json::Value = response.json().await.unwrap();
        seen.extend(list.as_array().unwrap().iter().map(|version| version["id"].as_u64().unwrap()));
        path = format!("/organizations/{owner}/packages/container/shop/versions?per_page=3&page={}", page + 1);
    }
    assert_eq!(seen, ids);
    assert_eq!(fetch(&sandbox, &format!("{VERSIONS}?page=9")).await, serde_json::json!([]));
    let one_page = call(&sandbox, Method::GET, VERSIONS).await;
    assert_eq!(header(&one_page, "link"), "");
}

#[tokio::test]
async fn a_page_has_thirty_items_and_at_most_a_hundred() {
    let sandbox = acme().await;
    for seed in 0..120 {
        push(&sandbox, PACKAGE, &seed.to_string(), "");
    }
    for (query, length) in [("", 30), ("?per_page=100", 100), ("?per_page=500", 100), ("?per_page=x&page=-1", 30)] {
        let list = fetch(&sandbox, &format!("{VERSIONS}{query}")).await;
        assert_eq!(list.as_array().map(Vec::len), Some(length), "{query}");
    }
}

#[tokio::test]
async fn packages_are_listed_by_type_and_visibility() {
    let sandbox = acme().await;
    for name in ["acme/b", "acme/charts/a", "other/c", "me/mine"] {
        push(&sandbox, name, name, "v1");
    }
    sandbox.set_public("acme/b", true);
    let list = |query: &'static str| fetch(&sandbox, query);
    assert_eq!(names(&list("/orgs/acme/packages?package_type=container").await, "name"), ["b", "charts/a"]);
    assert_eq!(names(&list("/orgs/ACME/packages?package_type=container&visibility=public").await, "name"), ["b"]);
    assert_eq!(names(&list("/users/me/packages?package_type=container").await, "name"), ["mine"]);
    assert_eq!(names(&list("/user/packages?package_type=container").await, "name"), ["mine"]);
    assert_eq!(list("/orgs/acme/packages?package_type=npm").await, serde_json::json!([]));
}

#[tokio::test]
async fn listing_packages_wants_a_type_and_refuses_deep_pages() {
    let sandbox = acme().await;
    let get = |path: &'static str| outcome_as(&sandbox, TOKEN, Method::GET, path);
    assert_eq!(get("/orgs/acme/packages").await, refused(400, "Invalid argument."));
    assert_eq!(get("/orgs/acme/packages?package_type=oci").await, refused(400, "Invalid argument."));
    let deep = "The value of `per_page` multiplied by `page` cannot be greater than 10000.";
    assert_eq!(get("/orgs/acme/packages?package_type=container&per_page=100&page=101").await, refused(400, deep));
    assert_eq!(get("/orgs/nobody/packages?package_type=container").await, refused(404, "Not Found"));
    assert_eq!(get("/users/acme/packages?package_type=container").await, refused(404, "Not Found"));
    let ended = call(&sandbox, Method::GET, "/orgs/acme/packages?package_type=container&per_page=100&page=100").await;
    assert_eq!(ended.status(), 200);
}

#[tokio::test]
async fn a_name_with_a_slash_is_one_segment() {
    let sandbox = acme().await;
    push(&sandbox, "acme/charts/shop", "1", "v1");
    for name in ["charts%2Fshop", "charts%2fshop"] {
        let package = fetch(&sandbox, &format!("/orgs/acme/packages/container/{name}")).await;
        assert_eq!(package["name"], "charts/shop");
        assert!(package["url"].as_str().unwrap().ends_with("/orgs/acme/packages/container/charts%2Fshop"));
    }
    let raw = outcome_as(&sandbox, TOKEN, Method::GET, "/orgs/acme/packages/container/charts/shop").await;
    assert_eq!(raw, refused(404, "Not Found"));
    let twice = outcome_as(&sandbox, TOKEN, Method::GET, "/orgs/acme/packages/container/charts%252Fshop").await;
    assert_eq!(twice, refused(404, "Package not found."));
}

#[tokio::test]
async fn deleting_a_version_is_seen_by_the_registry_at_once() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let id = push(&sandbox, PACKAGE, "2", "v2");
    let path = format!("{VERSIONS}/{id}");
    assert_eq!(fetch(&sandbox, &path).await["metadata"]["container"]["tags"], serde_json::json!(["v2"]));
    assert_eq!(outcome(call(&sandbox, Method::DELETE, &path).await).await, refused(204, ""));
    let gone = refused(404, "Package version not found.");
    assert_eq!(outcome(call(&sandbox, Method::DELETE, &path).await).await, gone);
    assert_eq!(outcome(call(&sandbox, Method::GET, &path).await).await, gone);
    let manifest = request(&sandbox, Method::GET, "/v2/acme/shop/manifests/v2").send().await.unwrap();
    assert_eq!(manifest.status(), 404);
    let tags: serde_json::Value =
        request(&sandbox, Method::GET, "/v2/acme/shop/tags/list").send().await.unwrap().json().await.unwrap();
    assert_eq!(tags["tags"], serde_json::json!(["v1"]));
}

#[tokio::test]
async fn deleted_versions_are_listed_and_restored() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let id = push(&sandbox, PACKAGE, "2", "v2");
    let deleted = format!("{VERSIONS}?state=deleted");
    assert_eq!(fetch(&sandbox, &deleted).await, serde_json::json!([]));
    call(&sandbox, Method::DELETE, &format!("{VERSIONS}/{id}")).await;
    let list = fetch(&sandbox, &deleted).await;
    assert_eq!((&list[0]["id"], &list[0]["deleted_at"]), (&id.into(), &"2026-03-01T12:00:00Z".into()));
    assert_eq!(list[0]["metadata"]["container"]["tags"], serde_json::json!([]));
    sandbox.change(|state| state.set_habits(Habits { deleted_show_tags: true, ..Habits::default() }));
    assert_eq!(fetch(&sandbox, &deleted).await[0]["metadata"]["container"]["tags"], serde_json::json!(["v2"]));
    let restore = format!("{VERSIONS}/{id}/restore");
    assert_eq!(outcome(call(&sandbox, Method::POST, &restore).await).await, refused(204, ""));
    assert_eq!(fetch(&sandbox, &deleted).await, serde_json::json!([]));
    let again = outcome(call(&sandbox, Method::POST, &restore).await).await;
    assert_eq!(again, refused(404, "Package version not found."));
}

#[tokio::test]
async fn deleted_versions_leave_the_list_after_thirty_days() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let id = push(&sandbox, PACKAGE, "2", "v2");
    call(&sandbox, Method::DELETE, &format!("{VERSIONS}/{id}")).await;
    sandbox.advance(31 * 24 * 3600);
    assert_eq!(fetch(&sandbox, &format!("{VERSIONS}?state=deleted")).await, serde_json::json!([]));
}

#[tokio::test]
async fn the_two_refusals_to_delete_have_their_own_words() {
    let sandbox = acme().await;
    let id = push(&sandbox, PACKAGE, "1", "v1");
    let path = format!("{VERSIONS}/{id}");
    let last = "You cannot delete the last tagged version of a package. You must delete the package instead.";
    assert_eq!(outcome(call(&sandbox, Method::DELETE, &path).await).await, refused(400, last));
    sandbox.set_public(PACKAGE, true);
    sandbox.change(|state| state.set_downloads(PACKAGE, id, 5_001));
    let popular = "Publicly visible package versions with more than 5000 downloads cannot be deleted. Contact GitHub \
                   support for further assistance.";
    assert_eq!(outcome(call(&sandbox, Method::DELETE, &path).await).await, refused(400, popular));
}

#[tokio::test]
async fn a_package_is_deleted_and_restored() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let path = "/orgs/acme/packages/container/shop";
    assert_eq!(outcome(call(&sandbox, Method::DELETE, path).await).await, refused(204, ""));
    let gone = refused(404, "Package not found.");
    assert_eq!(outcome(call(&sandbox, Method::GET, path).await).await, gone);
    assert_eq!(outcome(call(&sandbox, Method::GET, VERSIONS).await).await, gone);
    assert_eq!(outcome(call(&sandbox, Method::POST, &format!("{path}/restore")).await).await, refused(204, ""));
    assert_eq!(fetch(&sandbox, path).await["version_count"], 1);
    assert_eq!(outcome(call(&sandbox, Method::POST, &format!("{path}/restore")).await).await, gone);
}

#[tokio::test]
async fn manifests_fetched_while_public_count_as_downloads() {
    let sandbox = acme().await;
    let id = push(&sandbox, PACKAGE, "1", "v1");
    let get = |method: Method, reference: String| {
        let path = format!("/v2/acme/shop/manifests/{reference}");
        request(&sandbox, method, &path).header("accept", super::support::INDEX).send()
    };
    let downloads = || sandbox.change(|state| state.repository(PACKAGE).unwrap().version(id).unwrap().downloads);
    get(Method::GET, "v1".to_owned()).await.unwrap();
    assert_eq!(downloads(), 0);
    sandbox.set_public(PACKAGE, true);
    get(Method::GET, "v1".to_owned()).await.unwrap();
    get(Method::GET, manifest("1").digest.to_string()).await.unwrap();
    get(Method::HEAD, "v1".to_owned()).await.unwrap();
    assert_eq!(downloads(), 2);
    sandbox.change(|state| state.set_habits(Habits { head_is_download: true, ..Habits::default() }));
    get(Method::HEAD, "v1".to_owned()).await.unwrap();
    assert_eq!(downloads(), 3);
}

#[tokio::test]
async fn the_order_of_checks_is_github_s() {
    let sandbox = acme().await;
    let last = push(&sandbox, PACKAGE, "1", "v1");
    sandbox.set_public(PACKAGE, true);
    sandbox.change(|state| state.set_downloads(PACKAGE, last, 9_999));
    let delete = |token: &str, path: String| {
        let sandbox = &sandbox;
        let token = token.to_owned();
        async move { outcome_as(sandbox, &token, Method::DELETE, &path).await }
    };
    let here = format!("{VERSIONS}/{last}");
    let scopes = ["read:packages", "delete:packages"];
    let stranger = token(&sandbox, "ghp_stranger", TokenKind::classic("stranger", &scopes));
    let reader = token(&sandbox, "ghp_reader", TokenKind::classic("me", &["read:packages"]));
    assert_eq!(delete("", here.clone()).await, refused(401, "Requires authentication"));
    assert_eq!(delete("ghp_wrong", here.clone()).await, refused(401, "Bad credentials"));
    let unseen = "/orgs/acme/packages/container/absent/versions/1".to_owned();
    assert_eq!(delete(TOKEN, unseen).await, refused(404, "Package not found."));
    assert_eq!(delete(&stranger, here.clone()).await, refused(404, "Package not found."), "no admin role");
    let scope = "You need at least delete:packages scope to delete a package version.";
    assert_eq!(delete(&reader, here.clone()).await, refused(403, scope));
    assert_eq!(delete(TOKEN, format!("{VERSIONS}/1")).await, refused(404, "Package version not found."));
    assert_eq!(delete(TOKEN, format!("{VERSIONS}/x")).await, refused(404, "Package version not found."));
    assert_eq!(delete(TOKEN, here).await.0, 400);
    sandbox.change(|state| state.set_habits(Habits { denial_is_shown: true, ..Habits::default() }));
    assert_eq!(delete(&stranger, format!("{VERSIONS}/{last}")).await.0, 403);
}

#[tokio::test]
async fn a_private_package_is_not_there_for_others() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let stranger = token(&sandbox, "ghp_stranger", TokenKind::classic("stranger", &["read:packages"]));
    assert_eq!(outcome_as(&sandbox, &stranger, Method::GET, VERSIONS).await, refused(404, "Package not found."));
    let list = "/orgs/acme/packages?package_type=container";
    let listed = call_as(&sandbox, &stranger, Method::GET, list).send().await.unwrap();
    assert_eq!(listed.text().await.unwrap(), "[]");
    sandbox.change(|state| state.set_role(PACKAGE, "user:stranger", Role::Read));
    assert_eq!(call_as(&sandbox, &stranger, Method::GET, VERSIONS).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn scopes_are_asked_for_by_name() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let none = token(&sandbox, "ghp_none", TokenKind::classic("me", &["repo"]));
    let list = outcome_as(&sandbox, &none, Method::GET, "/orgs/acme/packages?package_type=container").await;
    assert_eq!(list, refused(403, "You need at least read:packages scope to list packages."));
    let versions = outcome_as(&sandbox, &none, Method::GET, VERSIONS).await;
    assert_eq!(versions, refused(403, "You need at least read:packages scope to get a package's versions."));
    let response = call(&sandbox, Method::GET, VERSIONS).await;
    assert_eq!(header(&response, "x-oauth-scopes"), "delete:packages, read:packages, repo, workflow, write:packages");
}

#[tokio::test]
async fn a_workflow_s_token_lists_versions_but_no_packages() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let id = push(&sandbox, PACKAGE, "2", "v2");
    let kind = |packages| TokenKind::Workflow { repository: "acme/Shop".to_owned(), packages };
    let long = format!("ghs_1_{}", "x".repeat(520));
    let workflow = token(&sandbox, &long, kind(Role::Write));
    sandbox.change(|state| state.set_role(PACKAGE, "repository:acme/shop", Role::Write));
    let list = outcome_as(&sandbox, &workflow, Method::GET, "/orgs/acme/packages?package_type=container").await;
    assert_eq!(list, refused(400, "Invalid argument."));
    let own = outcome_as(&sandbox, &workflow, Method::GET, "/user/packages?package_type=container").await;
    assert_eq!(own, refused(403, "Resource not accessible by integration"));
    let user = outcome_as(&sandbox, &workflow, Method::GET, "/user").await;
    assert_eq!(user, refused(403, "Resource not accessible by integration"));
    assert_eq!(call_as(&sandbox, &workflow, Method::GET, VERSIONS).send().await.unwrap().status(), 200);
    let path = format!("{VERSIONS}/{id}");
    let no_admin = outcome_as(&sandbox, &workflow, Method::DELETE, &path).await;
    assert_eq!(no_admin, refused(404, "Package not found."));
    sandbox.change(|state| state.set_role(PACKAGE, "repository:acme/shop", Role::Admin));
    let read_only = token(&sandbox, "ghs_read", kind(Role::Read));
    let refusal = refused(403, "Resource not accessible by integration");
    assert_eq!(outcome_as(&sandbox, &read_only, Method::DELETE, &path).await, refusal);
    let none = token(&sandbox, "ghs_none", kind(Role::None));
    assert_eq!(outcome_as(&sandbox, &none, Method::GET, VERSIONS).await, refusal);
    assert_eq!(outcome_as(&sandbox, &workflow, Method::DELETE, &path).await, refused(204, ""));
}

#[tokio::test]
async fn fine_grained_tokens_have_no_packages() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let fine = token(&sandbox, "github_pat_1", TokenKind::FineGrained { login: "me".to_owned() });
    let refusal = refused(403, "Resource not accessible by personal access token");
    assert_eq!(outcome_as(&sandbox, &fine, Method::GET, VERSIONS).await, refusal);
    let list = "/orgs/acme/packages?package_type=container";
    assert_eq!(outcome_as(&sandbox, &fine, Method::GET, list).await, refusal);
}

#[tokio::test]
async fn an_organisation_may_want_saml() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    sandbox
        .change(|state| state.add_owner("acme", ghcr_lifecycle::sandbox::state::OwnerKind::Organization).saml = true);
    let (status, message) = outcome_as(&sandbox, TOKEN, Method::GET, VERSIONS).await;
    assert_eq!(status, 403);
    assert!(message.starts_with("Resource protected by organization SAML enforcement."), "{message}");
}

#[tokio::test]
async fn a_tag_may_be_shown_twice_for_a_while() {
    let sandbox = acme().await;
    let old = push(&sandbox, PACKAGE, "1", "latest");
    push(&sandbox, PACKAGE, "2", "latest");
    sandbox.change(|state| state.set_ghost_tags(PACKAGE, old, vec!["latest".parse().unwrap()]));
    let list = fetch(&sandbox, VERSIONS).await;
    for version in list.as_array().unwrap() {
        assert_eq!(version["metadata"]["container"]["tags"], serde_json::json!(["latest"]));
    }
}

#[tokio::test]
async fn a_package_is_linked_by_its_label() {
    let sandbox = acme().await;
    super::api::project(&sandbox);
    let image = SampleImage::builder()
        .seed("1")
        .label("org.opencontainers.image.source", "https://github.com/acme/Shop")
        .build();
    image.put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    let path = "/v2/acme/shop/manifests/v1";
    let put = request(&sandbox, Method::PUT, path).header("content-type", IMAGE).body(image.root().bytes.clone());
    assert_eq!(put.send().await.unwrap().status(), 201);
    let package = fetch(&sandbox, "/orgs/acme/packages/container/shop").await;
    assert_eq!(package["repository"]["full_name"], "acme/Shop");
}

#[tokio::test]
async fn a_user_s_packages_have_the_user_s_paths() {
    let sandbox = acme().await;
    push(&sandbox, "me/tool", "1", "v1");
    let id = push(&sandbox, "me/tool", "2", "");
    for base in ["/users/ME", "/user"] {
        let versions = fetch(&sandbox, &format!("{base}/packages/container/tool/versions")).await;
        assert_eq!(versions.as_array().map(Vec::len), Some(2));
        assert_eq!(versions[0]["html_url"], format!("https://github.com/users/me/packages/container/tool/{id}"));
    }
    let number = sandbox.change(|state| state.owner("me").unwrap().id);
    let response = call(&sandbox, Method::GET, "/user/packages/container/tool/versions?per_page=1").await;
    let link = header(&response, "link").to_owned();
    assert!(link.contains(&format!("/user/{number}/packages/container/tool/versions?per_page=1&page=2>")), "{link}");
    let path = format!("/user/{number}/packages/container/tool/versions?per_page=1&page=2");
    assert_eq!(fetch(&sandbox, &path).await.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn nobody_edits_a_package() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let path = "/orgs/acme/packages/container/shop";
    assert_eq!(outcome_as(&sandbox, TOKEN, Method::PATCH, path).await, refused(404, "Not Found"));
}

#[tokio::test]
async fn a_client_says_who_it_is() {
    let sandbox = acme().await;
    let response = anonymous(&sandbox, Method::GET, VERSIONS).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(response.status(), 403);
    assert!(response.text().await.unwrap().contains("User-Agent"));
}

#[tokio::test]
async fn a_version_is_found_by_what_a_push_returned() {
    let sandbox = acme().await;
    let body = manifest("1");
    let path = format!("/v2/acme/shop/manifests/{}", ManifestReference::Digest(body.digest.clone()));
    let put = request(&sandbox, Method::PUT, &path).header("content-type", super::support::INDEX);
    assert_eq!(put.body(body.bytes.clone()).send().await.unwrap().status(), 201);
    let list = fetch(&sandbox, VERSIONS).await;
    assert_eq!((&list[0]["name"], list.as_array().map(Vec::len)), (&body.digest.to_string().into(), Some(1)));
    assert_eq!(list[0]["metadata"]["container"]["tags"], serde_json::json!([]));
}
