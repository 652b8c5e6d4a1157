//! The rules of the [distribution spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md), one
//! function each, named by the rule. The sandbox as GHCR breaks exactly those that GHCR breaks; with its switches on it
//! breaks none.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::sandbox::{Auth, Options, Sandbox};

use super::{peer::Peer, support::TOKEN};
use crate::peers::{Access, DockerRegistry};

mod deletion_off;
mod discovery;
mod errors;
mod management;
mod pull;
mod push;

pub(super) use errors::CODES;

/// A rule and the function that panics if a registry breaks it.
pub(super) struct Rule {
    name: &'static str,
    check: fn(Peer) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Lists functions as rules.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        pub(super) fn rules() -> Vec<super::Rule> {
            vec![$(super::Rule { name: stringify!($rule), check: |peer| Box::pin($rule(peer)) }),*]
        }
    };
}
use rules;

/// What GHCR breaks, and how.
const BROKEN_BY_GHCR: [(&str, &str); 11] = [
    ("a_manifest_is_served_to_who_accepts_anything", "a type that Accept does not name is 404"),
    ("a_blob_comes_with_its_digest", "the storage that it redirects to knows nothing of digests"),
    ("tags_are_sorted", "the oldest tag comes first"),
    ("a_page_begins_after_the_last_tag_in_order", "a page begins after the tag in age"),
    ("referrers_are_listed_in_an_index", "there is no referrers API"),
    ("referrers_have_their_artifact_types_and_annotations", "there is no referrers API"),
    ("referrers_can_be_filtered_by_artifact_type", "there is no referrers API"),
    ("referrers_of_what_has_none_are_an_empty_index", "there is no referrers API"),
    ("referrers_of_a_malformed_digest_are_400", "there is no referrers API"),
    ("a_subject_is_confirmed", "there is no referrers API, so OCI-Subject would be a lie"),
    ("a_large_chunk_is_taken_or_refused_with_a_code_of_the_spec", "its code for chunks over 4 MiB is its own"),
];

/// What docker-registry 2.8.2 breaks, which is older than version 1.1 of the spec. It tries the rules, not the sandbox:
/// one that a registry in wide use breaks for no reason would be no rule.
const BROKEN_BY_DOCKER_REGISTRY: [(&str, &str); 21] = [
    ("a_manifest_is_served_to_who_accepts_anything", "a type that Accept does not name is 404"),
    ("a_range_outside_of_a_blob_is_416", "its 416 breaks off: it has the length of the blob"),
    ("a_first_chunk_that_does_not_begin_at_0_is_416", "Content-Range is not read"),
    ("a_chunk_out_of_order_is_416", "Content-Range is not read"),
    ("a_last_chunk_out_of_order_is_416", "Content-Range is not read"),
    ("an_upload_goes_on_after_a_416", "Content-Range is not read"),
    ("a_manifest_over_the_limit_is_413", "it is 400"),
    ("n_says_how_many_tags_come", "tags come all at once"),
    ("n_of_0_is_an_empty_list_without_a_link", "tags come all at once"),
    ("a_page_begins_after_the_last_tag", "tags come all at once"),
    ("a_page_begins_after_the_last_tag_in_order", "tags come all at once"),
    ("a_link_leads_to_the_next_page", "tags come all at once"),
    ("referrers_are_listed_in_an_index", "there is no referrers API"),
    ("referrers_have_their_artifact_types_and_annotations", "there is no referrers API"),
    ("referrers_can_be_filtered_by_artifact_type", "there is no referrers API"),
    ("referrers_of_what_has_none_are_an_empty_index", "there is no referrers API"),
    ("referrers_of_a_malformed_digest_are_400", "there is no referrers API"),
    ("a_subject_is_confirmed", "there is no referrers API"),
    ("errors_have_codes_of_the_spec", "a malformed digest is 500 UNKNOWN"),
    ("a_deleted_tag_is_202_and_gone_alone", "tags are not deleted"),
    ("deleting_what_is_absent_is_404", "tags are not deleted"),
];

/// Runs the rules, each in a repository of its own, and returns the names of those that are broken.
async fn broken(peer: &Peer, rules: Vec<Rule>) -> BTreeSet<&'static str> {
    let mut broken = BTreeSet::new();
    let mut names = BTreeSet::new();
    for Rule { name, check } in rules {
        assert!(names.insert(name), "{name} is listed twice");
        let peer = peer.at(&format!("acme/{}", name.replace('_', "-")));
        if tokio::spawn(check(peer)).await.is_err() {
            broken.insert(name);
        }
    }
    broken
}

/// All rules but those about deletion.
fn common() -> Vec<Rule> {
    [pull::rules(), push::rules(), discovery::rules(), errors::rules()].into_iter().flatten().collect()
}

#[tokio::test]
async fn the_sandbox_breaks_what_ghcr_breaks() {
    let sandbox = Sandbox::start(Options::ghcr(TOKEN)).await.unwrap();
    let peer = Peer::new(&sandbox.host(), Some(BASE64.encode(TOKEN)));
    let rules = common().into_iter().chain(deletion_off::rules()).collect();
    assert_eq!(broken(&peer, rules).await, BROKEN_BY_GHCR.map(|(name, _)| name).into());
}

#[tokio::test]
async fn the_sandbox_breaks_nothing_with_its_switches_on() {
    let sandbox = Sandbox::start(Options::oci(Auth::None)).await.unwrap();
    let rules = common().into_iter().chain(management::rules()).collect();
    assert_eq!(broken(&Peer::new(&sandbox.host(), None), rules).await, BTreeSet::new());
}

#[tokio::test]
async fn the_rules_fit_a_real_registry() {
    let registry = DockerRegistry::start(Access::Open).await;
    let rules = common().into_iter().chain(management::rules());
    // Its tags come as the file system lists them, which may be the right order.
    let rules = rules.filter(|rule| rule.name != "tags_are_sorted").collect();
    let expected = BROKEN_BY_DOCKER_REGISTRY.map(|(name, _)| name).into();
    assert_eq!(broken(&Peer::new(registry.host(), None), rules).await, expected);
}
