//! What mode `doctor` found, in words: sentence, remedy and page of each finding, as text, job summary and JSON.

mod words;

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value, json};

use super::{
    markdown::{code, inline},
    words as common,
};
use crate::{
    model::{ImageName, OwnerKind, Pages, RepositoryName, Trap, untrusted::shown_up_to},
    policy::doctor::{Facts, Finding, ImageFacts, Reason, State},
};

/// The most characters of a sentence: what others said is bounded where it came in.
const MAX_SENTENCE: usize = 600;

/// A finding in words.
#[derive(Clone, Debug)]
struct Line {
    /// The image that it is about; `None` for the run.
    image: Option<String>,
    /// What was looked at.
    check: &'static str,
    /// How bad it is.
    state: State,
    /// The reason's name for programs.
    kind: &'static str,
    /// One sentence, without its full stop.
    sentence: String,
    /// What to do, without its full stop.
    remedy: Option<String>,
    /// The page to do it on.
    page: Option<String>,
}

impl Line {
    /// Returns sentence, remedy and page on one line.
    fn whole(&self) -> String {
        let Self { sentence, remedy, page, .. } = self;
        let mut text = sentence.clone();
        if let Some(remedy) = remedy {
            let _ = write!(text, ". Remedy: {remedy}");
        }
        if let Some(page) = page {
            let _ = write!(text, ": {page}");
        }
        text
    }

    /// The same, with what it is about.
    fn about(&self) -> String {
        match &self.image {
            Some(image) => format!("{image}: {}", self.whole()),
            None => self.whole(),
        }
    }
}

/// All findings in words, those about the run first.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    lines: Vec<Line>,
    ghcr_host: &'a str,
}

impl<'a> Report<'a> {
    /// Puts findings into words. `server_url` is the root of the web pages, `repository` the run's.
    #[must_use]
    pub fn of(facts: &'a Facts, findings: Vec<Finding>, server_url: &str, repository: Option<&RepositoryName>) -> Self {
        let owners: BTreeMap<&ImageName, OwnerKind> = facts.images.iter().filter_map(owner).collect();
        let line = |finding: Finding| {
            let Finding { image, check, state, reason } = finding;
            let owner = image.as_ref().and_then(|image| owners.get(image).copied());
            let pages = Pages { server: server_url, image: image.as_ref(), owner, repository };
            let (kind, sentence, remedy, page) = match &reason {
                Reason::Trap(trap) => told(trap, &pages),
                Reason::Fine(fine) => (words::fine_kind(fine), words::fine(fine), None, None),
                Reason::Open(open) => {
                    let (remedy, page) = words::open_remedy(open, &pages);
                    (words::open_kind(open), words::open(open), remedy, page)
                }
                Reason::Refused { said, hint } => ("refused", format!("failed to {said}"), hint.clone(), None),
            };
            let sentence = shown_up_to(&sentence, MAX_SENTENCE);
            let image = image.map(|image| image.to_string());
            Line { image, check: check.name(), state, kind, sentence, remedy, page }
        };
        Self { lines: findings.into_iter().map(line).collect(), ghcr_host: &facts.ghcr_host }
    }

    fn with(&self, state: State) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.state == state)
    }

    /// Says how many there are of each.
    fn counts(&self) -> String {
        let count = |state| self.with(state).count();
        format!(
            "{}, {}, {} that no read can tell, {} in order",
            common::count(count(State::Problem), "problem"),
            common::count(count(State::Warning), "warning"),
            count(State::Unknown),
            count(State::Ok)
        )
    }

    /// Groups the lines by what they are about.
    fn groups(&self) -> Vec<(Option<&str>, Vec<&Line>)> {
        let mut groups: Vec<(Option<&str>, Vec<&Line>)> = Vec::new();
        for line in &self.lines {
            let about = line.image.as_deref();
            match groups.last_mut() {
                Some((last, lines)) if *last == about => lines.push(line),
                _ => groups.push((about, vec![line])),
            }
        }
        groups
    }

    /// Renders the findings for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.counts());
        for (about, lines) in self.groups() {
            let _ = writeln!(text, "\n{}", about.unwrap_or("token and run"));
            for Line { check, state, sentence, remedy, page, .. } in lines {
                let _ = writeln!(text, "  {:<8} {check:<12} {sentence}", state.name());
                for more in remedy.iter().chain(page) {
                    let _ = writeln!(text, "{:24}{more}", "");
                }
            }
        }
        text
    }

    /// Renders the findings for the job summary.
    #[must_use]
    pub fn summary(&self) -> String {
        let title = match self.with(State::Problem).count() {
            0 => "Nothing stands in the way",
            _ => "Something stands in the way",
        };
        let mut text = format!("### {title}\n\n{}.\n", inline(&self.counts()));
        for (about, lines) in self.groups() {
            let about = about.map_or_else(|| "Token and run".to_owned(), code);
            let _ = writeln!(text, "\n**{about}**\n\n| | | |\n|---|---|---|");
            for Line { check, state, sentence, remedy, page, .. } in lines {
                let mut cell = inline(sentence);
                for more in [remedy, page].into_iter().flatten() {
                    let _ = write!(cell, "<br>{}", linked(more));
                }
                let mark = match state {
                    State::Ok => "✅",
                    State::Unknown => "❔",
                    State::Warning => "⚠️",
                    State::Problem => "❌",
                };
                let _ = writeln!(text, "| {mark} {} | {check} | {cell} |", state.name());
            }
        }
        text
    }

    /// Renders the findings for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let findings: Vec<Value> = self.lines.iter().map(document).collect();
        json!({
            "mode": "doctor",
            "ghcr-host": self.ghcr_host,
            "problems": self.with(State::Problem).count(),
            "warnings": self.with(State::Warning).count(),
            "findings": findings,
        })
    }

    /// Returns the warnings, a sentence with its remedy each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.with(State::Warning).map(Line::about).collect()
    }

    /// Returns the problems, a sentence with its remedy each.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.with(State::Problem).map(Line::about).collect()
    }
}

fn owner(image: &ImageFacts) -> Option<(&ImageName, OwnerKind)> {
    Some((&image.image, *image.owner.as_ref()?.as_ref().ok()?))
}

fn told(trap: &Trap, pages: &Pages<'_>) -> (&'static str, String, Option<String>, Option<String>) {
    (trap.kind(), trap.sentence(), Some(trap.remedy()), trap.page(pages))
}

/// An address becomes a link; all else is text.
fn linked(text: &str) -> String {
    let is_address = text.starts_with("https://") && !text.contains([' ', '<', '>', '|', '"']);
    if is_address { format!("<{text}>") } else { inline(text) }
}

fn document(line: &Line) -> Value {
    let Line { image, check, state, kind, sentence, remedy, page } = line;
    json!({
        "image": image, "check": check, "state": state.name(), "kind": kind, "message": sentence, "remedy": remedy,
        "page": page,
    })
}
