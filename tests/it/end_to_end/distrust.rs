//! Registries whose tokens run out, that fail, lie about digests, answer without end or send their clients elsewhere: a push,
//! and a promotion from one registry to another, end right or with an error, and no credentials leave.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ghcr_lifecycle::sandbox::{Fault, FaultEffect, SampleImage, Sandbox, requests::RequestInfo};
use serde_json::json;

use super::{
    mirrors::held,
    step::{REPOSITORY, Step, TOKEN, each, ghcr, kyklos, layout},
};

const STAGING: &str = "staging/kyklos";

/// What every registry here is for: a manifest is at most 4 MiB, and other answers are smaller.
const TOO_LONG: FaultEffect = FaultEffect::LongBody { bytes: 5 * 1024 * 1024 };

/// A run with the registries that it meets, each of which gives out tokens for a password.
struct World {
    to: Sandbox,
    from: Option<Sandbox>,
    step: Step,
}

fn with_login(step: Step, sandboxes: &[&Sandbox]) -> Step {
    let login = json!({"username": "deploy", "password": TOKEN});
    let logins: BTreeMap<String, _> = sandboxes.iter().map(|sandbox| (sandbox.host(), login.clone())).collect();
    step.input("registries", &json!(logins).to_string())
}

fn push_of(image: &SampleImage) -> World {
    let to = ghcr();
    let step = Step::on("push-kyklos-tag-v0.1.0").policy(&kyklos(&to.host())).mode("push");
    let folder = step.path("layout");
    fs::rename(layout(image).keep(), &folder).unwrap();
    let step = with_login(step.source(&folder), &[&to]);
    World { to, from: None, step }
}

/// As small as an image is that has children.
fn image() -> SampleImage {
    SampleImage::builder().seed("release").platform("linux/amd64").platform("linux/arm64").layers(1).build()
}

fn push() -> World {
    push_of(&image())
}

fn promotion() -> World {
    let (from, to) = (ghcr(), ghcr());
    image().put_into(&from, STAGING, &"candidate".parse().unwrap());
    let step = Step::on("push-kyklos-tag-v0.1.0").policy(&kyklos(&to.host())).mode("push");
    let step = step.input("source", &format!("{}/{STAGING}:candidate", from.host()));
    let step = with_login(step, &[&from, &to]);
    World { to, from: Some(from), step }
}

type Prepare = fn() -> World;

const RUNS: [(&str, Prepare); 2] = [("push", push), ("promotion", promotion)];

/// Requests of one kind: what a fault is set on.
type Class = (String, String);

/// The class of a request. What differs from run to run, the names of uploads and signatures, is left out.
fn class(request: &RequestInfo) -> Class {
    let path = request.path.split('?').next().unwrap_or_default();
    let path = match path.split_once("/blobs/uploads/") {
        Some((repository, _)) => format!("{repository}/blobs/uploads/"),
        None => path.to_owned(),
    };
    (request.method.clone(), path)
}

impl World {
    fn sandboxes(&self) -> Vec<&Sandbox> {
        self.from.iter().chain([&self.to]).collect()
    }

    /// Runs to the end whatever the registries do, and once more when they are well: every tag is right whenever it is
    /// there, and all are there in the end. Returns what the disturbed run said if it failed.
    fn ends_well(&self, wanted: &BTreeMap<String, String>, what: &str) -> Option<String> {
        let outcome = self.step.run();
        assert_eq!(self.to.incomplete(REPOSITORY), [], "{what}: {outcome}");
        let held = self.held();
        if outcome.code == Some(0) {
            assert_eq!(held, *wanted, "{what}: {outcome}");
            return None;
        }
        assert!(held.iter().all(|(tag, digest)| wanted.get(tag) == Some(digest)), "{what}: {held:?}");
        assert_eq!(outcome.code, Some(1), "{what}: {outcome}");
        assert!(outcome.stderr.starts_with("error: failed to "), "{what}: {outcome}");
        for sandbox in self.sandboxes() {
            sandbox.clear_faults();
            sandbox.clear_hook();
        }
        self.step.succeed();
        assert_eq!((self.held(), self.to.incomplete(REPOSITORY)), (wanted.clone(), vec![]), "{what}, and again");
        Some(outcome.stderr)
    }

