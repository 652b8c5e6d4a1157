//! Plays the events of the story: what the source repository sees of each, and the run of `push` that it starts, over HTTP.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::{
    context::{Run, context},
    images::Built,
    moments::{Moment, moments},
    source::Source,
    story::{Event, Story, TagKind, What},
};
use crate::{
    app::{
        plan::{Job, WhenEmpty},
        push::push,
    },
    collect::image::read_image,
    error::Error,
    event::Context,
    execute::publish::{StagedPart, point, stage},
    model::{Digest, ImageName, RepositoryName, Tag},
    policy::{
        metadata::{Items, MetadataInputs},
        rules::Policy,
        tagging::plan_tags,
    },
    ports::{RegistryWriter, SourceHistory},
    report::TagLine,
    sandbox::{Control, Fault, FaultEffect, State},
};

/// The length of `{{sha}}`, in digits.
const SHORT_SHA: usize = 7;

/// Of how many images of the policy the story builds git tags; the other events build the first.
const IMAGES: usize = 2;

/// With more pushes than this, git tags are built for the first image only: the year is to be over in seconds.
const MOST_PUSHES: usize = 120;

/// What images are for; those of work under way are for the first only.
const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// Digits that stand for a commit where only the event's name matters.
const ANY_COMMIT: &str = "0000000000000000000000000000000000000001";

/// Where the story is played.
pub(super) struct Stage<'a, W, H> {
    pub(super) sandbox: &'a Control,
    /// With the sandbox in the place of its registries.
    pub(super) policy: &'a Policy,
    pub(super) repository: &'a RepositoryName,
    pub(super) writer: &'a W,
    pub(super) history: &'a H,
}

/// What an event came to.
pub(super) struct Happened {
    pub(super) event: Event,
    pub(super) pull: Option<u64>,
    pub(super) moment: Option<Moment>,
    pub(super) published: Vec<Published>,
    /// Why a run failed.
    pub(super) failed: Option<String>,
}

/// What a run published.
pub(super) struct Published {
    pub(super) image: ImageName,
    pub(super) tags: Vec<TagLine>,
}

/// A tag as it was written last.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// The number of the row; `None` for a tag that no row made.
    pub(super) row: Option<usize>,
    pub(super) at: DateTime<Utc>,
}

/// When and by which row tags were written.
pub(super) type Log = BTreeMap<(ImageName, Tag), Written>;

/// What an event is going to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prospect {
    /// No row of the policy fits, or no workflow runs.
    Nothing,
    /// The tags cannot be planned: the run fails and says why.
    Failure,
    Push,
}

/// The story under way.
pub(super) struct Player<'a, W, H> {
    stage: Stage<'a, W, H>,
    default_branch: String,
    /// The places in the story of the events that a row fits.
    fitting: BTreeSet<usize>,
    moments: BTreeMap<usize, Moment>,
    /// Of how many images git tags are built.
    images_of_tags: usize,
    runs: u64,
    source: Source,
    pub(super) log: Log,
}

impl<'a, W: RegistryWriter, H: SourceHistory> Player<'a, W, H> {
    /// Makes the source repository and waits for the year to begin.
    ///
    /// # Errors
    /// If an event cannot be made.
    pub(super) fn new(stage: Stage<'a, W, H>, story: &Story) -> Result<Self, Error> {
        let begin = super::story::moment(1, 1, 0);
        let source = Source::begin(stage.sandbox, stage.repository, &story.default_branch, begin.into());
        let mut player = Self {
            stage,
            default_branch: story.default_branch.clone(),
            fitting: BTreeSet::new(),
            moments: BTreeMap::new(),
            images_of_tags: IMAGES,
            runs: 0,
            source,
            log: Log::new(),
        };
        let mut publishing = Vec::new();
        for (index, event) in story.events.iter().enumerate() {
            match player.prospect(event)? {
                Prospect::Nothing => {}
                Prospect::Failure => {
                    player.fitting.insert(index);
                }
                Prospect::Push => {
                    player.fitting.insert(index);
                    publishing.push((index, event));
                }
            }
        }
        player.moments = moments(&publishing);
        let tags = publishing.iter().filter(|(_, event)| matches!(event.what, What::Tag { .. })).count();
        if publishing.len() + tags > MOST_PUSHES {
            player.images_of_tags = 1;
        }
        Ok(player)
    }

