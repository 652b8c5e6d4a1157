//! The inventory as a whole: what is asked, and only that.

use ghcr_lifecycle::{
    collect::inventory::{Sources, Wanted, collect_all},
    model::{
        Asked, Digest, RawManifest, Tag,
        inventory::{ManifestFacts, ManifestRole},
    },
    policy::cleanup::Blocked,
    ports::{PackagesReader as _, PackagesWriter as _, PortErrorKind},
    sandbox::{Fault, FaultEffect, state::source::NewCommit},
};

use super::support::{cache, clients, fill, manifests_read, policy, rest};
use crate::sandbox::{
    api::{PACKAGE, acme, manifest, project, push, time},
    support::{multi, single},
};

#[tokio::test]
async fn nothing_is_asked_that_no_row_asks_for() {
    let sandbox = acme().await;
    project(&sandbox);
    fill(&sandbox, 1_050);
    let collected =
        clients(&sandbox).collect(&policy("tags: [{on: release, tag: '{{version}}'}]\n"), &cache(None)).await;
    let inventory = collected.unwrap().inventory;
    assert_eq!(inventory.versions.len(), 1_050);
    assert_eq!(inventory.taken_at.to_rfc3339(), "2026-03-01T12:00:00+00:00");
    assert_eq!(inventory.pull_requests, Asked::NotAsked);
    // 1 owner, 1 package, ⌈1050/100⌉ pages, 1 count.
    assert_eq!(rest(&sandbox).len(), 11 + 3);
    assert_eq!(manifests_read(&sandbox), 1_050);
}

#[tokio::test]
async fn manifests_say_what_they_are() {
    let sandbox = acme().await;
    let image = multi("1");
    image.put_into(&sandbox, PACKAGE, &"v1".parse().unwrap());
    let collected =
        clients(&sandbox).collect(&policy("tags: [{on: release, tag: '{{version}}'}]\n"), &cache(None)).await;
    let versions = collected.unwrap().inventory.versions;
    let index = versions.iter().find(|version| version.digest == *image.digest()).unwrap().read().unwrap();
    assert_eq!((index.kind, index.children.len()), (ManifestRole::Index, image.children().len()));
    let roles: Vec<ManifestRole> = versions.iter().filter_map(|version| Some(version.read()?.kind)).collect();
    assert_eq!(roles.iter().filter(|role| **role == ManifestRole::Image).count(), 2, "{roles:?}");
}

/// A policy whose rows ask for everything.
const ALL: &str = "
repository: acme/shop
untagged: {keep: 1 day}
tags:
  - {on: release, tag: 'v{{version}}', keep: 1 day}
  - {on: branch **, tag: '{{branch}}-{{sha}}', keep: {for: 27 days, while: branch exists}}
  - {on: pull request, tag: 'pr-{{number}}', keep: while open}
";

#[tokio::test]
async fn what_the_plan_asks_for_is_asked_until_nothing_is_open() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    sandbox.freeze(time("2026-01-01T00:00:00Z"));
    for (seed, tag) in [
        ("1", "v1.0.0".to_owned()),
        ("2", "v1.0.1".to_owned()),
        ("3", format!("gone-{}", &commits[2][..7])),
        ("4", "pr-1".to_owned()),
        ("5", "pr-2".to_owned()),
    ] {
        push(&sandbox, PACKAGE, seed, &tag);
    }
    sandbox.freeze(time("2026-03-01T12:00:00Z"));
    let collected = clients(&sandbox).collect(&policy(ALL), &cache(None)).await.unwrap();
    let plan = collected.plan.unwrap();
    assert!(plan.questions.is_empty(), "{:?}", plan.questions);
    let inventory = collected.inventory;
    assert_eq!(inventory.pull_requests.known().map(|open| open.len()), Some(1));
    assert!(inventory.branches.known().unwrap().contains("release/1"));
    assert_eq!(inventory.evidence.releases.known().unwrap().len(), 2);
    let commits = inventory.evidence.commits[&2].known().unwrap();
    assert!(!commits.dates.is_empty());
    let count = |part: &str| rest(&sandbox).iter().filter(|request| request.contains(part)).count();
    assert_eq!((count("/pulls"), count("matching-refs/heads"), count("/releases")), (2, 1, 1), "{:?}", rest(&sandbox));
}

