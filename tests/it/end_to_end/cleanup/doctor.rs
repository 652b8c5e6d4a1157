//! `doctor`, and what runs say by themselves before their first write, with the tokens that people have.

use std::fs;

use ghcr_lifecycle::{
    model::Secret,
    sandbox::{
        Fault, FaultEffect, Sandbox,
        state::{OwnerKind, Role, TokenKind, Visibility},
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::step::{Outcome, Step, single, writes};
use super::shop::{PACKAGE, all_tags, api, policy, shop, tags, terminal, weekly};

const SETTINGS: &str = "https://github.com/orgs/acme/packages/container/shop/settings";

/// Makes a token known and examines with it, at a terminal.
fn examined(sandbox: &Sandbox, token: &str, kind: TokenKind, code: i32) -> Outcome {
    sandbox.add_token(Secret::new(token).unwrap(), kind);
    let step = terminal(sandbox, &["doctor"]).variable("GITHUB_TOKEN", token);
    let outcome = step.run();
    assert_eq!(outcome.code, Some(code), "{outcome}");
    assert_eq!(writes(sandbox), [], "doctor reads");
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(token), "the token is shown: {outcome}");
    }
    outcome
}

fn classic(scopes: &[&str]) -> TokenKind {
    TokenKind::classic("sandbox", scopes)
}

/// A step of a job whose token has these permissions, and whose workflow says so.
fn job(sandbox: &Sandbox, repository: &str, packages: Role, permissions: &str) -> Step {
    const TOKEN: &str = "ghs_doctor000000000000000000000000000000";
    let kind = TokenKind::Workflow { repository: repository.to_owned(), packages };
    sandbox.add_token(Secret::new(TOKEN).unwrap(), kind);
    let step = weekly(sandbox, "doctor").input("github-token", TOKEN).variable("GITHUB_REPOSITORY", repository);
    let folder = step.path("workspace/.github/workflows");
    fs::create_dir_all(&folder).unwrap();
    let workflow =
        format!("on: push\npermissions: {{}}\njobs:\n  image:\n    permissions: {permissions}\n    steps: []\n");
    fs::write(folder.join("image.yml"), workflow).unwrap();
    step.variable("GITHUB_JOB", "image")
        .variable("GITHUB_WORKFLOW_REF", &format!("{repository}/.github/workflows/image.yml@refs/heads/main"))
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

#[test]
fn a_token_with_all_rights_has_a_clear_way() {
    let sandbox = shop();
    let outcome = terminal(&sandbox, &["doctor", "--format", "json"]).succeed();
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&json["problems"], &json["warnings"]), (&json!(0), &json!(1)), "the clock stands still: {json}");
    let findings = json["findings"].as_array().unwrap();
    let state = |check: &str| {
        let found = findings.iter().find(|finding| finding["check"] == check);
        found.map(|finding| finding["state"].as_str().unwrap().to_owned())
    };
    for check in ["token", "budget", "repository", "owner", "package", "link", "visibility", "pull", "restore"] {
        assert_eq!(state(check).as_deref(), Some("ok"), "{check}: {json}");
    }
    assert_eq!(writes(&sandbox), []);
    assert!(api(&sandbox).len() <= 8, "{:?}", api(&sandbox));
}

/// What the document shows is run as it is, on the sandbox.
#[test]
fn the_commands_of_the_document_work() {
    let sandbox = shop();
    let text = fs::read_to_string("docs/doctor.md").unwrap();
    let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("$ ghcr-lifecycle ")).collect();
    assert!(commands.len() >= 3);
    for command in commands {
        let command = command.split('#').next().unwrap().replace("ghcr.io", &sandbox.host());
        let outcome = terminal(&sandbox, &command.split_whitespace().collect::<Vec<_>>()).succeed();
        assert!(outcome.stdout.contains(&format!("{}/acme/shop", sandbox.host())), "{outcome}");
    }
    assert_eq!(writes(&sandbox), []);
}

#[test]
fn tokens_that_will_not_do_are_told_the_page_to_open() {
    let sandbox = shop();
    let told = |token: &str, kind, parts: &[&str]| {
        let outcome = examined(&sandbox, token, kind, 1);
        says(&outcome.stderr, parts);
    };
    told(
        "ghp_pushes",
        classic(&["repo", "write:packages"]),
        &["the token lacks the scope `delete:packages`", "https://github.com/settings/tokens"],
    );
    told("ghp_nothing", classic(&["repo"]), &["`read:packages`, `write:packages` and `delete:packages`"]);
    told("gho_gh", classic(&["gist"]), &["gh auth refresh --scopes"]);
    told(
        "ghp_stranger",
        TokenKind::classic("stranger", &["delete:packages", "write:packages"]),
        &["the token's owner may not read the package", SETTINGS],
    );
    let before = sandbox.requests().len();
    let new = "https://github.com/settings/tokens/new?scopes=read:packages,write:packages,delete:packages";
    let fine = TokenKind::FineGrained { login: "sandbox".to_owned() };
    told("github_pat_1", fine, &["fine-grained token", "use the job's token", new]);
    assert_eq!(sandbox.requests().len(), before, "its beginning says enough");
    sandbox.change(|state| state.revoke_token("ghp_nothing"));
    let revoked = terminal(&sandbox, &["doctor"]).variable("GITHUB_TOKEN", "ghp_nothing").fail(1);
    says(&revoked.stderr, &["GitHub does not know the token", "https://github.com/settings/tokens"]);
    let none = terminal(&sandbox, &["doctor"]).without("GITHUB_TOKEN").fail(1);
    says(&none.stderr, &["there is no token", new]);
}

