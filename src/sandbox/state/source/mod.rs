//! Source repositories: what the REST API tells of commits, branches, tags, pull requests, releases, issues.

pub mod commits;
pub mod history;
pub mod objects;
pub mod pulls;
pub mod refs;
pub mod releases;
mod repository;

pub use commits::{Commit, NewCommit};
pub use pulls::PullRequest;
pub use refs::{AnnotatedTag, Target};
pub use releases::{Dispatch, Issue, Release};
pub use repository::SourceRepository;
