//! The way of every request: log, gate, fault, endpoint.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Frame, Incoming, SizeHint},
    header::{CONTENT_LENGTH, EXPECT, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    answer::Answer,
    auth::{self, Access},
    blobs,
    body::drain,
    exchange::{Exchange, parse_query},
    manifests, referrers,
    route::{Endpoint, Route, decode, is_valid_name},
    steering, storage, tags, token, uploads,
};
use crate::sandbox::{Auth, Control, FaultEffect, rest};

/// The connection is to be closed without an answer.
#[derive(Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the answer is lost on purpose")
    }
}

impl std::error::Error for Dropped {}

/// What becomes of a request.
enum Outcome {
    Answer(Answer),
    Cut(Answer),
    Drop,
    Hang,
}

/// Serves one connection until the client or a fault ends it.
pub(in crate::sandbox) async fn connection(control: Control, stream: TcpStream) {
    let service = service_fn(move |request| serve(control.clone(), request));
    // What ends a connection early is the client's doing, or a fault's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn serve(control: Control, request: Request<Incoming>) -> Result<Response<AnswerBody>, Dropped> {
    // A task of its own: a request whose client goes away still takes effect, as behind a real load balancer, and a panic
    // costs one answer, not the connection.
    let outcome = tokio::spawn(respond(control, request)).await.unwrap_or_else(|_| {
        let message = "the sandbox failed on this request";
        Outcome::Answer(Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message))
    });
    match outcome {
        Outcome::Answer(answer) => Ok(whole(answer)),
        Outcome::Cut(answer) if answer.body.is_empty() => Err(Dropped),
        Outcome::Cut(answer) => Ok(cut(answer)),
        Outcome::Drop => Err(Dropped),
        Outcome::Hang => std::future::pending().await,
    }
}

async fn respond(control: Control, request: Request<Incoming>) -> Outcome {
    let (parts, mut body) = request.into_parts();
    if parts.uri.path().starts_with(steering::PREFIX) {
        let answer = steering::answer(&control, &parts, &mut body).await;
        drain(&mut body).await;
        return Outcome::Answer(answer);
    }
    let under_way = is_api(&control, parts.uri.path()).then(|| control.begin_rest());
    let info = control.log().record(&parts.method, &parts.uri, &parts.headers);
    if let Some(hook) = control.hook() {
        hook(info.clone()).await;
    }
    let hit = control.take_fault(&info.method, &info.path);
    let (fault, view) = hit.map_or((None, None), |hit| (Some(hit.effect), hit.view));
    let mut exchange = Exchange {
        control: view.unwrap_or(control),
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parse_query(parts.uri.query()),
        headers: parts.headers,
        body,
        concurrent: under_way.as_ref().map_or(0, |under_way| under_way.count),
    };
    match fault {
        None | Some(FaultEffect::Stale { .. }) => Outcome::Answer(answer(&mut exchange).await),
        Some(FaultEffect::LateStatus { code, body }) => {
            answer(&mut exchange).await;
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Outcome::Answer(Answer::new(status).body("application/json", body))
        }
        Some(FaultEffect::CutBody) => Outcome::Cut(answer(&mut exchange).await),
        Some(FaultEffect::WrongDigest) => Outcome::Answer(answer(&mut exchange).await.with_wrong_digest()),
        Some(FaultEffect::WrongBody) => Outcome::Answer(answer(&mut exchange).await.with_wrong_body()),
        Some(FaultEffect::LongBody { bytes }) => Outcome::Answer(answer(&mut exchange).await.with_longer_body(bytes)),
        Some(FaultEffect::LoseAnswer) => {
            answer(&mut exchange).await;
            Outcome::Drop
        }
        Some(FaultEffect::DropConnection) => Outcome::Drop,
        Some(FaultEffect::Hang) => Outcome::Hang,
        Some(FaultEffect::Status { code, body, headers }) => {
            drain_unless_expected(&mut exchange).await;
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let answer = Answer::new(status).body("application/json", body);
            Outcome::Answer(headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value)))
        }
        Some(FaultEffect::Redirect { location }) => {
            drain_unless_expected(&mut exchange).await;
            Outcome::Answer(Answer::new(StatusCode::TEMPORARY_REDIRECT).header("location", location))
        }
    }
}

/// A client that waits for 100 (Continue) sends nothing if it gets its answer first.
async fn drain_unless_expected(exchange: &mut Exchange) {
    if !exchange.headers.contains_key(EXPECT) {
        drain(&mut exchange.body).await;
    }
}

