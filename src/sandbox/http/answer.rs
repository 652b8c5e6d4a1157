//! Answers, and the registry's error codes
//! ([distribution spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes)).

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::json;

use crate::model::Digest;

const CONTENT_DIGEST: &str = "docker-content-digest";

/// A whole answer, before a fault spoils it.
pub(in crate::sandbox) struct Answer {
    pub(in crate::sandbox) status: StatusCode,
    /// Of two headers of one name the later one counts.
    pub(in crate::sandbox) headers: Vec<(HeaderName, HeaderValue)>,
    pub(in crate::sandbox) body: Bytes,
}

impl Answer {
    pub(in crate::sandbox) fn new(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// Adds a header; one that HTTP does not allow is left out.
    pub(in crate::sandbox) fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.as_ref()))
        {
            self.headers.push((name, value));
        }
        self
    }

    pub(in crate::sandbox) fn digest(self, digest: &Digest) -> Self {
        self.header(CONTENT_DIGEST, digest.to_string())
    }

    /// Names another digest where it names one.
    pub(in crate::sandbox) fn with_wrong_digest(self) -> Self {
        match self
            .headers
            .iter()
            .rfind(|(name, _)| name == CONTENT_DIGEST)
            .map(|(_, value)| Digest::of(value.as_bytes()))
        {
            Some(wrong) => self.digest(&wrong),
            None => self,
        }
    }

    /// Changes the byte in the middle of the body.
    pub(in crate::sandbox) fn with_wrong_body(mut self) -> Self {
        let mut bytes = self.body.to_vec();
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
        self.body = bytes.into();
        self
    }

    /// Adds spaces to the body, if there is one.
    pub(in crate::sandbox) fn with_longer_body(mut self, spaces: usize) -> Self {
        if !self.body.is_empty() {
            let mut bytes = self.body.to_vec();
            bytes.resize(bytes.len().saturating_add(spaces), b' ');
            let length = bytes.len().to_string();
            self.body = bytes.into();
            if self.headers.iter().any(|(name, _)| name == CONTENT_LENGTH) {
                self = self.header(CONTENT_LENGTH.as_str(), length);
            }
        }
        self
    }

    pub(in crate::sandbox) fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), media_type)
    }

    pub(in crate::sandbox) fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self::new(status).body("application/json", body.to_string())
    }

    pub(in crate::sandbox) fn error(status: StatusCode, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"errors": [{"code": code, "message": message}]}))
    }

    pub(in crate::sandbox) fn denied(message: &str) -> Self {
        Self::error(StatusCode::FORBIDDEN, "DENIED", message)
    }

    pub(in crate::sandbox) fn unsupported() -> Self {
        Self::error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "The operation is unsupported.")
    }

    pub(in crate::sandbox) fn name_unknown() -> Self {
        Self::error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry")
    }

    pub(in crate::sandbox) fn manifest_unknown() -> Self {
        Self::error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown")
    }

    pub(in crate::sandbox) fn blob_unknown() -> Self {
        Self::error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry")
    }

    pub(in crate::sandbox) fn upload_unknown() -> Self {
        Self::error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    }

    pub(in crate::sandbox) fn digest_invalid(message: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
    }
}
