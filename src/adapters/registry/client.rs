//! The client of registries: each request with its credentials, and the redirects of reads.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use reqwest::Url;
use tokio::sync::Semaphore;

use super::{
    authenticator::{Authenticator, Scope},
    credentials::{CredentialOptions, api_host},
    location::location,
    pieces::RESUMED_AT_ONCE,
    refusal::{Right, refusal},
    transfers::Transfers,
};
use crate::{
    adapters::http::{Answer, HttpClient, Request, Take},
    model::{
        Descriptor, Digest, ImageName, ListedReferrer, ManifestReference, RawManifest, Tag, name::is_loopback_host,
    },
    ports::{BlobOutcome, BlobStream, ImageSource, PortError, PortErrorKind, RegistryReader, RegistryWriter},
};

/// How many redirects a read follows.
const MAX_REDIRECTS: usize = 3;

/// A client for all registries of a run. Clones share connections, challenges and tokens.
#[derive(Clone, Debug)]
pub struct RegistryClient {
    pub(super) http: HttpClient,
    authenticator: Arc<Authenticator>,
    /// Images that cannot be read because nothing is published yet, as their registry proved.
    unpublished: Arc<Mutex<HashSet<ImageName>>>,
    /// Hosts that answered that they have no referrers API.
    pub(super) without_referrers: Arc<Mutex<HashSet<String>>>,
    /// Where this run has found or put each blob, by registry and digest: its next image mounts it from there.
    places: Arc<Mutex<HashMap<(String, Digest), ImageName>>>,
    pub(super) transfers: Arc<Transfers>,
    /// Turns at resuming an upload.
    pub(super) resumed: Arc<Semaphore>,
}

/// An answer, and whether the registry knew who asked.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) answer: Answer,
    pub(super) authenticated: bool,
}

impl RegistryClient {
    /// Makes a client that shows each registry the credentials that are its own.
    #[must_use]
    pub fn new(http: HttpClient, credentials: CredentialOptions) -> Self {
        Self {
            http,
            authenticator: Arc::new(Authenticator::new(credentials)),
            unpublished: Arc::default(),
            without_referrers: Arc::default(),
            places: Arc::default(),
            transfers: Arc::default(),
            resumed: Arc::new(Semaphore::new(RESUMED_AT_ONCE)),
        }
    }

    /// Returns how far the transfers of this client and its clones are.
    #[must_use]
    pub fn transfers(&self) -> Arc<Transfers> {
        Arc::clone(&self.transfers)
    }

