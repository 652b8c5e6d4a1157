//! Packages and versions apart from HTTP.

use bytes::Bytes;
use ghcr_lifecycle::{
    model::{Digest, ManifestReference, Tag},
    sandbox::{
        Sandbox,
        options::Habits,
        state::{Refusal, Visibility},
    },
};

use super::api::{PACKAGE, acme, manifest, push, time};

fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

/// Id, digest and tags of the active versions, newest first.
fn active(sandbox: &Sandbox) -> Vec<(u64, Digest, Vec<String>)> {
    sandbox.change(|state| {
        let package = state.repository(PACKAGE).unwrap();
        let versions = package.versions();
        let tags = |digest: &Digest| package.tags_of(digest).iter().map(ToString::to_string).collect();
        versions.map(|version| (version.id, version.manifest.digest.clone(), tags(&version.manifest.digest))).collect()
    })
}

#[tokio::test]
async fn one_digest_is_one_version() {
    let sandbox = acme().await;
    let first = push(&sandbox, PACKAGE, "1", "v1");
    assert_eq!(push(&sandbox, PACKAGE, "1", "latest"), first);
    assert_eq!(push(&sandbox, PACKAGE, "1", ""), first);
    assert_eq!(active(&sandbox), [(first, manifest("1").digest, vec!["v1".into(), "latest".into()])]);
    assert!(first > 1_250_000_000);
}

#[tokio::test]
async fn a_tag_that_moves_leaves_the_old_version_untagged() {
    let sandbox = acme().await;
    let first = push(&sandbox, PACKAGE, "1", "latest");
    sandbox.advance(60);
    let second = push(&sandbox, PACKAGE, "2", "latest");
    let expected =
        [(second, manifest("2").digest, vec!["latest".to_owned()]), (first, manifest("1").digest, Vec::new())];
    assert_eq!(active(&sandbox), expected);
    assert!(second > first);
}

#[tokio::test]
async fn neither_date_changes_when_a_tag_does() {
    let sandbox = acme().await;
    let id = push(&sandbox, PACKAGE, "1", "v1");
    let created = sandbox.now();
    sandbox.advance(3600);
    push(&sandbox, PACKAGE, "1", "v1");
    sandbox.set_tag(PACKAGE, tag("v1.0"), manifest("1").digest);
    let dates = || {
        sandbox.change(|state| {
            let version = state.repository(PACKAGE).unwrap().version(id).unwrap();
            (version.created, version.updated)
        })
    };
    assert_eq!(dates(), (created, created));
    sandbox.change(|state| state.set_habits(Habits { updated_follows_tags: true, ..Habits::default() }));
    sandbox.set_tag(PACKAGE, tag("v1.0.0"), manifest("1").digest);
    assert_eq!(dates(), (created, sandbox.now()));
}

#[tokio::test]
async fn deleting_takes_all_tags_but_no_children_and_no_blobs() {
    let sandbox = acme().await;
    let blob = sandbox.put_blob(PACKAGE, Bytes::from_static(b"layer"));
    let child = push(&sandbox, PACKAGE, "child", "");
    let parent = push(&sandbox, PACKAGE, "parent", "v1");
    sandbox.set_tag(PACKAGE, tag("latest"), manifest("parent").digest);
    let other = push(&sandbox, PACKAGE, "other", "v2");
    assert_eq!(sandbox.change(|state| state.delete_version(PACKAGE, parent)), Ok(()));
    let ids: Vec<u64> = active(&sandbox).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, [other, child]);
    assert_eq!(sandbox.tags(PACKAGE), [(tag("v2"), manifest("other").digest)]);
    assert!(sandbox.has_blob(PACKAGE, &blob));
    assert_eq!(sandbox.manifest(PACKAGE, &manifest("parent").digest), None);
    assert_eq!(sandbox.change(|state| state.delete_version(PACKAGE, parent)), Err(Refusal::Gone));
}

#[tokio::test]
async fn the_last_tagged_version_stays_however_many_untagged_there_are() {
    let sandbox = acme().await;
    let tagged = push(&sandbox, PACKAGE, "1", "v1");
    let untagged = push(&sandbox, PACKAGE, "2", "");
    let delete = |id| sandbox.change(|state| state.delete_version(PACKAGE, id));
    assert_eq!(delete(tagged), Err(Refusal::LastTagged));
    assert_eq!(delete(untagged), Ok(()));
    let other = push(&sandbox, PACKAGE, "3", "v2");
    assert_eq!(delete(tagged), Ok(()));
    assert_eq!(delete(other), Err(Refusal::LastTagged));
}

#[tokio::test]
async fn many_downloads_protect_public_versions_only() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let popular = push(&sandbox, PACKAGE, "2", "v2");
    let delete = || sandbox.change(|state| state.delete_version(PACKAGE, popular));
    sandbox.change(|state| state.set_downloads(PACKAGE, popular, 5_001));
    sandbox.set_public(PACKAGE, true);
    assert_eq!(delete(), Err(Refusal::Downloads));
    assert_eq!(sandbox.change(|state| state.delete_package(PACKAGE)), Err(Refusal::Downloads));
    sandbox.change(|state| state.set_downloads(PACKAGE, popular, 5_000));
    assert_eq!(delete(), Ok(()));
}

