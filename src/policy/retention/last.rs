//! `last N` and `keep-at-least`: the newest images, by age of the tag, then `created_at`, then id.

use std::{cmp::Reverse, collections::HashMap};

use chrono::{DateTime, Utc};

use super::read::{Reads, ReadyRow};
use crate::{
    model::VersionId,
    policy::{
        graph::{Graph, Imagehood, Node},
        inversion::Role,
    },
};

type Rank = Reverse<(DateTime<Utc>, DateTime<Utc>, VersionId)>;

/// The places of versions among the newest images of a row.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: HashMap<Node, usize>,
    /// The age of the last image that is kept.
    pub(super) last_age: Option<DateTime<Utc>>,
}

impl Places {
    pub(super) fn place(&self, node: Node) -> Option<usize> {
        self.places.get(&node).copied()
    }
}

/// Ranks the images that carry tags of a row with `last`.
///
/// A tag on a listed version (`v1-amd64`) counts for the index above. A version that is no image (a chart) takes no image's
/// place, and is ranked among all that carry the row's tags. `None` for a row without `last`.
pub(super) fn places(rule: usize, rows: &[ReadyRow<'_>], reads: &Reads, graph: &Graph<'_>) -> Option<Places> {
    let keep = &rows[rule].rule.keep;
    let last = keep.last.filter(|_| !keep.forever)?;
    let mut carriers: Vec<(Node, Vec<Node>)> = Vec::new();
    let mut images: HashMap<Node, DateTime<Utc>> = HashMap::new();
    let mut others: HashMap<Node, DateTime<Utc>> = HashMap::new();
    for (node, tags) in reads.iter().enumerate() {
        let of_row = || tags.iter().flatten().filter(|read| read.rule == rule && read.role != Role::Rolling);
        let Some(age) = of_row().map(|read| read.age.since).max() else { continue };
        let carries_own = of_row().any(|read| matches!(read.role, Role::Tag | Role::Index));
        let counted = match graph.imagehood(node) {
            Imagehood::Image if carries_own => vec![node],
            Imagehood::Image | Imagehood::Unknown => Vec::new(),
            Imagehood::Other => graph.images_above(node),
        };
        let ranked = if counted.is_empty() { &mut others } else { &mut images };
        for &image in if counted.is_empty() { std::slice::from_ref(&node) } else { counted.as_slice() } {
            let known = ranked.entry(image).or_insert(age);
            *known = age.max(*known);
        }
        carriers.push((node, counted));
    }
    // An image whose own tags do not count has its place by what it lists, and takes no second one.
    others.retain(|node, _| !images.contains_key(node));
    let rank = |(&node, &age): (&Node, &DateTime<Utc>)| -> (Rank, Node) { (newest_first(graph, node, age), node) };
    let mut ranked: Vec<(Rank, Node)> = images.iter().map(rank).collect();
    ranked.sort_unstable();
    let mut all: Vec<(Rank, Node)> = images.iter().chain(&others).map(rank).collect();
    all.sort_unstable();
    let numbered = |ranked: &[(Rank, Node)]| -> HashMap<Node, usize> {
        ranked.iter().enumerate().map(|(place, (_, node))| (*node, place + 1)).collect()
    };
    let (image_places, all_places) = (numbered(&ranked), numbered(&all));
    let last_of = |ranked: &[(Rank, Node)]| ranked.get(last.get() as usize - 1).map(|(Reverse((age, ..)), _)| *age);
    let last_age = [last_of(&ranked), last_of(&all)].into_iter().flatten().min();
    let place_of = |(node, counted): &(Node, Vec<Node>)| {
        let images = if counted.is_empty() { std::slice::from_ref(node) } else { counted.as_slice() };
        let places = images.iter().filter_map(|image| image_places.get(image).copied());
        Some((*node, places.min().or_else(|| all_places.get(node).copied())?))
    };
    Some(Places { places: carriers.iter().filter_map(place_of).collect(), last_age })
}

fn newest_first(graph: &Graph<'_>, node: Node, age: DateTime<Utc>) -> Rank {
    let version = graph.versions[node];
    Reverse((age, version.created_at, version.id))
}

/// When the youngest tag of a version began, or the version itself.
pub(super) fn age_of_version(node: Node, reads: &Reads, graph: &Graph<'_>) -> DateTime<Utc> {
    let tags = reads[node].iter().flatten().map(|read| read.age.since);
    tags.max().unwrap_or(graph.versions[node].created_at).max(graph.versions[node].created_at)
}

/// Returns the newest images of the package with their places. A version that may be an image is among them if it is as new,
/// but takes no image's place.
pub(super) fn newest_images(count: usize, reads: &Reads, graph: &Graph<'_>) -> Vec<(Node, usize)> {
    if count == 0 {
        return Vec::new();
    }
    let mut ranked: Vec<(Rank, Node, Imagehood)> = (0..graph.versions.len())
        .map(|node| (node, graph.imagehood(node)))
        .filter(|(_, imagehood)| *imagehood != Imagehood::Other)
        .map(|(node, imagehood)| (newest_first(graph, node, age_of_version(node, reads, graph)), node, imagehood))
        .collect();
    ranked.sort_unstable_by_key(|(rank, node, _)| (*rank, *node));
    let (mut newest, mut place) = (Vec::new(), 1);
    for (_, node, imagehood) in ranked {
        if place > count {
            break;
        }
        newest.push((node, place));
        place += usize::from(imagehood == Imagehood::Image);
    }
    newest
}
