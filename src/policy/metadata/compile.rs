//! From docker/metadata-action's inputs to the rules that the engine tries.

use super::{
    csv,
    error::MetadataError,
    flavor::{Flavor, Latest},
    images::{self, Image},
    outputs::{Items, MetadataInputs},
    rows::{self, Kind, Rule},
};
use crate::{
    model::ImageName,
    policy::{
        rules::{Condition, Immutable, Keep, OnEntry, Policy, Row, Sanitiser, TagRule},
        template::{Template, Variable},
    },
};

/// How a run is read for these rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether the commit of a pull request is its head (`DOCKER_METADATA_PR_HEAD_SHA`).
    pub pull_request_head: bool,
    /// `DOCKER_METADATA_SHORT_SHA_LENGTH` as written; `None` if it is not set.
    pub short_sha_length: Option<String>,
}

/// The inputs, read.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The rules, with those images whose names say which registry they are in.
    pub policy: Policy,
    /// The names that tags are made for, in the order of the input.
    pub names: Vec<String>,
    /// The items of `labels` and `annotations`.
    pub items: Items,
}

impl Compiled {
    /// Tells whether the registry has to be asked for what is published, or an attribute is there only for that.
    #[must_use]
    pub fn asks_registry(&self) -> bool {
        self.policy.rules.iter().any(|rule| rule.immutable != Immutable::No || is_pointer(rule))
    }

    /// Returns the first of the names that does not say which registry it is in.
    #[must_use]
    pub fn unqualified(&self) -> Option<&str> {
        self.names.iter().map(String::as_str).find(|name| name.parse::<ImageName>().is_err())
    }
}

/// Tells whether a regular expression is among the rules: it may search for ever.
#[must_use]
pub fn searches(policy: &Policy) -> bool {
    policy.rules.iter().flat_map(|rule| &rule.on).any(|entry| match &entry.condition {
        Condition::Metadata(row) => {
            row.kind == Kind::Match || row.attribute("match").is_some_and(|text| !text.is_empty())
        }
        _ => false,
    })
}

/// Tells whether a rule or an item asks when the commit was committed.
#[must_use]
pub fn asks_commit_date(policy: &Policy, items: &Items) -> bool {
    const NAME: &str = "commit_date";
    policy.rules.iter().flat_map(|rule| &rule.on).any(|entry| match &entry.condition {
        Condition::Metadata(row) => row.text.contains(NAME) || row.affixes().any(|text| text.contains(NAME)),
        _ => false,
    }) || items.labels.iter().chain(&items.annotations).any(|item| item.contains(NAME))
}

fn is_pointer(rule: &TagRule) -> bool {
    rule.on.iter().any(|entry| match &entry.condition {
        Condition::Metadata(row) => row.extension.rolling,
        Condition::Latest(flavor) => flavor.latest == Latest::Forward,
        _ => false,
    })
}

/// Reads the inputs.
///
/// # Errors
/// At the first mistake, in the order in which docker/metadata-action reads them.
pub fn compile(inputs: &MetadataInputs, settings: Settings) -> Result<Compiled, MetadataError> {
    let items =
        |input: &'static str, text: &str| csv::items(text).map_err(|problem| MetadataError::csv(input, text, problem));
    let image_items = items("images", &inputs.images)?;
    let tag_items = items("tags", &inputs.tags)?;
    let flavor_items = items("flavor", &inputs.flavor)?;
    let own = Items::read(inputs)?;
    let images: Vec<Image> = images::parse(&image_items)?;
    let rows = rows::parse(&tag_items)?;
    let flavor = Flavor::parse(&flavor_items)?;
    let names = images::enabled_names(&images);
    let mut in_registries: Vec<ImageName> = Vec::new();
    for image in names.iter().filter_map(|name| name.parse().ok()) {
        if !in_registries.contains(&image) {
            in_registries.push(image);
        }
    }
    let rules = tag_rules(rows, &flavor)?;
    Ok(Compiled { policy: policy(in_registries, rules, settings), names, items: own })
}

fn policy(images: Vec<ImageName>, rules: Vec<TagRule>, settings: Settings) -> Policy {
    let keeps = rules.iter().any(|rule| rule.keep != Keep::FOREVER);
    Policy {
        images,
        rules,
        untagged: None,
        keep_at_least: 0,
        protect: Vec::new(),
        references: None,
        repository: None,
        unreadable: Vec::new(),
        checks: None,
        visibility: None,
        release_notes: false,
        mirrors: Vec::new(),
        upstream: None,
        drop_in: Some(settings),
        not_carried_out: if keeps { vec!["keep".to_owned()] } else { Vec::new() },
    }
}

fn tag_rules(rows: Vec<Rule>, flavor: &Flavor) -> Result<Vec<TagRule>, MetadataError> {
    let rows: Vec<Rule> = rows.into_iter().map(|row| row.under(flavor)).collect();
    let mut rules = Vec::new();
    for row in &rows {
        let named = |like: &Rule| {
            like.attribute("value") == row.attribute("value") && like.attribute("match") == row.attribute("match")
        };
        let (tag, rolling) = match (row.extension.rolling, row.kind) {
            (true, Kind::Semver) => {
                let fail = |problem: &str| MetadataError::entry("tags", &row.text, problem);
                if !row.whole_versions().is_empty() {
                    return Err(fail(
                        "its pattern is the whole version, which never moves: leave `rolling` out, or use `{{major}}` or `{{major}}.{{minor}}`",
                    ));
                }
                let pointer = row.template(row.text_of("pattern")).ok_or_else(|| {
                    fail("`rolling` needs a pattern of `{{major}}`, `{{minor}}`, `{{patch}}` and plain text, and a plain prefix and suffix")
                })?;
                let versions: Vec<Template> = rows
                    .iter()
                    .filter(|other| other.kind == Kind::Semver && named(other))
                    .flat_map(Rule::versions)
                    .collect();
                if versions.is_empty() {
                    return Err(fail(
                        "`rolling` needs to know which versions are published: add a row that gives the whole version, such as `type=semver,pattern={{version}}`",
                    ));
                }
                (versions.into_iter().chain(row.versions_beside()).collect(), vec![pointer])
            }
            (true, _) => (Vec::new(), row.plain_template().into_iter().collect()),
            (false, _) => (row.versions().into_iter().chain(row.plain_template()).collect(), Vec::new()),
        };
        let row_shown = Row { number: row.number, line: None, label: super::error::shown(&row.text) };
        let mut rule = tag_rule(row_shown, Condition::Metadata(Box::new(row.clone())), tag, rolling);
        rule.immutable = row.extension.immutable;
        rule.keep = row.extension.keep.clone();
        rules.push(rule);
    }
    rules.push(latest_rule(&rows, flavor)?);
    Ok(rules)
}

