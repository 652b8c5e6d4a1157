//! Manifests: served to those who accept their media type, stored when all that they need is there.

use hyper::{Method, StatusCode, header::ACCEPT};
use oci_distribution::manifest as media;
use serde_json::json;

use super::{answer::Answer, body::read_at_most, exchange::Exchange};
use crate::{
    model::{
        Descriptor, Digest, Manifest, ManifestKind, ManifestReference, RawManifest,
        manifest::{MANIFEST_MEDIA_TYPES, MAX_MANIFEST_BYTES},
    },
    sandbox::state::Repository,
};

/// Answers GET and HEAD.
pub(super) fn get(exchange: &Exchange, name: &str, reference: &str) -> Result<Answer, Answer> {
    let reference = parse_reference(reference)?;
    let options = &exchange.control.shared().options;
    let manifest = exchange.control.change(|state| {
        let repository = state.repository(name).filter(|repository| repository.is_published());
        let repository = repository.ok_or_else(|| absent(options.absent_is_denied))?;
        let digest = repository.resolve(&reference).ok_or_else(Answer::manifest_unknown)?;
        repository.manifest(&digest).cloned().ok_or_else(Answer::manifest_unknown)
    })?;
    if options.enforce_accept && !accepts(exchange, &manifest.media_type) {
        let message = not_accepted(&manifest.media_type);
        return Err(Answer::error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", &message));
    }
    let RawManifest { media_type, bytes, digest } = manifest;
    exchange.control.change(|state| {
        if exchange.method == Method::GET || state.habits().head_is_download {
            state.count_download(name, &digest);
        }
    });
    let answer = Answer::new(StatusCode::OK).digest(&digest).header("etag", format!("\"{digest}\""));
    Ok(if exchange.method == Method::HEAD {
        answer.header("content-type", media_type).header("content-length", bytes.len().to_string())
    } else {
        answer.body(&media_type, bytes)
    })
}

/// Refuses to read where nothing is published.
pub(super) fn absent(denied: bool) -> Answer {
    if denied { Answer::denied("requested access to the resource is denied") } else { Answer::name_unknown() }
}

/// GHCR takes the header at its word: a wildcard accepts no manifest.
fn accepts(exchange: &Exchange, media_type: &str) -> bool {
    exchange
        .headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().is_some_and(|accepted| accepted.trim() == media_type))
}

fn not_accepted(media_type: &str) -> String {
    let (singular, plural) = match media_type {
        media::OCI_IMAGE_INDEX_MEDIA_TYPE => ("OCI index", "OCI indexes"),
        media::OCI_IMAGE_MEDIA_TYPE => ("OCI manifest", "OCI manifests"),
        media::IMAGE_MANIFEST_LIST_MEDIA_TYPE => ("Manifest list", "manifest lists"),
        _ => ("Manifest", "manifests of its type"),
    };
    format!("{singular} found, but Accept header does not support {plural}")
}

/// Answers PUT.
pub(super) async fn put(exchange: &mut Exchange, name: &str, reference: &str) -> Result<Answer, Answer> {
    let invalid = |message: &str| Answer::error(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message);
    let reference = parse_reference(reference).map_err(|refusal| match refusal.status {
        StatusCode::NOT_FOUND => invalid("the reference is neither a tag nor a digest"),
        _ => refusal,
    })?;
    let media_type = exchange.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
    let Some(bytes) = read_at_most(&mut exchange.body, MAX_MANIFEST_BYTES).await? else {
        let message = "the manifest is larger than 4 MiB";
        return Err(Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message));
    };
    if !MANIFEST_MEDIA_TYPES.contains(&media_type.as_str()) {
        return Err(invalid("the Content-Type is no manifest's"));
    }
    let manifest = RawManifest::new(media_type, bytes);
    if let ManifestReference::Digest(wanted) = &reference
        && *wanted != manifest.digest
    {
        return Err(Answer::digest_invalid("provided digest did not match uploaded content"));
    }
    let parsed = parse(&manifest).map_err(|message| invalid(&message))?;
    let digest = manifest.digest.clone();
    // Checked and stored in one step, so that nothing that it needs can go in between.
    exchange.control.change(|state| {
        let repository = state.repository(name);
        let missing = match repository {
            Some(repository) => repository.missing_blobs(&parsed),
            None => Repository::default().missing_blobs(&parsed),
        };
        if !missing.is_empty() {
            return Err(blobs_unknown(&missing));
        }
        if let Some(message) = wrong_size(repository, &parsed) {
            return Err(Answer::error(StatusCode::BAD_REQUEST, "SIZE_INVALID", &message));
        }
        state.put_manifest(name, &reference, manifest.clone());
        state.link_by_source(name, &manifest);
        Ok(())
    })?;
    let location = format!("/v2/{name}/manifests/{digest}");
    let answer = Answer::new(StatusCode::CREATED).digest(&digest).header("location", location);
    // The header is a promise that the referrers API lists this manifest; without one clients keep a referrers tag.
    Ok(match parsed.subject {
        Some(subject) if exchange.control.shared().options.referrers => {
            answer.header("oci-subject", subject.digest.to_string())
        }
        _ => answer,
    })
}

