//! One set of tags in several places: indexes joined from what is there, and mirrors beside the registry.

use std::{collections::BTreeMap, fs};

use ghcr_lifecycle::{
    model::{ManifestReference, RawManifest, manifest::PLACEHOLDER_ARTIFACT_TYPE},
    sandbox::{Auth, Control, Fault, FaultEffect, Options, SampleImage, Sandbox},
};
use serde_json::{Value, json};

use super::{
    registries::{inspected, skopeo},
    remote::MANIFEST,
    step::{Step, each, ghcr, layout, policy, single},
};
use crate::peers::{Access, DockerRegistry, PASSWORD, USERNAME};

/// The image of the BuildKit policy.
const BUILDKIT: &str = "gounthar/buildkit-riscv64";

const MIRROR: &str = "mirrored/buildkit";

fn built_for(platform: &str, attestation: bool) -> SampleImage {
    SampleImage::builder().seed(platform).platform(platform).attestation(attestation).build()
}

pub(super) fn open() -> Sandbox {
    Sandbox::start_blocking(Options::plain(Auth::None)).unwrap()
}

pub(super) fn held(sandbox: &Control, repository: &str) -> BTreeMap<String, String> {
    sandbox.tags(repository).into_iter().map(|(tag, digest)| (tag.to_string(), digest.to_string())).collect()
}

/// A build of BuildKit v0.14.0 for one architecture, with the policy's mirror on this machine.
fn buildkit(sandbox: &Sandbox, mirror: &Sandbox, architecture: &str, image: &SampleImage) -> Step {
    let text = policy("buildkit-riscv64", &sandbox.host())
        .replace("docker.io/gounthar/buildkit-riscv64", &format!("{}/{MIRROR}", mirror.host()))
        .replace("-riscv64\"", &format!("-{architecture}\""));
    let source = layout(image);
    let step = Step::on("workflow_dispatch-buildkit-input-ref-v0.14.0").policy(&text).to(sandbox).mode("push");
    let step = step.source(source.path());
    // The layout has to outlive the step.
    fs::rename(source.keep(), step.path("layout")).unwrap();
    let path = step.path("layout");
    step.source(&path)
}

fn children(sandbox: &Control, repository: &str, tag: &str) -> Vec<String> {
    let digest = sandbox.tag(repository, tag).unwrap_or_else(|| panic!("no tag {tag}"));
    let raw = sandbox.manifest(repository, &digest).unwrap();
    let document: Value = serde_json::from_slice(&raw.bytes).unwrap();
    let platform = |entry: &Value| {
        let word = |name: &str| entry["platform"][name].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", word("os"), word("architecture"))
    };
    document["manifests"].as_array().unwrap().iter().map(platform).collect()
}

#[test]
fn an_index_grows_with_each_architecture_and_mirrors_get_what_is_theirs() {
    let (sandbox, mirror) = (ghcr(), open());
    let riscv = built_for("linux/riscv64", false);
    let outcome = buildkit(&sandbox, &mirror, "riscv64", &riscv).succeed();
    assert_eq!(outcome.lines("tag-names"), ["v0.14.0-riscv64", "v0.14.0"]);
    assert_eq!(outcome.outputs["digest"], riscv.digest().to_string());
    assert_eq!(children(&sandbox, BUILDKIT, "v0.14.0"), ["linux/riscv64"]);
    // By the policy the mirror calls the row's tag by the version alone; the index stays where it is.
    assert_eq!(held(&mirror, MIRROR), [("v0.14.0".to_owned(), riscv.digest().to_string())].into());
    assert!(outcome.summary.contains(MIRROR), "{outcome}");

    let amd = built_for("linux/amd64", true);
    let step = buildkit(&sandbox, &mirror, "amd64", &amd);
    let text = fs::read_to_string(step.path("workspace/.github/ghcr-lifecycle.yml")).unwrap();
    let outcome = step.policy(text.split("\nmirrors:").next().unwrap()).succeed();
    assert!(outcome.stdout.contains("joins v0.14.0-amd64, v0.14.0-riscv64"), "{outcome}");
    assert_eq!(children(&sandbox, BUILDKIT, "v0.14.0"), ["linux/amd64", "linux/riscv64", "unknown/unknown"]);
    assert_eq!(sandbox.incomplete(BUILDKIT), []);

    // Again, nothing moves.
    let again = buildkit(&sandbox, &mirror, "riscv64", &built_for("linux/riscv64", true)).succeed();
    assert_eq!(again.outputs["moved"], "");
    assert_eq!(again.outputs["exists"], "true");
    assert_eq!(children(&sandbox, BUILDKIT, "v0.14.0").len(), 3);
}

