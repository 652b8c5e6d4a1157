//! Mode `sandbox`: serves an embedded GHCR until it is told to stop. And option `--sandbox`: a run of another mode there.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    error::Error,
    inputs::{Inputs, PolicyInput, SandboxInputs, SandboxOwner, TRIAL_ADDRESS},
    model::{ImageName, Secret},
    policy::rules::Policy,
    sandbox::{Options, Sandbox, State, options::DEFAULT_TOKEN, server::Reserved, state::OwnerKind},
};

/// Starts the sandbox; it answers when this returns.
///
/// # Errors
/// If its port or its folder cannot be used.
pub fn start(inputs: &SandboxInputs) -> Result<Sandbox, Error> {
    let SandboxInputs { listen, data, owners, token, referrers, delete, demo: _, at: _ } = inputs;
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

/// Takes the port of a sandbox that is still to be filled: who connects meanwhile waits.
///
/// # Errors
/// If it cannot be used.
pub fn reserve(inputs: &SandboxInputs) -> Result<Reserved, Error> {
    Sandbox::reserve(inputs.listen).map_err(|error| {
        Error::failed(format!("listen on {}", inputs.listen))
            .with_source(error)
            .with_hint("let `--listen` name another port; port 0 takes a free one")
    })
}

/// Serves what `state` holds; it answers when this returns.
///
/// # Errors
/// If the system has no thread or random bytes for it.
pub fn serve(reserved: Reserved, state: State) -> Result<Sandbox, Error> {
    reserved
        .serve(Options::default(), Some(state))
        .map_err(|error| Error::failed("start the sandbox").with_source(error))
}

/// Says, for people, what the sandbox of `--demo` holds and what to type next. `program` is what this one was called.
#[must_use]
pub fn next_steps(sandbox: &Sandbox, inputs: &Inputs, program: &str, policy: &str) -> String {
    let host = sandbox.host();
    let at = if host == TRIAL_ADDRESS { String::new() } else { format!(" {host}") };
    let given = match &inputs.policy {
        PolicyInput::Path(path) if inputs.policy_given => format!(" --policy {}", quoted(path)),
        PolicyInput::Path(_) | PolicyInput::Text(_) => String::new(),
    };
    let program = quoted(program);
    format!(
        "At {host} is what a year under {policy} leaves behind, until Ctrl-C (in the background: `kill %1`).\n\
         What a clean-up would delete there, and why:\n\n  \
         {program} plan --sandbox{at}{given}\n"
    )
}

/// Quotes a word for a shell where it needs that.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Points a run at the sandbox that its inputs name, if they do: API, registry, token, and what the inputs call by whole names.
///
/// GITHUB_TOKEN is left alone: it is GitHub's, and the sandbox has a token that everybody knows.
///
/// # Errors
/// If rows of the inputs are to give the tags: only the images of a policy are renamed.
pub fn pointed(mut inputs: Inputs) -> Result<Inputs, Error> {
    let Some(address) = inputs.sandbox.at else { return Ok(inputs) };
    if inputs.drop_in.decide(false) || inputs.drop_in.give_rows() {
        return Err(Error::input("`--sandbox` is for a policy, and the inputs give rows of their own")
            .with_hint("leave `images`, `tags` and `flavor` out"));
    }
    let host = address.to_string();
    inputs.image = inputs.image.take().map(|name| renamed(&name, &host));
    inputs.cleanup.packages = inputs.cleanup.packages.iter().map(|name| renamed(name, &host)).collect();
    inputs.api_url = format!("http://{host}");
    inputs.github_token = Secret::new(DEFAULT_TOKEN);
    inputs.ghcr_host = host;
    Ok(inputs)
}

/// Puts a host in the place of the registry that a name begins with, if it does.
fn renamed(name: &str, host: &str) -> String {
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => format!("{host}/{rest}"),
        _ => name.to_owned(),
    }
}

/// Puts a sandbox in the place of every registry that a policy names, so that no other is asked or written to. Returns the
/// mirrors that were left out for that.
///
/// # Errors
/// If an image has no name there.
pub fn stand_in(policy: &mut Policy, host: &str) -> Result<Vec<ImageName>, Error> {
    let mut images: Vec<ImageName> = Vec::new();
    for image in &policy.images {
        // Below GHCR every image has an owner.
        let repository = match image.repository() {
            alone if !alone.contains('/') => format!("{alone}/{alone}"),
            whole => whole.to_owned(),
        };
        let local = format!("{host}/{repository}").parse();
        let local = local.map_err(|error| Error::failed(format!("name {image} in the sandbox")).with_source(error))?;
        if !images.contains(&local) {
            images.push(local);
        }
    }
    policy.images = images;
    Ok(std::mem::take(&mut policy.mirrors).into_iter().map(|mirror| mirror.image).collect())
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
