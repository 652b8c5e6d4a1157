//! What is asked of every endpoint.

use std::collections::BTreeMap;

use ghcr_lifecycle::sandbox::{
    Sandbox, endpoints,
    state::{OwnerKind, Role, TokenKind, Visibility, limits::Limits, tokens::ALL_SCOPES},
};

use super::{
    super::api::{acme, project, push, token},
    checker::{Ask, Checker},
};

const BARE: &str = "ghp_bare";
const READS: &str = "ghp_reads";
const STRANGER: &str = "ghp_stranger";
const WORKFLOW: &str = "ghs_workflow";
const FINE_GRAINED: &str = "github_pat_fine";

/// A sandbox with a project and packages of an organisation and of a user, and what templates' names stand for.
async fn filled() -> (Sandbox, BTreeMap<&'static str, String>) {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    token(&sandbox, BARE, TokenKind::classic("me", &[]));
    token(&sandbox, READS, TokenKind::classic("me", &["read:packages"]));
    token(&sandbox, STRANGER, TokenKind::classic("stranger", &ALL_SCOPES));
    token(&sandbox, WORKFLOW, TokenKind::Workflow { repository: "acme/other".to_owned(), packages: Role::None });
    token(&sandbox, FINE_GRAINED, TokenKind::FineGrained { login: "stranger".to_owned() });
    for owner in ["acme", "me"] {
        for package in ["shop", "charts/shop"] {
            push(&sandbox, &format!("{owner}/{package}"), "1", "v1");
            push(&sandbox, &format!("{owner}/{package}"), "2", "");
        }
        sandbox.change(|state| state.link_package(&format!("{owner}/shop"), Some("acme/Shop")));
    }
    let (release, annotated, user) = sandbox.change(|state| {
        let now = state.now();
        let user = state.owner("me").unwrap().id;
        state.add_source("acme/Empty");
        let source = state.source_mut("acme/shop").unwrap();
        source.open_issue("Broken", Some("It is"), vec!["bug".to_owned()], now);
        source.close_pull_request(2, true, now);
        source.pulls.get_mut(&2).unwrap().head_repository = None;
        let release = source.publish_release("v2.0.0", now);
        let annotated = source.refs("tags/v1.0.1")[0].1.id.clone();
        (release, annotated, user)
    });
    let names = [
        ("account_id", user.to_string()),
        ("basehead", "v1.0.0...main".to_owned()),
        ("branch", "release/1".to_owned()),
        ("commit_sha", commits[3].clone()),
        ("issue_number", "3".to_owned()),
        ("org", "acme".to_owned()),
        ("owner", "acme".to_owned()),
        ("package_name", "shop".to_owned()),
        ("package_type", "container".to_owned()),
        ("package_version_id", "1".to_owned()),
        ("path", "README.md".to_owned()),
        ("pull_number", "1".to_owned()),
        ("ref", "heads/release/1".to_owned()),
        ("release_id", release.to_string()),
        ("repo", "shop".to_owned()),
        ("tag", "v1.0.0".to_owned()),
        ("tag_sha", annotated),
        ("tree_sha", "main".to_owned()),
        ("username", "me".to_owned()),
        ("workflow_id", "cleanup.yml".to_owned()),
    ];
    (sandbox, BTreeMap::from(names))
}

#[tokio::test]
async fn answers_are_as_github_describes_them() {
    let (sandbox, names) = filled().await;
    let mut checker = Checker::new(&sandbox, names);
    accounts(&mut checker).await;
    for (base, owner) in [("/orgs/{org}", "acme"), ("/users/{username}", "me"), ("/user", "me")] {
        packages(&mut checker, &sandbox, base, owner).await;
    }
    source(&mut checker).await;
    names_in_a_repository(&mut checker).await;
    releases_and_issues(&mut checker).await;
    everywhere(&mut checker, &sandbox).await;
    checker.finish();
}