#[test]
fn placeholders_and_images_for_something_else_are_not_joined() {
    let (sandbox, mirror) = (ghcr(), open());
    let config = sandbox.put_blob(BUILDKIT, "{}");
    let document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": PLACEHOLDER_ARTIFACT_TYPE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2}, "layers": [],
    });
    let raw = RawManifest::new(MANIFEST, document.to_string().into());
    sandbox.put_manifest(BUILDKIT, &ManifestReference::Tag("v0.14.0-arm64".parse().unwrap()), raw);
    built_for("linux/amd64", false).put_into(&sandbox, BUILDKIT, &"v0.14.0-s390x".parse().unwrap());
    let outcome = buildkit(&sandbox, &mirror, "riscv64", &built_for("linux/riscv64", false)).succeed();
    assert_eq!(children(&sandbox, BUILDKIT, "v0.14.0"), ["linux/riscv64"]);
    assert!(outcome.stdout.contains("joined without `v0.14.0-s390x`: its image is for linux/amd64"), "{outcome}");
}

#[test]
fn two_runs_at_once_lose_no_architecture() {
    let (sandbox, mirror) = (ghcr(), open());
    buildkit(&sandbox, &mirror, "riscv64", &built_for("linux/riscv64", false)).succeed();
    let wanted = {
        let (other, mirror) = (ghcr(), open());
        for platform in ["riscv64", "amd64", "arm64"] {
            let step = buildkit(&other, &mirror, platform, &built_for(&format!("linux/{platform}"), false));
            let text = fs::read_to_string(step.path("workspace/.github/ghcr-lifecycle.yml")).unwrap();
            step.policy(text.split("\nmirrors:").next().unwrap()).succeed();
        }
        other.tag(BUILDKIT, "v0.14.0").unwrap()
    };
    let steps = ["amd64", "arm64"].map(|architecture| {
        let step = buildkit(&sandbox, &mirror, architecture, &built_for(&format!("linux/{architecture}"), false));
        let text = fs::read_to_string(step.path("workspace/.github/ghcr-lifecycle.yml")).unwrap();
        step.policy(text.split("\nmirrors:").next().unwrap())
    });
    each(steps, |step| {
        step.succeed();
    });
    assert_eq!(sandbox.tag(BUILDKIT, "v0.14.0"), Some(wanted));
}

#[test]
fn an_index_needs_an_architecture_in_the_rows_tag() {
    let (sandbox, mirror) = (ghcr(), open());
    let step = buildkit(&sandbox, &mirror, "final", &built_for("linux/riscv64", false));
    let outcome = step.fail(2);
    assert!(outcome.stderr.contains("ends in an architecture"), "{outcome}");
    // What only the event says is known before the image is opened.
    let policy = "version: 1\nimages: [HOST/a/b]\ntags: [{on: tag *, tag: \"{{tag}}\", index: all}]\n";
    let step = Step::on("push-kyklos-tag-v0.1.0").policy(&policy.replace("HOST", &sandbox.host())).mode("push");
    let outcome = step.input("source", "oci:nowhere").fail(1);
    assert!(outcome.stderr.contains("ends in an architecture"), "{outcome}");
    assert_eq!(held(&sandbox, BUILDKIT), BTreeMap::new());
}

#[test]
fn images_of_different_content_share_no_mirror() {
    let (sandbox, mirror) = (ghcr(), open());
    let policy = format!(
        "version: 1\nimages: [{0}/acme/shop, {0}/acme/api]\ntags:\n  - {{on: release, tag: \"v{{{{version}}}}\"}}\n  - {{on: \
         branch main, tag: main}}\nmirrors: [{{image: {1}/{MIRROR}, only: release}}]\n",
        sandbox.host(),
        mirror.host()
    );
    let image = single("one");
    let source = layout(&image);
    let step = |event: &str, chosen: &str| {
        Step::on(event).policy(&policy).to(&sandbox).mode("push").input("image", chosen).source(source.path())
    };
    let outcome = step("push-kyklos-tag-v0.1.0", "shop").fail(2);
    assert!(outcome.stderr.contains("share the mirror") && outcome.stderr.contains("`image: all`"), "{outcome}");
    assert_eq!((held(&sandbox, "acme/shop"), held(&mirror, MIRROR)), (BTreeMap::new(), BTreeMap::new()));
    // What no mirror gets is no matter, and neither is content that is the same.
    step("push-kyklos-main", "shop").succeed();
    step("push-kyklos-tag-v0.1.0", "all").succeed();
    assert_eq!(held(&mirror, MIRROR), [("v0.1.0".to_owned(), image.digest().to_string())].into());
}

#[test]
fn a_mirror_that_fails_is_reported_and_undoes_nothing() {
    let (sandbox, mirror) = (ghcr(), open());
    let riscv = built_for("linux/riscv64", false);
    mirror.fault(Fault::always(FaultEffect::registry_error(
        403,
        "DENIED",
        "requested access to the resource is denied",
    )));
    let step = buildkit(&sandbox, &mirror, "riscv64", &riscv);
    let outcome = step.fail(1);
    assert_eq!(sandbox.tag(BUILDKIT, "v0.14.0-riscv64").unwrap(), *riscv.digest());
    assert_eq!(outcome.outputs["digest"], riscv.digest().to_string());
    assert!(outcome.stderr.contains("fill every mirror; the image itself is published"), "{outcome}");
    assert!(outcome.stderr.contains("`registries`"), "{outcome}");
    assert!(outcome.summary.contains("Image published"), "{outcome}");
    // Once the mirror lets it in, the same run again finishes the work.
    mirror.clear_faults();
    step.succeed();
    assert_eq!(mirror.tag(MIRROR, "v0.14.0").unwrap(), *riscv.digest());
    assert_eq!(mirror.incomplete(MIRROR), []);
    // What is published there for good is not replaced.
    single("other").put_into(&mirror, MIRROR, &"v0.14.0".parse().unwrap());
    let outcome = step.fail(1);
    assert!(outcome.stderr.contains("nobody replaces it"), "{outcome}");
}

