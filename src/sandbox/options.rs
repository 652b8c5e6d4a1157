//! How a sandbox behaves.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use super::state::{OwnerKind, limits::Limits};
use crate::model::Secret;

/// The token that a sandbox accepts where the options name none.
pub const DEFAULT_TOKEN: &str = "ghp_sandbox0000000000000000000000000000";

/// The largest chunk that GHCR takes with a Content-Range, in bytes.
const GHCR_LARGEST_CHUNK: u64 = 4 * 1024 * 1024;

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
    /// The address to listen on; it should be a loopback address, since whoever reaches it can set faults.
    pub address: IpAddr,
    /// The TCP port; 0 takes a free one.
    pub port: u16,
    /// Whether a blob is answered by a redirect to a signed storage URL, as GHCR does, or by its bytes.
    pub redirect_blobs: bool,
    /// Whether reading a repository in which nothing is published is answered 403 `DENIED` even with a good token: on
    /// GHCR, absence and lack of rights may look alike.
    pub absent_is_denied: bool,
    /// Whether a manifest is served only where the client's `Accept` names its media type.
    pub enforce_accept: bool,
    /// Whether there is a referrers API, and `OCI-Subject` says so; GHCR has none.
    pub referrers: bool,
    /// Whether DELETE removes manifests, tags and blobs; GHCR answers 405.
    pub delete: bool,
    /// Whether tags are listed in the order of their characters, as the distribution spec asks, and not oldest first.
    pub sorted_tags: bool,
    /// The largest chunk that is taken with a Content-Range, in bytes; `None` for any.
    pub largest_chunk: Option<u64>,
    /// How fast clients may ask; `None` for any speed.
    pub registry_limits: Option<RegistryLimits>,
    /// Whether GitHub's REST API is served on the same port.
    pub api: bool,
    /// Whose the token is; everything is theirs to administer.
    pub login: String,
    /// Users and organisations that are there from the start. Others come into being, as organisations, with the first
    /// package that is pushed below their name.
    pub owners: Vec<(String, OwnerKind)>,
    /// The rate limits of the REST API.
    pub limits: Limits,
    /// How it behaves where GHCR's own behaviour is unknown or changes.
    pub habits: Habits,
    /// The folder that holds the state between two runs; `None` keeps it in memory only.
    pub data: Option<PathBuf>,
}

/// Switches for what nobody has shown GHCR to do one way or the other, or what it has done both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Whether `updated_at` of a version changes when a tag is pointed at it.
    pub updated_follows_tags: bool,
    /// Whether pushing a digest whose version is deleted restores that version instead of making a new one.
    pub push_restores_deleted: bool,
    /// Whether a restored version gets those of its tags back that nothing else has taken.
    pub restore_brings_tags: bool,
    /// Whether the list of deleted versions shows the tags that they had.
    pub deleted_show_tags: bool,
    /// Whether somebody who may read but not delete is told so (403) or not even that there is a package (404).
    pub denial_is_shown: bool,
    /// Whether a HEAD of a manifest counts as a download.
    pub head_is_download: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            updated_follows_tags: false,
            push_restores_deleted: false,
            restore_brings_tags: true,
            deleted_show_tags: false,
            denial_is_shown: false,
            head_is_download: false,
        }
    }
}

/// How many requests a minute the registry's half answers; the rest get 429. GHCR's denials name such rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryLimits {
    /// GET, HEAD and the token endpoint.
    pub reads_per_minute: u32,
    /// All other methods.
    pub writes_per_minute: u32,
    /// How many requests of either kind may come at once after a rest.
    pub burst: u32,
}

impl RegistryLimits {
    /// The rates that GHCR's denials have named, and bursts as short as users have met.
    pub const GHCR: Self = Self { reads_per_minute: 44_000, writes_per_minute: 2000, burst: 1 };
}

impl Default for Options {
    fn default() -> Self {
        let token = Secret::new(DEFAULT_TOKEN).expect("the default token is not empty");
        Self {
            auth: Auth::Ghcr { token },
            public: false,
            page_size: 100,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            redirect_blobs: true,
            absent_is_denied: false,
            enforce_accept: true,
            referrers: false,
            delete: false,
            sorted_tags: false,
            largest_chunk: Some(GHCR_LARGEST_CHUNK),
            registry_limits: None,
            api: true,
            login: "sandbox".to_owned(),
            owners: Vec::new(),
            limits: Limits::default(),
            habits: Habits::default(),
            data: None,
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

    /// Makes a plain registry: no token endpoint, no REST API, blobs served directly, `Accept` not enforced, sorted tags, chunks of any
    /// size. It deletes nothing and has no referrers API.
    #[must_use]
    pub fn plain(auth: Auth) -> Self {
        Self {
            auth,
            redirect_blobs: false,
            enforce_accept: false,
            api: false,
            sorted_tags: true,
            largest_chunk: None,
            ..Self::default()
        }
    }

    /// Makes a registry that does all that the distribution spec 1.1 describes.
    #[must_use]
    pub fn oci(auth: Auth) -> Self {
        Self::plain(auth).like_the_spec()
    }

    /// Does all that the distribution spec 1.1 describes, in its way and not in GHCR's: referrers, deletion, sorted tags,
    /// blobs without a redirect, chunks of any size, any `Accept`. Tokens and the REST API stay as they are.
    #[must_use]
    pub fn like_the_spec(self) -> Self {
        Self {
            referrers: true,
            delete: true,
            redirect_blobs: false,
            enforce_accept: false,
            sorted_tags: true,
            largest_chunk: None,
            ..self
        }
    }
}
