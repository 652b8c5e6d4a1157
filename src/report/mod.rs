//! What a run tells: a [`Report`] of plans and outcomes, rendered as job summary, outputs, annotations and for the terminal.
//! Every sentence that users see of a result is here.

pub mod advice;
pub mod cleanup;
pub mod copies;
pub mod diagnostics;
pub mod doctor;
pub mod json;
pub mod labels;
pub mod markdown;
pub mod mirror;
pub mod outputs;
pub mod proposal;
pub mod reference;
pub mod release_notes;
pub mod restore;
mod tag_line;
pub mod terminal;
pub mod words;

use std::collections::BTreeMap;

use crate::{
    event::Context,
    execute::publish::Staged,
    model::{Digest, ImageName, Tag},
    policy::{
        metadata::{Facts, Items, Labels, MetadataError, labels as with_own},
        rules::Policy,
        tagging::{RowPlan, Skip, TagPlan},
    },
};

pub use copies::MirrorReport;
pub use outputs::OUTPUTS;
use release_notes::Released;
pub use tag_line::{Doubt, TagLine, TagOutcome};

/// What a run did, or would do.
#[derive(Clone, Debug)]
pub struct Report {
    /// The mode.
    pub mode: &'static str,
    /// What happened in the source repository.
    pub event: String,
    /// Each image with its tags.
    pub images: Vec<ImageReport>,
    /// Each mirror with its tags.
    pub mirrors: Vec<MirrorReport>,
    /// The rows that did not apply, with their reasons.
    pub skipped: Vec<Skip>,
    /// Why no tag is no mistake, where the event publishes nothing.
    pub nothing: Option<String>,
    /// The first tag of the first row that fits.
    pub version: Option<String>,
    /// Labels for the image, with those of the inputs once it is described.
    pub labels: Labels,
    /// The same without those of the inputs.
    pub base_labels: Labels,
    /// Annotations for the image, each for its level.
    pub annotations: Vec<String>,
    /// What docker/metadata-action's expressions in labels may ask.
    pub facts: Facts,
    /// What docker/metadata-action's outputs list, where its rules give the tags.
    pub drop_in: Option<TagPlan>,
    /// The names that its tags are for, in the order of input `images`.
    pub named: Vec<String>,
    /// The git tag whose release this is about, if rows for releases fit.
    pub released: Option<Released>,
    /// What may be wrong, a sentence each.
    pub warnings: Vec<String>,
    /// What is worth knowing, a sentence each.
    pub notices: Vec<String>,
}

/// One image with its tags.
#[derive(Clone, Debug)]
pub struct ImageReport {
    /// Its name; empty where nothing names it.
    pub image: String,
    /// What the tags of this run point at, where that is known.
    pub digest: Option<Digest>,
    /// The digest of each platform's image manifest.
    pub platforms: BTreeMap<String, Digest>,
    /// Whether a published image took the new one's place.
    pub exists: bool,
    /// What was sent.
    pub staged: Option<Staged>,
    /// How many manifests that refer to it (signatures, attestations) came along from where it was.
    pub referrers: usize,
    /// Manifests and tags that had gone away during the run and were put again.
    pub repaired: Vec<Digest>,
    /// The tags.
    pub tags: Vec<TagLine>,
}

impl ImageReport {
    /// Tells whether a name, as it was typed, is this image's: a registry may have several names.
    #[must_use]
    pub fn is_of(&self, typed: &str) -> bool {
        self.image == typed || typed.parse::<ImageName>().is_ok_and(|name| name.to_string() == self.image)
    }

    /// Starts an image's report.
    #[must_use]
    pub fn new(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            digest: None,
            platforms: BTreeMap::new(),
            exists: false,
            staged: None,
            referrers: 0,
            repaired: Vec::new(),
            tags: Vec::new(),
        }
    }
}

/// Rows in the order of the policy or input; those of inputs are tried by their priority.
fn in_order(skipped: &[Skip]) -> Vec<Skip> {
    let mut skipped = skipped.to_vec();
    skipped.sort_by_key(|skip| skip.row.number);
    skipped
}

impl Report {
    /// Starts a report.
    #[must_use]
    pub fn new(mode: &'static str, context: &Context, plan: &TagPlan, policy: &Policy) -> Self {
        let version = plan.rows.iter().flat_map(RowPlan::names).next().map(str::to_owned);
        let labels = labels::labels(context, version.as_deref());
        let facts = Facts::of(context, &policy.drop_in.clone().unwrap_or_default());
        let mut notices = Vec::new();
        if !policy.not_carried_out.is_empty() {
            notices.push(words::not_carried_out(&policy.not_carried_out));
        }
        Self {
            mode,
            event: words::event(context),
            images: Vec::new(),
            mirrors: Vec::new(),
            skipped: in_order(&plan.skipped),
            nothing: plan.nothing.clone(),
            version,
            base_labels: labels.clone(),
            labels,
            annotations: Vec::new(),
            facts,
            drop_in: policy.drop_in.as_ref().map(|_| plan.clone()),
            named: Vec::new(),
            released: Released::of(context, plan, policy),
            warnings: Vec::new(),
            notices,
        }
    }

