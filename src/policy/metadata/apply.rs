//! What a row gives in a run: whether it applies, its text, and what that says of the version and of `latest`.

use super::{
    error::{MetadataError, shown},
    expressions::{self, short_sha},
    facts::Facts,
    flavor::{Flavor, Latest},
    handlebars, pattern, pep440,
    rows::{Kind, Rule},
    semver,
};

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
    /// `flavor` wants no `latest`.
    NoLatest,
    /// No row gave a tag that could be the latest.
    NothingLatest,
    /// The first tag is none that `latest` follows: a pre-release, or no release at all.
    FirstIsNoRelease {
        /// The row that gave it.
        row: String,
    },
}

/// What a row gives before its prefix and suffix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The text.
    pub text: String,
    /// Whether `latest` follows it, if it is the first.
    pub votes_latest: bool,
    /// The version that it is, without build metadata.
    pub version: Option<::semver::Version>,
}

/// A row applies, or not.
type Applied = Result<Given, Skipped>;

/// Makes a text fit the grammar of tags, as far as docker/metadata-action does: each run of other characters is one `-`.
#[must_use]
pub(in crate::policy) fn sanitised(text: &str) -> String {
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

impl Rule {
    /// Puts the row's prefix and suffix around what it gives. The result may be empty, or no tag at all.
    ///
    /// # Errors
    /// If one of them cannot be filled in.
    pub(in crate::policy) fn surround(&self, text: &str, facts: &Facts) -> Result<String, MetadataError> {
        let prefix = expressions::fill(self.text_of("prefix"), facts)?;
        let suffix = expressions::fill(self.text_of("suffix"), facts)?;
        Ok(sanitised(&format!("{prefix}{text}{suffix}")))
    }
}

impl Given {
    /// A name that `latest` follows, and a version if it reads as one.
    fn named(text: String) -> Self {
        let version = semver::Version::parse(&text).and_then(|version| version.released());
        Self { text, votes_latest: true, version }
    }
}

/// Works out whether `latest` follows, from what the first row gave, if any did.
pub(in crate::policy) fn apply_latest(flavor: &Flavor, first: Option<(&Given, &Rule)>) -> Applied {
    let text = flavor.latest_tag();
    match (flavor.latest, first) {
        (Latest::Never, _) => Err(Skipped::NoLatest),
        (_, None) => Err(Skipped::NothingLatest),
        (Latest::Auto | Latest::Forward, Some((given, row))) if !given.votes_latest => {
            Err(Skipped::FirstIsNoRelease { row: row.text.clone() })
        }
        (Latest::Auto | Latest::Always | Latest::Forward, Some((given, _))) => {
            Ok(Given { text, votes_latest: true, version: given.version.clone() })
        }
    }
}

/// Works out what a row gives.
///
/// # Errors
/// If a template or expression cannot be read or has no value, or `enable` is neither `true` nor `false`.
pub(in crate::policy) fn apply(rule: &Rule, facts: &Facts) -> Result<Applied, MetadataError> {
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
    let plain = |text: &str| Ok(Given { text: text.to_owned(), votes_latest: false, version: None });
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
                _ => other_ref(wanted.unwrap_or("the default branch, which is not known here (`branch=…` names it)")),
            }
        }
        Kind::RefBranch => branch.map_or_else(|| other_ref("a branch"), plain),
        Kind::RefTag => {
            facts.name_in("refs/tags/").map_or_else(|| other_ref("a git tag"), |tag| Ok(Given::named(tag.to_owned())))
        }
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

fn apply_semver(rule: &Rule, text: &str) -> Result<Applied, MetadataError> {
    let Some(version) = semver::Version::parse(text) else {
        return Ok(Err(Skipped::NoVersion { text: text.to_owned(), wanted: "SemVer" }));
    };
    let pattern = rule.text_of("pattern");
    let pattern = match version.is_prerelease() {
        true if !handlebars::is_raw_statement(pattern) => "{{version}}",
        _ => pattern,
    };
    let text = filled(pattern, version.properties(), &semver::NoFunctions)?;
    Ok(Ok(Given { text, votes_latest: !version.is_prerelease(), version: version.released() }))
}

fn apply_pep440(rule: &Rule, text: &str) -> Result<Applied, MetadataError> {
    let Some(version) = pep440::Version::parse(text) else {
        return Ok(Err(Skipped::NoVersion { text: text.to_owned(), wanted: "PEP 440" }));
    };
    let pattern = rule.text_of("pattern");
    let text = match version.is_unusual {
        true if handlebars::is_raw_statement(pattern) => version.raw().to_owned(),
        true => version.normal().to_owned(),
        false => filled(pattern, pep440::Version::properties(), &version)?,
    };
    Ok(Ok(Given { votes_latest: !version.is_unusual, ..Given::named(text) }))
}

fn apply_match(rule: &Rule, text: &str) -> Result<Applied, MetadataError> {
    let wanted = rule.text_of("pattern");
    let Some(groups) = pattern::find_with_flags(wanted, text)? else {
        return Ok(Err(Skipped::NoMatch { pattern: wanted.to_owned(), text: text.to_owned() }));
    };
    let group = rule.text_of("group");
    let found = super::javascript::array_index(group).and_then(|index| groups.get(index as usize).cloned().flatten());
    Ok(match found {
        Some(text) => Ok(Given::named(text)),
        None => Err(Skipped::NoGroup { group: group.to_owned() }),
    })
}
