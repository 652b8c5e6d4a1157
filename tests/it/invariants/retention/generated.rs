//! Packages by chance: nested indexes, shared children, chains of referrers, missing manifests, equal times.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use ghcr_lifecycle::{
    model::{
        Asked, Digest, Evidence, Inventory, Tag, Version, VersionId,
        evidence::{Commits, GitTag, Reference, Referenced, TagShape},
        inventory::{Blob, Child, DeletedVersion, ManifestFacts, ManifestRole, ReadManifest, Refusal},
    },
    policy::{config, rules::Policy},
};
use proptest::{collection, option, prelude::*, sample};

/// A package with the rows that judge it.
#[derive(Clone)]
pub(super) struct Situation {
    pub(super) inventory: Inventory,
    pub(super) policy: Policy,
    pub(super) rows: Vec<&'static str>,
    pub(super) rest: String,
}

impl std::fmt::Debug for Situation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { inventory, rows, rest, .. } = self;
        writeln!(formatter, "\n{}\n{rest}", rows.join("\n"))?;
        let named: BTreeMap<Digest, String> = (0..14)
            .map(|at| (digest(at), (at + 100).to_string()))
            .chain((0..3).map(|at| (digest(format!("gone-{at}")), format!("gone-{at}"))))
            .collect();
        for version in &inventory.versions {
            let Version { id, tags, created_at, manifest, .. } = version;
            let age = (inventory.taken_at - *created_at).num_days();
            let tags: Vec<String> = tags
                .iter()
                .map(|tag| match tag.as_str().strip_prefix("sha256-") {
                    Some(rest) => {
                        format!("signs {}{}", named[&format!("sha256:{}", &rest[..64]).parse().unwrap()], &rest[64..])
                    }
                    None => tag.to_string(),
                })
                .collect();
            write!(formatter, "{id} {age} days {tags:?} ")?;
            match manifest {
                ManifestFacts::Read(read) => {
                    let children: Vec<&String> = read.children.iter().map(|child| &named[&child.digest]).collect();
                    let subject = read.subject.as_ref().map(|subject| &named[subject]);
                    writeln!(formatter, "{:?} children {children:?} subject {subject:?}", read.kind)?;
                }
                other => writeln!(formatter, "{other:?}")?,
            }
        }
        let Inventory { deleted, undeletable, pull_requests, branches, evidence, references, .. } = inventory;
        writeln!(formatter, "deleted {deleted:?}\nundeletable {undeletable:?}\npull requests {pull_requests:?}")?;
        writeln!(formatter, "branches {branches:?}\nevidence {evidence:?}\nreferences {references:?}")
    }
}

const ROWS: [&str; 12] = [
    "{on: release, tag: 'v{{version}}', keep: forever, rolling: ['v{{major}}', latest]}",
    "{on: release, tag: 'v{{version}}', keep: 30 days}",
    "{on: prerelease, tag: 'v{{version}}', keep: 10 days}",
    "{on: branch main, tag: 'main-{{sha}}', also: ['build-{{run_number}}'], keep: {for: 10 days, last: 1}, rolling: [edge]}",
    "{on: branch main, tag: '{{branch}}-{{sha}}', keep: last 2}",
    "{on: ['branch **', '!branch main'], tag: '{{branch}}-{{sha}}', also: ['sha-{{sha}}'], keep: 1 day}",
    "{on: pull request, tag: 'pr-{{number}}', keep: while open}",
    "{on: pull request, tag: 'pr-{{number}}', keep: {while: open, for: 3 days}}",
    "{on: ['branch **', '!branch x'], tag: 'preview-{{branch}}', keep: while branch exists}",
    "{on: schedule, tag: \"nightly-{{date 'YYYYMMDD' tz='Europe/Berlin'}}\", keep: last 1, rolling: [nightly]}",
    "{on: schedule, tag: \"nightly-{{date 'YYYYMMDD'}}\", keep: 30 days}",
    "{match: 'tmp-*', keep: 5 days}",
];

const TAGS: [&str; 30] = [
    "v1.0.0",
    "v1.1.0",
    "v2.0.0-rc.1",
    "v2.0.0-rc.2",
    "v1",
    "latest",
    "main-aaaaaaa",
    "main-bbbbbbb",
    "main-ccccccc",
    "main-ddddddd",
    "build-1",
    "build-2",
    "build-3",
    "edge",
    "pr-1",
    "pr-2",
    "pr-3",
    "preview-x",
    "preview-y",
    "preview-z-z",
    "nightly-20260220",
    "nightly-20260101",
    "nightly",
    "tmp-a",
    "tmp-b",
    "odd",
    "demo-1",
    "other-eeeeeee",
    "sha-eeeeeee",
    "sha-aaaaaaa",
];

const DAYS: [i64; 7] = [0, 1, 4, 10, 20, 40, 100];

pub(super) fn now() -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn ago(days: i64) -> DateTime<Utc> {
    now() - TimeDelta::days(days)
}

