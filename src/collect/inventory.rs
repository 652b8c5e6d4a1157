//! Collects everything that the clean-up of one package depends on: complete, or an error.

mod ask;
mod closed;
mod manifests;
mod references;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use self::ask::Asker;
pub(super) use self::manifests::read_manifests;
use crate::{
    model::{
        Asked, Digest, Evidence, ImageName, Inventory, ManifestReference, RepositoryName, Tag, Version,
        inventory::ManifestFacts,
    },
    policy::{
        cleanup::{Blocked, CleanupPlan, plan_cleanup, plan_closed_pull_request},
        rules::Policy,
    },
    ports::{
        ListedVersion, ManifestCache, PackageFacts, PackagesReader, PortError, PortErrorKind, RegistryReader,
        RepositoryReader,
    },
};

/// How often the plan may name new questions: each kind of fact can lead to the next once.
const ROUNDS: usize = 8;

/// How often the versions are listed while the registry shows tags that they lack.
const LISTINGS: usize = 3;

/// Whom a clean-up asks.
#[derive(Debug)]
pub struct Sources<'a, P, R, S, C> {
    /// The Packages API.
    pub packages: &'a P,
    /// The registry.
    pub registry: &'a R,
    /// The source repository.
    pub repository: &'a S,
    /// What earlier runs read.
    pub cache: &'a C,
}

/// What is to be collected.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The package.
    pub image: &'a ImageName,
    /// The policy that decides what must be known.
    pub policy: &'a Policy,
    /// The source repository of the run, for a package that is linked to none.
    pub own_repository: Option<&'a RepositoryName>,
    /// What takes the place of the API's clock (input `now`).
    pub now: Option<DateTime<Utc>>,
    /// What the run's own clock says, where nobody else is asked.
    pub clock: DateTime<Utc>,
    /// The pull request that was closed, if only its tags are cleaned up: that reads no manifest.
    pub closed: Option<u64>,
}

/// What was collected.
#[derive(Debug)]
pub struct Collected {
    /// The facts.
    pub inventory: Inventory,
    /// What the API says of the package; none where a closed pull request has no tag, and nobody asked.
    pub package: Option<PackageFacts>,
    /// The source repository that was asked.
    pub repository: Option<RepositoryName>,
    /// The tags of the registry's own list.
    pub registry_tags: BTreeSet<Tag>,
    /// How many manifests were asked for: the others were remembered.
    pub manifests_read: usize,
    /// The plan that follows, or what forbids one.
    pub plan: Result<CleanupPlan, Blocked>,
}

impl Collected {
    /// What there is to know where a closed pull request has no tag.
    fn nothing(wanted: &Wanted<'_>, registry_tags: BTreeSet<Tag>) -> Self {
        let Wanted { image, policy, now, clock, closed, .. } = *wanted;
        let inventory = Inventory {
            image: image.clone(),
            taken_at: now.unwrap_or(clock),
            versions: Vec::new(),
            deleted: Asked::NotAsked,
            undeletable: BTreeMap::new(),
            pull_requests: Asked::NotAsked,
            branches: Asked::NotAsked,
            evidence: Evidence::default(),
            references: Asked::NotAsked,
        };
        let plan = plan_closed_pull_request(&inventory, policy, closed.unwrap_or_default());
        Self { inventory, package: None, repository: None, registry_tags, manifests_read: 0, plan: Ok(plan) }
    }
}

/// Collects the facts of several packages, one after the other. One that fails does not stop the others.
pub async fn collect_all<P, R, S, C>(
    sources: &Sources<'_, P, R, S, C>,
    wanted: &[Wanted<'_>],
) -> Vec<Result<Collected, PortError>>
where
    P: PackagesReader,
    R: RegistryReader,
    S: RepositoryReader,
    C: ManifestCache,
{
    let mut all = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        all.push(collect(sources, wanted).await);
    }
    all
}

