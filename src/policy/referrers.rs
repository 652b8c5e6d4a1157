//! Referrers in registries without the referrers API: the fallback tag is read, merged and written
//! ([distribution spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema)), and
//! tags of cosign go where the image goes.

use std::collections::BTreeSet;

use oci_distribution::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
use serde_json::{Value, json};

use crate::model::{
    Digest, ListedReferrer, ManifestKind, RawManifest,
    manifest::{MAX_MANIFEST_BYTES, ManifestError},
};

/// What becomes of a list of referrers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// All of them are in it.
    Complete,
    /// This is to take its place.
    Write(RawManifest),
}

/// Why a list of referrers cannot be added to.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// What is under the tag is no index.
    #[error("what is under the tag is no list of referrers")]
    NoList(#[from] ManifestError),
    /// It would be larger than registries take.
    #[error("the list would have {0} bytes; registries take 4 MiB")]
    TooLarge(usize),
}

/// Adds referrers to a fallback tag's index; what it has stays as it is, in its order.
///
/// # Errors
/// If what exists is no index, or the result is too large.
pub fn merge(existing: Option<&RawManifest>, referrers: &[ListedReferrer]) -> Result<Merged, MergeError> {
    let existing = match existing {
        Some(raw) if raw.parse()?.is_placeholder() => None,
        other => other,
    };
    let mut document = match existing {
        Some(raw) => match raw.parse()?.kind {
            ManifestKind::Index { .. } => serde_json::from_slice(&raw.bytes).map_err(ManifestError::from)?,
            ManifestKind::Image { .. } => return Err(MergeError::NoList(ManifestError::Neither)),
        },
        None => json!({"schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE, "manifests": []}),
    };
    let Some(entries) = document.get_mut("manifests").and_then(Value::as_array_mut) else {
        return Err(MergeError::NoList(ManifestError::Neither));
    };
    let mut known: BTreeSet<String> =
        entries.iter().filter_map(|entry| entry.get("digest")?.as_str().map(str::to_owned)).collect();
    let mut added = false;
    for ListedReferrer { digest, entry } in referrers {
        if known.insert(digest.to_string()) {
            entries.push(entry.clone());
            added = true;
        }
    }
    if !added {
        return Ok(Merged::Complete);
    }
    let bytes = document.to_string();
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(MergeError::TooLarge(bytes.len()));
    }
    let media_type = existing.map_or(OCI_IMAGE_INDEX_MEDIA_TYPE, |raw| raw.media_type.as_str());
    Ok(Merged::Write(RawManifest::new(media_type, bytes.into())))
}

/// What becomes of a cosign tag whose two registries hold different manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// The target has all that the source has.
    Keep,
    /// The source has all that the target has, and more.
    Replace,
    /// Each has some that the other has not: neither may be lost.
    Differ,
}

/// Compares what two cosign manifests list: one layer is one signature or attestation.
#[must_use]
pub fn compare_signatures(source: &RawManifest, target: &RawManifest) -> Signatures {
    let layers = |raw: &RawManifest| -> Option<BTreeSet<Digest>> {
        match raw.parse().ok()?.kind {
            ManifestKind::Image { layers, .. } => Some(layers.into_iter().map(|layer| layer.digest).collect()),
            ManifestKind::Index { .. } => None,
        }
    };
    if target.parse().is_ok_and(|manifest| manifest.is_placeholder()) {
        return Signatures::Replace;
    }
    match (layers(source), layers(target)) {
        (Some(ours), Some(theirs)) if ours.is_subset(&theirs) => Signatures::Keep,
        (Some(ours), Some(theirs)) if theirs.is_subset(&ours) => Signatures::Replace,
        _ => Signatures::Differ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referrer(seed: &str) -> ListedReferrer {
        let digest = Digest::of(seed.as_bytes());
        let entry = json!({"mediaType": "m", "digest": digest, "size": 1, "artifactType": seed});
        ListedReferrer { digest, entry }
    }

    #[test]
    fn what_is_listed_stays_and_what_is_missing_is_added_once() {
        let Ok(Merged::Write(first)) = merge(None, &[referrer("a"), referrer("a")]) else { panic!() };
        assert_eq!(merge(Some(&first), &[referrer("a")]).unwrap(), Merged::Complete);
        let Ok(Merged::Write(second)) = merge(Some(&first), &[referrer("b"), referrer("a")]) else { panic!() };
        let document: Value = serde_json::from_slice(&second.bytes).unwrap();
        let types: Vec<&str> =
            document["manifests"].as_array().unwrap().iter().map(|e| e["artifactType"].as_str().unwrap()).collect();
        assert_eq!(types, ["a", "b"]);
    }

    #[test]
    fn what_is_no_list_is_not_replaced() {
        let image = json!({"schemaVersion": 2, "config": {"mediaType": "c", "digest": Digest::of(b"c"), "size": 1}, "layers": []});
        let image = RawManifest::new("m", image.to_string().into());
        assert!(matches!(merge(Some(&image), &[referrer("a")]), Err(MergeError::NoList(_))));
    }

    #[test]
    fn no_signature_is_lost() {
        let signatures = |seeds: &[&str]| {
            let layer = |seed: &&str| json!({"mediaType": "l", "digest": Digest::of(seed.as_bytes()), "size": 1});
            let config = json!({"mediaType": "c", "digest": Digest::of(b"c"), "size": 1});
            let layers: Vec<Value> = seeds.iter().map(layer).collect();
            RawManifest::new("m", json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string().into())
        };
        let compare = |source: &[&str], target: &[&str]| compare_signatures(&signatures(source), &signatures(target));
        assert_eq!(compare(&["a"], &["a", "b"]), Signatures::Keep);
        assert_eq!(compare(&["a", "b"], &["b"]), Signatures::Replace);
        assert_eq!(compare(&["a"], &["b"]), Signatures::Differ);
    }
}