    /// Tells what a run of this event will come to.
    ///
    /// # Errors
    /// If the event cannot be made.
    pub(super) fn prospect(&self, event: &Event) -> Result<Prospect, Error> {
        let context = context(&event.what, &self.run(ANY_COMMIT, 1, event.at))?;
        let plan = context.map(|context| plan_tags(&context, self.stage.policy, SHORT_SHA));
        Ok(match plan {
            Some(Ok(plan)) if !plan.rows.is_empty() => Prospect::Push,
            Some(Err(_)) => Prospect::Failure,
            None | Some(Ok(_)) => Prospect::Nothing,
        })
    }

    fn run<'b>(&'b self, commit: &'b str, pull: u64, at: DateTime<Utc>) -> Run<'b> {
        Run {
            repository: self.stage.repository,
            default_branch: &self.default_branch,
            commit,
            number: self.runs + 1,
            pull,
            at,
        }
    }

    /// Plays the event with this place in the story.
    ///
    /// # Errors
    /// If the event cannot be made, or an image that no row is for cannot be pushed.
    pub(super) async fn play(&mut self, index: usize, event: &Event) -> Result<Happened, Error> {
        let (commit, pull) = self.source.happen(self.stage.sandbox, event);
        let moment = self.moments.get(&index).copied();
        let mut happened = Happened { event: event.clone(), pull, moment, published: Vec::new(), failed: None };
        if let What::ByHand { tag } = &event.what {
            self.push_by_hand(tag, event.at).await?;
            return Ok(happened);
        }
        let commit = commit.filter(|_| self.fitting.contains(&index));
        let Some(built) = self.build(event, commit.as_deref(), pull)? else { return Ok(happened) };
        if moment == Some(Moment::Trouble) {
            self.make_trouble(&built.context);
        }
        for (image, content) in &built.images {
            self.publish(&mut happened, &built.context, image, content).await?;
        }
        self.stage.sandbox.clear_faults();
        Ok(happened)
    }

    /// Plays an event and looks at the registry half-way through its push, when the children are there and no tag is.
    ///
    /// # Errors
    /// If the event cannot be made.
    pub(super) async fn play_with_a_look<R>(
        &mut self,
        event: &Event,
        look: impl FnOnce(&State, &Log, &[Digest]) -> R,
    ) -> Result<(R, Happened), Error> {
        let (commit, pull) = self.source.happen(self.stage.sandbox, event);
        let mut happened = Happened { event: event.clone(), pull, moment: None, published: Vec::new(), failed: None };
        let built = self.build(event, commit.as_deref(), pull)?;
        let Some((context, (image, content))) =
            built.and_then(|built| Some((built.context, built.images.into_iter().next()?)))
        else {
            return Ok((look(&self.stage.sandbox.state(), &self.log, &[]), happened));
        };
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let waits = Arc::new(AtomicBool::new(true));
        let (at_gate, through, root) = (Arc::clone(&reached), Arc::clone(&go_on), content.digest().to_string());
        self.stage.sandbox.on_request(move |request| {
            let is_root = request.method == "PUT" && request.path.ends_with(&root);
            let (at_gate, through) = (Arc::clone(&at_gate), Arc::clone(&through));
            let stops = is_root && waits.swap(false, Ordering::Relaxed);
            async move {
                if stops {
                    at_gate.notify_one();
                    through.notified().await;
                }
            }
        });
        let log = self.log.clone();
        let children = content.children();
        let seen;
        {
            let sandbox = self.stage.sandbox;
            let mut publishing = pin!(self.publish(&mut happened, &context, &image, &content));
            let early = tokio::select! {
                outcome = &mut publishing => Some(outcome),
                () = reached.notified() => None,
            };
            seen = look(&sandbox.state(), &log, &children);
            go_on.notify_one();
            match early {
                Some(outcome) => outcome?,
                None => publishing.await?,
            }
        }
        self.stage.sandbox.clear_hook();
        Ok((seen, happened))
    }

