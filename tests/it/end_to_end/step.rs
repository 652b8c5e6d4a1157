//! One step of a workflow, or one call at a terminal, from its event to what it left behind.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use ghcr_lifecycle::{
    inputs::INPUTS,
    sandbox::{Options, SampleImage, Sandbox, requests::RequestInfo},
};
use tempfile::TempDir;

use crate::runner::{parse_log_commands, parse_output_file};

/// The package of every policy here.
pub(super) const REPOSITORY: &str = "kyklos/kyklos";

/// The token that sandboxes of these tests take.
pub(super) const TOKEN: &str = "ghs_endToEnd0000000000000000000000000000";

/// No step here has more to do than a few seconds' work.
const LONGEST: Duration = Duration::from_secs(60);

/// The process of a step while it runs, for those who want to end it.
pub(super) type Slot = Arc<Mutex<Option<Child>>>;

/// A step that can be run any number of times.
pub(super) struct Step {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    arguments: Vec<String>,
    input: Option<String>,
}

/// What a run left behind.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The exit code; none if the process was ended by a signal.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) outputs: BTreeMap<String, String>,
    /// The environment of later steps.
    pub(super) environment: BTreeMap<String, String>,
    pub(super) summary: String,
}

impl Step {
    /// A step of a workflow without an event yet.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["workspace/.github", "home"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut variables = BTreeMap::from(
            [
                ("CI", "true".to_owned()),
                ("GITHUB_ACTIONS", "true".to_owned()),
                // Nobody listens there: a step that asks the API without need fails.
                ("GITHUB_API_URL", "http://127.0.0.1:1".to_owned()),
                ("GITHUB_ENV", path("env")),
                ("GITHUB_OUTPUT", path("output")),
                ("GITHUB_STEP_SUMMARY", path("summary")),
                ("GITHUB_WORKSPACE", path("workspace")),
                ("HOME", path("home")),
                ("RUNNER_TEMP", path("temp")),
                // 2026-03-01T12:00:00Z
                ("SOURCE_DATE_EPOCH", "1772366400".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        for input in INPUTS {
            let default = if input.default.starts_with("${{") { "" } else { input.default };
            variables.insert(input.variable(), default.to_owned());
        }
        Self { folder, variables, arguments: Vec::new(), input: None }
    }

    /// A step under an event of `fixtures/events`.
    pub(super) fn on(event: &str) -> Self {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events").join(event);
        let mut step = Self::new();
        let environment = fs::read_to_string(fixture.join("env")).unwrap();
        for (name, value) in environment.lines().filter_map(|line| line.split_once('=')) {
            step = step.variable(name, value);
        }
        match fs::read(fixture.join("payload.json")) {
            Ok(payload) => step.payload(&payload),
            Err(_) => step,
        }
    }

    /// A step that pushes a release of Kyklos to a sandbox.
    pub(super) fn release(version: &str, sandbox: &Sandbox, source: &Path) -> Self {
        let event = format!("push-kyklos-tag-{version}");
        Self::on(&event).policy(&kyklos(&sandbox.host())).to(sandbox).mode("push").source(source)
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn without(mut self, variable: &str) -> Self {
        self.variables.remove(variable);
        self
    }

    pub(super) fn input(self, name: &str, value: &str) -> Self {
        let input = INPUTS.iter().find(|input| input.name == name).expect("an input of the action");
        self.variable(&input.variable(), value)
    }

    pub(super) fn mode(self, mode: &str) -> Self {
        self.input("mode", mode)
    }

    pub(super) fn source(self, source: &Path) -> Self {
        self.input("source", &source.display().to_string())
    }

    /// Makes the sandbox the GHCR of the step.
    pub(super) fn to(self, sandbox: &Sandbox) -> Self {
        self.input("ghcr-host", &sandbox.host()).input("github-token", sandbox.token())
    }

    pub(super) fn policy(self, text: &str) -> Self {
        fs::write(self.path("workspace/.github/ghcr-lifecycle.yml"), text).unwrap();
        self
    }

    pub(super) fn payload(self, bytes: &[u8]) -> Self {
        let path = self.path("event.json");
        fs::write(&path, bytes).unwrap();
        self.variable("GITHUB_EVENT_PATH", &path.display().to_string())
    }

    /// Makes it a call at a terminal, in the workspace, with the event's variables.
    pub(super) fn at_terminal(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.variables.retain(|name, _| !name.starts_with("INPUT_"));
        self.without("GITHUB_ACTIONS").without("CI").without("GITHUB_OUTPUT").without("GITHUB_STEP_SUMMARY")
    }

    pub(super) fn standard_input(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the step to its end.
    #[track_caller]
    pub(super) fn run(&self) -> Outcome {
        self.run_in(&Slot::default())
    }

    /// Runs the step and wants it to succeed.
    #[track_caller]
    pub(super) fn succeed(&self) -> Outcome {
        let outcome = self.run();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        outcome
    }

    /// Runs the step and wants it to end with this code.
    #[track_caller]
    pub(super) fn fail(&self, code: i32) -> Outcome {
        let outcome = self.run();
        assert_eq!(outcome.code, Some(code), "{outcome}");
        outcome
    }

    /// Runs the step to its end, its process in `slot` meanwhile.
    #[track_caller]
    pub(super) fn run_in(&self, slot: &Slot) -> Outcome {
        for name in ["env", "output", "summary"] {
            fs::write(self.path(name), "").unwrap();
        }
        let file = |name: &str| File::create(self.path(name)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle"));
        command.args(&self.arguments).env_clear().envs(&self.variables).current_dir(self.path("workspace"));
        command.stdout(file("stdout")).stderr(file("stderr"));
        match &self.input {
            Some(text) => {
                fs::write(self.path("stdin"), text).unwrap();
                command.stdin(File::open(self.path("stdin")).unwrap());
            }
            None => {
                command.stdin(Stdio::null());
            }
        }
        // Whoever wants to end it waits until it is there to be ended.
        let mut running = slot.lock().unwrap();
        *running = Some(command.spawn().unwrap());
        drop(running);
        let started = Instant::now();
        let status = loop {
            let mut running = slot.lock().unwrap();
            let child = running.as_mut().expect("only this loop takes it away");
            let ended = child.try_wait().unwrap();
            let too_long = started.elapsed() > LONGEST;
            if ended.is_none() && too_long {
                let _ = child.kill();
                let _ = child.wait();
            }
            if ended.is_some() || too_long {
                *running = None;
                break ended;
            }
            drop(running);
            thread::sleep(Duration::from_millis(4));
        };
        let read = |name: &str| String::from_utf8(fs::read(self.path(name)).unwrap()).unwrap();
        let (stdout, stderr, summary) = (read("stdout"), read("stderr"), read("summary"));
        let status = status.unwrap_or_else(|| panic!("still running after {LONGEST:?}\n{stdout}\n{stderr}"));
        let outputs = parse_output_file(&read("output"))
            .unwrap_or_else(|problem| panic!("the runner would refuse the outputs: {problem}\n{stdout}\n{stderr}"));
        let environment = parse_output_file(&read("env")).unwrap().into_iter().collect();
        let outputs = outputs.into_iter().collect();
        let outcome = Outcome { code: status.code(), stdout, stderr, outputs, environment, summary };
        self.assert_well_formed(&outcome);
        outcome
    }

    /// Asserts what holds for every run, whatever it met.
    #[track_caller]
    fn assert_well_formed(&self, outcome: &Outcome) {
        assert!(matches!(outcome.code, None | Some(0..=2)), "{outcome}");
        let secrets = ["github-token", "password"].map(|name| {
            let input = INPUTS.iter().find(|input| input.name == name).unwrap();
            self.variables.get(&input.variable()).map(String::as_str).unwrap_or_default()
        });
        for secret in secrets.into_iter().chain(self.input.as_deref()).filter(|secret| !secret.is_empty()) {
            let hidden =
                |text: &str| !text.lines().any(|line| line.contains(secret) && !line.starts_with("::add-mask::"));
            let outputs: String = outcome.outputs.values().map(String::as_str).collect();
            assert!(
                hidden(&outcome.stdout) && hidden(&outcome.stderr) && hidden(&outcome.summary) && hidden(&outputs),
                "a secret is shown: {outcome}"
            );
        }
        if !self.variables.contains_key("GITHUB_ACTIONS") {
            return;
        }
        assert_eq!(parse_log_commands(&outcome.stderr), [], "{outcome}");
        for command in parse_log_commands(&outcome.stdout) {
            assert!(
                ["add-mask", "error", "warning", "notice"].contains(&command.name.as_str()),
                "{command:?}\n{outcome}"
            );
        }
    }
}

impl Outcome {
    /// The lines of an output.
    #[track_caller]
    pub(super) fn lines(&self, output: &str) -> Vec<&str> {
        let value = self.outputs.get(output).unwrap_or_else(|| panic!("no output `{output}`\n{self}"));
        value.lines().collect()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr, outputs, environment: _, summary: _ } = self;
        write!(formatter, "exit code {code:?}\n{stdout}\n{stderr}\n{outputs:?}")
    }
}

/// The policy of Kyklos, for another registry. Without `checks` and `release-notes`, which ask for a certain image and for
/// GitHub's API: they have tests of their own.
pub(super) fn kyklos(host: &str) -> String {
    let text = policy("kyklos", host);
    text.split("\nchecks:").next().unwrap_or_default().to_owned()
}

/// A policy of `fixtures/policies`, for another registry.
pub(super) fn policy(name: &str, host: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/policies/{name}.yml"));
    fs::read_to_string(path).unwrap().replace("ghcr.io", host)
}

pub(super) fn ghcr() -> Sandbox {
    Sandbox::start_blocking(Options::ghcr(TOKEN)).unwrap()
}

/// A two-platform index with attestations.
pub(super) fn index(seed: &str) -> SampleImage {
    SampleImage::builder().seed(seed).platform("linux/amd64").platform("linux/arm64").attestation(true).build()
}

/// An image for one platform.
pub(super) fn single(seed: &str) -> SampleImage {
    SampleImage::builder().seed(seed).build()
}

/// A folder with the layout of an image.
pub(super) fn layout(image: &SampleImage) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    image.write_layout(folder.path()).unwrap();
    folder
}

/// The tags of a package of a sandbox with their digests, in the order of their names.
pub(super) fn tags(sandbox: &Sandbox) -> BTreeMap<String, String> {
    sandbox.tags(REPOSITORY).into_iter().map(|(tag, digest)| (tag.to_string(), digest.to_string())).collect()
}

/// The requests that may have changed something.
pub(super) fn writes(sandbox: &Sandbox) -> Vec<RequestInfo> {
    sandbox.requests().into_iter().filter(RequestInfo::is_write).collect()
}

/// Does the same to many things, a few at once: most of the time goes by in waiting.
pub(super) fn each<T: Send>(things: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
    let things: Mutex<Vec<T>> = Mutex::new(things.into_iter().collect());
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let next = things.lock().unwrap().pop();
                    match next {
                        Some(thing) => work(thing),
                        None => return,
                    }
                }
            });
        }
    });
}
