//! `workflow_run`: a run on the default branch, with a writing token, about another run, whose code may be a stranger's.
//! It is judged as the run that triggered it.

use super::{
    EventKind, Subject,
    error::EventError,
    parse::{Reading, Run, commit_date, deleted},
    payload::Node,
};
use crate::model::{CommitId, RepositoryName};

pub(super) fn read(run: &Run<'_>) -> Result<Reading, EventError> {
    let triggering = run.payload.get("workflow_run");
    let event = match triggering.get("event").name("workflow_run.event")? {
        Some(name) => EventKind::named(&name),
        None => EventKind::Other("workflow_run".to_owned()),
    };
    // The environment's GITHUB_REF and GITHUB_SHA are the default branch's, whatever was built.
    let sha = triggering.get("head_sha").commit();
    let only_pull_requests = event.is_pull_request() || !is_from_here(run, triggering);
    let pull_request = only_pull_requests.then(|| pull_request(run, triggering, sha.as_ref())).flatten();
    let subject = if only_pull_requests {
        Subject::PullRequest(pull_request.and_then(|pull_request| pull_request.get("number").number()))
    } else {
        match event {
            EventKind::MergeGroup => Subject::MergeGroup,
            EventKind::Delete => deleted("ref", None),
            EventKind::Push
            | EventKind::Create
            | EventKind::PullRequest
            | EventKind::PullRequestTarget
            | EventKind::Release
            | EventKind::Schedule
            | EventKind::WorkflowDispatch
            | EventKind::RepositoryDispatch
            | EventKind::Other(_) => match triggering.get("head_branch").name("workflow_run.head_branch")? {
                Some(name) => Subject::Unresolved(name),
                None => Subject::Unknown,
            },
        }
    };
    let base_ref = match pull_request {
        Some(pull_request) => pull_request.get("base").get("ref").name("workflow_run.pull_requests.base.ref")?,
        None => None,
    };
    let commit_date = commit_date(triggering.get("head_commit"), sha.as_ref());
    Ok(Reading { event, subject, only_pull_requests, sha, base_ref, commit_date })
}

/// Tells whether the triggering run's code came from this repository. What is not known did not.
fn is_from_here(run: &Run<'_>, triggering: Node<'_>) -> bool {
    let repository = run.payload.get("repository");
    let head = triggering.get("head_repository");
    let name = |node: Node<'_>| node.get("full_name").text()?.parse::<RepositoryName>().ok();
    let id = |node: Node<'_>| node.get("id").number();
    let Some(here) = name(repository).or_else(|| run.repository.clone()) else {
        return false;
    };
    name(head) == Some(here) && (id(head).is_none() || id(repository).is_none() || id(head) == id(repository))
}

/// The pull request that the run is about: the one whose head it ran on, else the only one. For a push into a fork the list
/// holds pull requests of the repository above it, so those of other bases do not count.
fn pull_request<'a>(run: &Run<'_>, triggering: Node<'a>, sha: Option<&CommitId>) -> Option<Node<'a>> {
    let repository = run.payload.get("repository").get("id").number();
    let is_ours = |node: &Node<'_>| {
        let base = node.get("base").get("repo").get("id").number();
        base.is_none() || repository.is_none() || base == repository
    };
    let ours: Vec<Node<'a>> = triggering.get("pull_requests").items().filter(is_ours).collect();
    let on_head: Vec<Node<'a>> = ours
        .iter()
        .copied()
        .filter(|node| sha.is_some() && node.get("head").get("sha").commit().as_ref() == sha)
        .collect();
    match (on_head.as_slice(), ours.as_slice()) {
        ([one], _) | ([], [one]) => Some(*one),
        _ => None,
    }
}
