//! The outside world: each module implements ports, or speaks one protocol, over a well-kept crate.

pub mod git;
pub mod github;
pub mod history;
pub mod runner;
pub mod sources;
mod untrusted;
