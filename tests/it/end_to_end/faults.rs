//! Registries that fail in the middle, and people who delete what is being pushed.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use ghcr_lifecycle::{
    model::Digest,
    sandbox::{Control, Fault, FaultEffect, SampleImage},
};

use super::{
    interruption::released,
    step::{REPOSITORY, Step, each, index, layout, single, tags},
};

/// GHCR's own words.
const TOO_MANY: &str =
    r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 12.5ms, allowed: 2000/minute"}]}"#;

fn effects() -> Vec<FaultEffect> {
    let status = |code, body: &str| FaultEffect::Status { code, body: body.to_owned(), headers: Vec::new() };
    vec![
        FaultEffect::LoseAnswer,
        FaultEffect::DropConnection,
        FaultEffect::CutBody,
        status(429, TOO_MANY),
        status(502, "<html><title>502 Bad Gateway</title></html>"),
    ]
}

/// Lets the `n`th request fail in each of these ways, for every n.
fn fail_at_every_request(image: &SampleImage, effects: &[FaultEffect]) {
    let source = layout(image);
    let earlier = single("earlier");
    let sandbox = released(&earlier);
    Step::release("v0.2.0", &sandbox, source.path()).succeed();
    let (wanted, requests) = (tags(&sandbox), sandbox.requests().len());

    let failed = Mutex::new(Vec::new());
    let cases = (0..requests).flat_map(|n| effects.iter().map(move |effect| (n, effect.clone())));
    each(cases, |(n, effect)| {
        let sandbox = released(&earlier);
        let step = Step::release("v0.2.0", &sandbox, source.path());
        sandbox.fault(Fault::once(effect.clone()).after(n));
        let outcome = step.run();
        assert_eq!(sandbox.incomplete(REPOSITORY), [], "{effect:?} after {n} requests");
        if outcome.code != Some(0) {
            assert_eq!(outcome.code, Some(1), "{effect:?} after {n} requests: {outcome}");
            assert!(outcome.stderr.starts_with("error: failed to "), "{outcome}");
            let request = sandbox.requests().get(n).map(|request| format!("{} {}", request.method, request.path));
            failed.lock().unwrap().push(format!("{effect:?} of {request:?}: {}", outcome.stderr));
            step.succeed();
        }
        assert_eq!(tags(&sandbox), wanted, "{effect:?} after {n} requests");
        assert_eq!(sandbox.incomplete(REPOSITORY), []);
    });
    // Every one of these passes by itself, so one more attempt is enough.
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} runs gave up: {failed:#?}", failed.len());
}

#[test]
fn a_push_of_one_image_outlives_a_fault_at_every_request() {
    fail_at_every_request(&single("release"), &effects()[..2]);
}

#[test]
fn a_push_of_an_index_outlives_a_fault_at_every_request() {
    fail_at_every_request(&index("release"), &effects());
}

/// Changes the registry's state when the `n`th request arrives, for every n until the run has ended before it.
fn sabotage_at_every_request(image: &SampleImage, change: impl Fn(&Control) + Send + Sync + Clone + 'static) {
    let source = layout(image);
    let earlier = single("earlier");
    let sandbox = released(&earlier);
    Step::release("v0.2.0", &sandbox, source.path()).succeed();
    let (wanted, requests) = (tags(&sandbox), sandbox.requests());
    // What is deleted later than a run looks cannot be put back by that run: its last look is the read of every part.
    let last_tag = requests.iter().rposition(|request| request.method == "PUT").unwrap();

    each(1..=last_tag + 1, |n| {
        let sandbox = released(&earlier);
        let step = Step::release("v0.2.0", &sandbox, source.path());
        let count = Arc::new(AtomicUsize::new(0));
        sandbox.on_request({
            let (control, change) = (sandbox.control(), change.clone());
            move |_| {
                if count.fetch_add(1, Ordering::SeqCst) + 1 == n {
                    change(&control);
                }
                std::future::ready(())
            }
        });
        let outcome = step.succeed();
        assert_eq!(tags(&sandbox), wanted, "sabotaged at request {n}: {outcome}");
        assert_eq!(sandbox.incomplete(REPOSITORY), [], "sabotaged at request {n}: {outcome}");
    });
}

#[test]
fn children_deleted_by_somebody_else_are_put_back() {
    let image = index("release");
    for child in [image.children().first().unwrap(), image.children().last().unwrap()] {
        let digest = child.digest.clone();
        sabotage_at_every_request(&image, move |control| {
            control.remove_manifest(REPOSITORY, &digest);
        });
    }
}

#[test]
fn children_and_their_blobs_deleted_by_somebody_else_are_put_back() {
    let image = index("release");
    let manifests: Vec<Digest> = image.children().iter().map(|child| child.digest.clone()).collect();
    let blobs: Vec<Digest> = image.blobs().keys().cloned().collect();
    sabotage_at_every_request(&image, move |control| {
        for digest in &manifests {
            control.remove_manifest(REPOSITORY, digest);
        }
        for digest in &blobs {
            control.remove_blob(REPOSITORY, digest);
        }
    });
}

#[test]
fn an_image_deleted_by_somebody_else_is_put_back_with_its_tags() {
    for image in [single("release"), index("release")] {
        let digest = image.digest().clone();
        sabotage_at_every_request(&image, move |control| {
            control.remove_manifest(REPOSITORY, &digest);
        });
    }
}

#[test]
fn an_image_deleted_with_its_blobs_is_put_back() {
    let image = single("release");
    let digest = image.digest().clone();
    let blobs: Vec<Digest> = image.blobs().keys().cloned().collect();
    sabotage_at_every_request(&image, move |control| {
        control.remove_manifest(REPOSITORY, &digest);
        for blob in &blobs {
            control.remove_blob(REPOSITORY, blob);
        }
    });
}
