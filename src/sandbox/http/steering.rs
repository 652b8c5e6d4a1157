//! Steering by HTTP, for clients that run in another process than the sandbox: faults, the clock, what the registry holds
//! and what was asked of it. These requests pass no gate and no log.

use hyper::{
    HeaderMap, Method, StatusCode,
    body::Incoming,
    header::{HOST, HeaderName, HeaderValue, ORIGIN},
    http::request::Parts,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{answer::Answer, body::read_at_most};
use crate::{
    model::name::is_loopback_host,
    sandbox::{
        Control, Fault, FaultEffect,
        requests::Class,
        source_document::{self, Mistake},
        state::{Clock, SourceRepository, Time},
    },
};

/// What their paths begin with.
pub(super) const PREFIX: &str = "/_sandbox/";

/// The longest body, in bytes: the description of a fault may hold the body of an answer.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What a fault may add to an answer, in bytes: more than any client should read.
const LONGEST_BODY: usize = 64 * 1024 * 1024;

/// Answers a request below [`PREFIX`].
pub(super) async fn answer(control: &Control, parts: &Parts, body: &mut Incoming) -> Answer {
    // A page in a browser on this machine reaches the port, perhaps by a name that leads here, and may not use it.
    if !names_this_machine(&parts.headers) || parts.headers.contains_key(ORIGIN) {
        return Answer::error(StatusCode::FORBIDDEN, "DENIED", "only clients on this machine steer the sandbox");
    }
    let what = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let answer = match (what, &parts.method) {
        ("faults", &Method::POST) => set_fault(control, body).await,
        ("faults", &Method::DELETE) => {
            control.clear_faults();
            Ok(Answer::new(StatusCode::NO_CONTENT))
        }
        ("clock", &Method::GET) => Ok(clock(control)),
        ("clock", &Method::PUT) => set_clock(control, body).await,
        ("state", &Method::GET) => Ok(state(control)),
        ("requests", &Method::GET) => Ok(requests(control)),
        ("requests", &Method::DELETE) => {
            control.clear_requests();
            Ok(Answer::new(StatusCode::NO_CONTENT))
        }
        ("faults" | "clock" | "state" | "requests", _) => Err(Answer::unsupported()),
        (what, method) if let Some(name) = what.strip_prefix("source/").and_then(source_name) => {
            source(control, method, name, body).await
        }
        _ => Err(Answer::error(StatusCode::NOT_FOUND, "NOT_FOUND", "page not found")),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(is_loopback_host)
}

async fn read<T: for<'de> Deserialize<'de>>(body: &mut Incoming, code: &str) -> Result<T, Answer> {
    let invalid = |message: &str| Answer::error(StatusCode::BAD_REQUEST, code, message);
    let bytes = read_at_most(body, MAX_BODY_BYTES).await?.ok_or_else(|| invalid("longer than 1 MiB"))?;
    serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))
}

/// Sets one fault: `{"method": "PUT", "path-contains": "/manifests/", "skip": 1, "times": 2, "effect": "lose-answer"}`.
async fn set_fault(control: &Control, body: &mut Incoming) -> Result<Answer, Answer> {
    let mut fault: Fault = read(body, "FAULT_INVALID").await?;
    fault.method = fault.method.map(|method| method.to_uppercase());
    if let Some(problem) = wrong_answer(&fault.effect) {
        return Err(Answer::error(StatusCode::BAD_REQUEST, "FAULT_INVALID", &problem));
    }
    control.fault(fault);
    Ok(Answer::new(StatusCode::NO_CONTENT))
}

/// Says what makes an answer one that cannot be sent.
fn wrong_answer(effect: &FaultEffect) -> Option<String> {
    let (code, headers) = match effect {
        FaultEffect::Status { code, headers, .. } => (*code, headers.as_slice()),
        FaultEffect::LateStatus { code, .. } => (*code, [].as_slice()),
        FaultEffect::LongBody { bytes } if *bytes > LONGEST_BODY => {
            return Some(format!("a body grows by {LONGEST_BODY} bytes at most"));
        }
        _ => return None,
    };
    if !(200..=599).contains(&code) {
        return Some(format!("{code} is no status of an answer: those are 200 to 599"));
    }
    let is_header =
        |(name, value): &&(String, String)| name.parse::<HeaderName>().is_ok() && HeaderValue::from_str(value).is_ok();
    let wrong = headers.iter().find(|header| !is_header(header))?;
    Some(format!("`{}` is no header with a value that can be sent", crate::model::untrusted::shown(&wrong.0)))
}

