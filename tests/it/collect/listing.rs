//! Lists of versions: complete, whatever happens while they are read.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ghcr_lifecycle::{
    ports::{OwnerKind, PackagesReader as _, PackagesWriter as _, PortErrorKind},
    sandbox::{Control, Fault, FaultEffect, Options, Sandbox, state::OwnerKind as SandboxOwner},
};

use super::support::{clients, fill, rest};
use crate::sandbox::{
    api::{PACKAGE, acme, manifest, push},
    support::TOKEN,
};

/// The numbers of the active versions.
fn active(sandbox: &Control) -> BTreeSet<u64> {
    sandbox.change(|state| state.repository(PACKAGE).unwrap().versions().map(|version| version.id).collect())
}

async fn listed(sandbox: &Sandbox) -> BTreeSet<u64> {
    let clients = clients(sandbox);
    let versions = clients.packages.active_versions(&clients.image).await.unwrap();
    versions.iter().map(|version| version.id.number()).collect()
}

#[tokio::test]
async fn every_version_is_listed_once_with_as_few_requests_as_pages() {
    for (count, pages) in [(1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (2_500, 25)] {
        let sandbox = acme().await;
        fill(&sandbox, count);
        assert_eq!(listed(&sandbox).await, active(&sandbox), "{count}");
        // The owner's kind, the package's own count; and again, where a list of several pages may have changed.
        let beside = 2 + usize::from(pages > 1);
        assert_eq!(rest(&sandbox).len(), pages + beside, "{count}: {:?}", rest(&sandbox));
    }
}

#[tokio::test]
async fn a_package_without_deleted_versions_has_an_empty_list_of_them() {
    let sandbox = acme().await;
    fill(&sandbox, 2);
    let clients = clients(&sandbox);
    assert_eq!(clients.packages.deleted_versions(&clients.image).await.unwrap(), []);
    let id = clients.packages.active_versions(&clients.image).await.unwrap()[0].id;
    clients.packages.delete_version(&clients.image, id, std::time::Duration::MAX).await.unwrap();
    let deleted = clients.packages.deleted_versions(&clients.image).await.unwrap();
    assert_eq!(deleted.iter().map(|version| version.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn versions_have_their_tags_and_dates() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    sandbox.set_tag(PACKAGE, "latest".parse().unwrap(), manifest("1").digest);
    push(&sandbox, PACKAGE, "2", "");
    let clients = clients(&sandbox);
    let versions = clients.packages.active_versions(&clients.image).await.unwrap();
    let tags: Vec<String> = versions.iter().map(|version| format!("{:?}", version.tags)).collect();
    assert_eq!(tags, [r#"{"latest", "v1"}"#, "{}"]);
    assert_eq!(versions[0].digest, manifest("1").digest);
    assert_eq!(versions[0].created_at.to_rfc3339(), "2026-03-01T12:00:00+00:00");
}

#[tokio::test]
async fn owners_are_users_too_and_names_may_have_slashes() {
    let owners = vec![("me".to_owned(), SandboxOwner::User)];
    let sandbox = Sandbox::start(Options { owners, login: "me".to_owned(), ..Options::ghcr(TOKEN) }).await.unwrap();
    push(&sandbox, "me/tools/shop", "1", "v1");
    let clients = clients(&sandbox);
    let image = format!("{}/me/tools/shop", sandbox.host()).parse().unwrap();
    let facts = clients.packages.package(&image).await.unwrap();
    assert_eq!((facts.owner, facts.version_count), (OwnerKind::User, Some(1)));
    assert_eq!(clients.packages.active_versions(&image).await.unwrap().len(), 1);
    assert!(rest(&sandbox)[1].starts_with("GET /users/me/packages/container/tools%2Fshop"), "{:?}", rest(&sandbox));
}

/// Lets something happen before the `n`th request for a page.
fn before_page(sandbox: &Sandbox, n: usize, act: impl Fn(&Control) + Send + Sync + 'static) {
    let (control, seen) = (sandbox.control(), AtomicUsize::new(0));
    sandbox.on_request(move |request| {
        if request.path.contains("/versions?") && seen.fetch_add(1, Ordering::SeqCst) + 1 == n {
            act(&control);
        }
        std::future::ready(())
    });
}

#[tokio::test]
async fn a_push_between_any_two_pages_is_noticed() {
    for n in 2..=4 {
        let sandbox = acme().await;
        fill(&sandbox, 350);
        before_page(&sandbox, n, |control| {
            control.put_manifest(
                PACKAGE,
                &"new".parse::<ghcr_lifecycle::model::Tag>().unwrap().into(),
                manifest("new"),
            );
        });
        assert_eq!(listed(&sandbox).await, active(&sandbox), "{n}");
    }
}

#[tokio::test]
async fn a_deletion_between_any_two_pages_is_noticed() {
    for n in 2..=4 {
        let sandbox = acme().await;
        fill(&sandbox, 350);
        let newest = *active(&sandbox).last().unwrap();
        before_page(&sandbox, n, move |control| {
            control.change(|state| state.delete_version(PACKAGE, newest)).unwrap();
        });
        let found = listed(&sandbox).await;
        let is_missing = active(&sandbox).difference(&found).count();
        assert_eq!(is_missing, 0, "{n}");
    }
}

#[tokio::test]
async fn a_last_page_that_is_not_the_last_any_more_is_followed() {
    let sandbox = acme().await;
    fill(&sandbox, 200);
    before_page(&sandbox, 2, |control| {
        for seed in ["a", "b"] {
            let digest = manifest(seed).digest;
            control.put_manifest(PACKAGE, &digest.into(), manifest(seed));
        }
    });
    assert_eq!(listed(&sandbox).await, active(&sandbox));
    assert!(rest(&sandbox).iter().any(|request| request.contains("page=3")));
}

#[tokio::test]
async fn a_list_that_never_stands_still_is_an_error() {
    let sandbox = acme().await;
    fill(&sandbox, 150);
    let (control, seed) = (sandbox.control(), Arc::new(AtomicUsize::new(0)));
    sandbox.on_request(move |request| {
        if request.path.contains("page=2") {
            let manifest = manifest(&format!("more-{}", seed.fetch_add(1, Ordering::SeqCst)));
            control.put_manifest(PACKAGE, &manifest.digest.clone().into(), manifest);
        }
        std::future::ready(())
    });
    let clients = clients(&sandbox);
    let error = clients.packages.active_versions(&clients.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert!(error.to_string().ends_with("the list changed each of the 5 times that it was read"), "{error}");
    assert!(error.hint.unwrap().contains("`concurrency`"));
}

#[tokio::test]
async fn failures_in_the_middle_are_tried_again() {
    let status =
        |code: u16| FaultEffect::Status { code, body: r#"{"message":"Server Error"}"#.into(), headers: vec![] };
    for effect in [status(500), status(502), status(503), FaultEffect::DropConnection, FaultEffect::CutBody] {
        let sandbox = acme().await;
        fill(&sandbox, 250);
        sandbox.fault(Fault { times: 2, ..Fault::once(effect.clone()) }.on("GET", "page=2"));
        assert_eq!(listed(&sandbox).await, active(&sandbox), "{effect:?}");
    }
}

#[tokio::test]
async fn failures_that_go_on_are_an_error_that_says_so() {
    let sandbox = acme().await;
    fill(&sandbox, 250);
    let effect = FaultEffect::Status { code: 502, body: r#"{"message":"Server Error"}"#.into(), headers: vec![] };
    sandbox.fault(Fault::always(effect).on("GET", "page=3"));
    let clients = clients(&sandbox);
    let error = clients.packages.active_versions(&clients.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    let expected = format!("list the active versions of {}: status 502 Bad Gateway: Server Error", clients.image);
    assert_eq!(error.to_string(), expected);
}
