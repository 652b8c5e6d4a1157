//! The events that an entry of `on` can name.

/// What an entry of `on` begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventName {
    /// A git tag that is a version.
    Release,
    /// A git tag that is a version with a pre-release part.
    Prerelease,
    /// A git tag.
    Tag,
    /// A branch.
    Branch,
    /// A pull request.
    PullRequest,
    /// A cron time.
    Schedule,
    /// A run that somebody or an API call started.
    Dispatch,
    /// A merge queue's group.
    MergeGroup,
}

/// Whether a pattern follows the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// None does.
    Nothing,
    /// One may, with exactly one `*`: what it matched is the version.
    Version,
    /// One must.
    Pattern,
}

/// An event that `on` can name.
#[derive(Debug)]
pub struct Event {
    /// Which it is.
    pub is: EventName,
    /// How it is written.
    pub name: &'static str,
    /// Whether a pattern follows.
    pub takes: Takes,
    /// An entry of each form, the plainest first.
    pub examples: &'static [&'static str],
    /// What it fits, Markdown.
    pub fits: &'static str,
    /// The events of GitHub that it comes from, Markdown.
    pub github: &'static str,
}

/// All events, in the order that they are explained in.
pub static EVENTS: [Event; 8] = [
    Event {
        is: EventName::Release,
        name: "release",
        takes: Takes::Version,
        examples: &["release", "release app-v*"],
        fits: "a git tag that is a [SemVer](https://semver.org) version without a pre-release part, with a leading `v` or \
               without: `v1.2.3`. With a pattern, the part that `*` matched is the version: `release app-v*` fits `app-v1.2.3`",
        github: "`push` and `create` of a git tag, `release` when it is published, and what runs on a git tag",
    },
    Event {
        is: EventName::Prerelease,
        name: "prerelease",
        takes: Takes::Version,
        examples: &["prerelease", "prerelease app-v*"],
        fits: "the same with a pre-release part: `v1.3.0-rc.1`",
        github: "as `release`",
    },
    Event {
        is: EventName::Tag,
        name: "tag",
        takes: Takes::Pattern,
        examples: &["tag docs-*"],
        fits: "a git tag by its name",
        github: "as `release`",
    },
    Event {
        is: EventName::Branch,
        name: "branch",
        takes: Takes::Pattern,
        examples: &["branch main", "branch release/v*"],
        fits: "a branch by its name",
        github: "`push`, `create`, and what runs on a branch",
    },
    Event {
        is: EventName::PullRequest,
        name: "pull request",
        takes: Takes::Nothing,
        examples: &["pull request"],
        fits: "a pull request, from a fork too. Nothing else ever fits what a fork built",
        github: "`pull_request`, `pull_request_target`, and a `workflow_run` that one of them triggered",
    },
    Event {
        is: EventName::Schedule,
        name: "schedule",
        takes: Takes::Nothing,
        examples: &["schedule"],
        fits: "a run by the clock. In a policy without such a row, the run counts by its branch",
        github: "`schedule`",
    },
    Event {
        is: EventName::Dispatch,
        name: "dispatch",
        takes: Takes::Nothing,
        examples: &["dispatch"],
        fits: "a run that somebody started. In a policy without such a row, the run counts by its branch or tag",
        github: "`workflow_dispatch`, `repository_dispatch`",
    },
    Event {
        is: EventName::MergeGroup,
        name: "merge group",
        takes: Takes::Nothing,
        examples: &["merge group"],
        fits: "the check of a merge queue",
        github: "`merge_group`",
    },
];

/// Returns the names of all events.
#[must_use]
pub fn event_names() -> [&'static str; EVENTS.len()] {
    EVENTS.each_ref().map(|event| event.name)
}
