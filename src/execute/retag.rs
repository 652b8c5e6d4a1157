//! Puts a tag on a manifest, unless somebody else moves it meanwhile. No registry can do that in one request; this leaves as
//! little time as possible: what the tag is on is read before each try.

use std::time::Duration;

use crate::{
    model::{Digest, ImageName, ManifestReference, RawManifest, Tag},
    ports::{PortError, PortErrorKind, RegistryWriter},
};

/// How often it is tried, and the first wait in between, which doubles: longer than a registry's hiccup.
const TRIES: usize = 5;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Where a tag is in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// On the manifest.
    Done,
    /// Where somebody else put it, or nowhere.
    Elsewhere(Option<Digest>),
}

/// Puts a tag on a manifest, which the caller has just read to be on `from`.
///
/// # Errors
/// If it cannot be put; or if it is not known whether it was.
pub(super) async fn put_unless_moved<R: RegistryWriter>(
    registry: &R,
    image: &ImageName,
    tag: &Tag,
    from: Option<&Digest>,
    manifest: &RawManifest,
) -> Result<Put, PortError> {
    let by_tag = ManifestReference::Tag(tag.clone());
    let mut wait = FIRST_WAIT;
    for left in (0..TRIES).rev() {
        let Err(error) = registry.put_manifest_once(image, &by_tag, manifest).await else { break };
        let helps = matches!(error.kind, PortErrorKind::Unavailable | PortErrorKind::RateLimited) && left > 0;
        if helps {
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        // The answer may have been lost, and the tag be there.
        match registry.manifest_digest(image, &by_tag).await {
            Ok(Some(digest)) if digest == manifest.digest => break,
            Ok(digest) if digest.as_ref() != from => return Ok(Put::Elsewhere(digest)),
            Ok(_) if helps => {}
            Ok(_) | Err(_) => return Err(error),
        }
    }
    Ok(Put::Done)
}
