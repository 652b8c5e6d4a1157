//! The cache of manifests.

use std::fs;

use ghcr_lifecycle::{
    adapters::manifest_cache::FileCache,
    model::{Digest, inventory::ManifestFacts},
    ports::ManifestCache as _,
};

use super::support::{cache, clients, manifests_read, policy};
use crate::sandbox::{
    api::acme,
    support::{multi, single},
};

#[tokio::test]
async fn a_second_run_reads_no_manifest_and_a_damaged_line_is_read_anew() {
    let sandbox = acme().await;
    let image = multi("1");
    image.put_into(&sandbox, "acme/shop", &"v1".parse().unwrap());
    single("2").put_into(&sandbox, "acme/shop", &"v2".parse().unwrap());
    let versions = image.children().len() + 2;
    let (clients, policy) = (clients(&sandbox), policy("tags: [{on: release, tag: '{{version}}'}]\n"));
    let folder = tempfile::tempdir().unwrap();
    let first = {
        let cache = cache(Some(folder.path()));
        let collected = clients.collect(&policy, &cache).await.unwrap();
        cache.save().unwrap();
        assert_eq!((collected.manifests_read, manifests_read(&sandbox)), (versions, versions));
        collected.inventory
    };
    sandbox.clear_requests();
    let again = clients.collect(&policy, &cache(Some(folder.path()))).await.unwrap();
    assert_eq!((again.manifests_read, manifests_read(&sandbox)), (0, 0));
    assert_eq!(again.inventory.versions, first.versions);

    let file = folder.path().join("manifests-1.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), versions);
    // Another child in the index: what would be deleted for it.
    let child = image.children()[0].digest.to_string();
    let forged = text.replace(&format!("\"d\":\"{child}\""), &format!("\"d\":\"{}\"", Digest::of(b"other")));
    assert_ne!(forged, text);
    fs::write(&file, forged).unwrap();
    sandbox.clear_requests();
    let damaged = clients.collect(&policy, &cache(Some(folder.path()))).await.unwrap();
    assert_eq!(manifests_read(&sandbox), 1);
    assert_eq!(damaged.inventory.versions, first.versions);
    for broken in ["", "\0\0\n", "{}\n[]\n", &text[..text.len() / 2]] {
        fs::write(&file, broken).unwrap();
        let found = clients.collect(&policy, &cache(Some(folder.path()))).await.unwrap();
        assert_eq!(found.inventory.versions, first.versions, "{broken:?}");
    }
}

#[test]
fn the_file_is_bounded_and_keeps_what_was_used_last() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |number: u32| Digest::of(&number.to_be_bytes());
    let facts = ManifestFacts::UnknownMediaType { media_type: "x".repeat(100) };
    let old = FileCache::bounded(Some(folder.path()), 100_000);
    (0..60).for_each(|number| old.put(&digest(number), &facts));
    old.save().unwrap();
    let new = FileCache::bounded(Some(folder.path()), 10_000);
    assert!((0..10).all(|number| new.get(&digest(number)).is_some()));
    new.put(&digest(500), &facts);
    new.save().unwrap();
    assert!(fs::metadata(folder.path().join("manifests-1.jsonl")).unwrap().len() <= 10_000);
    let last = FileCache::bounded(Some(folder.path()), 10_000);
    assert!((0..10).chain([500]).all(|number| last.get(&digest(number)).as_ref() == Some(&facts)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left");
}

#[test]
fn what_could_not_be_read_is_not_remembered() {
    let cache = cache(None);
    let digest = Digest::of(b"lost");
    cache.put(&digest, &ManifestFacts::Unreadable { problem: "gone".to_owned() });
    cache.put(&digest, &ManifestFacts::NotRead);
    assert_eq!(cache.get(&digest), None);
    cache.save().unwrap();
}
