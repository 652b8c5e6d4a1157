//! What a registry says when it says no, turned into a kind of error and a remedy.

use oci_distribution::errors::{OciEnvelope, OciErrorCode};

use crate::{
    adapters::http::{Answer, one_line, quoted},
    model::{self, ImageName, Pages, TokenKind, Trap},
    ports::{PortError, PortErrorKind},
};

/// Who was refused, for the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// GHCR, with the GitHub token, of that kind, or without one.
    Ghcr { token: Option<TokenKind> },
    /// A registry whose login a program keeps for docker.
    Helped,
    /// Another registry, with or without a login.
    Other { with_login: bool },
}

/// What was to be done, for the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Read.
    Read,
    /// Write.
    Write,
}

/// What was refused, for the remedy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused<'a> {
    /// The image.
    pub(super) image: &'a ImageName,
    /// The root of GitHub's web pages.
    pub(super) server: &'a str,
    /// Who was refused.
    pub(super) asker: Asker,
    /// What was to be done.
    pub(super) right: Right,
}

/// Returns the errors that an answer lists, if it is a registry's.
pub(super) fn envelope(answer: &Answer) -> Option<OciEnvelope> {
    serde_json::from_slice::<OciEnvelope>(&answer.body).ok().filter(|envelope| !envelope.errors.is_empty())
}

/// Tells whether an answer lists one of these error codes.
pub(super) fn has_code(answer: &Answer, codes: &[OciErrorCode]) -> bool {
    envelope(answer).is_some_and(|envelope| envelope.errors.iter().any(|error| codes.contains(&error.code)))
}

/// Tells whether a 404 says that there is nothing of that name, rather than that we asked in a wrong way.
pub(super) fn is_absence(answer: &Answer) -> bool {
    const ABSENT: [OciErrorCode; 3] =
        [OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown, OciErrorCode::NotFound];
    // GHCR: "OCI index found, but Accept header does not support OCI indexes" comes as MANIFEST_UNKNOWN.
    let is_there = |message: &str| message.to_lowercase().contains("accept header");
    answer.status.as_u16() == 404
        && envelope(answer).is_some_and(|envelope| {
            envelope.errors.iter().any(|error| ABSENT.contains(&error.code))
                && !envelope.errors.iter().any(|error| is_there(&error.message))
        })
}

/// Says what somebody answered: error codes and messages, or the text.
pub(super) fn words(who: &str, answer: &Answer) -> String {
    let status = answer.status.as_u16();
    match envelope(answer) {
        Some(envelope) => {
            let errors: Vec<String> = envelope.errors.iter().take(5).map(error_words).collect();
            format!("{who} answered {status} with `{}`", quoted(&errors.join("; ")))
        }
        None => format!("{who} answered {status} {}", one_line(&answer.body)),
    }
}

fn error_words(error: &oci_distribution::errors::OciError) -> String {
    let code =
        serde_json::to_value(&error.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
    let detail = match &error.detail {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => format!(" ({text})"),
        other => format!(" ({other})"),
    };
    format!("{code}: {}{detail}", error.message)
}

/// Turns an answer that is no success into an error with its remedy.
pub(super) fn refusal(operation: &str, refused: &Refused<'_>, answer: &Answer) -> PortError {
    let kind = match answer.status.as_u16() {
        401 | 403 => PortErrorKind::Denied,
        404 => PortErrorKind::NotFound,
        429 => PortErrorKind::RateLimited,
        500..=599 => PortErrorKind::Unavailable,
        _ => PortErrorKind::Malformed,
    };
    let error = PortError::new(kind, operation, words("the registry", answer));
    if kind == PortErrorKind::Denied {
        with_remedy(error, refused, &String::from_utf8_lossy(&answer.body))
    } else {
        error
    }
}

/// Adds the remedy for a refusal in these words.
pub(super) fn with_remedy(error: PortError, refused: &Refused<'_>, words: &str) -> PortError {
    let Refused { image, server, asker, right } = *refused;
    let host = image.registry();
    let hint = match (asker, right) {
        (Asker::Ghcr { token: Some(token) }, _) => {
            let server = if server.is_empty() { "https://github.com" } else { server };
            return error.with_trap(trap(token, right, words), &Pages { image: Some(image), ..Pages::of(server) });
        }
        (Asker::Ghcr { token: None }, _) => {
            format!("give `github-token` for {host}, or at a terminal set GITHUB_TOKEN")
        }
        (Asker::Helped, _) => format!(
            "the docker configuration leaves the login for {host} to a credential helper, and those are not run here: give `username` and `password`, or an entry for it in `registries`"
        ),
        (Asker::Other { with_login: false }, _) => {
            format!("give `username` and `password` for {host}, or an entry for it in `registries`")
        }
        (Asker::Other { with_login: true }, Right::Write) => {
            format!("check `username` and `password` for {host}, and that this user may push there")
        }
        (Asker::Other { with_login: true }, Right::Read) => {
            format!("check `username` and `password` for {host}, and that this user may pull there")
        }
    };
    error.with_hint(hint)
}

/// Returns which trap GHCR means.
fn trap(token: TokenKind, right: Right, words: &str) -> Trap {
    let has = |text: &str| words.contains(text);
    let wanted = match right {
        Right::Read => model::Right::Read,
        Right::Write => model::Right::Write,
    };
    match token {
        _ if has("installation not allowed to Create organization package") => Trap::NoCreation,
        _ if has("write_package") || has("installation not allowed to Write") => token.denied(model::Right::Write),
        _ if has("read_package") => token.denied(model::Right::Read),
        // Without a word on packages it may be a package that is not there.
        TokenKind::Installation | TokenKind::Classic | TokenKind::OAuth | TokenKind::Unknown
            if right == Right::Read =>
        {
            Trap::Unseen { kind: token }
        }
        _ => token.denied(wanted),
    }
}
