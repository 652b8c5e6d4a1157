//! The referrers API
//! ([distribution spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers)), which
//! GHCR lacks: only a sandbox that is told to has it.

use hyper::StatusCode;
use oci_distribution::manifest as media;
use serde_json::{Value, json};

use super::{answer::Answer, exchange::Exchange, manifests::absent};
use crate::model::{Digest, Manifest, ManifestKind, RawManifest};

/// Answers GET and HEAD: an index of the manifests whose subject has this digest, by their digests.
pub(super) fn list(exchange: &Exchange, name: &str, digest: &str) -> Result<Answer, Answer> {
    let options = &exchange.control.shared().options;
    if !options.referrers {
        return Err(Answer::manifest_unknown());
    }
    let subject: Digest = digest.parse().map_err(|_| Answer::digest_invalid("provided digest is no sha256 digest"))?;
    let wanted = exchange.parameter("artifactType");
    let after = exchange.parameter("last").and_then(|last| last.parse::<Digest>().ok());
    let mut descriptors = exchange.control.change(|state| {
        let repository = state.repository(name).filter(|repository| repository.is_published());
        let repository = repository.ok_or_else(|| absent(options.absent_is_denied))?;
        let mut referrers: Vec<_> = repository
            .manifests()
            .filter(|manifest| after.as_ref().is_none_or(|after| manifest.digest > *after))
            .filter_map(|manifest| Some((&manifest.digest, descriptor(manifest, &subject)?)))
            .filter(|(_, descriptor)| wanted.is_none_or(|wanted| descriptor["artifactType"] == wanted))
            .collect();
        // The order that pages go by.
        referrers.sort_by_key(|(digest, _)| *digest);
        Ok(referrers.into_iter().map(|(_, descriptor)| descriptor).collect::<Vec<_>>())
    })?;
    let more = descriptors.len() > options.page_size.max(1);
    descriptors.truncate(options.page_size.max(1));
    let mut answer = Answer::new(StatusCode::OK);
    if wanted.is_some() {
        answer = answer.header("oci-filters-applied", "artifactType");
    }
    if let (true, Some(last)) = (more, descriptors.last()) {
        let mut next = reqwest::Url::parse("http://localhost/").map_err(|_| Answer::manifest_unknown())?;
        next.set_path(&format!("/v2/{name}/referrers/{subject}"));
        next.query_pairs_mut()
            .extend_pairs(wanted.map(|wanted| ("artifactType", wanted)))
            .append_pair("last", last["digest"].as_str().unwrap_or_default());
        answer = answer.header("link", format!("<{}?{}>; rel=\"next\"", next.path(), next.query().unwrap_or_default()));
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_IMAGE_INDEX_MEDIA_TYPE,
        "manifests": descriptors,
    });
    Ok(answer.body(media::OCI_IMAGE_INDEX_MEDIA_TYPE, index.to_string()))
}

/// Describes a manifest, if it refers to the subject.
fn descriptor(manifest: &RawManifest, wanted: &Digest) -> Option<Value> {
    let Manifest { kind, media_type: _, artifact_type, subject, annotations } = manifest.parse().ok()?;
    if subject?.digest != *wanted {
        return None;
    }
    let mut descriptor = json!({
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.bytes.len(),
    });
    let own = artifact_type.filter(|artifact_type| !artifact_type.is_empty());
    let artifact_type = match kind {
        ManifestKind::Image { config, layers: _ } => Some(own.unwrap_or(config.media_type)),
        ManifestKind::Index { .. } => own,
    };
    if let Some(artifact_type) = artifact_type {
        descriptor["artifactType"] = json!(artifact_type);
    }
    if !annotations.is_empty() {
        descriptor["annotations"] = json!(annotations);
    }
    Some(descriptor)
}
