//! The registry adapter against hostile, broken and limited answers: what arrives at the server counts, not only what
//! comes of it.

mod broken;
mod credentials;
mod reads;
mod retries;
mod tags;
mod writes;

use ghcr_lifecycle::{adapters::registry::CredentialOptions, model::Secret};
pub(super) fn anonymous() -> CredentialOptions {
    CredentialOptions::default()
}

pub(super) fn github(host: &str) -> CredentialOptions {
    CredentialOptions {
        github_token: Secret::new("ghs_secret"),
        ghcr_host: host.to_owned(),
        ..CredentialOptions::default()
    }
}

pub(super) const LIST: &str = "GET /v2/acme/shop/tags/list?n=1000";
pub(super) const PROBE: &str = "POST /v2/acme/shop/blobs/uploads/";
pub(super) const IMAGE_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
