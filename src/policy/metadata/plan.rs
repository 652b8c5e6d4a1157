//! From a run to its version and tags: which rules apply, and what each gives.

use super::{
    error::{MetadataError, shown},
    expressions::{self, short_sha},
    facts::Facts,
    flavor::{Flavor, Latest},
    handlebars, pattern, pep440,
    rows::{Kind, Rule},
    semver,
};

/// The tags of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a plan does nothing until it is shown"]
pub struct MetadataPlan {
    /// The first tag.
    pub version: Option<String>,
    /// Further tags, each once.
    pub further: Vec<String>,
    /// The tag `latest`, where there is one: it may be among the others as well.
    pub latest: Option<String>,
    /// Rules that give nothing, with the reason, in the order that they are tried.
    pub skipped: Vec<(String, Skipped)>,
}

/// Why a rule gives no tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// `enable` says so.
    Disabled,
    /// The event is another.
    OtherEvent {
        /// Its name.
        event: String,
    },
    /// The ref is of another kind, or of another branch.
    OtherRef {
        /// What the rule is about.
        wanted: String,
        /// The ref.
        found: String,
    },
    /// The text is no version.
    NoVersion {
        /// The text.
        text: String,
        /// The kind of version that it should be.
        wanted: &'static str,
    },
    /// The pattern does not match.
    NoMatch {
        /// The pattern.
        pattern: String,
        /// The text.
        text: String,
    },
    /// The pattern matches without such a group.
    NoGroup {
        /// The group.
        group: String,
    },
    /// The commit is not known.
    NoCommit,
    /// The tag would be empty.
    Empty,
}

/// What a rule gives before its prefix and suffix.
struct Given {
    text: String,
    /// Whether the rule votes for `latest`.
    votes_latest: bool,
}

impl MetadataPlan {
    /// Returns the tags in their order; the last one may be a repetition.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let latest = self.latest.iter().filter(|_| self.version.is_some());
        self.version.iter().chain(&self.further).chain(latest).map(String::as_str)
    }
}

/// Plans the tags of a run from rules in the order that they are tried.
///
/// # Errors
/// If a template or expression cannot be read or has no value, or `enable` is neither `true` nor `false`.
pub fn plan(rules: &[Rule], flavor: &Flavor, facts: &Facts) -> Result<MetadataPlan, MetadataError> {
    let mut plan = MetadataPlan::default();
    let mut latest = None;
    for rule in rules {
        let skip = match apply(rule, facts)? {
            Err(reason) => reason,
            Ok(given) => {
                let text = surrounded(given.text, rule, flavor, facts)?;
                if text.is_empty() {
                    Skipped::Empty
                } else {
                    let tag = sanitised(&text);
                    if plan.version.is_none() {
                        latest = Some(given.votes_latest);
                        plan.version = Some(tag);
                    } else if plan.version.as_ref() != Some(&tag) && !plan.further.contains(&tag) {
                        plan.further.push(tag);
                    }
                    continue;
                }
            }
        };
        plan.skipped.push((rule.text.clone(), skip));
    }
    let wanted = match flavor.latest {
        Latest::Auto => latest == Some(true),
        Latest::Always => latest.is_some(),
        Latest::Never => false,
    };
    plan.latest = wanted.then(|| sanitised(&flavor.latest_tag()));
    Ok(plan)
}

/// Makes a text fit the grammar of tags, as far as docker/metadata-action does: each run of other characters is one `-`.
#[must_use]
pub fn sanitised(text: &str) -> String {
    let mut tag = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars() {
        let allowed = crate::model::Tag::allows(character);
        if allowed || !in_run {
            tag.push(if allowed { character } else { '-' });
        }
        in_run = !allowed;
    }
    tag
}

fn surrounded(text: String, rule: &Rule, flavor: &Flavor, facts: &Facts) -> Result<String, MetadataError> {
    let prefix = expressions::fill(rule.attribute("prefix").unwrap_or(&flavor.prefix), facts)?;
    let suffix = expressions::fill(rule.attribute("suffix").unwrap_or(&flavor.suffix), facts)?;
    Ok(format!("{prefix}{text}{suffix}"))
}