/// Collects the facts of one package.
///
/// # Errors
/// If its versions, their tags or their manifests cannot be known completely. What only decides the life of some tags is
/// noted as unreadable instead, and keeps them.
pub async fn collect<P, R, S, C>(sources: &Sources<'_, P, R, S, C>, wanted: &Wanted<'_>) -> Result<Collected, PortError>
where
    P: PackagesReader,
    R: RegistryReader,
    S: RepositoryReader,
    C: ManifestCache,
{
    let Wanted { image, policy, own_repository, now, closed, .. } = *wanted;
    let own_tags = match closed {
        Some(number) => Some(closed::own_tags(sources.registry, image, policy, number).await?),
        None => None,
    };
    if let Some((own, tags)) = &own_tags
        && own.is_empty()
    {
        return Ok(Collected::nothing(wanted, tags.clone()));
    }
    let package = sources.packages.package(image).await?;
    let (listed, registry_tags) = match own_tags {
        Some((own, tags)) => (closed::list_closed(sources, image, policy, &own).await?, tags),
        None => {
            if let Some(count) = package.version_count {
                // The pages, the count after them, and one deletion.
                sources.packages.afford(image, count.div_ceil(100) + 2).await?;
            }
            list(sources, image).await?
        }
    };
    let digests = || listed.iter().map(|version| version.digest.clone()).collect::<BTreeSet<Digest>>();
    let (mut facts, manifests_read) = match closed {
        None => read_manifests(sources.registry, sources.cache, image, digests()).await?,
        Some(_) => (BTreeMap::new(), 0),
    };
    let version = |version: ListedVersion| {
        let ListedVersion { id, digest, tags, created_at, updated_at } = version;
        // Two versions never have one digest; should they, both get what it says.
        let manifest = facts.get(&digest).cloned().unwrap_or(ManifestFacts::NotRead);
        Version { id, digest, tags, created_at, updated_at, manifest }
    };
    let versions: Vec<Version> = listed.into_iter().map(version).collect();
    facts.clear();
    // What the policy says is about its own images; other packages that live by its rows have sources of their own.
    let repository = match policy.images.contains(image) {
        true => policy.repository.clone().or_else(|| package.repository.clone()).or_else(|| own_repository.cloned()),
        false => package.repository.clone(),
    };
    let mut inventory = Inventory {
        image: image.clone(),
        // Not the time of the last answer: what is pushed while this goes on must not look old.
        taken_at: now.unwrap_or(package.answered_at),
        versions,
        deleted: Asked::NotAsked,
        undeletable: BTreeMap::new(),
        pull_requests: Asked::NotAsked,
        branches: Asked::NotAsked,
        evidence: Evidence::default(),
        references: Asked::NotAsked,
    };
    let mut asker = Asker::new(sources.packages, sources.repository, repository.as_ref(), policy);
    if let Some(wanted) = &policy.references {
        inventory.references = references::collect(sources.repository, repository.as_ref(), wanted, image).await?;
    }
    let plan = ask_all(&mut asker, &mut inventory, policy, closed).await?;
    Ok(Collected { inventory, package: Some(package), repository, registry_tags, manifests_read, plan })
}

/// Asks what the plan names until it names nothing more.
async fn ask_all<P: PackagesReader, S: RepositoryReader>(
    asker: &mut Asker<'_, P, S>,
    inventory: &mut Inventory,
    policy: &Policy,
    closed: Option<u64>,
) -> Result<Result<CleanupPlan, Blocked>, PortError> {
    for _ in 0..ROUNDS {
        let planned = match closed {
            None => plan_cleanup(inventory, policy),
            Some(number) => Ok(plan_closed_pull_request(inventory, policy, number)),
        };
        let plan = match planned {
            Ok(plan) if !plan.questions.is_empty() => plan,
            done => return Ok(done),
        };
        asker.answer(inventory, &plan.questions).await?;
    }
    Err(PortError::new(
        PortErrorKind::Malformed,
        format!("collect the facts of {}", inventory.image),
        format!("the plan asks for more after {ROUNDS} rounds"),
    ))
}

/// Lists the versions, and the tags by the registry's own list. A tag that only the registry shows is newer than the list of
/// versions: that is waited for, or, if the version is known, the tag counts as there too.
async fn list<P: PackagesReader, R: RegistryReader, S, C>(
    sources: &Sources<'_, P, R, S, C>,
    image: &ImageName,
) -> Result<(Vec<ListedVersion>, BTreeSet<Tag>), PortError> {
    let mut behind = None;
    for _ in 0..LISTINGS {
        let mut versions = sources.packages.active_versions(image).await?;
        let tags: BTreeSet<Tag> = sources.registry.tags(image).await?.into_iter().collect();
        let listed: BTreeSet<&Tag> = versions.iter().flat_map(|version| &version.tags).collect();
        let new: Vec<Tag> = tags.iter().filter(|tag| !listed.contains(tag)).cloned().collect();
        behind = None;
        for tag in new {
            // One that names nothing is an old list's word, or a leftover.
            let reference = ManifestReference::Tag(tag.clone());
            let Some(digest) = sources.registry.manifest_digest(image, &reference).await? else { continue };
            match versions.iter_mut().find(|version| version.digest == digest) {
                Some(version) => {
                    version.tags.insert(tag);
                }
                None => behind = Some((tag, digest)),
            }
        }
        if behind.is_none() {
            return Ok((versions, tags));
        }
    }
    let (tag, digest) = behind.map_or_else(Default::default, |(tag, digest)| (tag.to_string(), digest.short()));
    Err(PortError::new(
        PortErrorKind::Unavailable,
        format!("list the versions of {image}"),
        format!("the list is behind the registry: it lacks {digest}, which is tagged `{tag}`"),
    )
    .with_hint("something was pushed just now: run it again in a minute"))
}
