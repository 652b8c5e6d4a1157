//! The report as one page of HTML that needs nothing but itself: no network, no fonts, no library. What it shows is data
//! beside its script, which puts text into the page and never markup; its policy of contents runs that one script only.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{CleanupReport, PackageReport, inventory, json as document, notes, package, tally, words};
use crate::report::markdown;

/// The page, with `{{name}}` where something is filled in.
const PAGE: &str = include_str!("../html/cleanup.html");
const STYLE: &str = include_str!("../html/cleanup.css");
const SCRIPT: &str = include_str!("../html/cleanup.js");

/// Renders the page.
pub(super) fn page(report: &CleanupReport<'_>) -> String {
    let title = match report.packages.as_slice() {
        [only] => format!("{} of {}", report.title(), only.image),
        several => format!("{} of {}", report.title(), super::quantities::counted(several.len(), "package")),
    };
    let contents_policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        source_hash(SCRIPT),
        source_hash(STYLE)
    );
    fill(
        PAGE,
        &[
            ("contents-policy", &contents_policy),
            ("title", &markdown::text_of_html(&title)),
            ("style", STYLE),
            ("data", &embedded(&data(report))),
            ("script", SCRIPT),
        ],
    )
}

/// Names a script or a style by its hash, as `Content-Security-Policy` does.
fn source_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// Writes JSON that can stand in an element `script`: nothing in it ends that, begins a comment, or ends a line.
fn embedded(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            // JSON has these within strings only.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => text.push(other),
        }
    }
    text
}

/// Fills a template in; what is filled in is not looked at again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for piece in template.split("{{") {
        let value = piece.split_once("}}").and_then(|(name, rest)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((value, rest))
        });
        match value {
            Some((value, rest)) => {
                text.push_str(value);
                text.push_str(rest);
            }
            None => text.push_str(piece),
        }
    }
    text
}

/// Returns what the page shows: the report's document, with the inventory of each package in the place of its lists.
fn data(report: &CleanupReport<'_>) -> Value {
    let mut data = document::document(report);
    data["title"] = json!(report.title());
    data["notes"] = json!(sentences(notes::of_run(report)));
    for (one, value) in report.packages.iter().zip(data["packages"].as_array_mut().into_iter().flatten()) {
        let Some(value) = value.as_object_mut() else { continue };
        for list in ["delete", "untag", "applied", "unexplained", "incomplete-indexes", "orphaned-referrers"] {
            value.remove(list);
        }
        let PackageReport { settings, result, .. } = one;
        value.insert("settings".to_owned(), json!(settings));
        let failures = match result {
            Ok(_) => report.failures_of(one),
            Err(problem) => package::problem_lines(problem),
        };
        value.insert("failures".to_owned(), json!(sentences(failures)));
        value.insert("warnings".to_owned(), json!(sentences(notes::warnings(report, one))));
        value.insert("notices".to_owned(), json!(sentences(notes::notices(report, one))));
        let Ok(result) = result else { continue };
        let tallies = tally::rows(&result.plan, report.policy);
        let rows = value.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten();
        for (tally, row) in tallies.iter().zip(rows) {
            extend(row, inventory::row(tally));
        }
        if let Value::Object(more) = inventory::document(report, result) {
            value.extend(more);
        }
    }
    data
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(value), Value::Object(more)) = (value, more) {
        value.extend(more);
    }
}

fn sentences(lines: Vec<String>) -> Vec<String> {
    lines.iter().map(|line| words::sentence(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_leave_its_element() {
        let hostile = json!({"tag": "</script><!--<script>&\u{2028}\u{2029}"});
        let text = embedded(&hostile);
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        assert_eq!(fill("a{{x}}b{{y}}c{{z}}", &[("x", "{{y}}"), ("y", "1")]), "a{{y}}b1cz}}");
    }

    #[test]
    fn the_page_has_a_place_for_everything() {
        let names: Vec<&str> =
            PAGE.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(name, _)| name).collect();
        assert_eq!(names, ["contents-policy", "title", "style", "data", "script"]);
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }

    /// The value of a colour in the style, by its name and the place of the block that sets it.
    fn colour(block: usize, name: &str) -> [f64; 3] {
        let block = STYLE.split(":root {").nth(block + 1).unwrap().split('}').next().unwrap();
        let value = block.split(&format!("--{name}: #")).nth(1).unwrap_or_else(|| panic!("no --{name}"));
        [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap()) / 255.0)
    }

    /// <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let luminance = |colour: [f64; 3]| {
            let [red, green, blue] =
                colour.map(|part| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_marks_stand_out_in_both_schemes() {
        let texts = ["text", "muted", "link", "stays", "goes", "loses"];
        for scheme in [0, 1] {
            for ground in ["page", "raised", "sunken"] {
                for text in texts {
                    let ratio = contrast(colour(scheme, text), colour(scheme, ground));
                    assert!(ratio >= 4.5, "scheme {scheme}: {text} on {ground} is {ratio:.2}");
                }
            }
            for kind in ["stays", "goes", "loses"] {
                let ratio = contrast(colour(scheme, kind), colour(scheme, &format!("{kind}-ground")));
                assert!(ratio >= 4.5, "scheme {scheme}: {kind} on its ground is {ratio:.2}");
            }
            // What shows that something can be used needs 3:1 (WCAG 1.4.11).
            for ground in ["page", "raised", "sunken"] {
                let ratio = contrast(colour(scheme, "control"), colour(scheme, ground));
                assert!(ratio >= 3.0, "scheme {scheme}: control on {ground} is {ratio:.2}");
            }
        }
    }
}
