//! What the source repository sees of an event: commits, branches, git tags, pull requests, releases.

use std::collections::BTreeMap;

use super::story::{Event, TagKind, What};
use crate::{
    model::RepositoryName,
    sandbox::{
        Control,
        state::{Clock, SourceRepository, Time, source::NewCommit},
    },
};

/// The project's source repository in the sandbox.
pub(super) struct Source {
    name: String,
    default_branch: String,
    /// The pull requests by their branches.
    pulls: BTreeMap<String, u64>,
}

impl Source {
    /// Makes it, with a first commit.
    pub(super) fn begin(sandbox: &Control, name: &RepositoryName, default_branch: &str, now: Time) -> Self {
        let name = name.to_string();
        sandbox.change(|state| {
            state.set_clock(Clock::Frozen(now));
            let source = state.add_source(&name);
            default_branch.clone_into(&mut source.default_branch);
            source.commit(NewCommit::on(default_branch, "Begin").file("README.md", "Begun.\n"), now);
        });
        Self { name, default_branch: default_branch.to_owned(), pulls: BTreeMap::new() }
    }

    /// Does what the event says, at its time. Returns the commit that is built and the number of the pull request, where
    /// there are such.
    pub(super) fn happen(&mut self, sandbox: &Control, event: &Event) -> (Option<String>, Option<u64>) {
        let Self { name, default_branch, pulls } = self;
        let now: Time = event.at.into();
        sandbox.change(|state| {
            state.set_clock(Clock::Frozen(now));
            let Some(source) = state.source_mut(name) else { return (None, None) };
            let tip = |source: &SourceRepository, branch: &str| {
                source.branch(branch).or(source.branch(default_branch)).map(str::to_owned)
            };
            let number = |branch: &String| pulls.get(branch).copied();
            match &event.what {
                What::Push { branch, from } => {
                    let begin = match (source.branch(branch), from) {
                        (None, Some(tag)) => source.resolve(&format!("tags/{tag}")).map(|commit| commit.id.clone()),
                        (Some(_), _) | (None, None) => None,
                    };
                    let parents = begin.or_else(|| tip(source, branch)).into_iter().collect();
                    let message = format!("Work on {branch}, {}", event.at.format("%Y-%m-%d"));
                    let commit = NewCommit::on(branch, &message).file("WORK.md", &message);
                    let commit = source.commit(NewCommit { parents: Some(parents), ..commit }, now);
                    let pull = number(branch).and_then(|number| source.pulls.get_mut(&number));
                    if let Some(pull) = pull.filter(|pull| pull.closed.is_none()) {
                        (pull.head_sha, pull.updated) = (commit.clone(), now);
                    }
                    (Some(commit), None)
                }
                What::Merge { branch } => {
                    let parents = [tip(source, default_branch), tip(source, branch)].into_iter().flatten().collect();
                    let commit = NewCommit::on(default_branch, &format!("Merge {branch}"));
                    let commit = source.commit(NewCommit { parents: Some(parents), ..commit }, now);
                    let number = number(branch);
                    if let Some(pull) = number.and_then(|number| source.pulls.get_mut(&number)) {
                        pull.merge_commit = Some(commit.clone());
                    }
                    (Some(commit), number)
                }
                What::Tag { name, branch, kind } => {
                    let commit = tip(source, branch);
                    if let Some(commit) = &commit {
                        source.set_tag(name, commit);
                    }
                    if *kind != TagKind::Plain {
                        source.publish_release(name, now);
                    }
                    (commit, None)
                }
                What::Open { branch } => {
                    let number = source.open_pull_request(branch, &format!("Add {branch}"), now);
                    let commit = tip(source, branch);
                    pulls.insert(branch.clone(), number);
                    (commit, Some(number))
                }
                What::Update { branch } => (tip(source, branch), number(branch)),
                What::Queue { branch } => {
                    let parents = [tip(source, default_branch), tip(source, branch)].into_iter().flatten().collect();
                    let merge = NewCommit { parents: Some(parents), ..NewCommit::on("", &format!("Try {branch}")) };
                    (Some(source.commit(merge, now)), number(branch))
                }
                What::Close { branch, merged } => {
                    let number = number(branch);
                    source.close_pull_request(number.unwrap_or_default(), *merged, now);
                    (None, number)
                }
                What::Delete { branch } => {
                    source.remove_branch(branch);
                    (None, None)
                }
                What::Schedule | What::Dispatch => (tip(source, default_branch), None),
                What::ByHand { .. } => (None, None),
            }
        })
    }
}
