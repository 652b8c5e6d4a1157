//! Blob uploads: in one request, streamed, in chunks, or mounted from another repository.

use hyper::StatusCode;

use super::{
    answer::Answer,
    auth::{Access, is_public},
    body::{MAX_BLOB_BYTES, next_piece, read_at_most},
    exchange::Exchange,
};
use crate::{
    model::Digest,
    sandbox::{Auth, control::Rights},
};

/// Makes an unguessable id in the form of a UUID.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 16];
    // Without random bytes ids collide and uploads get mixed up, which the digests show.
    let _ = getrandom::fill(&mut bytes);
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn parse_digest(text: &str) -> Result<Digest, Answer> {
    text.parse().map_err(|_| Answer::digest_invalid("provided digest is no sha256 digest"))
}

/// Answers POST: mounts, takes the blob whole, or begins an upload.
pub(super) async fn begin(exchange: &mut Exchange, name: &str, rights: &Rights) -> Result<Answer, Answer> {
    if let (Some(mount), Some(from)) = (exchange.parameter("mount"), exchange.parameter("from")) {
        let readable = rights.allow(from, Access::Pull) || is_public(exchange, from);
        // What cannot be mounted is to be uploaded, whatever the reason.
        if let Ok(digest) = mount.parse::<Digest>()
            && readable
            && exchange.control.change(|state| state.mount_blob(name, from, &digest))
        {
            return Ok(created(name, &digest));
        }
    }
    let wanted = exchange.parameter("digest").map(parse_digest).transpose()?;
    let id = random_id();
    exchange.control.change(|state| state.begin_upload(name, id.clone()));
    match wanted {
        Some(wanted) => {
            stream(exchange, name, &id).await?;
            complete(exchange, name, &id, &wanted)
        }
        None => Ok(accepted(exchange, name, &id, 0)),
    }
}

/// Answers GET and HEAD: how much has come.
pub(super) fn status(exchange: &Exchange, name: &str, id: &str) -> Result<Answer, Answer> {
    let received = received(exchange, name, id)?;
    let mut answer = accepted(exchange, name, id, received);
    answer.status = StatusCode::NO_CONTENT;
    Ok(answer)
}

/// Answers PATCH: a stream of any length, or a chunk with its Content-Range.
pub(super) async fn append(exchange: &mut Exchange, name: &str, id: &str) -> Result<Answer, Answer> {
    let received = received(exchange, name, id)?;
    match exchange.header("content-range").map(str::to_owned) {
        None => stream(exchange, name, id).await?,
        Some(range) => {
            let largest = exchange.control.shared().options.largest_chunk;
            chunk(exchange, name, id, &Chunk { range, received, largest }).await?;
        }
    }
    let received = self::received(exchange, name, id)?;
    Ok(accepted(exchange, name, id, received))
}

/// Answers PUT: takes the rest, and stores the blob if it is the one that was promised.
pub(super) async fn finish(exchange: &mut Exchange, name: &str, id: &str) -> Result<Answer, Answer> {
    let received = received(exchange, name, id)?;
    let wanted = exchange.parameter("digest").ok_or_else(|| Answer::digest_invalid("digest parameter is missing"))?;
    let wanted = parse_digest(wanted)?;
    match exchange.header("content-range").map(str::to_owned) {
        // Without bytes there is no last chunk, and nothing that a range could be of.
        Some(range) if exchange.header("content-length") != Some("0") => {
            chunk(exchange, name, id, &Chunk { range, received, largest: None }).await?;
        }
        _ => stream(exchange, name, id).await?,
    }
    complete(exchange, name, id, &wanted)
}

/// Answers DELETE.
pub(super) fn cancel(exchange: &Exchange, name: &str, id: &str) -> Result<Answer, Answer> {
    match exchange.control.change(|state| state.take_upload(name, id)) {
        Some(_) => Ok(Answer::new(StatusCode::NO_CONTENT).header("docker-upload-uuid", id)),
        None => Err(Answer::upload_unknown()),
    }
}

fn received(exchange: &Exchange, name: &str, id: &str) -> Result<u64, Answer> {
    let received = exchange.control.change(|state| state.upload(name, id).map(|upload| upload.received()));
    received.ok_or_else(Answer::upload_unknown)
}

/// Adds what the client sends as it comes; what came before it breaks off stays.
async fn stream(exchange: &mut Exchange, name: &str, id: &str) -> Result<(), Answer> {
    while let Some(piece) = next_piece(&mut exchange.body).await? {
        add(exchange, name, id, &piece)?;
    }
    Ok(())
}

