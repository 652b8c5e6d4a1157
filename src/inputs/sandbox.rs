//! What mode `sandbox` is told on the command line. These are no inputs of the action: the action image has no sandbox.

use std::net::{Ipv4Addr, SocketAddr};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::mistakes::{InputErrors, quote};

/// How the sandbox is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxInputs {
    /// The address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder that keeps the state.
    pub data: Option<String>,
    /// Owners that are there from the start.
    pub owners: Vec<SandboxOwner>,
    /// The token that clients use.
    pub token: Option<String>,
    /// Whether the referrers API works.
    pub referrers: bool,
    /// Whether manifests can be deleted through the registry.
    pub delete: bool,
}

/// An owner of packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxOwner {
    /// Its name.
    pub login: String,
    /// Whether it is an organisation, not a user.
    pub organization: bool,
}

impl Default for SandboxInputs {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            data: None,
            owners: Vec::new(),
            token: None,
            referrers: false,
            delete: false,
        }
    }
}

/// Adds the options to the sub-command.
pub(super) fn options(command: Command) -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    command
        .arg(option("listen", "ADDRESS", "Where to listen, on this machine only. [default: 127.0.0.1:0]"))
        .arg(option("data", "FOLDER", "The folder that keeps the state from one run to the next."))
        .arg(
            option("owner", "NAME:KIND", "An owner that is there from the start: `acme:organization` or `me:user`.")
                .action(ArgAction::Append),
        )
        .arg(option("token", "TOKEN", "The token that clients use; it opens nothing but this sandbox."))
        .arg(flag(
            "referrers",
            "Serves the referrers API, which GHCR does not have; with --delete, a plain OCI 1.1 registry.",
        ))
        .arg(flag("delete", "Lets manifests be deleted through the registry, which GHCR refuses; see --referrers."))
}

/// Reads the options; `None` for another sub-command.
pub(super) fn read(matches: &ArgMatches) -> Result<SandboxInputs, InputErrors> {
    let text = |name: &str| matches.get_one::<String>(name).cloned().filter(|text| !text.is_empty());
    let mut inputs = SandboxInputs {
        data: text("data"),
        token: text("token"),
        referrers: matches.get_flag("referrers"),
        delete: matches.get_flag("delete"),
        ..SandboxInputs::default()
    };
    let mut errors = InputErrors::default();
    if let Some(listen) = text("listen") {
        match listen.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => inputs.listen = address,
            Ok(_) => errors.add(
                "listen",
                format!("{} is no address of this machine alone", quote(&listen)),
                "whoever reaches the sandbox may change it: listen on 127.0.0.1",
            ),
            Err(_) => errors.add(
                "listen",
                format!("{} is no address with a port", quote(&listen)),
                "write it as in `127.0.0.1:5000`",
            ),
        }
    }
    if inputs.token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
        errors.add("token", "it holds characters that no token has", "use letters, digits and `_`");
    }
    for owner in matches.get_many::<String>("owner").into_iter().flatten() {
        let (login, kind) = owner.split_once(':').unwrap_or((owner, "organization"));
        let valid = !login.is_empty() && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match kind {
            "organization" | "user" if valid => {
                inputs.owners.push(SandboxOwner { login: login.to_owned(), organization: kind == "organization" });
            }
            _ => errors.add(
                "owner",
                format!("{} is no owner", quote(owner)),
                "write it as in `acme:organization` or `me:user`",
            ),
        }
    }
    if errors.mistakes.is_empty() { Ok(inputs) } else { Err(errors) }
}
