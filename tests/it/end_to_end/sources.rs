//! Every kind of source, pushed to Debian's docker-registry and compared with what skopeo makes of the same input.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    registries::{built, inspected, run_by_podman, skopeo},
    step::{Outcome, REPOSITORY, Step, kyklos},
};
use crate::{
    peers::{Access, DockerRegistry},
    programs::{program, run},
};

fn push(registry: &DockerRegistry, source: &str) -> Step {
    Step::on("push-kyklos-main").policy(&kyklos(registry.host())).mode("push").input("source", source)
}

fn reference(outcome: &Outcome) -> String {
    outcome.lines("image-refs")[0].to_owned()
}

/// What skopeo makes of a source, in a repository of its own.
fn theirs(registry: &DockerRegistry, source: &str, name: &str) -> String {
    let reference = format!("{}/theirs/{name}:1", registry.host());
    skopeo(&["copy", "--quiet", "--dest-tls-verify=false", source, &format!("docker://{reference}")], Access::Open);
    reference
}

/// The manifest of an image in a registry after its layers were unpacked: what is left is not about compression.
fn unpacked(reference: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (format!("docker://{reference}"), format!("dir:{}", folder.path().display()));
    skopeo(&["copy", "--quiet", "--src-tls-verify=false", "--dest-decompress", &from, &to], Access::Open);
    serde_json::from_slice(&fs::read(folder.path().join("manifest.json")).unwrap()).unwrap()
}

fn index(reference: &str) -> Vec<Value> {
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{reference}")], Access::Open);
    let document: Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(document["mediaType"], "application/vnd.oci.image.index.v1+json");
    document["manifests"].as_array().unwrap().clone()
}

/// The images of `built`, one of them once more with the label of another platform.
fn for_two_platforms() -> TempDir {
    let folder = built();
    let at = folder.path();
    let buildah = |arguments: &[&str]| {
        let mut command = program("buildah", "buildah");
        command.arg("--root").arg(at.join("root")).arg("--runroot").arg(at.join("runroot"));
        run(command.args(["--storage-driver", "vfs"]).args(arguments).current_dir(at))
    };
    for architecture in ["riscv64", "s390x"] {
        let container = buildah(&["from", "--isolation", "chroot", "localhost/hello:1"]);
        buildah(&["config", "--arch", architecture, &container]);
        let name = format!("localhost/hello:{architecture}");
        buildah(&["commit", "--quiet", "--rm", &container, &name]);
        buildah(&["push", "--quiet", &name, &format!("oci-archive:{architecture}.tar")]);
        buildah(&["push", "--quiet", &name, &format!("docker-archive:{architecture}-save.tar:{name}")]);
    }
    folder
}

fn gzipped(at: &Path, name: &str) {
    run(program("gzip", "gzip").args(["--keep", name]).current_dir(at));
}

#[tokio::test]
async fn layouts_are_what_skopeo_makes_of_them_and_run() {
    let registry = DockerRegistry::start(Access::Open).await;
    let built = built();
    gzipped(built.path(), "image.tar");
    let at = |name: &str| built.path().join(name).display().to_string();
    let digest = inspected(&theirs(&registry, &format!("oci-archive:{}", at("image.tar")), "archive"), Access::Open);
    let again = inspected(&theirs(&registry, &format!("oci:{}", at("layout")), "layout"), Access::Open);
    assert_eq!(again, digest);
    for source in [at("layout"), at("image.tar"), at("image.tar.gz"), format!("oci-archive:{}:v1", at("image.tar.gz"))]
    {
        let outcome = push(&registry, &source).succeed();
        assert_eq!(outcome.outputs["digest"], digest, "{source}");
        assert_eq!(inspected(&reference(&outcome), Access::Open), digest);
        assert_eq!(run_by_podman(&reference(&outcome), Access::Open), "hello from the image");
    }
}