#[tokio::test]
async fn what_cannot_be_asked_is_noted_and_keeps() {
    let sandbox = acme().await;
    project(&sandbox);
    sandbox.freeze(time("2026-01-01T00:00:00Z"));
    push(&sandbox, PACKAGE, "4", "pr-2");
    push(&sandbox, PACKAGE, "5", "other");
    sandbox.freeze(time("2026-03-01T12:00:00Z"));
    let body = r#"{"message":"Resource not accessible by integration"}"#.to_owned();
    sandbox.fault(Fault::always(FaultEffect::Status { code: 403, body, headers: Vec::new() }).on("GET", "/pulls"));
    let collected = clients(&sandbox).collect(&policy(ALL), &cache(None)).await.unwrap();
    let Asked::Unreadable { problem } = &collected.inventory.pull_requests else { panic!() };
    assert!(problem.contains("`pull-requests: read`"), "{problem}");
    assert_eq!(collected.plan.unwrap().deleted().count(), 0);
}

#[tokio::test]
async fn an_unreadable_manifest_is_noted_and_a_failing_registry_is_an_error() {
    let sandbox = acme().await;
    fill(&sandbox, 30);
    let policy = policy("tags: [{on: release, tag: '{{version}}'}]\n");
    let lost = manifest("7").digest;
    let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#.to_owned();
    let effect = FaultEffect::Status { code: 404, body, headers: Vec::new() };
    sandbox.fault(Fault::always(effect).on("GET", &format!("manifests/{lost}")));
    let collected = clients(&sandbox).collect(&policy, &cache(None)).await.unwrap();
    let is_lost = |digest: &Digest| *digest == lost;
    let version = collected.inventory.versions.iter().find(|version| is_lost(&version.digest)).unwrap();
    assert!(matches!(version.manifest, ManifestFacts::Unreadable { .. }));
    assert!(matches!(collected.plan, Err(Blocked::Unreadable { .. })));

    sandbox.clear_faults();
    let effect = FaultEffect::registry_error(403, "DENIED", "permission_denied: read_package");
    sandbox.fault(Fault::always(effect).on("GET", "/manifests/"));
    let error = clients(&sandbox).collect(&policy, &cache(None)).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
}

#[tokio::test]
async fn manifests_survive_throttling() {
    let sandbox = acme().await;
    fill(&sandbox, 60);
    let headers = vec![("retry-after".to_owned(), "0".to_owned())];
    let body =
        r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 1ms, allowed: 2000/minute"}]}"#.to_owned();
    let throttled = FaultEffect::Status { code: 429, body, headers };
    sandbox.fault(Fault { times: 12, ..Fault::once(throttled) }.on("GET", "/manifests/").after(20));
    let policy = policy("tags: [{on: release, tag: '{{version}}'}]\n");
    let collected = clients(&sandbox).collect(&policy, &cache(None)).await.unwrap();
    assert!(collected.inventory.versions.iter().all(|version| version.read().is_some()));
}

#[tokio::test]
async fn a_tag_that_the_list_of_versions_lacks_counts_where_the_registry_has_it() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let stale = FaultEffect::Stale { milliseconds: None };
    sandbox.fault(Fault::always(stale).on("GET", "/versions"));
    sandbox.set_tag(PACKAGE, "stable".parse().unwrap(), manifest("1").digest);
    let policy = policy("tags: [{on: release, tag: '{{version}}'}]\n");
    let collected = clients(&sandbox).collect(&policy, &cache(None)).await.unwrap();
    assert_eq!(collected.inventory.versions[0].tags.len(), 2);
    // A version that is not listed yet could hold any other.
    push(&sandbox, PACKAGE, "2", "v2");
    let error = clients(&sandbox).collect(&policy, &cache(None)).await.unwrap_err();
    assert!(error.to_string().contains("the list is behind the registry"), "{error}");
}

#[tokio::test]
async fn one_package_s_failure_does_not_stop_the_others() {
    let sandbox = acme().await;
    single("1").put_into(&sandbox, PACKAGE, &"v1".parse().unwrap());
    let (clients, policy, cache) =
        (clients(&sandbox), policy("tags: [{on: release, tag: '{{version}}'}]\n"), cache(None));
    let none = format!("{}/acme/none", sandbox.host()).parse().unwrap();
    let sources = Sources {
        packages: &clients.packages,
        registry: &clients.registry,
        repository: &clients.repositories,
        cache: &cache,
    };
    let wanted = |image| Wanted {
        image,
        policy: &policy,
        own_repository: None,
        now: None,
        clock: chrono::DateTime::UNIX_EPOCH,
        closed: None,
    };
    let all = collect_all(&sources, &[wanted(&none), wanted(&clients.image)]).await;
    assert_eq!(all[0].as_ref().unwrap_err().kind, PortErrorKind::NotFound);
    assert_eq!(all[1].as_ref().unwrap().inventory.versions.len(), 1);
}

