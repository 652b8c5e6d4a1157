//! Mode `demo`: four events of a project on an embedded registry, each published by the same code that a workflow runs.

use std::{collections::BTreeMap, fmt::Write as _, io::Cursor};

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::json;

use crate::{
    error::Error,
    event,
    model::{Ancestry, CommitId, Descriptor, Digest, ImageName, NameKind, RawManifest, Secret},
    policy::{
        metadata::{Items, MetadataInputs},
        rules::Policy,
    },
    ports::{BlobStream, ImageSource, PortError, PortErrorKind, RegistryWriter, SourceHistory},
    report::{Report, json::document, words},
    sandbox::{Auth, Fault, FaultEffect, Options, SampleImage, Sandbox},
};

use super::{
    Finished,
    plan::{Job, WhenEmpty},
    push::push,
    read_policy,
};

/// The policy that the demo plays: that of a Kubernetes controller released from git tags.
const POLICY: &str = include_str!("../../fixtures/policies/kyklos.yml");

/// The token of the embedded registry. It is no secret: the registry lives as long as the demo.
const TOKEN: &str = "demo-token";

/// The commits of the demo's project, oldest first: `main` goes from the first to the third, and the hotfix branches off
/// the second.
const COMMITS: [&str; 4] = [
    "3f1c2ab98d7e6f5a4b3c2d1e0f9a8b7c6d5e4f30",
    "7be41d9c0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "c52a9f0e1d2c3b4a5968778695a4b3c2d1e0f1a2",
    "e09d3c71b2a3948576667758493a2b1c0d9e8f70",
];

/// The place of the tip of `main` in [`COMMITS`].
const TIP: usize = 2;

/// The place of the hotfix.
const HOTFIX: usize = 3;

/// One event of the story.
struct Scene {
    title: &'static str,
    git_ref: &'static str,
    commit: usize,
    /// What the embedded registry does wrong on purpose, in words and as a fault.
    fault: Option<(&'static str, Fault)>,
}

fn scenes() -> Vec<Scene> {
    vec![
        Scene { title: "a commit is pushed to main", git_ref: "refs/heads/main", commit: 0, fault: None },
        Scene { title: "the git tag v0.1.0 is pushed", git_ref: "refs/tags/v0.1.0", commit: 1, fault: None },
        Scene {
            title: "the git tag v0.2.0 is pushed",
            git_ref: "refs/tags/v0.2.0",
            commit: 2,
            fault: Some((
                "on purpose, the registry throttles one upload and loses the answer to one manifest; the run copes",
                Fault::once(FaultEffect::LoseAnswer).on("PUT", "/manifests/v0.2.0"),
            )),
        },
        Scene {
            title: "a hotfix of the older release: the git tag v0.1.1 is pushed",
            git_ref: "refs/tags/v0.1.1",
            commit: 3,
            fault: None,
        },
    ]
}

/// The embedded registry, running.
pub struct Demo {
    sandbox: Sandbox,
    policy: Policy,
}

impl Demo {
    /// Starts the embedded registry on a free port of this machine.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start() -> Result<Self, Error> {
        let sandbox = Sandbox::start(Options {
            auth: Auth::Ghcr { token: Secret::new(TOKEN).ok_or_else(|| Error::failed("make the demo's token"))? },
            ..Options::default()
        })
        .await
        .map_err(|error| Error::failed("start the embedded registry").with_source(error))?;
        let text = POLICY.replace("ghcr.io", &sandbox.host());
        let policy = read_policy("the demo's policy", text.as_bytes())?;
        Ok(Self { sandbox, policy })
    }

    /// Returns the host and port of the registry, which stands for GHCR's.
    #[must_use]
    pub fn host(&self) -> String {
        self.sandbox.host()
    }

    /// Returns the token that the registry accepts.
    #[must_use]
    pub fn token(&self) -> Option<Secret> {
        Secret::new(TOKEN)
    }

    /// Plays the story, a run of mode `push` for each event, and tells it. `now` dates the events.
    ///
    /// # Errors
    /// If a run fails.
    pub async fn play<W: RegistryWriter>(self, writer: &W, now: DateTime<Utc>) -> Result<Finished, Error> {
        let image = self.policy.images.first().ok_or_else(|| Error::failed("find the demo's image"))?.clone();
        let mut text = format!(
            "An embedded registry answers at {}. It stands for ghcr.io, and images generated for linux/amd64 and linux/arm64 stand for builds.\nThe policy has {}:\n\n",
            self.host(),
            words::count(self.policy.rules.len(), "row")
        );
        for line in POLICY
            .lines()
            .skip_while(|line| !line.starts_with("tags:"))
            .take_while(|line| !line.starts_with("untagged"))
        {
            let line = line.split("  #").next().unwrap_or_default().trim_end();
            if !line.is_empty() {
                let _ = writeln!(text, "    {line}");
            }
        }
        let mut runs = Vec::new();
        for (number, scene) in scenes().into_iter().enumerate() {
            let _ = write!(text, "\n{}. {}\n   ", number + 1, scene.title);
            let report = self.run(&scene, writer, now).await?;
            if let Some((what, _)) = &scene.fault {
                let _ = write!(text, "({what})\n   ");
            }
            runs.push(document(&report));
            text.push_str(&tell(&report));
        }
        let _ = write!(text, "\nWhat {} holds now:\n\n", image.repository());
        let mut state = BTreeMap::new();
        for (tag, digest) in self.sandbox.tags(image.repository()) {
            let _ = writeln!(text, "   {:<14} {}", tag.as_str(), digest.short());
            state.insert(tag.to_string(), digest.to_string());
        }
        let incomplete = self.sandbox.incomplete(image.repository());
        if !incomplete.is_empty() {
            return Err(Error::failed("end the demo: a tag points at an incomplete image"));
        }
        text.push_str("\nThe hotfix moved v0.1 alone: v0 and latest stay on v0.2.0. Try it on your own policy with `ghcr-lifecycle check`.\n");
        self.sandbox.stop().await;
        Ok(Finished {
            text,
            json: json!({"runs": runs, "tags": state}),
            outputs: Vec::new(),
            is_drop_in: false,
            error: None,
            summary: String::new(),
            warnings: Vec::new(),
            notices: Vec::new(),
        })
    }

