//! Reads the manifests of a package: what is remembered is not asked for again, for each GET counts as a download.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::{
    model::{
        Digest, ImageName, ManifestReference,
        inventory::{ManifestFacts, ReadManifest},
        untrusted::shown,
    },
    ports::{ManifestCache, PortError, PortErrorKind, RegistryReader},
};

/// How many manifests are asked for at once: at first, and at most.
const FIRST_AT_ONCE: usize = 4;
const MOST_AT_ONCE: usize = 32;

/// How many failures in a row mean that the registry fails, and not some manifests.
const FAILURES: usize = 10;

/// How many requests go out at once: more as long as all goes well, half as many when the registry asks for it.
#[derive(Debug)]
struct Ramp {
    at_once: usize,
    since_change: usize,
    slowed_down: u64,
}

impl Ramp {
    fn new(slowed_down: u64) -> Self {
        Self { at_once: FIRST_AT_ONCE, since_change: 0, slowed_down }
    }

    /// Learns that a request was answered, and how often the registry has asked for less so far.
    fn learn(&mut self, slowed_down: u64) {
        self.since_change += 1;
        if slowed_down > self.slowed_down {
            self.slowed_down = slowed_down;
            // Requests that were under way together are told the same thing: one halving for all of them.
            if self.since_change >= self.at_once / 2 || self.at_once == MOST_AT_ONCE {
                self.at_once = (self.at_once / 2).max(1);
                self.since_change = 0;
            }
        } else if self.since_change >= self.at_once {
            self.at_once = (self.at_once * 2).min(MOST_AT_ONCE);
            self.since_change = 0;
        }
    }
}

/// Reads manifests, and returns how many were asked for. One that cannot be read is noted as such.
///
/// # Errors
/// If the registry refuses or fails altogether.
pub(super) async fn read_manifests<R: RegistryReader, C: ManifestCache>(
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
    let mut waiting = missing.into_iter();
    let mut ramp = Ramp::new(registry.slowed_down());
    let mut failures = 0;
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < ramp.at_once {
            let Some(digest) = waiting.next() else { break };
            under_way.push(async move {
                let read = registry.manifest(image, &ManifestReference::Digest(digest.clone())).await;
                (digest, read)
            });
        }
        let Some((digest, read)) = under_way.next().await else { break };
        ramp.learn(registry.slowed_down());
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
    }
    Ok((found, asked))
}

/// Finds the media type in what was said, where it was said.
fn media_type(detail: &str) -> String {
    detail.split('`').nth(1).map_or_else(|| "not told".to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_at_once_as_long_as_all_goes_well() {
        let mut ramp = Ramp::new(0);
        let steps: Vec<usize> = (0..100)
            .map(|_| {
                ramp.learn(0);
                ramp.at_once
            })
            .collect();
        assert_eq!((steps[2], steps[3], steps[11], steps[27], steps[99]), (4, 8, 16, 32, 32));
    }

    #[test]
    fn half_as_many_when_the_registry_asks_for_it_once_for_all_under_way() {
        let mut ramp = Ramp { at_once: 32, since_change: 50, slowed_down: 0 };
        ramp.learn(1);
        assert_eq!(ramp.at_once, 16);
        ramp.learn(2);
        ramp.learn(3);
        assert_eq!(ramp.at_once, 16, "these were under way when the first was told");
        (0..8).for_each(|_| ramp.learn(3));
        ramp.learn(4);
        assert_eq!(ramp.at_once, 8);
        for told in 5..100 {
            ramp.learn(told);
        }
        assert_eq!(ramp.at_once, 1);
    }
}
