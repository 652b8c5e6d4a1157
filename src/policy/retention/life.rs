//! Whether a row's `keep` holds for a tag.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    decision::{Fact, Life, Place, Span},
    last::Places,
    read::{Shows, TagRead},
};
use crate::{
    model::{Asked, Inventory, Tag},
    policy::{
        age::ReleaseEvidence,
        graph::Node,
        rules::{Keep, TagRule, While},
        template::{sanitise, short_hash},
    },
};

/// What the lives of tags depend on beside the tags.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    inventory: &'a Inventory,
    /// The sanitised names of all branches, and the hashes that end names that were cut.
    branches: HashSet<String>,
    branch_hashes: BTreeSet<String>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        let names = || inventory.branches.known().into_iter().flatten();
        Self {
            inventory,
            branches: names().flat_map(|name| [sanitise(name, true), sanitise(name, false)]).collect(),
            branch_hashes: names().map(|name| short_hash(name)).collect(),
        }
    }

    /// Decides whether a row's `keep` holds: what holds of it, or everything that does not.
    pub(super) fn life(
        &self,
        node: Node,
        tag: &Tag,
        read: &TagRead,
        rule: &TagRule,
        places: Option<&Places>,
    ) -> Result<Vec<Life>, Vec<Life>> {
        let Keep { forever, duration, last, while_holds } = &rule.keep;
        if *forever {
            return Ok(vec![Life::Forever]);
        }
        let (mut holds, mut fails) = (Vec::new(), Vec::new());
        let mut judge = |held: bool, life: Life| if held { holds.push(life) } else { fails.push(life) };
        if let Some(keep) = duration {
            let span = Span { since: read.age.since, from: read.age.source, keep_seconds: keep.as_secs() };
            match is_older(self.inventory.taken_at, span.since, *keep) {
                true => judge(false, Life::Old(span)),
                false => judge(true, Life::Young(span)),
            }
        }
        if let (Some(last), Some(places)) = (last, places)
            && let Some(place) = places.place(node)
        {
            let place = Place { place, last: last.get() };
            match place.place <= last.get() as usize {
                true => judge(true, Life::AmongLast(place)),
                false => judge(false, Life::NotAmongLast(place)),
            }
        }
        if let Some(what) = while_holds {
            let life = match what {
                While::Open => self.is_open(tag, &read.shows),
                While::BranchExists => self.branch_exists(tag, &read.shows),
            };
            let gone = matches!(life, Life::Closed { .. } | Life::NoneOpen | Life::BranchGone { .. });
            judge(!gone, life);
        }
        if !holds.is_empty() {
            return Ok(holds);
        }
        if duration.is_some() || last.is_some() {
            let cut_off = duration.map(|keep| cut_off(self.inventory.taken_at, keep));
            let needed = [cut_off, places.and_then(|places| places.last_age)].into_iter().flatten().min();
            if let Some(unknown) = self.unknown_age(read, rule, needed) {
                return Ok(vec![unknown]);
            }
        }
        if fails.is_empty() {
            // Every `keep` asks something; if nothing was asked, nothing may be deleted.
            return Ok(vec![Life::Forever]);
        }
        Err(fails)
    }

    /// Returns what could still show that a tag is younger.
    fn unknown_age(&self, read: &TagRead, rule: &TagRule, needed: Option<DateTime<Utc>>) -> Option<Life> {
        let evidence = &self.inventory.evidence;
        if read.names_commit {
            match evidence.commits.get(&rule.row.number) {
                Some(Asked::Known(commits)) if needed.is_none_or(|needed| commits.since <= needed) => {}
                None | Some(Asked::NotAsked | Asked::Known(_)) => return Some(unknown(Fact::Commits, None)),
                Some(Asked::Unreadable { problem }) => return Some(unknown(Fact::Commits, Some(problem))),
            }
        }
        match &read.release {
            ReleaseEvidence::Settled => None,
            ReleaseEvidence::NoReleases => Some(unknown(Fact::Releases, problem(&evidence.releases))),
            ReleaseEvidence::NoGitTags => Some(unknown(Fact::GitTags, problem(&evidence.git_tags))),
            ReleaseEvidence::NoDate(name) => {
                let date = evidence.git_tags.known().and_then(|tags| tags.get(name));
                let why = match date {
                    Some(crate::model::evidence::GitTag::Annotated(date)) => problem(date),
                    Some(crate::model::evidence::GitTag::Lightweight) | None => None,
                };
                Some(unknown(Fact::GitTags, why))
            }
            ReleaseEvidence::Illegible => Some(Life::Illegible { fact: Fact::Releases }),
        }
    }

    fn is_open(&self, tag: &Tag, shows: &Shows) -> Life {
        let open = match &self.inventory.pull_requests {
            Asked::Known(open) => open,
            other => return unknown(Fact::PullRequests, problem(other)),
        };
        match shows {
            Shows::Number(number) if open.contains(number) => Life::Open { number: *number },
            Shows::Number(number) => Life::Closed { number: *number },
            Shows::AnyNumber => match numbers_in(tag).find(|number| open.contains(number)) {
                Some(_) => Life::Illegible { fact: Fact::PullRequests },
                None => Life::NoneOpen,
            },
            Shows::NotAsked | Shows::Branch(_) | Shows::AnyBranch | Shows::Nothing => {
                Life::Illegible { fact: Fact::PullRequests }
            }
        }
    }

    fn branch_exists(&self, tag: &Tag, shows: &Shows) -> Life {
        if let other @ (Asked::NotAsked | Asked::Unreadable { .. }) = &self.inventory.branches {
            return unknown(Fact::Branches, problem(other));
        }
        let judge = |exists: bool, branch: &str| match exists {
            true => Life::BranchExists { branch: branch.to_owned() },
            false => Life::BranchGone { branch: branch.to_owned() },
        };
        let text = tag.as_str();
        match shows {
            Shows::Branch(branch) => judge(self.branches.contains(branch), branch),
            Shows::AnyBranch => {
                let mut shown = self.branches.iter().chain(&self.branch_hashes);
                judge(shown.any(|name| text.contains(name.as_str())), text)
            }
            Shows::NotAsked | Shows::Number(_) | Shows::AnyNumber | Shows::Nothing => {
                Life::Illegible { fact: Fact::Branches }
            }
        }
    }
}

