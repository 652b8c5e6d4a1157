//! Reads the manifests of a package: what is remembered is not asked for again, for each GET counts as a download.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    collect::ramp::ramped,
    model::{
        Digest, ImageName, ManifestReference,
        inventory::{ManifestFacts, ReadManifest},
        untrusted::shown,
    },
    ports::{ManifestCache, PortError, PortErrorKind, RegistryReader},
};

/// How many failures in a row mean that the registry fails, and not some manifests.
const FAILURES: usize = 10;

/// Reads manifests, and returns how many were asked for. One that cannot be read is noted as such.
///
/// # Errors
/// If the registry refuses or fails altogether.
pub(in crate::collect) async fn read_manifests<R: RegistryReader, C: ManifestCache>(
    registry: &R,
    cache: &C,
    image: &ImageName,
    digests: BTreeSet<Digest>,
) -> Result<(BTreeMap<Digest, ManifestFacts>, usize), PortError> {
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for digest in digests {
        match cache.get(&digest) {
            Some(facts) => {
                found.insert(digest, facts);
            }
            None => missing.push(digest),
        }
    }
    let asked = missing.len();
    let mut failures = 0;
    let ask = |digest: Digest| async move {
        let read = registry.manifest(image, &ManifestReference::Digest(digest.clone())).await;
        (digest, read)
    };
    ramped(registry, missing, ask, |(digest, read)| {
        let facts = match read {
            Ok(Some(manifest)) => {
                failures = 0;
                match manifest.parse() {
                    Ok(parsed) => ManifestFacts::Read(Box::new(ReadManifest::from(&parsed))),
                    Err(error) => ManifestFacts::Unreadable { problem: shown(&error.to_string()) },
                }
            }
            Ok(None) => {
                failures = 0;
                ManifestFacts::Unreadable { problem: "the registry answers that there is none".to_owned() }
            }
            Err(error) if error.kind == PortErrorKind::Unsupported => {
                failures = 0;
                ManifestFacts::UnknownMediaType { media_type: media_type(&error.detail) }
            }
            Err(error) => {
                match error.kind {
                    PortErrorKind::RateLimited => return Err(error),
                    PortErrorKind::Denied | PortErrorKind::Unavailable => failures += 1,
                    PortErrorKind::NotFound | PortErrorKind::Malformed | PortErrorKind::Unsupported => {}
                }
                if failures >= FAILURES {
                    return Err(error);
                }
                ManifestFacts::Unreadable { problem: shown(&error.detail) }
            }
        };
        // A kind that is not known today may be known to the next release.
        if matches!(facts, ManifestFacts::Read(_)) {
            cache.put(&digest, &facts);
        }
        found.insert(digest, facts);
        Ok(())
    })
    .await?;
    Ok((found, asked))
}

/// Finds the media type in what was said, where it was said.
fn media_type(detail: &str) -> String {
    detail.split('`').nth(1).map_or_else(|| "not told".to_owned(), shown)
}
