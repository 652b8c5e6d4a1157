//! Images that others built, in a registry that others wrote, read back by their programs.

use std::{fs, process::Command};

use ghcr_lifecycle::model::Digest;
use tempfile::TempDir;

use super::step::{REPOSITORY, Step, ghcr, index, kyklos, layout};
use crate::{
    peers::{Access, DockerRegistry, PASSWORD, USERNAME},
    programs::{program, run},
};

const PROGRAM: &str = "#include <stdio.h>\nint main(void) { puts(\"hello from the image\"); return 0; }\n";

/// An image that buildah made from one static program, as the folder `layout` and the archive `image.tar`.
pub(super) fn built() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("hello.c"), PROGRAM).unwrap();
    run(program("cc", "gcc").args(["-static", "-s", "-o", "hello", "hello.c"]).current_dir(at));
    let buildah = |arguments: &[&str]| {
        let mut command = program("buildah", "buildah");
        command.arg("--root").arg(at.join("root")).arg("--runroot").arg(at.join("runroot"));
        run(command.args(["--storage-driver", "vfs"]).args(arguments).current_dir(at))
    };
    let container = buildah(&["from", "--isolation", "chroot", "scratch"]);
    buildah(&["copy", &container, "hello", "/hello"]);
    buildah(&["config", "--entrypoint", "[\"/hello\"]", &container]);
    buildah(&["commit", "--quiet", "--rm", &container, "localhost/hello:1"]);
    buildah(&["push", "--quiet", "localhost/hello:1", "oci:layout:v1"]);
    buildah(&["push", "--quiet", "localhost/hello:1", "oci-archive:image.tar:v1"]);
    buildah(&["push", "--quiet", "localhost/hello:1", "docker-archive:save.tar:localhost/hello:1"]);
    folder
}

