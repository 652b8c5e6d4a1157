//! What earlier runs read of manifests. A digest says what is behind it for good, so nothing here can be out of date.

use crate::model::{Digest, inventory::ManifestFacts};

/// Remembers what manifests say, by digest.
pub trait ManifestCache: Sync {
    /// Returns what is known of a manifest; nothing if what was stored is damaged.
    fn get(&self, digest: &Digest) -> Option<ManifestFacts>;

    /// Remembers what a manifest says whose bytes were verified. What could not be read is not remembered.
    fn put(&self, digest: &Digest, facts: &ManifestFacts);
}
