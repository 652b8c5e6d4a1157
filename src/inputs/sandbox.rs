//! What mode `sandbox` is told on the command line, and which sandbox a run of another mode is pointed at. These are no
//! inputs of the action: the action image has no sandbox.

use std::net::{Ipv4Addr, SocketAddr};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{
    mistakes::{InputErrors, quote},
    modes::is_read,
};

/// Where `sandbox --demo` listens and `--sandbox` looks for it, unless they are told: the port is `GHCR` on a telephone's
/// keys.
pub const TRIAL_ADDRESS: &str = "127.0.0.1:4427";

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
    /// Whether it begins with the year that `demo` plays.
    pub demo: bool,
    /// The sandbox that a run of another mode is pointed at (`--sandbox`).
    pub at: Option<SocketAddr>,
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
            demo: false,
            at: None,
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
        .arg(flag(
            "demo",
            "Begins with the year that `demo` plays, as it is before the clean-up. The policy is --policy, else that of\n\
             the repository, else the demo's.",
        ))
        .arg(option(
            "listen",
            "ADDRESS",
            "Where to listen, on this machine only. [default: 127.0.0.1:0; with --demo 127.0.0.1:4427]",
        ))
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

/// Tells whether a mode can be pointed at a sandbox: if it speaks to GHCR under a policy. `init` writes names down.
pub(super) fn can_be_tried(mode: &str) -> bool {
    is_read(mode, "ghcr-host") && !matches!(mode, "init" | "demo" | "sandbox")
}

/// The option that points a mode at a sandbox.
pub(super) fn trial() -> Arg {
    Arg::new("sandbox")
        .long("sandbox")
        .value_name("HOST:PORT")
        .num_args(0..=1)
        .default_missing_value(TRIAL_ADDRESS)
        .help(format!(
            "Runs on the sandbox there, or at {TRIAL_ADDRESS}, in the place of every registry of the policy."
        ))
        .help_heading("Registries")
}

/// Reads which sandbox a mode is pointed at.
pub(super) fn read_trial(matches: &ArgMatches) -> Result<SandboxInputs, InputErrors> {
    // `try_`, because not every mode declares them.
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten();
    let mut errors = InputErrors::default();
    let at = text("sandbox").and_then(|given| {
        if text("ghcr-host").is_some() {
            errors.add("sandbox", "it is in the place of `ghcr-host`, which is given as well", "leave one of them out");
        }
        address(&mut errors, "sandbox", given, "its token is sent there")
    });
    if errors.mistakes.is_empty() { Ok(SandboxInputs { at, ..SandboxInputs::default() }) } else { Err(errors) }
}

/// Reads an address of this machine alone; `why` says why it has to be one.
fn address(errors: &mut InputErrors, name: &'static str, text: &str, why: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    match numeric.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return Some(address),
        Ok(_) => errors.add(
            name,
            format!("{} is no address of this machine alone", quote(text)),
            format!("{why}: name 127.0.0.1, as in `{TRIAL_ADDRESS}`"),
        ),
        Err(_) => errors.add(
            name,
            format!("{} is no address with a port", quote(text)),
            format!("write it as in `{TRIAL_ADDRESS}`; it must be on this machine, since {why}"),
        ),
    }
    None
}

/// Reads the options; `None` for another sub-command.
pub(super) fn read(matches: &ArgMatches) -> Result<SandboxInputs, InputErrors> {
    let text = |name: &str| matches.get_one::<String>(name).cloned().filter(|text| !text.is_empty());
    let mut inputs = SandboxInputs {
        data: text("data"),
        token: text("token"),
        referrers: matches.get_flag("referrers"),
        delete: matches.get_flag("delete"),
        demo: matches.get_flag("demo"),
        ..SandboxInputs::default()
    };
    let mut errors = InputErrors::default();
    let listen = text("listen").or_else(|| inputs.demo.then(|| TRIAL_ADDRESS.to_owned()));
    if let Some(address) =
        listen.and_then(|listen| address(&mut errors, "listen", &listen, "whoever reaches the sandbox may change it"))
    {
        inputs.listen = address;
    }
    if inputs.demo {
        for name in ["data", "owner", "token", "referrers", "delete"] {
            if matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine) {
                errors.add(
                    name,
                    "the year of `--demo` is played as on GHCR, and kept in memory",
                    "leave one of them out",
                );
            }
        }
    } else if text("policy").is_some() {
        errors.add("policy", "mode `sandbox` begins without packages, so there is nothing to keep", "add `--demo`");
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
