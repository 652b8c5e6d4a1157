//! Refusals and failures in the middle.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use ghcr_lifecycle::{
    adapters::runner::records::{JournalFile, RecordFiles},
    app::Finished,
    model::{JournalState, RawManifest},
    sandbox::{Control, Fault, FaultEffect, options::Habits},
};

use super::{
    super::{
        journal::Notes,
        package::{Contents, Named, contents, everything, few, image, push, tags_only, without_placeholders},
        support::{ALWAYS, ONCE, Stage, Who},
    },
    limits::refusal,
};
use crate::sandbox::api::PACKAGE;

async fn undisturbed(fill: fn(&Control) -> Named) -> (Stage, Contents) {
    let stage = Stage::new(fill).await;
    stage.reset(Habits::default());
    assert!(stage.clean(Who::A, ONCE, &Notes::default()).await.error.is_none());
    let end = contents(&stage.sandbox);
    (stage, end)
}

fn output(finished: &Finished, name: &str) -> usize {
    finished.outputs.iter().find(|output| output.name == name).unwrap().value.parse().unwrap()
}

/// Runs again without disturbance, and compares.
async fn goes_on(stage: &Stage, end: &Contents, told: &str) {
    stage.sandbox.clear_faults();
    stage.sandbox.clear_hook();
    let finished = stage.clean(Who::A, ONCE, &Notes::default()).await;
    assert!(finished.error.is_none(), "{told}: {:?}", finished.error);
    assert_eq!(contents(&stage.sandbox), *end, "{told}\n{}", stage.requests());
}

