//! A project on a sandbox: its source repository, the runs that its events start, and the transcript of both.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use ghcr_lifecycle::{
    model::{Digest, Secret},
    sandbox::{
        Auth, Options, SampleImage, Sandbox,
        state::{OwnerKind, SourceRepository, Time, TokenKind, source::NewCommit, tokens::Role},
    },
};
use serde_json::{Value, json};

use super::super::step::{Outcome, Step, TOKEN, layout, policy};

const POLICY: &str = ".github/ghcr-lifecycle.yml";

/// A project and what has been told of it.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    /// Docker Hub's place.
    pub(super) elsewhere: Sandbox,
    name: &'static str,
    repository: &'static str,
    branch: &'static str,
    policy: String,
    packages: Vec<String>,
    /// The files of the default branch beside the policy.
    files: BTreeMap<String, String>,
    /// What a digest is called in the transcript.
    contents: BTreeMap<String, String>,
    held: BTreeMap<String, String>,
    transcript: String,
    runs: u64,
    journal: Option<PathBuf>,
    /// Steps whose journals later ones read.
    past: Vec<Step>,
}

/// What a run is started with.
pub(super) struct Event {
    name: &'static str,
    git_ref: String,
    commit: String,
    payload: Value,
}

impl Stage {
    /// A project without commits, with the policy of this name.
    pub(super) fn new(name: &'static str, repository: &'static str, kind: OwnerKind, branch: &'static str) -> Self {
        let owner = repository.split('/').next().unwrap().to_owned();
        let options =
            Options { owners: vec![(owner, kind)], ..Options::ghcr("ghp_nobodysToken00000000000000000000000000") };
        let sandbox = Sandbox::start_blocking(options).unwrap();
        let elsewhere = Sandbox::start_blocking(Options::plain(Auth::None)).unwrap();
        let policy = policy(name, &sandbox.host()).replace("docker.io", &elsewhere.host());
        let packages = policy
            .lines()
            .filter_map(|line| line.split_once(&format!("{}/", sandbox.host())))
            .map(|(_, package)| package.trim_end_matches(']').to_owned());
        let packages = packages.collect();
        sandbox.freeze("2026-01-05T09:00:00Z".parse().unwrap());
        sandbox.change(|state| state.add_source(repository).default_branch = branch.to_owned());
        let token = Secret::new(TOKEN).unwrap();
        sandbox.add_token(token, TokenKind::Workflow { repository: repository.to_owned(), packages: Role::Write });
        let stage = Self {
            sandbox,
            elsewhere,
            name,
            repository,
            branch,
            policy,
            packages,
            files: BTreeMap::new(),
            contents: BTreeMap::new(),
            held: BTreeMap::new(),
            transcript: String::new(),
            runs: 0,
            journal: None,
            past: Vec::new(),
        };
        stage.commit(branch, "the policy");
        stage
    }

    /// Lets time go by until then.
    pub(super) fn at(&mut self, time: &str) -> &mut Self {
        let time: Time = time.parse().unwrap();
        assert!(time >= self.sandbox.now(), "time runs forward");
        self.sandbox.freeze(time);
        self
    }

    /// Changes the source repository.
    pub(super) fn source<R>(&self, change: impl FnOnce(&mut SourceRepository, Time) -> R) -> R {
        let now = self.sandbox.now();
        self.sandbox.change(|state| change(state.source_mut(self.repository).unwrap(), now))
    }

    /// Commits to a branch; its id is the same in every run of the story. A new branch begins where the default one is.
    pub(super) fn commit(&self, branch: &str, message: &str) -> String {
        let id = Digest::of(format!("{} {branch} {message}", self.repository).as_bytes()).hex()[..40].to_owned();
        self.source(|source, now| {
            let parents = source
                .branch(branch)
                .is_none()
                .then(|| source.branch(&source.default_branch).map(str::to_owned).into_iter().collect());
            let new = NewCommit { id: Some(id.clone()), parents, ..NewCommit::on(branch, message) };
            let files = self.files.iter();
            let new = files.fold(new.file(POLICY, &self.policy), |new, (path, text)| new.file(path, text));
            source.commit(new, now)
        })
    }

