//! Rows where no step of docker/metadata-action says what tags there are: what branches and git tags suggest.

use std::collections::BTreeMap;

use super::{
    GitTags, Project, Source,
    draft::{Drafts, Slot},
};

/// The most kinds of release that get rows: a repository with more of them names its images by hand.
const MOST_PREFIXES: usize = 10;

/// What a project's git tags are.
#[derive(Clone, Debug, Default)]
pub(super) struct Tags {
    /// Versions by what stands before them, without their `v`: releases and pre-releases.
    pub(super) versions: BTreeMap<String, [GitTags; 2]>,
    /// Whether most versions have a `v`.
    pub(super) has_v: bool,
    /// Dates such as `2026.03.01`, which are no versions.
    pub(super) dates: Vec<String>,
    /// All others.
    pub(super) others: Vec<String>,
}

impl Tags {
    pub(super) fn of(tags: &[String]) -> Self {
        let mut found = Self::default();
        let (mut with_v, mut without) = (0, 0);
        for tag in tags {
            match split(tag) {
                Some(Version { prefix, has_v, is_release }) => {
                    *(if has_v { &mut with_v } else { &mut without }) += 1;
                    let entry = &mut found.versions.entry(prefix.to_owned()).or_default()[usize::from(!is_release)];
                    *entry = GitTags { count: entry.count + 1, example: tag.clone() };
                }
                None if is_date(tag) => found.dates.push(tag.clone()),
                None => found.others.push(tag.clone()),
            }
        }
        found.has_v = with_v >= without;
        found
    }

    /// Tells whether git tags are bare versions, as far as it is known: without any tags they may become so.
    pub(super) fn are_versions(&self) -> bool {
        self.others.is_empty() && self.dates.is_empty() && self.versions.keys().all(|prefix| prefix.is_empty())
    }
}

/// A git tag that holds a version.
struct Version<'t> {
    prefix: &'t str,
    has_v: bool,
    is_release: bool,
}

/// Splits a version from what stands before it.
fn split(tag: &str) -> Option<Version<'_>> {
    let starts = tag.char_indices().filter(|(at, c)| {
        c.is_ascii_digit()
            && (*at == 0 || !tag[..*at].ends_with(|before: char| before.is_ascii_digit() || before == '.'))
    });
    for (at, _) in starts {
        if let Ok(version) = semver::Version::parse(&tag[at..]) {
            let before = &tag[..at];
            let prefix = before.strip_suffix('v').unwrap_or(before);
            let is_apart = prefix.is_empty() || prefix.ends_with(['-', '/', '_', '@']);
            let (has_v, is_release) = (prefix.len() < before.len(), version.pre.is_empty());
            return is_apart.then_some(Version { prefix, has_v, is_release });
        }
    }
    None
}

/// Tells whether a tag is a date of this century, written with leading zeros.
fn is_date(tag: &str) -> bool {
    let digits: String = tag.chars().filter(char::is_ascii_digit).collect();
    digits.len() >= 6
        && digits.starts_with("20")
        && tag.starts_with("20")
        && tag.chars().all(|c| c.is_ascii_digit() || ".-_".contains(c))
}

/// Suggests rows.
pub(super) fn guess(project: &Project, default: &str, tags: &Tags, pull_requests: bool, drafts: &mut Drafts) {
    let branch = Source::Branch { name: default.to_owned() };
    drafts.tag(&Slot::Default(default.to_owned()), "{{branch}}-{{sha}}", &branch);
    drafts.rolling(&Slot::Default(default.to_owned()), "{{branch}}", &branch);
    for name in ["develop", "dev", "next"] {
        if project.branches.iter().any(|other| other == name) && name != default {
            let source = Source::Branch { name: name.to_owned() };
            drafts.tag(&Slot::Branch(name.to_owned()), "{{branch}}-{{sha}}", &source);
            drafts.rolling(&Slot::Branch(name.to_owned()), "{{branch}}", &source);
        }
    }
    for start in ["release/", "releases/"] {
        if let Some(name) = project.branches.iter().find(|name| name.starts_with(start)) {
            let slot = Slot::Branch(format!("{start}**"));
            drafts.tag(&slot, "{{branch}}-{{sha}}", &Source::Branch { name: name.clone() });
        }
    }
    let bare = [GitTags::default(), GitTags::default()];
    let is_alone = tags.versions.len() == 1;
    let nothing = tags.versions.is_empty() && tags.dates.is_empty();
    let known = tags.versions.iter().map(|(prefix, found)| (prefix.as_str(), found));
    let versions: Vec<(&str, &[GitTags; 2])> = if nothing { vec![("", &bare)] } else { known.collect() };
    for (prefix, [releases, prereleases]) in versions.into_iter().take(MOST_PREFIXES) {
        let source = Source::GitTags(releases.clone());
        let v = if tags.has_v { "v" } else { "" };
        let glob = if prefix.is_empty() { String::new() } else { format!("{prefix}{v}*") };
        let before = if is_alone { String::new() } else { prefix.replace(['/', '@'], "-") };
        let name = |text: &str| format!("{before}{v}{text}");
        drafts.tag(&Slot::Release(glob.clone()), &name("{{version}}"), &source);
        for pointer in ["{{major}}.{{minor}}", "{{major}}"] {
            drafts.rolling(&Slot::Release(glob.clone()), &name(pointer), &source);
        }
        let latest = if before.is_empty() { "latest".to_owned() } else { format!("{before}latest") };
        drafts.rolling(&Slot::Release(glob.clone()), &latest, &source);
        drafts.tag(&Slot::Prerelease(glob), &name("{{version}}"), &Source::GitTags(prereleases.clone()));
    }
    if let Some(example) = tags.dates.last() {
        let source = Source::GitTags(GitTags { count: tags.dates.len(), example: example.clone() });
        let slot = Slot::Tags("20*".to_owned());
        drafts.tag(&slot, "{{tag}}", &source);
        drafts.rolling(&slot, "latest", &source);
    }
    if pull_requests {
        drafts.tag(&Slot::PullRequest, "pr-{{number}}", &Source::PullRequests);
    }
}
