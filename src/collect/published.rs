//! What a registry and the source repository say about the tags that a plan names.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _};
use oci_distribution::config::ConfigFile;
use semver::Version;

use crate::{
    event::{Context, Subject},
    model::{Ancestry, CommitId, Digest, ImageName, Manifest, ManifestKind, ManifestReference, RawManifest, Tag},
    policy::{
        inversion::{Inversion, Role},
        publish::{Ours, Published},
        rolling::{self, PointerFacts, PublishedImage},
        rules::{Immutable, Policy, TagRule},
        tagging::{self, RowPlan, TagPlan},
    },
    ports::{PortError, RegistryReader, SourceHistory},
};

/// How many requests are under way at once. Ten reads within 3 ms have been throttled by GHCR, so it stays below.
const AT_ONCE: usize = 6;

/// How many tags that hold a commit are looked at, newest first, to learn which of them is on an image.
const COMMIT_TAGS: usize = 40;

/// What a plan's facts are collected for.
pub struct Question<'a> {
    /// The image.
    pub image: &'a ImageName,
    /// The policy.
    pub policy: &'a Policy,
    /// The planned tags.
    pub plan: &'a TagPlan,
    /// The event.
    pub context: &'a Context,
    /// What is known of the image that is to be published.
    pub ours: &'a Ours,
    /// The length of `{{sha}}`, in digits.
    pub short_sha_length: usize,
    /// Whether to ask even if no row depends on the answer, to tell what a write changes.
    pub always: bool,
}

/// Collects what [`plan_publish`](crate::policy::publish::plan_publish) needs.
///
/// # Errors
/// If the tag list or a manifest cannot be read: an unreadable list is never taken for an empty one.
pub async fn collect_published<R: RegistryReader, H: SourceHistory>(
    reader: &R,
    history: &H,
    question: &Question<'_>,
) -> Result<Published, PortError> {
    let Question { image, policy, plan, ours, always, .. } = question;
    let depends = !plan.captures.is_empty()
        || plan.rows.iter().any(|row| !row.rolling.is_empty() || policy.rules[row.rule].immutable != Immutable::No);
    if plan.rows.is_empty() || !(depends || *always) {
        return Ok(Published::default());
    }
    let mut evidence = Evidence::new(reader, image, policy, reader.tags(image).await?);
    let planned: BTreeSet<Tag> = plan
        .rows
        .iter()
        .flat_map(|row| row.tags().map(|(_, tag)| tag.clone()))
        .chain(plan.captures.iter().map(|capture| capture.tag.clone()))
        .collect();
    evidence.look_up(planned.iter(), ours.digest.as_ref()).await?;
    let mut published = Published { asked: true, ..Published::default() };
    for row in &plan.rows {
        let rule = &policy.rules[row.rule];
        if rule.immutable == Immutable::KeepExisting && !question.context.built_elsewhere {
            for tag in &row.tag {
                if let Some(digest) = evidence.current.get(tag).cloned()
                    && ours.digest.as_ref() != Some(&digest)
                    && let Some(commit) = evidence.commit_of(&digest, question.context).await?
                {
                    published.commits.insert(digest, commit);
                }
            }
        }
        for pointer in &row.rolling {
            let facts = pointer_facts(&mut evidence, history, question, row, pointer).await?;
            published.pointers.insert((row.rule, pointer.clone()), facts);
        }
    }
    published.captured =
        plan.captures.iter().filter(|capture| evidence.current.contains_key(&capture.tag)).cloned().collect();
    published.current = evidence.current.into_iter().filter(|(tag, _)| planned.contains(tag)).collect();
    published.tags = evidence.tags;
    Ok(published)
}

