//! The way of a request to the API: client, token, limits, endpoint; and the headers that every answer has.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hyper::{StatusCode, header::USER_AGENT};
use serde_json::json;

use super::{
    call::{Call, Scene, decode},
    errors::{bad_credentials, refuse, refuse_with},
    route,
};
use crate::sandbox::{
    Auth,
    http::{Answer, Exchange, read_at_most},
    options::Options,
    state::{
        State, Time, Token, TokenKind,
        limits::{Cost, Standing, Verdict},
        tokens::ALL_SCOPES,
    },
};

/// The largest body that is taken, in bytes; GitHub's limits are lower for what is sent here.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long an answer takes where requests at once are limited.
const LATENCY: Duration = Duration::from_millis(20);

/// How long a client is told to wait whose requests were too many at once, in seconds.
const CONCURRENCY_WAIT: i64 = 60;

const RATE_LIMITS: &str = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";

const NO_USER_AGENT: &str = "Request forbidden by administrative rules. Please make sure your request has a User-Agent \
                             header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).";

/// Answers a request to the API.
pub(in crate::sandbox) async fn serve(exchange: &mut Exchange) -> Answer {
    if exchange.headers.get(USER_AGENT).is_none_or(|agent| agent.as_bytes().trim_ascii().is_empty()) {
        return Answer::new(StatusCode::FORBIDDEN).body("text/plain; charset=utf-8", format!("{NO_USER_AGENT}\n"));
    }
    let body = match read_at_most(&mut exchange.body, MAX_BODY_BYTES).await {
        Ok(Some(body)) => body,
        Ok(None) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB"),
        Err(answer) => return answer,
    };
    if exchange.control.limits().concurrent.is_some() {
        tokio::time::sleep(LATENCY).await;
    }
    let control = exchange.control.clone();
    let (answer, now) = control.change(|state| {
        let now = state.now();
        let call = Call {
            method: exchange.method.clone(),
            query: exchange.query.clone(),
            headers: exchange.headers.clone(),
            body,
            api: format!("http://{}", exchange.host()),
            token: None,
            now,
        };
        let path = exchange.path.strip_prefix("/api/v3").unwrap_or(&exchange.path).to_owned();
        (answer(state, call, &path, exchange), now)
    });
    let answer = answer
        .header("x-github-api-version-selected", "2022-11-28")
        .header("x-github-media-type", "github.v3; format=json")
        .header("server", "github.com")
        .header("date", now.http_date());
    let is_json = answer.headers.iter().any(|(name, value)| name == "content-type" && value == "application/json");
    if is_json { answer.header("content-type", "application/json; charset=utf-8") } else { answer }
}

fn answer(state: &mut State, mut call: Call, path: &str, exchange: &Exchange) -> Answer {
    match authenticate(state, &exchange.control.shared().options, call.header("authorization")) {
        Ok(token) => call.token = token,
        Err(answer) => return answer,
    }
    let segments: Vec<String> = path.split('/').skip(1).map(decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let cost =
        Cost { writes: !matches!(call.method.as_str(), "GET" | "HEAD" | "OPTIONS"), free: segments == ["rate_limit"] };
    let limits = exchange.control.limits();
    let (verdict, standing) = exchange.control.limiter().count(&limits, call.token.as_ref(), call.now, cost);
    let too_many = limits.concurrent.is_some_and(|most| exchange.concurrent > most);
    let verdict = if verdict == Verdict::Pass && too_many { Verdict::Secondary(CONCURRENCY_WAIT) } else { verdict };
    let limited = StatusCode::from_u16(limits.status).unwrap_or(StatusCode::FORBIDDEN);
    let answer = match verdict {
        Verdict::Pass if segments == ["rate_limit"] => rate_limit(standing, call.now),
        Verdict::Pass => route::answer(&mut Scene { state, call: &call }, &segments),
        Verdict::Primary => refuse_with(limited, &primary_message(call.token.as_ref()), RATE_LIMITS),
        Verdict::Secondary(left) => {
            let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. \
                           If you reach out to GitHub Support for help, please include the request ID.";
            let answer = refuse_with(limited, message, RATE_LIMITS);
            if limits.retry_after { answer.header("retry-after", left.to_string()) } else { answer }
        }
    };
    let answer = if limits.headers { with_standing(answer, standing) } else { answer };
    match call.token.as_ref().map(|token| &token.kind) {
        Some(TokenKind::Classic { login: _, scopes }) => {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            answer.header("x-oauth-scopes", scopes.join(", "))
        }
        _ => answer,
    }
}

/// Finds the token that the credentials hold; `None` if there are none.
fn authenticate(state: &State, options: &Options, header: Option<&str>) -> Result<Option<Token>, Answer> {
    let text = match header.map(|header| header.trim().split_once(' ').unwrap_or((header, ""))) {
        None => None,
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "token" => Some(rest.trim().to_owned()),
            "basic" => {
                let decoded = BASE64.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let password = decoded.and_then(|text| Some(text.split_once(':')?.1.to_owned()));
                Some(password.ok_or_else(bad_credentials)?)
            }
            _ => return Err(bad_credentials()),
        },
    };
    if let Some(token) = text.as_deref().and_then(|text| state.token(text)) {
        return Ok(Some(token.clone()));
    }
    if matches!(options.auth, Auth::None) {
        let secret = crate::model::Secret::new("anybody");
        let id = state.owner(&options.login).map_or(0, |owner| owner.id);
        return Ok(secret.map(|secret| Token { secret, id, kind: TokenKind::classic(&options.login, &ALL_SCOPES) }));
    }
    match text {
        None => Ok(None),
        Some(_) => Err(bad_credentials()),
    }
}

fn primary_message(token: Option<&Token>) -> String {
    match token {
        None => {
            "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher \
                 rate limit. Check out the documentation for more details.)"
                .to_owned()
        }
        Some(Token { id, kind: TokenKind::Workflow { .. }, .. }) => {
            format!("API rate limit exceeded for installation ID {id}.")
        }
        Some(Token { id, .. }) => format!("API rate limit exceeded for user ID {id}."),
    }
}

fn with_standing(answer: Answer, standing: Standing) -> Answer {
    let Standing { limit, used, reset } = standing;
    answer
        .header("x-ratelimit-limit", limit.to_string())
        .header("x-ratelimit-remaining", standing.remaining().to_string())
        .header("x-ratelimit-used", used.to_string())
        .header("x-ratelimit-reset", reset.seconds().to_string())
        .header("x-ratelimit-resource", "core")
}

fn rate_limit(standing: Standing, now: Time) -> Answer {
    let Standing { limit, used, reset } = standing;
    let core = json!({
        "limit": limit, "used": used, "remaining": standing.remaining(), "reset": reset.seconds(), "resource": "core",
    });
    let search = json!({
        "limit": 30, "used": 0, "remaining": 30, "reset": now.plus_seconds(60).seconds(), "resource": "search",
    });
    Answer::json(StatusCode::OK, &json!({"resources": {"core": core, "search": search}, "rate": core}))
}