async fn answer(exchange: &mut Exchange) -> Answer {
    let answer = if is_api(&exchange.control, &exchange.path) {
        rest::serve(exchange).await
    } else {
        let answer = dispatch(exchange).await.unwrap_or_else(|refusal| refusal);
        answer.header("docker-distribution-api-version", "registry/2.0")
    };
    drain_unless_expected(exchange).await;
    let mut id = [0; 8];
    let _ = getrandom::fill(&mut id);
    answer.header("x-github-request-id", format!("{:016X}", u64::from_be_bytes(id)))
}

fn is_api(control: &Control, path: &str) -> bool {
    control.shared().options.api && rest::is_path(path)
}

async fn dispatch(exchange: &mut Exchange) -> Result<Answer, Answer> {
    let path = decode(&exchange.path);
    let route = Route::parse(&path);
    if let (Some(limits), Route::Base | Route::Token | Route::Repository(..)) =
        (exchange.control.shared().options.registry_limits, &route)
    {
        exchange.control.registry_limiter().admit(&limits, &exchange.method)?;
    }
    match route {
        Route::Token => token::give(exchange),
        Route::Base => auth::base(exchange),
        Route::Storage(digest) => storage::serve(exchange, digest),
        Route::Unknown if path.starts_with("/v2/") => auth::no_endpoint(exchange),
        Route::Unknown => Err(Answer::error(StatusCode::NOT_FOUND, "NOT_FOUND", "page not found")),
        Route::Repository(name, endpoint) => {
            let needs_owner = matches!(exchange.control.shared().options.auth, Auth::Ghcr { .. });
            if !is_valid_name(name) || (needs_owner && !name.contains('/')) {
                return Err(Answer::error(StatusCode::BAD_REQUEST, "NAME_INVALID", "invalid repository name"));
            }
            repository(exchange, name, &endpoint).await
        }
    }
}

async fn repository(exchange: &mut Exchange, name: &str, endpoint: &Endpoint<'_>) -> Result<Answer, Answer> {
    let reading = matches!(exchange.method, Method::GET | Method::HEAD);
    let upload = matches!(endpoint, Endpoint::Uploads | Endpoint::Upload(_));
    let access = if reading && !upload { Access::Pull } else { Access::Push };
    let rights = auth::authorise(exchange, name, access)?;
    match (endpoint, exchange.method.as_str()) {
        (Endpoint::Manifest(reference), "GET" | "HEAD") => manifests::get(exchange, name, reference),
        (Endpoint::Manifest(reference), "PUT") => manifests::put(exchange, name, reference).await,
        (Endpoint::Manifest(reference), "DELETE") => manifests::delete(exchange, name, reference),
        (Endpoint::Tags, "GET" | "HEAD") => tags::list(exchange, name),
        (Endpoint::Referrers(digest), "GET" | "HEAD") => referrers::list(exchange, name, digest),
        (Endpoint::Blob(digest), "GET" | "HEAD") => blobs::get(exchange, name, digest),
        (Endpoint::Blob(digest), "DELETE") => blobs::delete(exchange, name, digest),
        (Endpoint::Uploads, "POST") => uploads::begin(exchange, name, &rights).await,
        (Endpoint::Upload(id), "GET" | "HEAD") => uploads::status(exchange, name, id),
        (Endpoint::Upload(id), "PATCH") => uploads::append(exchange, name, id).await,
        (Endpoint::Upload(id), "PUT") => uploads::finish(exchange, name, id).await,
        (Endpoint::Upload(id), "DELETE") => uploads::cancel(exchange, name, id),
        _ => Err(Answer::unsupported()),
    }
}

/// The body of an answer: whole, or cut half-way.
struct AnswerBody {
    bytes: Bytes,
    /// How far a cut body has come; `None` if it is whole.
    cut: Option<Cut>,
}

enum Cut {
    Send,
    Flush,
    Fail,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        match self.cut {
            None if self.bytes.is_empty() => Poll::Ready(None),
            None | Some(Cut::Send) => {
                self.cut = self.cut.as_ref().map(|_| Cut::Flush);
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))))
            }
            // Waiting once lets the server flush what it has before it learns that there is no more.
            Some(Cut::Flush) => {
                self.cut = Some(Cut::Fail);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Cut::Fail) => Poll::Ready(Some(Err(Dropped))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.cut {
            None => SizeHint::with_exact(self.bytes.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}

fn whole(answer: Answer) -> Response<AnswerBody> {
    let Answer { status, headers, body } = answer;
    let mut response = Response::new(AnswerBody { bytes: body, cut: None });
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    response
}

fn cut(answer: Answer) -> Response<AnswerBody> {
    let length = answer.body.len();
    let mut response = whole(answer);
    response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    let body = response.body_mut();
    body.bytes.truncate(length / 2);
    body.cut = Some(Cut::Send);
    response
}
