//! How a sandbox behaves.

use crate::model::Secret;

/// The token that a sandbox accepts where the options name none.
pub const DEFAULT_TOKEN: &str = "ghp_sandbox0000000000000000000000000000";

/// How clients prove who they are.
#[derive(Clone, Debug)]
pub enum Auth {
    /// As GHCR does it: a bearer challenge, a token endpoint that takes the token as a Basic password, and the base64 of
    /// the token as a bearer for all that it may do.
    Ghcr {
        /// The one token that may do everything.
        token: Secret,
    },
    /// As a plain registry does it: HTTP Basic on every request.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// Everybody may do everything.
    None,
}

/// Settings of a sandbox; the default is GHCR with [`DEFAULT_TOKEN`] on a free port.
#[derive(Clone, Debug)]
pub struct Options {
    /// How clients prove who they are.
    pub auth: Auth,
    /// Whether repositories that come into being can be pulled with an anonymous token.
    pub public: bool,
    /// Tags on a page where the client does not say how many.
    pub page_size: usize,
    /// The TCP port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Whether a blob is answered by a redirect to a signed storage URL, as GHCR does, or by its bytes.
    pub redirect_blobs: bool,
    /// Whether reading a repository in which nothing is published is answered 403 `DENIED` even with a good token: on
    /// GHCR, absence and lack of rights may look alike.
    pub absent_is_denied: bool,
    /// Whether a manifest is served only where the client's `Accept` names its media type.
    pub enforce_accept: bool,
}

impl Default for Options {
    fn default() -> Self {
        let token = Secret::new(DEFAULT_TOKEN).expect("the default token is not empty");
        Self {
            auth: Auth::Ghcr { token },
            public: false,
            page_size: 100,
            port: 0,
            redirect_blobs: true,
            absent_is_denied: false,
            enforce_accept: true,
        }
    }
}

impl Options {
    /// Makes GHCR with another token; an empty one leaves the default.
    #[must_use]
    pub fn ghcr(token: &str) -> Self {
        match Secret::new(token) {
            Some(token) => Self { auth: Auth::Ghcr { token }, ..Self::default() },
            None => Self::default(),
        }
    }

    /// Makes a plain registry: no token endpoint, blobs served directly, `Accept` not enforced.
    #[must_use]
    pub fn plain(auth: Auth) -> Self {
        Self { auth, redirect_blobs: false, enforce_accept: false, ..Self::default() }
    }
}
