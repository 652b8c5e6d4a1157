//! The move of an image from one registry to another: all its tags, or some, digest for digest.

use std::{collections::BTreeMap, fs};

use ghcr_lifecycle::sandbox::{Auth, Fault, FaultEffect, Options, SampleImage, Sandbox};
use serde_json::{Value, json};

use super::{
    mirrors::{held, open},
    registries::inspected,
    remote::{INDEX, Remote, fallback, index_of},
    step::{Outcome, Step, each, ghcr, index, single},
};
use crate::peers::{Access, DockerRegistry, PASSWORD, USERNAME};

/// A step that copies an image.
fn mirror(from: &str, to: &str) -> Step {
    let mut step = Step::new().mode("mirror").input("source", from).input("image", to);
    for (name, value) in [("GITHUB_EVENT_NAME", "workflow_dispatch"), ("GITHUB_REF", "refs/heads/main")] {
        step = step.variable(name, value);
    }
    step
}

fn digests(images: &[(&str, &SampleImage)]) -> BTreeMap<String, String> {
    images.iter().map(|(tag, image)| ((*tag).to_owned(), image.digest().to_string())).collect()
}

fn requests(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.outputs["json"]).unwrap()
}

#[test]
fn all_tags_move_with_their_digests_and_only_what_differs_is_sent() {
    let (from, to) = (open(), ghcr());
    let images = ["one", "two", "three"].map(index);
    for (tag, image) in [("v1.0.0", 0), ("v2.0.0", 1), ("latest", 1), ("edge", 2)] {
        images[image].put_into(&from, "acme/app", &tag.parse().unwrap());
    }
    let step = || {
        mirror(&format!("{}/acme/app", from.host()), &format!("{}/acme/copy", to.host()))
            .to(&to)
            .input("image", &format!("{}/acme/copy", to.host()))
    };
    let dry = step().input("dry-run", "true").succeed();
    assert!(dry.stdout.contains("4 tags"), "{dry}");
    assert_eq!(held(&to, "acme/copy"), BTreeMap::new());
    let outcome = step().succeed();
    let all = [("v1.0.0", &images[0]), ("v2.0.0", &images[1]), ("latest", &images[1]), ("edge", &images[2])];
    assert_eq!(held(&to, "acme/copy"), digests(&all));
    assert_eq!(to.incomplete("acme/copy"), []);
    assert_eq!(outcome.lines("moved").len(), 4);

    to.clear_requests();
    from.clear_requests();
    let again = step().succeed();
    assert_eq!(again.outputs["moved"], "");
    assert_eq!(again.lines("tags").len(), 4);
    assert!(to.requests().iter().all(|request| !request.is_write()), "{:?}", to.requests());
    // What is the same is compared by HEAD: pulls are counted elsewhere.
    let is_no_pull = |path: &str| path.contains("tags/list") || path.contains("/referrers/");
    assert!(from.requests().iter().all(|request| request.method == "HEAD" || is_no_pull(&request.path)));

    let newer = single("newer");
    newer.put_into(&from, "acme/app", &"edge".parse().unwrap());
    assert_eq!(step().succeed().lines("moved"), [format!("{}/acme/copy:edge", to.host())]);
    assert_eq!(to.tag("acme/copy", "edge").unwrap(), *newer.digest());
}

#[test]
fn patterns_choose_tags_and_rules_rename_them() {
    let (from, to) = (open(), open());
    let images = ["one", "two", "three"].map(single);
    for (tag, image) in [("v1.0.0-riscv64", 0), ("v0.9.0-riscv64", 1), ("latest", 2)] {
        images[image].put_into(&from, "acme/app", &tag.parse().unwrap());
    }
    let step = || mirror(&format!("docker://{}/acme/app", from.host()), &format!("{}/acme/copy", to.host()));
    let chosen = step().input("only", "v*, !v0.*").input("rename", "v{{version}}-riscv64 => v{{version}}");
    chosen.succeed();
    assert_eq!(held(&to, "acme/copy"), digests(&[("v1.0.0", &images[0])]));
    let outcome = step().input("rename", "v{{version}}-riscv64 => release\nlatest => release").fail(2);
    assert!(outcome.stderr.contains("would both be `release`"), "{outcome}");
    let outcome = step().input("only", "x*").fail(1);
    assert!(outcome.stderr.contains("find a tag of"), "{outcome}");
    let outcome = step().input("rename", "a -> b").fail(2);
    assert!(outcome.stderr.contains("renames nothing"), "{outcome}");
    let outcome = step().input("source", &format!("{}/acme/app:latest", from.host())).fail(2);
    assert!(outcome.stderr.contains("without a tag"), "{outcome}");
    assert_eq!(held(&to, "acme/copy").len(), 1);
}

