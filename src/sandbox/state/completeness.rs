//! What is missing from the images that tags point at.

use std::collections::BTreeSet;

use super::Repository;
use crate::model::{Descriptor, Digest, Manifest, ManifestKind, Tag};

impl Repository {
    /// Lists the blobs that an image manifest needs and the repository lacks. An index needs none, and layers that
    /// registries do not keep are not asked for.
    #[must_use]
    pub fn missing_blobs(&self, manifest: &Manifest) -> Vec<Digest> {
        match &manifest.kind {
            ManifestKind::Index { .. } => Vec::new(),
            ManifestKind::Image { config, layers } => std::iter::once(config.as_ref())
                .chain(layers)
                .filter(|blob| !blob.is_foreign() && self.blob(&blob.digest).is_none())
                .map(|blob| blob.digest.clone())
                .collect(),
        }
    }

    /// Lists what is missing from each tag: walks its index's children, their configurations and layers. Empty means that
    /// every tag can be pulled whole.
    #[must_use]
    pub fn incomplete(&self) -> Vec<(Tag, Digest)> {
        let mut missing = Vec::new();
        for (tag, digest) in self.tags() {
            let mut walk = Walk { repository: self, seen: BTreeSet::new(), missing: BTreeSet::new() };
            walk.manifest(digest);
            missing.extend(walk.missing.into_iter().map(|digest| (tag.clone(), digest)));
        }
        missing
    }
}

struct Walk<'a> {
    repository: &'a Repository,
    seen: BTreeSet<Digest>,
    missing: BTreeSet<Digest>,
}

impl Walk<'_> {
    fn manifest(&mut self, digest: &Digest) {
        if !self.seen.insert(digest.clone()) {
            return;
        }
        let Some(manifest) = self.repository.manifest(digest) else {
            self.missing.insert(digest.clone());
            return;
        };
        let Ok(parsed) = manifest.parse() else {
            self.missing.insert(digest.clone());
            return;
        };
        self.missing.extend(self.repository.missing_blobs(&parsed));
        if let ManifestKind::Index { manifests } = &parsed.kind {
            for child in manifests {
                self.child(child);
            }
        }
    }

    /// An index may list blobs too: BuildKit's cache does.
    fn child(&mut self, child: &Descriptor) {
        if child.is_manifest() || self.repository.manifest(&child.digest).is_some() {
            self.manifest(&child.digest);
        } else if self.repository.blob(&child.digest).is_none() {
            self.missing.insert(child.digest.clone());
        }
    }
}