    /// Adds the inputs' own labels and annotations.
    ///
    /// # Errors
    /// If a template among them cannot be filled in.
    pub fn describe(&mut self, items: &Items, levels: &str) -> Result<(), MetadataError> {
        let annotations = with_own(&items.annotations, &self.base_labels, &self.facts)?;
        self.labels = with_own(&items.labels, &self.base_labels, &self.facts)?;
        let levels = if levels.is_empty() { "manifest" } else { levels };
        self.annotations = levels
            .split(',')
            .flat_map(|level| annotations.iter().map(move |(key, value)| format!("{level}:{key}={value}")))
            .collect();
        Ok(())
    }

    /// Returns the tags that `keep` picks, each with its image.
    fn lines(&self, keep: fn(&TagLine) -> bool) -> impl Iterator<Item = (&str, &TagLine)> {
        self.images
            .iter()
            .flat_map(|image| image.tags.iter().map(move |line| (image.image.as_str(), line)))
            .filter(move |(_, line)| keep(line))
    }

    /// Returns the full names of the tags that `keep` picks.
    fn full_names(&self, keep: fn(&TagLine) -> bool) -> Vec<String> {
        self.lines(keep)
            .map(|(image, line)| format!("{image}{}{}", if image.is_empty() { "" } else { ":" }, line.tag))
            .collect()
    }

    /// Returns the tags that the image is given, without the image and each once.
    fn tag_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (_, line) in self.lines(TagLine::is_given) {
            if !names.contains(&line.tag.as_str()) {
                names.push(line.tag.as_str());
            }
        }
        names
    }

    /// Returns the digest that the tags point at, where there is an image.
    fn digest(&self) -> Option<&Digest> {
        self.images.iter().find_map(|image| image.digest.as_ref())
    }

    /// Returns the digest of each platform's image.
    fn digests(&self) -> BTreeMap<&str, &Digest> {
        self.images
            .iter()
            .flat_map(|image| image.platforms.iter().map(|(platform, digest)| (platform.as_str(), digest)))
            .collect()
    }

    /// Returns each image by its digest.
    fn image_refs(&self) -> Vec<String> {
        self.images.iter().filter_map(|image| Some(format!("{}@{}", image.image, image.digest.as_ref()?))).collect()
    }

    /// Tells whether a published image took the new one's place.
    fn exists(&self) -> bool {
        self.images.iter().any(|image| image.exists)
    }

    /// Notes that a tag does not point where this run put it.
    pub fn overtaken(&mut self, image: &ImageName, tag: &Tag, wanted: &Digest, found: &Digest) {
        let warning =
            format!("{image}:{tag} was put on {wanted} and points at {found} now: another run writes the same tag");
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Adds a warning, once.
    pub fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Gathers the warnings of all tags once the report is complete.
    pub fn finish(&mut self) {
        self.warnings.extend(self.mirrors.iter().flat_map(|mirror| mirror.warnings.clone()));
        let stays = |line: &TagLine| line.outcome == TagOutcome::Stayed;
        let mut lines = self.images.iter().flat_map(|image| &image.tags).peekable();
        if lines.peek().is_some() && lines.all(stays) {
            self.notices.push(words::ALL_STAY.to_owned());
        }
        for ImageReport { image, tags, repaired, digest, .. } in &self.images {
            let behind: Vec<String> = tags
                .iter()
                .filter(|line| line.only_published && line.outcome == TagOutcome::Planned)
                .map(|line| format!("`{}`", line.tag))
                .collect();
            if let Some(digest) = digest.as_ref().filter(|_| !behind.is_empty()) {
                self.warnings.push(format!(
                    "{} not on the published image yet: a run was interrupted. Push it once more with `source: {image}@{digest}`, which builds nothing",
                    match behind.as_slice() {
                        [one] => format!("{one} is"),
                        several => format!("{} are", several.join(", ")),
                    }
                ));
            }
            for line in tags {
                self.warnings.extend(line.doubt.map(|doubt| words::doubtful(image, line, doubt)));
            }
            if !repaired.is_empty() {
                self.warnings.push(format!(
                    "{} of {image} went away while this run published it and {} put again: does another clean-up run at the same time?",
                    words::count(repaired.len(), "manifest"),
                    if repaired.len() == 1 { "was" } else { "were" },
                ));
            }
        }
    }
}