#[test]
fn a_mirror_outlives_a_fault_at_every_request() {
    let prepare = || {
        let (sandbox, mirror) = (ghcr(), open());
        let step = buildkit(&sandbox, &mirror, "riscv64", &built_for("linux/riscv64", true));
        (sandbox, mirror, step)
    };
    let (_sandbox, mirror, step) = prepare();
    step.succeed();
    let (wanted, requests) = (held(&mirror, MIRROR), mirror.requests().len());
    each(0..requests, |n| {
        let effect = if n % 2 == 0 { FaultEffect::DropConnection } else { FaultEffect::LoseAnswer };
        let (sandbox, mirror, step) = prepare();
        mirror.fault(Fault::once(effect).after(n));
        step.succeed();
        assert_eq!(held(&mirror, MIRROR), wanted, "after {n} requests");
        assert_eq!((mirror.incomplete(MIRROR), sandbox.incomplete(BUILDKIT)), (vec![], vec![]));
    });
}

#[test]
fn an_index_outlives_a_fault_at_every_request() {
    let prepare = || {
        let (sandbox, mirror) = (ghcr(), open());
        built_for("linux/amd64", true).put_into(&sandbox, BUILDKIT, &"v0.14.0-amd64".parse().unwrap());
        let step = buildkit(&sandbox, &mirror, "riscv64", &built_for("linux/riscv64", false));
        let text = fs::read_to_string(step.path("workspace/.github/ghcr-lifecycle.yml")).unwrap();
        (sandbox, step.policy(text.split("\nmirrors:").next().unwrap()))
    };
    let (sandbox, step) = prepare();
    step.succeed();
    let (wanted, requests) = (held(&sandbox, BUILDKIT), sandbox.requests().len());
    each(0..requests, |n| {
        let effect = if n % 2 == 0 { FaultEffect::DropConnection } else { FaultEffect::LoseAnswer };
        let (sandbox, step) = prepare();
        sandbox.fault(Fault::once(effect).after(n));
        step.succeed();
        assert_eq!(held(&sandbox, BUILDKIT), wanted, "after {n} requests");
        assert_eq!(sandbox.incomplete(BUILDKIT), []);
    });
}

#[tokio::test]
async fn a_real_registry_takes_indexes_and_another_their_mirror() {
    let (first, second) = (DockerRegistry::start(Access::Open).await, DockerRegistry::start(Access::Basic).await);
    let logins = json!({second.host(): {"username": USERNAME, "password": PASSWORD}}).to_string();
    const POLICY: &str = r#"
version: 1
images: [FIRST/acme/tool]
tags:
  - on: release
    tag: "v{{version}}-ARCH"
    immutable: keep existing
    index: "v{{version}}"
mirrors:
  - {image: SECOND/mirrored/tool, only: release, rename: {"v{{version}}": "v{{version}}"}}
"#;
    let text = |architecture: &str| {
        POLICY.replace("FIRST", first.host()).replace("SECOND", second.host()).replace("ARCH", architecture)
    };
    let mut images = Vec::new();
    for architecture in ["riscv64", "arm64"] {
        let image = built_for(&format!("linux/{architecture}"), true);
        let source = layout(&image);
        let step = Step::on("workflow_dispatch-buildkit-input-ref-v0.14.0").policy(&text(architecture));
        step.mode("push").source(source.path()).input("registries", &logins).succeed();
        images.push((architecture, image));
    }
    let index = inspected(&format!("{}/acme/tool:v0.14.0", first.host()), Access::Open);
    let mirrored = format!("{}/mirrored/tool", second.host());
    assert_eq!(inspected(&format!("{mirrored}:v0.14.0"), Access::Basic), index);
    for (architecture, image) in &images {
        let digest = inspected(&format!("{mirrored}:v0.14.0-{architecture}"), Access::Basic);
        assert_eq!(digest, image.digest().to_string());
    }
    // Everything that the index reaches is there: skopeo reads it all.
    let copy = tempfile::tempdir().unwrap();
    let folder = format!("oci:{}", copy.path().join("copy").display());
    let from = format!("docker://{mirrored}:v0.14.0");
    let creds = format!("{USERNAME}:{PASSWORD}");
    let arguments = ["copy", "--quiet", "--all", "--src-tls-verify=false", "--src-creds", &creds, &from, &folder];
    skopeo(&arguments, Access::Open);
}
