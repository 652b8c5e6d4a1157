//! The first plan of somebody who has never seen this: `sandbox --demo` in the background, then `plan --sandbox`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

fn ghcr_lifecycle(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle"));
    command.arg0("ghcr-lifecycle").args(arguments).env_clear().current_dir(folder);
    command
}

/// A sandbox in the background; dropping it kills it.
struct Background {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Background {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = ghcr_lifecycle(folder, &[&["sandbox", "--demo"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Waits for the line that says where it is.
    fn place(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Ends it by a signal, which is its good end, and returns what it said to people.
    fn end(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        let (mut more, mut said) = (String::new(), String::new());
        self.output.read_to_string(&mut more).unwrap();
        assert_eq!(more, "", "standard output has one line");
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn texts(output: Output) -> (String, String) {
    let (text, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{text}\n{errors}");
    (text, errors)
}

/// Holds what a person sees of both commands; only the port differs from run to run.
fn assert_screen(name: &str, host: &str, said: &str, plan: &str) {
    let next = said.lines().last().unwrap().trim();
    assert_eq!(next, format!("ghcr-lifecycle plan --sandbox {host}"));
    let screen = format!("$ ghcr-lifecycle sandbox --demo &\n{said}\n$ {next}\n{plan}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/first-plan"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, screen.replace(host, "127.0.0.1:PORT")));
}

/// A folder with this repository's own policy, where a plan can be written.
fn clone() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".github")).unwrap();
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/ghcr-lifecycle.yml");
    fs::copy(policy, folder.path().join(".github/ghcr-lifecycle.yml")).unwrap();
    folder
}

/// The second command is typed before the first one answers.
#[test]
fn two_commands_lead_to_a_plan_under_the_repository_s_policy() {
    let folder = clone();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let mut sandbox = Background::start(folder.path(), &["--listen", &host]);
    let (plan, errors) = texts(ghcr_lifecycle(folder.path(), &["plan", "--sandbox", &host]).output().unwrap());
    assert!(errors.lines().all(|line| line.starts_with("waiting for the sandbox at ")), "{errors}");
    assert_eq!(sandbox.place()["api"], format!("http://{host}"));
    assert_screen("own-policy", &host, &sandbox.end(), &plan);
    assert!(folder.path().join("plan.json").exists());
}

#[test]
fn a_folder_without_a_policy_has_the_demo_s() {
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = Background::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let place = sandbox.place();
    let host = place["registry"].as_str().unwrap().to_owned();
    assert_eq!(place["api"], format!("http://{host}"));
    let there = |arguments: &[&str]| {
        let arguments = [arguments, &["--sandbox", &host]].concat();
        // A token for GitHub is not sent there, where nobody knows it.
        texts(ghcr_lifecycle(folder.path(), &arguments).env("GITHUB_TOKEN", "ghp_of_github").output().unwrap())
    };
    let (plan, errors) = there(&["plan"]);
    assert_eq!(errors, "");
    // The names that GHCR knows are the sandbox's.
    let (discovered, _) = there(&["discover", "--packages", "ghcr.io/kyklos/*"]);
    assert!(discovered.contains("kyklos"), "{discovered}");
    assert!(there(&["doctor"]).0.contains(&host));
    let (tags, _) = there(&["tags", "--ref", "v2.0.0"]);
    assert!(tags.contains(&format!("\n{host}/kyklos/kyklos\n")) && tags.contains("after 1.0.1"), "{tags}");
    // What goes comes back, by the command that the clean-up names.
    let arguments = ["cleanup", "--dry-run", "false", "--max-deletions", "400", "--pace", "0"];
    let gone: Value = serde_json::from_str(&there(&[&arguments[..], &["--format", "json"]].concat()).0).unwrap();
    assert!(plan.contains(&format!("  {} of {} versions go", gone["deleted"], gone["versions"])), "{gone}");
    there(&["restore", "--journal-file", "journal.jsonl", "--pace", "0"]);
    let (again, _) = there(&["plan", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap()["versions"], gone["versions"]);
    let (told, _) = there(&arguments);
    assert!(told.contains(&format!("`ghcr-lifecycle restore --journal-file PATH --sandbox {host}`")), "{told}");
    assert_screen("embedded-policy", &host, &sandbox.end(), &plan);
}

#[test]
fn a_run_on_a_sandbox_talks_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".github")).unwrap();
    let policy = "version: 1\nimages: [ghcr.io/acme/shop, docker.io/acme/shop, docker.io/acme/door]\ntags:\n  - {on: \
                  release, tag: \"{{version}}\"}\nmirrors:\n  - {image: docker.io/acme/copy}\n";
    fs::write(folder.path().join(".github/ghcr-lifecycle.yml"), policy).unwrap();
    let mut sandbox = Background::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let host = sandbox.place()["registry"].as_str().unwrap().to_owned();
    let arguments = ["tags", "--ref", "v9.0.0", "--image", "all", "--sandbox", &host];
    let (tags, errors) = texts(ghcr_lifecycle(folder.path(), &arguments).output().unwrap());
    assert!(errors.contains("the mirror docker.io/acme/copy is left out"), "{errors}");
    let names: Vec<&str> = tags.lines().filter(|line| line.contains("/acme/")).collect();
    assert_eq!(names, [format!("{host}/acme/door"), format!("{host}/acme/shop")], "{tags}");
    sandbox.end();
}

#[test]
fn what_is_no_sandbox_of_this_machine_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["plan", "--sandbox", "192.0.2.7:4427"][..], "no address of this machine alone"),
        (&["plan", "--sandbox", "ghcr.io"], "no address with a port"),
        (&["plan", "--sandbox", "--ghcr-host", "127.0.0.1:5000"], "in the place of `ghcr-host`"),
        (&["tags", "--sandbox", "--images", "ghcr.io/acme/shop"], "is for a policy"),
        (&["init", "--sandbox"], "unexpected argument"),
        (&["sandbox", "--demo", "--data", "x"], "kept in memory"),
        (&["sandbox", "--policy", "x.yml"], "add `--demo`"),
    ] {
        let output = ghcr_lifecycle(folder.path(), arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(words), "{arguments:?}: {errors}");
    }
}

/// The section has the two commands, and below them lines of what they show, in their order; `…` is for others.
#[test]
fn the_readme_shows_the_first_plan() {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let readme = read("README.md");
    let section = readme.split("\n## A first plan\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = |language: &str| {
        let fence = format!("```{language}\n");
        section.split(&fence).nth(1).unwrap().split("```").next().unwrap()
    };
    assert_eq!(block("sh"), "cargo run --release -- sandbox --demo &\ncargo run --release -- plan --sandbox\n");
    let screen = read("fixtures/first-plan/own-policy.snap");
    let mut rest = screen.as_str();
    for part in block("console").replace("127.0.0.1:4427", "127.0.0.1:PORT").split("  …\n") {
        let at = rest.find(part).unwrap_or_else(|| panic!("nobody sees this there:\n{part}"));
        assert!(rest[..at].ends_with('\n'), "a line is cut: {part}");
        rest = &rest[at + part.len()..];
    }
}
