//! Images to publish: where one may come from, and how a user names it.

pub mod archive;
pub mod layout;
pub mod registry;
mod root;
mod source;
mod spec;
mod tar_index;

pub use archive::ArchiveSource;
pub use layout::LayoutSource;
pub use registry::RegistrySource;
pub use source::Source;
pub use spec::{LocalKind, LocalSource, SourceSpec, SourceSpecError};
