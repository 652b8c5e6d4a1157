//! A release without a rebuild: the image that a branch build of this commit pushed gets the release's tags, with all that
//! refers to it.

use std::{fs, path::Path};

use ghcr_lifecycle::{
    model::{Digest, ManifestReference, RawManifest, manifest::PLACEHOLDER_ARTIFACT_TYPE},
    sandbox::{Auth, Fault, FaultEffect, Options, SampleImage, Sandbox},
};
use serde_json::json;

use super::{
    registries::{inspected, skopeo},
    remote::{MANIFEST, Remote, descriptor, fallback, index_of},
    step::{REPOSITORY, Step, each, ghcr, index, kyklos, layout, single, tags},
};
use crate::peers::{Access, DockerRegistry};

/// The commit of `push-kyklos-main`.
const COMMIT: &str = "a2ab1959c1c3bfa295b0fc90199378272db76b45";

/// What the release workflow runs: the event of a published release, and no source.
fn release(sandbox: &Sandbox, from: &str) -> Step {
    let step = Step::on("release-kyklos-published").variable("GITHUB_SHA", COMMIT);
    step.policy(&kyklos(&sandbox.host())).to(sandbox).input("promote-from", from)
}

fn build_main(sandbox: &Sandbox, image: &SampleImage) {
    let source = layout(image);
    Step::on("push-kyklos-main")
        .policy(&kyklos(&sandbox.host()))
        .to(sandbox)
        .mode("push")
        .source(source.path())
        .succeed();
}

#[test]
fn a_release_event_gives_its_tags_to_what_main_built() {
    let sandbox = ghcr();
    let image = index("main");
    build_main(&sandbox, &image);
    sandbox.clear_requests();
    let outcome = release(&sandbox, "auto").succeed();
    assert_eq!(outcome.lines("tag-names"), ["v0.2.0", "v0.2", "v0", "latest"]);
    assert_eq!(outcome.outputs["digest"], image.digest().to_string());
    assert!(tags(&sandbox).values().all(|digest| *digest == image.digest().to_string()), "{:?}", tags(&sandbox));
    assert_eq!(tags(&sandbox).len(), 5);
    assert!(outcome.summary.contains("nothing was built") && outcome.summary.contains("main-a2ab195"), "{outcome}");
    // Four tags are all that is written.
    let writes = super::step::writes(&sandbox);
    assert_eq!(writes.len(), 4, "{writes:?}");
    let again = release(&sandbox, "auto").succeed();
    assert_eq!(again.outputs["moved"], "");
}

#[test]
fn a_pushed_git_tag_is_enough() {
    let sandbox = ghcr();
    let image = single("main");
    build_main(&sandbox, &image);
    let step = Step::on("push-kyklos-tag-v0.1.0").without("GITHUB_EVENT_PATH").variable("GITHUB_SHA", COMMIT);
    let outcome = step.policy(&kyklos(&sandbox.host())).to(&sandbox).input("promote-from", "auto").succeed();
    assert_eq!(outcome.outputs["digest"], image.digest().to_string());
    assert_eq!(outcome.lines("tag-names"), ["v0.1.0", "v0.1", "v0", "latest"]);
}

