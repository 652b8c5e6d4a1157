//! The command line: sub-commands, and a long option for each input that is not secret. It says what was typed; what it
//! means is decided where the action's variables come in.

use std::collections::BTreeMap;

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{
    Format, Mode,
    definitions::INPUTS,
    mistakes::{InputErrors, quote},
    mode_from,
};

/// What the help text says of the whole.
const ABOUT: &str = "One policy file says which git event creates which image tag, whether the tag may move, and how \
                     long it lives.";

/// The options that may be given several times, in the place of lines.
const REPEATED: [&str; 3] = ["source", "only", "rename"];

const EXAMPLES: &str = "\
Examples:
  ghcr-lifecycle check
      Shows what each row of .github/ghcr-lifecycle.yml matches, or every mistake in it.
  ghcr-lifecycle tags --image ghcr.io/acme/shop
      Prints the tags that the event of this workflow run gives.
  ghcr-lifecycle push --source build/layout
      Puts the image of an OCI layout under these tags.
  ghcr-lifecycle push --source amd64.tar --source riscv64.tar,platform=linux/riscv64
      Joins images of several platforms into one index and does the same.
  ghcr-lifecycle mirror --source docker.io/acme/app --image ghcr.io/acme/app --only 'v*'
      Copies tags of an image to another registry; again, it sends only what differs.
  ghcr-lifecycle plan
      Says what a clean-up would delete and why; `--explain TAG` tells about one tag.
  ghcr-lifecycle cleanup --dry-run false
      Deletes it; `ghcr-lifecycle restore --journal-file journal.jsonl` undoes that.
  echo \"$TOKEN\" | ghcr-lifecycle push --source image.tar --image registry.example/acme/shop \\
      --username deploy --password-stdin
      Does so in another registry.

In a workflow, `GITHUB_TOKEN` in the environment is the token for GitHub. Under Actions without a sub-command, every
input comes from the step's `with:`.
Exit codes: 0 done, 1 failed, 2 wrong inputs or policy (nothing was touched).";

/// What was typed.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The sub-command.
    pub(super) mode: Option<Mode>,
    /// Options, by the name of their input.
    pub(super) values: BTreeMap<&'static str, String>,
    /// `--format`.
    pub(super) format: Format,
    /// What the sub-command `sandbox` was told.
    #[cfg(feature = "sandbox")]
    pub(super) sandbox: super::SandboxInputs,
}

/// What the command line asks for.
pub(super) enum Request {
    /// Help or the version.
    Show(String),
    /// Work.
    Work(Typed),
}

fn command() -> Command {
    let mut command = Command::new("ghcr-lifecycle")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXAMPLES)
        .disable_help_subcommand(true)
        .subcommand_value_name("MODE")
        .subcommand_help_heading("Modes");
    for (name, about) in Mode::ALL {
        let mut mode = Command::new(*name).about(*about);
        if *name == "check" {
            mode = mode.arg(Arg::new("file").value_name("POLICY").help("The policy file, the same as --policy"));
        }
        #[cfg(feature = "sandbox")]
        if *name == "sandbox" {
            mode = super::sandbox::options(mode);
        }
        command = command.subcommand(mode);
    }
    for input in INPUTS.iter().filter(|input| !input.secret && input.name != "mode") {
        let help = match input.default {
            "" => input.summary.to_owned(),
            default => format!("{} [default: {default}]", input.summary),
        };
        let mut option = Arg::new(input.name).long(input.name).value_name(input.placeholder).help(help).global(true);
        if REPEATED.contains(&input.name) {
            option = option.action(ArgAction::Append);
        }
        command = command.arg(option);
    }
    command
        .arg(
            Arg::new("mode")
                .long("mode")
                .value_name("MODE")
                .help("The mode, where no sub-command says it")
                .global(true)
                .hide(true),
        )
        .arg(
            Arg::new("password-stdin")
                .long("password-stdin")
                .action(ArgAction::SetTrue)
                .help("Reads the password for `--username` from standard input.")
                .global(true),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(["text", "json", "markdown"])
                .help("What standard output gets: text for people, or one JSON document. [default: text]")
                .hide_possible_values(true)
                .global(true),
        )
}

/// Tells whether the password is to be read from standard input before the command line is parsed.
#[must_use]
pub fn wants_password(arguments: &[String]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--password-stdin")
}

/// The help text of the program.
pub(super) fn help() -> String {
    command().render_help().to_string()
}

/// Parses the arguments after the program's name.
pub(super) fn parse(arguments: &[String]) -> Result<Request, InputErrors> {
    let program = std::iter::once("ghcr-lifecycle").chain(arguments.iter().map(String::as_str));
    let matches = match command().try_get_matches_from(program) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Request::Show(error.render().to_string()));
        }
        Err(error) => return Err(refusal(&error)),
    };
    let mut typed = Typed::default();
    let mut innermost = &matches;
    if let Some((name, inner)) = matches.subcommand() {
        typed.mode = mode_from(name);
        innermost = inner;
    }
    for input in INPUTS.iter().filter(|input| !input.secret) {
        if let Some(values) = innermost.get_many::<String>(input.name) {
            let lines: Vec<&str> = values.map(String::as_str).collect();
            typed.values.insert(input.name, lines.join("\n"));
        }
    }
    typed.format = match innermost.get_one::<String>("format").map(String::as_str) {
        Some("json") => Format::Json,
        Some("markdown") => Format::Markdown,
        _ => Format::Text,
    };
    #[cfg(feature = "sandbox")]
    if typed.mode == Some(Mode::Sandbox) {
        typed.sandbox = super::sandbox::read(innermost)?;
    }
    if let Some(file) = positional(innermost) {
        if typed.values.contains_key("policy") {
            return Err(InputErrors::one(
                "the policy was given twice: after `check` and by `--policy`",
                Some("leave one of them out".to_owned()),
            ));
        }
        typed.values.insert("policy", file);
    }
    Ok(Request::Work(typed))
}

fn positional(matches: &ArgMatches) -> Option<String> {
    // `try_`, because only `check` declares it.
    matches.try_get_one::<String>("file").ok().flatten().cloned()
}

/// Says in one line what the parser did not like.
fn refusal(error: &clap::Error) -> InputErrors {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let meant = |kind| context(kind).map(|suggestion| format!("did you mean `{suggestion}`?"));
    let see_help = || Some("see `ghcr-lifecycle --help`".to_owned());
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            super::unknown_mode(&name)
        }
        ErrorKind::UnknownArgument => {
            let argument = context(ContextKind::InvalidArg).unwrap_or_default();
            let option = argument.trim_start_matches('-').split('=').next().unwrap_or_default();
            if INPUTS.iter().any(|input| input.secret && input.name == option) {
                let remedy = match option {
                    "password" => "pipe it into `--password-stdin`",
                    "github-token" => "set `GITHUB_TOKEN` in the environment",
                    _ => "set the variable `INPUT_REGISTRIES` in the environment",
                };
                let message = format!("`--{option}` is no option, as other processes could read the secret");
                return InputErrors::one(message, Some(remedy.to_owned()));
            }
            InputErrors::one(
                format!("unexpected argument {}", quote(&argument)),
                meant(ContextKind::SuggestedArg).or_else(see_help),
            )
        }
        _ => {
            let text = error.render().to_string();
            let first = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default();
            let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
            let message = quote(&line);
            InputErrors::one(message.trim_matches('`'), meant(ContextKind::SuggestedValue).or_else(see_help))
        }
    }
}
