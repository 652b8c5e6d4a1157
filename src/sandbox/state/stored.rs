//! How values that hold bytes are written down: as digests. Whoever reads them back gets the bytes from elsewhere.

use bytes::Bytes;

use super::State;
use crate::model::Digest;

/// A state that was read back and whose blobs and manifests have no bytes yet.
pub(in crate::sandbox) struct Bytesless(State);

impl Bytesless {
    pub(in crate::sandbox) fn new(state: State) -> Self {
        Self(state)
    }

    /// Fills in the bytes, which `read` finds by their digest, and returns the state.
    ///
    /// # Errors
    /// The first error of `read`.
    pub(in crate::sandbox) fn fill<E>(mut self, mut read: impl FnMut(&Digest) -> Result<Bytes, E>) -> Result<State, E> {
        for repository in self.0.all_repositories_mut() {
            for version in repository.versions.all_mut() {
                version.manifest.bytes = read(&version.manifest.digest)?;
            }
            for (digest, bytes) in &mut repository.blobs {
                *bytes = read(digest)?;
            }
        }
        self.0.find_trees();
        Ok(self.0)
    }
}

pub(super) mod manifest {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::model::{Digest, RawManifest};

    #[derive(Serialize, Deserialize)]
    struct Described<T> {
        media_type: T,
        digest: Digest,
        size: usize,
    }

    pub(in crate::sandbox::state) fn serialize<S: Serializer>(
        manifest: &RawManifest,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let RawManifest { media_type, bytes, digest } = manifest;
        Described { media_type, digest: digest.clone(), size: bytes.len() }.serialize(serializer)
    }

    pub(in crate::sandbox::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<RawManifest, D::Error> {
        let Described { media_type, digest, size: _ } = Described::<String>::deserialize(deserializer)?;
        Ok(RawManifest { media_type, bytes: Bytes::new(), digest })
    }
}

pub(super) mod blobs {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::Digest;

    pub(in crate::sandbox::state) fn serialize<S: Serializer>(
        blobs: &BTreeMap<Digest, Bytes>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(blobs.iter().map(|(digest, bytes)| (digest, bytes.len())))
    }

    pub(in crate::sandbox::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Digest, Bytes>, D::Error> {
        let sizes = BTreeMap::<Digest, u64>::deserialize(deserializer)?;
        Ok(sizes.into_keys().map(|digest| (digest, Bytes::new())).collect())
    }
}

pub(super) mod tags {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::model::Tag;

    pub(in crate::sandbox::state) fn serialize<S: Serializer>(tags: &[Tag], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(tags.iter().map(Tag::as_str))
    }

    pub(in crate::sandbox::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Tag>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
    }
}
