//! buildah, podman and skopeo against the sandbox as GHCR, with credentials: what they push has the digests that it has on
//! Debian's `docker-registry`, and comes back.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use ghcr_lifecycle::{
    model::Digest,
    sandbox::{Auth, Options, SampleImage, Sandbox},
};
use serde_json::Value;
use tempfile::TempDir;

use super::support::{REPOSITORY, TOKEN, ghcr, multi, run, single};
use crate::peers::{Access, DockerRegistry, PASSWORD, USERNAME};

/// A registry as a client names it, and the credentials for it.
struct Target {
    host: String,
    credentials: String,
}

/// The sandbox as GHCR and docker-registry, both with credentials.
struct Both {
    sandbox: Sandbox,
    registry: DockerRegistry,
}

impl Both {
    async fn start() -> Self {
        Self { sandbox: ghcr().await, registry: DockerRegistry::start(Access::Basic).await }
    }

    fn targets(&self) -> [Target; 2] {
        [
            Target { host: self.sandbox.host(), credentials: format!("any:{TOKEN}") },
            Target { host: self.registry.host().to_owned(), credentials: format!("{USERNAME}:{PASSWORD}") },
        ]
    }
}

/// A folder with image storage of its own.
struct Storage {
    folder: TempDir,
}

impl Storage {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs buildah or podman on this storage.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let (root, runroot) = (self.path("root"), self.path("run"));
        let storage = ["--root", text(&root), "--runroot", text(&runroot), "--storage-driver", "vfs"];
        run(program, &[&storage[..], arguments].concat()).trim().to_owned()
    }

    /// Builds an image of one file, the same bytes every time.
    fn build(&self, name: &str, content: &str) {
        let file = self.path("content");
        std::fs::write(&file, content).unwrap();
        let container = self.run("buildah", &["from", "scratch"]);
        self.run("buildah", &["copy", "--quiet", &container, text(&file), "/content"]);
        self.run("buildah", &["config", "--label", "org.opencontainers.image.title=built", &container]);
        self.run("buildah", &["commit", "--quiet", "--rm", "--timestamp", "0", &container, name]);
    }

    /// Pushes with buildah or podman and returns the digest that it reports.
    fn push(&self, program: &str, command: &[&str], source: &str, target: &Target, tag: &str) -> Digest {
        let file = self.path("digest");
        let destination = format!("docker://{}/{REPOSITORY}:{tag}", target.host);
        let options =
            ["--quiet", "--tls-verify=false", "--creds", &target.credentials, "--digestfile", text(&file), source];
        self.run(program, &[command, &options[..], &[&destination]].concat());
        std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
    }

    /// Pulls with buildah or podman and returns the image's id.
    fn pull(&self, program: &str, target: &Target, reference: &str) -> String {
        let name = format!("{}/{REPOSITORY}{reference}", target.host);
        self.run(program, &["pull", "--quiet", "--tls-verify=false", "--creds", &target.credentials, &name])
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn skopeo(target: &Target, command: &[&str], option: &str, name: &str) -> String {
    let rest = ["--tls-verify=false", option, &target.credentials, name];
    run("skopeo", &[command, &rest[..]].concat())
}

#[tokio::test]
async fn buildah_and_podman_push_and_pull_an_image() {
    let both = Both::start().await;
    let built = Storage::new();
    built.build("localhost/built:v1", "one");
    for program in ["buildah", "podman"] {
        for format in ["oci", "v2s2"] {
            let tag = format!("{program}-{format}");
            let digests = both
                .targets()
                .map(|target| built.push(program, &["push", "--format", format], "localhost/built:v1", &target, &tag));
            assert_eq!(digests[0], digests[1], "{tag}");
            assert_eq!(both.sandbox.tag(REPOSITORY, &tag).as_ref(), Some(&digests[0]));
            let fresh = Storage::new();
            let [ours, theirs] = both.targets().map(|target| fresh.pull(program, &target, &format!(":{tag}")));
            assert_eq!(ours, theirs);
            assert_eq!(ours, fresh.pull(program, &both.targets()[0], &format!("@{}", digests[0])));
        }
    }
    assert_eq!(both.sandbox.incomplete(REPOSITORY), []);
}

#[tokio::test]
async fn buildah_and_podman_push_and_pull_an_index() {
    let both = Both::start().await;
    let built = Storage::new();
    built.run("buildah", &["manifest", "create", "localhost/list:v1"]);
    for (architecture, content) in [("amd64", "one"), ("arm64", "two")] {
        let name = format!("localhost/built:{architecture}");
        built.build(&name, content);
        built.run("buildah", &["manifest", "add", "--arch", architecture, "localhost/list:v1", &name]);
    }
    for program in ["buildah", "podman"] {
        let push = ["manifest", "push", "--all"];
        let digests = both.targets().map(|target| built.push(program, &push, "localhost/list:v1", &target, program));
        assert_eq!(digests[0], digests[1], "{program}");
        assert_eq!(both.sandbox.tag(REPOSITORY, program).as_ref(), Some(&digests[0]));
        let [ours, theirs] = both.targets().map(|target| Storage::new().pull(program, &target, &format!(":{program}")));
        assert_eq!(ours, theirs);
    }
    assert_eq!(both.sandbox.incomplete(REPOSITORY), []);
}

/// Copies a sample to both registries and compares what skopeo sees there.
async fn copied(image: &SampleImage, options: &[&str]) -> Digest {
    let both = Both::start().await;
    let folder = tempfile::tempdir().unwrap();
    image.write_layout(&folder.path().join("layout")).unwrap();
    let source = format!("oci:{}", folder.path().join("layout").display());
    let [ours, theirs] = both.targets().map(|target| {
        let repository = format!("docker://{}/{REPOSITORY}", target.host);
        let name = format!("{repository}:v1");
        let copy = [&["--insecure-policy", "copy", "--quiet"], options, &["--dest-tls-verify=false"]].concat();
        run("skopeo", &[&copy[..], &["--dest-creds", &target.credentials, &source, &name]].concat());
        let raw = skopeo(&target, &["inspect", "--raw"], "--creds", &name);
        let configuration = skopeo(&target, &["inspect", "--config"], "--creds", &name);
        let mut inspected: Value = serde_json::from_str(&skopeo(&target, &["inspect"], "--creds", &name)).unwrap();
        let mut tags: Value = serde_json::from_str(&skopeo(&target, &["list-tags"], "--creds", &repository)).unwrap();
        inspected.as_object_mut().unwrap().remove("Name");
        tags.as_object_mut().unwrap().remove("Repository");
        (raw, configuration, inspected, tags)
    });
    assert_eq!(ours, theirs);
    assert_eq!(both.sandbox.incomplete(REPOSITORY), []);

    // From one registry straight to the other.
    let [from, to] = both.targets();
    let name = |target: &Target, tag: &str| format!("docker://{}/{REPOSITORY}:{tag}", target.host);
    let credentials = ["--src-creds", &from.credentials, "--dest-creds", &to.credentials];
    let copy = ["--insecure-policy", "copy", "--quiet", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let names = [&*name(&from, "v1"), &*name(&to, "v2")];
    run("skopeo", &[&copy[..], &credentials, &names].concat());
    assert_eq!(skopeo(&to, &["inspect", "--raw"], "--creds", names[1]), ours.0);
    Digest::of(ours.0.as_bytes())
}

#[tokio::test]
async fn skopeo_copies_an_image_to_the_same_digest() {
    let image = single("same");
    assert_eq!(copied(&image, &["--preserve-digests"]).await, *image.digest());
    assert_ne!(copied(&image, &["--format", "v2s2"]).await, *image.digest());
}

#[tokio::test]
async fn skopeo_copies_an_index_to_the_same_digest() {
    let image = multi("same");
    assert_eq!(copied(&image, &["--all", "--preserve-digests"]).await, *image.digest());
}

#[tokio::test]
async fn skopeo_deletes_where_the_sandbox_does() {
    let delete = |sandbox: &Sandbox, credentials: &str| {
        single("deleted").put_into(sandbox, REPOSITORY, &"v1".parse().unwrap());
        let name = format!("docker://{}/{REPOSITORY}:v1", sandbox.host());
        Command::new("skopeo").args(["delete", "--tls-verify=false", "--creds", credentials, &name]).output().unwrap()
    };
    let sandbox = ghcr().await;
    let refused = delete(&sandbox, &format!("any:{TOKEN}"));
    assert!(!refused.status.success());
    assert!(sandbox.tag(REPOSITORY, "v1").is_some());

    let sandbox = Sandbox::start(Options::oci(Auth::None)).await.unwrap();
    let deleted = delete(&sandbox, "any:any");
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
    assert_eq!(sandbox.tags(REPOSITORY), []);
}

#[tokio::test]
async fn logging_in_keeps_good_tokens_only() {
    let sandbox = ghcr().await;
    single("login").put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.json");
    for program in ["podman", "buildah", "skopeo"] {
        let login = |token: &str| {
            Command::new(program)
                .args(["login", "--tls-verify=false", "--authfile", text(&file), "--username", "any"])
                .args(["--password", token, &sandbox.host()])
                .output()
                .unwrap()
        };
        assert!(!login("ghp_wrong").status.success(), "{program}");
        let done = login(TOKEN);
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        let name = format!("docker://{}/{REPOSITORY}:v1", sandbox.host());
        run("skopeo", &["inspect", "--tls-verify=false", "--authfile", text(&file), &name]);
        std::fs::remove_file(&file).unwrap();
    }
}
