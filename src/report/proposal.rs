//! A proposed policy as the file that is written, each row with what it makes and when that goes, and as what the terminal
//! says of it.

mod notes;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::words;
use crate::{
    model::{ImageName, untrusted::shown_up_to},
    policy::{
        advice::{duration_text, row_text},
        example::examples,
        proposal::{Origin, Proposal, Shape, Source, Taken},
        rules::{Immutable, Keep, Policy, Protected, TagRule, While},
    },
};

/// Columns of the file's comments.
const WIDTH: usize = 110;

/// The most groups of unexplained tags that the file shows.
const MOST_SHAPES: usize = 12;

/// What a package holds now.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The package.
    pub image: ImageName,
    /// What was found there.
    pub found: Found,
}

/// What was found in a package.
#[derive(Clone, Debug)]
pub enum Found {
    /// Tags: how many, and those that no row explains, by what they look like.
    Tags {
        /// How many there are.
        count: usize,
        /// The groups that no row explains.
        unexplained: Vec<Shape>,
    },
    /// There is no such package.
    Nothing,
    /// It could not be read.
    Unknown {
        /// Why.
        problem: String,
    },
}

/// Writes the policy file. Examples are as of `now`.
#[must_use]
pub fn file(proposal: &Proposal, holdings: &[Holding], now: DateTime<Utc>) -> String {
    let Proposal { policy, origins, clean_up, notes } = proposal;
    let mut text = String::new();
    comment(
        &mut text,
        0,
        "Which git event creates which image tag, whether the tag may move, and how long it lives. `ghcr-lifecycle check` shows \
         what each row matches, `ghcr-lifecycle plan` what a clean-up would delete; a clean-up deletes nothing before it is told \
         `dry-run: false`.",
    );
    text.push_str("version: 1\n\n");
    match policy.images.as_slice() {
        [only] => text.push_str(&format!("images: [{only}]\n")),
        several => {
            comment(&mut text, 0, "They share the rows; input `image` of a step says which of them it builds.");
            text.push_str("images:\n");
            text.extend(several.iter().map(|image| format!("  - {image}\n")));
        }
    }
    text.push_str("\ntags:\n");
    for (index, (rule, origin)) in policy.rules.iter().zip(origins).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        comment(&mut text, 2, &row_words(rule, policy, now));
        comment(&mut text, 2, &origin_words(origin));
        text.extend(row_text(rule).lines().map(|line| format!("  {line}\n")));
    }
    for holding in holdings {
        unexplained(&mut text, holding);
    }
    if let Some(untagged) = policy.untagged {
        let days =
            |taken: &Taken| matches!(taken, Taken::UntaggedDays(days) if days * 24 * 60 * 60 == untagged.as_secs());
        let source = clean_up.iter().find(|step| step.taken.iter().any(days));
        let source =
            source.map(|step| format!(" This is the time that {} has.", notes::step(step))).unwrap_or_default();
        text.push('\n');
        comment(
            &mut text,
            0,
            &format!(
                "What no tag reaches any more goes after this time: what a push replaced, and the platforms of images that \
                 went.{source}"
            ),
        );
        text.push_str(&format!("untagged:\n  keep: {}\n", duration_text(untagged)));
    }
    if policy.keep_at_least > 0 {
        text.push('\n');
        comment(&mut text, 0, "The newest images of a package stay, whatever the rows say.");
        text.push_str(&format!("keep-at-least: {}\n", policy.keep_at_least));
    }
    if !policy.protect.is_empty() {
        let globs: Vec<String> = policy
            .protect
            .iter()
            .map(|protected| match protected {
                Protected::Tags(glob) => format!("\"{}\"", glob.as_str()),
                Protected::Digest(digest) => format!("\"{digest}\""),
            })
            .collect();
        text.push('\n');
        comment(&mut text, 0, "Tags that are never deleted.");
        text.push_str(&format!("protect: [{}]\n", globs.join(", ")));
    }
    if !policy.mirrors.is_empty() {
        text.push('\n');
        comment(
            &mut text,
            0,
            "The same tags elsewhere, once they are right in the first registry; a push copies them.",
        );
        text.push_str("mirrors:\n");
        text.extend(policy.mirrors.iter().map(|mirror| format!("  - image: {}\n", mirror.image)));
    }
    let notes: Vec<String> = notes.iter().map(notes::note).chain(clean_up.iter().flat_map(notes::left)).collect();
    if !notes.is_empty() {
        text.push('\n');
        comment(&mut text, 0, "What `ghcr-lifecycle init` could not decide:");
        for note in notes {
            comment(&mut text, 0, &format!("- {note}"));
        }
    }
    text
}

