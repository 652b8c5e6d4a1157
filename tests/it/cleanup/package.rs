//! Packages with some of everything that a clean-up meets, on two days: what is old is from January, and it is March.

use std::collections::{BTreeMap, BTreeSet};

use ghcr_lifecycle::{
    model::{Digest, ManifestReference, RawManifest, Tag, manifest::PLACEHOLDER_ARTIFACT_TYPE},
    sandbox::{Control, state::source::NewCommit},
};
use serde_json::{Value, json};

use crate::sandbox::{
    api::{PACKAGE, time},
    support::{IMAGE, INDEX},
};

pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const SIGNATURE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The policy of these packages.
pub(super) const POLICY: &str = "
repository: acme/shop
untagged: {keep: 7 days}
tags:
  - {on: release, tag: 'v{{version}}', rolling: latest}
  - {on: dispatch, tag: 'build-{{run_number}}', keep: 14 days}
  - {on: 'branch feature/*', tag: '{{branch}}', keep: while branch exists}
  - {on: pull request, tag: 'pr-{{number}}', keep: while open}
";

/// Makes a blob and describes it.
fn blob(sandbox: &Control, media_type: &str, text: &str) -> Value {
    let size = text.len();
    let digest = sandbox.put_blob(PACKAGE, text.to_owned());
    json!({"mediaType": media_type, "digest": digest, "size": size})
}

fn raw(media_type: &str, document: &Value) -> RawManifest {
    RawManifest::new(media_type, document.to_string().into())
}

/// An image of one platform.
pub(super) fn image(sandbox: &Control, seed: &str) -> RawManifest {
    let config = blob(sandbox, CONFIG, &json!({"architecture": "amd64", "os": "linux", "seed": seed}).to_string());
    let layer = blob(sandbox, LAYER, &format!("layer of {seed}"));
    raw(IMAGE, &json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]}))
}

/// An index.
pub(super) fn index(seed: &str, children: &[&RawManifest]) -> RawManifest {
    let child = |child: &&RawManifest| json!({"mediaType": child.media_type, "digest": child.digest, "size": child.bytes.len()});
    let children: Vec<Value> = children.iter().map(child).collect();
    raw(INDEX, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children, "annotations": {"seed": seed}}))
}

/// What cosign stores under a tag.
fn signature(sandbox: &Control, seed: &str) -> RawManifest {
    let config = blob(sandbox, CONFIG, &json!({"signs": seed}).to_string());
    let layer = blob(sandbox, SIGNATURE, &format!("signature of {seed}"));
    raw(IMAGE, &json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]}))
}

/// A referrer by its `subject`.
fn referrer(sandbox: &Control, seed: &str, subject: &RawManifest) -> RawManifest {
    let config = blob(sandbox, "application/vnd.oci.empty.v1+json", "{}");
    let layer = blob(sandbox, BUNDLE, &format!("bundle of {seed}"));
    let of = json!({"mediaType": subject.media_type, "digest": subject.digest, "size": subject.bytes.len()});
    raw(
        IMAGE,
        &json!({
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": BUNDLE, "config": config, "layers": [layer],
            "subject": of,
        }),
    )
}

/// What a run that crashed left behind.
fn placeholder(sandbox: &Control) -> RawManifest {
    let config = blob(sandbox, "application/vnd.oci.empty.v1+json", "{}");
    raw(
        IMAGE,
        &json!({
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": PLACEHOLDER_ARTIFACT_TYPE, "config": config,
            "layers": [config],
        }),
    )
}

fn fallback(of: &RawManifest) -> String {
    format!("sha256-{}", of.digest.hex())
}

fn cosign(of: &RawManifest) -> String {
    format!("sha256-{}.sig", of.digest.hex())
}

/// A package's versions by the names that tests have for them.
#[derive(Clone, Default)]
pub(super) struct Named {
    names: BTreeMap<&'static str, (u64, RawManifest)>,
}

impl Named {
    /// Pushes a manifest by its digest, and points tags at it.
    fn push(&mut self, sandbox: &Control, name: &'static str, manifest: &RawManifest, tags: &[&str]) {
        let id = push(sandbox, manifest, tags);
        self.names.insert(name, (id, manifest.clone()));
    }

