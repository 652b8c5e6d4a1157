//! What the use cases need of the world, as traits: the adapters implement them, tests may too.

mod access;
mod cache;
mod packages;
mod run;
mod source;

use std::{error::Error, fmt, future::Future, io::Read, pin::Pin};

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use tokio::io::AsyncRead;

pub use self::{
    access::{AccessReader, RepositoryPart, TokenFacts},
    cache::ManifestCache,
    packages::{
        Deletion, ListedVersion, PackageFacts, PackagePages, PackagesReader, PackagesWriter, Refused, Restoration,
    },
    run::{Journal, Records, Run},
    source::{FileEntry, GitTagObject, ReleaseText, ReleaseTexts, RepositoryReader},
};
pub use crate::model::{Ancestry, NameKind, OwnerKind, RateLimit};
use crate::model::{
    CommitId, Descriptor, Digest, GitHead, ImageName, ListedReferrer, ManifestReference, Pages, RawManifest,
    RepositoryFacts, Tag, Trap,
};

/// Why a request failed, by what would cure it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The thing asked for is not there (where its absence is no answer).
    NotFound,
    /// The credentials do not allow it, or there are none.
    Denied,
    /// A rate limit outlasted the retries.
    RateLimited,
    /// The service or the network failed and went on failing.
    Unavailable,
    /// The answer (or the file) is not what the protocol says, or does not match its digest.
    Malformed,
    /// The document is there, but of a kind that this program does not know.
    Unsupported,
}

/// A failed request: what was tried, on what, and the remedy where one is known.
#[derive(Debug)]
pub struct PortError {
    /// Why, by remedy.
    pub kind: PortErrorKind,
    /// What was tried, fit for "failed to …": `list the tags of ghcr.io/acme/shop`.
    pub operation: String,
    /// What the other side said or what was wrong, bounded and without control characters.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Which trap of permissions it is, where that is known: then it gave the hint.
    pub trap: Option<Box<Trap>>,
    /// The error below this one.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl PortError {
    /// Makes an error without a hint and without a source.
    #[must_use]
    pub fn new(kind: PortErrorKind, operation: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, operation: operation.into(), detail: detail.into(), hint: None, trap: None, source: None }
    }

    /// Tells whether the world is to blame, not what was asked for.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind == PortErrorKind::Unavailable
    }

    /// Adds the remedy.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says which trap it is; the remedy comes with it.
    #[must_use]
    pub fn with_trap(mut self, trap: Trap, pages: &Pages<'_>) -> Self {
        self.hint = Some(trap.hint(pages));
        self.trap = Some(Box::new(trap));
        self
    }

    /// Adds the error below.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.operation, self.detail)
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Reads a registry.
pub trait RegistryReader: Sync {
    /// Lists all tags of an image. The list is complete or an error; it is empty only where the registry proved that
    /// nothing is published yet (an authenticated 404, or a refusal where the same credentials may start an upload).
    fn tags(&self, image: &ImageName) -> impl Future<Output = Result<Vec<Tag>, PortError>> + Send;

    /// Gets a manifest, verified against its digest. `None` if the registry has none there.
    fn manifest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
    ) -> impl Future<Output = Result<Option<RawManifest>, PortError>> + Send;

    /// Asks for a manifest's digest without its body. `None` if the registry has none there.
    fn manifest_digest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
    ) -> impl Future<Output = Result<Option<Digest>, PortError>> + Send;

    /// Lists what refers to a manifest. `None` if the registry has no referrers API: then the fallback tag is the list.
    fn referrers(
        &self,
        image: &ImageName,
        subject: &Digest,
    ) -> impl Future<Output = Result<Option<Vec<ListedReferrer>>, PortError>> + Send;

    /// Opens a blob as a stream. Who reads it verifies digest and size.
    fn blob(&self, image: &ImageName, blob: &Descriptor) -> impl Future<Output = Result<BlobStream, PortError>> + Send;

    /// Returns how often the registry has asked to be asked less often, so far: whoever asks much at once then asks less.
    fn slowed_down(&self) -> u64 {
        0
    }

    /// Gets a blob of at most 4 MiB whole (an image configuration), verified against its digest.
    fn small_blob(&self, image: &ImageName, blob: &Descriptor)
    -> impl Future<Output = Result<Bytes, PortError>> + Send;
}