async fn accounts(checker: &mut Checker<'_>) {
    checker.expect(Ask::new("GET", "/user"), 200).await;
    checker.expect(Ask::new("GET", "/user").by(""), 401).await;
    checker.expect(Ask::new("GET", "/user").by(WORKFLOW), 403).await;
    for (template, name) in [("/user/{account_id}", "account_id"), ("/users/{username}", "username")] {
        checker.expect(Ask::new("GET", template), 200).await;
        checker.expect(Ask::new("GET", template).with(name, 404), 404).await;
    }
    checker.expect(Ask::new("GET", "/users/{username}").with("username", "acme"), 200).await;
    checker.expect(Ask::new("GET", "/orgs/{org}"), 200).await;
    checker.expect(Ask::new("GET", "/orgs/{org}").with("org", "me"), 404).await;
    checker.expect(Ask::new("GET", "/rate_limit"), 200).await;
    checker.expect(Ask::new("GET", "/rate_limit").by(""), 200).await;
}

async fn packages(checker: &mut Checker<'_>, sandbox: &Sandbox, base: &str, owner: &str) {
    let list = &format!("{base}/packages");
    let package = &format!("{list}/{{package_type}}/{{package_name}}");
    let (restore_package, versions) = (&format!("{package}/restore"), &format!("{package}/versions"));
    let version = &format!("{versions}/{{package_version_id}}");
    let restore = &format!("{version}/restore");
    let name = format!("{owner}/shop");
    let extra = push(sandbox, &name, &format!("extra {base}"), "");
    let tagged = sandbox.change(|state| {
        let shop = state.repository(&name).unwrap();
        shop.versions().find(|version| !shop.tags_of(&version.manifest.digest).is_empty()).unwrap().id
    });

    checker.expect(Ask::new("GET", list).query("?package_type=container"), 200).await;
    checker.expect(Ask::new("GET", list).query("?package_type=npm&visibility=public"), 200).await;
    checker.expect(Ask::new("GET", list), 400).await;
    checker.expect(Ask::new("GET", list).query("?package_type=container&per_page=100&page=101"), 400).await;
    checker.expect(Ask::new("GET", package), 200).await;
    checker.expect(Ask::new("GET", package).with("package_name", "charts%2Fshop"), 200).await;
    checker.expect(Ask::new("GET", versions), 200).await;
    checker.expect(Ask::new("GET", versions).query("?per_page=1&page=2"), 200).await;
    checker.expect(Ask::new("GET", versions).query("?state=none"), 400).await;
    checker.expect(Ask::new("GET", version).with("package_version_id", extra), 200).await;
    checker.expect(Ask::new("DELETE", version).with("package_version_id", extra), 204).await;
    checker.expect(Ask::new("GET", versions).query("?state=deleted"), 200).await;
    checker.expect(Ask::new("POST", restore).with("package_version_id", extra), 204).await;
    checker.expect(Ask::new("DELETE", version).with("package_version_id", tagged), 400).await;
    sandbox.change(|state| {
        state.set_visibility(&name, Visibility::Public);
        state.set_downloads(&name, extra, 5_001);
    });
    checker.expect(Ask::new("DELETE", version).with("package_version_id", extra), 400).await;
    checker.expect(Ask::new("DELETE", package), 400).await;
    sandbox.change(|state| state.set_visibility(&name, Visibility::Private));
    checker.expect(Ask::new("DELETE", package).with("package_name", "charts%2Fshop"), 204).await;
    checker.expect(Ask::new("POST", restore_package).with("package_name", "charts%2Fshop"), 204).await;
    checker.expect(Ask::new("POST", restore_package), 404).await;

    let existing = [
        ("GET", package, Role::Read),
        ("DELETE", package, Role::Admin),
        ("POST", restore_package, Role::Admin),
        ("GET", versions, Role::Read),
        ("GET", version, Role::Read),
        ("DELETE", version, Role::Admin),
        ("POST", restore, Role::Admin),
    ];
    for (method, template, role) in existing {
        let ask = || Ask::new(method, template).with("package_version_id", extra);
        checker.expect(ask().with("package_name", "none"), 404).await;
        checker.expect(Ask::new(method, template).with("package_type", "npm"), 404).await;
        checker.expect(ask().by(STRANGER), 404).await;
        if role == Role::Admin && template != restore_package {
            checker.expect(ask().by(READS), 403).await;
        }
        if template.contains("{package_version_id}") {
            checker.expect(Ask::new(method, template), 404).await;
            checker.expect(Ask::new(method, template).with("package_version_id", "x"), 404).await;
        }
    }
    for (method, template, _) in [("GET", list, Role::Read)].into_iter().chain(existing) {
        let ask = || Ask::new(method, template).with("package_version_id", extra).query("?package_type=container");
        checker.expect(ask().by(""), 401).await;
        checker.expect(ask().by(BARE), 403).await;
        checker.expect(ask().by(FINE_GRAINED), 403).await;
        // Lists tell a workflow something else, but for its own.
        checker.expect(ask().by(WORKFLOW), if template == list && base != "/user" { 400 } else { 403 }).await;
        if base != "/user" {
            checker.expect(ask().with("org", "nobody").with("username", "nobody"), 404).await;
        }
        if base == "/orgs/{org}" {
            let enforce = |saml| {
                sandbox.change(|state| state.add_owner("acme", OwnerKind::Organization).saml = saml);
            };
            enforce(true);
            checker.expect(ask(), 403).await;
            enforce(false);
        }
    }
}