#[test]
fn the_policys_image_is_where_to_unless_image_says_so() {
    let (from, sandbox) = (open(), ghcr());
    let image = single("one");
    image.put_into(&from, "acme/app", &"v1.0.0".parse().unwrap());
    let step = mirror(&format!("{}/acme/app", from.host()), "").policy(&super::step::kyklos(&sandbox.host()));
    step.to(&sandbox).succeed();
    assert_eq!(held(&sandbox, super::step::REPOSITORY), digests(&[("v1.0.0", &image)]));
    let outcome = mirror(&format!("{}/acme/app", from.host()), &format!("{}/acme/app", from.host())).fail(2);
    assert!(outcome.stderr.contains("a mirror is a copy elsewhere"), "{outcome}");
}

#[test]
fn a_broken_image_is_left_out_and_an_interrupted_run_is_finished() {
    let (from, to) = (open(), open());
    let images = ["one", "two"].map(index);
    for (tag, image) in ["v1.0.0", "v2.0.0"].iter().zip(&images) {
        image.put_into(&from, "acme/app", &tag.parse().unwrap());
    }
    let step = mirror(&format!("{}/acme/app", from.host()), &format!("{}/acme/copy", to.host()));
    // The registry goes away in the middle: no tag is on an incomplete image, and the same again goes on.
    to.fault(Fault::always(FaultEffect::registry_error(403, "DENIED", "quota")).on("PUT", "/manifests/v").after(1));
    let outcome = step.fail(1);
    assert!(outcome.stderr.contains("1 of 2 images were copied"), "{outcome}");
    assert_eq!(held(&to, "acme/copy").len(), 1);
    assert_eq!(to.incomplete("acme/copy"), []);
    to.clear_faults();
    from.remove_manifest("acme/app", &images[0].children()[0].digest);
    let before = held(&to, "acme/copy");
    let outcome = step.run();
    if before.contains_key("v1.0.0") {
        assert_eq!(outcome.code, Some(0), "{outcome}");
    } else {
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert!(outcome.stderr.contains(":v1.0.0 was left out"), "{outcome}");
        assert_eq!(requests(&outcome)["failed"].as_array().unwrap().len(), 1);
    }
    assert_eq!(to.tag("acme/copy", "v2.0.0").unwrap(), *images[1].digest());
    assert_eq!(to.incomplete("acme/copy"), []);
}

#[tokio::test]
async fn a_real_registrys_image_moves_with_its_signatures() {
    let (first, second) = (DockerRegistry::start(Access::Open).await, DockerRegistry::start(Access::Basic).await);
    let remote = Remote::new(first.host(), "acme/app");
    let image = index("signed");
    remote.image("v1.0.0", &image).await;
    let signature = remote.artifact(&fallback(image.root(), ".sig"), "cosign", None).await;
    let to = format!("{}/acme/app", second.host());
    let step =
        || mirror(&format!("{}/acme/app", first.host()), &to).input("username", USERNAME).input("password", PASSWORD);
    let outcome = step().succeed();
    assert!(outcome.stdout.contains("1 manifest that refers to it came along"), "{outcome}");
    assert_eq!(inspected(&format!("{to}:v1.0.0"), Access::Basic), image.digest().to_string());
    let tag = fallback(image.root(), ".sig");
    assert_eq!(inspected(&format!("{to}:{tag}"), Access::Basic), signature.digest.to_string());

    // What came to refer to it later comes along later.
    let referrer = remote.artifact("", "sbom", Some(image.root())).await;
    remote.put(&fallback(image.root(), ""), INDEX, &index_of(&[&referrer])).await;
    let outcome = step().succeed();
    assert_eq!(outcome.outputs["moved"], "");
    assert_eq!(inspected(&format!("{to}@{}", referrer.digest), Access::Basic), referrer.digest.to_string());
}

#[tokio::test]
async fn what_only_the_referrers_api_tells_of_comes_along_later() {
    let from = Sandbox::start_blocking(Options::oci(Auth::None)).unwrap();
    let remote = Remote::new(&from.host(), "acme/app");
    let image = index("one");
    remote.image("v1.0.0", &image).await;
    for to in [Sandbox::start_blocking(Options::oci(Auth::None)).unwrap(), open()] {
        let step = mirror(&format!("{}/acme/app", from.host()), &format!("{}/acme/copy", to.host()));
        step.succeed();
        let sbom = remote.artifact("", &format!("for {}", to.host()), Some(image.root())).await;
        let outcome = step.succeed();
        assert_eq!(outcome.outputs["moved"], "");
        let copy = Remote::new(&to.host(), "acme/copy");
        assert_eq!(copy.get(&sbom.digest.to_string()).await.unwrap().bytes, sbom.bytes);
        to.clear_requests();
        step.succeed();
        assert!(to.requests().iter().all(|request| !request.is_write()), "{:?}", to.requests());
    }
}

