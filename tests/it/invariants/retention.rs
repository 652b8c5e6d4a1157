//! What holds for the clean-up of any package.

mod generated;
mod policies;
mod reference;
mod splits;

use std::collections::{BTreeMap, BTreeSet};

use ghcr_lifecycle::{
    model::{
        Asked, Digest, Inventory, Tag, Version, VersionId,
        inventory::{DeletedVersion, ManifestFacts, ManifestRole, ReadManifest},
    },
    policy::{
        cleanup::{Blocked, CleanupPlan, Decision, MaxDeletions, SavedPlan, Step, explain, plan_cleanup, write_plans},
        graph::Graph,
        retention::decide,
        verify::{Look, Violation, allowed, lost_children, shared, violations},
    },
};
use proptest::{prelude::*, sample, test_runner::Config};

use self::{
    generated::{Situation, any_row, digest, now, policy_of, situation},
    reference::{Outcome, reference},
};

fn outcome(plan: &CleanupPlan) -> Outcome {
    Outcome {
        deleted: plan.deleted().map(|version| version.id).collect(),
        untagged: plan.untag.iter().map(|untag| untag.tag.to_string()).collect(),
    }
}

/// Carries out steps, as GitHub would.
fn apply(inventory: &Inventory, steps: &[Step]) -> Inventory {
    let mut after = inventory.clone();
    for step in steps {
        match step {
            Step::Delete(id) => {
                let at = after.versions.iter().position(|version| version.id == *id).expect("it is there");
                let tagged = after.versions.iter().filter(|version| !version.tags.is_empty()).count();
                assert!(after.versions[at].tags.is_empty() || tagged > 1, "GitHub refuses to delete the last one");
                let gone = after.versions.remove(at);
                if let Asked::Known(deleted) = &mut after.deleted {
                    deleted.push(DeletedVersion { id: gone.id, digest: gone.digest });
                }
            }
            Step::Untag(tags) => {
                for version in &mut after.versions {
                    version.tags.retain(|tag| !tags.contains(tag));
                }
                assert!(after.versions.iter().any(|version| !version.tags.is_empty()), "GitHub refuses that too");
            }
        }
    }
    after
}

fn state(inventory: &Inventory) -> BTreeMap<VersionId, BTreeSet<Tag>> {
    inventory.versions.iter().map(|version| (version.id, version.tags.clone())).collect()
}

/// Returns the active manifests that each tagged version needs and that were there in the beginning.
fn broken(before: &Inventory, after: &Inventory) -> Vec<Digest> {
    let find = |inventory: &Inventory, digest: &Digest| -> Option<Version> {
        inventory.versions.iter().find(|version| version.digest == *digest).cloned()
    };
    let mut open: Vec<Digest> =
        after.versions.iter().filter(|v| !v.tags.is_empty()).map(|version| version.digest.clone()).collect();
    let (mut seen, mut missing) = (BTreeSet::new(), Vec::new());
    while let Some(digest) = open.pop() {
        let Some(version) = find(before, &digest).filter(|_| seen.insert(digest.clone())) else { continue };
        if find(after, &digest).is_none() {
            missing.push(digest);
        }
        open.extend(
            version.read().into_iter().flat_map(|manifest| &manifest.children).map(|child| child.digest.clone()),
        );
    }
    missing
}

fn config() -> Config {
    Config { cases: 400, failure_persistence: None, ..Config::default() }
}

