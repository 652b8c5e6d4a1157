//! Manifests: read with their digests checked, written byte for byte.

use oci_distribution::{
    errors::OciErrorCode,
    manifest::{IMAGE_MANIFEST_LIST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE},
};
use reqwest::{
    Method,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};

use super::{
    RegistryClient,
    authenticator::Scope,
    refusal::{Right, has_code, is_absence, words},
};
use crate::{
    adapters::http::{Answer, Request, Take, quoted},
    model::{
        Digest, ImageName, ManifestKind, ManifestReference, RawManifest,
        manifest::{MANIFEST_MEDIA_TYPES, MAX_MANIFEST_BYTES},
    },
    ports::{PortError, PortErrorKind},
};

const CONTENT_DIGEST: &str = "docker-content-digest";

impl RegistryClient {
    pub(super) async fn get_manifest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
    ) -> Result<Option<RawManifest>, PortError> {
        let operation = format!("get manifest {reference} of {image}");
        let request = self.manifest_request(&operation, Method::GET, image, reference)?;
        let answer = self.get(&operation, image, &request, Take::Whole(MAX_MANIFEST_BYTES)).await?;
        match answer.status.as_u16() {
            200 => verified_manifest(&operation, reference, &answer).map(Some),
            404 if is_unsupported(&answer) => {
                Err(PortError::new(PortErrorKind::Unsupported, operation, "it is of a kind that is not understood"))
            }
            404 if is_absence(&answer) => Ok(None),
            _ if self.is_unpublished(image, &answer) => Ok(None),
            404 => Err(self.not_an_absence(&operation, &answer)),
            _ => Err(self.refusal(&operation, image, Right::Read, &answer)),
        }
    }

    pub(super) async fn head_manifest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
    ) -> Result<Option<Digest>, PortError> {
        let operation = format!("get the digest of manifest {reference} of {image}");
        let request = self.manifest_request(&operation, Method::HEAD, image, reference)?;
        let answer = self.get(&operation, image, &request, Take::Whole(MAX_MANIFEST_BYTES)).await?;
        let is_page = answer.header(CONTENT_TYPE).is_some_and(|text| text.starts_with("text/html"));
        match (answer.status.as_u16(), content_digest(&operation, &answer)?) {
            (200, Some(digest)) => {
                check_reference(&operation, reference, &digest)?;
                Ok(Some(digest))
            }
            (404, _) if !is_page => Ok(None),
            _ if self.is_unpublished(image, &answer) => Ok(None),
            // Without a digest, without HEAD, or from somebody who sends pages: the document itself says more.
            (200 | 404 | 405, _) => Ok(self.get_manifest(image, reference).await?.map(|manifest| manifest.digest)),
            _ => Err(self.refusal(&operation, image, Right::Read, &answer)),
        }
    }

    pub(super) async fn send_manifest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
        manifest: &RawManifest,
    ) -> Result<(), PortError> {
        let operation = format!("put manifest {} as {reference} of {image}", manifest.digest.short());
        let malformed = |detail: String| PortError::new(PortErrorKind::Malformed, &operation, detail);
        let RawManifest { media_type, bytes, digest } = manifest;
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(malformed(format!("it has {} bytes, and registries take {MAX_MANIFEST_BYTES}", bytes.len())));
        }
        check_reference(&operation, reference, digest)?;
        let content_type = HeaderValue::from_str(media_type).map_err(|error| {
            malformed(format!("its media type `{}` is none", quoted(media_type))).with_source(error)
        })?;
        let url = self.url(&operation, image, &format!("manifests/{reference}"))?;
        let request = Request::new(Method::PUT, url).with_header(CONTENT_TYPE, content_type).with_body(bytes.clone());
        let scope = Scope::new(image, Right::Write);
        let answer = self.call(&operation, &scope, &request, Take::Whole(MAX_MANIFEST_BYTES)).await?.answer;
        if answer.status.is_success() {
            self.note_unpublished(image, false);
        }
        match answer.status.as_u16() {
            201 => match content_digest(&operation, &answer)? {
                Some(stored) if stored != *digest => {
                    Err(malformed(format!("the registry stored {stored} instead of {digest}")))
                }
                Some(_) | None => Ok(()),
            },
            400 | 404 if has_code(&answer, &MISSING_PART) => {
                Err(PortError::new(PortErrorKind::NotFound, &operation, words("the registry", &answer))
                    .with_hint("something that the manifest lists is not in the registry: run the same push again"))
            }
            200..400 => Err(malformed(format!("the registry answered {} instead of 201", answer.status.as_u16()))),
            _ => Err(self.refusal(&operation, image, Right::Write, &answer)),
        }
    }

    fn manifest_request(
        &self,
        operation: &str,
        method: Method,
        image: &ImageName,
        reference: &ManifestReference,
    ) -> Result<Request, PortError> {
        let url = self.url(operation, image, &format!("manifests/{reference}"))?;
        let accept = HeaderValue::from_str(&MANIFEST_MEDIA_TYPES.join(", ")).expect("media types are plain text");
        Ok(Request::new(method, url).with_header(ACCEPT, accept))
    }

    fn not_an_absence(&self, operation: &str, answer: &Answer) -> PortError {
        let detail = format!("{}, which does not say that it is absent", words("the server", answer));
        PortError::new(PortErrorKind::Malformed, operation, detail)
    }
}

