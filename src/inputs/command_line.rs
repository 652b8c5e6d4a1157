//! The command line: sub-commands, and a long option for each input that is not secret. It says what was typed; what it
//! means is decided where the action's variables come in.

use std::collections::BTreeMap;

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{
    Format, Mode,
    definitions::{INPUTS, InputDefinition},
    mistakes::{InputErrors, quote},
    mode_from,
    modes::{Group, LIST, examples, is_read, own_words, reads},
};

/// What the help text says of the whole.
const ABOUT: &str = "One policy file says which git event creates which image tag, whether the tag may move, and how \
                     long it lives.";

/// The options that may be given several times, in the place of lines.
const REPEATED: [&str; 3] = ["source", "only", "rename"];

/// What the help text ends with.
const MORE: &str = "\
`ghcr-lifecycle help MODE` shows the options of a mode, and examples.

First steps:
  ghcr-lifecycle init      writes a policy for the repository that it is run in
  ghcr-lifecycle check     shows what each of its rows matches
  ghcr-lifecycle plan      says what a clean-up would delete and why; changes nothing

GITHUB_TOKEN in the environment is the token for GitHub. `--format json` prints one JSON document to standard output, errors
included; logs and errors for people go to standard error. Colours are for terminals; NO_COLOR=1 turns them off. In a
workflow without a sub-command, every input comes from the step's `with:`.

Exit codes: 0 done, also where a budget or a signal ended it early; 1 failed; 2 wrong inputs or policy, nothing was touched.";

/// What was typed.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The sub-command.
    pub(super) mode: Option<Mode>,
    /// Options, by the name of their input.
    pub(super) values: BTreeMap<&'static str, String>,
    /// `--format`.
    pub(super) format: Format,
    /// What the sub-command `sandbox` was told, or which sandbox another one is pointed at.
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

/// The text of `--help`: the modes by what they are for.
fn overview() -> String {
    let names = LIST.iter().flat_map(|(_, names)| *names);
    let width = names.map(|name| name.len()).max().unwrap_or_default();
    let mut text = format!("{ABOUT}\n\nUsage: ghcr-lifecycle MODE [OPTIONS]\n");
    for (heading, names) in LIST {
        text.push_str(&format!("\n{heading}:\n"));
        for name in *names {
            let about = Mode::ALL.iter().chain(BESIDE).find(|(other, _)| other == name);
            if let Some((_, about)) = about {
                text.push_str(&format!("  {name:<width$}  {about}\n"));
            }
        }
    }
    format!("{text}\n{MORE}\n")
}

/// Sub-commands that are no modes.
pub(super) const BESIDE: &[(&str, &str)] = &[
    #[cfg(feature = "sandbox")]
    ("completions", "Prints what makes bash, zsh or fish complete modes and options."),
    ("help", "Shows the options of a mode, and examples."),
];

