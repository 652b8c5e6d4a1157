//! Mode `sandbox`: serves an embedded GHCR until it is told to stop.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    error::Error,
    inputs::{SandboxInputs, SandboxOwner},
    sandbox::{Options, Sandbox, state::OwnerKind},
};

/// Starts the sandbox; it answers when this returns.
///
/// # Errors
/// If its port or its folder cannot be used.
pub fn start(inputs: &SandboxInputs) -> Result<Sandbox, Error> {
    let SandboxInputs { listen, data, owners, token, referrers, delete } = inputs;
    let defaults = Options::ghcr(token.as_deref().unwrap_or_default());
    let kind = |owner: &SandboxOwner| if owner.organization { OwnerKind::Organization } else { OwnerKind::User };
    let user = owners.iter().find(|owner| !owner.organization);
    let options = Options {
        address: listen.ip(),
        port: listen.port(),
        data: data.as_ref().map(PathBuf::from),
        login: user.map_or(defaults.login.clone(), |owner| owner.login.clone()),
        owners: owners.iter().map(|owner| (owner.login.clone(), kind(owner))).collect(),
        referrers: *referrers,
        delete: *delete,
        ..defaults
    };
    // Whoever asks for both wants a plain OCI 1.1 registry.
    let options = if *referrers && *delete { options.like_the_spec() } else { options };
    Sandbox::start_blocking(options).map_err(|error| {
        Error::failed("start the sandbox")
            .with_source(error)
            .with_hint("let `--listen` name another port, or `--data` another folder")
    })
}

/// Returns the one line that says where it is.
#[must_use]
pub fn announcement(sandbox: &Sandbox) -> String {
    let host = sandbox.host();
    json!({"registry": host, "api": format!("http://{host}"), "token": sandbox.token()}).to_string()
}

/// Stops the sandbox and writes what it holds.
///
/// # Errors
/// If that cannot be written.
pub fn stop(sandbox: Sandbox) -> Result<(), Error> {
    sandbox.close().map_err(|error| Error::failed("write the sandbox's data").with_source(error))
}