#[tokio::test]
async fn a_deleted_version_can_be_restored_for_thirty_days() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let id = push(&sandbox, PACKAGE, "2", "v2");
    let restore = || sandbox.change(|state| state.restore_version(PACKAGE, id));
    assert_eq!(restore(), Err(Refusal::Gone), "it is not deleted");
    sandbox.change(|state| state.delete_version(PACKAGE, id)).unwrap();
    sandbox.advance(30 * 24 * 3600);
    assert_eq!(restore(), Ok(()));
    assert_eq!(sandbox.tag(PACKAGE, "v2"), Some(manifest("2").digest));
    sandbox.change(|state| state.delete_version(PACKAGE, id)).unwrap();
    sandbox.advance(30 * 24 * 3600 + 1);
    assert_eq!(restore(), Err(Refusal::Gone));
}

#[tokio::test]
async fn a_restored_version_gets_no_tag_back_that_has_moved() {
    let sandbox = acme().await;
    let old = push(&sandbox, PACKAGE, "1", "latest");
    sandbox.set_tag(PACKAGE, tag("v1"), manifest("1").digest);
    push(&sandbox, PACKAGE, "2", "v2");
    sandbox.change(|state| state.delete_version(PACKAGE, old)).unwrap();
    push(&sandbox, PACKAGE, "3", "latest");
    sandbox.change(|state| state.restore_version(PACKAGE, old)).unwrap();
    assert_eq!(sandbox.tag(PACKAGE, "latest"), Some(manifest("3").digest));
    assert_eq!(sandbox.tag(PACKAGE, "v1"), Some(manifest("1").digest));
}

#[tokio::test]
async fn pushing_a_deleted_digest_makes_a_new_version_or_the_old_one() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let old = push(&sandbox, PACKAGE, "2", "v2");
    let delete = |id| sandbox.change(|state| state.delete_version(PACKAGE, id)).unwrap();
    delete(old);
    let new = push(&sandbox, PACKAGE, "2", "v2");
    assert!(new > old);
    assert_eq!(sandbox.change(|state| state.restore_version(PACKAGE, old)), Err(Refusal::Taken));
    delete(new);
    sandbox.change(|state| state.set_habits(Habits { push_restores_deleted: true, ..Habits::default() }));
    assert_eq!(push(&sandbox, PACKAGE, "2", "v2"), new);
}

#[tokio::test]
async fn a_package_goes_and_comes_back_whole() {
    let sandbox = acme().await;
    let id = push(&sandbox, PACKAGE, "1", "v1");
    sandbox.set_public(PACKAGE, true);
    sandbox.change(|state| state.delete_package(PACKAGE)).unwrap();
    assert!(sandbox.change(|state| state.repository(PACKAGE).is_none()));
    assert_eq!(sandbox.change(|state| state.delete_package(PACKAGE)), Err(Refusal::Gone));
    assert_eq!(sandbox.change(|state| state.restore_package(PACKAGE)), Ok(()));
    assert_eq!(active(&sandbox)[0].0, id);
    sandbox.change(|state| state.delete_package(PACKAGE)).unwrap();
    push(&sandbox, PACKAGE, "2", "v1");
    let package = |sandbox: &Sandbox| sandbox.change(|state| state.repository(PACKAGE).unwrap().package().clone());
    assert_eq!(package(&sandbox).visibility, Visibility::Private, "a new package has not the old one's visibility");
    assert_eq!(sandbox.change(|state| state.restore_package(PACKAGE)), Err(Refusal::Taken));
}

#[tokio::test]
async fn the_clock_stands_still_or_runs_on() {
    let sandbox = acme().await;
    let begin = time("2026-03-01T12:00:00Z");
    assert_eq!((sandbox.now(), sandbox.now()), (begin, begin));
    sandbox.advance(90);
    assert_eq!(sandbox.now().to_string(), "2026-03-01T12:01:30Z");
    assert_eq!(sandbox.now().http_date(), "Sun, 01 Mar 2026 12:01:30 GMT");
}

#[tokio::test]
async fn versions_of_the_same_moment_are_in_the_order_of_their_ids() {
    let sandbox = acme().await;
    let ids: Vec<u64> = (0..5).map(|seed| push(&sandbox, PACKAGE, &seed.to_string(), "")).collect();
    let listed: Vec<u64> = active(&sandbox).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(listed, ids.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_tag_without_a_manifest_is_nobody_s_tag() {
    let sandbox = acme().await;
    let tagged = push(&sandbox, PACKAGE, "1", "v1");
    sandbox.set_tag(PACKAGE, tag("ghost"), Digest::of(b"nothing"));
    assert_eq!(sandbox.change(|state| state.delete_version(PACKAGE, tagged)), Err(Refusal::LastTagged));
    let missing = ManifestReference::Tag(tag("ghost"));
    assert_eq!(sandbox.change(|state| state.repository(PACKAGE)?.resolve(&missing)), None);
}
