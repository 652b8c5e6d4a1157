//! From the runner's environment and the payload to a [`Context`], event by event
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows>).

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, Utc};

use super::{
    Context, EventKind, RepositoryFacts, Subject,
    error::{EventError, MAX_EPOCH, MAX_NAME, bounded_name, quoted},
    payload::{Node, Payload, commit_id, is_zero},
    raw::RawEvent,
    workflow_run,
};
use crate::model::{CommitId, RepositoryName};

/// The longest description that is kept, in characters.
const MAX_DESCRIPTION: usize = 4_096;

/// Reads the event of a run. `payload` is the file that `GITHUB_EVENT_PATH` names, if there is one; `now` counts where
/// `SOURCE_DATE_EPOCH` is not set.
///
/// # Errors
/// If the payload is no JSON object, a name is longer than 1,000 characters, or `SOURCE_DATE_EPOCH` is no time. Whatever
/// else is missing or of an unexpected type reads as absent.
pub fn parse(
    environment: &BTreeMap<String, String>,
    payload: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<Context, EventError> {
    let payload = Payload::parse(payload)?;
    let run = Run::read(environment, payload.root())?;
    let raw = RawEvent::read(run.environment, run.payload)?;
    let Reading { event, subject, only_pull_requests, sha, base_ref, commit_date } = run.reading()?;
    let Run { environment, payload, event_name, git_ref, repository } = run;
    Ok(Context {
        event_name,
        event,
        action: payload.get("action").name("action")?,
        subject,
        only_pull_requests,
        built_elsewhere: false,
        git_ref,
        sha,
        repository,
        facts: facts(payload.get("repository"))?,
        base_ref,
        run_number: environment.text("GITHUB_RUN_NUMBER").and_then(|number| number.trim().parse().ok()),
        commit_date,
        now: environment.source_date()?.unwrap_or(now),
        server_url: environment
            .name("GITHUB_SERVER_URL")?
            .map(|url| url.trim_end_matches('/').to_owned())
            .filter(|url| !url.is_empty())
            .unwrap_or_else(|| "https://github.com".to_owned()),
        raw,
    })
}

/// The variables that the runner sets. An empty one counts as absent: the runner sets `GITHUB_HEAD_REF` and
/// `GITHUB_BASE_REF` to nothing where there is no pull request.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a>(&'a BTreeMap<String, String>);

impl<'a> Environment<'a> {
    /// Returns a variable that is set, empty or not.
    pub(super) fn raw(self, variable: &str) -> Option<&'a str> {
        self.0.get(variable).map(String::as_str)
    }

    fn text(self, variable: &str) -> Option<&'a str> {
        self.raw(variable).filter(|value| !value.is_empty())
    }

    fn name(self, variable: &str) -> Result<Option<String>, EventError> {
        self.text(variable).map(|name| bounded_name(variable, name)).transpose()
    }

    fn source_date(self) -> Result<Option<DateTime<Utc>>, EventError> {
        let Some(text) = self.text("SOURCE_DATE_EPOCH") else {
            return Ok(None);
        };
        let seconds = text.trim().parse::<i64>().ok().filter(|seconds| (0..=MAX_EPOCH).contains(seconds));
        match seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)) {
            Some(time) => Ok(Some(time)),
            None => Err(EventError::Epoch { text: quoted(text) }),
        }
    }
}

/// The run, as environment and payload describe it alike for every event.
pub(super) struct Run<'a> {
    environment: Environment<'a>,
    pub(super) payload: Node<'a>,
    event_name: String,
    git_ref: Option<String>,
    pub(super) repository: Option<RepositoryName>,
}

/// What depends on the kind of event.
pub(super) struct Reading {
    pub(super) event: EventKind,
    pub(super) subject: Subject,
    pub(super) only_pull_requests: bool,
    pub(super) sha: Option<CommitId>,
    pub(super) base_ref: Option<String>,
    pub(super) commit_date: Option<DateTime<FixedOffset>>,
}

impl Reading {
    fn new(event: EventKind, subject: Subject, sha: Option<CommitId>) -> Self {
        Self { event, subject, only_pull_requests: false, sha, base_ref: None, commit_date: None }
    }
}

