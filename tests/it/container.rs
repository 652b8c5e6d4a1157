//! The action's image, run as the runner runs a container action: its mounts, its environment, its file commands, root
//! in a workspace that belongs to somebody else
//! ([source](https://github.com/actions/runner/blob/main/src/Runner.Worker/Handlers/ContainerActionHandler.cs)).

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::{fs::chown, net::UnixListener},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use ghcr_lifecycle::{
    inputs::INPUTS,
    sandbox::{Auth, Options, SampleImage, Sandbox},
};
use tempfile::TempDir;

use crate::{
    end_to_end::cleanup::shop::{DELETED, PACKAGE, TOKEN, assert_clean, deletions, policy, shop},
    peers::{Access, DockerRegistry, PASSWORD, USERNAME},
    programs::{program, run},
    runner::parse_output_file,
};

/// The user that owns the workspace on hosted runners.
const RUNNER_USER: u32 = 1001;

const POLICY: &str = include_str!("../../fixtures/policies/kyklos.yml");

const PAYLOAD: &str = r#"{
  "action": "opened",
  "number": 17,
  "pull_request": {
    "number": 17,
    "merged": false,
    "merge_commit_sha": null,
    "head": {"ref": "fix/clock", "sha": "1f0c0d0e5a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d", "repo": {"full_name": "kyklos/kyklos"}},
    "base": {"ref": "main", "sha": "9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d", "repo": {"full_name": "kyklos/kyklos"}}
  },
  "repository": {"full_name": "kyklos/kyklos", "html_url": "https://github.com/kyklos/kyklos", "default_branch": "main"}
}"#;

/// The folders that a runner mounts into the container of one step.
struct Runner {
    folder: TempDir,
    _docker_socket: UnixListener,
}

/// What the step left behind.
struct Step {
    exit_code: i32,
    log: String,
    outputs: BTreeMap<String, String>,
    summary: String,
}

impl Runner {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["workspace/.github", "home", "workflow", "file_commands", "runner_temp"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for name in ["set_output_1", "step_summary_1", "set_env_1", "add_path_1", "save_state_1"] {
            fs::write(folder.path().join("file_commands").join(name), "").unwrap();
        }
        let socket = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        Self { folder, _docker_socket: socket }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives the workspace to the runner's user. Without root it already belongs to whoever runs the tests.
    fn hand_over_workspace(&self) {
        let mut waiting = vec![self.path("workspace")];
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
            if is_root() {
                chown(&path, Some(RUNNER_USER), Some(RUNNER_USER)).unwrap();
            }
        }
    }

    fn run(&self, inputs: &[(&str, &str)], event: &[(&str, &str)]) -> Step {
        let output = self.command(inputs, event).output().expect(MISSING);
        let log = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Step {
            exit_code: output.status.code().unwrap_or(-1),
            log,
            outputs: parse_output_file(&fs::read_to_string(self.path("file_commands/set_output_1")).unwrap())
                .unwrap()
                .into_iter()
                .collect(),
            summary: fs::read_to_string(self.path("file_commands/step_summary_1")).unwrap(),
        }
    }

    /// The name of the container, which the runner makes up.
    fn name(&self) -> String {
        let folder = self.folder.path().file_name().unwrap().to_string_lossy();
        format!("ghcr_lifecycle_{}", folder.trim_start_matches('.'))
    }

