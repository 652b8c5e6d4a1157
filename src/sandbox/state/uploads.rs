//! Uploads under way.

use sha2::{Digest as _, Sha256};

use crate::model::Digest;

/// The bytes of a blob that have come so far.
#[derive(Clone, Default)]
pub struct Upload {
    pub(super) repository: String,
    pub(super) bytes: Vec<u8>,
    hash: Sha256,
}

impl Upload {
    pub(super) fn new(repository: &str) -> Self {
        Self { repository: repository.to_owned(), ..Self::default() }
    }

    /// Returns how many bytes have come.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the digest of what has come.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::from_hash(&self.hash.clone().finalize())
    }
}
