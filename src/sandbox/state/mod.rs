//! What the sandbox holds: owners, packages with their versions, tags and blobs, source repositories, tokens, limits and
//! the clock. It knows nothing of HTTP, and it checks nothing that the protocol's faces check: tests put it into states
//! that no client could reach.

pub mod clock;
mod completeness;
pub mod limits;
pub mod owners;
pub mod packages;
mod repository;
pub mod source;
mod store;
mod stored;
mod tags;
pub mod tokens;
mod uploads;
pub mod versions;

pub use clock::{Clock, Time};
pub use owners::{Owner, OwnerKind};
pub use packages::{Package, Refusal, Visibility};
pub use repository::Repository;
pub use source::SourceRepository;
pub use store::State;
pub use tokens::{Role, Token, TokenKind};
pub use uploads::Upload;
pub use versions::Version;

pub(super) use stored::Bytesless;
