//! What both tagging languages compile to: the rows of a policy file, and those of docker/metadata-action's inputs.

use std::{fmt, num::NonZeroU32, time::Duration};

use regex_lite::Regex;

use super::{
    glob::Glob,
    metadata::{self, Settings},
    template::Template,
};
use crate::model::{Digest, ImageName, RepositoryName};

/// A policy, valid in itself.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The images that share the rows.
    pub images: Vec<ImageName>,
    /// The rows of `tags`, in the order that they are tried: that of the file, or by falling `priority`.
    pub rules: Vec<TagRule>,
    /// The life of versions that no tag reaches; `None` keeps them.
    pub untagged: Option<Duration>,
    /// The newest images of a package that are kept, whatever the rows say.
    pub keep_at_least: u32,
    /// Tags and digests that are never deleted.
    pub protect: Vec<Protected>,
    /// Files whose image references are kept.
    pub references: Option<References>,
    /// The repository that `keep` asks about; by default the one that the package is linked to.
    pub repository: Option<RepositoryName>,
    /// Digests that are known to be lost.
    pub unreadable: Vec<Digest>,
    /// What an image must be before tags move.
    pub checks: Option<Checks>,
    /// The visibility that is checked after a push.
    pub visibility: Option<Visibility>,
    /// Whether the GitHub release gets a table of digests.
    pub release_notes: bool,
    /// Where the tags are copied to.
    pub mirrors: Vec<Mirror>,
    /// The project whose releases are tracked.
    pub upstream: Option<Upstream>,
    /// How the run is read where the rules are docker/metadata-action's; `None` for a policy file.
    pub drop_in: Option<Settings>,
    /// The keys in the file whose work this version does not carry out yet, in the order of the file.
    pub not_carried_out: Vec<String>,
}

/// A row: which event creates which tags, whether they may move, and how long they live.
#[derive(Clone, Debug)]
pub struct TagRule {
    /// Where the row is, for messages.
    pub row: Row,
    /// The events that fit. Empty for a row that only `match`es.
    pub on: Vec<OnEntry>,
    /// The templates that `keep` is about. Of a rule of docker/metadata-action, which gives its name by
    /// [`Condition::Metadata`], all templates are how published tags of it are read, as far as that is known.
    pub tag: Vec<Template>,
    /// Further names of the same image.
    pub also: Vec<Template>,
    /// Pointers, which only move forward.
    pub rolling: Vec<Template>,
    /// The tag that joins this row's tag and its siblings.
    pub index: Option<Template>,
    /// Whether a tag that exists may be replaced.
    pub immutable: Immutable,
    /// How long a tag lives.
    pub keep: Keep,
    /// What takes the place of the row's inversion.
    pub matcher: Option<TagMatcher>,
    /// How values become parts of a tag.
    pub sanitiser: Sanitiser,
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1.
    pub number: usize,
    /// The line in the policy file, from 1; `None` for rules of inputs.
    pub line: Option<usize>,
    /// What the row is `on`, as written (several joined by a comma), or its `match`.
    pub label: String,
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, line, label } = self;
        match line {
            Some(line) => write!(formatter, "row {number} (`{label}`, line {line})"),
            None => write!(formatter, "row {number} (`{label}`)"),
        }
    }
}

/// One entry of a row's `on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnEntry {
    /// Whether the entry takes away what it fits (`!branch main`).
    pub negated: bool,
    /// What it fits.
    pub condition: Condition,
}