impl<'a> Run<'a> {
    fn read(environment: &'a BTreeMap<String, String>, payload: Node<'a>) -> Result<Self, EventError> {
        let environment = Environment(environment);
        let repository = environment
            .text("GITHUB_REPOSITORY")
            .and_then(|name| name.parse().ok())
            .or_else(|| payload.get("repository").get("full_name").text()?.parse().ok());
        Ok(Self {
            environment,
            payload,
            event_name: environment.name("GITHUB_EVENT_NAME")?.unwrap_or_default(),
            git_ref: environment.name("GITHUB_REF")?,
            repository,
        })
    }

    fn reading(&self) -> Result<Reading, EventError> {
        let event = EventKind::named(&self.event_name);
        match event {
            EventKind::Push => self.push(),
            EventKind::Create => self.create(),
            EventKind::Delete => self.delete(),
            EventKind::PullRequest | EventKind::PullRequestTarget => self.pull_request(event),
            EventKind::MergeGroup => self.merge_group(),
            EventKind::Release => self.release(),
            EventKind::WorkflowDispatch => {
                let subject = self.subject_by_ref(self.payload.get("ref").name("ref")?);
                Ok(Reading::new(event, subject, self.commit()))
            }
            EventKind::Other(ref name) if name == "workflow_run" => workflow_run::read(self),
            EventKind::Schedule | EventKind::RepositoryDispatch | EventKind::Other(_) => {
                Ok(Reading::new(event, self.subject_by_ref(None), self.commit()))
            }
        }
    }

    /// What `GITHUB_REF` names, else what the payload's full ref names.
    fn subject_by_ref(&self, payload_ref: Option<String>) -> Subject {
        self.git_ref.as_ref().or(payload_ref.as_ref()).map_or(Subject::Unknown, |name| Subject::from_ref(name))
    }

    fn environment_commit(&self) -> Option<CommitId> {
        self.environment.text("GITHUB_SHA").and_then(commit_id)
    }

    /// `GITHUB_SHA`, but where the run is on a pull request's ref: there it is a merge commit that nobody made.
    fn commit(&self) -> Option<CommitId> {
        if self.git_ref.as_ref().is_some_and(|git_ref| git_ref.starts_with("refs/pull/")) {
            self.payload.get("pull_request").get("head").get("sha").commit()
        } else {
            self.environment_commit()
        }
    }

    fn push(&self) -> Result<Reading, EventError> {
        let payload = self.payload;
        let payload_ref = payload.get("ref").name("ref")?;
        let sha = self.pushed_commit();
        if payload.get("deleted").is_true() || payload.get("after").text().is_some_and(is_zero) {
            // GITHUB_REF is the default branch here.
            let git_ref = payload_ref.as_deref();
            let nothing = if let Some(name) = git_ref.and_then(|git_ref| git_ref.strip_prefix("refs/heads/")) {
                deleted("branch", Some(name))
            } else if let Some(name) = git_ref.and_then(|git_ref| git_ref.strip_prefix("refs/tags/")) {
                deleted("tag", Some(name))
            } else {
                deleted("ref", git_ref)
            };
            return Ok(Reading::new(EventKind::Push, nothing, sha));
        }
        let subject = self.subject_by_ref(payload_ref);
        let base_ref = if matches!(subject, Subject::Tag(_)) {
            payload.get("base_ref").name("base_ref")?.map(short_branch)
        } else {
            None
        };
        let commit_date = sha.as_ref().and_then(|sha| {
            payload
                .get("commits")
                .items()
                .chain([payload.get("head_commit")])
                .find(|commit| commit.get("id").commit().as_ref() == Some(sha))?
                .get("timestamp")
                .date()
        });
        Ok(Reading { base_ref, commit_date, ..Reading::new(EventKind::Push, subject, sha) })
    }

    /// `GITHUB_SHA`, else the head commit. `after` may be an annotated tag's own object; where `GITHUB_SHA` repeats that and
    /// the payload names the commit, the commit it is.
    fn pushed_commit(&self) -> Option<CommitId> {
        let head = self.payload.get("head_commit").get("id").commit();
        match self.environment_commit() {
            Some(own) if self.payload.get("after").commit().as_ref() == Some(&own) => head.or(Some(own)),
            Some(own) => Some(own),
            None => head,
        }
    }