    pub(super) fn id(&self, name: &str) -> u64 {
        self.names[name].0
    }

    pub(super) fn digest(&self, name: &str) -> Digest {
        self.names[name].1.digest.clone()
    }

    pub(super) fn manifest(&self, name: &str) -> &RawManifest {
        &self.names[name].1
    }

    /// Says what a version is called here.
    pub(super) fn name(&self, id: u64) -> String {
        let found = self.names.iter().find(|(_, (known, _))| *known == id);
        found.map_or_else(|| id.to_string(), |(name, _)| (*name).to_owned())
    }
}

/// Pushes a manifest by its digest, points tags at it, and returns the number of its version.
pub(super) fn push(sandbox: &Control, manifest: &RawManifest, tags: &[&str]) -> u64 {
    sandbox.put_manifest(PACKAGE, &ManifestReference::Digest(manifest.digest.clone()), manifest.clone());
    for tag in tags {
        sandbox.set_tag(PACKAGE, tag.parse().unwrap(), manifest.digest.clone());
    }
    let version = |state: &mut ghcr_lifecycle::sandbox::State| {
        state.repository(PACKAGE)?.version_of(&manifest.digest).map(|version| version.id)
    };
    sandbox.change(version).unwrap()
}

/// The source repository: pull requests 1 to 8, of which 1 and 2 are open; `feature/y` exists, `feature/x` does not.
fn project(sandbox: &Control) {
    let at = time("2026-01-01T00:00:00Z");
    sandbox.change(|state| {
        let source = state.add_source("acme/shop");
        let first = source.commit(NewCommit::on("main", "first").at(at).file("README.md", "# Shop\n"), at);
        source.set_branch("feature/y", &first);
        for number in 1..=8 {
            assert_eq!(source.open_pull_request("main", "Change it", at), number);
            if number > 2 {
                source.close_pull_request(number, false, at);
            }
        }
    });
}

/// Recreates the branch that tags wait for.
pub(super) fn recreate_branch(sandbox: &Control) {
    sandbox.change(|state| {
        let source = state.source_mut("acme/shop").unwrap();
        let commit = source.branch("main").unwrap().to_owned();
        source.set_branch("feature/x", &commit);
    });
}

/// Reopens a pull request.
pub(super) fn reopen(sandbox: &Control, number: u64) {
    let now = sandbox.now();
    sandbox.change(|state| state.source_mut("acme/shop").unwrap().reopen_pull_request(number, now));
}

/// Some of everything: nested indexes with a shared child, signatures both ways with and without their subject, expired tags
/// on kept versions, the leftover of a crashed run, untagged versions old and young, a tag that no row explains.
pub(super) fn everything(sandbox: &Control) -> Named {
    project(sandbox);
    sandbox.freeze(time("2026-01-01T00:00:00Z"));
    let mut named = Named::default();
    let images: Vec<RawManifest> =
        ["a", "b", "c", "shared", "pr", "x", "plain", "old", "odd", "two"].map(|seed| image(sandbox, seed)).into();
    let [a, b, c, shared, pr, x, plain, old, odd, two] = &images[..] else { unreachable!("ten seeds") };
    for (name, manifest) in [("a", a), ("b", b), ("c", c), ("shared", shared)] {
        named.push(sandbox, name, manifest, &[]);
    }
    let kept = index("kept", &[a, shared]);
    named.push(sandbox, "kept", &kept, &["v1.0.0", "latest", "build-1", "pr-7"]);
    named.push(sandbox, "kept.sig", &signature(sandbox, "kept"), &[&cosign(&kept)]);
    let inner = index("inner", &[b, shared]);
    let outer = index("outer", &[&inner, c]);
    named.push(sandbox, "inner", &inner, &[]);
    named.push(sandbox, "outer", &outer, &["build-2"]);
    named.push(sandbox, "pr", pr, &["pr-8"]);
    named.push(sandbox, "pr.sig", &signature(sandbox, "pr"), &[&cosign(pr)]);
    let bundle = referrer(sandbox, "pr", pr);
    named.push(sandbox, "pr.bundle", &bundle, &[]);
    named.push(sandbox, "pr.list", &index("list", &[&bundle]), &[&fallback(pr)]);
    named.push(sandbox, "x", x, &["feature-x"]);
    named.push(sandbox, "plain", plain, &["v1.1.0-rc.1", "pr-1", "build-3"]);
    named.push(sandbox, "two", two, &["v1.0.1", "build-4", "feature-y"]);
    named.push(sandbox, "old", old, &[]);
    named.push(sandbox, "odd", odd, &["odd"]);
    named.push(sandbox, "crashed", &placeholder(sandbox), &["build-0"]);
    sandbox.freeze(time("2026-02-28T00:00:00Z"));
    named.push(sandbox, "young", &image(sandbox, "young"), &[]);
    sandbox.freeze(time("2026-03-01T12:00:00Z"));
    named
}