/// Collects the facts about one pointer of one row.
pub(super) async fn pointer_facts<R: RegistryReader, H: SourceHistory>(
    evidence: &mut Evidence<'_, R>,
    history: &H,
    question: &Question<'_>,
    row: &RowPlan,
    pointer: &Tag,
) -> Result<PointerFacts, PortError> {
    let (rule, version) = (&question.policy.rules[row.rule], row.version.as_ref());
    let shared = rolling::is_shared(&question.policy.rules, pointer);
    let mut facts = PointerFacts { current: None, highest: None, ancestry: Ancestry::Unknown, tip: None, shared };
    let mut versions = BTreeMap::new();
    if let Some(version) = version {
        versions = versions_of(question, row, pointer, &evidence.tags);
        versions.remove(version);
        facts.highest = evidence.highest_real(&versions).await?;
    }
    let Some(digest) = evidence.current.get(pointer).cloned() else { return Ok(facts) };
    let mut current = PublishedImage { digest: digest.clone(), version: None, commit: None };
    if question.ours.digest.as_ref() == Some(&digest) {
        facts.current = Some(current);
        facts.ancestry = Ancestry::Same;
        return Ok(facts);
    }
    if version.is_some() {
        current.version = evidence.version_of(&digest, rule, shared.then_some(&versions)).await?;
    }
    let ancestry_decides = version.is_none() || (shared && current.version.is_none());
    if ancestry_decides && !question.context.built_elsewhere {
        current.commit = evidence.commit_of(&digest, question.context).await?;
        if let (Some(ours), Some(theirs)) = (&question.ours.commit, &current.commit) {
            facts.ancestry =
                if ours.same_commit(theirs) { Ancestry::Same } else { history.ancestry(ours, theirs).await? };
        }
        if facts.ancestry == Ancestry::Diverged
            && let Subject::Branch(branch) = &question.context.subject
        {
            facts.tip = history.branch_tip(branch).await?;
        }
    }
    facts.current = Some(current);
    Ok(facts)
}

/// Returns the versions of a row among the tags that a pointer of this run is for: those for which the template that gave
/// the pointer gives it too. What it holds beside the version is taken from this run; where that is not enough, the
/// version counts, which holds the pointer back rather than letting it slip.
pub(super) fn versions_of(
    question: &Question<'_>,
    row: &RowPlan,
    pointer: &Tag,
    tags: &[Tag],
) -> BTreeMap<Version, Tag> {
    let rule = &question.policy.rules[row.rule];
    let fill =
        |template, row: &RowPlan| tagging::expand_for(template, row, question.context, question.short_sha_length);
    let templates: Vec<_> =
        rule.rolling.iter().filter(|template| fill(template, row).as_ref() == Some(pointer)).collect();
    rolling::versions_of_pointer(rule, tags, |version| {
        let other = RowPlan { version: Some(version.clone()), ..row.clone() };
        templates.iter().any(|template| fill(template, &other).is_none_or(|tag| tag == *pointer))
    })
}

/// What the registry was asked, so that nothing is asked twice.
pub(super) struct Evidence<'a, R> {
    reader: &'a R,
    image: &'a ImageName,
    policy: &'a Policy,
    /// All tags, in the registry's order (GHCR: oldest first).
    pub tags: Vec<Tag>,
    /// Whether the package is known to exist; until then nothing is asked of it but its tags.
    exists: bool,
    /// The digest of each tag that was looked up, exists, and is not on a placeholder.
    pub current: BTreeMap<Tag, Digest>,
    manifests: BTreeMap<Digest, RawManifest>,
    labels: BTreeMap<Digest, BTreeMap<String, String>>,
}