pub(super) fn skopeo(arguments: &[&str], access: Access) -> Vec<u8> {
    let mut command = program("skopeo", "skopeo");
    command.args(arguments);
    if access == Access::Basic {
        command.args(["--creds", &format!("{USERNAME}:{PASSWORD}")]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The digest of what skopeo reads under a reference.
pub(super) fn inspected(reference: &str, access: Access) -> String {
    let name = format!("docker://{reference}");
    Digest::of(&skopeo(&["inspect", "--raw", "--tls-verify=false", &name], access)).to_string()
}

/// Runs an image and returns what it prints.
pub(super) fn run_by_podman(reference: &str, access: Access) -> String {
    let storage = tempfile::tempdir().unwrap();
    let podman = |arguments: &[&str], name: &str| {
        let mut command = program("podman", "podman");
        command.args(["--runtime", "runc", "--storage-driver", "vfs"]);
        command.arg("--root").arg(storage.path().join("root")).arg("--runroot").arg(storage.path().join("runroot"));
        run(command.args(arguments).arg(name))
    };
    let creds = format!("{USERNAME}:{PASSWORD}");
    match access {
        Access::Open => podman(&["pull", "--quiet", "--tls-verify=false"], reference),
        Access::Basic => podman(&["pull", "--quiet", "--tls-verify=false", "--creds", &creds], reference),
    };
    // The limits that a container would get by default are more than an unprivileged builder may grant.
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"];
    podman(&[&["run", "--rm", "--pull", "never", "--network", "host"][..], &limits].concat(), reference)
}

fn step(registry: &DockerRegistry, event: &str, access: Access) -> Step {
    let step = Step::on(event).policy(&kyklos(registry.host())).mode("push");
    match access {
        Access::Open => step,
        Access::Basic => {
            step.input("registry", registry.host()).input("username", USERNAME).input("password", PASSWORD)
        }
    }
}

#[tokio::test]
async fn an_image_of_buildah_keeps_its_digest_and_runs() {
    let built = built();
    let at = |name: &str| built.path().join(name);
    let raw = Command::new("skopeo").args(["inspect", "--raw", "oci:layout:v1"]).current_dir(built.path()).output();
    let digest = Digest::of(&raw.unwrap().stdout).to_string();
    for access in [Access::Open, Access::Basic] {
        let registry = DockerRegistry::start(access).await;
        for (event, source) in [
            ("push-kyklos-tag-v0.1.0", at("layout").display().to_string()),
            ("push-kyklos-tag-v0.2.0", format!("oci-archive:{}", at("image.tar").display())),
            ("push-kyklos-main", format!("oci:{}:v1", at("layout").display())),
        ] {
            let outcome = step(&registry, event, access).input("source", &source).succeed();
            assert_eq!(outcome.outputs["digest"], digest, "{source}");
            assert!(!outcome.lines("tags").is_empty());
            for reference in outcome.lines("tags").into_iter().chain(outcome.lines("image-refs")) {
                assert_eq!(inspected(reference, access), digest, "{reference}");
            }
            let again = step(&registry, event, access).input("source", &source).succeed();
            assert_eq!(again.outputs["moved"], "", "{again}");
            assert_eq!(again.outputs["digest"], digest);
        }
        let name = format!("{}/{REPOSITORY}:latest", registry.host());
        assert_eq!(run_by_podman(&name, access), "hello from the image");
    }
}

#[tokio::test]
async fn an_index_keeps_its_digest_and_its_children_from_registry_to_registry() {
    let (first, second) = (DockerRegistry::start(Access::Open).await, DockerRegistry::start(Access::Open).await);
    let image = index("both");
    let source = layout(&image);
    let complete = |registry: &DockerRegistry, repository: &str| {
        let children = image.children().iter().map(|child| (&child.digest, &child.bytes));
        for (digest, bytes) in children.chain([(image.digest(), &image.root().bytes)]) {
            let name = format!("docker://{}/{repository}@{digest}", registry.host());
            assert_eq!(skopeo(&["inspect", "--raw", "--tls-verify=false", &name], Access::Open), bytes[..]);
        }
        // All blobs, too: skopeo reads them for the copy.
        let copy = tempfile::tempdir().unwrap();
        let name = format!("docker://{}/{repository}@{}", registry.host(), image.digest());
        let target = format!("oci:{}", copy.path().join("copy").display());
        skopeo(&["copy", "--quiet", "--all", "--src-tls-verify=false", &name, &target], Access::Open);
    };

    let pushed = step(&first, "push-kyklos-main", Access::Open).source(source.path()).succeed();
    assert_eq!(pushed.outputs["digest"], image.digest().to_string());
    complete(&first, REPOSITORY);

    // To another repository of the same registry, then to another registry.
    let built = pushed.lines("tags")[0].to_owned();
    let policy = kyklos(first.host()).replace("/kyklos/kyklos", "/kyklos/released");
    let promoted = Step::on("push-kyklos-tag-v0.1.0").policy(&policy).mode("push").input("source", &built).succeed();
    assert_eq!(promoted.outputs["digest"], image.digest().to_string());
    assert!(promoted.stdout.contains("mounted"), "{promoted}");
    complete(&first, "kyklos/released");

    let released = format!("docker://{}", promoted.lines("image-refs")[0]);
    let mirrored = step(&second, "push-kyklos-tag-v0.1.0", Access::Open).input("source", &released).succeed();
    assert_eq!(mirrored.outputs["digest"], image.digest().to_string());
    complete(&second, REPOSITORY);
    for reference in mirrored.lines("tags") {
        assert_eq!(inspected(reference, Access::Open), image.digest().to_string());
    }
}

#[tokio::test]
async fn an_image_goes_from_a_plain_registry_to_ghcr() {
    let registry = DockerRegistry::start(Access::Basic).await;
    let image = index("staged");
    let source = layout(&image);
    let staged = step(&registry, "push-kyklos-main", Access::Basic).source(source.path()).succeed();
    let sandbox = ghcr();
    let promotion = Step::on("push-kyklos-tag-v0.1.0").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("push");
    let promotion = promotion.input("source", staged.lines("tags")[0]);
    let promotion =
        promotion.input("registry", registry.host()).input("username", USERNAME).input("password", PASSWORD);
    assert_eq!(promotion.succeed().outputs["digest"], image.digest().to_string());
    assert_eq!(sandbox.incomplete(REPOSITORY), []);
}
