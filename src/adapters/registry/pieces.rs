//! Uploads that broke, resumed: the rest goes in pieces, each of which the registry confirms.
//!
//! Whole is faster, since nobody waits for answers, but what breaks at its end breaks as a whole. In pieces, a break costs
//! no more than one of them
//! ([specification](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks)).

use std::{io, sync::Arc};

use bytes::Bytes;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use reqwest::{
    Body, Method, Url,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE},
};

use super::{
    RegistryClient,
    authenticator::Scope,
    location::location,
    refusal::Right,
    upload::{Attempt, MAX_ANSWER, watched},
    verified::{Progress, verified},
};
use crate::{
    adapters::http::{Answer, Judged, Lost, Request, Take, read},
    model::Descriptor,
    ports::{ImageSource, PortError, PortErrorKind},
};

/// The most bytes of a piece: GHCR refuses more.
pub(super) const PIECE: u64 = 4 * 1024 * 1024;

/// How many uploads are resumed at once. Each holds a piece in memory, to be sent again.
pub(super) const RESUMED_AT_ONCE: usize = 2;

/// Where an upload goes on.
struct Place {
    url: Url,
    offset: u64,
}

/// A part of a blob.
struct Piece {
    first: u64,
    chunks: Vec<Bytes>,
}

/// What became of a piece.
enum Sent {
    /// The registry has it; here it goes on.
    Done(Place),
    /// The registry does not take pieces, or has lost those before.
    Refused(PortError),
}

impl Piece {
    fn end(&self) -> u64 {
        self.first + self.chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>()
    }

    /// Drops what comes before an offset.
    fn advance(&mut self, offset: u64) {
        while self.first < offset && !self.chunks.is_empty() {
            let whole = self.chunks[0].len();
            let before = usize::try_from(offset - self.first).unwrap_or(usize::MAX).min(whole);
            self.first += before as u64;
            if before == whole {
                self.chunks.remove(0);
            } else {
                self.chunks[0] = self.chunks[0].slice(before..);
            }
        }
    }
}

impl RegistryClient {
    /// Sends what is missing of a broken upload, or all of the blob where the registry no longer knows it.
    pub(super) async fn resume<S: ImageSource>(
        &self,
        operation: &str,
        scope: &Scope<'_>,
        broken: Url,
        blob: &Descriptor,
        source: &S,
    ) -> Result<Attempt, PortError> {
        let _turn = self.resumed.acquire().await;
        let mut place = match self.where_it_broke(operation, scope, &broken).await {
            Some(place) if place.offset < blob.size => place,
            // With all bytes there, or more, nobody knows what the registry made of them.
            Some(_) | None => Place { url: self.start_upload(operation, scope).await?, offset: 0 },
        };
        tracing::debug!(operation, offset = place.offset, "sending the rest in pieces");
        let progress = Arc::new(Progress::new(&self.transfers));
        let mut content = Cutter { content: verified(source, blob, &progress).await?, rest: Bytes::new(), at: 0 };
        while place.offset < blob.size {
            let piece = match content.cut(place.offset).await {
                Ok(piece) if !piece.chunks.is_empty() => piece,
                Ok(_) | Err(_) => {
                    let ended = || PortError::new(PortErrorKind::Unavailable, operation, "the source ended too early");
                    let failed = self.source_problem(operation, scope, place.url, blob, &progress).await?;
                    return failed.ok_or_else(ended);
                }
            };
            place = match self.send_piece(operation, scope, place.url, piece).await? {
                Sent::Done(place) => place,
                Sent::Refused(error) => return Ok(Attempt::NoPieces(error)),
            };
        }
        let mut url = place.url;
        url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        let answer =
            self.call(operation, scope, &Request::new(Method::PUT, url), Take::Whole(MAX_ANSWER)).await?.answer;
        if answer.status.is_success() {
            progress.arrive();
            return Ok(Attempt::Done);
        }
        Ok(Attempt::NoPieces(self.refusal(operation, scope.image, Right::Write, &answer)))
    }