async fn source(checker: &mut Checker<'_>) {
    let at = |rest: &str| format!("/repos/{{owner}}/{{repo}}{rest}");
    checker.expect(Ask::new("GET", &at("")), 200).await;
    checker.expect(Ask::new("GET", &at("")).by(""), 200).await;
    let pulls = &at("/pulls");
    checker.expect(Ask::new("GET", pulls).query("?state=all"), 200).await;
    for number in [1, 2] {
        checker.expect(Ask::new("GET", &at("/pulls/{pull_number}")).with("pull_number", number), 200).await;
    }
    checker.expect(Ask::new("GET", &at("/pulls/{pull_number}")).with("pull_number", "x"), 404).await;
    checker.expect(Ask::new("GET", &at("/branches")), 200).await;
    checker.expect(Ask::new("GET", &at("/branches/{branch}")), 200).await;
    checker.expect(Ask::new("GET", &at("/branches/{branch}")).with("branch", "none"), 404).await;
    let commits = &at("/commits");
    checker.expect(Ask::new("GET", commits), 200).await;
    checker.expect(Ask::new("GET", commits).query("?sha=release/1&since=2026-02-02T00:00:00Z"), 200).await;
    checker.expect(Ask::new("GET", commits).query("?sha=none"), 404).await;
    checker.expect(Ask::new("GET", commits).with("repo", "empty"), 409).await;
}

async fn names_in_a_repository(checker: &mut Checker<'_>) {
    let at = |rest: &str| format!("/repos/{{owner}}/{{repo}}{rest}");
    let cases = [
        ("/commits/{ref}", "ref", "main", "none", 422),
        ("/contents/{path}", "path", "README.md", "none", 404),
        ("/git/trees/{tree_sha}", "tree_sha", "main?recursive=1", "none", 404),
        ("/git/ref/{ref}", "ref", "tags/v1.0.1", "heads/none", 404),
        ("/releases/tags/{tag}", "tag", "v1.0.0", "none", 404),
        ("/compare/{basehead}", "basehead", "release/1...main", "main...none", 404),
        ("/issues/{issue_number}", "issue_number", "3", "99", 404),
        ("/releases/{release_id}", "release_id", "{release_id}", "99", 404),
        ("/git/tags/{tag_sha}", "tag_sha", "{tag_sha}", "none", 404),
        ("/git/commits/{commit_sha}", "commit_sha", "{commit_sha}", "none", 404),
    ];
    for (template, name, present, absent, status) in cases {
        let template = &at(template);
        checker.expect(Ask::new("GET", template).with(name, present), 200).await;
        checker.expect(Ask::new("GET", template).with(name, absent), status).await;
    }
    let contents = &at("/contents/{path}");
    checker.expect(Ask::new("GET", contents).with("path", ""), 200).await;
    checker.expect(Ask::new("GET", contents).with("path", "").with("repo", "empty"), 404).await;
    checker.expect(Ask::new("GET", contents).query("?ref=none"), 404).await;
    let matching = &at("/git/matching-refs/{ref}");
    checker.expect(Ask::new("GET", matching).with("ref", "tags/v1"), 200).await;
    checker.expect(Ask::new("GET", matching).with("ref", "tags/none"), 200).await;
    for both in ["main...main", "main...v1.0.0", "v1.0.0...main"] {
        checker.expect(Ask::new("GET", &at("/compare/{basehead}")).with("basehead", both), 200).await;
    }
}