/// Few versions, and each kind of step: a deleted index with its child, an expired tag of a kept version.
pub(super) fn few(sandbox: &Control) -> Named {
    project(sandbox);
    sandbox.freeze(time("2026-01-01T00:00:00Z"));
    let mut named = Named::default();
    let [a, b, old, pr, x] = ["a", "b", "old", "pr", "x"].map(|seed| image(sandbox, seed));
    named.push(sandbox, "a", &a, &[]);
    named.push(sandbox, "b", &b, &[]);
    named.push(sandbox, "kept", &index("kept", &[&a]), &["v1.0.0", "latest", "build-1"]);
    named.push(sandbox, "outer", &index("outer", &[&b]), &["build-2"]);
    named.push(sandbox, "pr", &pr, &["pr-8"]);
    named.push(sandbox, "x", &x, &["feature-x"]);
    named.push(sandbox, "old", &old, &[]);
    sandbox.freeze(time("2026-03-01T12:00:00Z"));
    let two = image(sandbox, "two");
    named.push(sandbox, "two", &two, &["v1.0.1", "pr-7"]);
    named
}

/// Tags only to take away: three of two images, nothing to delete.
pub(super) fn tags_only(sandbox: &Control) -> Named {
    project(sandbox);
    sandbox.freeze(time("2026-01-01T00:00:00Z"));
    let mut named = Named::default();
    let [a, b] = ["a", "b"].map(|seed| image(sandbox, seed));
    named.push(sandbox, "a", &a, &["v1.0.0", "latest", "build-1", "build-2"]);
    named.push(sandbox, "b", &b, &["v0.9.0", "pr-8"]);
    sandbox.freeze(time("2026-03-01T12:00:00Z"));
    named
}

/// What a package holds, as far as anybody can see it: versions with their digests and tags.
pub(super) type Contents = BTreeMap<u64, (Digest, BTreeSet<Tag>)>;

pub(super) fn contents(sandbox: &Control) -> Contents {
    sandbox.change(|state| {
        let package = state.repository(PACKAGE).unwrap();
        let version = |version: &ghcr_lifecycle::sandbox::state::Version| {
            let digest = version.manifest.digest.clone();
            let tags = package.tags_of(&digest).iter().cloned().collect();
            (version.id, (digest, tags))
        };
        package.versions().map(version).collect()
    })
}

/// The versions that are placeholders.
pub(super) fn placeholders(sandbox: &Control) -> BTreeMap<u64, Digest> {
    sandbox.change(|state| {
        let package = state.repository(PACKAGE).unwrap();
        let is_placeholder = |version: &&ghcr_lifecycle::sandbox::state::Version| {
            version.manifest.parse().is_ok_and(|manifest| manifest.is_placeholder())
        };
        package.versions().filter(is_placeholder).map(|version| (version.id, version.manifest.digest.clone())).collect()
    })
}

/// What a package holds beside placeholders.
pub(super) fn without_placeholders(sandbox: &Control) -> Contents {
    let ours = placeholders(sandbox);
    contents(sandbox).into_iter().filter(|(id, _)| !ours.contains_key(id)).collect()
}