    async fn run<W: RegistryWriter>(&self, scene: &Scene, writer: &W, now: DateTime<Utc>) -> Result<Report, Error> {
        let commit = COMMITS[scene.commit];
        let environment = [
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", scene.git_ref),
            ("GITHUB_SHA", commit),
            ("GITHUB_REPOSITORY", "kyklos/kyklos"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let payload = json!({"ref": scene.git_ref, "after": commit, "head_commit": {"id": commit}}).to_string();
        let context = event::parse(&BTreeMap::from(environment), Some(payload.as_bytes()), now)
            .map_err(|error| Error::failed(error.to_string()))?;
        let sample = SampleImage::builder()
            .seed(commit)
            .platform("linux/amd64")
            .platform("linux/arm64")
            .label("org.opencontainers.image.revision", commit)
            .label("org.opencontainers.image.source", "https://github.com/kyklos/kyklos")
            .build();
        if let Some((_, fault)) = &scene.fault {
            self.sandbox.fault(fault.clone());
            self.sandbox.fault(
                Fault::once(FaultEffect::registry_error(
                    429,
                    "TOOMANYREQUESTS",
                    "retry-after: 12.5ms, allowed: 2000/minute",
                ))
                .on("POST", "/blobs/uploads/"),
            );
        }
        let (inputs, items) = (MetadataInputs::default(), Items::default());
        let job = Job {
            policy: &self.policy,
            context,
            image: None,
            short_sha_length: 7,
            when_empty: WhenEmpty::Fail,
            names: &[],
            inputs: &inputs,
            items: &items,
        };
        push(&job, writer, &DemoHistory, &SampleSource(&sample)).await
    }
}

/// The lines of one run that the story needs.
fn tell(report: &Report) -> String {
    let mut text = String::new();
    for line in report.images.iter().flat_map(|image| &image.tags) {
        let digest = line.digest.as_ref().map(Digest::short).unwrap_or_default();
        let why = if line.why.is_empty() { String::new() } else { format!("  ({})", line.why) };
        let _ = write!(text, "{:<14} {digest}  {}{why}\n   ", line.tag.as_str(), words::outcome(&line.outcome));
    }
    text.trim_end().to_owned() + "\n"
}

/// A sample image as a source.
struct SampleSource<'a>(&'a SampleImage);

impl ImageSource for SampleSource<'_> {
    async fn root(&self) -> Result<RawManifest, PortError> {
        Ok(self.0.root().clone())
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        self.0
            .children()
            .iter()
            .find(|child| child.digest == descriptor.digest)
            .cloned()
            .ok_or_else(|| missing(descriptor))
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        let bytes = self.0.blobs().get(&descriptor.digest).cloned().ok_or_else(|| missing(descriptor))?;
        Ok(Box::pin(Cursor::new(bytes)))
    }

    fn mount_from(&self) -> Option<&ImageName> {
        None
    }
}

fn missing(descriptor: &Descriptor) -> PortError {
    PortError::new(
        PortErrorKind::NotFound,
        format!("read {} of the demo's image", descriptor.digest),
        "it has no such part",
    )
}

/// The history of the demo's project.
struct DemoHistory;

impl SourceHistory for DemoHistory {
    async fn ancestry(&self, ours: &CommitId, theirs: &CommitId) -> Result<Ancestry, PortError> {
        let place = |commit: &CommitId| COMMITS.iter().position(|known| *known == commit.as_str());
        Ok(match (place(ours), place(theirs)) {
            (Some(ours), Some(theirs)) if ours == theirs => Ancestry::Same,
            (Some(HOTFIX), Some(TIP)) | (Some(TIP), Some(HOTFIX)) => Ancestry::Diverged,
            (Some(ours), Some(theirs)) if ours < theirs => Ancestry::Ancestor,
            (Some(_), Some(_)) => Ancestry::Descendant,
            _ => Ancestry::Unknown,
        })
    }

    async fn branch_tip(&self, _: &str) -> Result<Option<CommitId>, PortError> {
        Ok(None)
    }

    async fn commit_date(&self, _: &CommitId) -> Result<Option<DateTime<FixedOffset>>, PortError> {
        Ok(None)
    }

    async fn name_kind(&self, _: &str, _: &CommitId) -> Result<NameKind, PortError> {
        Ok(NameKind::Neither)
    }
}