    /// Builds the images of an event that a row fits; `None` if there is nothing to build.
    fn build(&mut self, event: &Event, commit: Option<&str>, pull: Option<u64>) -> Result<Option<Ready>, Error> {
        let Some(commit) = commit else { return Ok(None) };
        let run = self.run(commit, pull.unwrap_or_default(), event.at);
        let Some(context) = context(&event.what, &run)? else { return Ok(None) };
        self.runs += 1;
        let images = &self.stage.policy.images;
        let several = matches!(event.what, What::Tag { .. });
        let is_under_way = match &event.what {
            What::Push { branch, from } => *branch != self.default_branch && from.is_none(),
            What::Open { .. } | What::Update { .. } | What::Queue { .. } => true,
            What::Merge { .. }
            | What::Tag { .. }
            | What::Close { .. }
            | What::Delete { .. }
            | What::Schedule
            | What::Dispatch
            | What::ByHand { .. } => false,
        };
        let platforms = if is_under_way { &PLATFORMS[..1] } else { &PLATFORMS[..] };
        let images = images[..images.len().min(if several { self.images_of_tags } else { 1 })].iter().map(|image| {
            // Builds of one commit for two events differ: the times in them do.
            let git_ref = context.git_ref.as_deref().unwrap_or_default();
            let seed = format!("{} {} {git_ref} {commit} {}", image.repository(), context.event_name, event.at);
            (image.clone(), Built::image(&seed, platforms, commit, self.stage.repository))
        });
        Ok(Some(Ready { images: images.collect(), context }))
    }

    /// Lets the registry throttle an upload and lose the answer to the first tag of a run.
    fn make_trouble(&self, context: &Context) {
        let throttled =
            FaultEffect::registry_error(429, "TOOMANYREQUESTS", "retry-after: 12.5ms, allowed: 2000/minute");
        self.stage.sandbox.fault(Fault::once(throttled).on("POST", "/blobs/uploads/"));
        let plan = plan_tags(context, self.stage.policy, SHORT_SHA).ok();
        if let Some((_, tag)) = plan.iter().flat_map(|plan| &plan.rows).flat_map(|row| row.tags()).next() {
            let path = format!("/manifests/{tag}");
            self.stage.sandbox.fault(Fault::once(FaultEffect::LoseAnswer).on("PUT", &path));
        }
    }

    /// Runs `push` for one image, and signs what it published if that is a version.
    async fn publish(
        &mut self,
        happened: &mut Happened,
        context: &Context,
        image: &ImageName,
        content: &Built,
    ) -> Result<(), Error> {
        let (inputs, items, name) = (MetadataInputs::default(), Items::default(), image.to_string());
        let job = Job {
            policy: self.stage.policy,
            context: context.clone(),
            image: Some(&name),
            short_sha_length: SHORT_SHA,
            when_empty: WhenEmpty::Fail,
            names: &[],
            inputs: &inputs,
            items: &items,
        };
        let open = async || Ok(content.clone());
        let report = match push(&job, self.stage.writer, self.stage.history, open).await {
            Ok(report) => report,
            Err(error) => {
                happened.failed = Some(error.render().trim_start_matches("error: ").trim_end().to_owned());
                return Ok(());
            }
        };
        let at = happened.event.at;
        let tags: Vec<TagLine> = report.images.into_iter().flat_map(|image| image.tags).collect();
        for line in tags.iter().filter(|line| line.is_given()) {
            if let Ok(tag) = line.tag.parse() {
                let written = Written { row: Some(line.row.number), at };
                self.log.entry((image.clone(), tag)).and_modify(|known| known.at = at).or_insert(written);
            }
        }
        happened.published.push(Published { image: image.clone(), tags });
        if matches!(&happened.event.what, What::Tag { kind, .. } if *kind != TagKind::Plain) {
            let signature = Built::signature(content.digest(), &format!("ghcr.io/{}", image.repository()));
            if let Ok(tag) = format!("sha256-{}.sig", content.digest().hex()).parse() {
                self.put(image, &tag, &signature, at).await?;
            }
        }
        Ok(())
    }

    async fn push_by_hand(&mut self, tag: &Tag, at: DateTime<Utc>) -> Result<(), Error> {
        match self.stage.policy.images.first().cloned() {
            Some(image) => self.put(&image, tag, &Built::single(tag.as_str()), at).await,
            None => Ok(()),
        }
    }

    /// Puts an image under a tag as any client does.
    async fn put(&mut self, image: &ImageName, tag: &Tag, content: &Built, at: DateTime<Utc>) -> Result<(), Error> {
        let read = read_image(content).await?;
        let parts: Vec<StagedPart<'_>> =
            read.parts.iter().map(|part| StagedPart { manifest: &part.manifest, blobs: &part.blobs }).collect();
        stage(self.stage.writer, content, image, &parts).await?;
        point(self.stage.writer, image, tag, read.root()).await?;
        self.log.insert((image.clone(), tag.clone()), Written { row: None, at });
        Ok(())
    }
}

/// What a run has built.
struct Ready {
    context: Context,
    images: Vec<(ImageName, Built)>,
}
