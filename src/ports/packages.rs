//! GitHub's Packages API: what a package holds, and deleting and restoring its versions.

use std::{collections::BTreeSet, future::Future, time::Duration};

use chrono::{DateTime, Utc};

use super::PortError;
use crate::model::{Digest, ImageName, OwnerKind, RateLimit, RepositoryName, Tag, VersionId};

/// What the API says of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFacts {
    /// What kind of account owns it.
    pub owner: OwnerKind,
    /// Who may pull it, in the API's word: `public`, `private` or `internal`.
    pub visibility: String,
    /// How many active versions it has, by the API's own count.
    pub version_count: Option<u64>,
    /// The source repository that it is linked to.
    pub repository: Option<RepositoryName>,
    /// Its page.
    pub page: String,
    /// The page of its settings.
    pub settings: String,
    /// When the API answered, by its own clock: the "now" of a run.
    pub answered_at: DateTime<Utc>,
}

/// A version as lists have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// Its number.
    pub id: VersionId,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its tags; perhaps none of a deleted version, whatever it had.
    pub tags: BTreeSet<Tag>,
    /// When GHCR first saw the digest.
    pub created_at: DateTime<Utc>,
    /// What GHCR calls the last update.
    pub updated_at: DateTime<Utc>,
}

/// Reads packages.
pub trait PackagesReader: Sync {
    /// Asks for the facts of a package; what kind of account its owner is, is found out.
    fn package(&self, image: &ImageName) -> impl Future<Output = Result<PackageFacts, PortError>> + Send;

    /// Lists the active versions: all of them, each once, lowest number first, or an error.
    fn active_versions(&self, image: &ImageName) -> impl Future<Output = Result<Vec<ListedVersion>, PortError>> + Send;

    /// Lists the newest active versions, newest first, down to the page that has one of those in `known`.
    fn newest_versions(
        &self,
        image: &ImageName,
        known: &BTreeSet<VersionId>,
    ) -> impl Future<Output = Result<Vec<ListedVersion>, PortError>> + Send;

    /// Lists the newest active versions, newest first, down to the page by which all of some digests are there.
    fn newest_with(
        &self,
        image: &ImageName,
        digests: &BTreeSet<Digest>,
    ) -> impl Future<Output = Result<Vec<ListedVersion>, PortError>> + Send;

    /// Lists the names of an owner's container packages that the token sees; `owner` is the first part of an image's name.
    fn packages(&self, owner: &str) -> impl Future<Output = Result<BTreeSet<String>, PortError>> + Send;

    /// Lists the versions that were deleted and can still be restored, as completely.
    fn deleted_versions(&self, image: &ImageName)
    -> impl Future<Output = Result<Vec<ListedVersion>, PortError>> + Send;

    /// Waits until the token's hour has so many requests left, if it is known to have fewer; an error if that takes too
    /// long, or if no hour has as many.
    fn afford(&self, image: &ImageName, requests: u64) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns where the token stands, as the last answer said; `None` until one said so.
    fn rate_limit(&self) -> Option<RateLimit>;

    /// Tells whether the token may delete versions and, if `pushes`, move tags, as far as the answers so far said; nothing is
    /// asked for it.
    ///
    /// # Errors
    /// If it is known that it may not.
    fn may_change(&self, _image: &ImageName, _pushes: bool) -> Result<(), PortError> {
        Ok(())
    }
}

/// What became of a request to delete a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is deleted.
    Done,
    /// It was gone already.
    AlreadyGone,
    /// GitHub will not delete it, however often it is asked.
    Refused {
        /// Why.
        why: Refused,
        /// What it said, bounded and without control characters.
        said: String,
    },
    /// It could not be sent in time, or not be sent again after a failure: what is known of the version has to be looked at
    /// once more.
    TooLate,
}

/// Why GitHub does not delete a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No other tagged version would remain.
    LastTagged,
    /// It is public and was downloaded more than 5,000 times.
    Downloads,
    /// It gave another reason.
    Other,
}

/// What became of a request to restore a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restoration {
    /// It is back.
    Done,
    /// It is not among the deleted versions: it is active, or gone for good.
    NotThere,
}

/// Deletes and restores versions.
pub trait PackagesWriter: PackagesReader {
    /// Deletes a version with all its tags. No request is sent later than `within` from now, however long a limit makes it
    /// wait: what was known of the version is too old then.
    fn delete_version(
        &self,
        image: &ImageName,
        id: VersionId,
        within: Duration,
    ) -> impl Future<Output = Result<Deletion, PortError>> + Send;

    /// Restores a version that was deleted in the last 30 days.
    fn restore_version(
        &self,
        image: &ImageName,
        id: VersionId,
    ) -> impl Future<Output = Result<Restoration, PortError>> + Send;
}

/// Knows the web pages of packages.
pub trait PackagePages: Sync {
    /// Returns the address of a package's settings, whether or not it exists.
    fn settings_page(&self, image: &ImageName) -> impl Future<Output = Result<String, PortError>> + Send;
}