pub(super) fn digest(name: impl std::fmt::Display) -> Digest {
    Digest::of(name.to_string().as_bytes())
}

pub(super) fn policy_of(rows: &[&str], rest: &str) -> Policy {
    let text = format!("version: 1\nimages: [ghcr.io/acme/shop]\ntags: [{}]\n{rest}", rows.join(", "));
    config::parse(&text).unwrap_or_else(|error| panic!("{text}\n{error:?}"))
}

#[derive(Clone, Debug)]
struct Node {
    kind: usize,
    age: usize,
    children: Vec<sample::Index>,
    subject: Option<sample::Index>,
    signs: Option<(sample::Index, usize)>,
    tags: Vec<usize>,
}

fn node() -> impl Strategy<Value = Node> {
    (
        0..16_usize,
        0..DAYS.len(),
        collection::vec(any::<sample::Index>(), 0..4),
        option::weighted(0.2, any::<sample::Index>()),
        option::weighted(0.15, (any::<sample::Index>(), 0..3_usize)),
        collection::vec(0..TAGS.len(), 0..3),
    )
        .prop_map(|(kind, age, children, subject, signs, tags)| Node { kind, age, children, subject, signs, tags })
}

fn asked<T: std::fmt::Debug + Clone + 'static>(known: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Asked<T>> {
    prop_oneof![
        6 => known.prop_map(Asked::Known),
        1 => Just(Asked::NotAsked),
        1 => Just(Asked::Unreadable { problem: "403 Forbidden".to_owned() }),
    ]
    .boxed()
}

fn facts() -> impl Strategy<Value = Inventory> {
    let day = || (0..DAYS.len()).prop_map(|at| ago(DAYS[at]));
    let names = |names: &'static [&'static str]| collection::btree_set(sample::select(names), 0..names.len());
    let shas = ["a".repeat(40), "b".repeat(40), "c".repeat(40), "e".repeat(40)];
    let commits = move || {
        collection::btree_map(sample::select(shas.to_vec()).prop_map(|sha| sha.parse().unwrap()), day(), 0..4)
            .prop_map(|dates| Commits { since: ago(200), dates })
    };
    let git_tag = prop_oneof![Just(GitTag::Lightweight), asked(day()).prop_map(GitTag::Annotated),];
    let tag_names: &[&str] = &["v1.0.0", "1.1.0", "v2.0.0-rc.1", "v2.0.0-rc.2", "unrelated"];
    let reference = prop_oneof![
        sample::select(&TAGS[..]).prop_map(|tag| Referenced::Tag(tag.parse().unwrap())),
        (0..14_usize).prop_map(|at| Referenced::Digest(digest(at))),
        Just(Referenced::AnyTag(TagShape { parts: vec!["main-a".to_owned(), String::new()] })),
    ]
    .prop_map(|names| Reference { place: "deploy/a.yaml:1".to_owned(), names });
    (
        asked(collection::btree_set(1..4_u64, 0..3)),
        asked(names(&["x", "y", "z/z", "main"]).prop_map(|names| names.into_iter().map(str::to_owned).collect())),
        (asked(commits()), asked(commits()), asked(commits())),
        asked(collection::btree_map(sample::select(tag_names).prop_map(str::to_owned), day(), 0..3)),
        asked(collection::btree_map(sample::select(tag_names).prop_map(str::to_owned), git_tag, 0..4)),
        collection::vec(reference, 0..2),
        asked(collection::vec(0..3_usize, 0..3)),
    )
        .prop_map(|(pull_requests, branches, (one, two, three), releases, git_tags, references, deleted)| {
            Inventory {
                image: "ghcr.io/acme/shop".parse().unwrap(),
                taken_at: now(),
                versions: Vec::new(),
                deleted: match deleted {
                    Asked::Known(gone) => Asked::Known(
                        gone.into_iter()
                            .collect::<BTreeSet<_>>()
                            .into_iter()
                            .map(|at| DeletedVersion {
                                id: VersionId::new(at as u64 + 1),
                                digest: digest(format!("gone-{at}")),
                            })
                            .collect(),
                    ),
                    Asked::NotAsked => Asked::NotAsked,
                    Asked::Unreadable { problem } => Asked::Unreadable { problem },
                },
                undeletable: BTreeMap::new(),
                pull_requests,
                branches,
                // Rows keep their places below, so these are for whichever stands there.
                evidence: Evidence {
                    commits: BTreeMap::from([(1, one.clone()), (2, two), (3, three), (4, one)]),
                    releases,
                    git_tags,
                },
                references: Asked::Known(references),
            }
        })
}

