//! Runs that are ended in the middle, and runs that find their work done.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ghcr_lifecycle::sandbox::{Fault, FaultEffect, SampleImage, Sandbox};

use super::step::{REPOSITORY, Slot, Step, each, ghcr, index, layout, single, tags, writes};

/// A sandbox on which v0.1.0 is released.
pub(super) fn released(earlier: &SampleImage) -> Sandbox {
    let sandbox = ghcr();
    for tag in ["v0.1.0", "v0.1", "v0", "latest"] {
        earlier.put_into(&sandbox, REPOSITORY, &tag.parse().unwrap());
    }
    sandbox
}

/// What becomes of the request during which the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    TakesEffect,
    IsLost,
}

/// Ends the process at its `n`th request, for every n, and runs it again.
fn interrupt_at_every_request(image: &SampleImage) {
    let source = layout(image);
    let earlier = index("earlier");
    let sandbox = released(&earlier);
    Step::release("v0.2.0", &sandbox, source.path()).succeed();
    let wanted = tags(&sandbox);
    let requests = sandbox.requests().len();
    assert_eq!(wanted.len(), 6, "{wanted:?}");
    assert!(requests > 10, "{requests}");

    let interrupted = AtomicUsize::new(0);
    let cases = (1..=requests).flat_map(|n| [Last::TakesEffect, Last::IsLost].map(|last| (n, last)));
    each(cases, |(n, last)| {
        let sandbox = released(&earlier);
        let step = Step::release("v0.2.0", &sandbox, source.path());
        let slot = Slot::default();
        let count = Arc::new(AtomicUsize::new(0));
        let incomplete = Arc::new(AtomicUsize::new(0));
        sandbox.on_request({
            let (slot, incomplete, control) = (slot.clone(), incomplete.clone(), sandbox.control());
            move |_| {
                let this = count.fetch_add(1, Ordering::SeqCst) + 1;
                if this == n {
                    if let Some(child) = slot.lock().unwrap().as_mut() {
                        child.kill().unwrap();
                    }
                    if last == Last::IsLost {
                        control.fault(Fault::once(FaultEffect::DropConnection));
                    }
                }
                incomplete.fetch_add(control.incomplete(REPOSITORY).len(), Ordering::SeqCst);
                std::future::ready(())
            }
        });
        let ended = step.run_in(&slot);
        match ended.code {
            None => {
                interrupted.fetch_add(1, Ordering::SeqCst);
            }
            // Killed when nothing was left to do, or sent fewer requests than the undisturbed run.
            code => assert_eq!(code, Some(0), "at request {n}: {ended}"),
        }
        sandbox.clear_hook();
        sandbox.clear_faults();
        assert_eq!(sandbox.incomplete(REPOSITORY), [], "at request {n}, which {last:?}");
        assert_eq!(incomplete.load(Ordering::SeqCst), 0, "at request {n}, which {last:?}");

        step.succeed();
        assert_eq!(tags(&sandbox), wanted, "after request {n}, which {last:?}");
        assert_eq!(sandbox.incomplete(REPOSITORY), [], "after request {n}, which {last:?}");
    });
    let interrupted = interrupted.into_inner();
    assert!(interrupted + 4 >= requests * 2, "only {interrupted} of {requests} twice");
}

#[test]
fn a_push_of_one_image_is_safe_to_kill_at_every_request() {
    interrupt_at_every_request(&single("release"));
}

#[test]
fn a_push_of_an_index_is_safe_to_kill_at_every_request() {
    interrupt_at_every_request(&index("release"));
}

#[test]
fn a_second_run_sends_nothing() {
    for image in [single("again"), index("again")] {
        let sandbox = ghcr();
        let source = layout(&image);
        let step = Step::release("v0.1.0", &sandbox, source.path());
        let first = step.succeed();
        assert_eq!(first.lines("moved").len(), 4);
        let published = tags(&sandbox);
        sandbox.clear_requests();

        let second = step.succeed();
        assert_eq!(writes(&sandbox), []);
        assert_eq!(tags(&sandbox), published);
        assert_eq!(second.outputs["moved"], "");
        for same in ["tags", "tag-names", "digest", "digests", "image-refs", "version", "labels", "exists"] {
            assert_eq!(first.outputs[same], second.outputs[same], "{same}");
        }
    }
}