#[tokio::test]
async fn references_are_read_on_all_branches_or_block_the_package() {
    let sandbox = acme().await;
    project(&sandbox);
    let host = sandbox.host();
    sandbox.change(|state| {
        let source = state.source_mut("acme/shop").unwrap();
        let now = time("2026-02-09T00:00:00Z");
        let values = format!("image:\n  registry: {host}\n  repository: acme/shop\n  tag: v1\n");
        source.commit(NewCommit::on("main", "deploy").file("charts/shop/values.yaml", values), now);
        let pinned = format!("image: {host}/acme/shop:v2\n");
        source.commit(NewCommit::on("release/1", "pin").file("charts/shop/values.yaml", pinned), now);
    });
    fill(&sandbox, 3);
    let rows = "
repository: acme/shop
references: {files: ['charts/**/values.yaml'], branches: [release/1]}
tags: [{on: release, tag: '{{version}}'}]
";
    let collected = clients(&sandbox).collect(&policy(rows), &cache(None)).await.unwrap();
    let references = collected.inventory.references.known().unwrap().clone();
    let places: Vec<String> = references.iter().map(|found| format!("{}: {:?}", found.place, found.names)).collect();
    assert_eq!(
        places,
        ["charts/shop/values.yaml:1 on branch release/1: Tag(\"v2\")", "charts/shop/values.yaml:4: Tag(\"v1\")"]
    );
    sandbox.change(|state| state.source_mut("acme/shop").unwrap().truncates_trees = true);
    let collected = clients(&sandbox).collect(&policy(rows), &cache(None)).await.unwrap();
    assert!(matches!(collected.plan, Err(Blocked::References { .. })));
}

#[tokio::test]
async fn what_is_of_an_unknown_kind_is_known_to_be_so() {
    let sandbox = acme().await;
    fill(&sandbox, 2);
    let media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let old = RawManifest::new(media_type, "{\"schemaVersion\":1}".into());
    sandbox.put_manifest(PACKAGE, &"old".parse::<Tag>().unwrap().into(), old.clone());
    let policy = policy("tags: [{on: release, tag: '{{version}}'}]\n");
    let collected = clients(&sandbox).collect(&policy, &cache(None)).await.unwrap();
    let version = collected.inventory.versions.iter().find(|version| version.digest == old.digest).unwrap();
    assert!(matches!(version.manifest, ManifestFacts::UnknownMediaType { .. }), "{:?}", version.manifest);
    let plan = collected.plan.unwrap();
    assert_eq!(plan.deleted().count(), 0);
}

#[tokio::test]
async fn a_closed_pull_request_costs_a_few_requests_and_no_download() {
    let sandbox = acme().await;
    project(&sandbox);
    sandbox.freeze(time("2026-01-01T00:00:00Z"));
    push(&sandbox, PACKAGE, "1", "pr-1");
    push(&sandbox, PACKAGE, "2", "pr-2");
    push(&sandbox, PACKAGE, "3", "v1.0.0");
    let collected = clients(&sandbox).collect_for(&policy(ALL), &cache(None), Some(2)).await.unwrap();
    let plan = collected.plan.unwrap();
    let tags: Vec<&str> = plan.untag.iter().map(|untag| untag.tag.as_str()).collect();
    assert_eq!(tags, ["pr-2"]);
    assert_eq!(manifests_read(&sandbox), 0);
    // 1 owner, 1 package, 1 page, the open pull requests twice.
    assert_eq!(rest(&sandbox).len(), 5, "{:?}", rest(&sandbox));
}

#[tokio::test]
async fn a_deletion_costs_no_second_listing() {
    let sandbox = acme().await;
    fill(&sandbox, 150);
    let clients = clients(&sandbox);
    let versions = clients.packages.active_versions(&clients.image).await.unwrap();
    clients.packages.delete_version(&clients.image, versions[0].id, std::time::Duration::MAX).await.unwrap();
    sandbox.clear_requests();
    assert_eq!(clients.packages.active_versions(&clients.image).await.unwrap().len(), 149);
    assert_eq!(rest(&sandbox).len(), 3);
}
