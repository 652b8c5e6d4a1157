//! Inputs: raw strings from the command line and the action's variables -> values that are valid together. Reports every
//! mistake at once. What needs a file, a registry or a clock to be checked is left to those who read them.

mod cleanup;
mod command_line;
#[cfg(feature = "sandbox")]
mod completions;
mod definitions;
mod drop_in;
mod mirror;
mod mistakes;
mod modes;
mod reader;
#[cfg(feature = "sandbox")]
mod sandbox;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use crate::model::name::is_loopback_host;
pub use cleanup::CleanupInputs;
pub use command_line::{wants_json, wants_password};
pub use definitions::{DEFAULT_POLICY, INPUTS, InputDefinition};
pub use drop_in::{ContextSource, DropInInputs, Rows};
pub use mirror::MirrorInputs;
pub use mistakes::{InputErrors, InputMistake};
use mistakes::{nearest, quote};
#[cfg(feature = "sandbox")]
pub use sandbox::{SandboxInputs, SandboxOwner, TRIAL_ADDRESS};

use crate::{
    model::{Secret, TokenKind},
    policy::promotion::PromoteFrom,
};
use reader::Reader;

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Push if there is a source, else tags.
    Auto,
    /// Says which tags the event gives.
    Tags,
    /// Puts an image under these tags.
    Push,
    /// Copies tags of one image to another registry.
    Mirror,
    /// Writes a policy after looking at the repository.
    #[cfg(feature = "sandbox")]
    Init,
    /// Validates the policy and shows what its rows match.
    Check,
    /// Prints the JSON Schema of the policy, or the reference that is made of the same.
    #[cfg(feature = "sandbox")]
    Schema,
    /// Says what a clean-up would do.
    Plan,
    /// Does what a plan file and a fresh plan both say.
    Apply,
    /// Plans and carries the plan out.
    Cleanup,
    /// Undoes a clean-up.
    Restore,
    /// Lists packages.
    Discover,
    /// Says what would keep a push or a clean-up from the packages.
    Doctor,
    /// Plays a year of a project on an embedded registry.
    #[cfg(feature = "sandbox")]
    Demo,
    /// Serves an embedded registry.
    #[cfg(feature = "sandbox")]
    Sandbox,
}

impl Mode {
    /// The sub-commands and what the help text says of each.
    const ALL: &[(&str, &str)] = &[
        (
            "auto",
            "Retires the tags of a pull request that was closed; else pushes if a `source` is given, else works out the tags.",
        ),
        ("tags", "Works out which tags, labels and outputs the event gives; pushes nothing."),
        ("push", "Puts the image of a `source` under every tag, in an order that is safe to interrupt."),
        ("mirror", "Copies the tags of one image to another registry: what differs is sent, digests stay the same."),
        ("cleanup", "Retires what no row of the policy keeps; only says what it would do unless `--dry-run false`."),
        ("plan", "Says what a clean-up would do and why, and writes it to a file; changes nothing."),
        ("apply", "Plans afresh, and does what both that plan and the file of `plan` say."),
        ("restore", "Brings back what a clean-up deleted, from its journal or by `--versions`."),
        ("discover", "Lists the packages that `packages` names, as a matrix for a workflow."),
        ("doctor", "Says what keeps the token from the packages and which settings page to open; only reads."),
        #[cfg(feature = "sandbox")]
        ("init", "Writes a commented policy after looking at the repository: branches, git tags, workflows, packages."),
        ("check", "Validates the policy and shows, row by row, what it matches and an example tag."),
        #[cfg(feature = "sandbox")]
        ("schema", "Prints the JSON Schema of the policy, for editors; with `--format markdown`, the reference."),
        #[cfg(feature = "sandbox")]
        ("demo", "Plays a year of a project on an embedded registry, under its own or your `--policy`."),
        #[cfg(feature = "sandbox")]
        ("sandbox", "Serves an embedded GHCR, registry and API, to try a policy on; ends on Ctrl-C."),
    ];

