//! One request as the endpoints see it.

use bytes::Bytes;
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value};

use super::errors::{not_for_fine_grained, not_for_integrations, refuse, requires_authentication};
use crate::sandbox::{
    http::Answer,
    state::{SourceRepository, State, Time, Token, TokenKind},
};

/// A request whose body has come and whose token is known.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The address of the API as the client calls it, without a slash at its end.
    pub(super) api: String,
    pub(super) token: Option<Token>,
    pub(super) now: Time,
}

impl Call {
    /// Returns the first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Tells whether the client asks for a media type of GitHub's, such as `raw`.
    pub(super) fn accepts(&self, format: &str) -> bool {
        let accepts = self.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok());
        accepts.flat_map(|value| value.split(',')).any(|range| {
            let media_type = range.split(';').next().unwrap_or_default().trim();
            let own = media_type.strip_prefix("application/vnd.github.").unwrap_or_default();
            own.trim_start_matches("v3.").trim_end_matches("+json") == format
        })
    }

    /// Reads the body as a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Answer> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(refuse(StatusCode::BAD_REQUEST, "Body should be a JSON object")),
            Err(_) => Err(refuse(StatusCode::BAD_REQUEST, "Problems parsing JSON")),
        }
    }

    /// Lets only those pass who are somebody.
    pub(super) fn authenticated(&self) -> Result<&Token, Answer> {
        self.token.as_ref().ok_or_else(requires_authentication)
    }

    /// Tells whether the token shows a source repository.
    pub(super) fn sees(&self, source: &SourceRepository) -> bool {
        !source.private
            || match self.token.as_ref().map(|token| &token.kind) {
                None => false,
                Some(TokenKind::Classic { login: _, scopes }) => scopes.contains("repo"),
                Some(TokenKind::FineGrained { login }) => login.eq_ignore_ascii_case(&source.owner),
                Some(TokenKind::Workflow { repository, packages: _ }) => {
                    repository.eq_ignore_ascii_case(&source.full_name())
                }
            }
    }

    /// Lets only those pass who may change a source repository.
    pub(super) fn writes(&self, source: &SourceRepository) -> Result<(), Answer> {
        let token = self.authenticated()?;
        match &token.kind {
            TokenKind::Classic { login: _, scopes } if scopes.contains("repo") => Ok(()),
            TokenKind::Classic { .. } => Err(super::errors::not_found()),
            TokenKind::FineGrained { login } if login.eq_ignore_ascii_case(&source.owner) => Ok(()),
            TokenKind::FineGrained { .. } => Err(not_for_fine_grained()),
            TokenKind::Workflow { repository, packages: _ } if repository.eq_ignore_ascii_case(&source.full_name()) => {
                Ok(())
            }
            TokenKind::Workflow { .. } => Err(not_for_integrations()),
        }
    }
}

/// The state and a request to it.
pub(super) struct Scene<'a> {
    pub(super) state: &'a mut State,
    pub(super) call: &'a Call,
}

/// Percent-encodes what may not stand in one segment of a path.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Decodes `%XX`; what is no such thing stays as it is, and bytes that are no UTF-8 become replacement characters.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