fn latest_rule(rows: &[Rule], flavor: &Flavor) -> Result<TagRule, MetadataError> {
    let is_forward = flavor.latest == Latest::Forward;
    let versions: Vec<Template> = rows.iter().flat_map(Rule::versions).collect();
    if is_forward && versions.is_empty() && rows.iter().any(Rule::is_about_versions) {
        return Err(MetadataError::entry(
            "flavor",
            "latest=forward",
            "nothing tells which versions are published: add a row that gives the whole version, such as `type=semver,pattern={{version}}`",
        ));
    }
    let latest = Template::parse(&super::apply::sanitised(&flavor.latest_tag())).ok();
    let rolling = latest.into_iter().filter(|_| is_forward).collect();
    let label = match flavor.latest {
        Latest::Auto => "flavor latest=auto",
        Latest::Always => "flavor latest=true",
        Latest::Never => "flavor latest=false",
        Latest::Forward => "flavor latest=forward",
    };
    let row = Row { number: rows.len() + 1, line: None, label: label.to_owned() };
    let tag = if is_forward { versions } else { Vec::new() };
    Ok(tag_rule(row, Condition::Latest(flavor.clone()), tag, rolling))
}

fn tag_rule(row: Row, condition: Condition, tag: Vec<Template>, rolling: Vec<Template>) -> TagRule {
    TagRule {
        row,
        on: vec![OnEntry { negated: false, condition }],
        tag,
        also: Vec::new(),
        rolling,
        index: None,
        immutable: Immutable::No,
        keep: Keep::FOREVER,
        matcher: None,
        sanitiser: Sanitiser::Metadata,
    }
}

impl Rule {
    /// Returns the templates by which versions that the row published are read from their tags; none if its tags do not hold
    /// whole versions, or that cannot be told.
    fn versions(&self) -> Vec<Template> {
        if self.extension.rolling { Vec::new() } else { self.whole_versions() }
    }

    /// The same, for what the row would publish. A `v` before the version may have come or gone since.
    fn whole_versions(&self) -> Vec<Template> {
        let pattern = match self.kind {
            Kind::Semver | Kind::Pep440 => without_blanks(self.text_of("pattern")).replace("{{raw}}", "{{version}}"),
            Kind::RefTag | Kind::Match => "{{version}}".to_owned(),
            _ => return Vec::new(),
        };
        let is_whole = |template: &Template| {
            let holds = |wanted: &Variable| template.variables().any(|(variable, _)| variable == wanted);
            holds(&Variable::Version) || (holds(&Variable::Major) && holds(&Variable::Minor) && holds(&Variable::Patch))
        };
        let other = match pattern.strip_prefix('v') {
            Some(rest) => rest.to_owned(),
            None => format!("v{pattern}"),
        };
        [pattern, other].iter().filter_map(|text| self.template(text)).filter(is_whole).collect()
    }

    /// Returns the templates of versions with the row's prefix and suffix, whoever published them.
    fn versions_beside(&self) -> impl Iterator<Item = Template> {
        ["{{version}}", "v{{version}}"].into_iter().filter_map(|text| self.template(text))
    }

    /// Returns the template of a row whose tags hold no version, if there is one that says the same.
    fn plain_template(&self) -> Option<Template> {
        let text = match self.kind {
            Kind::ShaShort => "{{sha}}",
            Kind::ShaLong => "{{sha.full}}",
            Kind::Edge => "edge",
            Kind::Schedule => self.text_of("pattern"),
            Kind::Raw => self.text_of("value"),
            Kind::RefPullRequest => "{{number}}",
            Kind::Semver | Kind::Pep440 | Kind::Match | Kind::RefTag | Kind::RefBranch => return None,
        };
        let is_plain =
            matches!(self.kind, Kind::ShaShort | Kind::ShaLong | Kind::RefPullRequest) || !text.contains("{{");
        self.template(text).filter(|_| is_plain)
    }

    /// Reads a text between the row's prefix and suffix as a template of the policy language, if it is one.
    fn template(&self, text: &str) -> Option<Template> {
        let (prefix, suffix) = (self.text_of("prefix"), self.text_of("suffix"));
        let is_plain = !prefix.contains("{{") && !suffix.contains("{{");
        let template = Template::parse(&format!("{prefix}{}{suffix}", without_blanks(text))).ok()?;
        let known = template.variables().all(|(variable, _)| {
            matches!(
                variable,
                Variable::Version
                    | Variable::Major
                    | Variable::Minor
                    | Variable::Patch
                    | Variable::Sha
                    | Variable::ShaFull
                    | Variable::Number
            )
        });
        (is_plain && known).then_some(template)
    }
}

fn without_blanks(pattern: &str) -> String {
    pattern.replace(' ', "")
}
