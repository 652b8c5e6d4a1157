//! How commits stand to each other.

use std::collections::{BTreeSet, BinaryHeap};

use super::{Commit, SourceRepository};

/// How one commit stands to another.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The newest commit that both have; `None` if their histories have nothing in common.
    pub merge_base: Option<&'a Commit>,
    /// The commits that only the head has, oldest first.
    pub ahead: Vec<&'a Commit>,
    /// How many commits only the base has.
    pub behind: usize,
}

impl SourceRepository {
    /// Lists the commits that a commit is made of, newest first.
    #[must_use]
    pub fn history<'a>(&'a self, from: &'a Commit) -> Vec<&'a Commit> {
        // As git lists them: of the commits that a listed one leads to, always the newest.
        let mut seen = BTreeSet::from([from.id.as_str()]);
        let mut open = BinaryHeap::from([(from.date, from.id.as_str())]);
        let mut listed = Vec::new();
        while let Some(commit) = open.pop().and_then(|(_, id)| self.commits.get(id)) {
            listed.push(commit);
            for parent in commit.parents.iter().filter_map(|id| self.commits.get(id)) {
                if seen.insert(parent.id.as_str()) {
                    open.push((parent.date, parent.id.as_str()));
                }
            }
        }
        listed
    }

    fn ancestors<'a>(&'a self, from: &'a Commit) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.id.as_str()];
        while let Some(id) = open.pop() {
            if let Some(commit) = self.commits.get(id)
                && seen.insert(id)
            {
                open.extend(commit.parents.iter().map(String::as_str));
            }
        }
        seen
    }

    /// Compares two commits.
    #[must_use]
    pub fn compare<'a>(&'a self, base: &'a Commit, head: &'a Commit) -> Comparison<'a> {
        let (of_base, of_head) = (self.ancestors(base), self.ancestors(head));
        let common = of_base.intersection(&of_head).filter_map(|id| self.commits.get(*id));
        let merge_base = common.max_by(|one, other| (one.date, &one.id).cmp(&(other.date, &other.id)));
        let mut ahead: Vec<&Commit> =
            self.history(head).into_iter().filter(|commit| !of_base.contains(commit.id.as_str())).collect();
        ahead.reverse();
        Comparison { merge_base, ahead, behind: of_base.difference(&of_head).count() }
    }
}
