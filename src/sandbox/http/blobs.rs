//! Blobs: GET leads to a signed storage URL, as on GHCR.

use hyper::{Method, StatusCode};

use super::{answer::Answer, exchange::Exchange, ranges, storage};
use crate::model::Digest;

const MEDIA_TYPE: &str = "application/octet-stream";

fn parse_digest(digest: &str) -> Result<Digest, Answer> {
    digest.parse().map_err(|_| Answer::digest_invalid("provided digest is no sha256 digest"))
}

/// Answers GET and HEAD.
pub(super) fn get(exchange: &Exchange, name: &str, digest: &str) -> Result<Answer, Answer> {
    let digest = parse_digest(digest)?;
    let blob = exchange.control.change(|state| state.repository(name)?.blob(&digest).cloned());
    let blob = blob.ok_or_else(Answer::blob_unknown)?;
    let answer = Answer::new(StatusCode::OK).digest(&digest).header("etag", format!("\"{digest}\""));
    if exchange.method == Method::HEAD {
        Ok(answer
            .header("accept-ranges", "bytes")
            .header("content-type", MEDIA_TYPE)
            .header("content-length", blob.len().to_string()))
    } else if exchange.control.shared().options.redirect_blobs {
        let location = storage::signed_url(exchange.control.shared(), name, &digest);
        Ok(Answer::new(StatusCode::TEMPORARY_REDIRECT).digest(&digest).header("location", location))
    } else {
        Ok(ranges::serve(answer, exchange.header("range"), MEDIA_TYPE, &blob))
    }
}

/// Answers DELETE, where the sandbox deletes at all.
pub(super) fn delete(exchange: &Exchange, name: &str, digest: &str) -> Result<Answer, Answer> {
    if !exchange.control.shared().options.delete {
        return Err(Answer::unsupported());
    }
    let digest = parse_digest(digest)?;
    match exchange.control.change(|state| state.remove_blob(name, &digest)) {
        Some(_) => Ok(Answer::new(StatusCode::ACCEPTED)),
        None => Err(Answer::blob_unknown()),
    }
}