fn unknown(fact: Fact, problem: Option<&String>) -> Life {
    Life::Unknown { fact, problem: problem.cloned() }
}

fn problem<T>(asked: &Asked<T>) -> Option<&String> {
    match asked {
        Asked::Unreadable { problem } => Some(problem),
        Asked::NotAsked | Asked::Known(_) => None,
    }
}

/// The numbers that any part of a tag's digits may mean.
pub(crate) fn numbers_in(tag: &Tag) -> impl Iterator<Item = u64> {
    let text = tag.as_str();
    let from = (0..text.len()).filter(|&at| matches!(text.as_bytes()[at], b'1'..=b'9'));
    from.flat_map(move |at| {
        let digits = text[at..].bytes().take_while(u8::is_ascii_digit).take(19).count();
        (1..=digits).filter_map(move |length| text[at..at + length].parse().ok())
    })
}

/// Tells whether something is older than it is kept. What is not over yet has not begun: a negative age is none.
pub(crate) fn is_older(now: DateTime<Utc>, since: DateTime<Utc>, keep: Duration) -> bool {
    let age = now.signed_duration_since(since);
    TimeDelta::from_std(keep).is_ok_and(|keep| age > keep)
}

/// Returns the time before which something is too old.
pub(super) fn cut_off(now: DateTime<Utc>, keep: Duration) -> DateTime<Utc> {
    let delta = TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
    now.checked_sub_signed(delta).unwrap_or(DateTime::<Utc>::MIN_UTC)
}
