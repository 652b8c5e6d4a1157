//! What a refusal of the Packages API means, and the page to open. GitHub answers 400, 403 and 404 for missing rights, and
//! its words do not say which.

use crate::{
    adapters::rest::{ApiAnswer, Call},
    ports::{PortError, PortErrorKind},
};

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// The address of the web pages, without a slash at its end.
    pub(super) server_url: String,
    /// Whether the token is the one of the job.
    pub(super) is_job_token: bool,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Read,
    Change,
}

impl Asker {
    /// Explains a refusal of a request about a package whose settings are at `settings`, below the server's address.
    pub(super) fn refusal(&self, call: &Call<'_>, answer: &ApiAnswer, settings: &str, wanted: Wanted) -> PortError {
        let said = answer.said();
        let lower = said.to_lowercase();
        let tokens = format!("{}/settings/tokens", self.server_url);
        let settings = format!("{}/{settings}", self.server_url);
        let has = |text: &str| lower.contains(text);
        let scope = match wanted {
            Wanted::Read => "read:packages",
            Wanted::Change => "delete:packages` and `write:packages",
        };
        let access = match (wanted, self.is_job_token) {
            (Wanted::Read, true) => format!(
                "grant `packages: read` to the job, and add this repository under \"Manage Actions access\" at {settings}"
            ),
            (Wanted::Change, true) => format!(
                "grant `packages: write` to the job, and give this repository the role Admin under \"Manage Actions \
                 access\" at {settings}"
            ),
            (Wanted::Read, false) => format!(
                "check the package's name; if it is private, the token's owner needs access to it at {settings}, and the \
                 token the scope `{scope}` at {tokens}"
            ),
            (Wanted::Change, false) => format!(
                "the token's owner needs the role Admin at {settings}, and the token the scopes `{scope}` at {tokens}"
            ),
        };
        let (kind, hint) = match answer.status.as_u16() {
            401 => (PortErrorKind::Denied, self.bad_token(&tokens)),
            403 if has("saml") => (
                PortErrorKind::Denied,
                format!("authorise the token for the organisation: \"Configure SSO\" beside it at {tokens}"),
            ),
            403 if has("personal access token") => (
                PortErrorKind::Denied,
                format!(
                    "fine-grained tokens cannot read packages: use the job's token or a classic one with the scope \
                     `{scope}` from {tokens}"
                ),
            ),
            403 if has("scope") && !self.is_job_token => {
                (PortErrorKind::Denied, format!("give the token the scope `{scope}` at {tokens}"))
            }
            403 => (PortErrorKind::Denied, access),
            400 if has("invalid argument") => (
                PortErrorKind::Denied,
                format!(
                    "the job's token cannot list packages: name them in the input `packages`, or use a classic token with \
                     the scope `read:packages` from {tokens}"
                ),
            ),
            404 => (PortErrorKind::NotFound, access),
            _ => (PortErrorKind::Malformed, "this is not what the API documents; run it again later".to_owned()),
        };
        call.error(kind, said).with_hint(hint)
    }

    /// Explains why nobody knows an owner.
    pub(super) fn owner_refusal(&self, call: &Call<'_>, answer: &ApiAnswer, login: &str) -> PortError {
        let tokens = format!("{}/settings/tokens", self.server_url);
        let (kind, hint) = match answer.status.as_u16() {
            401 => (PortErrorKind::Denied, self.bad_token(&tokens)),
            403 => (PortErrorKind::Denied, format!("the token may not look up accounts; check it at {tokens}")),
            404 => (
                PortErrorKind::NotFound,
                format!("check the name after the registry: {}/{login} should be a page", self.server_url),
            ),
            _ => (PortErrorKind::Malformed, "this is not what the API documents; run it again later".to_owned()),
        };
        call.error(kind, answer.said()).with_hint(hint)
    }

    fn bad_token(&self, tokens: &str) -> String {
        if self.is_job_token {
            "give the job's token: `github-token: ${{ github.token }}`".to_owned()
        } else {
            format!("the token is missing, wrong or expired: renew it at {tokens}, then the secret that holds it")
        }
    }
}