#[tokio::test]
async fn a_tag_that_expires_needs_a_date_of_its_own() {
    let sandbox = ghcr();
    let image = single("main");
    image.put_into(&sandbox, REPOSITORY, &"main-a2ab195".parse().unwrap());
    let api = format!("http://{}", sandbox.host());
    let known = |tags: serde_json::Value, releases: serde_json::Value| json!({"commits": [{"id": COMMIT, "branch": "main"}], "tags": tags, "releases": releases});
    let lightweight = json!({"v0.2.0-beta.1": "main"});
    let annotated = json!({"v0.2.0-beta.1": {"commit": "main", "annotated": "2026-02-05T08:00:00Z"}});
    let release = json!([{"tag": "v0.2.0-beta.1", "published": "2026-02-05T08:00:00Z"}]);
    for (document, is_warned) in [
        (known(lightweight.clone(), json!([])), true),
        (known(annotated, json!([])), false),
        (known(lightweight, release), false),
    ] {
        let url = format!("{api}/_sandbox/source/kyklos/kyklos");
        let put = crate::sandbox::support::client().put(url).body(document.to_string()).send().await.unwrap();
        assert_eq!(put.status(), 200, "{:?}", put.text().await);
        let step =
            Step::on("push-kyklos-tag-v0.2.0-beta.1").without("GITHUB_EVENT_PATH").variable("GITHUB_SHA", COMMIT);
        let step = step.policy(&kyklos(&sandbox.host())).to(&sandbox).variable("GITHUB_API_URL", &api);
        let outcome = step.input("promote-from", "auto").succeed();
        assert_eq!(outcome.stdout.contains("neither annotated nor a release"), is_warned, "{document}: {outcome}");
    }
}

#[test]
fn a_release_branchs_build_is_found_by_its_commit() {
    let sandbox = ghcr();
    let (main, branch) = (single("main"), single("branch"));
    build_main(&sandbox, &main);
    let source = layout(&branch);
    let step = Step::on("push-kyklos-release-branch").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("push");
    step.source(source.path()).succeed();
    let hotfix = release(&sandbox, "auto").variable("GITHUB_SHA", "bfeb734d2eb5d0915145c1861248757d4fd32bc2");
    assert_eq!(hotfix.succeed().outputs["digest"], branch.digest().to_string());
}

#[test]
fn a_hotfix_from_an_untracked_branch_says_what_was_tried_or_pushes_the_source() {
    let sandbox = ghcr();
    build_main(&sandbox, &single("main"));
    let before = tags(&sandbox);
    let untracked = "0123456789012345678901234567890123456789";
    let outcome = release(&sandbox, "auto").variable("GITHUB_SHA", untracked).fail(1);
    for part in
        ["find the image that a branch build of this commit pushed", "`{{branch}}-{{sha}}`", "0123456", "`source`"]
    {
        assert!(outcome.stderr.contains(part), "{part}: {outcome}");
    }
    assert_eq!(tags(&sandbox), before);
    let hotfix = single("hotfix");
    let source = layout(&hotfix);
    let outcome = release(&sandbox, "auto").variable("GITHUB_SHA", untracked).source(source.path()).succeed();
    assert_eq!(outcome.outputs["digest"], hotfix.digest().to_string());
    assert!(outcome.summary.contains("there is nothing to promote"), "{outcome}");
}

#[test]
fn a_template_names_the_tag_outright() {
    let sandbox = ghcr();
    let image = single("main");
    build_main(&sandbox, &image);
    assert_eq!(release(&sandbox, "main-{{sha}}").succeed().outputs["digest"], image.digest().to_string());
    let outcome = release(&sandbox, "nightly-{{sha}}").fail(1);
    assert!(outcome.stderr.contains("there is no tag `nightly-a2ab195`"), "{outcome}");
    let outcome = release(&sandbox, "{{branch}}-{{sha}}").fail(1);
    assert!(outcome.stderr.contains("gives no tag"), "{outcome}");
    let outcome = release(&sandbox, "main-{{shaa}}").fail(2);
    assert!(outcome.stderr.contains("promote-from"), "{outcome}");
}

#[test]
fn what_a_pull_request_built_is_not_promoted() {
    let sandbox = ghcr();
    let policy = format!(
        "version: 1\nimages: [{}/{REPOSITORY}]\ntags:\n  - on: release\n    tag: \"v{{{{version}}}}\"\n  - on: branch **\n    \
         tag: \"{{{{branch}}}}-{{{{sha}}}}\"\n  - on: pull request\n    tag: \"pr-{{{{number}}}}-{{{{sha}}}}\"\n",
        sandbox.host()
    );
    single("pull request").put_into(&sandbox, REPOSITORY, &"pr-7-a2ab195".parse().unwrap());
    let step = || release(&sandbox, "auto").policy(&policy);
    let outcome = step().fail(1);
    assert!(outcome.stderr.contains("`pr-7-a2ab195` may be the work of row 3"), "{outcome}");
    let branch = single("branch");
    branch.put_into(&sandbox, REPOSITORY, &"dev-a2ab195".parse().unwrap());
    assert_eq!(step().succeed().outputs["digest"], branch.digest().to_string());
}