    fn command(&self, inputs: &[(&str, &str)], event: &[(&str, &str)]) -> Command {
        let image = env::var("GHCR_LIFECYCLE_IMAGE").expect(
            "GHCR_LIFECYCLE_IMAGE must name the image that `tests/package` builds (`localhost/ghcr-lifecycle:test`)",
        );
        self.hand_over_workspace();

        let mut environment = BTreeMap::new();
        for input in INPUTS {
            let default = if input.default.starts_with("${{") { "ghs_of_this_job" } else { input.default };
            environment.insert(input.variable(), default.to_owned());
        }
        for (name, value) in inputs {
            let input = INPUTS.iter().find(|input| input.name == *name).expect("an input of the action");
            environment.insert(input.variable(), (*value).to_owned());
        }
        for (name, value) in RUNNER_ENVIRONMENT.iter().chain(event) {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }

        let mut command = Command::new("podman");
        command.args(["--runtime", "runc", "run", "--name", &self.name(), "--workdir", "/github/workspace", "--rm"]);
        for name in environment.keys() {
            command.args(["-e", name]);
        }
        // The runner replaces HOME too; by value here, because podman keeps its images below its own HOME.
        command.args(["-e", "HOME=/github/home", "-e", "GITHUB_ACTIONS=true", "-e", "CI=true"]);
        // The limits that a container would get by default are more than an unprivileged builder may grant.
        command.args(["--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]);
        for (host, container) in [
            ("docker.sock", "/var/run/docker.sock"),
            ("runner_temp", "/github/runner_temp"),
            ("home", "/github/home"),
            ("workflow", "/github/workflow"),
            ("file_commands", "/github/file_commands"),
            ("workspace", "/github/workspace"),
        ] {
            command.arg("-v").arg(format!("{}:{container}", self.path(host).display()));
        }
        command.arg(image).envs(&environment);
        command
    }
}

/// The policy without what asks more of the image than this test builds, and GitHub's own API.
fn kyklos(host: &str) -> String {
    POLICY.split("\nchecks:").next().unwrap_or_default().replace("ghcr.io", host)
}

const MISSING: &str = "podman must be installed (Debian packages: podman, runc)";

/// What every step finds in its environment, as seen from inside.
const RUNNER_ENVIRONMENT: &[(&str, &str)] = &[
    ("GITHUB_ACTION", "__run"),
    ("GITHUB_ACTOR", "dana"),
    ("GITHUB_API_URL", "https://api.github.com"),
    ("GITHUB_ENV", "/github/file_commands/set_env_1"),
    ("GITHUB_EVENT_PATH", "/github/workflow/event.json"),
    ("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql"),
    ("GITHUB_OUTPUT", "/github/file_commands/set_output_1"),
    ("GITHUB_PATH", "/github/file_commands/add_path_1"),
    ("GITHUB_REPOSITORY", "kyklos/kyklos"),
    ("GITHUB_REPOSITORY_OWNER", "kyklos"),
    ("GITHUB_RUN_ATTEMPT", "1"),
    ("GITHUB_RUN_ID", "1658821493"),
    ("GITHUB_RUN_NUMBER", "3"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_STATE", "/github/file_commands/save_state_1"),
    ("GITHUB_STEP_SUMMARY", "/github/file_commands/step_summary_1"),
    ("GITHUB_WORKFLOW", "build"),
    ("GITHUB_WORKSPACE", "/github/workspace"),
    ("RUNNER_ARCH", "X64"),
    ("RUNNER_OS", "Linux"),
    ("RUNNER_TEMP", "/github/runner_temp"),
    ("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache"),
    ("RUNNER_WORKSPACE", "/home/runner/work/kyklos"),
];

const RELEASE: &[(&str, &str)] = &[
    ("GITHUB_BASE_REF", ""),
    ("GITHUB_EVENT_NAME", "push"),
    ("GITHUB_HEAD_REF", ""),
    ("GITHUB_REF", "refs/tags/v0.1.0"),
    ("GITHUB_REF_NAME", "v0.1.0"),
    ("GITHUB_REF_PROTECTED", "false"),
    ("GITHUB_REF_TYPE", "tag"),
    ("GITHUB_SHA", "1f0c0d0e5a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d"),
];

const SCHEDULE: &[(&str, &str)] = &[
    ("GITHUB_EVENT_NAME", "schedule"),
    ("GITHUB_REF", "refs/heads/main"),
    ("GITHUB_REF_NAME", "main"),
    ("GITHUB_REF_TYPE", "branch"),
    ("GITHUB_REPOSITORY", PACKAGE),
    ("GITHUB_SHA", "1f0c0d0e5a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d"),
];

const PULL_REQUEST: &[(&str, &str)] = &[
    ("GITHUB_BASE_REF", "main"),
    ("GITHUB_EVENT_NAME", "pull_request"),
    ("GITHUB_HEAD_REF", "fix/clock"),
    ("GITHUB_REF", "refs/pull/17/merge"),
    ("GITHUB_REF_NAME", "17/merge"),
    ("GITHUB_REF_PROTECTED", "false"),
    ("GITHUB_REF_TYPE", "branch"),
    ("GITHUB_SHA", "5d4c3b2a1f0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c"),
];

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[test]
fn check_shows_the_rows_of_a_policy() {
    let runner = Runner::new();
    write(&runner.path("workspace/.github/ghcr-lifecycle.yml"), POLICY);
    write(&runner.path("workflow/event.json"), PAYLOAD);
    let step = runner.run(&[("mode", "check")], PULL_REQUEST);
    assert_eq!(step.exit_code, 0, "{}", step.log);
    for row in ["release", "prerelease", "branch main", "branch release/v*", "pull request"] {
        assert!(step.log.contains(row), "no row `{row}` in:\n{}", step.log);
    }
}

#[test]
fn tags_of_a_pull_request_reach_the_output_file() {
    let runner = Runner::new();
    write(&runner.path("workspace/.github/ghcr-lifecycle.yml"), POLICY);
    write(&runner.path("workflow/event.json"), PAYLOAD);
    let step = runner.run(&[("mode", "tags")], PULL_REQUEST);
    assert_eq!(step.exit_code, 0, "{}", step.log);
    assert_eq!(step.outputs["tags"], "ghcr.io/kyklos/kyklos:pr-17");
    assert_eq!(step.outputs["tag-names"], "pr-17");
    assert_eq!(step.outputs["version"], "pr-17");
    let revision = "org.opencontainers.image.revision=1f0c0d0e5a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d";
    assert!(step.outputs["labels"].lines().any(|line| line == revision), "{}", step.outputs["labels"]);
    assert!(step.summary.contains("pr-17"), "{}", step.summary);
    // The command that hides the token names it; the runner takes that line out of the log.
    let shown = step.log.lines().filter(|line| !line.starts_with("::add-mask::"));
    assert!(!shown.clone().any(|line| line.contains("ghs_of_this_job")), "{}", step.log);
    assert!(step.log.contains("::add-mask::ghs_of_this_job"), "{}", step.log);
}

#[test]
fn a_wrong_policy_ends_with_two_and_leaves_no_output() {
    let runner = Runner::new();
    write(&runner.path("workspace/.github/ghcr-lifecycle.yml"), &POLICY.replace("keep: while open", "kep: while open"));
    write(&runner.path("workflow/event.json"), PAYLOAD);
    let step = runner.run(&[("mode", "tags")], PULL_REQUEST);
    assert_eq!(step.exit_code, 2, "{}", step.log);
    assert!(step.log.contains("kep"), "{}", step.log);
    assert!(!step.outputs.contains_key("tags"));
}

#[test]
fn wrong_inputs_end_with_two_and_are_all_named() {
    let runner = Runner::new();
    write(&runner.path("workflow/event.json"), PAYLOAD);
    let step = runner.run(&[("mode", "clean"), ("log-level", "loud")], PULL_REQUEST);
    assert_eq!(step.exit_code, 2, "{}", step.log);
    for input in ["`mode`", "`log-level`"] {
        assert!(step.log.contains(input), "{}", step.log);
    }
}

/// The whole slice: a release, an image of two platforms that a build left in the workspace, a registry with a login.
#[tokio::test]
async fn a_release_is_pushed_from_the_workspace() {
    let registry = DockerRegistry::start(Access::Basic).await;
    let image = format!("{}/kyklos/kyklos", registry.host());
    let runner = Runner::new();
    write(&runner.path("workspace/.github/ghcr-lifecycle.yml"), &kyklos(registry.host()));
    write(
        &runner.path("workflow/event.json"),
        r#"{"ref": "refs/tags/v0.1.0", "created": true, "head_commit": null, "commits": []}"#,
    );
    let sample = SampleImage::builder().platform("linux/amd64").platform("linux/arm64").attestation(true).build();
    sample.write_tar(&runner.path("workspace/image.tar")).unwrap();
    let inputs = [("source", "image.tar"), ("image", &image), ("username", USERNAME), ("password", PASSWORD)];
    let step = runner.run(&inputs, RELEASE);
    assert_eq!(step.exit_code, 0, "{}", step.log);
    assert_eq!(step.outputs["digest"], sample.digest().to_string());
    assert_eq!(step.outputs["tag-names"], "v0.1.0\nv0.1\nv0\nlatest");
    assert_eq!(step.outputs["moved"].lines().count(), 4);
    assert!(step.outputs["digests"].contains("\"linux/arm64\":\"sha256:"), "{}", step.outputs["digests"]);
    assert!(step.summary.contains("latest"), "{}", step.summary);
    for tag in ["v0.1.0", "v0.1", "v0", "latest"] {
        let raw = run(program("skopeo", "skopeo")
            .args(["inspect", "--raw", "--tls-verify=false", "--creds", &format!("{USERNAME}:{PASSWORD}")])
            .arg(format!("docker://{image}:{tag}")));
        assert_eq!(ghcr_lifecycle::model::Digest::of(raw.as_bytes()), *sample.digest(), "{tag}");
    }
    // What root wrote for the runner is nothing but the files of the step.
    let again = runner.run(&inputs, RELEASE);
    assert_eq!(again.exit_code, 0, "{}", again.log);
    assert_eq!(again.outputs["digest"], sample.digest().to_string());
}

/// A job that is cancelled: the process is PID 1 of its container, which dies of no signal that it does not ask for.
#[test]
fn a_clean_up_that_is_told_to_end_ends_in_good_order() {
    let sandbox = shop();
    let runner = Runner::new();
    write(&runner.path("workspace/.github/ghcr-lifecycle.yml"), &policy(&[PACKAGE], &sandbox.host()));
    let payload = r#"{"schedule": "0 4 * * 1", "repository": {"full_name": "acme/shop", "default_branch": "main"}}"#;
    write(&runner.path("workflow/event.json"), payload);
    let (host, api) = (sandbox.host(), format!("http://{}", sandbox.host()));
    let event: Vec<(&str, &str)> = SCHEDULE.iter().copied().chain([("GITHUB_API_URL", &*api)]).collect();
    let inputs = [("mode", "cleanup"), ("dry-run", "false"), ("ghcr-host", &*host), ("github-token", TOKEN)];
    let (name, count) = (runner.name(), AtomicUsize::new(0));
    sandbox.on_request(move |request| {
        let is_it = request.method == "DELETE" && count.fetch_add(1, Ordering::SeqCst) == 2;
        let name = name.clone();
        async move {
            if is_it {
                let kill = move || Command::new("podman").args(["kill", "--signal", "TERM", &name]).status();
                let killed = tokio::task::spawn_blocking(kill).await.unwrap().expect(MISSING);
                assert!(killed.success());
                // The answer must not come before the signal.
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    });
    let step = runner.run(&inputs, &event);
    sandbox.clear_hook();
    assert_eq!(step.exit_code, 0, "{}", step.log);
    assert_eq!(deletions(&sandbox), 3, "{}", step.log);
    assert_eq!(step.outputs["remaining"], (DELETED + 1 - 3).to_string(), "{}", step.log);
    assert!(step.log.contains("SIGTERM ended the run in good order"), "{}", step.log);
    assert_eq!(step.log.matches("journal {\"at\":").count(), 6, "{}", step.log);
    // The journal is where the step's output says that later steps find it.
    let journal = step.outputs["journal-file"].strip_prefix("/home/runner/work/_temp/").unwrap().to_owned();
    assert_eq!(fs::read_to_string(runner.path("runner_temp").join(journal)).unwrap().lines().count(), 6);
    assert_eq!(runner.run(&inputs, &event).exit_code, 0);
    assert_clean(&sandbox);
}

/// A package's life in one workspace: what one step leaves there, root's files in a folder of somebody else, the next one reads.
#[test]
fn every_mode_about_packages_runs_in_the_image() {
    let sandbox = shop();
    let copy = Sandbox::start_blocking(Options::plain(Auth::None)).unwrap();
    let runner = Runner::new();
    write(&runner.path("workspace/.github/ghcr-lifecycle.yml"), &policy(&[PACKAGE], &sandbox.host()));
    let payload = r#"{"schedule": "0 4 * * 1", "repository": {"full_name": "acme/shop", "default_branch": "main"}}"#;
    write(&runner.path("workflow/event.json"), payload);
    let (host, api) = (sandbox.host(), format!("http://{}", sandbox.host()));
    let event: Vec<(&str, &str)> = SCHEDULE.iter().copied().chain([("GITHUB_API_URL", &*api)]).collect();
    let before = sandbox.tags(PACKAGE);
    let run = |mode: &str, inputs: &[(&str, &str)]| {
        let always = [("mode", mode), ("ghcr-host", &*host), ("github-token", TOKEN), ("pace", "0")];
        let step = runner.run(&[&always, inputs].concat(), &event);
        assert_eq!(step.exit_code, 0, "{mode}: {}", step.log);
        step
    };

    assert!(run("doctor", &[]).summary.contains("acme/shop"));
    assert!(run("discover", &[]).outputs["matrix"].contains("acme/shop"));
    let plan = run("plan", &[("plan-file", "plan.json"), ("report-file", "report.html"), ("cache-dir", "cache")]);
    assert_eq!(plan.outputs["remaining"], (DELETED + 1).to_string(), "{}", plan.log);
    assert!(fs::read_to_string(runner.path("workspace/report.html")).unwrap().contains("acme/shop"));
    run("cleanup", &[]);
    assert_eq!(sandbox.tags(PACKAGE), before);
    run("apply", &[("plan-file", "plan.json"), ("journal-file", "journal.jsonl"), ("cache-dir", "cache")]);
    assert_clean(&sandbox);
    let (from, to) = (format!("{host}/{PACKAGE}"), format!("{}/{PACKAGE}", copy.host()));
    run("mirror", &[("source", &from), ("image", &to)]);
    let sorted = |mut tags: Vec<_>| {
        tags.sort();
        tags
    };
    assert_eq!(sorted(copy.tags(PACKAGE)), sorted(sandbox.tags(PACKAGE)));
    run("restore", &[("journal-file", "journal.jsonl")]);
    assert_eq!(sorted(sandbox.tags(PACKAGE)), sorted(before));
}
