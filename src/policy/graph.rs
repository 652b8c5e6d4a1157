//! What hangs together in a package: index → child, referrer → subject. What a kept version reaches is kept.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::model::{
    Digest, Inventory, Tag, Version,
    inventory::{ManifestFacts, ManifestRole},
};

/// The place of a version in [`Graph::versions`], which is the order of their ids.
pub type Node = usize;

/// The versions of a package and what joins them.
#[derive(Debug)]
pub struct Graph<'a> {
    /// The versions, lowest id first.
    pub versions: Vec<&'a Version>,
    /// The active children of each version, lowest first.
    pub children: Vec<Vec<Node>>,
    /// The active indexes that list each version, lowest first.
    pub parents: Vec<Vec<Node>>,
    /// The active versions that each version refers to, lowest first.
    pub subjects: Vec<Vec<Node>>,
    /// The active versions that refer to each version, lowest first.
    pub referrers: Vec<Vec<Node>>,
    /// Of each referrer, the digests that it refers to and that are no active version.
    pub absent_subjects: HashMap<Node, BTreeSet<Digest>>,
    /// Of each index, the manifests that it lists and that are no active version.
    pub missing: HashMap<Node, BTreeSet<&'a Digest>>,
    by_digest: HashMap<&'a Digest, Node>,
    /// The versions that refer to a digest that is no active version.
    absent_referrers: HashMap<Digest, Vec<Node>>,
}

/// Whether a version is an image: what people pull and count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imagehood {
    /// An index or a manifest with an image configuration that no index lists and that refers to nothing.
    Image,
    /// Anything else.
    Other,
    /// Its manifest does not tell.
    Unknown,
}

/// How a kept version is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is kept for its own sake.
    Root,
    /// A kept index lists it.
    ChildOf(Node),
    /// It refers to a kept version.
    ReferrerOf(Node),
}

/// Returns the digest that a referrers tag (`sha256-<hex>`, with or without a suffix) belongs to.
#[must_use]
pub fn subject_of_tag(tag: &Tag) -> Option<Digest> {
    tag.is_referrers_tag().then(|| format!("sha256:{}", &tag.as_str()[7..71]).parse().ok()).flatten()
}

impl<'a> Graph<'a> {
    /// Joins the versions of an inventory.
    #[must_use]
    pub fn of(inventory: &'a Inventory) -> Self {
        let mut versions: Vec<&Version> = inventory.versions.iter().collect();
        versions.sort_unstable_by(|a, b| (a.id, &a.digest).cmp(&(b.id, &b.digest)));
        let count = versions.len();
        let mut by_digest: HashMap<&Digest, Node> = HashMap::with_capacity(count);
        for (node, version) in versions.iter().enumerate() {
            by_digest.entry(&version.digest).or_insert(node);
        }
        let mut graph = Self {
            versions,
            children: vec![Vec::new(); count],
            parents: vec![Vec::new(); count],
            subjects: vec![Vec::new(); count],
            referrers: vec![Vec::new(); count],
            absent_subjects: HashMap::new(),
            missing: HashMap::new(),
            by_digest,
            absent_referrers: HashMap::new(),
        };
        for node in 0..count {
            graph.join(node);
        }
        for edges in [&mut graph.children, &mut graph.parents, &mut graph.subjects, &mut graph.referrers] {
            for list in edges {
                list.sort_unstable();
                list.dedup();
            }
        }
        graph
    }

    fn join(&mut self, node: Node) {
        let version = self.versions[node];
        if let Some(manifest) = version.read() {
            for child in &manifest.children {
                match self.by_digest.get(&child.digest) {
                    Some(&there) if there != node => {
                        self.children[node].push(there);
                        self.parents[there].push(node);
                    }
                    Some(_) => {}
                    None if child.is_manifest => {
                        self.missing.entry(node).or_default().insert(&child.digest);
                    }
                    None => {}
                }
            }
            if let Some(subject) = &manifest.subject
                && !version.is_placeholder()
            {
                self.refer(node, subject);
            }
        }
        if !version.is_placeholder() {
            for subject in version.tags.iter().filter_map(subject_of_tag) {
                self.refer(node, &subject);
            }
        }
    }

