//! Blobs, written: asked for, mounted, or sent as one stream; what breaks is resumed in [pieces](super::pieces).

use std::{future::Future, sync::Arc, time::Duration};

use futures::StreamExt as _;
use oci_distribution::errors::OciErrorCode;
use reqwest::{
    Body, Method, Url,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE},
};
use tokio::time::Instant;

use super::{
    RegistryClient,
    authenticator::Scope,
    location::location,
    pieces::PIECE,
    refusal::{Right, has_code},
    verified::{Problem, Progress, verified},
};
use crate::{
    adapters::http::{Answer, Judged, Lost, Request, STALL, Take, quoted, read},
    model::{Descriptor, ImageName},
    ports::{BlobOutcome, ImageSource, PortError, PortErrorKind},
};

/// How long one upload may take: GHCR ends it after 10 minutes, others are more patient.
const UPLOAD: Duration = Duration::from_secs(15 * 60);

/// How long a registry may think once it has all bytes: it may hash and copy gigabytes.
const COMMIT: Duration = Duration::from_secs(5 * 60);

/// How often a running upload is looked at.
const WATCH: Duration = Duration::from_secs(5);

/// From how many bytes on a blob has a line in the log.
const LARGE: u64 = 64 * 1024 * 1024;

/// The largest answer to an upload's requests, in bytes.
pub(super) const MAX_ANSWER: usize = 64 * 1024;

/// Errors after which a new upload of the same bytes may succeed; GHCR has them sporadically.
const LOST_UPLOAD: [OciErrorCode; 4] = [
    OciErrorCode::BlobUploadUnknown,
    OciErrorCode::BlobUploadInvalid,
    OciErrorCode::BlobUnknown,
    OciErrorCode::DigestInvalid,
];

enum Mount {
    Done,
    /// The registry would rather have the bytes, here.
    Upload(Url),
    Refused,
}

pub(super) enum Attempt {
    Done,
    /// It failed in a way that the count of attempts judges.
    Ended(Box<Result<Answer, Lost>>),
    /// It failed in a way that a new upload may cure, for this reason if not.
    Restart(PortError),
    /// The registry takes no pieces, or those that it took make no blob: the next upload is whole again.
    NoPieces(PortError),
    /// The token had run out.
    Renewed,
}

impl RegistryClient {
    pub(super) async fn make_blob_present<S: ImageSource>(
        &self,
        image: &ImageName,
        blob: &Descriptor,
        source: &S,
    ) -> Result<BlobOutcome, PortError> {
        let operation = format!("push blob {} to {image}", blob.digest.short());
        if self.has_blob(&operation, image, blob).await? {
            self.transfers.done(blob.size);
            return Ok(BlobOutcome::Present);
        }
        let elsewhere = source.mount_from(blob).filter(|from| from.registry() == image.registry()).cloned();
        let elsewhere = elsewhere.or_else(|| self.place_of(image, blob));
        let mut begun = match self.mount(&operation, image, blob, elsewhere.as_ref()).await? {
            Mount::Done => {
                self.transfers.done(blob.size);
                return Ok(BlobOutcome::Mounted);
            }
            Mount::Upload(upload) => Some(upload),
            Mount::Refused => None,
        };
        let scope = Scope::new(image, Right::Write);
        let mut retries = self.http.retries();
        let mut may_renew = true;
        let mut may_resume = blob.size > PIECE;
        let mut broken = None;
        let start = Instant::now();
        loop {
            let attempt = match broken.take() {
                Some(upload) => self.resume(&operation, &scope, upload, blob, source).await?,
                None => {
                    let upload = match begun.take() {
                        Some(upload) => upload,
                        None => self.start_upload(&operation, &scope).await?,
                    };
                    let attempt = self.upload(&operation, &scope, upload.clone(), blob, source, may_renew).await?;
                    if let Attempt::Ended(outcome) = &attempt {
                        match &**outcome {
                            // A registry that throttles has not looked at the bytes: to begin anew would be one more
                            // request to throttle. If it forgot the upload all the same, it says so.
                            Ok(answer) if answer.status.as_u16() == 429 => begun = Some(upload),
                            Ok(answer) if may_resume && answer.status.is_server_error() => broken = Some(upload),
                            Err(_) if may_resume => broken = Some(upload),
                            Ok(_) | Err(_) => {}
                        }
                    }
                    attempt
                }
            };
            let delay = match attempt {
                Attempt::Done => {
                    self.tell_of(image, blob, start.elapsed());
                    return Ok(BlobOutcome::Uploaded);
                }
                Attempt::NoPieces(error) => {
                    may_resume = false;
                    retries.next_delay().ok_or(error)?
                }
                Attempt::Renewed => {
                    may_renew = false;
                    continue;
                }
                Attempt::Restart(error) => retries.next_delay().ok_or(error)?,
                Attempt::Ended(outcome) => match retries.judge(&operation, *outcome)? {
                    Judged::Again(delay) => delay,
                    Judged::Final(answer) => return Err(self.refusal(&operation, image, Right::Write, &answer)),
                },
            };
            tokio::time::sleep(delay).await;
            // The answer may have been lost where the bytes were not.
            if self.has_blob(&operation, image, blob).await? {
                self.transfers.done(blob.size);
                return Ok(BlobOutcome::Uploaded);
            }
        }
    }