async fn releases_and_issues(checker: &mut Checker<'_>) {
    let at = |rest: &str| format!("/repos/{{owner}}/{{repo}}{rest}");
    let (releases, latest, release) = (&at("/releases"), &at("/releases/latest"), &at("/releases/{release_id}"));
    checker.expect(Ask::new("GET", releases), 200).await;
    checker.expect(Ask::new("GET", latest), 200).await;
    checker.expect(Ask::new("GET", latest).with("repo", "empty"), 404).await;
    let draft = r#"{"name": null, "body": "Digests\n", "draft": true, "prerelease": true}"#;
    checker.expect(Ask::new("PATCH", release).body(draft), 200).await;
    checker.expect(Ask::new("GET", releases), 200).await;
    checker.expect(Ask::new("GET", release).by(""), 404).await;
    checker.expect(Ask::new("PATCH", release).body(r#"{"draft": false}"#), 200).await;
    checker.expect(Ask::new("PATCH", release).with("release_id", 99).body("{}"), 404).await;
    let (issues, dispatches) = (&at("/issues"), &at("/dispatches"));
    checker.expect(Ask::new("GET", issues), 200).await;
    checker.expect(Ask::new("POST", issues).body(r#"{"title": "Broken", "labels": ["bug"]}"#), 201).await;
    checker.expect(Ask::new("POST", dispatches).body(r#"{"event_type": "deploy"}"#), 204).await;
    let workflow = &at("/actions/workflows/{workflow_id}/dispatches");
    checker.expect(Ask::new("POST", workflow).body(r#"{"ref": "main"}"#), 204).await;
    let wrong = [("PATCH", release, r#"{"body": 1}"#), ("POST", issues, "{}"), ("POST", dispatches, "{}")];
    for (method, template, body) in wrong.into_iter().chain([("POST", workflow, "{}")]) {
        checker.expect(Ask::new(method, template).body(body), 422).await;
        checker.expect(Ask::new(method, template).body("{"), 400).await;
        checker.expect(Ask::new(method, template).body("[]"), 400).await;
        checker.expect(Ask::new(method, template).body("{}").by(""), 401).await;
        checker.expect(Ask::new(method, template).body("{}").by(BARE), 404).await;
        checker.expect(Ask::new(method, template).body("{}").by(WORKFLOW), 403).await;
        checker.expect(Ask::new(method, template).body("{}").by(FINE_GRAINED), 403).await;
    }
}

/// What every endpoint refuses, whatever it does else.
async fn everywhere(checker: &mut Checker<'_>, sandbox: &Sandbox) {
    let endpoints = endpoints();
    for (method, template) in &endpoints {
        let ask = || Ask::new(method, template);
        checker.expect(ask().by("ghp_wrong"), 401).await;
        checker.expect(ask().without_agent(), 403).await;
        if template.starts_with("/repos/") {
            checker.expect(ask().with("repo", "none"), 404).await;
            sandbox.change(|state| state.source_mut("acme/shop").unwrap().private = true);
            checker.expect(ask().by(""), 404).await;
            checker.expect(ask().by(WORKFLOW), 404).await;
        }
        for status in [403, 429] {
            sandbox.set_limits(Limits { secondary_points: Some(0), status, ..Limits::default() });
            checker.expect(ask(), status).await;
        }
        sandbox.set_limits(Limits { primary: true, primary_budget: Some(0), ..Limits::default() });
        checker.expect(ask(), if template == "/rate_limit" { 200 } else { 403 }).await;
        checker.expect(ask().by(""), if template == "/rate_limit" { 200 } else { 403 }).await;
        sandbox.set_limits(Limits::default());
    }
}
