//! The nouns: values that are valid once they exist. No IO, no imports from the rest of the crate.

pub mod access;
pub mod commit;
pub mod digest;
pub mod evidence;
pub mod history;
pub mod inventory;
pub mod journal;
pub mod manifest;
pub mod name;
pub mod referrer;
pub mod repository;
pub mod secret;
pub mod survey;
pub mod tag;
pub mod untrusted;

pub use access::{OwnerKind, Pages, RateLimit, Right, TokenKind, Trap};
pub use commit::CommitId;
pub use digest::Digest;
pub use evidence::{Asked, Evidence};
pub use history::{Ancestry, GitHead, NameKind};
pub use inventory::{Inventory, Version, VersionId};
pub use journal::{JournalEntry, JournalState, JournalStep};
pub use manifest::{Descriptor, Manifest, ManifestKind, RawManifest};
pub use name::{ImageName, ImageReference, ManifestReference, RepositoryName};
pub use referrer::ListedReferrer;
pub use repository::RepositoryFacts;
pub use secret::Secret;
pub use survey::CloneSurvey;
pub use tag::Tag;