    /// Notes in the log that a large blob has arrived, unless somebody is shown the progress anyway.
    fn tell_of(&self, image: &ImageName, blob: &Descriptor, took: Duration) {
        if blob.size >= LARGE && !self.transfers.is_watched() {
            let megabytes = blob.size / 1_000_000;
            tracing::info!("{} is in {image}: {megabytes} MB in {:.1} s", blob.digest.short(), took.as_secs_f64());
        }
    }

    async fn mount(
        &self,
        operation: &str,
        image: &ImageName,
        blob: &Descriptor,
        from: Option<&ImageName>,
    ) -> Result<Mount, PortError> {
        let Some(from) = from.filter(|from| from.registry() == image.registry() && *from != image) else {
            return Ok(Mount::Refused);
        };
        let mut url = self.url(operation, image, "blobs/uploads/")?;
        url.query_pairs_mut().append_pair("mount", &blob.digest.to_string()).append_pair("from", from.repository());
        let scope = Scope { mount_from: Some(from.repository()), ..Scope::new(image, Right::Write) };
        let answer = match self.call(operation, &scope, &Request::new(Method::POST, url), Take::Whole(MAX_ANSWER)).await
        {
            Ok(called) => called.answer,
            // No right to read there, or no such token: then the bytes are sent.
            Err(error) if matches!(error.kind, PortErrorKind::Denied | PortErrorKind::NotFound) => {
                return Ok(Mount::Refused);
            }
            Err(error) => return Err(error),
        };
        match answer.status.as_u16() {
            201 => Ok(Mount::Done),
            202 => location(operation, &answer).map(Mount::Upload),
            _ => Ok(Mount::Refused),
        }
    }

    pub(super) async fn start_upload(&self, operation: &str, scope: &Scope<'_>) -> Result<Url, PortError> {
        let url = self.url(operation, scope.image, "blobs/uploads/")?;
        let request = Request::new(Method::POST, url);
        let answer = self.call(operation, scope, &request, Take::Whole(MAX_ANSWER)).await?.answer;
        match answer.status.as_u16() {
            202 => location(operation, &answer),
            200..400 => Err(PortError::new(
                PortErrorKind::Malformed,
                operation,
                format!("the registry answered {} to the start of an upload instead of 202", answer.status.as_u16()),
            )),
            _ => Err(self.refusal(operation, scope.image, Right::Write, &answer)),
        }
    }