/// GHCR says in the words of a 404 that the document is there, but in none of the types that were asked for. All that are
/// understood were, so if it is of one of those, the answer contradicts itself.
fn is_unsupported(answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    let is_known =
        ["OCI index found", "OCI manifest found", "Manifest list found"].iter().any(|kind| text.contains(kind));
    text.contains("found, but Accept header does not support") && !is_known
}

const INDEX_MEDIA_TYPES: [&str; 2] = [OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];

const MISSING_PART: [OciErrorCode; 3] =
    [OciErrorCode::ManifestBlobUnknown, OciErrorCode::BlobUnknown, OciErrorCode::ManifestUnknown];

fn check_reference(operation: &str, reference: &ManifestReference, digest: &Digest) -> Result<(), PortError> {
    match reference {
        ManifestReference::Digest(asked) if asked != digest => Err(PortError::new(
            PortErrorKind::Malformed,
            operation,
            format!("it has digest {digest}, but {asked} was asked for"),
        )),
        ManifestReference::Digest(_) | ManifestReference::Tag(_) => Ok(()),
    }
}

fn content_digest(operation: &str, answer: &Answer) -> Result<Option<Digest>, PortError> {
    if !answer.status.is_success() || !answer.headers.contains_key(CONTENT_DIGEST) {
        return Ok(None);
    }
    let text = answer.header(CONTENT_DIGEST).unwrap_or_default();
    text.trim().parse::<Digest>().map(Some).map_err(|error| {
        let detail = format!("the registry answered the digest `{}`", quoted(text));
        PortError::new(PortErrorKind::Malformed, operation, detail).with_source(error)
    })
}

fn verified_manifest(
    operation: &str,
    reference: &ManifestReference,
    answer: &Answer,
) -> Result<RawManifest, PortError> {
    let malformed = |detail: String| PortError::new(PortErrorKind::Malformed, operation, detail);
    let said = content_digest(operation, answer)?;
    let header =
        answer.header(CONTENT_TYPE).map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let mut manifest = RawManifest::new(String::new(), answer.body.clone());
    check_reference(operation, reference, &manifest.digest)?;
    if let Some(said) = said.filter(|said| *said != manifest.digest) {
        return Err(malformed(format!("its bytes have digest {}, but the registry says {said}", manifest.digest)));
    }
    manifest.media_type = match header.as_deref() {
        Some(known) if MANIFEST_MEDIA_TYPES.contains(&known) => {
            // One document that two readers take for two things is an attack, not a mistake (CVE-2021-41190).
            let said_index = INDEX_MEDIA_TYPES.contains(&known);
            if manifest.parse().is_ok_and(|document| matches!(document.kind, ManifestKind::Index { .. }) != said_index)
            {
                return Err(malformed(format!("its media type `{known}` contradicts its content")));
            }
            known.to_owned()
        }
        // Plain file servers know only these; the document says what it is.
        None | Some("" | "application/json" | "text/plain" | "application/octet-stream") => {
            let document =
                manifest.parse().map_err(|error| malformed("it cannot be read".to_owned()).with_source(error))?;
            document.media_type().to_owned()
        }
        Some(other) => {
            let detail = format!("its media type `{}` is none that is understood", quoted(other));
            // Only what is certainly this document, and certainly no known one under a wrong name.
            let is_unsupported = matches!(reference, ManifestReference::Digest(_)) && manifest.parse().is_err();
            let kind = if is_unsupported { PortErrorKind::Unsupported } else { PortErrorKind::Malformed };
            return Err(PortError::new(kind, operation, detail)
                .with_hint("images older than 2017 (schema 1) must be pushed again with a current tool"));
        }
    };
    Ok(manifest)
}
