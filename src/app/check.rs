//! Mode `check`: what a valid policy does, row by row, and what it may not mean. Nothing is asked of anybody.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    model::Tag,
    policy::{
        advice::{Advice, advise},
        example::{Example, examples},
        inversion::shown_pattern,
        rules::{Policy, TagMatcher, TagRule},
        template::Template,
    },
    report::{advice, words},
};

/// What one row does.
#[derive(Clone, Debug)]
pub struct RowCheck {
    /// The row, as in messages.
    pub row: String,
    /// Each template with the pattern that it explains tags by, and an example tag.
    pub templates: Vec<TemplateCheck>,
}

/// What one template does.
#[derive(Clone, Debug)]
pub struct TemplateCheck {
    /// The part that it plays: `tag`, `also`, `rolling`, `index` or `match`.
    pub role: &'static str,
    /// The template as written.
    pub template: String,
    /// The pattern of the tags that it explains.
    pub pattern: String,
    /// A tag that an example event gives.
    pub example: Option<String>,
    /// That event.
    pub event: Option<String>,
}

/// What a policy does.
#[derive(Clone, Debug)]
pub struct PolicyCheck {
    /// Its images.
    pub images: Vec<String>,
    /// Its rows.
    pub rows: Vec<RowCheck>,
    /// The keys that this version does not carry out yet.
    pub not_carried_out: Vec<String>,
    /// What it may not mean.
    pub advice: Advice,
}

/// Shows what each row of a policy matches. Dates in examples are those of `now`.
#[must_use]
pub fn check(policy: &Policy, now: DateTime<Utc>) -> PolicyCheck {
    PolicyCheck {
        images: policy.images.iter().map(ToString::to_string).collect(),
        rows: policy.rules.iter().map(|rule| row(rule, policy, now)).collect(),
        not_carried_out: policy.not_carried_out.clone(),
        advice: advise(policy),
    }
}

fn row(rule: &TagRule, policy: &Policy, now: DateTime<Utc>) -> RowCheck {
    let examples = examples(rule, policy, now);
    let mut templates = Vec::new();
    if let Some(TagMatcher { text, regex }) = &rule.matcher {
        templates.push(TemplateCheck {
            role: "match",
            template: text.clone(),
            pattern: regex.as_str().to_owned(),
            example: None,
            event: None,
        });
    }
    let example = examples.first();
    let mut add = |role, list: &[Template], tags: Option<&[Tag]>| {
        for (index, template) in list.iter().enumerate() {
            let tag = tags.and_then(|tags| tags.get(index));
            templates.push(entry(rule, role, template, example.filter(|_| tag.is_some()), tag));
        }
    };
    add("tag", &rule.tag, example.map(|example| example.row.tag.as_slice()));
    add("also", &rule.also, example.map(|example| example.row.also.as_slice()));
    add("rolling", &rule.rolling, example.map(|example| example.row.rolling.as_slice()));
    add("index", rule.index.as_slice(), None);
    RowCheck { row: rule.row.to_string(), templates }
}

/// Entries of `on` that differ may give patterns that differ: any of them explains a tag.
fn entry(
    rule: &TagRule,
    role: &'static str,
    template: &Template,
    example: Option<&Example>,
    tag: Option<&Tag>,
) -> TemplateCheck {
    let mut patterns: Vec<String> = Vec::new();
    for entry in rule.on.iter().filter(|entry| !entry.negated) {
        let pattern = shown_pattern(template, &entry.condition);
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    TemplateCheck {
        role,
        template: template.as_str().to_owned(),
        pattern: patterns.join(" or "),
        example: tag.map(ToString::to_string),
        event: example.map(|example| words::event(&example.context)),
    }
}

impl PolicyCheck {
    /// Renders the check for people.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        let Self { images, rows, not_carried_out: _, advice: _ } = self;
        let mut text = format!("{name} is valid: {} for {}\n", words::count(rows.len(), "row"), images.join(", "));
        for RowCheck { row, templates } in rows {
            text.push_str(&format!("\n{row}\n"));
            let mut event = None;
            for template in templates {
                let TemplateCheck { role, template: written, pattern, example, event: on } = template;
                if event.is_none() && on.is_some() {
                    event.clone_from(on);
                    text.push_str(&format!("  for example {}\n", on.as_deref().unwrap_or_default()));
                }
                let example = example.as_ref().map(|tag| format!(" -> {tag}")).unwrap_or_default();
                text.push_str(&format!("  {role:<8} {written}{example}\n           matches {pattern}\n"));
            }
        }
        text
    }

    /// Returns what may be wrong, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        advice::warnings(&self.advice)
    }

    /// Returns what is worth knowing, a sentence each.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        match self.not_carried_out.as_slice() {
            [] => Vec::new(),
            keys => vec![words::not_carried_out(keys)],
        }
    }

    /// Renders the check as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { images, rows, not_carried_out, advice } = self;
        json!({
            "valid": true,
            "images": images,
            "rows": rows.iter().map(|RowCheck { row, templates }| json!({
                "row": row,
                "templates": templates.iter().map(|TemplateCheck { role, template, pattern, example, event }| json!({
                    "role": role, "template": template, "matches": pattern, "example": example, "event": event,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "findings": advice.findings.iter().map(advice::document).collect::<Vec<_>>(),
            "findings-omitted": advice.omitted,
            "not-carried-out": not_carried_out,
        })
    }
}
