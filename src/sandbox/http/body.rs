//! Reading what a client sends, bounded.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{StatusCode, body::Incoming};

use super::answer::Answer;

/// The largest blob, in bytes: 1 GiB, since all of them are held in memory.
pub(super) const MAX_BLOB_BYTES: u64 = 1024 * 1024 * 1024;

/// Returns the next piece of a body, or `None` at its end.
pub(super) async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>, Answer> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            // Nobody is left to read this answer, but the request must not take effect.
            Some(Err(_)) => return Err(Answer::error(StatusCode::BAD_REQUEST, "SIZE_INVALID", "the body was cut off")),
        }
    }
}

/// Reads a body whole; `None` if it is longer than `limit` bytes.
pub(in crate::sandbox) async fn read_at_most(body: &mut Incoming, limit: usize) -> Result<Option<Bytes>, Answer> {
    let mut whole = BytesMut::new();
    while let Some(piece) = next_piece(body).await? {
        if whole.len() + piece.len() > limit {
            return Ok(None);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(Some(whole.freeze()))
}

/// Reads and forgets what is left of a body: a client that is still sending would see a reset instead of the answer.
pub(super) async fn drain(body: &mut Incoming) {
    let mut left = MAX_BLOB_BYTES;
    while let Ok(Some(piece)) = next_piece(body).await {
        left = left.saturating_sub(piece.len() as u64);
        if left == 0 {
            return;
        }
    }
}
