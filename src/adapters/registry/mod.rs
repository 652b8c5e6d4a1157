//! A registry over the OCI distribution API
//! ([specification](https://github.com/opencontainers/distribution-spec/blob/main/spec.md)), with GHCR's habits.

mod authenticator;
mod blob;
mod challenge;
mod client;
mod credentials;
mod docker_config;
mod location;
mod manifest;
mod pieces;
mod referrers;
mod refusal;
mod tags;
mod transfers;
mod upload;
mod verified;

pub use client::RegistryClient;
pub use credentials::{BasicFor, CredentialOptions};
pub use docker_config::DockerConfig;
pub use transfers::Transfers;