/// The command line of the program. With `takes_all`, each mode takes every option, hidden where it does not read it, so
/// that the mistake can be told; and options may stand before the mode.
fn command(takes_all: bool) -> Command {
    let mut command = Command::new("ghcr-lifecycle")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .override_help(overview())
        .subcommand_value_name("MODE");
    for (name, about) in Mode::ALL {
        let mut mode = Command::new(*name).about(*about).next_line_help(true);
        if *name == "check" {
            mode = mode.arg(Arg::new("file").value_name("POLICY").help("The policy file, the same as --policy"));
        }
        #[cfg(feature = "sandbox")]
        if *name == "sandbox" {
            mode = super::sandbox::options(mode);
        }
        for (heading, input) in options_of(name) {
            let mut option = option(input).help_heading(heading);
            if let Some(words) = own_words(name, input.name) {
                option = option.help(match input.default {
                    "" => words.to_owned(),
                    default => format!("{words} [default: {default}]"),
                });
            }
            mode = mode.arg(option);
        }
        if is_read(name, "username") && *name != "sandbox" {
            mode = mode.arg(password_stdin().help_heading("Registries"));
        }
        #[cfg(feature = "sandbox")]
        if super::sandbox::can_be_tried(name) {
            mode = mode.arg(super::sandbox::trial());
        }
        mode = mode.arg(format_option());
        let examples = examples(name);
        if !examples.is_empty() {
            mode = mode.after_help(format!("Examples:\n{examples}"));
        }
        command = command.subcommand(mode);
    }
    #[cfg(feature = "sandbox")]
    {
        command = command.subcommand(super::completions::command());
    }
    if !takes_all {
        return command;
    }
    for input in INPUTS.iter().filter(|input| !input.secret && input.name != "mode") {
        command = command.arg(option(input).global(true).hide(true));
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
        .arg(password_stdin().global(true).hide(true))
        .arg(format_option().global(true).hide(true))
}

/// Lists the inputs that a mode reads, each with its heading; all where nothing is said of the mode.
fn options_of(mode: &str) -> Vec<(&'static str, &'static InputDefinition)> {
    let find = |name: &str| INPUTS.iter().find(|input| input.name == name && !input.secret);
    let mut list: Vec<(&str, &InputDefinition)> = match reads(mode) {
        Some(groups) => {
            let named =
                |group: &'static Group| group.inputs.iter().filter_map(|name| Some((group.heading, find(name)?)));
            groups.iter().flat_map(named).collect()
        }
        None => INPUTS
            .iter()
            .filter(|input| !input.secret && !matches!(input.name, "mode" | "log-level"))
            .map(|input| ("Options", input))
            .collect(),
    };
    list.extend(find("log-level").map(|input| ("Output", input)));
    list
}

fn option(input: &'static InputDefinition) -> Arg {
    let help = match input.default {
        "" => input.summary.to_owned(),
        default => format!("{} [default: {default}]", input.summary),
    };
    let option = Arg::new(input.name).long(input.name).value_name(input.placeholder).help(in_lines(&help));
    match input.placeholder {
        // `--dry-run` alone means what it says.
        "BOOLEAN" => option.num_args(0..=1).default_missing_value("true"),
        _ if REPEATED.contains(&input.name) => option.action(ArgAction::Append),
        _ => option,
    }
}

/// Breaks a text into lines that terminals show whole, indented as the help is.
fn in_lines(text: &str) -> String {
    const WIDTH: usize = 100;
    let (mut lines, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 {
            let breaks = column + 1 + length > WIDTH;
            lines.push(if breaks { '\n' } else { ' ' });
            column = if breaks { 0 } else { column + 1 };
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

fn password_stdin() -> Arg {
    Arg::new("password-stdin")
        .long("password-stdin")
        .action(ArgAction::SetTrue)
        .help("Reads the password for `--username` from standard input.")
}

fn format_option() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(["text", "json", "markdown"])
        .help("What standard output gets: text for people, or one JSON document. [default: text]")
        .hide_possible_values(true)
        .help_heading("Output")
}

/// Tells whether the password is to be read from standard input before the command line is parsed.
#[must_use]
pub fn wants_password(arguments: &[String]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--password-stdin")
}

/// The help text of the program.
pub(super) fn help() -> String {
    overview()
}

/// Tells whether standard output is for programs, whether or not the command line is right.
#[must_use]
pub fn wants_json(arguments: &[String]) -> bool {
    let mut arguments = arguments.iter().take_while(|argument| *argument != "--").map(String::as_str).peekable();
    while let Some(argument) = arguments.next() {
        if argument == "--format=json" || (argument == "--format" && arguments.peek() == Some(&"json")) {
            return true;
        }
    }
    false
}

/// Parses the arguments after the program's name.
pub(super) fn parse(arguments: &[String]) -> Result<Request, InputErrors> {
    let program = std::iter::once("ghcr-lifecycle").chain(arguments.iter().map(String::as_str));
    let matches = match command(true).try_get_matches_from(program) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Request::Show(error.render().to_string()));
        }
        Err(error) => return Err(refusal(&error)),
    };
    let mut typed = Typed::default();
    let mut innermost = &matches;
    if let Some((name, inner)) = matches.subcommand() {
        #[cfg(feature = "sandbox")]
        if name == "completions" {
            return Ok(Request::Show(super::completions::script(inner, command(false))));
        }
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
    {
        typed.sandbox = match typed.mode {
            Some(Mode::Sandbox) => super::sandbox::read(innermost)?,
            _ => super::sandbox::read_trial(innermost)?,
        };
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
    let see_help = || Some("see `ghcr-lifecycle --help`, and `ghcr-lifecycle help MODE`".to_owned());
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
