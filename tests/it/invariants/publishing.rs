//! From planned tags to writes: pointers only move forward, immutable tags never move, over any history of publishing.

use std::collections::{BTreeMap, BTreeSet};

use ghcr_lifecycle::{
    event::{Context, EventKind, RepositoryFacts, Subject},
    model::{Ancestry, CommitId, Digest, Tag},
    policy::{
        inversion::Role,
        publish::{Change, Ours, Published, Target, plan_publish},
        rolling::{self, AfterWrite, Candidate, PointerFacts, PublishedImage, Settled},
        rules::{Immutable, Policy},
        tagging::{RowPlan, plan_tags},
    },
};
use proptest::{collection, prelude::*, sample};
use semver::Version;

use super::generated::{self, Case, POLICIES, any_case, any_context, policy_of};

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A registry of tags, and what each image is.
#[derive(Default)]
struct Registry {
    tags: BTreeMap<Tag, Digest>,
    versions: BTreeMap<Digest, (Version, Tag)>,
    commits: BTreeMap<Digest, usize>,
}

fn commit(number: usize) -> CommitId {
    format!("{number:040x}").parse().unwrap()
}

fn push(subject: Subject, number: usize) -> Context {
    Context {
        event_name: "push".to_owned(),
        event: EventKind::Push,
        action: None,
        subject,
        only_pull_requests: false,
        built_elsewhere: false,
        git_ref: None,
        sha: Some(commit(number)),
        repository: None,
        facts: RepositoryFacts::default(),
        base_ref: None,
        run_number: None,
        commit_date: None,
        now: chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
        server_url: String::new(),
        raw: Default::default(),
    }
}

impl Registry {
    fn highest(&self, policy: &Policy, row: &RowPlan, pointer: &Tag) -> BTreeMap<Version, Tag> {
        let rule = &policy.rules[row.rule];
        let tags: Vec<Tag> = self.tags.keys().cloned().collect();
        rolling::versions_of_pointer(rule, &tags, |version| {
            rule.rolling.iter().any(|template| rolling::expand_version(template, version).as_ref() == Some(pointer))
        })
    }

    fn facts(&self, policy: &Policy, row: &RowPlan, pointer: &Tag, number: usize) -> PointerFacts {
        let current = self.tags.get(pointer).map(|digest| PublishedImage {
            digest: digest.clone(),
            version: self.versions.get(digest).cloned(),
            commit: self.commits.get(digest).map(|number| commit(*number)),
        });
        let ancestry = match current.as_ref().and_then(|image| self.commits.get(&image.digest)) {
            None => Ancestry::Unknown,
            Some(there) => match number.cmp(there) {
                std::cmp::Ordering::Less => Ancestry::Ancestor,
                std::cmp::Ordering::Equal => Ancestry::Same,
                std::cmp::Ordering::Greater => Ancestry::Descendant,
            },
        };
        let mut versions = self.highest(policy, row, pointer);
        row.version.as_ref().map(|version| versions.remove(version));
        let highest = versions.pop_last();
        let shared = rolling::is_shared(&policy.rules, pointer);
        PointerFacts { current, highest, ancestry, tip: None, shared }
    }

    /// Publishes an image and returns the moves of pointers, from and to.
    fn publish(
        &mut self,
        policy: &Policy,
        context: &Context,
        digest: &Digest,
        number: usize,
    ) -> Vec<(Tag, Option<Digest>, Digest)> {
        let plan = plan_tags(context, policy, 40).unwrap();
        let mut published =
            Published { asked: true, tags: self.tags.keys().cloned().collect(), ..Published::default() };
        self.commits.insert(digest.clone(), number);
        for row in &plan.rows {
            for (_, tag) in row.tags() {
                if let Some(now) = self.tags.get(tag) {
                    published.current.insert(tag.clone(), now.clone());
                }
            }
            for pointer in &row.rolling {
                published.pointers.insert((row.rule, pointer.clone()), self.facts(policy, row, pointer, number));
            }
            if let Some(version) = &row.version {
                self.versions.insert(digest.clone(), (version.clone(), row.tag[0].clone()));
            }
        }
        let ours = Ours { digest: Some(digest.clone()), commit: Some(commit(number)) };
        let planned = plan_publish(&policy.images[0], policy, &plan, &published, &ours).unwrap();
        let mut moves = Vec::new();
        for write in &planned.writes {
            let before = self.tags.insert(write.tag.clone(), digest.clone());
            if write.role == Role::Rolling {
                moves.push((write.tag.clone(), before, digest.clone()));
            }
        }
        // A look at each pointer finds nothing to put right if nobody else was there.
        for write in planned.writes.iter().filter(|write| write.role == Role::Rolling) {
            let row = plan.rows.iter().find(|row| row.rule == write.rule).unwrap();
            let highest = self.highest(policy, row, &write.tag).pop_last();
            let after = AfterWrite {
                facts: self.facts(policy, row, &write.tag, number),
                highest: highest.map(|(_, tag)| (tag.clone(), self.tags[&tag].clone())),
                newer: None,
            };
            let candidate =
                Candidate { digest: Some(digest), version: row.version.as_ref(), commit: ours.commit.as_ref() };
            assert_eq!(rolling::settle(&candidate, &after), Settled::Right, "{}", write.tag);
        }
        moves
    }
}