fn add(exchange: &Exchange, name: &str, id: &str, piece: &[u8]) -> Result<(), Answer> {
    exchange.control.change(|state| {
        let upload = state.upload(name, id).ok_or_else(Answer::upload_unknown)?;
        if upload.received() + piece.len() as u64 > MAX_BLOB_BYTES {
            state.take_upload(name, id);
            let message = "the blob is larger than the sandbox holds, 1 GiB";
            return Err(Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message));
        }
        upload.append(piece);
        Ok(())
    })
}

/// A chunk with its Content-Range.
struct Chunk {
    range: String,
    /// How much had come when the chunk began.
    received: u64,
    /// The largest one that is taken, in bytes.
    largest: Option<u64>,
}

async fn chunk(exchange: &mut Exchange, name: &str, id: &str, chunk: &Chunk) -> Result<(), Answer> {
    let location = location(exchange, name, id);
    let refuse = |code: &str, message: &str, received: u64| {
        Answer::error(StatusCode::RANGE_NOT_SATISFIABLE, code, message)
            .header("location", &location)
            .header("docker-upload-uuid", id)
            .header("range", range_header(received))
    };
    let Chunk { range, received, largest } = chunk;
    let most = largest.unwrap_or(MAX_BLOB_BYTES);
    let too_large = || {
        let (whole, hundredths) = (most >> 20, ((most % (1 << 20)) * 100) >> 20);
        let limit = format!("maximum permissible limit of {whole}.{hundredths:02}MiB");
        let message = format!("the request body is too large and exceeds the {limit}");
        refuse("REQUESTED_RANGE_NOT_SATISFIABLE", &message, *received)
    };
    let malformed = || refuse("BLOB_UPLOAD_INVALID", "the Content-Range is malformed", *received);
    let (first, last) = parse_content_range(range).ok_or_else(malformed)?;
    let length = (last - first).checked_add(1).ok_or_else(malformed)?;
    if length > most {
        return Err(too_large());
    }
    let out_of_order = |received| refuse("BLOB_UPLOAD_INVALID", "the chunk is out of order", received);
    if first != *received {
        return Err(out_of_order(*received));
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let bytes = read_at_most(&mut exchange.body, most).await?.ok_or_else(too_large)?;
    if bytes.len() as u64 != length {
        let message = "the Content-Range and the length of the body differ";
        return Err(Answer::error(StatusCode::BAD_REQUEST, "SIZE_INVALID", message));
    }
    // Another chunk may have come meanwhile.
    let now = self::received(exchange, name, id)?;
    if now != first {
        return Err(out_of_order(now));
    }
    add(exchange, name, id, &bytes)
}

/// Reads `FIRST-LAST`, the distribution spec's form, and HTTP's own `bytes FIRST-LAST/TOTAL`.
fn parse_content_range(text: &str) -> Option<(u64, u64)> {
    let range = text.trim().trim_start_matches("bytes").trim_start_matches(['=', ' ']);
    let (first, last) = range.split('/').next()?.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok());
    let (first, last) = (digits(first)??, digits(last)??);
    (first <= last).then_some((first, last))
}

/// An upload whose bytes are others than promised is thrown away.
fn complete(exchange: &Exchange, name: &str, id: &str, wanted: &Digest) -> Result<Answer, Answer> {
    exchange.control.change(|state| {
        let upload = state.take_upload(name, id).ok_or_else(Answer::upload_unknown)?;
        if upload.digest() != *wanted {
            return Err(Answer::digest_invalid("provided digest did not match uploaded content"));
        }
        state.finish_upload(upload);
        Ok(created(name, wanted))
    })
}

fn created(name: &str, digest: &Digest) -> Answer {
    Answer::new(StatusCode::CREATED).digest(digest).header("location", format!("/v2/{name}/blobs/{digest}"))
}

fn accepted(exchange: &Exchange, name: &str, id: &str, received: u64) -> Answer {
    Answer::new(StatusCode::ACCEPTED)
        .header("location", location(exchange, name, id))
        .header("docker-upload-uuid", id)
        .header("range", range_header(received))
}

/// Relative; on GHCR with a singular `upload`, unlike the path that began it.
fn location(exchange: &Exchange, name: &str, id: &str) -> String {
    let uploads = match exchange.control.shared().options.auth {
        Auth::Ghcr { .. } => "upload",
        Auth::Basic { .. } | Auth::None => "uploads",
    };
    format!("/v2/{name}/blobs/{uploads}/{id}")
}

fn range_header(received: u64) -> String {
    format!("0-{}", received.saturating_sub(1))
}
