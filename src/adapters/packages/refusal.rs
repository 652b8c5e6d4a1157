//! Which trap a refusal of the Packages API is. GitHub answers 400, 403 and 404 for missing rights, and its words do not say
//! which; what the token is, and the scopes that come with each answer, tell more.

use std::collections::BTreeSet;

use crate::{
    adapters::rest::{ApiAnswer, Call},
    model::{Pages, Right, TokenKind, Trap},
    ports::{PortError, PortErrorKind},
};

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// The address of the web pages, without a slash at its end.
    pub(super) server_url: String,
    /// What kind of token asks.
    pub(super) token: TokenKind,
}

/// What is said of answers that nobody documents.
const UNDOCUMENTED: &str = "this is not what the API documents; run it again later";

impl Asker {
    /// Returns the pages of the server.
    pub(super) fn pages(&self) -> Pages<'_> {
        Pages::of(&self.server_url)
    }

    /// Explains a refusal of a request about a package.
    pub(super) fn refusal(&self, call: &Call<'_>, answer: &ApiAnswer, pages: &Pages<'_>, right: Right) -> PortError {
        let said = answer.said();
        let lower = said.to_lowercase();
        let has = |text: &str| lower.contains(text);
        let (kind, trap) = match answer.status.as_u16() {
            401 => (PortErrorKind::Denied, Trap::BadToken { kind: self.token }),
            403 if has("saml") => (PortErrorKind::Denied, Trap::SingleSignOn),
            403 if has("personal access token") => (PortErrorKind::Denied, Trap::FineGrained { right }),
            403 => (PortErrorKind::Denied, self.denied(answer, right)),
            400 if has("invalid argument") => (PortErrorKind::Denied, Trap::CannotList),
            404 if right == Right::Read => {
                let trap = self.scopes_lack(answer, right).unwrap_or(Trap::Unseen { kind: self.token });
                (PortErrorKind::NotFound, trap)
            }
            404 => (PortErrorKind::NotFound, self.denied(answer, right)),
            _ => return call.error(PortErrorKind::Malformed, said).with_hint(UNDOCUMENTED),
        };
        call.error(kind, said).with_trap(trap, pages)
    }

    /// Finds what the token lacks by the scopes that an answer names, else by its kind.
    fn denied(&self, answer: &ApiAnswer, right: Right) -> Trap {
        self.scopes_lack(answer, right).unwrap_or_else(|| self.token.denied(right))
    }

    fn scopes_lack(&self, answer: &ApiAnswer, right: Right) -> Option<Trap> {
        no_scope(self.token, &answer.scopes()?, right)
    }

    /// Explains why nobody knows an owner.
    pub(super) fn owner_refusal(&self, call: &Call<'_>, answer: &ApiAnswer, pages: &Pages<'_>) -> PortError {
        let (kind, trap) = match answer.status.as_u16() {
            401 => (PortErrorKind::Denied, Trap::BadToken { kind: self.token }),
            403 => (PortErrorKind::Denied, Trap::NoAccounts),
            404 => (PortErrorKind::NotFound, Trap::NoOwner),
            _ => return call.error(PortErrorKind::Malformed, answer.said()).with_hint(UNDOCUMENTED),
        };
        call.error(kind, answer.said()).with_trap(trap, pages)
    }
}

/// Returns the trap of a token whose scopes do not go as far as a right.
pub(super) fn no_scope(kind: TokenKind, scopes: &BTreeSet<String>, right: Right) -> Option<Trap> {
    if !kind.has_scopes() {
        return None;
    }
    let missing = right.missing_scopes(scopes.iter().map(String::as_str));
    (!missing.is_empty()).then_some(Trap::NoScope { kind, right, missing })
}
