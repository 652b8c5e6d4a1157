//! A release of this action, as `.github/workflows/release.yml` makes it: its scripts on real git repositories, and its
//! pushes, under the action's own policy, on the sandbox.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use ghcr_lifecycle::sandbox::SampleImage;
use tempfile::TempDir;

use super::step::{Step, ghcr};
use crate::{
    git::{Repository, git},
    programs::run,
};

/// The image whose digest a release's commit names here.
const IMAGE: &str =
    "ghcr.io/ghcr-lifecycle/ghcr-lifecycle@sha256:4b825dc642cb6eb9a060e54bf8d69288fbee4904d4a1e4e1c0e4f0ed0e8c7e9a";

/// The package of the action itself.
const PACKAGE: &str = "ghcr-lifecycle/ghcr-lifecycle";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A repository with the action's metadata on main, and an empty remote.
struct Source {
    clone: Repository,
    remote: TempDir,
}

impl Source {
    fn new() -> Self {
        let remote = tempfile::tempdir().unwrap();
        run(git(remote.path()).args(["init", "--quiet", "--bare"]));
        let clone = Repository::new();
        fs::write(clone.path().join("README.md"), "# action\n").unwrap();
        // A release's own tree has its image there.
        let action: String = fs::read_to_string(root().join("action.yml"))
            .unwrap()
            .lines()
            .map(
                |line| if line.starts_with("  image: ") { "  image: Dockerfile\n".into() } else { format!("{line}\n") },
            )
            .collect();
        fs::write(clone.path().join("action.yml"), action).unwrap();
        clone.git(&["add", "."]);
        clone.commit("action: everything");
        clone.git(&["remote", "add", "origin", remote.path().to_str().unwrap()]);
        clone.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
        Self { clone, remote }
    }