/// Says what stood in the way of everything, or what to look at, a sentence each.
#[must_use]
pub fn sentences(proposal: &Proposal, holdings: &[Holding]) -> Vec<String> {
    let Proposal { policy: _, origins: _, clean_up, notes } = proposal;
    let holdings = holdings.iter().filter_map(|holding| match &holding.found {
        Found::Unknown { problem } => Some(format!("what {} holds is not known: failed to {}", holding.image, problem)),
        Found::Tags { .. } | Found::Nothing => None,
    });
    notes.iter().map(notes::note).chain(clean_up.iter().flat_map(notes::left)).chain(holdings).collect()
}

/// What the terminal says once the file is written.
#[must_use]
pub fn text(proposal: &Proposal, holdings: &[Holding], path: &str, now: DateTime<Utc>) -> String {
    let policy = &proposal.policy;
    let images: Vec<String> = policy.images.iter().map(ToString::to_string).collect();
    let rows = words::count(policy.rules.len(), "row");
    let mut text = format!("wrote {}: {rows} for {}\n", shown_up_to(path, 300), images.join(", "));
    for rule in &policy.rules {
        text.push_str(&format!("\n  {}\n      {}\n", shown_up_to(&rule.row.label, 100), row_words(rule, policy, now)));
    }
    for holding in holdings {
        text.push_str(&format!("\n{}\n", holding_words(holding)));
    }
    text.push_str(
        "\nnext:\n  ghcr-lifecycle check     what each row matches, and what it may not mean\n  ghcr-lifecycle plan      what a \
         clean-up would delete, and why (with GITHUB_TOKEN)\n",
    );
    text
}

/// The same for programs.
#[must_use]
pub fn document(proposal: &Proposal, holdings: &[Holding], path: &str, is_written: bool, file: &str) -> Value {
    let images: Vec<String> = proposal.policy.images.iter().map(ToString::to_string).collect();
    json!({
        "mode": "init",
        "policy-file": path,
        "written": is_written,
        "policy": file,
        "images": images,
        "rows": proposal.policy.rules.len(),
        "notes": sentences(proposal, holdings),
        "packages": holdings.iter().map(|Holding { image, found }| match found {
            Found::Tags { count, unexplained } => json!({
                "name": image.to_string(),
                "tags": count,
                "unexplained": unexplained.iter().map(|Shape { text, count, example, matcher }| json!({
                    "shape": text, "tags": count, "example": example.to_string(), "match": matcher,
                })).collect::<Vec<_>>(),
            }),
            Found::Nothing => json!({ "name": image.to_string(), "tags": 0, "unexplained": [] }),
            Found::Unknown { problem } => json!({ "name": image.to_string(), "problem": problem }),
        }).collect::<Vec<_>>(),
    })
}

/// Says what a row makes, on an example, and when that goes.
fn row_words(rule: &TagRule, policy: &Policy, now: DateTime<Utc>) -> String {
    let TagRule { keep, immutable, rolling, .. } = rule;
    let example = examples(rule, policy, now).into_iter().next();
    let names = |list: &[crate::model::Tag]| list.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(", ");
    let (event, tags, pointers) = match &example {
        Some(example) => (words::event(&example.context), names(&example.row.tag), names(&example.row.rolling)),
        None => (rule.row.label.clone(), "its tags".to_owned(), "its rolling tags".to_owned()),
    };
    let is_one = rule.tag.len() == 1;
    let mut text = format!("{} makes {tags}, {}.", capitalised(&event), life(keep, *immutable, is_one));
    if !rolling.is_empty() {
        let (verb, place) = if rolling.len() == 1 { ("points", "moves") } else { ("point", "move") };
        text.push_str(&format!(" {pointers} {verb} at the newest, and only {place} forward."));
    }
    text
}

fn life(keep: &Keep, immutable: Immutable, is_one: bool) -> String {
    let Keep { forever, duration, last, while_holds } = keep;
    let replaced = if immutable == Immutable::No { "" } else { "never replaced and " };
    if *forever {
        return format!("{replaced}kept for good");
    }
    let while_holds = while_holds.map(|what| match what {
        While::Open => "when the pull request is closed".to_owned(),
        While::BranchExists => "when the branch is deleted".to_owned(),
    });
    let parts = duration.map(|duration| format!("after {}", duration_text(duration))).into_iter();
    let parts = parts.chain(last.map(|last| format!("when {last} newer images have such tags"))).chain(while_holds);
    let replaced = if immutable == Immutable::No { "" } else { "never replaced, " };
    let verb = if is_one { "goes" } else { "go" };
    format!("{replaced}which {verb} {}", parts.collect::<Vec<_>>().join(" and "))
}

