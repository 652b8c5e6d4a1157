//! What a clone shows of its project: branches, tags and where it came from.

use git2::{BranchType, Repository};

use super::LocalClone;
use crate::model::CloneSurvey;

/// The most branches, and the most tags, that are looked at: a proposal needs samples, no census.
const MOST: usize = 10_000;

impl LocalClone {
    /// Reads branches, tags and the remote. What cannot be read is left out.
    #[must_use]
    pub fn survey(&self) -> CloneSurvey {
        let repository = self.lock();
        let branches = branches(&repository);
        CloneSurvey {
            top: repository.workdir().and_then(|top| top.canonicalize().ok()),
            remote: remote(&repository),
            default_branch: default_branch(&repository, &branches),
            tags: tags(&repository),
            branches,
        }
    }
}

fn remote(repository: &Repository) -> Option<String> {
    let names = repository.remotes().ok()?;
    let first = names.iter().flatten().flatten().next().map(str::to_owned);
    let remote = repository.find_remote("origin").ok().or_else(|| repository.find_remote(&first?).ok())?;
    remote.url().ok().map(str::to_owned)
}

fn branches(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(list) = repository.branches(None) else { return found };
    for (branch, kind) in list.flatten().take(MOST) {
        let Ok(Some(name)) = branch.name() else { continue };
        let name = match kind {
            BranchType::Local => Some(name),
            BranchType::Remote => name.strip_prefix("origin/").filter(|name| *name != "HEAD"),
        };
        found.extend(name.map(str::to_owned));
    }
    found.sort();
    found.dedup();
    found
}

fn default_branch(repository: &Repository, branches: &[String]) -> Option<String> {
    let of_origin = repository.find_reference("refs/remotes/origin/HEAD").ok();
    let of_origin = of_origin.and_then(|reference| {
        reference.symbolic_target().ok().flatten()?.strip_prefix("refs/remotes/origin/").map(str::to_owned)
    });
    let known = |name: &str| branches.iter().any(|branch| branch == name).then(|| name.to_owned());
    let checked_out = || {
        let head = repository.find_reference("HEAD").ok()?;
        head.symbolic_target().ok().flatten()?.strip_prefix("refs/heads/").map(str::to_owned)
    };
    of_origin.or_else(|| known("main")).or_else(|| known("master")).or_else(checked_out)
}

fn tags(repository: &Repository) -> Vec<String> {
    let Ok(names) = repository.tag_names(None) else { return Vec::new() };
    let dated = names.iter().flatten().flatten().take(MOST).map(|name| {
        let commit = repository.find_reference(&format!("refs/tags/{name}")).and_then(|found| found.peel_to_commit());
        (commit.map_or(0, |commit| commit.time().seconds()), name.to_owned())
    });
    let mut dated: Vec<(i64, String)> = dated.collect();
    dated.sort();
    dated.into_iter().map(|(_, name)| name).collect()
}
