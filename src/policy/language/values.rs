//! The values that a template can hold between its braces.

/// A value of a template.
#[derive(Debug)]
pub struct Value {
    /// As it is written between braces.
    pub name: &'static str,
    /// What it is, Markdown.
    pub about: &'static str,
    /// An event that it is shown on.
    pub on: &'static str,
}

const fn value(name: &'static str, on: &'static str, about: &'static str) -> Value {
    Value { name, about, on }
}

/// All values, in the order that they are explained in.
pub static VALUES: [Value; 16] = [
    value("version", "prerelease", "the version in the git tag, without build metadata"),
    value("major", "release", "its first number"),
    value("minor", "release", "its second number"),
    value("patch", "release", "its third number"),
    value("prerelease", "prerelease", "its pre-release part"),
    value("branch", "branch release/v*", "the branch"),
    value("branch.1", "branch release/v*", "what the first wildcard of the pattern matched; `branch.2` is the second"),
    value("tag", "tag docs-*", "the git tag"),
    value("tag.1", "tag docs-*", "what the first wildcard of the pattern matched"),
    value("number", "pull request", "the pull request's number"),
    value(
        "sha",
        "branch main",
        "the commit, 7 digits (`DOCKER_METADATA_SHORT_SHA_LENGTH` says more): the head's, never a pull request's merge commit",
    ),
    value("sha.full", "branch main", "all 40 digits"),
    value(
        "base_ref",
        "pull request",
        "the branch that a pull request or merge group goes into, or that a tag was pushed from",
    ),
    value(
        "date 'YYYYMMDD'",
        "schedule",
        "the time of the run in a [moment.js format](https://momentjs.com/docs/#/displaying/format/); with a time zone: \
         `{{date 'YYYYMMDD' tz='Europe/Berlin'}}`",
    ),
    value("commit_date 'YYYYMMDD'", "branch main", "the time of the commit, in the same formats"),
    value("run_number", "branch main", "the number of the workflow run"),
];
