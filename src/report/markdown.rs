//! The job summary.

use std::fmt::Write as _;

use super::{ImageReport, Report, TagLine, TagOutcome, words};

/// Renders the report for `GITHUB_STEP_SUMMARY`.
#[must_use]
pub fn summary(report: &Report) -> String {
    let Report { mode, event, images, mirrors, skipped, nothing, warnings, notices, .. } = report;
    let mut text = String::new();
    if let Some(nothing) = nothing {
        return format!("### Nothing to publish\n\n{}.\n", inline(nothing));
    }
    let title = match *mode {
        "push" => "Image published",
        _ => "Image tags",
    };
    let _ = writeln!(text, "### {title}\n\nFor {}.\n", inline(event));
    for image in images {
        table(&mut text, image);
    }
    if images.iter().all(|image| image.tags.is_empty()) {
        let _ = writeln!(text, "No tags.\n");
    }
    for mirror in mirrors {
        let lines: Vec<String> = mirror.lines().iter().map(|line| inline(line)).collect();
        if let Some((first, rest)) = lines.split_first() {
            let _ = writeln!(text, "**{first}**\n\n- {}\n", rest.join("\n- "));
        }
    }
    for warning in warnings {
        let lines: Vec<String> = warning.lines().map(inline).collect();
        let _ = writeln!(text, "> [!WARNING]\n> {}\n", lines.join("\n> "));
    }
    for notice in notices {
        let _ = writeln!(text, "> [!NOTE]\n> {}\n", inline(notice));
    }
    if !skipped.is_empty() {
        let _ = writeln!(text, "<details><summary>Rows that did not apply: {}</summary>\n", skipped.len());
        for skip in skipped {
            let _ = writeln!(text, "- {}", inline(&words::skip(skip)));
        }
        let _ = writeln!(text, "\n</details>\n");
    }
    text
}

/// Renders an error.
#[must_use]
pub fn failure(text: &str) -> String {
    preformatted("Failed", text)
}

/// Renders text under a title: as it is, in a block that nothing in it can end.
#[must_use]
pub fn preformatted(title: &str, text: &str) -> String {
    let escaped = text.trim_end().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // An empty line would end the block of HTML.
    format!("### {title}\n\n<pre>\n{}\n</pre>\n", escaped.replace("\n\n", "\n&#8203;\n"))
}

fn table(text: &mut String, report: &ImageReport) {
    let ImageReport { image, digest, platforms, exists: _, staged, referrers, repaired: _, tags } = report;
    if tags.is_empty() {
        return;
    }
    if !image.is_empty() {
        let _ = writeln!(text, "**{}**", code(image));
    }
    let _ = writeln!(text, "\n| Tag | Digest | Result | Why |\n|---|---|---|---|");
    for TagLine { tag, digest, row, outcome, why, .. } in tags {
        let digest = digest.as_ref().map(|digest| code(&digest.short())).unwrap_or_default();
        let from = match outcome {
            TagOutcome::Moved { from } => format!(" from {}", code(&from.short())),
            _ => String::new(),
        };
        let row = format!("{}{row}", if why.is_empty() { "" } else { "; " });
        let _ = writeln!(
            text,
            "| {} | {digest} | {}{from} | {}{} |",
            code(tag),
            words::outcome(outcome),
            inline(why),
            inline(&row)
        );
    }
    text.push('\n');
    if let Some(digest) = digest {
        let _ = writeln!(text, "{}\n", code(&format!("{image}@{digest}")));
    }
    for (platform, digest) in platforms {
        let _ = writeln!(text, "- {}: {}", inline(platform), code(&digest.to_string()));
    }
    if let Some(staged) = staged {
        let _ = writeln!(text, "\n{}\n", inline(&super::terminal::sent(staged, *referrers)));
    }
}

/// Text in a code span: `<code>`, since a span of backticks cannot hold every text in a table.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", inline(text))
}

/// Text that is shown as it is: on one line, without markup, links, mentions or table cells of its own. What stands between
/// backticks in our sentences becomes a code span.
pub(super) fn inline(text: &str) -> String {
    let mut escaped = String::new();
    let mut open = false;
    for character in words_line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '`' => {
                escaped.push_str(if open { "</code>" } else { "<code>" });
                open = !open;
            }
            '|' | '*' | '_' | '~' | '[' | ']' | '\\' | '@' | '#' | '!' | '"' | '\'' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    if open {
        escaped.push_str("</code>");
    }
    escaped
}

/// Text as it stands in an element of HTML.
pub(super) fn text_of_html(text: &str) -> String {
    words_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn words_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
