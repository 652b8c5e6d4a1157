//! What shells need to complete the command line.

use clap::{Arg, ArgMatches, Command, builder::PossibleValuesParser};
use clap_complete::{
    generate,
    shells::{Bash, Fish, Zsh},
};

use super::modes::examples;

/// The sub-command that prints it.
pub(super) fn command() -> Command {
    Command::new("completions")
        .about("Prints what makes bash, zsh or fish complete modes and options.")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(PossibleValuesParser::new(["bash", "fish", "zsh"]))
                .help("The shell"),
        )
        .after_help(format!("Examples:\n{}", examples("completions")))
}

/// Writes the script of the shell that was typed.
pub(super) fn script(matches: &ArgMatches, mut command: Command) -> String {
    const PROGRAM: &str = "ghcr-lifecycle";
    let mut script = Vec::new();
    match matches.get_one::<String>("shell").map(String::as_str) {
        Some("fish") => generate(Fish, &mut command, PROGRAM, &mut script),
        Some("zsh") => generate(Zsh, &mut command, PROGRAM, &mut script),
        _ => generate(Bash, &mut command, PROGRAM, &mut script),
    }
    // The dash in the program's name is spelt in two ways by the crate's generator for bash, so that no mode would be found.
    String::from_utf8_lossy(&script).replace("ghcr__subcmd__lifecycle", "ghcr__lifecycle")
}