impl<'a, R: RegistryReader> Evidence<'a, R> {
    /// Starts from a complete list of tags.
    #[must_use]
    pub(super) fn new(reader: &'a R, image: &'a ImageName, policy: &'a Policy, tags: Vec<Tag>) -> Self {
        let exists = !tags.is_empty();
        Self {
            reader,
            image,
            policy,
            tags,
            exists,
            current: BTreeMap::new(),
            manifests: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }

    /// Starts from the tags of a package that was written to: its list may lag behind and still be empty.
    pub(super) fn of_written(reader: &'a R, image: &'a ImageName, policy: &'a Policy, tags: Vec<Tag>) -> Self {
        Self { exists: true, ..Self::new(reader, image, policy, tags) }
    }

    /// Looks up which digests tags point at. The list may lag behind a write of a moment ago, so tags that it lacks are
    /// asked for as well, unless it is empty: then nothing is published, and asking would be refused where the package
    /// does not exist yet.
    pub(super) async fn look_up(
        &mut self,
        tags: impl Iterator<Item = &Tag>,
        ours: Option<&Digest>,
    ) -> Result<(), PortError> {
        if !self.exists {
            return Ok(());
        }
        let wanted: Vec<Tag> = tags.filter(|tag| !self.current.contains_key(*tag)).cloned().collect();
        let (reader, image) = (self.reader, self.image);
        let found: Vec<(Tag, Option<Digest>)> = futures::stream::iter(wanted)
            .map(|tag| async move {
                let digest = reader.manifest_digest(image, &ManifestReference::Tag(tag.clone())).await?;
                Ok::<_, PortError>((tag, digest))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (tag, digest) in found {
            let Some(digest) = digest else { continue };
            if ours == Some(&digest) || !self.is_placeholder(&digest).await? {
                self.current.insert(tag, digest);
            }
        }
        Ok(())
    }

    async fn manifest(&mut self, digest: &Digest) -> Result<Option<RawManifest>, PortError> {
        if let Some(known) = self.manifests.get(digest) {
            return Ok(Some(known.clone()));
        }
        let read = self.reader.manifest(self.image, &ManifestReference::Digest(digest.clone())).await?;
        if let Some(manifest) = &read {
            self.manifests.insert(digest.clone(), manifest.clone());
        }
        Ok(read)
    }

    /// An image that cannot be parsed is no placeholder of ours.
    async fn is_placeholder(&mut self, digest: &Digest) -> Result<bool, PortError> {
        Ok(self
            .manifest(digest)
            .await?
            .and_then(|manifest| manifest.parse().ok())
            .is_some_and(|manifest| manifest.is_placeholder()))
    }

    /// Returns the highest version whose tag is on a real image.
    pub(super) async fn highest_real(
        &mut self,
        versions: &BTreeMap<Version, Tag>,
    ) -> Result<Option<(Version, Tag)>, PortError> {
        for (version, tag) in versions.iter().rev() {
            self.look_up([tag].into_iter(), None).await?;
            if self.current.contains_key(tag) {
                return Ok(Some((version.clone(), tag.clone())));
            }
        }
        Ok(None)
    }

    /// Learns an image's version from a tag that the row explains. A label only says which tag to ask for: base images
    /// hand theirs down.
    async fn version_of(
        &mut self,
        digest: &Digest,
        rule: &TagRule,
        among: Option<&BTreeMap<Version, Tag>>,
    ) -> Result<Option<(Version, Tag)>, PortError> {
        let label = self.labels(digest).await?.get("org.opencontainers.image.version").cloned();
        let inversion = Inversion::of(rule);
        let mut candidates: Vec<(Version, Tag)> = Vec::new();
        if let Some(label) = label {
            if let Some(tag) = label.parse::<Tag>().ok()
                && let Some(version) = inversion.explain_as(Role::Tag, &tag).and_then(|values| values.version)
            {
                candidates.push((version, tag));
            }
            if let Ok(version) = Version::parse(label.strip_prefix('v').unwrap_or(&label)) {
                candidates.extend(
                    rule.tag
                        .iter()
                        .filter_map(|template| rolling::expand_version(template, &version))
                        .map(|tag| (version.clone(), tag)),
                );
            }
        }
        let tried: Vec<(Version, Tag)> = among
            .into_iter()
            .flat_map(|versions| versions.iter().rev().take(COMMIT_TAGS))
            .map(|(version, tag)| (version.clone(), tag.clone()))
            .collect();
        candidates.extend(tried);
        self.look_up(candidates.iter().map(|(_, tag)| tag), None).await?;
        Ok(candidates.into_iter().find(|(_, tag)| self.current.get(tag) == Some(digest)))
    }

    /// Learns the commit that an image was built from: from a tag that holds one, else from its labels if they name this
    /// source repository.
    pub(super) async fn commit_of(
        &mut self,
        digest: &Digest,
        context: &Context,
    ) -> Result<Option<CommitId>, PortError> {
        let labels = self.labels(digest).await?;
        let label: Option<CommitId> =
            labels.get("org.opencontainers.image.revision").and_then(|text| text.parse().ok());
        let is_ours = labels.get("org.opencontainers.image.source").is_some_and(|source| names(source, context));
        let inversions: Vec<Inversion> = self.policy.rules.iter().map(Inversion::of).collect();
        let mut holding: Vec<(Tag, CommitId)> = self
            .tags
            .iter()
            .chain(self.current.keys())
            .rev()
            .filter_map(|tag| {
                let commit = inversions.iter().find_map(|inversion| inversion.explain(tag)?.1.commit)?;
                Some((tag.clone(), commit))
            })
            .collect();
        // The tags that the label points to come first: usually the first request answers.
        holding.sort_by_key(|(tag, commit)| {
            let known = self.current.get(tag) == Some(digest);
            (!known, !label.as_ref().is_some_and(|label| label.same_commit(commit)))
        });
        holding.dedup();
        holding.truncate(COMMIT_TAGS);
        let full = |commit: CommitId| match &label {
            Some(label) if label.same_commit(&commit) => label.clone(),
            _ => commit,
        };
        for some in holding.chunks(AT_ONCE) {
            self.look_up(some.iter().map(|(tag, _)| tag), Some(digest)).await?;
            if let Some((_, commit)) = some.iter().find(|(tag, _)| self.current.get(tag) == Some(digest)) {
                return Ok(Some(full(commit.clone())));
            }
        }
        Ok(label.filter(|_| is_ours))
    }

    /// Reads an image's labels: of its configuration (for an index, its first platform's), and an index's annotations,
    /// which win.
    async fn labels(&mut self, digest: &Digest) -> Result<BTreeMap<String, String>, PortError> {
        if let Some(known) = self.labels.get(digest) {
            return Ok(known.clone());
        }
        let labels = self.read_labels(digest).await?;
        self.labels.insert(digest.clone(), labels.clone());
        Ok(labels)
    }

    async fn read_labels(&mut self, digest: &Digest) -> Result<BTreeMap<String, String>, PortError> {
        let Some(root) = self.manifest(digest).await?.and_then(|raw| raw.parse().ok()) else {
            return Ok(BTreeMap::new());
        };
        let Manifest { kind, annotations, .. } = root;
        let config = match kind {
            ManifestKind::Image { config, .. } => Some(*config),
            ManifestKind::Index { manifests } => {
                let child = manifests.into_iter().find(|child| {
                    child.is_manifest() && child.platform.as_ref().is_none_or(|platform| platform.os != "unknown")
                });
                match child {
                    None => None,
                    Some(child) => self.manifest(&child.digest).await?.and_then(|raw| match raw.parse().ok()?.kind {
                        ManifestKind::Image { config, .. } => Some(*config),
                        ManifestKind::Index { .. } => None,
                    }),
                }
            }
        };
        let mut labels = BTreeMap::new();
        if let Some(config) = config.filter(|config| config.media_type.contains("image")) {
            let bytes = self.reader.small_blob(self.image, &config).await?;
            let read = serde_json::from_slice::<ConfigFile>(&bytes).ok();
            labels.extend(read.and_then(|file| file.config?.labels).unwrap_or_default());
        }
        labels.extend(annotations);
        Ok(labels)
    }
}

/// Tells whether a `source` label is the page of this run's source repository.
fn names(source: &str, context: &Context) -> bool {
    let Some(repository) = &context.repository else { return false };
    let page = format!("{}/{repository}", context.server_url.trim_end_matches('/'));
    let source = source.trim().trim_end_matches('/');
    source.strip_suffix(".git").unwrap_or(source).eq_ignore_ascii_case(&page)
}