    /// Returns its name.
    fn name(self) -> &'static str {
        Self::ALL.iter().map(|(name, _)| *name).find(|name| mode_from(name) == Some(self)).unwrap_or_default()
    }

    /// Tells whether it is about packages' versions and how long they live, and not about the image of this run.
    #[must_use]
    pub const fn is_about_packages(self) -> bool {
        match self {
            Self::Plan | Self::Apply | Self::Cleanup | Self::Restore | Self::Discover => true,
            Self::Auto | Self::Tags | Self::Push | Self::Mirror | Self::Doctor => false,
            Self::Check => false,
            #[cfg(feature = "sandbox")]
            Self::Init | Self::Schema => false,
            #[cfg(feature = "sandbox")]
            Self::Demo | Self::Sandbox => false,
        }
    }
}

/// Where the policy comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyInput {
    /// The path of its file.
    Path(String),
    /// The YAML itself.
    Text(String),
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What stopped the run.
    Error,
    /// And what may be wrong.
    Warn,
    /// And what was done.
    Info,
    /// And why.
    Debug,
    /// And each request.
    Trace,
}

/// What standard output gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// A page; mode `schema` alone has one.
    Markdown,
}

/// Inputs that are valid together.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// What to do.
    pub mode: Mode,
    /// Where the policy comes from.
    pub policy: PolicyInput,
    /// Whether the policy was named, so that its absence is a mistake.
    pub policy_given: bool,
    /// Which of the policy's images, in full or by its ending, or `all`.
    pub image: Option<String>,
    /// Where the image to push comes from: one source, or several to be joined.
    pub sources: Vec<String>,
    /// Where the image to promote is found (input `promote-from`).
    pub promote_from: Option<PromoteFrom>,
    /// What mode `mirror` copies.
    pub mirror: MirrorInputs,
    /// What was built, where that is not what triggered the run (input `ref`).
    pub git_ref: Option<String>,
    /// The token for `ghcr_host` and `api_url`.
    pub github_token: Option<Secret>,
    /// The registry that the user name and password belong to; set whenever they are.
    pub registry: Option<String>,
    /// The user name for that registry; always with a password.
    pub username: Option<String>,
    /// The password for that registry; always with a user name.
    pub password: Option<Secret>,
    /// User name and password by registry host.
    pub registries: BTreeMap<String, (String, Secret)>,
    /// The host of GitHub's container registry.
    pub ghcr_host: String,
    /// The time that counts as now. Whoever knows the registries checks that they are on this machine.
    pub now: Option<DateTime<Utc>>,
    /// Whether an event without tags is fine. Where nobody said so, it is an error, but for rows of input `tags` a warning.
    pub allow_empty: Option<bool>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// What standard output gets.
    pub format: Format,
    /// Characters of a policy's `{{sha}}` (`DOCKER_METADATA_SHORT_SHA_LENGTH`), 7 to 40; see
    /// [`Inputs::check_for_policy`].
    pub short_sha_length: usize,
    /// Where ref and commit come from (input `context`).
    pub context: ContextSource,
    /// The inputs of docker/metadata-action.
    pub drop_in: DropInInputs,
    /// The inputs of clean-ups.
    pub cleanup: CleanupInputs,
    /// Whether a workflow runs this (`GITHUB_ACTIONS`).
    pub under_actions: bool,
    /// The root of GitHub's API (`GITHUB_API_URL`), without a slash at its end.
    pub api_url: String,
    /// The folder of the checked-out repository (`GITHUB_WORKSPACE`).
    pub workspace: Option<String>,
    /// The file with the event's payload (`GITHUB_EVENT_PATH`).
    pub event_path: Option<String>,
    /// The event's name (`GITHUB_EVENT_NAME`).
    pub event_name: Option<String>,
    /// The file that outputs are appended to (`GITHUB_OUTPUT`).
    pub output_path: Option<String>,
    /// The file that the job summary is appended to (`GITHUB_STEP_SUMMARY`).
    pub summary_path: Option<String>,
    /// How mode `sandbox` is to be started, and which sandbox another mode is pointed at.
    #[cfg(feature = "sandbox")]
    pub sandbox: SandboxInputs,
}