/// How a blob came into a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobOutcome {
    /// It was there.
    Present,
    /// The registry took it from another of its repositories.
    Mounted,
    /// It was sent.
    Uploaded,
}

/// Writes to a registry.
pub trait RegistryWriter: RegistryReader {
    /// Notes that blobs of so many bytes are about to be put, for those who watch the progress.
    fn expect_bytes(&self, _bytes: u64) {}

    /// Makes a blob present: asks by HEAD, then mounts it from `source`'s repository if it is in the same registry, then
    /// sends it from `source`.
    fn put_blob<S: ImageSource>(
        &self,
        image: &ImageName,
        blob: &Descriptor,
        source: &S,
    ) -> impl Future<Output = Result<BlobOutcome, PortError>> + Send;

    /// Puts a manifest byte for byte under a tag or its digest, and checks the digest that the registry answers.
    fn put_manifest(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
        manifest: &RawManifest,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Does the same, and does not try again: for whoever has to read what the tag is on before each try.
    fn put_manifest_once(
        &self,
        image: &ImageName,
        reference: &ManifestReference,
        manifest: &RawManifest,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The bytes of a blob as they come.
pub type BlobStream = Pin<Box<dyn AsyncRead + Send>>;

/// The bytes of a blob that this machine holds: reading them waits for nobody else.
pub type LocalBlob = Box<dyn Read + Send>;

/// An image to publish, wherever it is.
pub trait ImageSource: Sync {
    /// Gets the manifest or index that the source names.
    fn root(&self) -> impl Future<Output = Result<RawManifest, PortError>> + Send;

    /// Gets a child manifest by the descriptor that an index gives it, verified against digest and size.
    fn manifest(&self, descriptor: &Descriptor) -> impl Future<Output = Result<RawManifest, PortError>> + Send;

    /// Opens a blob. Who reads it verifies digest and size.
    fn blob(&self, descriptor: &Descriptor) -> impl Future<Output = Result<BlobStream, PortError>> + Send;

    /// Opens a blob that this machine holds, which is faster to read as such. `None` where it comes from elsewhere. Who reads
    /// it verifies digest and size.
    ///
    /// # Errors
    /// If it is not there, or is not what the descriptor says.
    fn local_blob(&self, _descriptor: &Descriptor) -> Result<Option<LocalBlob>, PortError> {
        Ok(None)
    }

    /// The image in a registry that a blob can be mounted from.
    fn mount_from(&self, blob: &Descriptor) -> Option<&ImageName>;

    /// The images in registries that it is from: what refers to its manifests is there.
    fn origins(&self) -> Vec<&ImageName> {
        Vec::new()
    }

    /// The manifests beside the image that refer to some manifest: a layout lists them as it lists the image.
    fn beside(&self) -> &[Descriptor] {
        &[]
    }
}

/// The source repository's history: the local clone, then the GitHub API.
pub trait SourceHistory: Sync {
    /// Compares two commits.
    fn ancestry(&self, ours: &CommitId, theirs: &CommitId) -> impl Future<Output = Result<Ancestry, PortError>> + Send;

    /// Returns the commit that a branch points at now, by the API. `None` if that cannot be known.
    fn branch_tip(&self, branch: &str) -> impl Future<Output = Result<Option<CommitId>, PortError>> + Send;

    /// Returns a commit's committer date. `None` if neither the clone nor the API can be asked.
    fn commit_date(
        &self,
        commit: &CommitId,
    ) -> impl Future<Output = Result<Option<DateTime<FixedOffset>>, PortError>> + Send;

    /// Tells whether `name` is a tag that peels to `commit`, or a branch whose head it is.
    fn name_kind(&self, name: &str, commit: &CommitId) -> impl Future<Output = Result<NameKind, PortError>> + Send;

    /// Tells whether a git tag has a date of its own: it is annotated, or a release is published for it. `None` if that
    /// cannot be known.
    fn git_tag_has_date(&self, _tag: &str) -> impl Future<Output = Option<bool>> + Send {
        async { None }
    }
}

/// The source repository as it is now, for those who were not told by the event.
pub trait SourceRepository: Sync {
    /// Asks the API for the facts that labels are made of.
    fn repository_facts(&self) -> impl Future<Output = Result<RepositoryFacts, PortError>> + Send;

    /// Returns what is checked out in the workspace (input `context: git`).
    ///
    /// # Errors
    /// If there is no clone, or what is checked out has no name.
    fn checkout(&self) -> Result<GitHead, PortError>;
}