#[tokio::test]
async fn logins_come_from_the_registries_map_or_the_docker_configuration() {
    let (first, second) = (DockerRegistry::start(Access::Open).await, DockerRegistry::start(Access::Basic).await);
    let image = single("one");
    Remote::new(first.host(), "acme/app").image("v1.0.0", &image).await;
    let from = format!("{}/acme/app", first.host());
    let copied = async |name: &str, step: Step| {
        let to = format!("{}/acme/{name}", second.host());
        let outcome = step.input("image", &to).run();
        if outcome.code == Some(0) {
            assert_eq!(inspected(&format!("{to}:v1.0.0"), Access::Basic), image.digest().to_string());
        }
        outcome
    };
    let map = json!({second.host(): {"username": USERNAME, "password": PASSWORD}});
    let outcome = copied("map", mirror(&from, "").input("registries", &map.to_string())).await;
    assert_eq!(outcome.code, Some(0), "{outcome}");

    let auth = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{USERNAME}:{PASSWORD}"));
    let file = json!({"auths": {second.host(): {"auth": auth}}}).to_string();
    let by_home = mirror(&from, "");
    fs::create_dir_all(by_home.path("home/.docker")).unwrap();
    fs::write(by_home.path("home/.docker/config.json"), &file).unwrap();
    let outcome = copied("home", by_home).await;
    assert_eq!(outcome.code, Some(0), "{outcome}");

    let by_variable = mirror(&from, "");
    let folder = by_variable.path("docker");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), &file).unwrap();
    let outcome = copied("variable", by_variable.variable("DOCKER_CONFIG", &folder.display().to_string())).await;
    assert_eq!(outcome.code, Some(0), "{outcome}");

    // A helper is not run, and that is said where its login is missed.
    let with_helper = mirror(&from, "");
    fs::create_dir_all(with_helper.path("home/.docker")).unwrap();
    let file = json!({"auths": {second.host(): {}}, "credsStore": "desktop"}).to_string();
    fs::write(with_helper.path("home/.docker/config.json"), file).unwrap();
    let outcome = copied("helper", with_helper).await;
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("credential helper"), "{outcome}");

    let broken = mirror(&from, "");
    fs::create_dir_all(broken.path("home/.docker")).unwrap();
    fs::write(broken.path("home/.docker/config.json"), "{").unwrap();
    assert_eq!(copied("broken", broken).await.code, Some(2));
}

#[test]
fn a_copy_outlives_a_fault_at_every_request_of_either_side() {
    let prepare = || {
        let (from, to) = (open(), open());
        for (tag, image) in [("v1.0.0", index("one")), ("v2.0.0", single("two"))] {
            image.put_into(&from, "acme/app", &tag.parse().unwrap());
        }
        let step = mirror(&format!("{}/acme/app", from.host()), &format!("{}/acme/copy", to.host()));
        (from, to, step)
    };
    let (from, to, step) = prepare();
    step.succeed();
    let wanted = held(&to, "acme/copy");
    let cases = (0..from.requests().len()).map(|n| (n, true)).chain((0..to.requests().len()).map(|n| (n, false)));
    each(cases, |(n, at_source)| {
        let effect = if n % 2 == 0 { FaultEffect::DropConnection } else { FaultEffect::LoseAnswer };
        let (from, to, step) = prepare();
        if at_source { &from } else { &to }.fault(Fault::once(effect).after(n));
        step.succeed();
        assert_eq!(held(&to, "acme/copy"), wanted, "after {n} requests, at the source: {at_source}");
        assert_eq!(to.incomplete("acme/copy"), []);
    });
}

#[test]
fn the_commands_of_the_readme_work_at_a_terminal() {
    let (from, to) = (open(), open());
    for tag in ["v1.0.0", "edge"] {
        single(tag).put_into(&from, "acme/app", &tag.parse().unwrap());
    }
    let (source, image) = (format!("{}/acme/app", from.host()), format!("{}/acme/app", to.host()));
    let run = |more: &[&str]| {
        let all = [&["mirror", "--source", &source, "--image", &image][..], more].concat();
        Step::new().at_terminal(&all).succeed()
    };
    let dry = run(&["--only", "v*", "--dry-run", "true"]);
    assert!(dry.stdout.contains("a dry run: 1 tag of"), "{dry}");
    assert_eq!(held(&to, "acme/app").len(), 0);
    run(&[]);
    assert_eq!(held(&to, "acme/app"), held(&from, "acme/app"));
    run(&["--only", "edge", "--only", "v1*", "--rename", "edge => main", "--rename", "v{{version}} => {{version}}"]);
    let names: Vec<String> = held(&to, "acme/app").into_keys().collect();
    assert_eq!(names, ["1.0.0", "edge", "main", "v1.0.0"]);
}
