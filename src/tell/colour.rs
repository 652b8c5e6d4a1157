//! Colours: for people at terminals, and modest. They mark what a line is, never what it says, so that nothing is lost
//! without them.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
};

/// Which of the two streams is coloured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Colours {
    output: bool,
    errors: bool,
}

/// How lines begin that are marked, each with its colour (ECMA-48, SGR).
const MARKS: &[(&str, &str)] = &[
    ("error:", "1;31"),
    ("warning:", "1;33"),
    ("note:", "1;36"),
    ("hint:", "1;36"),
    ("= help:", "36"),
    ("-->", "34"),
    ("caused by:", "2"),
];

impl Colours {
    /// Decides by the terminal and by what its user asked for: [NO_COLOR](https://no-color.org) turns colours off,
    /// [CLICOLOR_FORCE](https://bixense.com/clicolors/) on. A workflow's log gets none: annotations mark its errors.
    pub(crate) fn of(variables: &BTreeMap<String, String>) -> Self {
        let set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
        let is = |name: &str, value: &str| variables.get(name).is_some_and(|found| found == value);
        let forced = set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0");
        if set("NO_COLOR") || is("GITHUB_ACTIONS", "true") || (!forced && is("TERM", "dumb")) {
            return Self::default();
        }
        Self { output: forced || io::stdout().is_terminal(), errors: forced || io::stderr().is_terminal() }
    }

    /// Marks a text for standard output.
    pub(crate) fn output(self, text: &str) -> String {
        if self.output { marked(text) } else { text.to_owned() }
    }

    /// Marks a line for standard error.
    pub(crate) fn errors(self, line: &str) -> String {
        if self.errors { marked(line) } else { line.to_owned() }
    }
}

fn marked(text: &str) -> String {
    let start = text.trim_start();
    let indent = &text[..text.len() - start.len()];
    let bare = start.trim_start_matches("| ").trim_start();
    let bar = &start[..start.len() - bare.len()];
    match MARKS.iter().find(|(mark, _)| bare.starts_with(mark)) {
        Some((mark, colour)) => format!("{indent}{bar}\u{1b}[{colour}m{mark}\u{1b}[0m{}", &bare[mark.len()..]),
        None => text.to_owned(),
    }
}
