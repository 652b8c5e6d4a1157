//! Mode `check`: what a valid policy does, row by row, and what it may not mean; which image references of the work tree
//! name no registry, where the policy requires one. Nothing is asked of anybody.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Finished;
use crate::{
    error::{Error, Place},
    model::{Tag, untrusted::shown},
    policy::{
        advice::{Advice, Part, advise, duration_text, life_of},
        example::{Example, examples},
        inversion::shown_pattern,
        references::registry::{WithoutRegistry, without_registry},
        rules::{Immutable, Policy, Protected, TagMatcher, TagRule},
        template::Template,
    },
    report::{advice, words},
};

/// The most references without a registry that are told; the others are counted.
const MAX_TOLD: usize = 50;

/// The most characters that set the width of a column.
const WIDEST_COLUMN: usize = 30;

/// What one row does.
#[derive(Clone, Debug)]
pub struct RowCheck {
    /// The row, as in messages.
    pub row: String,
    /// How long its tags live, and whether they may be replaced.
    pub life: RowLife,
    /// Each template with the pattern that it explains tags by, and an example tag.
    pub templates: Vec<TemplateCheck>,
}

/// How long the tags of a row live, and whether they may be replaced.
#[derive(Clone, Debug)]
pub struct RowLife {
    /// What keeps them: any of these.
    pub keep: Vec<Part>,
    /// Whether a published `tag` may get another image.
    pub immutable: Immutable,
    /// Whether some are pointers.
    pub rolling: bool,
}

/// What is kept beside what rows keep.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The life of versions that no tag reaches; `None` keeps them.
    pub untagged: Option<Duration>,
    /// The newest images of a package that stay.
    pub at_least: u32,
    /// What is never deleted.
    pub protect: Vec<String>,
    /// The files whose image references are never deleted.
    pub references: Vec<String>,
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
    /// What is kept beside what they keep.
    pub kept: Kept,
    /// The keys that this version does not carry out yet.
    pub not_carried_out: Vec<String>,
    /// What it may not mean.
    pub advice: Advice,
    /// What the files of `references` lack, where `require-registry` asks for it.
    pub registries: Option<Registries>,
}

/// Which image references name no registry.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    /// How many files were looked at.
    pub files: usize,
    /// The first references, each with the path of its file.
    pub missing: Vec<(String, WithoutRegistry)>,
    /// How many more there are.
    pub omitted: usize,
}

impl Registries {
    /// Looks at files, texts by their paths.
    fn of(files: &BTreeMap<String, String>) -> Self {
        let mut found = Self { files: files.len(), ..Self::default() };
        for (path, text) in files {
            for reference in without_registry(path, text) {
                if found.missing.len() < MAX_TOLD {
                    found.missing.push((path.clone(), reference));
                } else {
                    found.omitted += 1;
                }
            }
        }
        found
    }

    /// Says what is missing, if anything. The policy and the inputs are right, and what was to be shown, that every
    /// reference names its registry, is not so: that is work that failed (exit code 1), as linters end, not a wrong input
    /// (2).
    fn error(&self) -> Option<Error> {
        let Self { files: _, missing, omitted } = self;
        let count = missing.len() + omitted;
        let verb = if count == 1 { "names" } else { "name" };
        let message = format!(
            "find a registry in every image reference, as `references.require-registry` asks: {} {verb} none",
            words::count(count, "reference")
        );
        let mut error = Error::failed(message);
        for (path, WithoutRegistry { line, column, written, qualified }) in missing {
            let message =
                format!("`{}` names no registry: write `{}`", words::quoted(written), words::quoted(qualified));
            error = error.with_detail(format!("{}:{line}:{column}: {message}", shown(path)));
            error.places.push(Place { file: path.clone(), line: *line as u64, column: *column as u64, message });
        }
        if *omitted > 0 {
            error = error.with_detail(format!("and {omitted} more"));
        }
        (count > 0).then(|| {
            error.with_hint(
                "`docker.io` is what Docker puts before such a name; write another registry where that is meant",
            )
        })
    }
}

/// Shows what each row of a policy matches. Dates in examples are those of `now`; `files` are those whose image references
/// must name their registry, texts by their paths.
#[must_use]
pub fn check(policy: &Policy, now: DateTime<Utc>, files: Option<&BTreeMap<String, String>>) -> PolicyCheck {
    PolicyCheck {
        registries: files.map(Registries::of),
        images: policy.images.iter().map(ToString::to_string).collect(),
        rows: policy.rules.iter().map(|rule| row(rule, policy, now)).collect(),
        kept: kept(policy),
        not_carried_out: policy.not_carried_out.clone(),
        advice: advise(policy),
    }
}