    /// Returns a client over the same connections that shows nobody any credentials.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        Self::new(self.http.clone(), CredentialOptions::default())
    }

    /// Notes whether an image is known to be unpublished: until its first manifest is put, reads of it are refused.
    pub(super) fn note_unpublished(&self, image: &ImageName, unpublished: bool) {
        let mut known = self.unpublished.lock().unwrap_or_else(PoisonError::into_inner);
        if unpublished {
            known.insert(image.clone());
        } else {
            known.remove(image);
        }
    }

    /// Notes that an image's repository has a blob.
    pub(super) fn note_place(&self, image: &ImageName, blob: &Descriptor) {
        let key = (image.registry().to_owned(), blob.digest.clone());
        self.places.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert_with(|| image.clone());
    }

    /// Returns an image of the same registry whose repository has a blob, as far as this run has seen.
    pub(super) fn place_of(&self, image: &ImageName, blob: &Descriptor) -> Option<ImageName> {
        let key = (image.registry().to_owned(), blob.digest.clone());
        self.places.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// Tells whether a refused read means that nothing is there yet.
    pub(super) fn is_unpublished(&self, image: &ImageName, answer: &Answer) -> bool {
        matches!(answer.status.as_u16(), 401 | 403)
            && self.unpublished.lock().unwrap_or_else(PoisonError::into_inner).contains(image)
    }

    /// Returns the address of `tail` below an image's part of the API. A loopback host speaks plain HTTP.
    pub(super) fn url(&self, operation: &str, image: &ImageName, tail: &str) -> Result<Url, PortError> {
        let base = base(operation, image)?;
        base.join(&format!("{}/{tail}", image.repository()))
            .map_err(|error| invalid_name(operation, image).with_source(error))
    }

    /// Sends a request with the credentials of the image's registry, if it goes there; bare, if it goes elsewhere.
    pub(super) async fn call(
        &self,
        operation: &str,
        scope: &Scope<'_>,
        request: &Request,
        take: Take,
    ) -> Result<Called, PortError> {
        let base = base(operation, scope.image)?;
        if request.url.origin() != base.origin() {
            let answer = self.http.send(operation, request, take).await?;
            return Ok(Called { answer, authenticated: false });
        }
        let mut renewed = false;
        loop {
            let authorization = self.authenticator.authorization(&self.http, operation, &base, scope).await?;
            let request = request.clone().with_authorization(authorization.header());
            let answer = self.http.send(operation, &request, take).await?;
            let authenticated = authorization.is_somebody();
            if answer.status.as_u16() != 401
                || renewed
                || !self.authenticator.learn(scope, &authorization, &answer).await
            {
                return Ok(Called { answer, authenticated });
            }
            renewed = true;
        }
    }

    /// Returns the credentials for one attempt at `url`, for a request that cannot be repeated as it is.
    pub(super) async fn authorize(
        &self,
        operation: &str,
        scope: &Scope<'_>,
        url: &Url,
    ) -> Result<Option<super::authenticator::Authorization>, PortError> {
        let base = base(operation, scope.image)?;
        if url.origin() != base.origin() {
            return Ok(None);
        }
        self.authenticator.authorization(&self.http, operation, &base, scope).await.map(Some)
    }

    /// Learns from the 401 of such an attempt. Returns whether another one may succeed.
    pub(super) async fn learn(
        &self,
        scope: &Scope<'_>,
        used: &super::authenticator::Authorization,
        answer: &Answer,
    ) -> bool {
        self.authenticator.learn(scope, used, answer).await
    }

    /// Sends a read and follows its redirects, which see no credentials.
    pub(super) async fn get(
        &self,
        operation: &str,
        image: &ImageName,
        request: &Request,
        take: Take,
    ) -> Result<Answer, PortError> {
        let mut answer = self.call(operation, &Scope::new(image, Right::Read), request, take).await?.answer;
        for _ in 0..MAX_REDIRECTS {
            if !answer.is_redirect() {
                return Ok(answer);
            }
            let redirected = Request { url: location(operation, &answer)?, ..request.clone() };
            answer = self.http.send(operation, &redirected, take).await?;
        }
        if answer.is_redirect() {
            return Err(PortError::new(
                PortErrorKind::Malformed,
                operation,
                format!("the registry redirects more than {MAX_REDIRECTS} times"),
            ));
        }
        Ok(answer)
    }

    /// Turns an answer that is no success into an error with its remedy.
    pub(super) fn refusal(&self, operation: &str, image: &ImageName, right: Right, answer: &Answer) -> PortError {
        refusal(operation, &self.authenticator.refused(image, right), answer)
    }
}

fn base(operation: &str, image: &ImageName) -> Result<Url, PortError> {
    let host = api_host(image.registry());
    let scheme = if is_loopback_host(&host) { "http" } else { "https" };
    format!("{scheme}://{host}/v2/").parse().map_err(|error| invalid_name(operation, image).with_source(error))
}

fn invalid_name(operation: &str, image: &ImageName) -> PortError {
    PortError::new(PortErrorKind::Malformed, operation, format!("`{image}` makes no address"))
}

impl RegistryReader for RegistryClient {
    async fn tags(&self, image: &ImageName) -> Result<Vec<Tag>, PortError> {
        self.list_tags(image).await
    }

    async fn manifest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
    ) -> Result<Option<RawManifest>, PortError> {
        self.get_manifest(image, reference).await
    }

    async fn manifest_digest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
    ) -> Result<Option<Digest>, PortError> {
        self.head_manifest(image, reference).await
    }

    async fn referrers(&self, image: &ImageName, subject: &Digest) -> Result<Option<Vec<ListedReferrer>>, PortError> {
        self.list_referrers(image, subject).await
    }

    async fn blob(&self, image: &ImageName, blob: &Descriptor) -> Result<BlobStream, PortError> {
        self.open_blob(image, blob).await
    }

    fn slowed_down(&self) -> u64 {
        self.http.slowed_down()
    }

    async fn small_blob(&self, image: &ImageName, blob: &Descriptor) -> Result<Bytes, PortError> {
        self.get_small_blob(image, blob).await
    }
}

impl RegistryWriter for RegistryClient {
    fn expect_bytes(&self, bytes: u64) {
        self.transfers.expect(bytes);
    }

    async fn put_blob<S: ImageSource>(
        &self,
        image: &ImageName,
        blob: &Descriptor,
        source: &S,
    ) -> Result<BlobOutcome, PortError> {
        let outcome = self.make_blob_present(image, blob, source).await?;
        self.note_place(image, blob);
        Ok(outcome)
    }

    async fn put_manifest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
        manifest: &RawManifest,
    ) -> Result<(), PortError> {
        self.send_manifest(image, reference, manifest).await
    }

    async fn put_manifest_once(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
        manifest: &RawManifest,
    ) -> Result<(), PortError> {
        Self { http: self.http.without_retries(), ..self.clone() }.send_manifest(image, reference, manifest).await
    }
}
