//! Mode `demo`: a year in the life of a project under a policy, on an embedded registry, each event published by the same
//! code that a workflow runs. `story` says what happens, `play` lets it happen, `account` says what is left.

mod account;
mod clean;
mod context;
mod images;
mod moments;
mod names;
mod play;
mod source;
mod story;
mod text;

use std::fmt::Write as _;

use serde_json::{Value, json};

pub use self::clean::Clients;
use self::{
    account::{Account, Books, RowAccount},
    play::{Happened, Player, Prospect, Stage},
    story::{Event, story},
};
use super::{Finished, read_policy};
use crate::{
    error::Error,
    model::{ImageName, RepositoryName, Secret},
    policy::rules::Policy,
    ports::{PackagesWriter, RegistryWriter, RepositoryReader, Run, SourceHistory},
    report::words,
    sandbox::{Auth, Options, Sandbox, State},
};

/// The policy that the demo plays unless it is given one: that of a Kubernetes controller released from git tags.
const POLICY: &str = include_str!("../../fixtures/policies/kyklos.yml");

/// Returns the policy that the demo plays unless it is given one: its name for messages, and its bytes.
#[must_use]
pub fn own_policy() -> (String, Vec<u8>) {
    ("the demo's policy".to_owned(), POLICY.into())
}

/// The token of the embedded registry. It is no secret: the registry lives as long as the demo.
const TOKEN: &str = "demo-token";

/// What happened until the clean-up.
struct Year {
    events: Vec<Happened>,
    accounts: Vec<Account>,
    /// What was under way when the accounts were taken.
    last: Option<Happened>,
}

/// The embedded registry, running.
pub struct Demo {
    sandbox: Sandbox,
    /// With the sandbox in the place of its registries.
    policy: Policy,
    /// Whether it was given.
    is_own: bool,
    repository: RepositoryName,
}

impl Demo {
    /// Starts the embedded registry on a free port of this machine, for a policy that is given by its name and bytes, or
    /// for the demo's own.
    ///
    /// # Errors
    /// If the policy is not valid, or no port can be had.
    pub async fn start(given: Option<(String, Vec<u8>)>) -> Result<Self, Error> {
        let is_own = given.is_some();
        let mut policy = match given {
            Some((name, bytes)) => read_policy(&name, &bytes)?,
            None => read_policy("the demo's policy", POLICY.as_bytes())?,
        };
        let sandbox = Sandbox::start(Options {
            auth: Auth::Ghcr { token: Secret::new(TOKEN).ok_or_else(|| Error::failed("make the demo's token"))? },
            ..Options::default()
        })
        .await
        .map_err(|error| Error::failed("start the embedded registry").with_source(error))?;
        // What is played is no build of the project: its platforms, sizes and release texts say nothing.
        (policy.checks, policy.release_notes, policy.visibility) = (None, false, None);
        // The demo talks to nobody outside this machine.
        super::sandbox::stand_in(&mut policy, &sandbox.host())?;
        let repository = match &policy.repository {
            Some(repository) => repository.clone(),
            None => repository_of(&policy)?,
        };
        Ok(Self { sandbox, policy, is_own, repository })
    }

    /// Returns the host and port of the registry, which stands for GHCR's.
    #[must_use]
    pub fn host(&self) -> String {
        self.sandbox.host()
    }

    /// Returns the token that the registry and the API accept.
    #[must_use]
    pub fn token(&self) -> Option<Secret> {
        Secret::new(TOKEN)
    }

    /// Returns the project's source repository, of which the API on the same port tells.
    #[must_use]
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// Plays the year, a run of mode `push` for each event that a row fits, and tells it. `progress` is told how many of
    /// how many events are done.
    ///
    /// # Errors
    /// If an image cannot be pushed by hand, or a tag is left on an incomplete image.
    pub async fn play<W, H, P, S, U>(
        self,
        clients: &Clients<'_, W, P, S, U>,
        history: &H,
        progress: impl Fn(usize, usize),
    ) -> Result<Finished, Error>
    where
        W: RegistryWriter,
        H: SourceHistory,
        P: PackagesWriter,
        S: RepositoryReader,
        U: Run,
    {
        let Year { events: year, accounts, last } = self.year(clients.registry, history, progress).await?;
        let Self { sandbox, policy, is_own, repository } = &self;
        let published = accounts.iter().map(|account| account.image.clone()).collect();
        let cleaned = clean::clean(clients, policy, published, repository).await?;
        all_are_complete(sandbox, policy)?;
        let finished = Finished {
            text: tell(&sandbox.host(), policy, *is_own, &year, &accounts, last.as_ref(), &cleaned),
            json: document(&sandbox.host(), repository, &year, &accounts, last.as_ref(), &cleaned),
            outputs: Vec::new(),
            is_drop_in: false,
            error: None,
            summary: String::new(),
            warnings: Vec::new(),
            notices: Vec::new(),
        };
        self.sandbox.stop().await;
        Ok(finished)
    }