fn kept(policy: &Policy) -> Kept {
    let protected = |protected: &Protected| match protected {
        Protected::Tags(glob) => glob.to_string(),
        Protected::Digest(digest) => digest.short(),
    };
    Kept {
        untagged: policy.untagged,
        at_least: policy.keep_at_least,
        protect: policy.protect.iter().map(protected).collect(),
        references: policy.references.iter().flat_map(|found| &found.files).map(ToString::to_string).collect(),
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
    let life = RowLife { keep: life_of(rule), immutable: rule.immutable, rolling: !rule.rolling.is_empty() };
    RowCheck { row: rule.row.to_string(), life, templates }
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

impl TemplateCheck {
    fn shown_example(&self) -> &str {
        self.example.as_deref().unwrap_or_default()
    }
}

impl PolicyCheck {
    /// Renders the check for people.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        let Self { images, rows, kept, not_carried_out: _, advice: _, registries } = self;
        let mut text = format!("{name} is valid: {} for {}\n", words::count(rows.len(), "row"), images.join(", "));
        let all = || rows.iter().flat_map(|row| &row.templates);
        // What is longer stands out of its column, and does not push all others aside.
        let lengths = |of: fn(&TemplateCheck) -> &str| all().map(move |one| of(one).chars().count());
        let width = |of| lengths(of).filter(|length| *length <= WIDEST_COLUMN).max().unwrap_or(0);
        let (widest, wide) = (width(|one| &one.template), width(TemplateCheck::shown_example));
        for RowCheck { row, life, templates } in rows {
            let _ = write!(text, "\n{row}: {}\n", advice::row_life(&life.keep, life.immutable, life.rolling));
            if let Some(event) = templates.iter().find_map(|template| template.event.as_ref()) {
                let _ = writeln!(text, "  for example {event}:");
            }
            for template in templates {
                let TemplateCheck { role, template: written, pattern, .. } = template;
                let arrow = if template.example.is_some() { "->" } else { "  " };
                let example = template.shown_example();
                let _ = writeln!(text, "  {role:<7}  {written:<widest$}  {arrow} {example:<wide$}  matches {pattern}");
            }
        }
        text.push('\n');
        text.push_str(&advice::kept_beside_rows(kept.untagged, kept.at_least, &kept.protect, &kept.references));
        if let Some(Registries { files: 1.., missing, .. }) = registries
            && missing.is_empty()
        {
            text.push_str("\nevery image reference in the files of `references` names its registry\n");
        }
        text
    }

    /// Tells it all; what is called `name` is the policy.
    #[must_use]
    pub fn finished(&self, name: &str) -> Finished {
        Finished {
            text: self.text(name),
            json: self.json(),
            outputs: Vec::new(),
            is_drop_in: false,
            error: self.registries.as_ref().and_then(Registries::error),
            summary: String::new(),
            warnings: self.warnings(),
            notices: self.notices(),
        }
    }

    /// Returns what may be wrong, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = advice::warnings(&self.advice);
        if self.registries.as_ref().is_some_and(|registries| registries.files == 0) {
            warnings.push(
                "`references.files` names no file of the work tree, so no image reference was looked at: run it at the repository's root, after `actions/checkout`"
                    .to_owned(),
            );
        }
        warnings
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
        let Self { images, rows, kept, not_carried_out, advice, registries } = self;
        let Kept { untagged, at_least, protect, references: files } = kept;
        let references = registries.as_ref().map(|Registries { files, missing, omitted }| {
            let document = |(path, reference): &(String, WithoutRegistry)| {
                let WithoutRegistry { line, column, written, qualified } = reference;
                json!({"file": path, "line": line, "column": column, "written": written, "qualified": qualified})
            };
            let missing: Vec<Value> = missing.iter().map(document).collect();
            json!({"files": files, "without-registry": missing, "without-registry-omitted": omitted})
        });
        json!({
            "valid": true,
            "images": images,
            "rows": rows.iter().map(|RowCheck { row, life, templates }| json!({
                "row": row,
                "keep": advice::life(&life.keep),
                "immutable": advice::immutable_value(life.immutable),
                "templates": templates.iter().map(|TemplateCheck { role, template, pattern, example, event }| json!({
                    "role": role, "template": template, "matches": pattern, "example": example, "event": event,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "untagged": untagged.map(duration_text),
            "keep-at-least": at_least,
            "protect": protect,
            "reference-files": files,
            "findings": advice.findings.iter().map(advice::document).collect::<Vec<_>>(),
            "findings-omitted": advice.omitted,
            "references": references,
            "not-carried-out": not_carried_out,
        })
    }
}