    fn held(&self) -> BTreeMap<String, String> {
        held(&self.to, REPOSITORY)
    }
}

/// What an undisturbed run leaves and asks for.
struct Undisturbed {
    wanted: BTreeMap<String, String>,
    /// Each with the place of its registry among the world's.
    classes: Vec<(usize, Class)>,
    /// The number of requests to each registry.
    counts: Vec<usize>,
}

fn undisturbed(prepare: Prepare) -> Undisturbed {
    let world = prepare();
    world.step.succeed();
    let requests: Vec<_> = world.sandboxes().iter().map(|sandbox| sandbox.requests()).collect();
    let classes: BTreeSet<_> = requests
        .iter()
        .enumerate()
        .flat_map(|(at, requests)| requests.iter().map(move |one| (at, class(one))))
        .collect();
    let counts = requests.iter().map(Vec::len).collect();
    Undisturbed { wanted: world.held(), classes: classes.into_iter().collect(), counts }
}

/// Sets a fault on each class of requests, one in each run, and lets `judge` see how the run ended.
fn on_every_class(
    wants: fn(&Class) -> bool,
    effects: &[FaultEffect],
    times: usize,
    judge: impl Fn(&str, &Class, Option<String>) + Sync,
) {
    for (name, prepare) in RUNS {
        let Undisturbed { wanted, classes, .. } = undisturbed(prepare);
        let chosen: Vec<_> = classes.into_iter().filter(|(_, class)| wants(class)).collect();
        assert!(!chosen.is_empty());
        let cases = chosen.iter().flat_map(|case| effects.iter().map(move |effect| (case, effect)));
        each(cases, |((at, class), effect)| {
            let world = prepare();
            let fault = Fault { times, ..Fault::once(effect.clone()) };
            world.sandboxes()[*at].fault(fault.on(&class.0, &class.1));
            let what = format!("{name}: {effect:?} of {class:?}");
            judge(&what, class, world.ends_well(&wanted, &what));
        });
    }
}

/// Tells whether an answer has, or is about, content that somebody named by its digest or tag.
fn is_document((_, path): &Class) -> bool {
    path.contains("/manifests/") || path.contains("/blobs/sha256:") || path.contains("/_storage/")
}

/// Tells whether an answer brings a manifest. What would refer to one is asked for and is not there.
fn brings_manifest((method, path): &Class) -> bool {
    method == "GET" && path.contains("/manifests/") && !path.contains("/manifests/sha256-")
}

#[test]
fn what_fails_once_at_any_kind_of_request_is_done_again() {
    let effects = [500, 503].map(|code| FaultEffect::Status { code, body: "<html>".to_owned(), headers: Vec::new() });
    on_every_class(|_| true, &effects, 1, |what, _, failed| assert_eq!(failed, None, "{what}"));
}

#[test]
fn tokens_that_run_out_before_any_request_are_renewed() {
    for (name, prepare) in RUNS {
        let Undisturbed { wanted, counts, .. } = undisturbed(prepare);
        let cases = counts.iter().enumerate().flat_map(|(at, count)| (1..=*count).map(move |n| (at, n)));
        each(cases, |(at, n)| {
            let world = prepare();
            expire(world.sandboxes()[at], move |count| count == n);
            let what = format!("{name}: expired before request {n} of registry {at}");
            assert_eq!(world.ends_well(&wanted, &what), None, "{what}");
        });
    }
}