#[test]
fn a_placeholder_is_no_build() {
    let sandbox = ghcr();
    let config = sandbox.put_blob(REPOSITORY, "{}");
    let document = json!({
        "schemaVersion": 2, "mediaType": super::remote::MANIFEST, "artifactType": PLACEHOLDER_ARTIFACT_TYPE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2}, "layers": [],
    });
    let raw = RawManifest::new(super::remote::MANIFEST, document.to_string().into());
    sandbox.put_manifest(REPOSITORY, &ManifestReference::Tag("main-a2ab195".parse().unwrap()), raw);
    let outcome = release(&sandbox, "auto").fail(1);
    assert!(outcome.stderr.contains("`main-a2ab195` is on a clean-up's placeholder"), "{outcome}");
}

/// Everything that may refer to an image: by the fallback list, by cosign's tags, to a child, and to a signature.
struct Signed {
    image: SampleImage,
    listed: RawManifest,
    of_child: RawManifest,
    cosign: RawManifest,
    of_signature: RawManifest,
}

async fn signed(remote: &Remote, tag: &str) -> Signed {
    let image = index("signed");
    remote.image(tag, &image).await;
    let child = &image.children()[0];
    let listed = remote.artifact("", "listed", Some(image.root())).await;
    remote.put(&fallback(image.root(), ""), super::remote::INDEX, &index_of(&[&listed])).await;
    let of_child = remote.artifact("", "child", Some(child)).await;
    remote.put(&fallback(child, ""), super::remote::INDEX, &index_of(&[&of_child])).await;
    let cosign = remote.artifact(&fallback(image.root(), ".sig"), "cosign", None).await;
    let of_signature = remote.artifact(&fallback(&listed, ".att"), "of the signature", None).await;
    Signed { image, listed, of_child, cosign, of_signature }
}

impl Signed {
    /// Asserts that all of it is in an image of an open registry.
    async fn assert_in(&self, remote: &Remote, has_api: bool) {
        for manifest in [&self.listed, &self.of_child, &self.cosign, &self.of_signature] {
            let found = remote.get(&manifest.digest.to_string()).await;
            assert_eq!(found.map(|raw| raw.bytes), Some(manifest.bytes.clone()));
            let document: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
            assert!(remote.has_blob(document["layers"][0]["digest"].as_str().unwrap()).await);
        }
        let tagged = remote.get(&fallback(self.image.root(), ".sig")).await.unwrap();
        assert_eq!(tagged.digest, self.cosign.digest);
        assert_eq!(remote.get(&fallback(&self.listed, ".att")).await.unwrap().digest, self.of_signature.digest);
        if !has_api {
            let lists = remote.listed(&fallback(self.image.root(), "")).await;
            assert!(lists.contains(&self.listed.digest.to_string()), "{lists:?}");
            assert_eq!(
                remote.listed(&fallback(&self.image.children()[0], "")).await,
                [self.of_child.digest.to_string()]
            );
        }
    }
}

/// A step that promotes from one image to another, wherever they are.
fn promotion(from: &str, to: &str) -> Step {
    let policy = kyklos("HOST").replace("HOST/kyklos/kyklos", to);
    Step::on("push-kyklos-tag-v0.1.0").policy(&policy).mode("push").input("source", from)
}