fn version(at: usize, node: &Node, used: &mut BTreeSet<usize>, ordered: bool, ages: &[usize]) -> Version {
    // What is pointed at comes before; an index in three points at something that is gone.
    let lower = |index: &sample::Index| match index.index(at + 3) {
        there if there < at => digest(there),
        gone => digest(format!("gone-{}", gone - at)),
    };
    let mut tags: BTreeSet<Tag> =
        node.tags.iter().filter(|tag| used.insert(**tag)).map(|tag| TAGS[*tag].parse().unwrap()).collect();
    if let Some((target, suffix)) = &node.signs {
        let suffix = ["", ".sig", ".att"][*suffix];
        tags.insert(format!("sha256-{}{suffix}", lower(target).hex()).parse().unwrap());
    }
    let read = |kind: ManifestRole, children: Vec<Child>| {
        let blob = |name: String, size| Blob { digest: digest(name), size };
        ManifestFacts::Read(Box::new(ReadManifest {
            kind,
            children,
            subject: node.subject.as_ref().map(lower),
            blobs: vec![blob(format!("base-{}", at % 3), 100), blob(format!("own-{at}"), 7)],
            artifact_type: None,
        }))
    };
    let children = |is_manifest: bool| {
        let child = |index| Child { digest: lower(index), is_manifest, platform: None };
        node.children.iter().map(child).collect::<Vec<_>>()
    };
    let manifest = match node.kind {
        0..=5 => read(ManifestRole::Image, Vec::new()),
        6..=10 => read(ManifestRole::Index, children(true)),
        11 => read(ManifestRole::Index, children(false)),
        12 | 13 => read(ManifestRole::Artifact, Vec::new()),
        14 => match node.age % 2 {
            0 => ManifestFacts::Unreadable { problem: "500 Internal Server Error".to_owned() },
            _ => ManifestFacts::UnknownMediaType { media_type: "application/x-new".to_owned() },
        },
        _ => read(ManifestRole::Placeholder, Vec::new()),
    };
    let created_at = ago(DAYS[if ordered { ages[at] } else { node.age }]);
    Version {
        id: VersionId::new(at as u64 + 100),
        digest: digest(at),
        tags,
        created_at,
        updated_at: created_at,
        manifest,
    }
}

/// A package. `ordered`: what is listed was there before what lists it, and carries no tags of rows; referrers list no images,
/// and no tag is on two versions.
pub(super) fn situation(ordered: bool) -> BoxedStrategy<Situation> {
    let rows = sample::subsequence(&ROWS[..], 1..6);
    let rest = (
        prop_oneof![
            Just(""),
            Just("untagged: {keep: 10 days}\n"),
            Just("untagged: {keep: 0 days}\n"),
            Just("untagged: {keep: 4 days}\n")
        ],
        0..4_u32,
        prop_oneof![3 => Just(String::new()), 1 => Just("protect: ['demo-*']\n".to_owned()),
            1 => (0..14_usize).prop_map(|at| format!("protect: ['{}']\n", digest(at)))],
        prop_oneof![2 => Just(None), 1 => (0..14_usize).prop_map(Some)],
    )
        .prop_map(|(untagged, at_least, protect, unreadable)| {
            let unreadable = unreadable.map(|at| format!("unreadable: ['{}']\n", digest(at))).unwrap_or_default();
            format!("{}keep-at-least: {at_least}\n{protect}{unreadable}", untagged.replace("0 days", "1 day"))
        });
    (collection::vec(node(), 1..14), facts(), rows, rest, option::weighted(0.2, 0..14_u64))
        .prop_map(move |(mut nodes, mut inventory, rows, rest, undeletable)| {
            let mut ages: Vec<usize> = nodes.iter().map(|node| node.age).collect();
            ages.sort_unstable_by(|a, b| b.cmp(a));
            if ordered {
                let listed: BTreeSet<usize> = (0..nodes.len())
                    .flat_map(|at| nodes[at].children.iter().map(move |child| child.index(at + 3)).collect::<Vec<_>>())
                    .collect();
                for at in listed.into_iter().filter(|at| *at < nodes.len()).collect::<Vec<_>>() {
                    nodes[at].tags.clear();
                }
                // What a referrer lists is no image until the referrer is gone, and would then take another's place.
                for at in 0..nodes.len() {
                    let lists_images = nodes[at].children.iter().map(|child| child.index(at + 3));
                    let lists_images = lists_images.filter(|child| *child < at).any(|child| nodes[child].kind <= 11);
                    if lists_images && (6..=11).contains(&nodes[at].kind) {
                        (nodes[at].subject, nodes[at].signs) = (None, None);
                    }
                }
            }
            let mut used = BTreeSet::new();
            inventory.versions =
                nodes.iter().enumerate().map(|(at, node)| version(at, node, &mut used, ordered, &ages)).collect();
            if ordered {
                // A tag on two versions is moving right now: the next look sees another package.
                let mut seen = BTreeSet::new();
                for version in &mut inventory.versions {
                    version.tags.retain(|tag| seen.insert(tag.clone()));
                }
            }
            if let Some(at) = undeletable {
                inventory.undeletable.insert(VersionId::new(at + 100), Refusal::Downloads);
            }
            let policy = policy_of(&rows, &rest);
            Situation { inventory, policy, rows, rest }
        })
        .boxed()
}

pub(super) fn any_row() -> impl Strategy<Value = &'static str> {
    sample::select(&ROWS[..])
}
