//! Referrers as registries list them: descriptors of manifests that point at a subject.

use serde_json::{Value, json};

use super::{Digest, Manifest, ManifestKind, RawManifest, manifest::ManifestError};

/// One entry of a list of referrers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedReferrer {
    /// The digest of the manifest that refers.
    pub digest: Digest,
    /// The whole descriptor, with what nobody here needs: it is written elsewhere as it was read.
    pub entry: Value,
}

impl ListedReferrer {
    /// Describes a manifest as the distribution spec lets a list of referrers describe it.
    ///
    /// # Errors
    /// If it is no manifest.
    pub fn of(raw: &RawManifest) -> Result<Self, ManifestError> {
        let Manifest { kind, media_type: _, artifact_type, subject: _, annotations } = raw.parse()?;
        let artifact_type = artifact_type.or(match kind {
            ManifestKind::Image { config, .. } => Some(config.media_type),
            ManifestKind::Index { .. } => None,
        });
        let mut entry = json!({"mediaType": raw.media_type, "digest": raw.digest, "size": raw.bytes.len()});
        if let Some(artifact_type) = artifact_type {
            entry["artifactType"] = artifact_type.into();
        }
        if !annotations.is_empty() {
            entry["annotations"] = json!(annotations);
        }
        Ok(Self { digest: raw.digest.clone(), entry })
    }
}

/// The suffixes of the tags under which cosign keeps what belongs to an image, `sha256-<hex>.sig` and the like.
pub const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// Reads a list of referrers: an index, as the referrers API and the fallback tag give it.
///
/// # Errors
/// If the document is no index.
pub fn listed_referrers(raw: &RawManifest) -> Result<Vec<ListedReferrer>, ManifestError> {
    let document: Value = serde_json::from_slice(&raw.bytes)?;
    let Some(Value::Array(entries)) = document.get("manifests") else { return Err(ManifestError::Neither) };
    let mut listed = Vec::new();
    for entry in entries {
        // An entry whose digest is of another algorithm cannot be asked for here.
        let digest = entry.get("digest").and_then(Value::as_str).and_then(|text| text.parse().ok());
        if let Some(digest) = digest {
            listed.push(ListedReferrer { digest, entry: entry.clone() });
        }
    }
    Ok(listed)
}
