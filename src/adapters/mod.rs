//! The outside world: each module implements ports, or speaks one protocol, over a well-kept crate.

#![expect(clippy::disallowed_methods, reason = "this is where files, the environment and the clock are read")]

pub mod git;
pub mod github;
pub mod history;
pub mod http;
pub mod manifest_cache;
pub mod packages;
pub mod registry;
pub mod repository;
pub mod rest;
pub mod runner;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod sources;