#[test]
fn tokens_that_last_for_a_few_requests_are_renewed_or_said_to_be_no_good() {
    for (name, prepare) in RUNS {
        let Undisturbed { wanted, .. } = undisturbed(prepare);
        each([1, 2, 3, 5, 8, 13, 21, 34], |life| {
            let world = prepare();
            for sandbox in world.sandboxes() {
                expire(sandbox, move |count| count % life == 0);
            }
            let failed = world.ends_well(&wanted, &format!("{name}: a token lasts for {life} requests"));
            assert!(life > 1 || failed.is_some_and(|text| text.contains("hint: ")));
        });
    }
}

/// Ends the life of all tokens before the requests whose number is chosen.
fn expire(sandbox: &Sandbox, when: impl Fn(usize) -> bool + Send + Sync + 'static) {
    let (control, count) = (sandbox.control(), Arc::new(AtomicUsize::new(0)));
    sandbox.on_request(move |_| {
        if when(count.fetch_add(1, Ordering::SeqCst) + 1) {
            control.expire_tokens();
        }
        std::future::ready(())
    });
}

#[test]
fn a_wrong_digest_is_never_believed() {
    for times in [1, usize::MAX] {
        on_every_class(is_document, &[FaultEffect::WrongDigest], times, |_, _, _| {});
    }
}

#[test]
fn a_wrong_body_is_never_published() {
    on_every_class(
        |class| class.0 == "GET" && is_document(class),
        &[FaultEffect::WrongBody],
        usize::MAX,
        |what, class, failed| {
            let is_told = failed.is_some_and(|text| text.contains(" digest ") || text.contains("digest sha256:"));
            assert!(is_told || !brings_manifest(class), "{what}");
        },
    );
}

#[test]
fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    on_every_class(
        |(method, _)| method == "GET",
        &[TOO_LONG],
        usize::MAX,
        |what, class, failed| {
            let is_told = failed.is_some_and(|text| text.contains("larger than 4194304 bytes"));
            assert!(is_told || !brings_manifest(class), "{what}");
        },
    );
}

#[test]
fn no_request_takes_credentials_to_another_host() {
    // It asks for tokens of its own realm, as the registry does.
    let elsewhere = ghcr();
    let host = elsewhere.host();
    let at = format!("http://{host}/v2/{REPOSITORY}/blobs/uploads/elsewhere");
    let accepted = |code| FaultEffect::Status {
        code,
        body: String::new(),
        headers: vec![("location".to_owned(), at.clone()), ("range".to_owned(), "0-0".to_owned())],
    };
    let redirect = FaultEffect::Redirect { location: at.clone() };
    on_every_class(|_| true, std::slice::from_ref(&redirect), usize::MAX, |_, _, _| {});
    on_every_class(|(_, path)| path.ends_with("/blobs/uploads/"), &[accepted(202)], usize::MAX, |_, _, _| {});

    // An upload that broke is asked for, and goes on in pieces.
    let large = || push_of(&SampleImage::builder().seed("large").layers(1).layer_size(9 * 1024 * 1024).build());
    let Undisturbed { wanted, .. } = undisturbed(large);
    for (method, effect) in
        [("GET", &redirect), ("PATCH", &redirect), ("PATCH", &accepted(202)), ("GET", &accepted(204))]
    {
        let world = large();
        world.to.fault(Fault::always(FaultEffect::DropConnection).on("PUT", "/blobs/uploads/").after(1));
        world.to.fault(Fault::always(effect.clone()).on(method, "/blobs/uploads/"));
        world.ends_well(&wanted, &format!("{method} of a broken upload: {effect:?}"));
    }

    let seen = elsewhere.requests();
    for method in ["GET", "HEAD", "PUT"] {
        assert!(seen.iter().any(|request| request.method == method), "{method}: {seen:?}");
    }
    let shown: Vec<_> =
        seen.iter().filter(|request| request.authorization.is_some() || request.path.contains(TOKEN)).collect();
    assert!(shown.is_empty(), "{shown:?}");
}