#[test]
fn a_job_is_told_what_its_workflow_lacks() {
    let sandbox = shop();
    let holder = format!("repository:{PACKAGE}");
    sandbox.change(|state| {
        state.set_role(PACKAGE, &holder, Role::Admin);
        state.link_package(PACKAGE, Some(PACKAGE));
    });
    let clear = job(&sandbox, PACKAGE, Role::Write, "{contents: read, packages: write}").succeed();
    says(&clear.stdout, &["the workflow grants `packages: write`", "linked to this repository", SETTINGS]);
    says(&clear.summary, &["### Nothing stands in the way", "❔ unknown"]);
    let read = job(&sandbox, PACKAGE, Role::Read, "{contents: read, packages: read}").fail(1);
    says(&read.stdout, &["::error", "the workflow does not grant `packages: write` to this job"]);
    says(&read.summary, &["### Something stands in the way", "### Failed"]);
    let none = job(&sandbox, PACKAGE, Role::None, "{contents: read}").fail(1);
    says(&none.stderr, &["the job's token may not read the package", "grant `packages: read` to the job"]);
    let fork = json!({"number": 7, "action": "opened", "repository": {"full_name": PACKAGE, "default_branch": "main"},
        "pull_request": {"head": {"sha": "1".repeat(40), "ref": "x", "repo": {"full_name": "stranger/shop"}}, "base": {"ref": "main"}}});
    let fork = job(&sandbox, PACKAGE, Role::Read, "{packages: write}")
        .variable("GITHUB_EVENT_NAME", "pull_request")
        .variable("GITHUB_REF", "refs/pull/7/merge")
        .payload(fork.to_string().as_bytes())
        .fail(1);
    says(&fork.stderr, &["this run is a fork's pull request, whose token may only read"]);
    let dependabot =
        job(&sandbox, PACKAGE, Role::Write, "{packages: write}").variable("GITHUB_ACTOR", "dependabot[bot]");
    let page = "https://github.com/acme/shop/settings/secrets/dependabot";
    says(&dependabot.succeed().stdout, &["Dependabot started this run", page, "::warning"]);
    assert_eq!(writes(&sandbox), []);
}

#[test]
fn a_package_of_another_repository_and_one_that_nobody_made() {
    let sandbox = shop();
    sandbox.change(|state| {
        state.add_source("acme/other");
        state.link_package(PACKAGE, Some("acme/other"));
        state.set_visibility(PACKAGE, Visibility::Public);
    });
    let linked = job(&sandbox, PACKAGE, Role::Write, "{packages: write, contents: read}").succeed();
    says(&linked.stdout, &["the package is linked to acme/other", "Manage Actions access", SETTINGS]);
    sandbox.change(|state| state.set_visibility(PACKAGE, Visibility::Private));
    let hidden = job(&sandbox, PACKAGE, Role::Write, "{packages: write, contents: read}").fail(1);
    says(&hidden.stderr, &["the job's token may not read the package", SETTINGS]);
    let new = policy(&["acme/new"], &sandbox.host());
    let missing = job(&sandbox, PACKAGE, Role::Write, "{packages: write, contents: read}").policy(&new).succeed();
    says(&missing.stdout, &["the first push makes it"]);
    let person = terminal(&sandbox, &["doctor", "--image", &format!("{}/acme/new", sandbox.host())]).succeed();
    says(&person.stdout, &["private, linked to no repository"]);
    let nobody = policy(&["nobody/shop"], &sandbox.host());
    let nobody = job(&sandbox, PACKAGE, Role::Write, "{packages: write}").policy(&nobody).fail(1);
    says(&nobody.stderr, &["there is no user or organisation of that name", "https://github.com/nobody"]);
    assert_eq!(writes(&sandbox), []);
}

