//! The table of digests in the text of a GitHub release, between two comments that nobody sees: what stands around them is
//! the project's own and stays as it is, byte for byte.

use crate::{
    event::{Context, Subject},
    model::Digest,
    policy::{
        rules::{Condition, Policy, Row},
        tagging::{RowPlan, TagPlan},
    },
};

/// The comment before the table.
const BEGIN: &str = "<!-- ghcr-lifecycle: image digests -->";

/// The comment behind it.
const END: &str = "<!-- ghcr-lifecycle: end of image digests -->";

/// The longest text that GitHub takes for a release, in characters.
const MAX_CHARACTERS: usize = 125_000;

/// A release, with the rows that fit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The git tag.
    pub git_tag: String,
    /// The rows on `release` and `prerelease` that gave tags.
    pub rows: Vec<Row>,
}

impl Released {
    /// Returns the release that a run is about, if there are such rows.
    pub(super) fn of(context: &Context, plan: &TagPlan, policy: &Policy) -> Option<Self> {
        let Subject::Tag(git_tag) = &context.subject else { return None };
        let is_release = |row: &&RowPlan| matches!(row.condition, Condition::Release(_) | Condition::Prerelease(_));
        let rows: Vec<Row> =
            plan.rows.iter().filter(is_release).map(|row| policy.rules[row.rule].row.clone()).collect();
        (!rows.is_empty()).then(|| Self { git_tag: git_tag.clone(), rows })
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedDigest {
    /// The image with its tag.
    pub name: String,
    /// The platform; none for the digest of the image as a whole.
    pub platform: Option<String>,
    /// The digest.
    pub digest: Digest,
}

/// A text that would be longer than GitHub takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Puts the lines into the table of a release's text, which gets one at its end where it has none. Lines of other images and
/// tags stay. Returns `None` if the text has them already.
///
/// # Errors
/// If the text would become too long.
pub fn with_digests(text: &str, ours: &[ReleasedDigest]) -> Result<Option<String>, TooLong> {
    let (before, old, after) = match find(text) {
        Some((from, to)) => (&text[..from], &text[from..to], &text[to..]),
        None => (text, "", ""),
    };
    let gap = match before {
        _ if !old.is_empty() => "",
        "" => "",
        text if text.ends_with("\n\n") || text.ends_with("\n\r\n") => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let table = table(old, ours);
    // Texts that were edited in a browser end their lines in another way.
    if !old.is_empty() && old.replace("\r\n", "\n") == table {
        return Ok(None);
    }
    let new = [before, gap, &table, after].concat();
    if new.chars().count() > MAX_CHARACTERS { Err(TooLong) } else { Ok(Some(new)) }
}

/// Finds the first table with both of its comments. One of them alone is part of the text around it.
fn find(text: &str) -> Option<(usize, usize)> {
    let mut begins_after = 0;
    for (end, _) in text.match_indices(END) {
        if let Some(begin) = text[begins_after..end].rfind(BEGIN) {
            return Some((begins_after + begin, end + END.len()));
        }
        begins_after = end + END.len();
    }
    None
}

fn table(old: &str, ours: &[ReleasedDigest]) -> String {
    let is_ours = |name: &str| ours.iter().any(|line| line.name == name);
    let theirs = old.lines().filter_map(|line| {
        let line = line.trim_end();
        let (name, _) = line.strip_prefix("| `")?.split_once("` |")?;
        (!is_ours(name)).then(|| (name.to_owned(), line.to_owned()))
    });
    let mut lines: Vec<(String, String)> = theirs.collect();
    lines.extend(ours.iter().map(|line| {
        let ReleasedDigest { name, platform, digest } = line;
        let platform = platform.as_deref().map_or_else(|| "all".to_owned(), plain);
        (name.clone(), format!("| `{name}` | {platform} | `{digest}` |"))
    }));
    // Stable: the lines of one name stay in their order, whoever wrote first.
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut table = format!("{BEGIN}\n### Image digests\n\n| Image | Platform | Digest |\n|---|---|---|\n");
    for (_, line) in lines {
        table.push_str(&line);
        table.push('\n');
    }
    table.push_str(END);
    table
}

/// A platform comes from a manifest, and the table is Markdown.
fn plain(platform: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-');
    platform.chars().take(60).map(|c| if is_plain(&c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str, seed: &str) -> Vec<ReleasedDigest> {
        let line = |platform: Option<&str>| ReleasedDigest {
            name: name.to_owned(),
            platform: platform.map(str::to_owned),
            digest: Digest::of(format!("{seed} {platform:?}").as_bytes()),
        };
        vec![line(None), line(Some("linux/amd64")), line(Some("linux/arm64"))]
    }

    fn put(text: &str, lines: &[ReleasedDigest]) -> String {
        let new = with_digests(text, lines).unwrap().expect("something to change");
        assert_eq!(with_digests(&new, lines), Ok(None), "{new}");
        assert_eq!(with_digests(&new.replace('\n', "\r\n"), lines), Ok(None), "{new}");
        new
    }

    #[test]
    fn a_text_without_a_table_gets_one_at_its_end() {
        let text = put("## What's new\n- a fix", &lines("ghcr.io/acme/shop:v1.4.0", "a"));
        insta::with_settings!({snapshot_path => "../../fixtures/release-notes", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("table", text);
        });
        let table = put("", &lines("ghcr.io/acme/shop:v1.4.0", "a"));
        assert!(table.starts_with(BEGIN) && table.ends_with(END));
        for (text, gap) in [("a", "\n\n"), ("a\n", "\n"), ("a\r\n", "\n"), ("a\n\n", ""), ("a\r\n\r\n", "")] {
            assert_eq!(put(text, &lines("ghcr.io/acme/shop:v1.4.0", "a")), format!("{text}{gap}{table}"));
        }
    }

    #[test]
    fn the_table_is_replaced_and_all_around_it_stays() {
        let (first, second) = (lines("ghcr.io/acme/shop:v1", "a"), lines("ghcr.io/acme/shop:v1", "b"));
        let (old, new) = (put("", &first), put("", &second));
        for (before, after) in [
            ("", "\n"),
            ("one\r\n\t \r\n", "\r\n\r\ntwo \u{1f980}\r\n"),
            (END, "x"),
            (BEGIN, BEGIN),
            ("<!-- ghcr-lifecycle -->", END),
        ] {
            assert_eq!(put(&format!("{before}{old}{after}"), &second), format!("{before}{new}{after}"));
        }
        // A comment without its other half does not swallow what follows.
        assert_eq!(put(&format!("{BEGIN}\nkeep"), &first), format!("{BEGIN}\nkeep\n\n{old}"));
    }

    #[test]
    fn several_images_share_a_table_whoever_writes_first() {
        let (shop, tool) = (lines("ghcr.io/acme/shop:v1", "a"), lines("ghcr.io/acme/tool:v1", "b"));
        let one = put(&put("text", &shop), &tool);
        assert_eq!(one, put(&put("text", &tool), &shop));
        let moved = put(&one, &lines("ghcr.io/acme/tool:v1", "c"));
        assert!(moved.contains(&shop[0].digest.to_string()) && !moved.contains(&tool[0].digest.to_string()));
    }

    #[test]
    fn a_text_has_an_end() {
        let all = lines("ghcr.io/acme/shop:v1", "a");
        let table = put("", &all).chars().count();
        let text = "ü".repeat(MAX_CHARACTERS - table - 2);
        assert_eq!(put(&text, &all).chars().count(), MAX_CHARACTERS);
        assert_eq!(with_digests(&format!("{text}ü"), &all), Err(TooLong));
    }

    #[test]
    fn platforms_are_no_markdown() {
        let mut all = lines("ghcr.io/acme/shop:v1", "a");
        all[1].platform = Some(format!("linux | `x`\n{END}{}", "y".repeat(100)));
        let text = put("", &all);
        assert_eq!(text.matches(END).count(), 1);
        assert!(text.contains("| linux????x????--?ghcr"), "{text}");
    }
}
