//! Input `ref`: what was built, where that is not what triggered the run.

use super::{
    Context, EventError, EventKind, Subject,
    error::{MAX_NAME, quoted},
};
use crate::model::CommitId;

impl Context {
    /// Puts input `ref` in the place of the event's ref: `refs/heads/…` and `refs/tags/…` as they say, SemVer (a leading `v`
    /// accepted) as a tag, 7 to 40 hex digits as a commit, anything else as a branch. Commit and commit date of this run
    /// then count no more. It never widens what the event allows: pull requests, merge groups and events that build nothing
    /// stay what they are.
    ///
    /// # Errors
    /// If the input is empty, longer than 1,000 characters, holds blanks or control characters, or is a full ref of
    /// neither a branch nor a tag.
    pub fn with_ref(self, input: &str) -> Result<Self, EventError> {
        let named = subject(input)?;
        let mut raw = self.raw.clone();
        if !self.is_bound() {
            raw.git_ref = Some(match &named {
                Subject::Branch(name) => format!("refs/heads/{name}"),
                Subject::Tag(name) => format!("refs/tags/{name}"),
                _ => String::new(),
            });
        }
        (raw.sha, raw.pull_request_head, raw.head_commit) = (None, None, None);
        if let Subject::Commit(commit) = &named {
            raw.sha = Some(commit.clone());
        }
        raw.commits.clear();
        let (subject, base_ref) = if self.is_bound() { (self.subject, self.base_ref) } else { (named, None) };
        Ok(Self { subject, base_ref, built_elsewhere: true, sha: None, commit_date: None, raw, ..self })
    }

    /// Tells whether the event decides the subject, whatever was built.
    pub(super) fn is_bound(&self) -> bool {
        self.only_pull_requests
            || self.event.is_pull_request()
            || self.event == EventKind::MergeGroup
            || matches!(self.subject, Subject::PullRequest(_) | Subject::MergeGroup | Subject::Nothing(_))
    }
}

fn subject(input: &str) -> Result<Subject, EventError> {
    let name = input.trim();
    let fail = |problem| Err(EventError::InputRef { text: quoted(name), problem });
    if name.is_empty() {
        return fail("is empty");
    }
    if name.chars().count() > MAX_NAME {
        return fail("is longer than 1000 characters");
    }
    if name.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return fail("holds blanks or control characters, which no ref has");
    }
    if name.starts_with("refs/") {
        return match Subject::from_ref(name) {
            Subject::Unknown => fail("names neither a branch nor a tag"),
            found => Ok(found),
        };
    }
    if semver::Version::parse(name.strip_prefix('v').unwrap_or(name)).is_ok() {
        return Ok(Subject::Tag(name.to_owned()));
    }
    if let Ok(commit) = name.parse::<CommitId>() {
        return Ok(Subject::Commit(commit.to_string()));
    }
    Ok(Subject::Branch(name.to_owned()))
}