fn small_version() -> BoxedStrategy<Version> {
    (0..3_u64, 0..4_u64, 0..5_u64).prop_map(|(major, minor, patch)| Version::new(major, minor, patch)).boxed()
}

proptest! {
    #![proptest_config(settings(300))]

    #[test]
    fn each_pointer_ends_on_its_highest_version(
        versions in collection::btree_set(small_version(), 1..12).prop_flat_map(|all| Just(all.into_iter().collect::<Vec<_>>()).prop_shuffle()),
        which in sample::select(vec!["kyklos", "raqeem", "storefront"]),
    ) {
        let policy = generated::policy(which);
        let start = if which == "storefront" { "app-v" } else { "v" };
        let mut registry = Registry::default();
        for (number, version) in versions.iter().enumerate() {
            let context = push(Subject::Tag(format!("{start}{version}")), number);
            let moves = registry.publish(&policy, &context, &Digest::of(version.to_string().as_bytes()), number);
            for (pointer, from, to) in moves {
                let from = from.map(|digest| registry.versions[&digest].0.clone());
                prop_assert!(from.as_ref() <= Some(&registry.versions[&to].0), "{} moved back", pointer);
            }
        }
        let rule = &policy.rules[0];
        let mut wanted: BTreeMap<Tag, &Version> = BTreeMap::new();
        for version in &versions {
            for template in &rule.rolling {
                let highest = wanted.entry(rolling::expand_version(template, version).unwrap()).or_insert(version);
                *highest = (*highest).max(version);
            }
        }
        for (pointer, version) in wanted {
            prop_assert_eq!(&registry.versions[&registry.tags[&pointer]].0, version, "{}", pointer);
        }
    }

    #[test]
    fn a_branch_pointer_never_goes_back(order in collection::vec(0..8_usize, 1..16)) {
        let policy = generated::policy("raqeem");
        let mut registry = Registry::default();
        for (build, number) in order.iter().enumerate() {
            let digest = Digest::of(format!("{build} of {number}").as_bytes());
            for (pointer, from, to) in registry.publish(&policy, &push(Subject::Branch("main".to_owned()), *number), &digest, *number) {
                let from = from.map(|digest| registry.commits[&digest]);
                prop_assert!(from <= Some(registry.commits[&to]), "{} moved back", pointer);
            }
        }
        let main = &registry.tags[&"main".parse::<Tag>().unwrap()];
        prop_assert_eq!(registry.commits[main], *order.iter().max().unwrap());
    }

    #[test]
    fn a_shared_pointer_is_never_on_an_older_commit_than_before(
        order in collection::vec((0..8_usize, proptest::option::of(0..3_u64)), 1..10),
    ) {
        let policy = generated::policy("phialo");
        let mut registry = Registry::default();
        let latest: Tag = "latest".parse().unwrap();
        for (build, (number, major)) in order.iter().enumerate() {
            let subject = match major {
                Some(major) => Subject::Tag(format!("v{major}.0.{build}")),
                None => Subject::Branch("main".to_owned()),
            };
            let was = registry.tags.get(&latest).cloned();
            let digest = Digest::of(format!("{build}").as_bytes());
            registry.publish(&policy, &push(subject, *number), &digest, *number);
            let now = &registry.tags[&latest];
            let both_versions = was.as_ref().is_some_and(|was| registry.versions.contains_key(was) && registry.versions.contains_key(now));
            if !both_versions {
                prop_assert!(was.map(|was| registry.commits[&was]) <= Some(registry.commits[now]));
            }
        }
    }

    #[test]
    fn writes_are_in_order_and_immutable_tags_stay(
        cases in collection::vec(any_case(), 1..4),
        immutable in collection::vec(sample::select(vec!["false", "true", "keep existing"]), 4),
        rolling in any::<bool>(),
        images in collection::vec(0..4_usize, 64),
        any in any_context(),
        which in sample::select(&POLICIES[..]),
    ) {
        let rows: Vec<String> = cases.iter().zip(&immutable).enumerate().map(|(number, (Case { row, .. }, immutable))| {
            let rolling = if rolling { format!(", rolling: [pointer, 'pointer-{number}']") } else { String::new() };
            format!("{}, immutable: {immutable}{rolling}}}", row.strip_suffix('}').unwrap())
        }).collect();
        let own = policy_of(&rows).into_iter().flat_map(|policy| cases.iter().map(move |case| (policy.clone(), case.context.clone())));
        for (policy, context) in own.chain([(generated::policy(which), any)]) {
            check_plan(&policy, &context, &images);
        }
    }
}