fn apply(rule: &Rule, facts: &Facts) -> Result<Result<Given, Skipped>, MetadataError> {
    let enable = rule.text_of("enable");
    match expressions::fill(enable, facts)?.as_str() {
        "true" => {}
        "false" => return Ok(Err(Skipped::Disabled)),
        other => {
            let problem = format!("`enable` must be `true` or `false`, and `{enable}` gives `{}`", shown(other));
            return Err(MetadataError::entry("tags", &rule.text, problem));
        }
    }
    let branch = facts.name_in("refs/heads/");
    let other_ref = |wanted: &str| {
        Err(Skipped::OtherRef { wanted: wanted.to_owned(), found: facts.git_ref.clone().unwrap_or_default() })
    };
    let plain = |text: &str| Ok(Given { text: text.to_owned(), votes_latest: false });
    Ok(match rule.kind {
        Kind::Schedule if !facts.event_name.contains("schedule") => {
            Err(Skipped::OtherEvent { event: facts.event_name.clone() })
        }
        Kind::Schedule => plain(&expressions::fill_schedule(rule.text_of("pattern"), facts)?),
        Kind::Semver | Kind::Pep440 | Kind::Match => match subject(rule, facts)? {
            None => other_ref("a git tag"),
            Some(text) if rule.kind == Kind::Match => apply_match(rule, &text)?,
            Some(text) => {
                let text = narrowed(rule, text)?.replace('/', "-");
                if rule.kind == Kind::Semver { apply_semver(rule, &text)? } else { apply_pep440(rule, &text)? }
            }
        },
        Kind::Edge => {
            let wanted = match rule.text_of("branch") {
                "" => facts.repository.default_branch.as_deref(),
                branch => Some(branch),
            };
            match branch {
                Some(branch) if wanted == Some(branch) => plain("edge"),
                _ => other_ref(wanted.unwrap_or("the default branch")),
            }
        }
        Kind::RefBranch => branch.map_or_else(|| other_ref("a branch"), plain),
        Kind::RefTag => facts
            .name_in("refs/tags/")
            .map_or_else(|| other_ref("a git tag"), |tag| Ok(Given { text: tag.to_owned(), votes_latest: true })),
        Kind::RefPullRequest => facts
            .name_in("refs/pull/")
            .map_or_else(|| other_ref("a pull request"), |name| plain(name.strip_suffix("/merge").unwrap_or(name))),
        Kind::Raw => plain(&expressions::fill(rule.text_of("value"), facts)?),
        Kind::ShaShort | Kind::ShaLong => match facts.sha.as_deref().filter(|sha| !sha.is_empty()) {
            None => Err(Skipped::NoCommit),
            Some(sha) if rule.kind == Kind::ShaLong => plain(sha),
            Some(sha) => {
                let short = short_sha(sha, facts);
                plain(&short.map_err(|problem| MetadataError::entry("tags", &rule.text, problem))?)
            }
        },
    })
}

/// The text that a version or a pattern is looked for in: the value, else the git tag.
fn subject(rule: &Rule, facts: &Facts) -> Result<Option<String>, MetadataError> {
    match rule.text_of("value") {
        "" => Ok(facts.name_in("refs/tags/").map(str::to_owned)),
        value => expressions::fill(value, facts).map(Some),
    }
}

/// What the attribute `match` finds in a text: its first group. A text in which it finds nothing stays.
fn narrowed(rule: &Rule, text: String) -> Result<String, MetadataError> {
    let wanted = rule.text_of("match");
    if wanted.is_empty() {
        return Ok(text);
    }
    match pattern::find_plain(wanted, &text)? {
        None => Ok(text),
        Some(groups) => groups
            .into_iter()
            .nth(1)
            .flatten()
            .ok_or_else(|| MetadataError::pattern(wanted, "it has no group 1, or that takes no part in the match")),
    }
}

fn filled(
    pattern: &str,
    properties: Vec<(String, handlebars::Value)>,
    functions: &dyn handlebars::Functions,
) -> Result<String, MetadataError> {
    handlebars::render(pattern, properties, functions).map_err(|problem| MetadataError::template(pattern, problem))
}

fn apply_semver(rule: &Rule, text: &str) -> Result<Result<Given, Skipped>, MetadataError> {
    let Some(version) = semver::Version::parse(text) else {
        return Ok(Err(Skipped::NoVersion { text: text.to_owned(), wanted: "SemVer" }));
    };
    let pattern = rule.text_of("pattern");
    let pattern = match version.is_prerelease() {
        true if !handlebars::is_raw_statement(pattern) => "{{version}}",
        _ => pattern,
    };
    let text = filled(pattern, version.properties(), &semver::NoFunctions)?;
    Ok(Ok(Given { text, votes_latest: !version.is_prerelease() }))
}

fn apply_pep440(rule: &Rule, text: &str) -> Result<Result<Given, Skipped>, MetadataError> {
    let Some(version) = pep440::Version::parse(text) else {
        return Ok(Err(Skipped::NoVersion { text: text.to_owned(), wanted: "PEP 440" }));
    };
    let pattern = rule.text_of("pattern");
    let text = match version.is_unusual {
        true if handlebars::is_raw_statement(pattern) => version.raw().to_owned(),
        true => version.normal().to_owned(),
        false => filled(pattern, pep440::Version::properties(), &version)?,
    };
    Ok(Ok(Given { text, votes_latest: !version.is_unusual }))
}

fn apply_match(rule: &Rule, text: &str) -> Result<Result<Given, Skipped>, MetadataError> {
    let wanted = rule.text_of("pattern");
    let Some(groups) = pattern::find_with_flags(wanted, text)? else {
        return Ok(Err(Skipped::NoMatch { pattern: wanted.to_owned(), text: text.to_owned() }));
    };
    let group = rule.text_of("group");
    let found = super::javascript::array_index(group).and_then(|index| groups.get(index as usize).cloned().flatten());
    Ok(match found {
        Some(text) => Ok(Given { text, votes_latest: true }),
        None => Err(Skipped::NoGroup { group: group.to_owned() }),
    })
}