#[tokio::test]
async fn signatures_go_along_inside_one_registry_and_from_one_to_another() {
    let (first, second) = (DockerRegistry::start(Access::Open).await, DockerRegistry::start(Access::Open).await);
    let signed = signed(&Remote::new(first.host(), "acme/staging"), "main").await;
    for registry in [&first, &second] {
        let to = format!("{}/acme/released", registry.host());
        let remote = Remote::new(registry.host(), "acme/released");
        let outcome = promotion(&format!("{}/acme/staging:main", first.host()), &to).succeed();
        assert_eq!(outcome.outputs["digest"], signed.image.digest().to_string());
        assert!(outcome.stdout.contains("4 manifests that refer to it came along"), "{outcome}");
        signed.assert_in(&remote, false).await;
        assert_eq!(inspected(&format!("{to}:latest"), Access::Open), signed.image.digest().to_string());
        // cosign's tag can be copied on by others.
        let copy = tempfile::tempdir().unwrap();
        let signature = format!("docker://{to}:{}", fallback(signed.image.root(), ".sig"));
        let folder = format!("oci:{}", copy.path().join("copy").display());
        skopeo(&["copy", "--quiet", "--src-tls-verify=false", &signature, &folder], Access::Open);
    }
}

#[tokio::test]
async fn what_others_signed_at_the_target_stays() {
    let registry = DockerRegistry::start(Access::Open).await;
    let signed = signed(&Remote::new(registry.host(), "acme/staging"), "main").await;
    let remote = Remote::new(registry.host(), "acme/released");
    let theirs = remote.artifact("", "theirs", None).await;
    remote.put(&fallback(signed.image.root(), ""), super::remote::INDEX, &index_of(&[&theirs])).await;
    let own = remote.artifact(&fallback(signed.image.root(), ".sig"), "their signature", None).await;
    let (from, to) = (format!("{}/acme/staging:main", registry.host()), format!("{}/acme/released", registry.host()));
    let outcome = promotion(&from, &to).succeed();
    let lists = remote.listed(&fallback(signed.image.root(), "")).await;
    assert_eq!(lists, [theirs.digest.to_string(), signed.listed.digest.to_string()]);
    assert_eq!(remote.get(&fallback(signed.image.root(), ".sig")).await.unwrap().digest, own.digest);
    assert!(outcome.stdout.contains("was left as it is"), "{outcome}");
    let again = promotion(&from, &to).succeed();
    assert_eq!(again.outputs["moved"], "");
    assert_eq!(remote.listed(&fallback(signed.image.root(), "")).await, lists);
}

#[tokio::test]
async fn lists_of_the_referrers_api_and_fallback_tags_become_each_other() {
    let modern = Sandbox::start_blocking(Options::oci(Auth::None)).unwrap();
    let plain = Sandbox::start_blocking(Options::plain(Auth::None)).unwrap();
    let with_api = Remote::new(&modern.host(), "acme/staging");
    let image = index("signed");
    with_api.image("main", &image).await;
    let referrer = with_api.artifact("", "signature", Some(image.root())).await;
    let second = with_api.artifact("", "of the signature", Some(&referrer)).await;
    let to = format!("{}/acme/released", plain.host());
    promotion(&format!("{}/acme/staging:main", modern.host()), &to).succeed();
    let remote = Remote::new(&plain.host(), "acme/released");
    assert_eq!(remote.listed(&fallback(image.root(), "")).await, [referrer.digest.to_string()]);
    assert_eq!(remote.listed(&fallback(&referrer, "")).await, [second.digest.to_string()]);
    // And back: where the API lists what refers, nobody needs the tag.
    let to = format!("{}/acme/back", modern.host());
    promotion(&format!("{}/acme/released:latest", plain.host()), &to).succeed();
    assert!(modern.tags("acme/back").iter().all(|(tag, _)| !tag.is_referrers_tag()));
    for manifest in [&referrer, &second] {
        assert!(modern.manifest("acme/back", &manifest.digest).is_some());
    }
}

