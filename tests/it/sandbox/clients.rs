//! skopeo and podman against the sandbox.

use ghcr_lifecycle::{
    model::{Digest, Secret},
    sandbox::{Auth, Options, SampleImage, Sandbox},
};
use serde_json::Value;

use super::support::{REPOSITORY, TOKEN, ghcr, multi, run, single};

fn push(sandbox: &Sandbox, layout: &str, tag: &str, credentials: &str) {
    let target = format!("docker://{}/{REPOSITORY}:{tag}", sandbox.host());
    let mut arguments =
        vec!["--insecure-policy", "copy", "--all", "--quiet", "--preserve-digests", "--dest-tls-verify=false"];
    if !credentials.is_empty() {
        arguments.extend(["--dest-creds", credentials]);
    }
    arguments.extend([layout, &target]);
    run("skopeo", &arguments);
}

/// Pushes from a layout, reads the digest and the tags, copies back into a layout and compares.
fn round_trip(sandbox: &Sandbox, image: &SampleImage, credentials: &str) {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("layout");
    image.write_layout(&layout).unwrap();
    push(sandbox, &format!("oci:{}", layout.display()), "v1", credentials);
    let tar = folder.path().join("layout.tar");
    image.write_tar(&tar).unwrap();
    push(sandbox, &format!("oci-archive:{}", tar.display()), "v2", credentials);

    assert_eq!(sandbox.incomplete(REPOSITORY), []);
    assert_eq!(sandbox.tag(REPOSITORY, "v1").as_ref(), Some(image.digest()));
    assert_eq!(sandbox.tag(REPOSITORY, "v2").as_ref(), Some(image.digest()));

    let source = format!("docker://{}/{REPOSITORY}:v1", sandbox.host());
    let with_credentials = |option: &'static str| match credentials {
        "" => Vec::new(),
        credentials => vec![option, credentials],
    };
    let mut inspect = vec!["inspect", "--raw", "--tls-verify=false"];
    inspect.extend(with_credentials("--creds"));
    inspect.push(&source);
    assert_eq!(Digest::of(run("skopeo", &inspect).as_bytes()), *image.digest());

    let name = format!("docker://{}/{REPOSITORY}", sandbox.host());
    let mut list = vec!["list-tags", "--tls-verify=false"];
    list.extend(with_credentials("--creds"));
    list.push(&name);
    let tags: Value = serde_json::from_str(&run("skopeo", &list)).unwrap();
    assert_eq!(tags["Tags"], serde_json::json!(["v1", "v2"]));

    let back = format!("oci:{}", folder.path().join("back").display());
    let mut copy =
        vec!["--insecure-policy", "copy", "--all", "--quiet", "--preserve-digests", "--src-tls-verify=false"];
    copy.extend(with_credentials("--src-creds"));
    copy.extend([&*source, &*back]);
    run("skopeo", &copy);
    for (path, bytes) in image.layout_files().iter().filter(|(path, _)| path.starts_with("blobs/")) {
        assert_eq!(std::fs::read(folder.path().join("back").join(path)).unwrap(), *bytes, "{path}");
    }
}

#[tokio::test]
async fn skopeo_copies_an_image_there_and_back() {
    round_trip(&ghcr().await, &single("1"), &format!("any:{TOKEN}"));
}

#[tokio::test]
async fn skopeo_copies_an_index_with_attestations_there_and_back() {
    round_trip(&ghcr().await, &multi("1"), &format!("any:{TOKEN}"));
}

#[tokio::test]
async fn skopeo_copies_an_index_of_one_platform_and_its_attestation() {
    let image = SampleImage::builder().seed("1").attestation(true).layers(3).build();
    assert_eq!(image.children().len(), 2);
    round_trip(&ghcr().await, &image, &format!("any:{TOKEN}"));
}

#[tokio::test]
async fn skopeo_speaks_to_a_plain_registry() {
    let password = Secret::new("secret").unwrap();
    let options = Options::plain(Auth::Basic { username: "user".to_owned(), password });
    round_trip(&Sandbox::start(options).await.unwrap(), &multi("1"), "user:secret");
    round_trip(&Sandbox::start(Options::plain(Auth::None)).await.unwrap(), &single("1"), "");
}

#[tokio::test]
async fn skopeo_pushes_large_layers() {
    let image = SampleImage::builder().seed("large").layers(2).layer_size(9 * 1024 * 1024).build();
    round_trip(&ghcr().await, &image, &format!("any:{TOKEN}"));
}

#[tokio::test]
async fn podman_pulls_with_credentials() {
    let sandbox = ghcr().await;
    multi("podman").put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (root, runroot) = (folder.path().join("root"), folder.path().join("run"));
    let storage = ["--root", root.to_str().unwrap(), "--runroot", runroot.to_str().unwrap(), "--storage-driver", "vfs"];
    let name = format!("{}/{REPOSITORY}:v1", sandbox.host());
    let credentials = format!("any:{TOKEN}");
    let pull = ["pull", "--quiet", "--tls-verify=false", "--creds", &credentials, &name];
    let id = run("podman", &[&storage[..], &pull].concat());
    assert_eq!(id.trim().len(), 64);
}

#[tokio::test]
async fn skopeo_pulls_public_images_without_credentials() {
    let sandbox = ghcr().await;
    let image = single("public");
    image.put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    sandbox.set_public(REPOSITORY, true);
    let name = format!("docker://{}/{REPOSITORY}:v1", sandbox.host());
    let raw = run("skopeo", &["inspect", "--raw", "--no-creds", "--tls-verify=false", &name]);
    assert_eq!(Digest::of(raw.as_bytes()), *image.digest());
}
