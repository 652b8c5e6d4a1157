//! Refusals, and the page that their hints tell to open.

use ghcr_lifecycle::{
    ports::{Deletion, PackagesReader as _, PackagesWriter as _, PortError, Refused, Restoration},
    sandbox::{
        Fault, FaultEffect, Sandbox,
        state::{Role, TokenKind},
    },
};

use super::support::{clients, clients_as, fill, options};
use crate::sandbox::api::{PACKAGE, acme, push, token};

fn told(error: PortError, sandbox: &Sandbox) -> String {
    format!("{error}\nhint: {}", error.hint.as_deref().unwrap_or("none")).replace(&sandbox.host(), "ghcr.io")
}

#[tokio::test]
async fn every_refusal_of_a_list_names_what_to_do() {
    let sandbox = acme().await;
    fill(&sandbox, 1);
    let classic = |scopes: &[&str]| TokenKind::classic("me", scopes);
    let job = |packages| TokenKind::Workflow { repository: "acme/shop".to_owned(), packages };
    let fine = TokenKind::FineGrained { login: "me".to_owned() };
    let mut text = String::new();
    for (name, kind) in [
        ("ghp_none", classic(&["repo"])),
        ("ghp_stranger", TokenKind::classic("stranger", &["read:packages"])),
        ("ghs_none", job(Role::None)),
        ("ghs_other", TokenKind::Workflow { repository: "acme/other".to_owned(), packages: Role::Write }),
        ("github_pat_1", fine),
    ] {
        token(&sandbox, name, kind);
        let clients = clients_as(&sandbox, name, options());
        let error = clients.packages.active_versions(&clients.image).await.unwrap_err();
        text.push_str(&format!("{name}: {}\n\n", told(error, &sandbox)));
    }
    let bad = clients_as(&sandbox, "ghp_wrong", options());
    text.push_str(&told(bad.packages.package(&bad.image).await.unwrap_err(), &sandbox));
    let good = clients(&sandbox);
    for name in ["nobody/shop", "acme/none"] {
        let image = format!("{}/{name}", sandbox.host()).parse().unwrap();
        text.push_str(&format!("\n\n{}", told(good.packages.package(&image).await.unwrap_err(), &sandbox)));
    }
    for (code, message) in [(403, "Resource protected by organization SAML enforcement."), (400, "Invalid argument.")] {
        let body = serde_json::json!({"message": message}).to_string();
        let headers = vec![("x-ratelimit-remaining".to_owned(), "12".to_owned())];
        sandbox.fault(Fault::once(FaultEffect::Status { code, body, headers }).on("GET", "/packages/"));
        text.push_str(&format!("\n\n{}", told(good.packages.package(&good.image).await.unwrap_err(), &sandbox)));
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(std::env::current_dir().unwrap().join("fixtures/collect"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("refusals", text));
}

#[tokio::test]
async fn what_becomes_of_a_deletion_is_told_apart() {
    let sandbox = acme().await;
    let (first, second) = (push(&sandbox, PACKAGE, "1", "v1"), push(&sandbox, PACKAGE, "2", "v2"));
    let clients = clients(&sandbox);
    let id = ghcr_lifecycle::model::VersionId::new;
    let delete = |number| clients.packages.delete_version(&clients.image, id(number), std::time::Duration::MAX);
    sandbox.set_public(PACKAGE, true);
    sandbox.change(|state| state.set_downloads(PACKAGE, first, 5_001));
    let Deletion::Refused { why: Refused::Downloads, said } = delete(first).await.unwrap() else { panic!() };
    assert!(said.contains("more than 5000 downloads"), "{said}");
    sandbox.change(|state| state.set_downloads(PACKAGE, first, 0));
    assert_eq!(delete(first).await.unwrap(), Deletion::Done);
    assert_eq!(delete(first).await.unwrap(), Deletion::AlreadyGone);
    let Deletion::Refused { why: Refused::LastTagged, .. } = delete(second).await.unwrap() else { panic!() };
    let restore = |number| clients.packages.restore_version(&clients.image, id(number));
    assert_eq!(restore(first).await.unwrap(), Restoration::Done);
    assert_eq!(restore(first).await.unwrap(), Restoration::NotThere);
    // The answer says otherwise, but it took effect.
    let late = FaultEffect::LateStatus { code: 500, body: r#"{"message":"Server Error"}"#.to_owned() };
    sandbox.fault(Fault::once(late.clone()).on("DELETE", "/versions/"));
    assert_eq!(delete(first).await.unwrap(), Deletion::AlreadyGone);
    sandbox.fault(Fault::once(late).on("POST", "/restore"));
    assert_eq!(restore(first).await.unwrap(), Restoration::Done);
}

#[tokio::test]
async fn a_job_without_the_admin_role_is_told_where_to_get_it() {
    let sandbox = acme().await;
    fill(&sandbox, 2);
    sandbox.set_public(PACKAGE, true);
    token(&sandbox, "ghs_2", TokenKind::Workflow { repository: "acme/other".to_owned(), packages: Role::Write });
    let clients = clients_as(&sandbox, "ghs_2", options());
    let versions = clients.packages.active_versions(&clients.image).await.unwrap();
    let error =
        clients.packages.delete_version(&clients.image, versions[0].id, std::time::Duration::MAX).await.unwrap_err();
    let hint = error.hint.unwrap();
    assert!(hint.contains("Admin") && hint.contains("https://github.com/orgs/acme/packages/container/shop/settings"));
}
