//! Waits in the middle: what is known before a wait is old after it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use ghcr_lifecycle::{
    adapters::{rest::ApiOptions, runner::ThisRun},
    app::Finished,
    sandbox::{Control, Fault, FaultEffect, options::Habits},
};

use super::super::{
    journal::Notes,
    package::{Named, contents, few, image, placeholders, push, tags_only},
    support::{ALWAYS, ONCE, Stage, Who, options},
};
use crate::sandbox::api::PACKAGE;

pub(super) const SECONDARY: &str =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

pub(in super::super) fn refusal(code: u16, headers: &[(&str, &str)], message: &str) -> FaultEffect {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FaultEffect::Status { code, body: serde_json::json!({"message": message, "status": code}).to_string(), headers }
}

/// Cleans up, refuses the first request that fits with `effect`, and lets something happen behind it.
async fn refused_once(
    stage: &Stage,
    look_every: Duration,
    (method, path): (&'static str, String),
    effect: FaultEffect,
    happens: impl Fn(&Control) + Send + Sync + 'static,
) -> Finished {
    stage.reset(Habits::default());
    let (control, is_done) = (stage.sandbox.control(), AtomicBool::new(false));
    stage.sandbox.on_request(move |request| {
        let fits = request.method == method && request.path.ends_with(&path);
        if fits && !is_done.swap(true, Ordering::SeqCst) {
            control.fault(Fault::once(effect.clone()));
            happens(&control);
        }
        std::future::ready(())
    });
    let options = ApiOptions { longest_wait: Duration::from_secs(10), ..options() };
    let run = ThisRun::start(None, false);
    let finished = stage.clean_with(Who::A, look_every, &Notes::default(), &run, None, options).await;
    stage.sandbox.clear_hook();
    finished
}

#[tokio::test]
async fn a_deletion_that_had_to_wait_is_decided_anew() {
    let stage = Stage::new(few).await;
    let outer = stage.named.manifest("outer").clone();
    let path = format!("/versions/{}", stage.named.id("outer"));
    let finished = refused_once(
        &stage,
        ALWAYS,
        ("DELETE", path),
        refusal(403, &[("retry-after", "2")], SECONDARY),
        move |control| {
            push(control, &outer, &["v2.0.0"]);
        },
    )
    .await;
    let told = format!("{}\n{}", stage.requests(), finished.text);
    assert_eq!(stage.sandbox.tag(PACKAGE, "v2.0.0"), Some(stage.named.digest("outer")), "{told}");
    assert!(finished.error.is_none(), "{told}");
    assert!(!stage.gone().contains(&stage.named.id("outer")), "{told}");
    assert!(stage.gone().contains(&stage.named.id("old")), "{told}");
    stage.check_whole(&told);
}

#[tokio::test]
async fn a_tag_that_moves_while_its_put_is_tried_again_is_not_overwritten() {
    let throttled = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 1ms, allowed: 2000/minute"}]}"#;
    let throttled = FaultEffect::Status { code: 429, body: throttled.to_owned(), headers: Vec::new() };
    for effect in [refusal(500, &[], "Server Error"), throttled] {
        let stage = Stage::new(tags_only).await;
        let finished = refused_once(&stage, ONCE, ("PUT", "/manifests/build-1".to_owned()), effect, |control| {
            let new = image(control, "new");
            push(control, &new, &["build-1"]);
        })
        .await;
        let told = format!("{}\n{}", stage.requests(), finished.text);
        let new = image(&stage.sandbox, "new").digest;
        assert_eq!(stage.sandbox.tag(PACKAGE, "build-1"), Some(new), "{told}");
        assert!(finished.error.is_none(), "{told}");
        assert_eq!(stage.sandbox.tag(PACKAGE, "build-2"), None, "{told}");
    }
}

#[tokio::test]
async fn a_placeholder_whose_deletion_had_to_wait_is_looked_at_again() {
    let stage = Stage::new(tags_only).await;
    let control = stage.sandbox.control();
    stage.reset(Habits::default());
    let is_done = AtomicBool::new(false);
    stage.sandbox.on_request(move |request| {
        let ours = placeholders(&control);
        let ours = ours.iter().find(|(id, _)| request.path.ends_with(&format!("/versions/{id}")));
        if let Some((_, digest)) = ours
            && !is_done.swap(true, Ordering::SeqCst)
        {
            control.fault(Fault::once(refusal(429, &[("retry-after", "2")], SECONDARY)));
            control.set_tag(PACKAGE, "latest".parse().unwrap(), digest.clone());
        }
        std::future::ready(())
    });
    let options = ApiOptions { longest_wait: Duration::from_secs(10), ..options() };
    let run = ThisRun::start(None, false);
    let finished = stage.clean_with(Who::A, ALWAYS, &Notes::default(), &run, None, options).await;
    let told = format!("{}\n{}", stage.requests(), finished.text);
    assert_eq!(stage.sandbox.tag(PACKAGE, "latest"), Some(stage.named.digest("a")), "{told}");
    assert!(finished.error.is_none(), "{told}");
    assert!(placeholders(&stage.sandbox).is_empty(), "{told}");
}

/// The state after a run that nothing disturbed.
async fn undisturbed(fill: fn(&Control) -> Named) -> (Stage, super::super::package::Contents) {
    let stage = Stage::new(fill).await;
    stage.reset(Habits::default());
    assert!(stage.clean(Who::A, ONCE, &Notes::default()).await.error.is_none());
    let end = contents(&stage.sandbox);
    (stage, end)
}

#[tokio::test]
async fn limits_in_the_middle_are_waited_out() {
    let (stage, end) = undisturbed(few).await;
    let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000000000"), ("x-ratelimit-limit", "5000")];
    for (code, headers, message) in [
        (403, &[("retry-after", "0")][..], SECONDARY),
        (429, &[("retry-after", "1")], ""),
        (403, &spent, "API rate limit exceeded for installation ID 1."),
    ] {
        stage.reset(Habits::default());
        let fault = Fault { times: 2, ..Fault::once(refusal(code, headers, message)) };
        stage.sandbox.fault(fault.on("DELETE", "/versions/").after(1));
        let finished = stage.clean(Who::A, ONCE, &Notes::default()).await;
        assert!(finished.error.is_none(), "{code}: {:?}", finished.error);
        assert_eq!(contents(&stage.sandbox), end, "{code} {headers:?}");
    }
}

#[tokio::test]
async fn a_limit_that_lasts_ends_the_run_in_good_order() {
    let (stage, end) = undisturbed(few).await;
    // Without a word on when to come again it is a minute at least, which is more than this run may wait.
    for (code, headers) in [(403, &[][..]), (429, &[]), (403, &[("retry-after", "3600")])] {
        stage.reset(Habits::default());
        stage.sandbox.fault(Fault::always(refusal(code, headers, SECONDARY)).on("DELETE", "/versions/").after(1));
        let journal = Notes::default();
        let finished = stage.clean(Who::A, ONCE, &journal).await;
        assert!(finished.error.is_none(), "{:?}", finished.error);
        let output = |name: &str| finished.outputs.iter().find(|output| output.name == name).unwrap().value.clone();
        assert_eq!((output("deleted"), output("remaining"), output("failed")), ("1".into(), "6".into(), "0".into()));
        stage.check_whole("limited");
        stage.sandbox.clear_faults();
        assert!(stage.clean(Who::A, ONCE, &Notes::default()).await.error.is_none());
        assert_eq!(contents(&stage.sandbox), end);
    }
}
