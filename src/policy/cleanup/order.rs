//! The order of deletion: an interruption anywhere leaves garbage, never a tag on a broken image.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use super::{CleanupPlan, Step};
use crate::{
    model::VersionId,
    policy::graph::{Graph, Node},
};

/// Orders what is deleted: placeholders, then parents before children and subjects before referrers; lowest id first where
/// that leaves a choice.
pub(super) fn order(graph: &Graph<'_>, deleted: &[bool]) -> Vec<Node> {
    let gone = || (0..graph.versions.len()).filter(|&node| deleted[node]);
    let (mut order, rest): (Vec<Node>, Vec<Node>) =
        gone().partition(|&node| graph.versions[node].is_placeholder() && graph.parents[node].is_empty());
    let mut is_open = vec![false; deleted.len()];
    for &node in &rest {
        is_open[node] = true;
    }
    let count = |nodes: &[Node]| nodes.iter().filter(|&&node| is_open[node]).count();
    let mut parents: Vec<usize> = graph.parents.iter().map(|nodes| count(nodes)).collect();
    let mut subjects: Vec<usize> = graph.subjects.iter().map(|nodes| count(nodes)).collect();
    let mut ready: BinaryHeap<Reverse<Node>> =
        rest.iter().filter(|&&node| parents[node] == 0 && subjects[node] == 0).map(|&node| Reverse(node)).collect();
    let mut waiting: BTreeSet<Node> = rest.iter().copied().collect();
    loop {
        while let Some(Reverse(node)) = ready.pop() {
            if !std::mem::take(&mut is_open[node]) {
                continue;
            }
            waiting.remove(&node);
            order.push(node);
            for (edges, counts) in [(&graph.children[node], &mut parents), (&graph.referrers[node], &mut subjects)] {
                for &next in edges {
                    counts[next] = counts[next].saturating_sub(1);
                }
            }
            for &next in graph.children[node].iter().chain(&graph.referrers[node]) {
                if is_open[next] && parents[next] == 0 && subjects[next] == 0 {
                    ready.push(Reverse(next));
                }
            }
        }
        // Tags can make two versions each other's referrer. What nothing lists any more breaks no image.
        let next = waiting.iter().find(|&&node| parents[node] == 0).or_else(|| waiting.first()).copied();
        let Some(next) = next else { return order };
        ready.push(Reverse(next));
    }
}

/// Returns the steps of a plan that are left where some versions stay and some tags must not be touched: what must come after
/// a version that stays, stays too.
#[must_use]
pub fn without(
    plan: &CleanupPlan,
    staying: &BTreeSet<VersionId>,
    untouched: &BTreeSet<&crate::model::Tag>,
) -> Vec<Step> {
    let mut staying = staying.clone();
    loop {
        let before = staying.len();
        for version in plan.deleted() {
            if version.after.iter().any(|id| staying.contains(id)) {
                staying.insert(version.id);
            }
        }
        if staying.len() == before {
            break;
        }
    }
    let left = plan.steps.iter().filter_map(|step| match step {
        Step::Delete(id) => (!staying.contains(id)).then(|| step.clone()),
        Step::Untag(tags) => {
            let tags: Vec<_> = tags.iter().filter(|tag| !untouched.contains(tag)).cloned().collect();
            (!tags.is_empty()).then_some(Step::Untag(tags))
        }
    });
    left.collect()
}
