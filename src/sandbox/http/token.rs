//! `GET /token`: trades the configured token for one that is good for some repositories only.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hyper::{Method, StatusCode};
use serde_json::json;

use super::{
    answer::Answer,
    auth::{ANONYMOUS_PREFIX, EXCHANGED_PREFIX, basic, credentials, is_public, rights_of_token},
    exchange::Exchange,
};
use crate::sandbox::{
    Auth,
    control::{Grant, Rights},
};

/// Answers the token endpoint.
pub(super) fn give(exchange: &Exchange) -> Result<Answer, Answer> {
    if !matches!(exchange.control.shared().options.auth, Auth::Ghcr { .. }) {
        return Err(Answer::error(StatusCode::NOT_FOUND, "NOT_FOUND", "page not found"));
    }
    if exchange.method != Method::GET {
        return Err(Answer::unsupported());
    }
    let grants = grants(exchange);
    let unauthorized = || Answer::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required");
    let (text, rights) = match credentials(exchange) {
        None => anonymous(exchange, grants).ok_or_else(unauthorized)?,
        Some((scheme, encoded)) if scheme == "basic" => {
            let rights = basic(encoded).and_then(|(_, password)| rights_of_token(exchange, &password));
            let token = rights.ok_or_else(|| Answer::denied("denied"))?.token;
            let text = format!("{EXCHANGED_PREFIX}{}", super::uploads::random_id());
            (text, Rights { token, grants, ..Rights::default() })
        }
        Some(_) => return Err(unauthorized()),
    };
    let encoded = BASE64.encode(text);
    exchange.control.remember_token(encoded.clone(), rights);
    Ok(Answer::json(StatusCode::OK, &json!({ "token": encoded })))
}

/// Anonymous tokens are for one public repository, and for pulling.
fn anonymous(exchange: &Exchange, mut grants: Vec<Grant>) -> Option<(String, Rights)> {
    if !grants.iter().all(|grant| is_public(exchange, &grant.repository)) {
        return None;
    }
    for grant in &mut grants {
        grant.push = false;
    }
    let name = grants.first().map_or("", |grant| grant.repository.as_str());
    let text = format!("{ANONYMOUS_PREFIX}{name}:{}", nanoseconds());
    Some((text, Rights { anonymous: true, grants, ..Rights::default() }))
}

/// Reads `scope=repository:<name>:<action>,…`, which may come several times or hold several scopes.
fn grants(exchange: &Exchange) -> Vec<Grant> {
    let scopes = exchange.query.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split(' '));
    scopes
        .filter_map(|scope| {
            let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
            let has = |wanted: &str| actions.split(',').any(|action| action == wanted || action == "*");
            Some(Grant { repository: name.to_owned(), pull: has("pull"), push: has("push") })
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "the sandbox is a world of its own, with a clock")]
pub(super) fn nanoseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos())
}
