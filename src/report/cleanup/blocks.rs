//! What is said, apart from how it is shown: blocks of sentences, in which backticks begin and end code, as Markdown and as text.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use super::quantities::number;
use crate::report::markdown::inline;

/// The largest Markdown that is made, in bytes: GitHub shows none that is larger than 1 MiB, and other modes of the same step
/// may have said something.
const MAX_MARKDOWN: usize = 900_000;

/// A part of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// What the following is about, with the page that it links to.
    Heading { text: String, link: Option<String> },
    /// Pages to open.
    Links(Vec<(&'static str, String)>),
    /// The sentences that matter most.
    Lead(String),
    /// Sentences.
    Paragraph(String),
    /// Points, a sentence each.
    List(Vec<String>),
    /// Facts of one kind.
    Table(Facts),
    /// What only who asks wants to read.
    Details { title: String, blocks: Vec<Block> },
    /// What somebody must look at. Warnings and notes are annotations as well, and the text leaves them to those.
    Alert { kind: Alert, lines: Vec<String> },
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alert {
    /// Something failed.
    Caution,
    /// Something may be wrong.
    Warning,
    /// Something to know.
    Note,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Its columns.
    pub(super) header: Vec<&'static str>,
    /// Its rows.
    pub(super) rows: Vec<Vec<String>>,
    /// How many rows there are beside them.
    pub(super) more: usize,
}

/// Markdown that does not grow beyond a bound.
#[derive(Debug, Default)]
pub(super) struct Markdown {
    text: String,
}

impl Markdown {
    /// Adds the title of the report.
    pub(super) fn title(&mut self, title: &str) {
        let _ = writeln!(self.text, "### {}\n", inline(title));
    }

    /// Adds the sections of several packages, each bounded by its share of what is left.
    pub(super) fn sections(&mut self, sections: impl ExactSizeIterator<Item = Vec<Block>>) {
        let mut left = sections.len();
        for section in sections {
            let room = MAX_MARKDOWN.saturating_sub(self.text.len());
            if room < 10_000 {
                let _ = writeln!(self.text, "\nThe sections of {} more packages have no room here.", number(left));
                return;
            }
            self.blocks(&section, self.text.len() + (room / left).max(10_000));
            left -= 1;
        }
    }

    /// Adds blocks; tables end where the text is as long as `most`.
    pub(super) fn blocks(&mut self, blocks: &[Block], most: usize) {
        for block in blocks {
            self.block(block, most);
        }
    }

    fn block(&mut self, block: &Block, most: usize) {
        let text = &mut self.text;
        match block {
            Block::Heading { text: title, link: Some(link) } => {
                let _ = writeln!(text, "#### [{}]({link})\n", inline(title));
            }
            Block::Heading { text: title, link: None } => {
                let _ = writeln!(text, "#### {}\n", inline(title));
            }
            Block::Links(links) => {
                let links: Vec<String> = links.iter().map(|(text, link)| format!("[{text}]({link})")).collect();
                let _ = writeln!(text, "{}\n", links.join(" · "));
            }
            Block::Lead(sentence) => {
                let _ = writeln!(text, "**{}**\n", inline(sentence));
            }
            Block::Paragraph(sentence) => {
                let _ = writeln!(text, "{}\n", inline(sentence));
            }
            Block::List(points) => {
                for point in points {
                    let _ = writeln!(text, "- {}", inline(point));
                }
                text.push('\n');
            }
            Block::Table(facts) => self.table(facts, most),
            Block::Details { title, blocks } => {
                let _ = writeln!(text, "<details><summary>{}</summary>\n", inline(title));
                self.blocks(blocks, most);
                self.text.push_str("</details>\n\n");
            }
            Block::Alert { kind, lines } => {
                let kind = match kind {
                    Alert::Caution => "CAUTION",
                    Alert::Warning => "WARNING",
                    Alert::Note => "NOTE",
                };
                let _ = writeln!(text, "> [!{kind}]");
                for line in lines {
                    let _ = writeln!(text, "> {}{}", if lines.len() > 1 { "- " } else { "" }, inline(line));
                }
                text.push('\n');
            }
        }
    }

    fn table(&mut self, facts: &Facts, most: usize) {
        let Facts { header, rows, more } = facts;
        let _ = writeln!(self.text, "| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()));
        let mut shown = 0;
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| inline(cell)).collect();
            let line = format!("| {} |\n", cells.join(" | "));
            if self.text.len() + line.len() > most {
                break;
            }
            self.text.push_str(&line);
            shown += 1;
        }
        self.text.push('\n');
        let more = more + rows.len() - shown;
        if more > 0 {
            let _ =
                writeln!(self.text, "and {} more, see the plan file (output <code>plan-file</code>)\n", number(more));
        }
    }

    /// Returns the text, with one line break at its end.
    pub(super) fn finish(self) -> String {
        let mut text = self.text;
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

/// Shows blocks on a terminal of this width, or in a log.
pub(super) fn text(blocks: &[Block], width: Option<u16>) -> String {
    let mut shown = String::new();
    let mut after_lines = false;
    for block in blocks {
        if after_lines && matches!(block, Block::Paragraph(_)) {
            shown.push('\n');
        }
        after_lines = matches!(block, Block::List(_) | Block::Table(_) | Block::Details { .. });
        show(&mut shown, block, width);
    }
    shown
}

fn show(text: &mut String, block: &Block, width: Option<u16>) {
    match block {
        Block::Heading { text: title, link: _ } => {
            let _ = writeln!(text, "\n{title}");
        }
        Block::Lead(sentence) | Block::Paragraph(sentence) => {
            let _ = writeln!(text, "  {sentence}");
        }
        Block::List(points) => {
            text.push('\n');
            for point in points {
                let _ = writeln!(text, "  - {point}");
            }
        }
        Block::Table(facts) => show_table(text, facts, width),
        Block::Details { title, blocks } => {
            let _ = write!(text, "\n  {title}:");
            for block in blocks {
                show(text, block, width);
            }
        }
        Block::Alert { kind: Alert::Caution, lines } => {
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
        // Whoever prints this prints those as well.
        Block::Alert { kind: Alert::Warning | Alert::Note, lines: _ } => {}
        // A heading says which package it is.
        Block::Links(_) => {}
    }
}

fn show_table(text: &mut String, facts: &Facts, width: Option<u16>) {
    let Facts { header, rows, more } = facts;
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header.iter().map(|name| name.to_lowercase()));
    if let Some(width) = width {
        let room = width.saturating_sub(1);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(room);
    }
    for row in rows {
        // The cells of a table hold names, which need no marks around them.
        table.add_row(row.iter().map(|cell| cell.replace('`', "")));
    }
    text.push('\n');
    for line in table.trim_fmt().lines() {
        let _ = writeln!(text, " {line}");
    }
    if *more > 0 {
        let _ = writeln!(text, "  and {} more, see the plan file", number(*more));
    }
}