fn clock(control: &Control) -> Answer {
    let (clock, now) = control.change(|state| (state.clock(), state.now()));
    Answer::json(StatusCode::OK, &json!({"now": now, "frozen": matches!(clock, Clock::Frozen(_))}))
}

/// Sets the time: `{"now": "2026-03-01T00:00:00Z", "frozen": true}`; one that is not frozen runs on. Without `now` it is the
/// machine's again.
async fn set_clock(control: &Control, body: &mut Incoming) -> Result<Answer, Answer> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        now: Option<Time>,
        #[serde(default)]
        frozen: bool,
    }
    let Wanted { now, frozen } = read(body, "CLOCK_INVALID").await?;
    control.change(|state| {
        state.set_clock(match now {
            Some(time) if frozen => Clock::Frozen(time),
            Some(time) => Clock::running_from(time),
            None if frozen => Clock::Frozen(state.now()),
            None => Clock::Real,
        });
    });
    Ok(clock(control))
}

/// Accepts what GitHub accepts for an owner and a repository, nearly: these names end up in paths.
fn source_name(name: &str) -> Option<&str> {
    let (owner, repository) = name.split_once('/')?;
    let valid = |name: &str| {
        !matches!(name, "" | "." | "..")
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    (valid(owner) && valid(repository)).then_some(name)
}

/// Makes a source repository what a document says, tells what it is, or removes it.
async fn source(control: &Control, method: &Method, name: &str, body: &mut Incoming) -> Result<Answer, Answer> {
    let absent = || Answer::error(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such source repository");
    match *method {
        Method::GET => control.change(|state| {
            let source = state.source(name).ok_or_else(absent)?;
            Ok(Answer::json(StatusCode::OK, &serde_json::to_value(source).unwrap_or_default()))
        }),
        Method::DELETE => {
            control.change(|state| state.remove_source(name)).ok_or_else(absent)?;
            Ok(Answer::new(StatusCode::NO_CONTENT))
        }
        Method::PUT => {
            let document: Value = read(body, "SOURCE_INVALID").await?;
            control.change(|state| match source_document::put(state, name, &document) {
                Ok(source) => Ok(Answer::json(StatusCode::OK, &summary(source))),
                Err(mistakes) => {
                    let mistake = |Mistake { field, problem }: &Mistake| {
                        json!({"code": "SOURCE_INVALID", "field": field, "message": format!("`{field}` {problem}")})
                    };
                    let errors: Vec<Value> = mistakes.iter().map(mistake).collect();
                    Err(Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "errors": errors })))
                }
            })
        }
        _ => Err(Answer::unsupported()),
    }
}

/// Says which commits the names of a source repository lead to.
fn summary(source: &SourceRepository) -> Value {
    let branches: serde_json::Map<String, Value> =
        source.branches().map(|(name, commit)| (name.to_owned(), commit.into())).collect();
    let commit = |tag: &str| source.resolve(&format!("refs/tags/{tag}")).map(|commit| commit.id.clone());
    let tags: serde_json::Map<String, Value> = source
        .refs("tags/")
        .iter()
        .filter_map(|(name, _)| name.strip_prefix("refs/tags/"))
        .map(|tag| (tag.to_owned(), commit(tag).into()))
        .collect();
    json!({"full_name": source.full_name(), "branches": branches, "tags": tags})
}

/// Tells all that the sandbox holds; of blobs and manifests their digests and sizes, and of tokens nothing.
fn state(control: &Control) -> Answer {
    let text = control.change(|state| serde_json::to_vec(state));
    match text {
        Ok(text) => Answer::new(StatusCode::OK).body("application/json", text),
        Err(error) => Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", &error.to_string()),
    }
}

/// Counts requests: `{"total": …, "classes": {"rest-read": …}, "routes": [{"class", "method", "route", "count"}]}`.
fn requests(control: &Control) -> Answer {
    let counts = control.request_counts();
    let sum =
        |class: Class| -> u64 { counts.iter().filter(|count| count.class == class).map(|count| count.count).sum() };
    let classes: serde_json::Map<String, Value> =
        Class::ALL.iter().map(|class| (class.as_str().to_owned(), sum(*class).into())).collect();
    let total: u64 = counts.iter().map(|count| count.count).sum();
    let routes: Vec<Value> = counts
        .iter()
        .map(|count| {
            json!({"class": count.class.as_str(), "method": count.method, "route": count.route, "count": count.count})
        })
        .collect();
    Answer::json(StatusCode::OK, &json!({"total": total, "classes": classes, "routes": routes}))
}