    /// Plays the year and returns what is there at its end, before a clean-up; `progress` as of [`Demo::play`].
    ///
    /// # Errors
    /// As [`Demo::play`].
    pub async fn fill<W, H>(self, registry: &W, history: &H, progress: impl Fn(usize, usize)) -> Result<State, Error>
    where
        W: RegistryWriter,
        H: SourceHistory,
    {
        self.year(registry, history, progress).await?;
        let state = self.sandbox.state();
        self.sandbox.stop().await;
        Ok(state)
    }

    /// Lets the year happen, up to its clean-up.
    async fn year<W, H>(&self, writer: &W, history: &H, progress: impl Fn(usize, usize)) -> Result<Year, Error>
    where
        W: RegistryWriter,
        H: SourceHistory,
    {
        let Self { sandbox, policy, is_own: _, repository } = self;
        let story = story(policy);
        let stage = Stage { sandbox, policy, repository, writer, history };
        let mut player = Player::new(stage, &story)?;
        let all = story.events.len() + 1;
        let mut year = Vec::new();
        for (index, event) in story.events.iter().enumerate() {
            progress(index, all);
            year.push(player.play(index, event).await?);
        }
        let now = story::moment(12, 31, 12);
        let mut last = story.last.into_iter().map(|what| Event { at: now, what });
        let last = last.find_map(|event| match player.prospect(&event) {
            Ok(Prospect::Push) => Some(Ok(event)),
            Ok(Prospect::Nothing | Prospect::Failure) => None,
            Err(error) => Some(Err(error)),
        });
        let look = |state: &State, log: &play::Log, under_way: &[crate::model::Digest]| {
            let books = Books { policy, source: state.source(&repository.to_string()), log, now, under_way };
            let found = |image: &ImageName| Some(books.account(image, state.repository(image.repository())?));
            policy.images.iter().filter_map(found).collect::<Vec<Account>>()
        };
        let (accounts, last) = match last.transpose()? {
            Some(event) => {
                let (accounts, last) = player.play_with_a_look(&event, look).await?;
                (accounts, Some(last))
            }
            None => (look(&sandbox.state(), &player.log, &[]), None),
        };
        progress(all, all);
        all_are_complete(sandbox, policy)?;
        Ok(Year { events: year, accounts, last })
    }
}

fn all_are_complete(sandbox: &Sandbox, policy: &Policy) -> Result<(), Error> {
    match policy.images.iter().find(|image| !sandbox.incomplete(image.repository()).is_empty()) {
        None => Ok(()),
        Some(image) => Err(Error::failed(format!("end the demo: a tag of {image} points at an incomplete image"))),
    }
}

/// The source repository that an image is usually named after.
fn repository_of(policy: &Policy) -> Result<RepositoryName, Error> {
    let image = policy.images.first().ok_or_else(|| Error::input("the policy names no image"))?;
    let mut parts = image.repository().split('/');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    format!("{first}/{}", second.unwrap_or(first))
        .parse()
        .map_err(|error| Error::failed(format!("name the source repository of {image}")).with_source(error))
}