/// Adds an artifact to a layout, listed as the image is.
fn add_to_layout(folder: &Path, seed: &str, subject: &RawManifest) -> RawManifest {
    let store = |bytes: &[u8]| {
        fs::write(folder.join("blobs/sha256").join(Digest::of(bytes).hex()), bytes).unwrap();
        json!({"mediaType": "application/vnd.test", "digest": Digest::of(bytes), "size": bytes.len()})
    };
    let document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.test.signature",
        "config": store(b"{}"), "layers": [store(seed.as_bytes())], "subject": descriptor(subject),
    });
    let raw = RawManifest::new(MANIFEST, document.to_string().into());
    store(&raw.bytes);
    let file = folder.join("index.json");
    let mut listing: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    listing["manifests"].as_array_mut().unwrap().insert(0, descriptor(&raw));
    fs::write(file, listing.to_string()).unwrap();
    raw
}

#[tokio::test]
async fn what_refers_to_an_image_in_a_layout_goes_along() {
    let image = index("signed");
    let source = layout(&image);
    let signature = add_to_layout(source.path(), "signature", image.root());
    let of_child = add_to_layout(source.path(), "of a child", &image.children()[0]);
    let of_signature = add_to_layout(source.path(), "of the signature", &signature);
    let foreign = add_to_layout(source.path(), "of something else", single("elsewhere").root());
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("signed.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).unwrap());
    tar.append_dir_all(".", source.path()).unwrap();
    tar.finish().unwrap();
    let modern = Sandbox::start_blocking(Options::oci(Auth::None)).unwrap();
    let plain = DockerRegistry::start(Access::Open).await;
    for (host, has_api) in [(plain.host().to_owned(), false), (modern.host(), true)] {
        for from in [source.path(), archive.as_path()] {
            let to = format!("{host}/acme/{}", if from == archive { "tar" } else { "folder" });
            let step = || promotion(&from.display().to_string(), &to).succeed();
            let outcome = step();
            assert!(outcome.stdout.contains("3 manifests that refer to it came along"), "{outcome}");
            assert_eq!(outcome.outputs["digest"], image.digest().to_string());
            let (host, repository) = to.split_once('/').unwrap();
            let remote = Remote::new(host, repository);
            for (subject, referrer) in
                [(image.root(), &signature), (&image.children()[0], &of_child), (&signature, &of_signature)]
            {
                assert_eq!(remote.get(&referrer.digest.to_string()).await.unwrap().bytes, referrer.bytes);
                let listed = remote.listed(&fallback(subject, "")).await;
                assert_eq!(listed, if has_api { vec![] } else { vec![referrer.digest.to_string()] });
            }
            assert!(remote.get(&foreign.digest.to_string()).await.is_none());
            assert_eq!(step().outputs["moved"], "");
        }
    }
}

#[tokio::test]
async fn a_promotion_with_signatures_outlives_a_fault_at_every_request() {
    let prepare = async || {
        let sandbox = Sandbox::start_blocking(Options::plain(Auth::None)).unwrap();
        let signed = signed(&Remote::new(&sandbox.host(), "acme/staging"), "main").await;
        sandbox.clear_requests();
        (sandbox, signed)
    };
    let step = |sandbox: &Sandbox| {
        promotion(&format!("{}/acme/staging:main", sandbox.host()), &format!("{}/acme/released", sandbox.host()))
    };
    let (sandbox, _) = prepare().await;
    step(&sandbox).succeed();
    let (wanted, requests) = (sandbox.tags("acme/released"), sandbox.requests().len());
    let mut prepared = Vec::new();
    for n in 0..requests {
        let effect = if n % 2 == 0 { FaultEffect::LoseAnswer } else { FaultEffect::DropConnection };
        prepared.push((n, effect, prepare().await.0));
    }
    each(prepared, |(n, effect, sandbox)| {
        sandbox.fault(Fault::once(effect.clone()).after(n));
        step(&sandbox).succeed();
        assert_eq!(sandbox.tags("acme/released"), wanted, "{effect:?} after {n} requests");
        assert_eq!(sandbox.incomplete("acme/released"), [], "{effect:?} after {n} requests");
    });
}