    /// Writes a file, which the next commits hold and the work tree of runs.
    pub(super) fn write(&mut self, path: &str, text: &str) {
        let text = text.replace("ghcr.io", &self.sandbox.host());
        self.files.insert(path.to_owned(), text);
    }

    /// Pushes an image by hand: no event, no step.
    pub(super) fn put(&mut self, package: &str, tag: &str, name: &str, image: &SampleImage) {
        self.contents.insert(image.digest().to_string(), name.to_owned());
        image.put_into(&self.sandbox, package, &tag.parse().unwrap());
    }

    /// An image of another account on Docker Hub.
    pub(super) fn put_elsewhere(&mut self, repository: &str, tag: &str, name: &str, image: &SampleImage) {
        self.contents.insert(image.digest().to_string(), name.to_owned());
        image.put_into(&self.elsewhere, repository, &tag.parse().unwrap());
    }

    /// Writes a line of its own into the transcript.
    pub(super) fn tell(&mut self, text: &str) {
        writeln!(self.transcript, "\n{text}").unwrap();
    }

    pub(super) fn push(&self, branch: &str, message: &str) -> Event {
        let commit = self.commit(branch, message);
        self.pushed(format!("refs/heads/{branch}"), commit)
    }

    /// An annotated git tag on a branch's tip, as `git tag -a` makes it.
    pub(super) fn git_tag(&self, tag: &str, branch: &str) -> Event {
        let commit = self.source(|source, now| {
            let commit = source.branch(branch).expect("a branch").to_owned();
            source.annotate_tag(tag, &commit, now);
            commit
        });
        self.pushed(format!("refs/tags/{tag}"), commit)
    }

    fn pushed(&self, git_ref: String, commit: String) -> Event {
        let head = json!({"id": commit, "timestamp": self.sandbox.now().to_string()});
        let payload = json!({"ref": git_ref, "after": commit, "head_commit": head});
        Event { name: "push", git_ref, commit, payload }
    }

    /// A GitHub release that somebody publishes for a branch's tip, with its git tag.
    pub(super) fn release(&self, tag: &str, branch: &str) -> Event {
        let commit = self.source(|source, now| {
            let commit = source.branch(branch).expect("a branch").to_owned();
            source.set_tag(tag, &commit);
            source.publish_release(tag, now);
            commit
        });
        let release =
            json!({"tag_name": tag, "target_commitish": branch, "draft": false, "prerelease": tag.contains('-')});
        let payload = json!({"action": "published", "release": release});
        Event { name: "release", git_ref: format!("refs/tags/{tag}"), commit, payload }
    }

    /// Opens a pull request from a branch of the repository.
    pub(super) fn open(&self, branch: &str) -> (u64, Event) {
        let commit = self.commit(branch, "begin");
        let number = self.source(|source, now| source.open_pull_request(branch, branch, now));
        (number, self.pull_request("opened", number, branch, commit))
    }

    /// Closes it.
    pub(super) fn close(&self, number: u64, branch: &str, merged: bool) -> Event {
        let commit = self.source(|source, now| {
            source.close_pull_request(number, merged, now);
            source.branch(branch).unwrap().to_owned()
        });
        self.pull_request("closed", number, branch, commit)
    }

    fn pull_request(&self, action: &str, number: u64, branch: &str, commit: String) -> Event {
        let repository = json!({"full_name": self.repository});
        let pull = json!({
            "number": number,
            "merged": action == "closed",
            "head": {"ref": branch, "sha": commit, "repo": repository},
            "base": {"ref": self.branch, "repo": repository},
        });
        let payload = json!({"action": action, "number": number, "pull_request": pull});
        Event { name: "pull_request", git_ref: format!("refs/pull/{number}/merge"), commit, payload }
    }

