//! What Handlebars 4.7 itself was seen to give.

use super::*;

struct Ours;

impl Functions for Ours {
    fn call(
        &self,
        name: &'static str,
        arguments: &[Value],
        _: Option<&[(String, Value)]>,
        _: bool,
    ) -> Result<Value, String> {
        match (name, arguments) {
            ("branch", _) => Ok(Value::Text("a&b=c".into())),
            ("date", [Value::Text(format)]) => Ok(Value::Text(format.clone())),
            _ => Err(format!("no {name}")),
        }
    }

    fn arity(&self, _: &'static str) -> u32 {
        0
    }
}

fn rendered(template: &str) -> Result<String, String> {
    let root = ["branch", "date"].map(|name| (name.to_owned(), Value::Function(name))).to_vec();
    render(template, root, &Ours)
}

#[test]
fn templates_are_filled_in() {
    for (template, expected) in [
        ("", ""),
        ("x{{branch}}y", "xa&amp;b&#x3D;cy"),
        ("{{{branch}}} {{&branch}}", "a&b=c a&b=c"),
        ("a {{~branch~}} b", "aa&amp;b&#x3D;cb"),
        ("{{unknown}}|{{a.b}}", "|"),
        ("{{date 'it'}} {{date \"x\\\"y\"}}", "it x&quot;y"),
        ("{{#if branch}}yes{{else}}no{{/if}}", "yes"),
        ("{{#if nothing}}a{{else if branch}}b{{else}}c{{/if}}", "b"),
        ("{{#unless nothing}}a{{/unless}}{{^nothing}}b{{/nothing}}", "ab"),
        ("{{#branch}}{{.}}{{/branch}}", "a&amp;b&#x3D;c"),
        ("\\{{branch}} \\\\{{{branch}}}", "{{branch}} \\a&b=c"),
        ("{{! no }}a{{!-- }} --}}b", "ab"),
        ("a\n{{! alone }}\nb", "a\nb"),
        ("{{#with branch}}{{length}}{{../branch.length}}{{/with}}", "50"),
        ("}}", "}}"),
        ("{{[branch]}}{{this.branch}}{{\"branch\"}}", "a&amp;b&#x3D;ca&amp;b&#x3D;ca&amp;b&#x3D;c"),
    ] {
        assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn mistakes_are_errors() {
    for template in [
        "{{branch",
        "{{}}",
        "{{#if branch}}",
        "{{/if}}",
        "{{unknown 'x'}}",
        "{{date}}",
        "{{if branch}}",
        "{{> x}}",
        "{{#if}}{{/if}}",
        "{{#a}}{{/b}}",
        "{{branch}",
        "{{branch}}}",
        "{{else}}",
        "{{* x}}",
        "{{a.this}}",
        "{{date 'x}}",
    ] {
        assert!(rendered(template).is_err(), "{template}");
    }
    assert!(rendered(&"{{#if branch}}".repeat(10_000)).is_err());
    assert!(rendered(&format!("{{{{date {}", "(".repeat(10_000))).is_err());
}

#[test]
fn a_raw_statement_is_found_in_any_spelling() {
    for template in ["{{raw}}", "{{{raw}}}", "{{~ raw ~}}", "{{this.raw}}", "{{&raw}}", "{{raw 1}}"] {
        assert!(is_raw_statement(template), "{template}");
    }
    for template in ["{{version}}", "v{{raw}}", "{{raw", "{{'raw'}}", "{{raw}} ", "raw", ""] {
        assert!(!is_raw_statement(template), "{template}");
    }
}
