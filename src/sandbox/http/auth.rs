//! Who may do what: GHCR's bearer tokens and challenges, or HTTP Basic.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hyper::{Method, StatusCode, header::AUTHORIZATION};
use serde_json::json;

use super::{answer::Answer, exchange::Exchange};
use crate::sandbox::{
    Auth,
    control::Rights,
    state::{Role, TokenKind},
};

/// The scope that GHCR's challenge names where no repository is asked for, to the letter.
const PLACEHOLDER_SCOPE: &str = "repository:user/image:pull";

/// The service that GHCR's challenge names.
const SERVICE: &str = "ghcr.io";

/// What the tokens that the token endpoint gives out begin with, decoded. The rest of the text is random.
pub(super) const EXCHANGED_PREFIX: &str = "v2:";

/// What its anonymous tokens begin with, decoded: `v1:<owner>/<repository>:<nanoseconds>`.
pub(super) const ANONYMOUS_PREFIX: &str = "v1:";

/// What a request needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Pull,
    Push,
}

impl Rights {
    /// Tells whether these rights, without regard to visibility, reach a repository.
    pub(super) fn allow(&self, repository: &str, access: Access) -> bool {
        self.everything
            || (self.token.is_some() && self.grants.is_empty())
            || self.grants.iter().any(|grant| {
                grant.repository == repository
                    && match access {
                        Access::Pull => grant.pull,
                        Access::Push => grant.push,
                    }
            })
    }
}

/// Splits an Authorization header into its scheme, in lower case, and the rest.
pub(super) fn credentials(exchange: &Exchange) -> Option<(String, &str)> {
    let (scheme, rest) = exchange.header(AUTHORIZATION.as_str())?.split_once(' ')?;
    Some((scheme.to_ascii_lowercase(), rest.trim()))
}

/// Decodes the user name and password of HTTP Basic.
pub(super) fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    text.split_once(':').map(|(username, password)| (username.to_owned(), password.to_owned()))
}

/// Answers `GET /v2/`.
pub(super) fn base(exchange: &Exchange) -> Result<Answer, Answer> {
    match rights(exchange)? {
        Some(_) if !matches!(exchange.method, Method::GET | Method::HEAD) => Err(Answer::unsupported()),
        Some(_) => Ok(Answer::json(StatusCode::OK, &json!({}))),
        None => Err(challenge(exchange, PLACEHOLDER_SCOPE)),
    }
}

/// Refuses a path that is no endpoint, the catalogue's among them: GHCR challenges with the placeholder, whatever the
/// credentials.
pub(super) fn no_endpoint(exchange: &Exchange) -> Result<Answer, Answer> {
    match exchange.control.shared().options.auth {
        Auth::Ghcr { .. } => Err(challenge(exchange, PLACEHOLDER_SCOPE)),
        Auth::Basic { .. } | Auth::None => {
            Err(Answer::error(StatusCode::NOT_FOUND, "UNSUPPORTED", "the path is no endpoint of the registry"))
        }
    }
}

/// Lets a request pass that may do what it needs, and refuses any other the way GHCR does: no token, or one whose scope
/// is too narrow, is challenged; an anonymous one is denied.
pub(super) fn authorise(exchange: &Exchange, repository: &str, access: Access) -> Result<Rights, Answer> {
    let scope = match access {
        Access::Pull => format!("repository:{repository}:pull"),
        Access::Push => format!("repository:{repository}:pull,push"),
    };
    let Some(rights) = rights(exchange)? else {
        return Err(challenge(exchange, &scope));
    };
    if let Some(token) = &rights.token {
        let role = exchange.control.change(|state| state.registry_role(token, repository));
        match access {
            Access::Pull if role < Role::Read => return Err(Answer::denied("permission_denied: read_package")),
            Access::Push if role < Role::Write => {
                let message = match &token.kind {
                    TokenKind::Workflow { .. } if !exists(exchange, repository) => {
                        "installation not allowed to Create organization package"
                    }
                    _ => "permission_denied: write_package",
                };
                return Err(Answer::denied(message));
            }
            Access::Push => exchange.control.change(|state| state.claim(token, repository)),
            Access::Pull => {}
        }
    }
    let visible = !rights.anonymous || is_public(exchange, repository);
    if visible && rights.allow(repository, access) {
        Ok(rights)
    } else if rights.anonymous {
        Err(Answer::denied("requested access to the resource is denied"))
    } else {
        Err(challenge(exchange, &scope))
    }
}

fn exists(exchange: &Exchange, repository: &str) -> bool {
    exchange.control.change(|state| state.repository(repository).is_some_and(|repository| repository.is_published()))
}

/// Returns what the configured token, or another one that the sandbox knows, allows before any scope narrows it.
pub(super) fn rights_of_token(exchange: &Exchange, text: &str) -> Option<Rights> {
    match &exchange.control.shared().options.auth {
        Auth::Ghcr { token } if text == token.expose() => Some(Rights { everything: true, ..Rights::default() }),
        Auth::Ghcr { .. } => {
            let token = exchange.control.change(|state| state.token(text).cloned())?;
            Some(Rights { token: Some(token), ..Rights::default() })
        }
        Auth::Basic { .. } | Auth::None => None,
    }
}

pub(super) fn is_public(exchange: &Exchange, repository: &str) -> bool {
    exchange.control.change(|state| state.repository(repository).is_some_and(|repository| repository.is_public()))
}

/// Reads the credentials: `None` if there are none that count.
fn rights(exchange: &Exchange) -> Result<Option<Rights>, Answer> {
    let everything = Rights { everything: true, ..Rights::default() };
    let credentials = credentials(exchange);
    match &exchange.control.shared().options.auth {
        Auth::None => Ok(Some(everything)),
        Auth::Basic { username, password } => {
            let given = credentials.filter(|(scheme, _)| scheme == "basic").and_then(|(_, encoded)| basic(encoded));
            let right = given.is_some_and(|(user, word)| user == *username && word == password.expose());
            Ok(right.then_some(everything))
        }
        Auth::Ghcr { .. } => {
            let Some((_, bearer)) = credentials.filter(|(scheme, _)| scheme == "bearer") else {
                return Ok(None);
            };
            if let Some(rights) = exchange.control.rights_of(bearer) {
                return Ok(Some(rights));
            }
            let decoded = BASE64.decode(bearer).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            if let Some(rights) = decoded.as_deref().and_then(|text| rights_of_token(exchange, text)) {
                return Ok(Some(rights));
            }
            match decoded {
                Some(text) if text.starts_with(ANONYMOUS_PREFIX) || text.starts_with(EXCHANGED_PREFIX) => Ok(None),
                // A bad token is refused even where none would have been needed.
                _ => Err(Answer::denied("denied")),
            }
        }
    }
}

fn challenge(exchange: &Exchange, scope: &str) -> Answer {
    let value = match exchange.control.shared().options.auth {
        Auth::Ghcr { .. } => {
            format!(r#"Bearer realm="http://{}/token",service="{SERVICE}",scope="{scope}""#, exchange.host())
        }
        Auth::Basic { .. } | Auth::None => r#"Basic realm="sandbox""#.to_owned(),
    };
    Answer::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required").header("www-authenticate", value)
}