/// Plans against a registry in which tags are where `images` says: on none, on ours, on another, on a third.
fn check_plan(policy: &Policy, context: &Context, images: &[usize]) {
    let Ok(plan) = plan_tags(context, policy, 7) else { return };
    let digests: Vec<Digest> = (0..4).map(|number: usize| Digest::of(&number.to_le_bytes())).collect();
    let mut published = Published { asked: true, ..Published::default() };
    let all: BTreeSet<Tag> = plan.rows.iter().flat_map(|row| row.tags().map(|(_, tag)| tag.clone())).collect();
    for (tag, image) in all.iter().zip(images) {
        if *image > 0 {
            published.current.insert(tag.clone(), digests[*image].clone());
        }
    }
    published.captured =
        plan.captures.iter().filter(|capture| published.current.contains_key(&capture.tag)).cloned().collect();
    for row in &plan.rows {
        for (number, pointer) in row.rolling.iter().enumerate() {
            let current = published.current.get(pointer).map(|digest| PublishedImage {
                digest: digest.clone(),
                version: None,
                commit: None,
            });
            let ancestry = [Ancestry::Same, Ancestry::Ancestor, Ancestry::Diverged, Ancestry::Unknown]
                [images[(row.rule + number) % images.len()]];
            let facts = PointerFacts { current, highest: None, ancestry, tip: None, shared: false };
            published.pointers.insert((row.rule, pointer.clone()), facts);
        }
    }
    let ours = Ours { digest: Some(digests[1].clone()), commit: None };
    let Ok(planned) = plan_publish(&policy.images[0], policy, &plan, &published, &ours) else { return };
    assert!(planned.writes.is_sorted_by_key(|write| write.role == Role::Rolling));
    let written: BTreeSet<&Tag> = planned.writes.iter().map(|write| &write.tag).collect();
    let staying: BTreeSet<&Tag> = planned.stays.iter().map(|stay| &stay.tag).collect();
    assert_eq!(written.len(), planned.writes.len());
    assert_eq!(staying.len(), planned.stays.len());
    assert!(written.is_disjoint(&staying));
    assert_eq!(written.union(&staying).copied().collect::<BTreeSet<_>>(), all.iter().collect());
    for write in &planned.writes {
        let target = match &write.target {
            Target::Ours => &digests[1],
            Target::Published(digest) => digest,
        };
        let is_immutable = plan
            .rows
            .iter()
            .any(|row| policy.rules[row.rule].immutable != Immutable::No && row.tag.contains(&write.tag));
        match published.current.get(&write.tag) {
            Some(now) if is_immutable => assert_eq!(now, target, "{} is immutable", write.tag),
            Some(now) if now == target => assert_eq!(write.change, Change::Unchanged),
            Some(now) => assert_eq!(write.change, Change::Move { from: now.clone() }),
            None => assert_eq!(write.change, Change::Create),
        }
    }
}