    pub(super) fn schedule(&self) -> Event {
        self.on_default("schedule", json!({"schedule": "0 3 * * 0"}))
    }

    pub(super) fn dispatch(&self) -> Event {
        self.on_default("workflow_dispatch", json!({"inputs": {}}))
    }

    fn on_default(&self, name: &'static str, payload: Value) -> Event {
        let commit = self.source(|source, _| source.branch(self.branch).unwrap().to_owned());
        Event { name, git_ref: format!("refs/heads/{}", self.branch), commit, payload }
    }

    /// The folder with the layout of an image, which the transcript calls `name`.
    pub(super) fn built(&mut self, name: &str, image: &SampleImage) -> (&'static str, String) {
        self.contents.insert(image.digest().to_string(), name.to_owned());
        ("source", layout(image).keep().display().to_string())
    }

    /// Runs the step that an event starts, and tells of it.
    #[track_caller]
    pub(super) fn run(&mut self, headline: &str, event: Event, inputs: &[(&str, String)]) -> Outcome {
        self.run_to(0, headline, event, inputs)
    }

    /// Runs a step that ends with this code.
    #[track_caller]
    pub(super) fn run_to(&mut self, code: i32, headline: &str, event: Event, inputs: &[(&str, String)]) -> Outcome {
        let Event { name, git_ref, commit, mut payload } = event;
        self.runs += 1;
        let (host, now) = (self.sandbox.host(), self.sandbox.now());
        payload["repository"] = json!({
            "full_name": self.repository,
            "default_branch": self.branch,
            "html_url": format!("https://github.com/{}", self.repository),
        });
        let mut step = Step::new()
            .variable("GITHUB_EVENT_NAME", name)
            .variable("GITHUB_REF", &git_ref)
            .variable("GITHUB_SHA", &commit)
            .variable("GITHUB_REPOSITORY", self.repository)
            .variable("GITHUB_RUN_NUMBER", &self.runs.to_string())
            .variable("GITHUB_API_URL", &format!("http://{host}"))
            .variable("SOURCE_DATE_EPOCH", &now.seconds().to_string())
            .payload(payload.to_string().as_bytes())
            .policy(&self.policy)
            .input("ghcr-host", &host)
            .input("github-token", TOKEN)
            .input("pace", "0");
        for (path, text) in &self.files {
            let path = step.path("workspace").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for (name, value) in inputs {
            step = step.input(name, &value.replace("docker.io", &self.elsewhere.host()));
        }
        let outcome = step.fail(code);
        let shown = inputs.iter().map(|(name, value)| match *name {
            "source" => format!("   {name}: {}\n", self.source_name(value)),
            "journal-file" => format!("   {name}: journal.jsonl\n"),
            _ => format!("   {name}: {value}\n"),
        });
        let shown: String = shown.collect();
        writeln!(self.transcript, "\n{}  {headline}\n{shown}", &now.to_string()[..16].replace('T', " ")).unwrap();
        for line in self.said(&outcome).lines() {
            writeln!(self.transcript, "{}", format!("   | {line}").trim_end()).unwrap();
        }
        if code != 0 {
            writeln!(self.transcript, "   exit code {code}").unwrap();
        }
        self.tell_what_changed();
        if let Some(journal) = outcome.outputs.get("journal-file").filter(|path| !path.is_empty()) {
            self.journal = Some(PathBuf::from(journal));
        }
        for package in &self.packages {
            assert_eq!(self.sandbox.incomplete(package), [], "after {headline}\n{outcome}");
        }
        self.past.push(step);
        outcome
    }

    /// The weekly clean-up, which acts.
    #[track_caller]
    pub(super) fn clean_up(&mut self) -> Outcome {
        let event = self.schedule();
        let acts =
            [("mode", "cleanup".to_owned()), ("dry-run", "false".to_owned()), ("max-deletions", "100%".to_owned())];
        self.run("the weekly clean-up", event, &acts)
    }

    /// Takes the last clean-up back, by the journal that it left.
    #[track_caller]
    pub(super) fn restore(&mut self) -> Outcome {
        let journal = self.journal.take().expect("a journal");
        let event = self.dispatch();
        let inputs = [("mode", "restore".to_owned()), ("journal-file", journal.display().to_string())];
        self.run("the clean-up is taken back", event, &inputs)
    }

    /// The tags that are there, `package:tag` by what they point at.
    pub(super) fn held(&self) -> BTreeMap<String, String> {
        let mirrored = self.packages.iter().map(|package| (&self.elsewhere, "docker.io/", package));
        let all = self.packages.iter().map(|package| (&self.sandbox, "", package)).chain(mirrored);
        let tags = all.flat_map(|(sandbox, host, package)| {
            sandbox.tags(package).into_iter().map(move |(tag, digest)| (format!("{host}{package}:{tag}"), digest))
        });
        tags.map(|(tag, digest)| (tag, self.content_of(&digest.to_string()))).collect()
    }

    fn content_of(&self, digest: &str) -> String {
        self.contents.get(digest).cloned().unwrap_or_else(|| digest[..19].to_owned())
    }

    fn tell_what_changed(&mut self) {
        let held = self.held();
        let names: BTreeSet<&String> = held.keys().chain(self.held.keys()).collect();
        let lines = names.into_iter().filter_map(|name| match (self.held.get(name), held.get(name)) {
            (None, Some(content)) => Some(format!("   + {name} = {content}\n")),
            (Some(content), None) => Some(format!("   - {name} (was {content})\n")),
            (Some(before), Some(after)) if before != after => Some(format!("   ~ {name} = {after} (was {before})\n")),
            _ => None,
        });
        let changes: String = lines.collect();
        let counts: Vec<String> = self
            .packages
            .iter()
            .filter_map(|package| {
                let count = self
                    .sandbox
                    .change(|state| state.repository(package).map(|package| package.version_count(false)))?;
                Some(format!("{count} in {package}"))
            })
            .collect();
        writeln!(self.transcript, "\n{changes}   versions: {}", counts.join(", ")).unwrap();
        self.held = held;
    }

    fn source_name(&self, path: &str) -> String {
        let index = fs::read_to_string(PathBuf::from(path).join("index.json")).unwrap_or_default();
        let known = self.contents.iter().find(|(digest, _)| index.contains(*digest));
        known.map_or_else(|| self.named(path), |(_, name)| format!("build/{} (an OCI layout)", name.replace(' ', "-")))
    }

    /// The log of a run, with the names of the real places; the lines of the journal are only counted.
    fn said(&self, outcome: &Outcome) -> String {
        let mut text = self.named(&outcome.stdout);
        for file in ["plan-file", "journal-file"] {
            if let Some(path) = outcome.outputs.get(file).filter(|path| !path.is_empty()) {
                let name = PathBuf::from(path).file_name().unwrap().to_string_lossy().into_owned();
                text = text.replace(path, &name);
            }
        }
        let is_journal = |line: &&str| line.starts_with("journal {");
        let journal = text.lines().filter(is_journal).count();
        let rest = text.lines().filter(|line| !is_journal(line) && !line.starts_with("::add-mask::"));
        let mut said: String = rest.flat_map(|line| [line, "\n"]).collect();
        if journal > 0 {
            writeln!(said, "({journal} lines of the journal)").unwrap();
        }
        said
    }

    /// Puts the names of the real places in.
    fn named(&self, text: &str) -> String {
        text.replace(&self.sandbox.host(), "ghcr.io").replace(&self.elsewhere.host(), "docker.io")
    }

    /// Compares the transcript with the reviewed one.
    #[track_caller]
    pub(super) fn end(self) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../../../fixtures/stories");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(self.name, self.transcript.trim()));
    }
}
