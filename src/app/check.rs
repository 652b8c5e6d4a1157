//! Mode `check`: what a valid policy does, row by row. Nothing is asked of anybody.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    policy::{
        example::{Example, examples},
        inversion::shown_pattern,
        rules::{Condition, Policy, TagMatcher, TagRule},
        template::Template,
    },
    report::words,
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
}

/// Shows what each row of a policy matches. Dates in examples are those of `now`.
#[must_use]
pub fn check(policy: &Policy, now: DateTime<Utc>) -> PolicyCheck {
    PolicyCheck {
        images: policy.images.iter().map(ToString::to_string).collect(),
        rows: policy.rules.iter().map(|rule| row(rule, policy, now)).collect(),
        not_carried_out: policy.not_carried_out.clone(),
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
    let roles: [(&'static str, &[Template], fn(&Example) -> &[crate::model::Tag]); 3] = [
        ("tag", &rule.tag, |example| &example.row.tag),
        ("also", &rule.also, |example| &example.row.also),
        ("rolling", &rule.rolling, |example| &example.row.rolling),
    ];
    for (role, list, given) in roles {
        for (index, template) in list.iter().enumerate() {
            templates.extend(entry(rule, role, template, examples.first(), |example| given(example).get(index)));
        }
    }
    if let Some(template) = &rule.index {
        templates.extend(entry(rule, "index", template, None, |_| None));
    }
    RowCheck { row: rule.row.to_string(), templates }
}

/// One line for each pattern that a template inverts to: entries of `on` that differ give patterns that differ.
fn entry(
    rule: &TagRule,
    role: &'static str,
    template: &Template,
    example: Option<&Example>,
    given: impl Fn(&Example) -> Option<&crate::model::Tag>,
) -> Vec<TemplateCheck> {
    let mut patterns: Vec<String> = Vec::new();
    let conditions: Vec<&Condition> =
        rule.on.iter().filter(|entry| !entry.negated).map(|entry| &entry.condition).collect();
    for condition in conditions {
        let pattern = shown_pattern(template, condition);
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    vec![TemplateCheck {
        role,
        template: template.as_str().to_owned(),
        pattern: patterns.join(" or "),
        example: example.and_then(given).map(ToString::to_string),
        event: example.map(|example| words::event(&example.context)),
    }]
}

impl PolicyCheck {
    /// Renders the check for people.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        let Self { images, rows, not_carried_out } = self;
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
        if !not_carried_out.is_empty() {
            text.push_str(&format!("\nnote: {}\n", words::not_carried_out(not_carried_out)));
        }
        text
    }

    /// Renders the check as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { images, rows, not_carried_out } = self;
        json!({
            "valid": true,
            "images": images,
            "rows": rows.iter().map(|RowCheck { row, templates }| json!({
                "row": row,
                "templates": templates.iter().map(|TemplateCheck { role, template, pattern, example, event }| json!({
                    "role": role, "template": template, "matches": pattern, "example": example, "event": event,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "not-carried-out": not_carried_out,
        })
    }
}
