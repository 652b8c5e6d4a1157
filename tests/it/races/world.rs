//! An embedded registry with a published image, two runs of `push`, and where the tags belong when both are done.

use std::cell::Cell;

use chrono::DateTime;
use ghcr_lifecycle::{
    adapters::{
        http::{HttpClient, HttpOptions},
        registry::{CredentialOptions, RegistryClient},
        sources::LayoutSource,
    },
    app::{
        plan::{Job, WhenEmpty},
        push::push,
    },
    event::{Context, EventKind, RepositoryFacts, Subject},
    model::{Digest, ImageName, Tag},
    policy::metadata::{Items, MetadataInputs},
    policy::{config, rules::Policy},
    report::Report,
    sandbox::{Auth, Options, SampleImage, Sandbox},
};
use tempfile::TempDir;

use super::{
    history::Line,
    schedule::{Client, Gate, Schedule},
};

/// What a run is about.
pub(super) struct Run {
    subject: Subject,
    commit: usize,
}

impl Run {
    pub(super) fn new(subject: Subject, commit: usize) -> Self {
        Self { subject, commit }
    }
}

/// An image that is there before the runs begin.
struct Published {
    name: String,
    image: SampleImage,
    tags: Vec<Tag>,
}

pub(super) struct World<'a> {
    sandbox: Sandbox,
    policy: Policy,
    history: &'a Line,
    runs: [Run; 2],
    clients: [HttpClient; 2],
    folder: TempDir,
    published: Vec<Published>,
    /// How many repositories were used: each schedule has one of its own.
    repositories: Cell<usize>,
    /// Whether images say by labels what they are.
    pub(super) labels: bool,
    /// Whether blobs and manifests are there before the runs begin, so that only tags are written.
    pub(super) stage_first: bool,
    /// Where tags must be: on `a`, `b`, or an image that was there before.
    pub(super) wanted: Vec<(&'static str, &'static str)>,
    /// Where tags may be.
    pub(super) allowed: Vec<(&'static str, &'static [&'static str])>,
}

impl<'a> World<'a> {
    pub(super) async fn new(policy: &str, history: &'a Line, runs: [Run; 2]) -> Self {
        let text = std::fs::read_to_string(format!("fixtures/policies/{policy}.yml")).unwrap();
        let options = Options { auth: Auth::None, ..Options::default() };
        let clients = Client::BOTH.map(|client| {
            let user_agent = format!("ghcr-lifecycle/0 ({})", client.name());
            HttpClient::new(&HttpOptions { user_agent, ..HttpOptions::default() }).unwrap()
        });
        Self {
            sandbox: Sandbox::start(options).await.unwrap(),
            // Its images are none of the real builds.
            policy: Policy { checks: None, ..config::parse(&text).unwrap() },
            history,
            runs,
            clients,
            folder: TempDir::new().unwrap(),
            published: Vec::new(),
            repositories: Cell::new(0),
            labels: true,
            stage_first: true,
            wanted: Vec::new(),
            allowed: Vec::new(),
        }
    }

    fn image(&self, name: &str, version: &str, commit: usize) -> SampleImage {
        let builder = SampleImage::builder().seed(name);
        if !self.labels {
            return builder.build();
        }
        builder
            .label("org.opencontainers.image.version", version)
            .label("org.opencontainers.image.revision", self.history.commit(commit).as_str())
            .label("org.opencontainers.image.source", "https://github.com/acme/shop")
            .build()
    }

    /// Adds an image that is there before the runs begin.
    pub(super) fn published(&mut self, name: &str, commit: usize, tags: &[&str]) {
        let image = self.image(name, name, commit);
        let tags = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        self.published.push(Published { name: name.to_owned(), image, tags });
    }

    fn own_images(&self) -> [SampleImage; 2] {
        Client::BOTH.map(|client| {
            let Run { subject, commit } = &self.runs[client as usize];
            let (Subject::Tag(version) | Subject::Branch(version)) = subject else { panic!("no run of this kind") };
            self.image(client.name(), version.trim_start_matches('v'), *commit)
        })
    }

    fn context(&self, client: Client) -> Context {
        let Run { subject, commit } = &self.runs[client as usize];
        Context {
            event_name: "push".to_owned(),
            event: EventKind::Push,
            action: None,
            subject: subject.clone(),
            only_pull_requests: false,
            built_elsewhere: false,
            git_ref: None,
            sha: Some(self.history.commit(*commit).clone()),
            repository: Some("acme/shop".parse().unwrap()),
            facts: RepositoryFacts::default(),
            base_ref: None,
            run_number: Some(1),
            commit_date: None,
            now: DateTime::from_timestamp(1_767_225_600 + i64::try_from(*commit).unwrap(), 0).unwrap(),
            server_url: "https://github.com".to_owned(),
            raw: Default::default(),
        }
    }

    /// Makes a repository as it is before the runs begin.
    fn fresh_repository(&self, images: &[SampleImage; 2]) -> String {
        self.repositories.set(self.repositories.get() + 1);
        let repository = format!("acme/shop-{}", self.repositories.get());
        for Published { name: _, image, tags } in &self.published {
            for tag in tags {
                image.put_into(&self.sandbox, &repository, tag);
            }
        }
        if self.stage_first {
            for image in images {
                let staging: Tag = "staging".parse().unwrap();
                image.put_into(&self.sandbox, &repository, &staging);
                self.sandbox.change(|state| state.remove_tag(&repository, &staging));
            }
        }
        repository
    }

    async fn push(&self, client: Client, image: &ImageName) -> Report {
        let policy = Policy { images: vec![image.clone()], ..self.policy.clone() };
        let job = Job {
            policy: &policy,
            context: self.context(client),
            image: None,
            short_sha_length: 7,
            when_empty: WhenEmpty::Fail,
            names: &[],
            inputs: &MetadataInputs::default(),
            items: &Items::default(),
        };
        let writer = RegistryClient::new(self.clients[client as usize].clone(), CredentialOptions::default());
        let open = async || Ok(LayoutSource::open(&self.folder.path().join(client.name()), None)?);
        push(&job, &writer, self.history, open).await.unwrap_or_else(|error| panic!("{}: {error:?}", client.name()))
    }

    async fn race(&self, schedule: &Schedule) -> (String, [SampleImage; 2], [usize; 2]) {
        let images = self.own_images();
        for client in Client::BOTH {
            let folder = self.folder.path().join(client.name());
            if !folder.exists() {
                images[client as usize].write_layout(&folder).unwrap();
            }
        }
        let repository = self.fresh_repository(&images);
        let name: ImageName = format!("{}/{repository}", self.sandbox.host()).parse().unwrap();
        self.sandbox.clear_requests();
        let gate = Gate::new(&self.sandbox);
        let run = |client| {
            let (bell, name) = (gate.bell(client), name.clone());
            async move {
                self.push(client, &name).await;
                bell();
            }
        };
        let (run_a, run_b) = (run(Client::A), run(Client::B));
        let ((), (), passed) = tokio::join!(run_a, run_b, gate.run(schedule));
        self.sandbox.clear_hook();
        (repository, images, passed)
    }

    /// Counts the requests of each run if the other one comes after it.
    pub(super) async fn requests_alone(&self) -> [usize; 2] {
        let mut alone = [0; 2];
        for client in Client::BOTH {
            let schedule = Schedule::blocks(&[(client, usize::MAX)]);
            alone[client as usize] = self.race(&schedule).await.2[client as usize];
        }
        alone
    }

    /// Runs both under a schedule and checks where the tags are.
    pub(super) async fn check(&self, schedule: Schedule) {
        let (repository, images, _) = self.race(&schedule).await;
        let tags = self.sandbox.tags(&repository);
        let name_of = |digest: &Digest| {
            let own = Client::BOTH.iter().map(|client| (client.name(), &images[*client as usize]));
            let before = self.published.iter().map(|published| (published.name.as_str(), &published.image));
            own.chain(before).find(|(_, image)| image.root().digest == *digest).map_or("?", |(name, _)| name)
        };
        let found = |tag: &str| {
            tags.iter().find(|(name, _)| name.as_str() == tag).map_or("nothing", |(_, digest)| name_of(digest))
        };
        let mut wrong = Vec::new();
        for (tag, wanted) in &self.wanted {
            if found(tag) != *wanted {
                wrong.push(format!("{tag} is on {}, not on {wanted}", found(tag)));
            }
        }
        for (tag, allowed) in &self.allowed {
            if !allowed.contains(&found(tag)) {
                wrong.push(format!("{tag} is on {}, not on one of {allowed:?}", found(tag)));
            }
        }
        let incomplete = self.sandbox.incomplete(&repository);
        if !incomplete.is_empty() {
            wrong.push(format!("incomplete: {incomplete:?}"));
        }
        if !wrong.is_empty() {
            for request in self.sandbox.requests() {
                let client = request.client.as_deref().unwrap_or("?");
                let path = request.path.replace(&repository, "…");
                println!("{client} {} {}", request.method, path.replace("sha256:", ""));
            }
            panic!("{schedule}: {}", wrong.join("; "));
        }
        self.sandbox.change(|state| {
            for image in &images {
                state.remove_manifest(&repository, &image.root().digest);
            }
        });
    }
}
