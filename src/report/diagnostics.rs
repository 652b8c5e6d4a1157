//! Mistakes of a text as a person reads them: what, where, the line with the place marked, and the remedy.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::{
    model::untrusted::{is_unprintable, shown_up_to},
    policy::diagnostic::{Diagnostic, Diagnostics, Lines, Location},
};

/// Whether a rendering may hold ANSI colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Plain text, as files and pipes want it.
    #[default]
    Never,
    /// ANSI escape sequences, for a terminal.
    Always,
}

/// Longest line that is shown whole, in characters.
const WHOLE: usize = 160;
/// Characters of a longer line that are shown before a place and from it on.
const BEFORE: usize = 60;
const FROM: usize = 80;

/// Renders all mistakes of the text called `name`, in plain text.
#[must_use]
pub fn render(name: &str, text: &str, diagnostics: &Diagnostics) -> String {
    render_with(name, text, diagnostics, Colour::Never)
}

/// Renders all mistakes of the text called `name`.
#[must_use]
pub fn render_with(name: &str, text: &str, diagnostics: &Diagnostics, colour: Colour) -> String {
    let Diagnostics { list, omitted } = diagnostics;
    let lines = Lines::new(text);
    let name = shown_up_to(name, 300);
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    // Lines are cut here, with the columns of the whole line.
    let renderer = renderer.term_width(4 * WHOLE);
    let mut rendered: Vec<String> = list
        .iter()
        .map(|diagnostic| without_empty_origins(&renderer.render(&[group(&name, text, &lines, diagnostic)])))
        .collect();
    match omitted {
        0 => {}
        1 => rendered.push("… and 1 more mistake".to_owned()),
        more => rendered.push(format!("… and {more} more mistakes")),
    }
    let mut whole = rendered.join("\n\n");
    whole.push('\n');
    whole
}

/// Drops the lines that stand for a snippet without a path: its place is given by the line before.
fn without_empty_origins(rendered: &str) -> String {
    let is_empty = |line: &str| {
        let mut plain = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').map_or("", |(_, rest)| rest);
        }
        plain.push_str(rest);
        plain.trim() == ":::"
    };
    rendered.lines().filter(|line| !is_empty(line)).collect::<Vec<_>>().join("\n")
}

fn group<'a>(name: &str, text: &str, lines: &Lines<'_>, diagnostic: &Diagnostic) -> Group<'a> {
    let Diagnostic { at, span, key_path, problem, hint, related } = diagnostic;
    let label = if key_path.is_empty() { String::new() } else { format!("at `{key_path}`") };
    let mut group = Level::ERROR.primary_title(shown_up_to(problem, 2_000)).element(origin(name, *at));
    let extract = extract(text, lines, span);
    let mut snippet = Snippet::source(extract.text).line_start(at.line);
    match related {
        // Two places in one line are shown in one, unless the line was cut.
        Some(related) if related.at.line == at.line && extract.start == lines.span(at.line).start => {
            let end = related.span.end.min(related.span.start.max(extract.end));
            let from = extract.start;
            if related.span.start >= from && end <= extract.end && related.span.start <= end {
                let inside = related.span.start - from..end - from;
                let inside = if extract.faithful { inside } else { 0..0 };
                snippet = snippet.annotation(AnnotationKind::Context.span(inside).label(related.label.clone()));
            }
            group = group.element(snippet.annotation(AnnotationKind::Primary.span(extract.marked).label(label)));
        }
        Some(related) => {
            group = group.element(snippet.annotation(AnnotationKind::Primary.span(extract.marked).label(label)));
            let other = self::extract(text, lines, &related.span);
            let context = Snippet::source(other.text)
                .line_start(related.at.line)
                .annotation(AnnotationKind::Context.span(other.marked).label(related.label.clone()));
            group = group.element(origin(name, related.at)).element(context);
        }
        None => group = group.element(snippet.annotation(AnnotationKind::Primary.span(extract.marked).label(label))),
    }
    if let Some(hint) = hint {
        group = group.element(Level::HELP.message(shown_up_to(hint, 2_000)));
    }
    group
}

fn origin<'a>(name: &str, at: Location) -> Origin<'a> {
    Origin::path(name.to_owned()).line(at.line).char_column(at.column)
}

/// A part of a line, made fit to show, and what of it is marked.
struct Extract {
    text: String,
    marked: Range<usize>,
    /// Which bytes of the text it shows.
    start: usize,
    end: usize,
    /// Whether it has the same bytes as the text.
    faithful: bool,
}

fn extract(text: &str, lines: &Lines<'_>, span: &Range<usize>) -> Extract {
    let line = lines.span(lines.line(span.start.min(text.len())));
    let place = span.start.clamp(line.start, line.end);
    let end = span.end.clamp(place, line.end);
    let before = text.get(line.start..place).unwrap_or_default();
    let from = text.get(place..line.end).unwrap_or_default();
    let (mut start, mut stop) = (line.start, line.end);
    if text.get(line.clone()).unwrap_or_default().chars().nth(WHOLE).is_some() {
        start = before.char_indices().rev().nth(BEFORE - 1).map_or(line.start, |(offset, _)| line.start + offset);
        stop = from.char_indices().nth(FROM).map_or(line.end, |(offset, _)| place + offset);
    }
    let mut shown = String::new();
    if start > line.start {
        shown.push('…');
    }
    push(&mut shown, text.get(start..place).unwrap_or_default());
    let marked = shown.len();
    let end = end.min(stop);
    push(&mut shown, text.get(place..end).unwrap_or_default());
    let marked = marked..shown.len();
    push(&mut shown, text.get(end..stop).unwrap_or_default());
    let faithful = start == line.start && text.get(start..stop) == Some(shown.as_str());
    if stop < line.end {
        shown.push('…');
    }
    Extract { text: shown, marked, start, end: stop, faithful }
}

/// Appends text with unprintable characters escaped; a tab, which is often the mistake, stays visible as an arrow.
fn push(shown: &mut String, text: &str) {
    for character in text.chars() {
        if character == '\t' {
            shown.push('→');
        } else if is_unprintable(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
}