fn tell(
    host: &str,
    policy: &Policy,
    is_own: bool,
    year: &[Happened],
    accounts: &[Account],
    last: Option<&Happened>,
    cleaned: &Value,
) -> String {
    let whose =
        if is_own { "The policy" } else { "The policy of a Kubernetes controller (`--policy FILE` plays yours)" };
    let mut text = format!(
        "An embedded registry answers at {host} and stands for ghcr.io. Small generated images\n\
         stand for builds: two platforms (work under way: one) with attestations; versions are signed.\n\
         {whose} has {}:\n\n{}",
        words::count(policy.rules.len(), "row"),
        text::rows(policy)
    );
    if policy.images.len() > 1 {
        let tags = if accounts.len() > 1 { "git tags are built for two of them, all else" } else { "all is built" };
        let _ = writeln!(text, "\nIt lists several images: {tags} for the first.");
    }
    let pushes: usize = year.iter().map(|one| one.published.len()).sum();
    let _ = write!(
        text,
        "\nThe year {} of the project, {} and {}:\n\n{}\n{}",
        story::YEAR,
        words::count(year.len(), "event"),
        if pushes == 1 { "1 push".to_owned() } else { format!("{pushes} pushes") },
        text::months(year),
        text::moments(year, host)
    );
    let done = last.filter(|last| last.failed.is_none());
    let under_way = match done {
        Some(last) => format!(", while {} and its image is half-way up", text::title(last)),
        None => String::new(),
    };
    let _ = writeln!(
        text,
        "On 31 Dec{under_way}, this has accumulated.\n\
         Due is what a clean-up finds past its `keep`: too old, its pull request closed, its branch gone.",
    );
    for account in accounts {
        let _ = write!(text, "\n{}\n\n{}", account.image.repository(), text::account(account, policy.untagged));
    }
    if let Some(last) = done {
        text.push_str("\nThe push that was under way went on, and every tag is on a complete image:\n");
        text.push_str(&text::tag_lines(last));
    }
    text.push_str(&clean::told(cleaned));
    text.push_str(
        "\nNext: `ghcr-lifecycle check POLICY` shows what each row of yours matches, and\n\
         `ghcr-lifecycle sandbox` starts such a registry, empty, for docker, skopeo or buildah.\n",
    );
    text
}

fn document(
    host: &str,
    repository: &RepositoryName,
    year: &[Happened],
    accounts: &[Account],
    last: Option<&Happened>,
    cleaned: &Value,
) -> Value {
    // The port differs from run to run, and nothing else does.
    let image = |image: &ImageName| image.to_string().replacen(host, "ghcr.io", 1);
    let event = |one: &Happened| {
        let runs = one.published.iter().map(|published| {
            let tags = published.tags.iter().map(|line| {
                json!({
                    "tag": line.tag,
                    "digest": line.digest,
                    "result": words::outcome(&line.outcome),
                    "why": line.why,
                    "row": line.row.number,
                })
            });
            json!({"image": image(&published.image), "tags": tags.collect::<Vec<_>>()})
        });
        json!({
            "at": one.event.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "event": text::title(one),
            "runs": runs.collect::<Vec<_>>(),
            "failed": one.failed.as_ref().map(|text| text.replace(host, "ghcr.io")),
        })
    };
    let row = |RowAccount { row, keep, tags, rolling }: &RowAccount| {
        json!({
            "row": row.number,
            "on": row.label,
            "keep": text::keep(keep),
            "tags": tags.count,
            "newest-days": (tags.count > 0).then_some(tags.newest),
            "oldest-days": (tags.count > 0).then_some(tags.oldest),
            "would-be-due": tags.due,
            "pointers": rolling.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(),
        })
    };
    let images = accounts.iter().map(|account| {
        json!({
            "image": image(&account.image),
            "rows": account.rows.iter().map(row).collect::<Vec<_>>(),
            "signatures": account.signatures,
            "unexplained": account.strays.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(),
            "versions": {"tagged": account.tagged, "untagged": account.untagged},
            "untagged": {
                "reached": account.reached,
                "under-way": account.under_way,
                "left-behind": account.unreached.count,
                "would-be-due": account.unreached.due,
            },
            "bytes": account.bytes,
            "tags": account.tags.iter().map(|(tag, digest)| (tag.to_string(), json!(digest))).collect::<serde_json::Map<_, _>>(),
        })
    });
    json!({
        "repository": repository.to_string(),
        "events": year.iter().map(event).collect::<Vec<_>>(),
        "images": images.collect::<Vec<_>>(),
        "under-way": last.map(event),
        "clean-up": {
            "versions": cleaned["versions"],
            "deleted": cleaned["deleted"],
            "untagged": cleaned["untagged"],
            "kept": cleaned["kept"],
            "freed-bytes": cleaned["freed-bytes"],
        },
    })
}