/// Answers DELETE, where the sandbox deletes at all: a digest takes its tags along, a tag goes alone.
pub(super) fn delete(exchange: &Exchange, name: &str, reference: &str) -> Result<Answer, Answer> {
    let options = &exchange.control.shared().options;
    if !options.delete {
        return Err(Answer::unsupported());
    }
    let reference = parse_reference(reference)?;
    exchange.control.change(|state| {
        if !state.repository(name).is_some_and(Repository::is_published) {
            return Err(absent(options.absent_is_denied));
        }
        let deleted = match &reference {
            ManifestReference::Tag(tag) => state.remove_tag(name, tag).is_some(),
            ManifestReference::Digest(digest) => state.remove_manifest(name, digest).is_some(),
        };
        if deleted { Ok(Answer::new(StatusCode::ACCEPTED)) } else { Err(Answer::manifest_unknown()) }
    })
}

/// Finds a blob that the manifest says has another size than it has. Clients allocate by it, and stop reading there.
fn wrong_size(repository: Option<&Repository>, manifest: &Manifest) -> Option<String> {
    let ManifestKind::Image { config, layers } = &manifest.kind else { return None };
    std::iter::once(config.as_ref()).chain(layers).find_map(|descriptor| {
        let held = repository?.blob(&descriptor.digest)?.len() as u64;
        let Descriptor { digest, size, .. } = descriptor;
        (held != *size).then(|| format!("{digest} has {held} bytes, its descriptor says {size}"))
    })
}

fn parse(manifest: &RawManifest) -> Result<Manifest, String> {
    let parsed = manifest.parse().map_err(|error| error.to_string())?;
    if parsed.media_type.as_ref().is_some_and(|own| *own != manifest.media_type) {
        return Err("mediaType and Content-Type differ".to_owned());
    }
    let is_index =
        [media::OCI_IMAGE_INDEX_MEDIA_TYPE, media::IMAGE_MANIFEST_LIST_MEDIA_TYPE].contains(&&*manifest.media_type);
    match (&parsed.kind, is_index) {
        (ManifestKind::Index { .. }, true) | (ManifestKind::Image { .. }, false) => Ok(parsed),
        (ManifestKind::Index { .. }, false) => Err("the Content-Type is an image manifest's, the body an index".into()),
        (ManifestKind::Image { .. }, true) => Err("the Content-Type is an index's, the body an image manifest".into()),
    }
}

fn blobs_unknown(missing: &[Digest]) -> Answer {
    let errors: Vec<_> = missing
        .iter()
        .map(|digest| {
            json!({"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry", "detail": digest.to_string()})
        })
        .collect();
    Answer::json(StatusCode::BAD_REQUEST, &json!({ "errors": errors }))
}

fn parse_reference(text: &str) -> Result<ManifestReference, Answer> {
    if text.contains(':') {
        text.parse()
            .map(ManifestReference::Digest)
            .map_err(|_| Answer::digest_invalid("provided digest is no sha256 digest"))
    } else {
        text.parse()
            .map(ManifestReference::Tag)
            // What can be no tag is found nowhere.
            .map_err(|_| Answer::manifest_unknown())
    }
}
