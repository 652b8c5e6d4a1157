//! `plan.json`: the plans of a run as a file, written with the same bytes for the same facts, and read again by `apply`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, Serializer};

use super::{CleanupPlan, Decision, PlannedVersion, Step, VersionReason};
use crate::{
    model::{Digest, Tag, VersionId},
    policy::{
        inversion::Role,
        retention::{Life, TagDecision, TagReason},
    },
};

/// What the file calls its format.
pub const FORMAT: &str = "ghcr-lifecycle/plan/1";

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    taken_at: Option<String>,
    packages: Vec<Package<'a>>,
}

#[derive(Serialize)]
struct Package<'a> {
    name: String,
    versions: Vec<VersionEntry<'a>>,
    untag: Vec<UntagEntry<'a>>,
    steps: &'a [Step],
}

#[derive(Serialize)]
struct VersionEntry<'a> {
    id: VersionId,
    digest: &'a Digest,
    tags: Vec<&'a Tag>,
    decision: Decision,
    reasons: Reasons<'a>,
}

#[derive(Serialize)]
struct UntagEntry<'a> {
    tag: &'a Tag,
    digest: &'a Digest,
    reasons: Reasons<'a>,
}

/// The reasons of a version or tag: those of tags first, then the version's own.
struct Reasons<'a> {
    tags: Vec<&'a TagDecision>,
    own: &'a [VersionReason],
}

#[derive(Serialize)]
struct RowReason<'a> {
    #[serde(flatten)]
    life: &'a Life,
    tag: &'a Tag,
    row: usize,
    role: Role,
}

#[derive(Serialize)]
struct OtherReason<'a> {
    #[serde(flatten)]
    reason: &'a TagReason,
    tag: &'a Tag,
}

impl Serialize for Reasons<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq as _;
        let mut list = serializer.serialize_seq(None)?;
        for decision in &self.tags {
            let tag = &decision.tag;
            for row in decision.deciding() {
                for life in &row.reasons {
                    list.serialize_element(&RowReason { life, tag, row: row.row, role: row.role })?;
                }
            }
            for reason in &decision.others {
                list.serialize_element(&OtherReason { reason, tag })?;
            }
        }
        // A kept tag's own reasons say more.
        let is_said = |reason: &&VersionReason| !matches!(reason, VersionReason::Tagged);
        for reason in self.own.iter().filter(is_said) {
            list.serialize_element(reason)?;
        }
        list.end()
    }
}

impl<'a> VersionEntry<'a> {
    fn of(version: &'a PlannedVersion) -> Self {
        let PlannedVersion { id, digest, decision, tags, reasons, .. } = version;
        let says_why = |tag: &&TagDecision| *decision == Decision::Delete || tag.keeps();
        Self {
            id: *id,
            digest,
            tags: tags.iter().map(|decision| &decision.tag).collect(),
            decision: *decision,
            reasons: Reasons { tags: tags.iter().filter(says_why).collect(), own: reasons },
        }
    }
}

/// Writes the plans of a run as `plan.json`, in the order of the packages' names.
///
/// # Errors
/// None that these values can cause.
pub fn write_plans<'a>(plans: impl IntoIterator<Item = &'a CleanupPlan>) -> Result<String, serde_json::Error> {
    let mut sorted: Vec<&CleanupPlan> = plans.into_iter().collect();
    sorted.sort_by(|a, b| a.image.cmp(&b.image));
    let taken_at = sorted.iter().map(|plan| plan.taken_at).min();
    let document = Document {
        format: FORMAT,
        taken_at: taken_at.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        packages: sorted.into_iter().map(package).collect(),
    };
    let mut text = serde_json::to_string(&document)?;
    text.push('\n');
    Ok(text)
}

fn package(plan: &CleanupPlan) -> Package<'_> {
    let untag = plan.untag.iter().map(|untag| UntagEntry {
        tag: &untag.tag,
        digest: &untag.digest,
        reasons: Reasons { tags: plan.decision_on(untag).into_iter().collect(), own: &[] },
    });
    Package {
        name: plan.image.to_string(),
        versions: plan.versions.iter().map(VersionEntry::of).collect(),
        untag: untag.collect(),
        steps: &plan.steps,
    }
}

/// A plan as it was read from a file: what `apply` may do at most.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SavedPlan {
    /// The file's format; anything but [`FORMAT`] is not this.
    pub format: String,
    /// When the facts were taken, RFC 3339.
    pub taken_at: Option<String>,
    /// The packages.
    pub packages: Vec<SavedPackage>,
}

/// A package of a saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SavedPackage {
    /// The package, as clients name it.
    pub name: String,
    /// Its versions.
    pub versions: Vec<SavedVersion>,
    /// The tags that were to be taken away.
    pub untag: Vec<SavedUntag>,
    /// What was to be done.
    pub steps: Vec<Step>,
}

/// A version of a saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SavedVersion {
    /// Its number.
    pub id: VersionId,
    /// Its digest.
    pub digest: Digest,
    /// Its tags at that time.
    pub tags: BTreeSet<Tag>,
    /// What was to become of it.
    pub decision: Decision,
}

/// A tag of a saved plan that was to be taken away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct SavedUntag {
    /// The tag.
    pub tag: Tag,
    /// The digest that it was on.
    pub digest: Digest,
}

/// Text that is no saved plan.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It is not JSON of the right shape.
    #[error("the plan file cannot be read")]
    Json(#[from] serde_json::Error),
    /// It is another format.
    #[error("the plan file is of another format: `{0}`, expected `{FORMAT}`")]
    Format(String),
}

impl SavedPlan {
    /// Reads a plan file.
    ///
    /// # Errors
    /// If it is no plan of this format.
    pub fn parse(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        let plan: Self = serde_json::from_slice(bytes)?;
        if plan.format != FORMAT {
            return Err(SavedPlanError::Format(crate::model::untrusted::shown(&plan.format)));
        }
        Ok(plan)
    }
}