fn config_of(cases: u32) -> Config {
    Config { cases, ..config() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_plan_is_what_a_slow_reference_computes(Situation { inventory, policy, .. } in situation(false)) {
        match (plan_cleanup(&inventory, &policy), reference(&inventory, &policy)) {
            (Ok(plan), Some(expected)) => prop_assert_eq!(outcome(&plan), expected),
            (Err(Blocked::Unreadable { all, .. }), None) => prop_assert!(!all.is_empty()),
            (plan, expected) => prop_assert!(false, "{:?} {expected:?}", plan.map(|plan| outcome(&plan))),
        }
    }

    #[test]
    fn every_plan_passes_its_check_and_every_version_has_a_reason(Situation { inventory, policy, .. } in situation(false)) {
        let Ok(plan) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        prop_assert_eq!(violations(&plan, &inventory), vec![]);
        let text = write_plans(std::slice::from_ref(&plan)).unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let package = &document["packages"][0];
        prop_assert_eq!(package["versions"].as_array().unwrap().len(), inventory.versions.len());
        for entry in package["versions"].as_array().unwrap().iter().chain(package["untag"].as_array().unwrap()) {
            let reasons = entry["reasons"].as_array().unwrap();
            prop_assert!(!reasons.is_empty() && reasons.iter().all(|reason| reason["kind"].is_string()), "{}", entry);
        }
        for version in &plan.versions {
            let found = explain(&plan, &version.digest.clone().into());
            prop_assert_eq!(found.len(), 1);
            let root = found[0].chain.last().map_or(version, |root| root);
            prop_assert!(version.decision == Decision::Delete || root.reached.is_none());
            prop_assert!(found[0].chain.iter().all(|above| above.decision == Decision::Keep));
        }
    }

    #[test]
    fn the_order_of_the_facts_changes_no_byte(Situation { mut inventory, policy, .. } in situation(false), seed in any::<u64>()) {
        let first = plan_cleanup(&inventory, &policy).map(|plan| write_plans(&[plan]).unwrap());
        inventory.versions.sort_by_key(|version| digest(format!("{seed}{}", version.id)));
        if let Asked::Known(references) = &mut inventory.references {
            references.reverse();
        }
        let second = plan_cleanup(&inventory, &policy).map(|plan| write_plans(&[plan]).unwrap());
        prop_assert_eq!(first, second);
    }

    #[test]
    fn a_kept_tag_reaches_nothing_that_is_deleted_at_any_step(Situation { inventory, policy, .. } in situation(false)) {
        let Ok(plan) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        for done in 0..=plan.steps.len() {
            let after = apply(&inventory, &plan.steps[..done]);
            prop_assert_eq!(broken(&inventory, &after), vec![], "after {} of {:?}", done, plan.steps);
            let active = after.versions.iter().map(|version| version.digest.clone()).collect();
            let lost = lost_children(&after.versions, &inventory, &active);
            let kept = |id: &VersionId| plan.version(*id).unwrap().decision == Decision::Keep;
            prop_assert!(!lost.keys().any(kept));
            prop_assert!(done < plan.steps.len() || lost.is_empty(), "{:?}", lost);
        }
    }

    #[test]
    fn a_tag_that_no_row_explains_is_kept(Situation { inventory, policy, .. } in situation(false)) {
        let Ok(plan) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        let odd: Tag = "odd".parse().unwrap();
        for version in plan.versions.iter().filter(|version| !version.is_placeholder) {
            if version.tags.iter().any(|decision| decision.tag == odd) {
                prop_assert_eq!(version.decision, Decision::Keep);
                prop_assert!(plan.untag.iter().all(|untag| untag.tag != odd));
            }
        }
    }

    #[test]
    fn a_row_that_is_added_expires_no_tag_that_another_kept(
        Situation { inventory, policy, rows, rest } in situation(false), added in any_row(),
    ) {
        // At the end, so that the numbers of the others, by which evidence is kept, stay.
        let more: Vec<&str> = rows.iter().copied().chain([added]).collect();
        let larger = policy_of(&more, &rest);
        let graph = Graph::of(&inventory);
        let (before, after) = (decide(&inventory, &policy, &graph), decide(&inventory, &larger, &graph));
        for (before, after) in before.tags.iter().flatten().zip(after.tags.iter().flatten()) {
            let by_row = before.rows.iter().any(|row| row.keeps);
            prop_assert!(!by_row || after.keeps(), "{:?} {:?}", before, after);
        }
    }

    #[test]
    fn a_saved_plan_shares_every_step_with_itself(Situation { inventory, policy, .. } in situation(false)) {
        let Ok(plan) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        let text = write_plans(std::slice::from_ref(&plan)).unwrap();
        let saved = SavedPlan::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(shared(&plan, &saved.packages[0]), plan.steps.clone());
        prop_assert_eq!(allowed(&plan, &inventory, &Look::default()), plan.steps);
    }

    #[test]
    fn a_plan_that_was_tampered_with_fails_its_check(Situation { inventory, policy, .. } in situation(false), at in any::<sample::Index>()) {
        let Ok(mut plan) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        let kept: Vec<usize> = (0..plan.versions.len()).filter(|at| plan.versions[*at].decision == Decision::Keep).collect();
        if kept.is_empty() {
            return Ok(());
        }
        let victim = kept[at.index(kept.len())];
        plan.steps.insert(0, Step::Delete(plan.versions[victim].id));
        prop_assert!(violations(&plan, &inventory).contains(&Violation::OtherSteps(plan.versions[victim].id)));
    }
}

proptest! {
    #![proptest_config(config_of(200))]

    #[test]
    fn applying_twice_is_applying_once_and_so_is_an_interruption(
        Situation { mut inventory, policy, .. } in situation(true), stop in any::<sample::Index>(),
    ) {
        // Where referrers without a subject exist, the run asks.
        if inventory.deleted.known().is_none() {
            inventory.deleted = Asked::Known(Vec::new());
        }
        let Ok(plan) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        let after = apply(&inventory, &plan.steps);
        let again = plan_cleanup(&after, &policy).unwrap();
        prop_assert_eq!(&again.steps, &vec![], "{:?}", plan.steps);
        let interrupted = apply(&inventory, &plan.steps[..stop.index(plan.steps.len() + 1)]);
        let rest = plan_cleanup(&interrupted, &policy).unwrap();
        prop_assert_eq!(state(&apply(&interrupted, &rest.steps)), state(&after));
    }

    #[test]
    fn what_changed_since_protects_itself_and_what_it_reaches(
        Situation { inventory, policy, .. } in situation(false), target in any::<sample::Index>(), change in 0..4_usize,
    ) {
        let Ok(plan) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        let target = inventory.versions[target.index(inventory.versions.len())].clone();
        let mut look = Look::default();
        let mut later = inventory.clone();
        let new: Tag = "pushed-meanwhile".parse().unwrap();
        match change {
            0 => {
                look.tags.insert(new.clone(), Some(target.digest.clone()));
                later.versions.iter_mut().filter(|version| version.id == target.id).for_each(|version| {
                    version.tags.insert(new.clone());
                });
            }
            1 => {
                let child = ghcr_lifecycle::model::inventory::Child { digest: target.digest.clone(), is_manifest: true, platform: None };
                let manifest = ReadManifest { kind: ManifestRole::Index, children: vec![child], subject: None, blobs: vec![], artifact_type: None };
                let pushed = Version {
                    id: VersionId::new(9000), digest: digest("pushed"), tags: BTreeSet::from([new]),
                    created_at: now(), updated_at: now(), manifest: ManifestFacts::Read(Box::new(manifest)),
                };
                look.versions.push(pushed.clone());
                later.versions.push(pushed);
            }
            2 => {
                let Some(moved) = target.tags.first().cloned() else { return Ok(()) };
                look.tags.insert(moved.clone(), None);
                later.versions.iter_mut().for_each(|version| { version.tags.remove(&moved); });
                let left = allowed(&plan, &inventory, &look);
                prop_assert!(!left.iter().any(|step| matches!(step, Step::Untag(tags) if tags.contains(&moved))));
            }
            _ => {
                look.open_pull_requests = BTreeSet::from([1, 2, 3]);
                let left = allowed(&plan, &inventory, &look);
                for version in &plan.versions {
                    let waited = version.tags.iter().flat_map(|tag| &tag.rows).flat_map(|row| &row.reasons)
                        .any(|life| matches!(life, ghcr_lifecycle::policy::retention::Life::Closed { .. }));
                    prop_assert!(!waited || !left.contains(&Step::Delete(version.id)));
                }
            }
        }
        let left = allowed(&plan, &inventory, &look);
        let deleted: BTreeSet<VersionId> = left.iter().filter_map(|step| match step {
            Step::Delete(id) => Some(*id),
            Step::Untag(_) => None,
        }).collect();
        if matches!(change, 0 | 1) {
            prop_assert!(!deleted.contains(&target.id));
        }
        // Whatever is left, in any prefix, breaks nothing that is tagged now.
        for done in 0..=left.len() {
            let mut after = later.clone();
            for step in &left[..done] {
                match step {
                    Step::Delete(id) => after.versions.retain(|version| version.id != *id),
                    Step::Untag(tags) => after.versions.iter_mut().for_each(|version| version.tags.retain(|tag| !tags.contains(tag))),
                }
            }
            prop_assert_eq!(broken(&later, &after), vec![]);
        }
        let was_planned = left.iter().all(|step| match step {
            Step::Delete(_) => plan.steps.contains(step),
            Step::Untag(tags) => tags.iter().all(|tag| plan.untag.iter().any(|untag| untag.tag == *tag)),
        });
        prop_assert!(was_planned);
    }

    #[test]
    fn applying_a_saved_plan_never_deletes_what_changed(
        Situation { inventory, policy, .. } in situation(false), target in any::<sample::Index>(),
    ) {
        let Ok(saved) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        let text = write_plans(std::slice::from_ref(&saved)).unwrap();
        let saved = SavedPlan::parse(text.as_bytes()).unwrap();
        let mut later = inventory.clone();
        let at = target.index(later.versions.len());
        later.versions[at].tags.insert("tmp-since".parse().unwrap());
        let Ok(fresh) = plan_cleanup(&later, &policy) else { return Ok(()) };
        let steps = shared(&fresh, &saved.packages[0]);
        prop_assert!(!steps.contains(&Step::Delete(later.versions[at].id)));
        let after = apply(&later, &steps);
        prop_assert_eq!(broken(&later, &after), vec![]);
    }

    #[test]
    fn a_run_that_deletes_too_much_is_stopped(Situation { inventory, policy, .. } in situation(false), number in 0..5_usize) {
        let Ok(plan) = plan_cleanup(&inventory, &policy) else { return Ok(()) };
        let planned = plan.deleted().filter(|version| !version.is_placeholder).count();
        prop_assert_eq!(MaxDeletions::Number(number).check(&plan).is_ok(), planned <= number);
        prop_assert!(MaxDeletions::default().check(&plan).is_ok());
    }
}