#[test]
fn users_have_other_pages_than_organisations() {
    let sandbox = shop();
    sandbox.change(|state| state.add_owner("me", OwnerKind::User).id);
    single("mine").put_into(&sandbox, "me/tool", &"v1.0.0".parse().unwrap());
    let own = TokenKind::classic("me", &["delete:packages", "write:packages"]);
    sandbox.add_token(Secret::new("ghp_me").unwrap(), own);
    let image = format!("{}/me/tool", sandbox.host());
    let arguments = ["doctor", "--image", &image, "--format", "json"];
    let mine = terminal(&sandbox, &arguments).variable("GITHUB_TOKEN", "ghp_me").succeed();
    says(&mine.stdout, &["its owner is a user", "owners-token"]);
    let other = TokenKind::classic("other", &["delete:packages", "write:packages"]);
    sandbox.add_token(Secret::new("ghp_other").unwrap(), other);
    let other = terminal(&sandbox, &arguments).variable("GITHUB_TOKEN", "ghp_other").fail(1);
    says(&other.stdout, &["https://github.com/users/me/packages/container/tool/settings"]);
}

#[test]
fn an_hour_that_is_spent_and_an_api_that_does_not_answer() {
    let sandbox = shop();
    let token = sandbox.token().to_owned();
    sandbox.set_limits(ghcr_lifecycle::sandbox::state::limits::Limits::enforced());
    sandbox.set_remaining(&token, 0);
    let spent = terminal(&sandbox, &["doctor"]).succeed();
    says(&spent.stdout, &["the token has 0 left in this hour", "run it after 2026-", "it was not asked about"]);
    let dead = terminal(&sandbox, &["doctor"]).variable("GITHUB_API_URL", "http://127.0.0.1:1").fail(1);
    says(&dead.stderr, &["GitHub's API does not answer", "HTTPS_PROXY"]);
    says(&dead.stdout, &["the registry lets it be read"]);
}

#[test]
fn an_organisation_with_single_sign_on() {
    let sandbox = shop();
    sandbox.change(|state| state.add_owner("acme", OwnerKind::Organization).saml = true);
    let outcome = terminal(&sandbox, &["doctor"]).fail(1);
    says(&outcome.stderr, &["enforces single sign-on", "\"Configure SSO\"", "https://github.com/settings/tokens"]);
}

#[test]
fn a_repository_that_the_job_may_not_read_is_a_warning() {
    let sandbox = shop();
    let body = json!({"message": "Resource not accessible by integration"}).to_string();
    let headers = vec![("x-ratelimit-remaining".to_owned(), "12".to_owned())];
    for part in ["/branches", "/pulls"] {
        let refused = FaultEffect::Status { code: 403, body: body.clone(), headers: headers.clone() };
        sandbox.fault(Fault::once(refused).on("GET", part));
    }
    let outcome = terminal(&sandbox, &["doctor"]).succeed();
    says(&outcome.stdout, &["grant `contents: read` to the job", "grant `pull-requests: read` to the job"]);
}

#[test]
fn a_clean_up_whose_token_cannot_delete_changes_nothing() {
    let sandbox = shop();
    let kind = TokenKind::classic("sandbox", &["repo", "write:packages"]);
    sandbox.add_token(Secret::new("ghp_pushes").unwrap(), kind);
    let step = weekly(&sandbox, "cleanup").input("dry-run", "false").input("github-token", "ghp_pushes");
    let outcome = step.fail(1);
    // Its tags would have been on a placeholder that nobody could delete.
    assert_eq!((writes(&sandbox), tags(&sandbox)), (Vec::new(), all_tags().into_iter().map(str::to_owned).collect()));
    says(&outcome.stderr, &["the token lacks the scope `delete:packages`", "https://github.com/settings/tokens"]);
    // A plan needs no such right.
    weekly(&sandbox, "plan").input("github-token", "ghp_pushes").succeed();
}

#[test]
fn a_fine_grained_token_is_told_before_anything_is_asked() {
    let sandbox = shop();
    let kind = TokenKind::FineGrained { login: "sandbox".to_owned() };
    sandbox.add_token(Secret::new("github_pat_1").unwrap(), kind);
    let outcome = terminal(&sandbox, &["plan"]).variable("GITHUB_TOKEN", "github_pat_1").fail(1);
    let first = outcome.stderr.lines().next().unwrap_or_default();
    says(first, &["this is a fine-grained token", "settings/tokens/new"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_output_holds_the_token(
        prefix in prop::sample::select(vec!["ghp_", "ghs_", "gho_", "ghu_", "github_pat_", ""]),
        rest in "[A-Za-z0-9_]{12,40}",
        known in any::<bool>(),
        format in prop::sample::select(vec!["text", "json"]),
    ) {
        let sandbox = shop();
        let token = format!("{prefix}{rest}");
        if known {
            sandbox.add_token(Secret::new(&*token).unwrap(), classic(&["write:packages"]));
        }
        let arguments = ["doctor", "--format", format, "--log-level", "trace"];
        let outcome = terminal(&sandbox, &arguments).variable("GITHUB_TOKEN", &token).run();
        for text in [&outcome.stdout, &outcome.stderr, &outcome.summary] {
            prop_assert!(!text.contains(&rest), "{outcome}");
        }
    }
}