#[tokio::test]
async fn archives_of_docker_save_are_what_skopeo_makes_of_them_and_run() {
    let registry = DockerRegistry::start(Access::Open).await;
    let built = built();
    gzipped(built.path(), "save.tar");
    let at = |name: &str| built.path().join(name).display().to_string();
    let expected = unpacked(&theirs(&registry, &format!("docker-archive:{}", at("save.tar")), "saved"));
    let mut digests = Vec::new();
    for source in [at("save.tar"), at("save.tar.gz"), format!("docker-archive:{}:localhost/hello:1", at("save.tar"))] {
        let step = push(&registry, &source);
        let outcome = step.succeed();
        assert_eq!(unpacked(&reference(&outcome)), expected, "{source}");
        assert_eq!(run_by_podman(&reference(&outcome), Access::Open), "hello from the image");
        assert_eq!(outcome.outputs["digests"].matches("linux/").count(), 1, "{outcome}");
        digests.push(outcome.outputs["digest"].clone());
        // Nothing of what was packed and unpacked is left.
        assert_eq!(
            fs::read_dir(step.path("temp"))
                .unwrap()
                .filter(|entry| { entry.as_ref().is_ok_and(|entry| entry.path().is_file()) })
                .count(),
            0
        );
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

/// Podman's Docker-compatible service, over the images that buildah made.
struct Engine {
    folder: TempDir,
    child: Child,
}

impl Engine {
    fn start() -> Self {
        let folder = built();
        let at = folder.path();
        let mut command = program("podman", "podman");
        command.args(["--runtime", "runc", "--storage-driver", "vfs"]);
        command.arg("--root").arg(at.join("root")).arg("--runroot").arg(at.join("runroot"));
        command.args(["system", "service", "--time", "0"]).arg(format!("unix://{}", at.join("socket").display()));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let engine = Self { folder, child };
        for _ in 0..200 {
            if UnixStream::connect(engine.folder.path().join("socket")).is_ok() {
                return engine;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("podman's service does not start");
    }

    fn address(&self) -> String {
        format!("unix://{}", self.folder.path().join("socket").display())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn an_image_of_the_engine_is_pushed_and_runs() {
    let registry = DockerRegistry::start(Access::Open).await;
    let engine = Engine::start();
    let saved = push(&registry, &engine.folder.path().join("save.tar").display().to_string()).succeed();
    let by_name =
        |name: &str| push(&registry, &format!("docker-daemon:{name}")).variable("DOCKER_HOST", &engine.address());
    // `hello` is `localhost/hello` to Podman, which has no other.
    for name in ["localhost/hello:1", "hello:1"] {
        let outcome = by_name(name).succeed();
        assert_eq!(outcome.outputs["digest"], saved.outputs["digest"], "{name}");
        assert_eq!(run_by_podman(&reference(&outcome), Access::Open), "hello from the image");
    }
    let storage = engine.folder.path();
    let id = run(Command::new("podman")
        .args(["--storage-driver", "vfs", "--root"])
        .arg(storage.join("root"))
        .arg("--runroot")
        .arg(storage.join("runroot"))
        .args(["image", "inspect", "--format", "{{.Id}}", "localhost/hello:1"]));
    assert_eq!(by_name(&id).succeed().outputs["digest"], saved.outputs["digest"]);
    assert_eq!(unpacked(&reference(&saved))["config"]["digest"], format!("sha256:{id}"));

    let absent = by_name("localhost/absent:1").fail(2);
    assert!(
        absent.stdout.contains("the engine has no such image")
            || absent.stderr.contains("the engine has no such image"),
        "{absent}"
    );
    // Without a tag it is `latest`, which there is none of.
    by_name("localhost/hello").fail(2);
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let registry = DockerRegistry::start(Access::Open).await;
    let says = |host: &str, code: i32, words: &str| {
        let outcome = push(&registry, "docker-daemon:hello:1").variable("DOCKER_HOST", host).fail(code);
        assert!(format!("{outcome}").contains(words), "{outcome}");
    };
    says("unix:///nowhere/docker.sock", 2, "there is no socket");
    says("tcp://127.0.0.1:2375", 2, "`docker-archive:` reads");
}

#[tokio::test]
async fn several_sources_become_one_index_that_runs_and_grows() {
    let registry = DockerRegistry::start(Access::Open).await;
    let built = for_two_platforms();
    let at = |name: &str| built.path().join(name).display().to_string();
    let lines = format!("{}\n\n  {}  \n", at("image.tar"), at("riscv64-save.tar"));
    let outcome = push(&registry, &lines).succeed();
    assert!(outcome.outputs["digests"].contains("\"linux/riscv64\":"), "{outcome}");
    let joined = reference(&outcome);
    assert_eq!(inspected(&joined, Access::Open), outcome.outputs["digest"]);
    let children = index(&joined);
    assert_eq!(children.len(), 2);
    assert_eq!(children[0]["platform"]["os"], "linux");
    assert_eq!(children[1]["platform"]["architecture"], "riscv64");
    let alone = inspected(&theirs(&registry, &format!("oci-archive:{}", at("image.tar")), "alone"), Access::Open);
    assert_eq!(children[0]["digest"], alone);
    assert_eq!(run_by_podman(&joined, Access::Open), "hello from the image");
    // All of it is there for others too.
    let copy = format!("oci:{}", built.path().join("copy").display());
    skopeo(&["copy", "--quiet", "--all", "--src-tls-verify=false", &format!("docker://{joined}"), &copy], Access::Open);
    assert_eq!(push(&registry, &lines).succeed().outputs["moved"], "");

    // What is published grows by a platform; the same once more changes nothing.
    let release = |source: &str| {
        Step::on("push-kyklos-tag-v0.1.0").policy(&kyklos(registry.host())).mode("push").input("source", source)
    };
    let more = format!("docker://{joined}\n{}", at("s390x.tar"));
    let grown = release(&more).succeed();
    let entries = index(&reference(&grown));
    assert_eq!(entries[..2], children[..]);
    assert_eq!(entries[2]["platform"]["architecture"], "s390x");
    let again = release(&more).succeed();
    assert_eq!((&again.outputs["digest"], again.outputs["moved"].as_str()), (&grown.outputs["digest"], ""));
    assert_eq!(run_by_podman(&reference(&grown), Access::Open), "hello from the image");

    // Into another repository of the registry: what is published is mounted, not sent.
    let policy = kyklos(registry.host()).replace(REPOSITORY, "kyklos/released");
    let released = release(&more).policy(&policy).succeed();
    assert_eq!(released.outputs["digest"], grown.outputs["digest"]);
    assert!(released.stdout.contains("mounted"), "{released}");

    let both = push(&registry, &format!("{}\n{}", at("riscv64.tar"), at("riscv64-save.tar"))).fail(1);
    assert!(format!("{both}").contains("both hold an image for linux/riscv64"), "{both}");
}

#[tokio::test]
async fn damaged_and_hostile_archives_leave_the_registry_as_it_was() {
    let registry = DockerRegistry::start(Access::Open).await;
    let built = built();
    let at = |name: &str| built.path().join(name);
    let good = fs::read(at("image.tar")).unwrap();
    // A byte in the middle of the largest entry: the layer.
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(at("damaged.tar"), damaged).unwrap();
    let outcome = push(&registry, &at("damaged.tar").display().to_string()).fail(1);
    assert!(format!("{outcome}").contains("is not what it should be"), "{outcome}");
    let mut saved = fs::read(at("save.tar")).unwrap();
    let middle = saved.len() / 2;
    saved[middle] ^= 1;
    fs::write(at("damaged-save.tar"), saved).unwrap();
    let outcome = push(&registry, &at("damaged-save.tar").display().to_string()).fail(2);
    assert!(format!("{outcome}").contains("is damaged"), "{outcome}");
    fs::write(at("cut.tar"), &good[..good.len() / 2]).unwrap();
    push(&registry, &at("cut.tar").display().to_string()).fail(2);
    assert!(!registry.data().join(format!("docker/registry/v2/repositories/{REPOSITORY}/_manifests")).exists());
}