    fn create(&self) -> Result<Reading, EventError> {
        let payload_ref = match (self.payload.get("ref").name("ref")?, self.payload.get("ref_type").text()) {
            (Some(short), Some("branch")) => Some(format!("refs/heads/{short}")),
            (Some(short), Some("tag")) => Some(format!("refs/tags/{short}")),
            _ => None,
        };
        Ok(Reading::new(EventKind::Create, self.subject_by_ref(payload_ref), self.commit()))
    }

    fn delete(&self) -> Result<Reading, EventError> {
        let name = self.payload.get("ref").name("ref")?;
        let what = match self.payload.get("ref_type").text() {
            Some("branch") => "branch",
            Some("tag") => "tag",
            _ => "ref",
        };
        Ok(Reading::new(EventKind::Delete, deleted(what, name.as_deref()), self.commit()))
    }

    fn pull_request(&self, event: EventKind) -> Result<Reading, EventError> {
        let pull_request = self.payload.get("pull_request");
        let number = (self.payload.get("number").number())
            .or_else(|| pull_request.get("number").number())
            .or_else(|| pull_request_number(self.git_ref.as_deref()?));
        // GITHUB_SHA is a merge commit, or under pull_request_target the default branch's: never the head.
        let sha = pull_request.get("head").get("sha").commit();
        let base_ref = match self.environment.name("GITHUB_BASE_REF")? {
            Some(base) => Some(base),
            None => pull_request.get("base").get("ref").name("pull_request.base.ref")?,
        };
        Ok(Reading { base_ref, ..Reading::new(event, Subject::PullRequest(number), sha) })
    }

    fn merge_group(&self) -> Result<Reading, EventError> {
        let group = self.payload.get("merge_group");
        let sha = group.get("head_sha").commit().or_else(|| self.environment_commit());
        Ok(Reading {
            base_ref: group.get("base_ref").name("merge_group.base_ref")?.map(short_branch),
            commit_date: commit_date(group.get("head_commit"), sha.as_ref()),
            ..Reading::new(EventKind::MergeGroup, Subject::MergeGroup, sha)
        })
    }

    fn release(&self) -> Result<Reading, EventError> {
        let subject = match self.payload.get("action").text() {
            Some("published" | "released" | "prereleased") => {
                // Never `target_commitish`: that is what somebody typed when the release was made, often a branch.
                match self.payload.get("release").get("tag_name").name("release.tag_name")? {
                    Some(tag) => Subject::Tag(tag),
                    None => Some(self.subject_by_ref(None))
                        .filter(|subject| matches!(subject, Subject::Tag(_)))
                        .unwrap_or(Subject::Unknown),
                }
            }
            Some(other) => Subject::Nothing(format!(
                "a release event of type `{}` publishes nothing (only `published`, `released` and `prereleased` do)",
                quoted(other)
            )),
            None => Subject::Unknown,
        };
        Ok(Reading::new(EventKind::Release, subject, self.commit()))
    }
}

/// The date of a commit object, if it is the commit `sha`.
pub(super) fn commit_date(commit: Node<'_>, sha: Option<&CommitId>) -> Option<DateTime<FixedOffset>> {
    let id = commit.get("id").commit()?;
    commit.get("timestamp").date().filter(|_| Some(&id) == sha)
}

pub(super) fn deleted(what: &str, name: Option<&str>) -> Subject {
    Subject::Nothing(match name {
        Some(name) => format!("{what} `{}` was deleted", quoted(name)),
        None => "a branch or tag was deleted".to_owned(),
    })
}

fn short_branch(name: String) -> String {
    name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name)
}

fn pull_request_number(git_ref: &str) -> Option<u64> {
    git_ref.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok().filter(|number| *number > 0)
}

fn facts(repository: Node<'_>) -> Result<RepositoryFacts, EventError> {
    // An address or id that is too long to be one is left out: cut, it would be another one.
    let short = |node: Node<'_>| node.text().filter(|text| text.len() <= MAX_NAME).map(str::to_owned);
    Ok(RepositoryFacts {
        name: short(repository.get("name")),
        html_url: short(repository.get("html_url")),
        description: repository.get("description").text().map(|text| text.chars().take(MAX_DESCRIPTION).collect()),
        license: short(repository.get("license").get("spdx_id")),
        default_branch: repository.get("default_branch").name("repository.default_branch")?,
    })
}
