//! Images to publish: where one may come from, and how a user names it.

mod apart;
pub mod archive;
mod compression;
mod contents;
mod daemon;
mod docker_save;
pub mod joined;
pub mod layout;
pub mod registry;
mod root;
mod slice;
mod source;
mod spec;
mod tar_index;

pub use archive::{ArchiveForm, ArchiveSource};
pub use joined::JoinedSource;
pub use layout::LayoutSource;
pub use registry::RegistrySource;
pub use source::{Opener, SingleSource, Source};
pub use spec::{DaemonImage, LocalKind, LocalSource, NamedSource, SourceSpec, SourceSpecError};