    /// Calls a script of `.ci` in the repository.
    fn script(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(root().join(".ci").join(name));
        command.env_clear().env("PATH", env::var("PATH").unwrap()).env("HOME", self.clone.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        command.args(arguments).current_dir(self.clone.path()).stdin(Stdio::null()).output().unwrap()
    }

    #[track_caller]
    fn succeed(&self, name: &str, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.script(name, arguments);
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap().trim().to_owned()
    }

    /// Calls a script that fails, and returns what it says.
    #[track_caller]
    fn fail(&self, name: &str, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.script(name, arguments);
        assert_eq!(status.code(), Some(1), "{}", String::from_utf8_lossy(&stdout));
        String::from_utf8(stderr).unwrap().trim().to_owned()
    }

    /// Makes a release's commit on HEAD and puts its tag there.
    #[track_caller]
    fn release(&self, tag: &str) -> String {
        let commit = self.succeed("release-commit", &[tag, IMAGE]);
        self.succeed("release-tag", &[tag, &commit]);
        commit
    }

    /// What a git tag of the remote points at, or nothing.
    fn remote_tag(&self, tag: &str) -> String {
        let reference = format!("refs/tags/{tag}");
        run(git(self.remote.path()).args(["for-each-ref", "--format=%(objectname)", &reference]))
    }
}

#[test]
fn a_releases_commit_differs_in_one_line_and_comes_out_the_same_again() {
    let source = Source::new();
    let commit = source.succeed("release-commit", &["v1.2.3", IMAGE]);
    let git = |arguments: &[&str]| source.clone.git(arguments);
    assert_eq!(git(&["rev-parse", &format!("{commit}^")]), git(&["rev-parse", "HEAD"]));
    let changes = git(&["diff", "--unified=0", "--no-color", "HEAD", &commit]);
    let lines: Vec<_> = changes.lines().filter(|line| line.starts_with(['-', '+'])).map(str::to_owned).collect();
    let expected = [
        "--- a/action.yml".to_owned(),
        "+++ b/action.yml".to_owned(),
        "-  image: Dockerfile".to_owned(),
        format!("+  image: docker://{IMAGE}"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(git(&["status", "--porcelain"]), "", "the work tree is left alone");
    assert_eq!(source.succeed("release-commit", &["v1.2.3", IMAGE]), commit);
    // Another machine, another time: what the commit is made of is all that counts.
    let other = Source { clone: Repository::new(), remote: tempfile::tempdir().unwrap() };
    other.clone.git(&["fetch", "--quiet", source.remote.path().to_str().unwrap(), "main"]);
    other.clone.git(&["checkout", "--quiet", "FETCH_HEAD"]);
    assert_eq!(other.succeed("release-commit", &["v1.2.3", IMAGE]), commit);
    assert_ne!(source.succeed("release-commit", &["v1.2.4", IMAGE]), commit);

    for wrong in ["ghcr.io/a/b:v1", "ghcr.io/a/b@sha256:12", "$(id)@sha256:4b82", ""] {
        let said = source.fail("release-commit", &["v1.2.3", wrong]);
        assert!(said.contains("must be named by its digest"), "{said}");
    }
    git(&["checkout", "--quiet", &commit]);
    let said = source.fail("release-commit", &["v1.2.3", IMAGE]);
    assert!(said.contains("is it a release's commit already?"), "{said}");
}

#[test]
fn a_releases_tag_never_moves_and_its_majors_only_forward() {
    let source = Source::new();
    let major = |tag: &str| source.succeed("release-tag", &["--major", tag]);
    let first = source.release("v1.9.0");
    assert_eq!(source.remote_tag("v1.9.0"), first);
    assert_eq!(major("v1.9.0"), "v1 is v1.9.0 now");
    assert_eq!(source.release("v1.9.0"), first, "run again");
    assert_eq!(major("v1.9.0"), "v1 is v1.9.0 already");

    source.clone.commit("action: more");
    let said = source.fail("release-tag", &["v1.9.0", "HEAD"]);
    assert!(said.contains(&format!("v1.9.0 is released already, as commit {first}")), "{said}");
    assert_eq!(source.remote_tag("v1.9.0"), first);

    let second = source.release("v1.10.0");
    assert_eq!(major("v1.10.0"), "v1 is v1.10.0 now");
    assert_eq!(source.remote_tag("v1"), second);
    source.release("v1.9.1");
    assert_eq!(major("v1.9.1"), "v1 stays: v1.10.0 is higher than v1.9.1");
    source.release("v1.11.0-beta.1");
    assert_eq!(major("v1.11.0-beta.1"), "v1.11.0-beta.1 is a pre-release: no tag moves");
    assert_eq!(source.remote_tag("v1"), second);
    source.release("v11.0.0");
    assert_eq!(major("v11.0.0"), "v11 is v11.0.0 now");
    assert_eq!(source.remote_tag("v1"), second);

    assert_eq!(source.fail("release-tag", &["--major", "v2.0.0"]), "error: v2.0.0 is not released yet");
    for wrong in ["main", "v1", "v1.2.3;id", "-v1.2.3"] {
        assert!(source.fail("release-tag", &[wrong, "HEAD"]).contains("a release's tag is like v1.2.3"), "{wrong}");
    }
}

/// A folder with scripts of `.ci` and what they find beside them.
fn tree(scripts: &[&str], files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".ci")).unwrap();
    for script in scripts {
        fs::copy(root().join(".ci").join(script), folder.path().join(".ci").join(script)).unwrap();
    }
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn a_version_is_released_if_manifest_and_changelog_have_it() {
    let plan = |version: &str, manifest: &str, changelog: &str| {
        let manifest = format!("[package]\nname = \"x\"\nversion = \"{manifest}\"\n\n[dependencies]\ny = \"2\"\n");
        let tree = tree(&["release-plan"], &[("Cargo.toml", &manifest), ("CHANGELOG.md", changelog)]);
        let output = Command::new(tree.path().join(".ci/release-plan"))
            .args([version, "notes.md"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        match output.status.success() {
            true => Ok((text(output.stdout), fs::read_to_string(tree.path().join("notes.md")).unwrap())),
            false => Err(text(output.stderr)),
        }
    };
    let changelog = "# Changelog\n\n## [Unreleased]\n\n## [1.3.0-beta.1] - 2026-03-02\n\n### Added\n\n- a thing\n\n\
                     ## [1.2.3] - 2026-03-01\n\n- a fix\n\n[1.2.3]: https://example.com\n";
    let given = plan("1.2.3", "1.2.3", changelog);
    assert_eq!(given, Ok(("tag=v1.2.3\nprerelease=false\n".to_owned(), "- a fix\n".to_owned())));
    let given = plan("1.3.0-beta.1", "1.3.0-beta.1", changelog);
    let text = "### Added\n\n- a thing\n".to_owned();
    assert_eq!(given, Ok(("tag=v1.3.0-beta.1\nprerelease=true\n".to_owned(), text)));

    let refusals = [
        (plan("1.2.3", "1.2.4", changelog), "Cargo.toml has version 1.2.4, and 1.2.3 is to be released"),
        (plan("1.2.4", "1.2.4", changelog), "CHANGELOG.md has no section '## [1.2.4]'"),
        (plan("v1.2.3", "1.2.3", changelog), "must be like 1.2.3 or 1.3.0-beta.1, without a v"),
        (plan("1.2", "1.2", changelog), "must be like 1.2.3"),
        (plan("01.2.3", "01.2.3", changelog), "must be like 1.2.3"),
        (plan("1.2.3\ntag=v6", "1.2.3", changelog), "must be like 1.2.3"),
        (plan("1.2.3-beta.01", "1.2.3-beta.01", changelog), "must be like 1.2.3"),
    ];
    for (given, expected) in refusals {
        let said = given.unwrap_err();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn the_action_of_a_new_program_needs_no_compiler() {
    let action = "name: x\nruns:\n  using: docker\n  image: docker://ghcr.io/a/b@sha256:00\n";
    let tree = tree(&["own-action"], &[("action.yml", action), ("built", "program")]);
    run(Command::new(tree.path().join(".ci/own-action")).args(["built", "target/action"]));
    let read = |name: &str| fs::read_to_string(tree.path().join("target/action").join(name)).unwrap();
    assert_eq!(read("action.yml"), "name: x\nruns:\n  using: docker\n  image: Dockerfile\n");
    assert_eq!(read("ghcr-lifecycle"), "program");
    assert_eq!(
        read("Dockerfile"),
        "FROM scratch\nCOPY ghcr-lifecycle /ghcr-lifecycle\nENTRYPOINT [\"/ghcr-lifecycle\"]\n"
    );
}

/// Packages an image with `.ci/package`, and returns the folder and the archive of the image in it.
fn package(image: &SampleImage) -> (TempDir, PathBuf) {
    let tree = tree(
        &["package"],
        &[("target/package/program/ghcr-lifecycle", "program"), ("LICENSE-MIT", "MIT"), ("LICENSE-APACHE", "Apache")],
    );
    image.write_layout(&tree.path().join("target/package/layout")).unwrap();
    run(git(tree.path()).args(["init", "--quiet"]));
    run(git(tree.path()).args(["commit", "--quiet", "--allow-empty", "--message", "one"]));
    run(Command::new(tree.path().join(".ci/package")).arg("dist"));
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let archive = tree.path().join(format!("dist/image-{architecture}.tar"));
    (tree, archive)
}

#[test]
fn the_same_build_is_packaged_into_the_same_bytes() {
    let image = SampleImage::builder().seed("package").build();
    let (tree, archive) = package(&image);
    let programs = tree
        .path()
        .join(archive.file_name().unwrap().to_str().unwrap().replace("image-", "dist/ghcr-lifecycle-linux-") + ".gz");
    let listed = run(Command::new("tar").args(["--list", "--verbose", "--numeric-owner", "--file"]).arg(&programs));
    let listed: Vec<_> = listed
        .lines()
        .map(|line| {
            format!(
                "{} {} {}",
                &line[..10],
                line.split_whitespace().nth(1).unwrap(),
                line.split_whitespace().last().unwrap()
            )
        })
        .collect();
    assert_eq!(
        listed,
        [
            "drwxr-xr-x 0/0 ./",
            "-rw-r--r-- 0/0 ./LICENSE-APACHE",
            "-rw-r--r-- 0/0 ./LICENSE-MIT",
            "-rw-r--r-- 0/0 ./ghcr-lifecycle"
        ]
    );
    let before = [fs::read(&archive).unwrap(), fs::read(&programs).unwrap()];
    run(Command::new("touch").arg("-d").arg("2001-01-01").arg(tree.path().join("target/package/ghcr-lifecycle")));
    run(Command::new(tree.path().join(".ci/package")).arg("dist"));
    assert_eq!([fs::read(&archive).unwrap(), fs::read(&programs).unwrap()], before);
}

/// Two runs of the workflow's pushes, the second after a failure and of a build that came out otherwise.
#[test]
fn a_release_that_is_run_again_goes_on_with_the_image_that_it_has() {
    let sandbox = ghcr();
    let host = sandbox.host();
    let policy = fs::read_to_string(root().join(".github/ghcr-lifecycle.yml")).unwrap().replace("ghcr.io", &host);
    // On GitHub a stranger's pull follows, which a new package would refuse.
    let policy = policy.replace("visibility: public", "");
    sandbox.change(|state| {
        let now = state.now();
        state.add_source(PACKAGE);
        let id = state.source_mut(PACKAGE).unwrap().publish_release("v0.1.0", now);
        state.source_mut(PACKAGE).unwrap().releases.get_mut(&id).unwrap().body = Some("What is new.\n".to_owned());
    });
    let payload = format!(
        r#"{{"inputs": {{"version": "0.1.0"}}, "ref": "refs/heads/main",
            "repository": {{"full_name": "{PACKAGE}", "default_branch": "main"}}}}"#
    );
    let step = || {
        Step::new()
            .variable("GITHUB_EVENT_NAME", "workflow_dispatch")
            .variable("GITHUB_REPOSITORY", PACKAGE)
            .variable("GITHUB_REF", "refs/heads/main")
            .variable("GITHUB_SHA", "7e83ca2a65d6f90a809c8570c6c905a941b87732")
            .variable("GITHUB_API_URL", &format!("http://{host}"))
            .payload(payload.as_bytes())
            .policy(&policy)
            .to(&sandbox)
            .mode("push")
    };
    let push = |seed: &str| {
        let step = step();
        let mut sources = String::new();
        for architecture in ["amd64", "arm64"] {
            let image = SampleImage::builder().seed(seed).platform(&format!("linux/{architecture}")).build();
            let (_tree, archive) = package(&image);
            let name = format!("image-{architecture}.tar");
            fs::copy(archive, step.path("workspace").join(&name)).unwrap();
            sources.push_str(&format!("oci-archive:{name}\n"));
        }
        let outcome = step.input("source", &sources).succeed();
        assert_eq!(outcome.lines("tag-names"), ["main-7e83ca2"]);
        outcome.outputs["digest"].clone()
    };
    let digest = push("first");
    assert_eq!(push("again"), digest, "the published image goes on");

    let tag =
        || step().input("ref", "refs/tags/v0.1.0").input("source", &format!("{host}/{PACKAGE}@{digest}")).succeed();
    assert_eq!(tag().lines("tag-names"), ["v0.1.0", "v0.1", "v0", "latest"]);
    assert_eq!(tag().outputs["moved"], "", "run again");
    let tags = sandbox.tags(PACKAGE);
    assert_eq!(tags.len(), 5);
    assert!(tags.iter().all(|(_, there)| there.to_string() == digest));
    sandbox.change(|state| {
        let text = state.source(PACKAGE).unwrap().releases.values().next().unwrap().body.clone().unwrap();
        assert!(text.starts_with("What is new.\n") && text.contains(&digest), "{text}");
        assert_eq!(text.matches("Image digests").count(), 1, "{text}");
    });
}