    async fn upload<S: ImageSource>(
        &self,
        operation: &str,
        scope: &Scope<'_>,
        upload: Url,
        blob: &Descriptor,
        source: &S,
        may_renew: bool,
    ) -> Result<Attempt, PortError> {
        let mut url = upload.clone();
        url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        let authorization = self.authorize(operation, scope, &url).await?;
        let progress = Arc::new(Progress::new(&self.transfers));
        let mut content = verified(source, blob, &progress).await?;
        let body = if blob.size == 0 {
            // A body of no bytes is never asked for, so it is verified here.
            while let Some(Ok(_)) = content.next().await {}
            Body::from("")
        } else {
            Body::wrap_stream(content)
        };
        let outcome = if progress.problem().is_some() {
            Err(Lost::Stalled("the source failed"))
        } else {
            let mut request = self
                .http
                .below(&url)
                .put(url)
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, blob.size)
                .body(body);
            if let Some(header) = authorization.as_ref().and_then(|authorization| authorization.header()) {
                request = request.header(AUTHORIZATION, header);
            }
            watched(&progress, async {
                let response = request.send().await.map_err(Lost::connection)?;
                read(response, Take::Whole(MAX_ANSWER)).await
            })
            .await
        };
        if let Some(attempt) = self.source_problem(operation, scope, upload, blob, &progress).await? {
            return Ok(attempt);
        }
        let answer = match outcome {
            Ok(answer) => answer,
            Err(lost) => return Ok(Attempt::Ended(Box::new(Err(lost)))),
        };
        match answer.status.as_u16() {
            200..300 => {
                progress.arrive();
                Ok(Attempt::Done)
            }
            401 if may_renew => match &authorization {
                Some(used) if self.learn(scope, used, &answer).await => Ok(Attempt::Renewed),
                Some(_) | None => Ok(Attempt::Ended(Box::new(Ok(answer)))),
            },
            400..500 if has_code(&answer, &LOST_UPLOAD) || is_unknown_blob(&answer) => {
                Ok(Attempt::Restart(self.refusal(operation, scope.image, Right::Write, &answer)))
            }
            _ => Ok(Attempt::Ended(Box::new(Ok(answer)))),
        }
    }

    /// Says what follows where the source is to blame; `None` if it is not.
    pub(super) async fn source_problem(
        &self,
        operation: &str,
        scope: &Scope<'_>,
        upload: Url,
        blob: &Descriptor,
        progress: &Progress,
    ) -> Result<Option<Attempt>, PortError> {
        match progress.problem() {
            Some(Problem::Mismatch(text)) => {
                self.cancel_upload(operation, scope, upload).await;
                let detail = format!("the source's blob {} is not what it should be: {text}", blob.digest);
                Err(PortError::new(PortErrorKind::Malformed, operation, detail)
                    .with_hint("the source is damaged or changed while it was read: build or pull it again"))
            }
            Some(Problem::Read(text)) => {
                let detail = format!("the source could not be read: {}", quoted(text));
                Ok(Some(Attempt::Restart(PortError::new(PortErrorKind::Unavailable, operation, detail))))
            }
            None => Ok(None),
        }
    }
}

/// GHCR says this in the wrong words sometimes.
fn is_unknown_blob(answer: &Answer) -> bool {
    answer.status.as_u16() == 404 && String::from_utf8_lossy(&answer.body).to_lowercase().contains("unknown blob")
}

/// Ends an upload that stands still or takes too long.
pub(super) async fn watched(
    progress: &Progress,
    exchange: impl Future<Output = Result<Answer, Lost>>,
) -> Result<Answer, Lost> {
    tokio::pin!(exchange);
    let start = Instant::now();
    let (mut sent, mut moved) = (0, start);
    loop {
        tokio::select! {
            outcome = &mut exchange => return outcome,
            () = tokio::time::sleep(WATCH) => {}
        }
        if progress.sent() != sent {
            (sent, moved) = (progress.sent(), Instant::now());
        }
        if start.elapsed() > UPLOAD {
            return Err(Lost::Stalled("the upload took more than 15 minutes"));
        }
        if moved.elapsed() > if progress.is_complete() { COMMIT } else { STALL } {
            return Err(Lost::Stalled("the upload stands still"));
        }
    }
}