    /// Sends a piece until the registry has it.
    async fn send_piece(
        &self,
        operation: &str,
        scope: &Scope<'_>,
        url: Url,
        mut piece: Piece,
    ) -> Result<Sent, PortError> {
        let end = piece.end();
        let mut place = Place { url, offset: piece.first };
        let mut retries = self.http.retries();
        let mut may_renew = true;
        loop {
            let authorization = self.authorize(operation, scope, &place.url).await?;
            let progress = Arc::new(Progress::new(&Arc::default()));
            let length = end - piece.first;
            let mut request = self
                .http
                .below(&place.url)
                .patch(place.url.clone())
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, length)
                .header(CONTENT_RANGE, format!("{}-{}", piece.first, end - 1))
                .body(Body::wrap_stream(counted(piece.chunks.clone(), &progress)));
            if let Some(header) = authorization.as_ref().and_then(|authorization| authorization.header()) {
                request = request.header(AUTHORIZATION, header);
            }
            let outcome = watched(&progress, async {
                let response = request.send().await.map_err(Lost::connection)?;
                read(response, Take::Whole(MAX_ANSWER)).await
            })
            .await;
            match &outcome {
                Ok(answer) if answer.status.is_success() => {
                    let url = next(operation, &place.url, answer)?;
                    return Ok(Sent::Done(Place { url, offset: end }));
                }
                Ok(answer) if answer.status.as_u16() == 401 && may_renew => {
                    may_renew = false;
                    if let Some(used) = &authorization
                        && self.learn(scope, used, answer).await
                    {
                        continue;
                    }
                }
                Ok(_) | Err(_) => {}
            }
            let mut told = None;
            let delay = match retries.judge(operation, outcome)? {
                Judged::Again(delay) => delay,
                Judged::Final(answer) => {
                    // Perhaps it has more, or less, than we know.
                    let is_elsewhere = answer.status.as_u16() == 416;
                    told = answer.header(RANGE).and_then(offset).filter(|_| is_elsewhere);
                    match retries.next_delay() {
                        Some(delay) if is_elsewhere => delay,
                        _ => return Ok(Sent::Refused(self.refusal(operation, scope.image, Right::Write, &answer))),
                    }
                }
            };
            tokio::time::sleep(delay).await;
            let now = self.where_it_broke(operation, scope, &place.url).await;
            place = match now.or_else(|| told.map(|offset| Place { url: place.url.clone(), offset })) {
                Some(now) if now.offset == end => return Ok(Sent::Done(now)),
                Some(now) if (piece.first..end).contains(&now.offset) => now,
                Some(_) => {
                    let detail = "the registry lost what it had of the upload";
                    return Ok(Sent::Refused(PortError::new(PortErrorKind::Unavailable, operation, detail)));
                }
                // It does not say. It refuses what it has, or what it no longer knows.
                None => place,
            };
            piece.advance(place.offset);
        }
    }

    /// Asks how much of an upload has arrived. `None` if the registry does not know it, or does not say.
    async fn where_it_broke(&self, operation: &str, scope: &Scope<'_>, upload: &Url) -> Option<Place> {
        let request = Request::new(Method::GET, upload.clone());
        let answer = self.call(operation, scope, &request, Take::Whole(MAX_ANSWER)).await.ok()?.answer;
        if !answer.status.is_success() {
            return None;
        }
        let offset = offset(answer.header(RANGE)?)?;
        Some(Place { url: next(operation, upload, &answer).ok()?, offset })
    }
}

/// Reads `0-LAST` as the number of bytes that are there. Registries say `0-0` for none.
fn offset(range: &str) -> Option<u64> {
    let (first, last) = range.trim().trim_start_matches("bytes").trim_start_matches(['=', ' ']).split_once('-')?;
    let last: u64 = last.parse().ok()?;
    match (first.parse::<u64>().ok()?, last) {
        (0, 0) => Some(0),
        (0, last) => last.checked_add(1),
        _ => None,
    }
}

/// Returns where an upload goes on: where the answer says, else where it was.
fn next(operation: &str, before: &Url, answer: &Answer) -> Result<Url, PortError> {
    if answer.headers.contains_key(LOCATION) { location(operation, answer) } else { Ok(before.clone()) }
}

/// Cuts pieces out of a blob as it is read.
struct Cutter {
    content: BoxStream<'static, io::Result<Bytes>>,
    /// What was read and not yet taken.
    rest: Bytes,
    /// Where that begins.
    at: u64,
}

impl Cutter {
    /// Takes the next bytes from an offset on; those before it are only hashed. Nothing is left at the blob's end.
    async fn cut(&mut self, from: u64) -> io::Result<Piece> {
        let mut piece = Piece { first: from, chunks: Vec::new() };
        let mut room = PIECE;
        while room > 0 {
            if self.rest.is_empty() {
                match self.content.next().await {
                    Some(chunk) => self.rest = chunk?,
                    None => break,
                }
            }
            let before = from.saturating_sub(self.at);
            if before > 0 {
                self.take(before);
                continue;
            }
            let bytes = self.take(room);
            room -= bytes.len() as u64;
            piece.chunks.push(bytes);
        }
        Ok(piece)
    }

    fn take(&mut self, most: u64) -> Bytes {
        let taken = self.rest.split_to(self.rest.len().min(usize::try_from(most).unwrap_or(usize::MAX)));
        self.at += taken.len() as u64;
        taken
    }
}

/// Yields what is in memory, and counts it.
fn counted(
    chunks: Vec<Bytes>,
    progress: &Arc<Progress>,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + use<> {
    let progress = Arc::clone(progress);
    stream::iter(chunks).map(move |chunk| {
        progress.send(chunk.len() as u64);
        Ok(chunk)
    })
}
