//! Blobs, read: whole if they are small, else as a stream.

use std::io;

use bytes::Bytes;
use futures::stream;
use reqwest::{Method, Response, header::CONTENT_LENGTH};
use tokio_util::io::StreamReader;

use super::{RegistryClient, authenticator::Scope, refusal::Right};
use crate::{
    adapters::http::{Answer, Request, STALL, Take},
    model::{Descriptor, Digest, ImageName},
    ports::{BlobStream, PortError, PortErrorKind},
};

/// The largest blob that is read whole, in bytes: image configurations are a few KiB.
const MAX_SMALL_BLOB: u64 = 4 * 1024 * 1024;

impl RegistryClient {
    /// Opens a blob as a stream. Who reads it verifies digest and size.
    ///
    /// # Errors
    /// If the registry refuses it, or announces another size.
    pub async fn open_blob(&self, image: &ImageName, blob: &Descriptor) -> Result<BlobStream, PortError> {
        let operation = format!("get blob {} of {image}", blob.digest.short());
        let answer = self.get_blob(&operation, image, blob, Take::Stream).await?;
        let announced = answer.header(CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        if let Some(announced) = announced.filter(|announced| *announced != blob.size) {
            let detail = format!("the registry announces {announced} bytes instead of {}", blob.size);
            return Err(PortError::new(PortErrorKind::Malformed, operation, detail));
        }
        let response = answer.stream.ok_or_else(|| {
            PortError::new(PortErrorKind::Malformed, operation.as_str(), "the registry answered no content")
        })?;
        Ok(Box::pin(StreamReader::new(Box::pin(chunks(response)))))
    }

    pub(super) async fn get_small_blob(&self, image: &ImageName, blob: &Descriptor) -> Result<Bytes, PortError> {
        let operation = format!("get blob {} of {image}", blob.digest.short());
        let malformed = |detail: String| Err(PortError::new(PortErrorKind::Malformed, &operation, detail));
        if blob.size > MAX_SMALL_BLOB {
            return malformed(format!("it has {} bytes, and at most {MAX_SMALL_BLOB} are read at once", blob.size));
        }
        let limit = usize::try_from(blob.size).expect("a small blob fits into memory");
        let body = self.get_blob(&operation, image, blob, Take::Whole(limit)).await?.body;
        if body.len() != limit {
            return malformed(format!("it has {} bytes instead of {limit}", body.len()));
        }
        let digest = Digest::of(&body);
        if digest != blob.digest {
            return malformed(format!("its bytes have digest {digest} instead of {}", blob.digest));
        }
        Ok(body)
    }

    /// Asks whether a repository has a blob. Any answer but a clear yes counts as no: sending it again does no harm.
    pub(super) async fn has_blob(
        &self,
        operation: &str,
        image: &ImageName,
        blob: &Descriptor,
    ) -> Result<bool, PortError> {
        let url = self.url(operation, image, &format!("blobs/{}", blob.digest))?;
        // The right to push, since that is what follows: one token does for both.
        let scope = Scope::new(image, Right::Write);
        let answer = self.call(operation, &scope, &Request::new(Method::HEAD, url), Take::Whole(0)).await?.answer;
        let length = answer.header(CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        Ok(match answer.status.as_u16() {
            // Some answer HEAD with a length of 0, as if it were about the answer itself.
            200 => length.is_none_or(|length| length == blob.size || length == 0),
            // The way to storage is shown only for a blob that is known; storage itself may refuse HEAD.
            307 => true,
            _ => false,
        })
    }

    async fn get_blob(
        &self,
        operation: &str,
        image: &ImageName,
        blob: &Descriptor,
        take: Take,
    ) -> Result<Answer, PortError> {
        let url = self.url(operation, image, &format!("blobs/{}", blob.digest))?;
        let request = Request::new(Method::GET, url);
        let answer = self.get(operation, image, &request, take).await?;
        if answer.status.as_u16() == 200 {
            return Ok(answer);
        }
        Err(self.refusal(operation, image, Right::Read, &answer))
    }
}

/// Yields the chunks of a body until it ends, breaks, or stands still for too long.
fn chunks(response: Response) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(response, |mut response| async {
        let chunk = tokio::time::timeout(STALL, response.chunk())
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the download stands still"))?
            .map_err(|error| io::Error::other(error.without_url()))?;
        Ok(chunk.map(|chunk| (chunk, response)))
    })
}