fn origin_words(origin: &Origin) -> String {
    let Origin { sources, adds_tag } = origin;
    let mut sentences: Vec<String> = Vec::new();
    let mut rows: Vec<(&String, Vec<String>)> = Vec::new();
    for source in sources {
        match source {
            Source::Row { file, text } => match rows.iter_mut().find(|(other, _)| *other == file) {
                Some((_, texts)) => texts.push(notes::code(text)),
                None => rows.push((file, vec![notes::code(text)])),
            },
            Source::Flavor { .. } => {}
            Source::Branch { name } => sentences.push(format!("There is a branch {}.", notes::code(name))),
            Source::GitTags(tags) if tags.count == 0 => sentences.push("No git tag is like this yet.".to_owned()),
            Source::GitTags(tags) => {
                sentences.push(format!("There {} such as {}.", notes::git_tags(tags.count), notes::code(&tags.example)))
            }
            Source::PullRequests => sentences.push("Pull requests start a workflow, or may.".to_owned()),
        }
    }
    for (file, texts) in rows {
        sentences.push(format!("From {} in {}.", texts.join(", "), shown_up_to(file, 200)));
    }
    if *adds_tag {
        sentences.push("`tag` is added: a rolling tag needs a name of the build itself beside it.".to_owned());
    }
    sentences.join(" ")
}

fn holding_words(holding: &Holding) -> String {
    let Holding { image, found } = holding;
    match found {
        Found::Nothing => format!("{image} holds nothing yet"),
        Found::Unknown { problem } => format!("what {image} holds is not known: failed to {problem}"),
        Found::Tags { count, unexplained } => {
            let others: usize = unexplained.iter().map(|shape| shape.count).sum();
            let tags = words::count(*count, "tag");
            if others == 0 {
                return format!(
                    "{image} holds {tags}, and the rows explain {}",
                    if *count == 1 { "it" } else { "all of them" }
                );
            }
            let mut text = format!("{image} holds {tags}; no row explains {others} of them, so they are kept:");
            for Shape { text: shape, count, example, matcher: _ } in unexplained.iter().take(MOST_SHAPES) {
                text.push_str(&format!("\n  {shape}  ({}, such as {example})", words::count(*count, "tag")));
            }
            text
        }
    }
}

/// Shows the tags that no row explains, as rows to be taken into use.
fn unexplained(text: &mut String, holding: &Holding) {
    let Found::Tags { count, unexplained } = &holding.found else { return };
    if unexplained.is_empty() {
        return;
    }
    let others: usize = unexplained.iter().map(|shape| shape.count).sum();
    text.push('\n');
    comment(
        text,
        2,
        &format!(
            "{} of the {} that {} holds now have no row, and are kept. To let them go, too, take rows like these:",
            others,
            words::count(*count, "tag"),
            holding.image
        ),
    );
    for Shape { text: shape, count, example, matcher } in unexplained.iter().take(MOST_SHAPES) {
        comment(text, 2, &format!("{shape}: {}, such as {example}", words::count(*count, "tag")));
        text.push_str(&format!("  #   - match: \"{matcher}\"\n  #     keep: 30 days\n"));
    }
    if let Some(more) = unexplained.len().checked_sub(MOST_SHAPES).filter(|more| *more > 0) {
        comment(text, 2, &format!("and {more} more kinds of tags"));
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Splits a text at its blanks, but for those between backticks.
fn unbroken(text: &str) -> Vec<&str> {
    let mut inside = false;
    let at_blank = |character: char| {
        inside ^= character == '`';
        character == ' ' && !inside
    };
    text.split(at_blank).filter(|word| !word.is_empty()).collect()
}

/// Adds a comment, broken into lines; what follows a list's dash is indented.
fn comment(text: &mut String, indent: usize, words: &str) {
    let hanging = if words.starts_with("- ") { "  " } else { "" };
    let start = format!("{}#", " ".repeat(indent));
    let mut line = start.clone();
    for word in unbroken(words) {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > start.len() + hanging.len() {
            text.push_str(&line);
            text.push('\n');
            line = format!("{start}{hanging}");
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.len() > start.len() {
        text.push_str(&line);
        text.push('\n');
    }
}