    fn refer(&mut self, node: Node, subject: &Digest) {
        match self.by_digest.get(subject) {
            Some(&there) if there != node => {
                self.subjects[node].push(there);
                self.referrers[there].push(node);
            }
            Some(_) => {}
            None => {
                self.absent_referrers.entry(subject.clone()).or_default().push(node);
                self.absent_subjects.entry(node).or_default().insert(subject.clone());
            }
        }
    }

    /// Returns the version with this digest.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<Node> {
        self.by_digest.get(digest).copied()
    }

    /// Tells whether a version refers to another, active or not.
    #[must_use]
    pub fn is_referrer(&self, node: Node) -> bool {
        !self.subjects[node].is_empty() || self.absent_subjects.contains_key(&node)
    }

    /// Tells whether a version is an image.
    #[must_use]
    pub fn imagehood(&self, node: Node) -> Imagehood {
        // Most of what is not tagged is a part of something, and nothing that cannot be read is deleted.
        let is_part = self.versions[node].tags.is_empty() || self.is_referrer(node);
        let manifest = match &self.versions[node].manifest {
            ManifestFacts::Read(manifest) => manifest,
            ManifestFacts::NotRead | ManifestFacts::Unreadable { .. } | ManifestFacts::UnknownMediaType { .. }
                if is_part =>
            {
                return Imagehood::Other;
            }
            // Nobody looked: a tag stands for an image.
            ManifestFacts::NotRead => return Imagehood::Image,
            ManifestFacts::Unreadable { .. } | ManifestFacts::UnknownMediaType { .. } => return Imagehood::Unknown,
        };
        if self.is_referrer(node) || !self.parents[node].is_empty() {
            return Imagehood::Other;
        }
        let is_image = match manifest.kind {
            ManifestRole::Image => true,
            // A build cache lists layers, and an abandoned list of referrers lists only those.
            ManifestRole::Index => {
                let children = &self.children[node];
                let lists_manifests = !children.is_empty() || self.missing.contains_key(&node);
                let lists_referrers = !children.is_empty() && children.iter().all(|&child| self.is_referrer(child));
                lists_manifests && !lists_referrers
            }
            ManifestRole::Artifact | ManifestRole::Placeholder => false,
        };
        if is_image { Imagehood::Image } else { Imagehood::Other }
    }

    /// Returns the images that a listed version belongs to: the indexes above it that nothing lists.
    #[must_use]
    pub fn images_above(&self, node: Node) -> Vec<Node> {
        let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
        let mut open = self.parents[node].clone();
        while let Some(parent) = open.pop() {
            if seen.insert(parent) {
                if self.imagehood(parent) == Imagehood::Image {
                    found.push(parent);
                }
                open.extend(&self.parents[parent]);
            }
        }
        found
    }

    /// What refers to a manifest that an index lists and that is gone: both may be restored.
    fn referrers_of_missing(&self, node: Node) -> impl Iterator<Item = Node> {
        let is_idle = self.absent_referrers.is_empty();
        let manifest = self.versions[node].read().filter(|_| !is_idle);
        let children = manifest.map(|manifest| manifest.children.as_slice()).unwrap_or_default();
        children.iter().filter_map(|child| self.absent_referrers.get(&child.digest)).flatten().copied()
    }

    /// Marks what the roots reach through children and through referrers of what is marked, to a fixed point.
    #[must_use]
    pub fn mark(&self, roots: impl IntoIterator<Item = Node>) -> Vec<Option<Reached>> {
        let mut marks = vec![None; self.versions.len()];
        let mut open = VecDeque::new();
        for root in roots {
            if marks[root].is_none() {
                marks[root] = Some(Reached::Root);
                open.push_back(root);
            }
        }
        while let Some(node) = open.pop_front() {
            let children = self.children[node].iter().map(|&child| (child, Reached::ChildOf(node)));
            let referrers = self.referrers[node].iter().map(|&referrer| (referrer, Reached::ReferrerOf(node)));
            let of_missing = self.referrers_of_missing(node).map(|referrer| (referrer, Reached::ReferrerOf(node)));
            for (next, reached) in children.chain(referrers).chain(of_missing) {
                if marks[next].is_none() {
                    marks[next] = Some(reached);
                    open.push_back(next);
                }
            }
        }
        marks
    }
}
