//! The versions that a closed pull request's tags are on: a few requests, where nothing else decides about them.

use std::collections::BTreeSet;

use super::{Sources, list};
use crate::{
    model::{Digest, ImageName, ManifestReference, Tag},
    policy::{
        cleanup::{PullRequestTags, is_settled_alone},
        rules::Policy,
    },
    ports::{ListedVersion, PackagesReader, PortError, RegistryReader},
};

/// Returns the pull request's tags that the registry has.
pub(super) async fn own_tags<R: RegistryReader>(
    registry: &R,
    image: &ImageName,
    policy: &Policy,
    number: u64,
) -> Result<(BTreeSet<Tag>, BTreeSet<Tag>), PortError> {
    let tags: BTreeSet<Tag> = registry.tags(image).await?.into_iter().collect();
    let own = PullRequestTags::of(policy, number);
    let own = tags.iter().filter(|tag| own.contain(tag)).cloned().collect();
    Ok((own, tags))
}

/// Lists the newest versions down to those that carry the tags; all, where the policy ranks images, or where no other tag is
/// among these, so that it is not known whether another would remain.
pub(super) async fn list_closed<P: PackagesReader, R: RegistryReader, S, C>(
    sources: &Sources<'_, P, R, S, C>,
    image: &ImageName,
    policy: &Policy,
    own: &BTreeSet<Tag>,
) -> Result<Vec<ListedVersion>, PortError> {
    if is_settled_alone(policy) {
        let mut digests: BTreeSet<Digest> = BTreeSet::new();
        for tag in own {
            digests.extend(sources.registry.manifest_digest(image, &ManifestReference::Tag(tag.clone())).await?);
        }
        let listed = sources.packages.newest_with(image, &digests).await?;
        let is_there = |tag: &Tag| listed.iter().any(|version| version.tags.contains(tag));
        let has_others = listed.iter().flat_map(|version| &version.tags).any(|tag| !own.contains(tag));
        let mut ids = BTreeSet::new();
        // A page that shifted shows a version twice.
        let is_whole = listed.iter().all(|version| ids.insert(version.id));
        if has_others && is_whole && own.iter().all(is_there) {
            return Ok(listed);
        }
    }
    Ok(list(sources, image).await?.0)
}
