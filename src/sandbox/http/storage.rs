//! The storage behind the registry: blobs by signed URL, for whoever holds the URL and sends no credentials.

use hyper::{Method, StatusCode, header::AUTHORIZATION};

use super::{answer::Answer, exchange::Exchange, ranges, token::nanoseconds};
use crate::{model::Digest, sandbox::control::Shared};

/// Where it lies.
pub(super) const PATH: &str = "/_storage/";

/// How long a URL is good for, in seconds; GHCR's are good for minutes.
const LIFETIME: u128 = 600;

fn seconds() -> u128 {
    nanoseconds() / 1_000_000_000
}

fn signature(shared: &Shared, repository: &str, digest: &str, expires: &str) -> String {
    let key = u128::from_be_bytes(shared.signing_key);
    Digest::of(format!("{key:032x}\n{repository}\n{digest}\n{expires}").as_bytes()).hex().to_owned()
}

/// Makes a URL for a blob.
pub(super) fn signed_url(shared: &Shared, repository: &str, digest: &Digest) -> String {
    let expires = (seconds() + LIFETIME).to_string();
    let digest = digest.to_string();
    let signature = signature(shared, repository, &digest, &expires);
    format!("http://{}{PATH}{digest}?from={repository}&expires={expires}&signature={signature}", shared.storage)
}

/// Answers GET; a URL that is signed for GET does not answer HEAD.
pub(super) fn serve(exchange: &Exchange, digest: &str) -> Result<Answer, Answer> {
    let refuse = |status, message: &str| Answer::new(status).body("text/plain", message.to_owned());
    if exchange.headers.contains_key(AUTHORIZATION) {
        return Err(refuse(StatusCode::BAD_REQUEST, "only one form of authorization is allowed, and the URL is one"));
    }
    let [repository, expires, given] =
        ["from", "expires", "signature"].map(|name| exchange.parameter(name).unwrap_or_default());
    let expired = expires.parse::<u128>().map_or(true, |time| time < seconds());
    let shared = exchange.control.shared();
    if exchange.method != Method::GET || expired || given != signature(shared, repository, digest, expires) {
        return Err(refuse(StatusCode::FORBIDDEN, "the signature is wrong or has expired"));
    }
    let blob = digest.parse().ok().and_then(|digest: Digest| {
        exchange.control.change(|state| state.repository(repository)?.blob(&digest).cloned())
    });
    let blob = blob.ok_or_else(|| refuse(StatusCode::NOT_FOUND, "the blob is gone"))?;
    Ok(ranges::serve(Answer::new(StatusCode::OK), exchange.header("range"), "application/octet-stream", &blob))
}