impl Inputs {
    /// Tells whether the rows of the inputs give the tags: if `tags` or `flavor` is given, or `images` where there is no
    /// policy. Mode `check` and clean-ups are about policies.
    #[must_use]
    pub fn rows(&self) -> Rows {
        match (self.mode, self.policy_given) {
            (Mode::Check | Mode::Mirror, _) => Rows::None,
            (mode, _) if mode.is_about_packages() => Rows::None,
            #[cfg(feature = "sandbox")]
            (Mode::Init, _) => Rows::None,
            _ if self.drop_in.give_rows() => Rows::Given,
            (_, false) if self.drop_in.decide(false) => Rows::Default,
            _ => Rows::None,
        }
    }

    /// Returns the kind of the token for GitHub; a token that is not there is of no known kind.
    #[must_use]
    pub fn token_kind(&self) -> TokenKind {
        self.github_token.as_ref().map_or(TokenKind::Unknown, TokenKind::of)
    }

    /// Checks what only matters to a policy, once it is known that one decides: the rows of input `tags` allow any length
    /// of a commit id.
    ///
    /// # Errors
    /// If `DOCKER_METADATA_SHORT_SHA_LENGTH` is not 7 to 40.
    pub fn check_for_policy(&self) -> Result<(), InputErrors> {
        let mut reader = Reader::default();
        reader
            .short_sha_length(self.drop_in.short_sha_length.as_deref().map(str::trim).filter(|text| !text.is_empty()));
        if reader.errors.mistakes.is_empty() { Ok(()) } else { Err(reader.errors) }
    }
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Parsed {
    /// A run.
    Run(Box<Inputs>),
    /// Text to print before a good end: help, or the version.
    Show(String),
}

/// Parses `arguments` (without the program's name) and the action's variables in `environment`. An option wins over its
/// variable. `password_from_stdin` is what was read if [`wants_password`] said so.
///
/// # Errors
/// All mistakes at once; a command line that cannot be understood ends the search.
pub fn parse(
    arguments: &[String],
    environment: &BTreeMap<String, String>,
    password_from_stdin: Option<String>,
) -> Result<Parsed, InputErrors> {
    let variable = |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let under_actions = variable("GITHUB_ACTIONS") == Some("true");
    let typed = match command_line::parse(arguments)? {
        command_line::Request::Show(text) => return Ok(Parsed::Show(text)),
        command_line::Request::Work(typed) => typed,
    };
    let at_command_line = typed.mode.is_some() || typed.values.contains_key("mode");
    if !under_actions && !at_command_line {
        let mut errors = InputErrors::one("no mode was given", None);
        errors.help = Some(command_line::help());
        return Err(errors);
    }

    let mut reader = Reader::default();
    for input in INPUTS {
        let typed_value = typed.values.get(input.name);
        if let Some(value) = typed_value.or_else(|| environment.get(&input.variable())) {
            reader.values.insert(input.name, value.clone());
        }
    }
    if let Some(password) = password_from_stdin {
        reader.values.insert("password", password);
    }

    let mode = typed.mode.or_else(|| reader.mode()).unwrap_or(Mode::Auto);
    if !under_actions {
        reader.options_of_other_modes(mode, typed.values.keys().copied());
    }
    let (policy, policy_given) = reader.policy();
    let image = reader.line("image");
    let sources = reader.lines("source");
    let promote_from = reader.promote_from();
    let mirror = reader.mirror();
    let git_ref = reader.line("ref");
    let mut github_token = reader.secret("github-token");
    if github_token.is_none() && at_command_line {
        github_token = variable("GITHUB_TOKEN").and_then(Secret::new);
    }
    let registry = reader.host("registry");
    let username = reader.line("username");
    let password = reader.secret("password");
    let registry = reader.credentials(registry, username.as_deref(), password.is_some(), image.as_deref());
    let registries = reader.registries();
    let ghcr_host = reader.host("ghcr-host").unwrap_or_else(|| default_host(variable("GITHUB_SERVER_URL")));
    let now = reader.time("now");
    let allow_empty = reader.boolean("allow-empty");
    let mut log_level = reader.log_level();
    if variable("RUNNER_DEBUG") == Some("1") {
        log_level = log_level.max(LogLevel::Debug);
    }
    let context = reader.context();
    let cleanup = reader.cleanup();
    let drop_in = reader.drop_in(environment);
    let found = reader.errors.mistakes.len();
    let short_sha_length = reader.short_sha_length(variable("DOCKER_METADATA_SHORT_SHA_LENGTH"));
    if drop_in.may_decide() {
        reader.errors.mistakes.truncate(found);
    }
    let api_url = reader.api_url(variable("GITHUB_API_URL"));

    if typed.format == Format::Markdown && mode.name() != "schema" {
        let errors =
            InputErrors::one("only `schema` prints Markdown", Some("`--format` is `text` or `json` here".to_owned()));
        reader.errors.mistakes.extend(errors.mistakes);
    }

    if !reader.errors.mistakes.is_empty() {
        return Err(reader.errors);
    }
    let owned = |name: &str| variable(name).map(str::to_owned);
    Ok(Parsed::Run(Box::new(Inputs {
        mode,
        policy,
        policy_given,
        image,
        sources,
        promote_from,
        mirror,
        git_ref,
        github_token,
        registry,
        username,
        password,
        registries,
        ghcr_host,
        now,
        allow_empty,
        log_level,
        format: typed.format,
        short_sha_length,
        context,
        drop_in,
        cleanup,
        under_actions,
        api_url,
        workspace: owned("GITHUB_WORKSPACE"),
        event_path: owned("GITHUB_EVENT_PATH"),
        event_name: owned("GITHUB_EVENT_NAME"),
        output_path: owned("GITHUB_OUTPUT"),
        summary_path: owned("GITHUB_STEP_SUMMARY"),
        #[cfg(feature = "sandbox")]
        sandbox: typed.sandbox,
    })))
}

fn mode_from(name: &str) -> Option<Mode> {
    match name {
        "auto" => Some(Mode::Auto),
        "tags" => Some(Mode::Tags),
        "push" => Some(Mode::Push),
        "mirror" => Some(Mode::Mirror),
        #[cfg(feature = "sandbox")]
        "init" => Some(Mode::Init),
        "check" => Some(Mode::Check),
        #[cfg(feature = "sandbox")]
        "schema" => Some(Mode::Schema),
        "plan" => Some(Mode::Plan),
        "apply" => Some(Mode::Apply),
        "cleanup" => Some(Mode::Cleanup),
        "restore" => Some(Mode::Restore),
        "discover" => Some(Mode::Discover),
        "doctor" => Some(Mode::Doctor),
        #[cfg(feature = "sandbox")]
        "demo" => Some(Mode::Demo),
        #[cfg(feature = "sandbox")]
        "sandbox" => Some(Mode::Sandbox),
        _ => None,
    }
}

/// Says why `name` is no mode.
fn unknown_mode(name: &str) -> InputErrors {
    let names = Mode::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let these = format!("the modes are {}", listed(&names));
    let beside = command_line::BESIDE.iter().map(|(name, _)| *name);
    let hint = match nearest(name, &names.iter().copied().chain(beside).collect::<Vec<_>>()) {
        Some(near) => format!("did you mean `{near}`? {these}"),
        None => these,
    };
    let mut errors = InputErrors::default();
    errors.add("mode", format!("{} is no mode", quote(name)), hint);
    errors
}

fn listed(names: &[&str]) -> String {
    let quoted = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The registry that belongs to a GitHub server: on Enterprise Server it is a host of its own beside the server's.
fn default_host(server_url: Option<&str>) -> String {
    let host = server_url.and_then(|url| url.split_once("://")).map_or("", |(_, rest)| rest.trim_end_matches('/'));
    let host = host.to_lowercase();
    if host.is_empty() || host == "github.com" || is_loopback_host(&host) {
        "ghcr.io".to_owned()
    } else {
        format!("containers.{host}")
    }
}

#[cfg(test)]
mod tests;
