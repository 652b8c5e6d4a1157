//! What a run says, and to whom: terminal or log, outputs and environment of later steps, job summary, annotations.

pub(crate) mod colour;

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use ghcr_lifecycle::{
    adapters::runner::{
        commands::{self, Annotation, Annotations, Severity},
        files::Files,
        temporary::TemporaryFolder,
    },
    app::{self, Finished, Output},
    error::{Error, Place},
    inputs::{Format, Inputs, LogLevel},
};
use tracing_subscriber::filter::LevelFilter;

use self::colour::Colours;

/// Shows an error as annotations: at its places, where it names some.
pub(crate) fn annotate(error: &Error, text: &str) {
    let mut annotations = Annotations::default();
    for Place { file, line, column, message } in &error.places {
        let annotation = Annotation {
            file: Some(file.clone()),
            line: Some(*line),
            column: Some(*column),
            ..Annotation::new(Severity::Error, message.clone())
        };
        print(&annotations.render(&annotation));
    }
    if error.places.is_empty() {
        let message = text.trim_end().trim_start_matches("error: ");
        print(&annotations.render(&Annotation::new(Severity::Error, message)));
    }
    for line in annotations.finish() {
        print(&line);
    }
}

/// Tells everybody who listens: the terminal or log, the step's outputs, the job summary, annotations.
pub(crate) fn tell(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    finished: &Finished,
    colours: Colours,
) -> Result<(), Error> {
    let Finished { text, json, outputs, is_drop_in, error, summary, warnings, notices } = finished;
    match inputs.format {
        Format::Json => {
            let mut json = json.clone();
            if let (Some(error), Some(document)) = (error, json.as_object_mut()) {
                document.insert("error".to_owned(), error.document());
            }
            print(&json.to_string());
        }
        Format::Text if inputs.under_actions => {
            for line in text.trim_end().lines() {
                print(&commands::inert(line));
            }
        }
        Format::Text | Format::Markdown => {
            print(text.trim_end());
            for (word, messages) in [("warning", warnings), ("note", notices)] {
                for message in messages {
                    print(&format!("\n{}", colours.output(&format!("{word}: {message}"))));
                }
            }
        }
    }
    if inputs.under_actions {
        let mut annotations = Annotations::default();
        for (severity, messages) in [(Severity::Warning, warnings), (Severity::Notice, notices)] {
            for message in messages {
                print(&annotations.render(&Annotation::new(severity, message.clone())));
            }
        }
        for line in annotations.finish() {
            print(&line);
        }
    }
    let files = Files::from_environment(variables);
    let outputs = if files.take_outputs() { written(variables, outputs)? } else { Vec::new() };
    files.set_outputs(outputs.iter().map(|(name, value)| (*name, value.as_str())))?;
    if inputs.drop_in.set_output_env && *is_drop_in {
        let exported: Vec<(String, &str)> =
            outputs.iter().filter_map(|(name, value)| Some((app::exported_name(name)?, value.as_str()))).collect();
        files.export(exported.iter().map(|(name, value)| (name.as_str(), *value)))?;
    }
    if !summary.is_empty() {
        files.append_summary(summary)?;
    }
    Ok(())
}

/// Writes the outputs that are files, and puts their paths in the place of their contents.
fn written(variables: &BTreeMap<String, String>, outputs: &[Output]) -> Result<Vec<(&'static str, String)>, Error> {
    let mut folder = None;
    let mut values = Vec::new();
    for Output { name, value, file } in outputs {
        let value = match file {
            None => value.clone(),
            Some(file) => {
                let folder = match &folder {
                    Some(folder) => folder,
                    None => folder.insert(TemporaryFolder::make(variables)?),
                };
                folder.write(file, value)?
            }
        };
        values.push((*name, value));
    }
    Ok(values)
}

/// Hides the secrets from the log. GitHub hides `registries` only as a whole, not the passwords in it.
pub(crate) fn mask(inputs: &Inputs) {
    let secrets = [&inputs.github_token, &inputs.password].into_iter().flatten();
    for secret in secrets.chain(inputs.registries.values().map(|(_, password)| password)) {
        for line in commands::add_mask(secret.expose()) {
            print(&line);
        }
    }
}

pub(crate) fn start_log(inputs: &Inputs) {
    let level = match inputs.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let under_actions = inputs.under_actions;
    tracing_subscriber::fmt()
        .with_max_level(level)
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || LogWriter { inert: under_actions })
        .init();
}

/// Writes log lines to standard error; under Actions none of them is a workflow command, whatever text it quotes.
struct LogWriter {
    inert: bool,
}

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.inert {
            for line in String::from_utf8_lossy(bytes).lines() {
                writeln!(io::stderr(), "{}", commands::inert(line))?;
            }
        } else {
            io::stderr().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A bar on the terminal that standard error is; elsewhere nothing.
#[cfg(feature = "sandbox")]
pub(crate) struct Progress {
    is_shown: bool,
}

#[cfg(feature = "sandbox")]
impl Progress {
    /// Columns of the bar.
    const WIDTH: usize = 40;

    pub(crate) fn start(under_actions: bool) -> Self {
        Self { is_shown: !under_actions && io::IsTerminal::is_terminal(&io::stderr()) }
    }

    /// Draws the bar over itself.
    pub(crate) fn show(&self, done: usize, all: usize) {
        if self.is_shown {
            let filled = Self::WIDTH * done.min(all) / all.max(1);
            let bar = format!("{}{}", "█".repeat(filled), "░".repeat(Self::WIDTH - filled));
            let _ = write!(io::stderr(), "\r{bar} {done} of {all} events");
        }
    }
}

#[cfg(feature = "sandbox")]
impl Drop for Progress {
    /// Leaves nothing of it.
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Tells people something beside what standard output gets.
#[cfg(feature = "sandbox")]
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}

/// Prints a line. Whoever closed the pipe wants no more of it.
pub(crate) fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

pub(crate) fn show_error(text: &str, under_actions: bool, colours: Colours) {
    for line in text.lines() {
        let _ = if under_actions {
            writeln!(io::stderr(), "{}", commands::inert(line))
        } else {
            writeln!(io::stderr(), "{}", colours.errors(line))
        };
    }
}