#[tokio::test]
async fn failures_that_pass_are_overcome_and_others_end_the_run() {
    let (stage, end) = undisturbed(few).await;
    for (method, path) in
        [("DELETE", "/versions/"), ("GET", "/versions?"), ("GET", "/manifests/"), ("HEAD", "/manifests/")]
    {
        for code in [500, 502] {
            for (times, skip) in [(1, 0), (2, 1), (usize::MAX, 0), (usize::MAX, 2)] {
                let told = format!("{code} on {method} {path}, {times} times after {skip}");
                stage.reset(Habits::default());
                let fault = Fault { times, ..Fault::once(refusal(code, &[], "Server Error")) };
                stage.sandbox.fault(fault.on(method, path).after(skip));
                let journal = Notes::default();
                let finished = stage.clean(Who::A, ALWAYS, &journal).await;
                stage.check_whole(&told);
                let (announced, gone) = journal.deletions();
                let deleted = stage.gone();
                assert!(deleted.iter().all(|id| announced.contains(id)), "{told}");
                assert!(deleted.iter().all(|id| gone.contains(id)), "{told}");
                if times <= 2 {
                    assert!(finished.error.is_none(), "{told}: {:?}", finished.error);
                    assert_eq!(contents(&stage.sandbox), end, "{told}");
                } else {
                    assert!(finished.error.is_some(), "{told}");
                    goes_on(&stage, &end, &told).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_version_that_is_said_to_be_gone_and_is_not_stays_whole() {
    let (stage, end) = undisturbed(few).await;
    stage.reset(Habits::default());
    let path = format!("/versions/{}", stage.named.id("outer"));
    stage.sandbox.fault(Fault::once(refusal(404, &[], "Package version not found.")).on("DELETE", &path));
    let finished = stage.clean(Who::A, ONCE, &Notes::default()).await;
    assert!(finished.error.is_none(), "{:?}", finished.error);
    stage.check_whole(&finished.text);
    goes_on(&stage, &end, "said to be gone").await;
}

#[tokio::test]
async fn a_package_that_may_not_be_changed_is_asked_once() {
    let (stage, end) = undisturbed(few).await;
    for (code, message) in
        [(404, "Package not found."), (403, "Resource not accessible by integration"), (401, "Bad credentials")]
    {
        stage.reset(Habits::default());
        stage.sandbox.fault(Fault::always(refusal(code, &[], message)).on("DELETE", "/versions/").after(1));
        let journal = Notes::default();
        let finished = stage.clean(Who::A, ONCE, &journal).await;
        let deletions = stage.sandbox.requests().iter().filter(|request| request.method == "DELETE").count();
        assert_eq!(deletions, 2, "{code}\n{}", stage.requests());
        let error = finished.error.as_ref().unwrap_or_else(|| panic!("{code} is a good end")).render();
        assert!(error.contains(message) && error.contains("hint: "), "{error}");
        assert_eq!(output(&finished, "remaining"), 5, "{code}");
        assert_eq!(journal.deletions().1, stage.gone(), "{code}");
        goes_on(&stage, &end, message).await;
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_the_run_and_leaves_a_whole_journal() {
    let (stage, end) = undisturbed(tags_only).await;
    let all = stage.sandbox.requests().len();
    for code in [401, 403] {
        for at in 0..all {
            stage.reset(Habits::default());
            let message = if code == 401 { "Bad credentials" } else { "Resource not accessible by integration" };
            stage.sandbox.fault(Fault::always(refusal(code, &[], message)).after(at));
            let journal = Notes::default();
            let finished = stage.clean(Who::A, ONCE, &journal).await;
            let told = format!("{code} from {at} on\n{}\n{}", stage.requests(), finished.text);
            stage.check_whole(&told);
            // All but the check at the end may have been made.
            let is_done = without_placeholders(&stage.sandbox) == end && contents(&stage.sandbox) == end;
            assert!(finished.error.is_some() || is_done, "{told}");
            stage.sandbox.clear_faults();
            let state = stage.sandbox.state();
            if !journal.text().is_empty() {
                let (restored, _) = stage.restore(&journal.text()).await;
                assert!(restored.error.is_none(), "{told}\n{}", restored.text);
            }
            assert_eq!(without_placeholders(&stage.sandbox), stage.before(), "{told}");
            stage.sandbox.change(|now| *now = state);
            goes_on(&stage, &end, &told).await;
        }
    }
}

#[tokio::test]
async fn a_push_that_shifts_the_pages_is_noticed() {
    let stage = Stage::new(|sandbox| {
        let named = few(sandbox);
        for number in 0..110 {
            push(sandbox, &image(sandbox, &format!("more {number}")), &[&format!("v2.0.{number}")]);
        }
        named
    })
    .await;
    stage.reset(Habits::default());
    let (control, is_done) = (stage.sandbox.control(), AtomicBool::new(false));
    let made = |control: &Control| -> RawManifest { image(control, "new") };
    stage.sandbox.on_request(move |request| {
        if request.path.contains("/versions?")
            && request.path.contains("page=2")
            && !is_done.swap(true, Ordering::SeqCst)
        {
            push(&control, &made(&control), &["v3.0.0"]);
        }
        std::future::ready(())
    });
    let finished = stage.clean(Who::A, ONCE, &Notes::default()).await;
    assert!(finished.error.is_none(), "{:?}", finished.error);
    let mut gone: Vec<String> = stage.gone().into_iter().map(|id| stage.named.name(id)).collect();
    gone.sort();
    assert_eq!(gone, ["b", "old", "outer", "pr", "x"]);
    assert_eq!(stage.sandbox.tag(PACKAGE, "v3.0.0"), Some(made(&stage.sandbox).digest));
    stage.check_whole("shifted");
}

const LAST: &str = "You cannot delete the last tagged version of a package. You must delete the package instead.";

#[tokio::test]
async fn tags_go_back_where_the_placeholder_cannot_be_deleted() {
    let (stage, end) = undisturbed(tags_only).await;
    stage.reset(Habits::default());
    stage.sandbox.fault(Fault::once(refusal(400, &[], LAST)).on("DELETE", "/versions/"));
    let journal = Notes::default();
    let finished = stage.clean(Who::A, ONCE, &journal).await;
    assert_eq!(without_placeholders(&stage.sandbox), stage.before(), "{}\n{}", stage.requests(), finished.text);
    assert_eq!(output(&finished, "untagged"), 0);
    goes_on(&stage, &end, "last tagged").await;
}

#[tokio::test]
async fn what_is_refused_keeps_what_it_lists() {
    let (stage, _) = undisturbed(everything).await;
    for is_public in [true, false] {
        stage.reset(Habits::default());
        let outer = stage.named.id("outer");
        if is_public {
            stage.sandbox.set_public(PACKAGE, true);
            stage.sandbox.change(|state| state.set_downloads(PACKAGE, outer, 5_001));
        } else {
            stage.sandbox.fault(Fault::once(refusal(400, &[], LAST)).on("DELETE", &format!("/versions/{outer}")));
        }
        let journal = Notes::default();
        let finished = stage.clean(Who::A, ONCE, &journal).await;
        assert!(finished.error.is_none(), "{:?}", finished.error);
        let gone: Vec<String> = stage.gone().into_iter().map(|id| stage.named.name(id)).collect();
        for name in ["outer", "inner", "b", "c", "shared"] {
            assert!(!gone.contains(&name.to_owned()), "{name} of {gone:?}");
        }
        for name in ["pr", "pr.sig", "pr.bundle", "pr.list", "x", "old", "crashed"] {
            assert!(gone.contains(&name.to_owned()), "{name} of {gone:?}");
        }
        stage.check_whole(&finished.text);
        let refused: Vec<u64> = journal
            .entries()
            .into_iter()
            .filter(|entry| entry.state == JournalState::Refused)
            .filter_map(|entry| entry.id.map(|id| id.number()))
            .collect();
        assert_eq!(refused, [outer]);
        let (restored, _) = stage.restore(&journal.text()).await;
        assert!(restored.error.is_none(), "{}", restored.text);
        assert_eq!(without_placeholders(&stage.sandbox), stage.before());
    }
}

#[tokio::test]
async fn a_list_that_lags_behind_is_read_again() {
    let (stage, end) = undisturbed(tags_only).await;
    stage.reset(Habits::default());
    let (control, is_done) = (stage.sandbox.control(), AtomicBool::new(false));
    stage.sandbox.on_request(move |request| {
        if request.method == "PUT"
            && request.path.ends_with("/manifests/build-1")
            && !is_done.swap(true, Ordering::SeqCst)
        {
            let stale = FaultEffect::Stale { milliseconds: None };
            control.fault(Fault { times: 2, ..Fault::once(stale) }.on("GET", "/versions?"));
        }
        std::future::ready(())
    });
    let finished = stage.clean(Who::A, ONCE, &Notes::default()).await;
    assert!(finished.error.is_none(), "{:?}", finished.error);
    assert_eq!(contents(&stage.sandbox), end, "{}", stage.requests());
}

#[tokio::test]
async fn nothing_is_changed_once_the_journal_is_full() {
    for fill in [few as fn(&Control) -> Named, tags_only] {
        let stage = Stage::new(fill).await;
        stage.reset(Habits::default());
        let whole = Notes::default();
        stage.clean(Who::A, ONCE, &whole).await;
        for room in 0..whole.entries().len() {
            stage.reset(Habits::default());
            let journal = Notes::with_room(room);
            let finished = stage.clean(Who::A, ONCE, &journal).await;
            let told = format!("room for {room}\n{}", stage.requests());
            assert!(journal.refused() > 0, "{told}");
            let error = finished.error.map(|error| error.render()).unwrap_or_default();
            assert!(error.contains("no space left on device"), "{told}\n{error}");
            let is_change = |request: &&ghcr_lifecycle::sandbox::RequestInfo| {
                request.method == "DELETE" || (request.method == "PUT" && request.path.contains("/manifests/"))
            };
            let changes = stage.sandbox.requests().iter().filter(is_change).count();
            let intents = journal.entries().iter().filter(|entry| entry.state == JournalState::Intent).count();
            assert_eq!(changes, intents, "{told}");
            stage.check_whole(&told);
            if room > 0 {
                let (restored, _) = stage.restore(&journal.text()).await;
                assert!(restored.error.is_none(), "{told}\n{}", restored.text);
            }
            assert_eq!(without_placeholders(&stage.sandbox), stage.before(), "{told}");
        }
    }
}

#[tokio::test]
async fn without_a_journal_nothing_is_changed() {
    let stage = Stage::new(few).await;
    // A device without room, and a folder that is a file: whoever runs this as root may write anywhere else.
    for path in ["/dev/full", "/dev/null/journal.jsonl"] {
        stage.reset(Habits::default());
        let records = RecordFiles {
            plan: None,
            page: None,
            journal: JournalFile::at(Path::new(path), false),
            journal_place: path.to_owned(),
        };
        let finished = stage.clean(Who::A, ONCE, &records).await;
        let error = finished.error.unwrap().render();
        assert!(error.contains("without a journal nothing is deleted"), "{error}");
        assert!(stage.sandbox.requests().iter().all(|request| !request.is_write()), "{}", stage.requests());
    }
}

#[tokio::test]
async fn two_clean_ups_at_once_lose_nothing() {
    for fill in [everything as fn(&Control) -> Named, few, tags_only] {
        let (stage, end) = undisturbed(fill).await;
        for look_every in [ALWAYS, ONCE] {
            stage.reset(Habits::default());
            let (first, second) = (Notes::default(), Notes::default());
            tokio::join!(stage.clean(Who::A, look_every, &first), stage.clean(Who::B, look_every, &second));
            stage.check_whole("two at once");
            let now = contents(&stage.sandbox);
            assert!(end.keys().all(|id| now.contains_key(id)), "{}", stage.requests());
            let journals = first.text() + &second.text();
            let state = stage.sandbox.state();
            let (restored, _) = stage.restore(&journals).await;
            assert!(restored.error.is_none(), "{}", restored.text);
            assert_eq!(without_placeholders(&stage.sandbox), stage.before());
            stage.sandbox.change(|now| *now = state);
            goes_on(&stage, &end, "two at once").await;
        }
    }
}