/// What an entry of `on` fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A git tag that is SemVer without a pre-release part; with a glob, the part that its `*` matched is.
    Release(Option<Glob>),
    /// A git tag that is SemVer with a pre-release part.
    Prerelease(Option<Glob>),
    /// A git tag.
    Tag(Glob),
    /// A branch.
    Branch(Glob),
    /// A pull request.
    PullRequest,
    /// A cron time.
    Schedule,
    /// A run that somebody or an API call started.
    Dispatch,
    /// A merge queue's group.
    MergeGroup,
    /// What a row of docker/metadata-action's input `tags` says.
    Metadata(Box<metadata::Rule>),
    /// What its `flavor` says of `latest`, and what the rows before it gave.
    Latest(metadata::Flavor),
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(None) => formatter.write_str("release"),
            Self::Release(Some(glob)) => write!(formatter, "release {glob}"),
            Self::Prerelease(None) => formatter.write_str("prerelease"),
            Self::Prerelease(Some(glob)) => write!(formatter, "prerelease {glob}"),
            Self::Tag(glob) => write!(formatter, "tag {glob}"),
            Self::Branch(glob) => write!(formatter, "branch {glob}"),
            Self::PullRequest => formatter.write_str("pull request"),
            Self::Schedule => formatter.write_str("schedule"),
            Self::Dispatch => formatter.write_str("dispatch"),
            Self::MergeGroup => formatter.write_str("merge group"),
            Self::Metadata(rule) => formatter.write_str(&rule.text),
            Self::Latest(_) => formatter.write_str("flavor latest"),
        }
    }
}

impl fmt::Display for OnEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { negated, condition } = self;
        write!(formatter, "{}{condition}", if *negated { "!" } else { "" })
    }
}

/// Whether a row's `tag` may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Immutable {
    /// It may.
    No,
    /// It may not: another digest is an error.
    Yes,
    /// It may not: the published image takes the new one's place.
    KeepExisting,
}

/// How long a row's tags live: while any of these holds. All empty and not `forever` cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// They never expire.
    pub forever: bool,
    /// For this long after the tag's age began.
    pub duration: Option<Duration>,
    /// While they are of the newest images of the row.
    pub last: Option<NonZeroU32>,
    /// While something in the source repository is there.
    pub while_holds: Option<While>,
}

/// What `while` asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum While {
    /// The pull request is open.
    Open,
    /// The branch exists.
    BranchExists,
}

impl Keep {
    /// Keeps for good.
    pub const FOREVER: Self = Self { forever: true, duration: None, last: None, while_holds: None };
}

/// `match`: a glob or a regular expression over the whole tag.
#[derive(Clone, Debug)]
pub struct TagMatcher {
    /// As written.
    pub text: String,
    /// What it compiles to, anchored.
    pub regex: Regex,
}

/// How the values in a tag are made to fit the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sanitiser {
    /// Ours: always gives an OCI tag, over-long values cut and given a short hash.
    Oci,
    /// docker/metadata-action's: what it gives may be no OCI tag.
    Metadata,
}

/// What is never deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protected {
    /// Tags that a glob matches.
    Tags(Glob),
    /// A version by its digest.
    Digest(Digest),
}

/// `references`: files whose image references are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct References {
    /// Paths in the repository.
    pub files: Vec<Glob>,
    /// Branches beside the default branch.
    pub branches: Vec<String>,
    /// Whether every reference in them must name its registry.
    pub require_registry: bool,
}

impl References {
    /// Tells whether a path is one of the files.
    #[must_use]
    pub fn names(&self, path: &str) -> bool {
        self.files.iter().any(|glob| glob.matches_path(path))
    }
}

/// `checks`: what an image must be before tags move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// The platforms that it must have, `os/arch[/variant]`.
    pub platforms: Vec<String>,
    /// Bytes, compressed, per platform: a warning above.
    pub size_target: Option<u64>,
    /// Bytes, compressed, per platform: an error above.
    pub size_max: Option<u64>,
}

/// Who may pull a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Who was granted access.
    Private,
    /// The members of the enterprise.
    Internal,
}

/// A copy of the tags in another registry.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// Where to.
    pub image: ImageName,
    /// The kinds of row whose tags are copied; empty means all.
    pub only: Vec<OnEntry>,
    /// Names that change, template to template.
    pub rename: Vec<(Template, Template)>,
    /// The line in the policy file, from 1.
    pub line: usize,
}

/// The project whose releases are tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its repository.
    pub repository: RepositoryName,
    /// The workflow that builds a version.
    pub workflow: Option<String>,
    /// Whether each version gets a tracking issue.
    pub issue: bool,
}
