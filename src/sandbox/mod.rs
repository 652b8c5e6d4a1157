//! An embedded GHCR: the OCI distribution API over one in-memory store, on loopback, with GHCR's own habits. It serves
//! `demo`, the tests, and users who want to try a policy with real clients.
//!
//! [`state`] is what the registry holds and knows nothing of HTTP; `http` is its face; [`Control`] is how a test looks at
//! it, changes it behind a client's back ([`Fault`], [`RequestHook`]) and asks what a client sent.

pub mod control;
mod data;
pub mod faults;
mod http;
pub mod options;
pub mod requests;
mod rest;
pub mod sample;
pub mod server;
mod source_document;
pub mod state;

pub use control::Control;
pub use faults::{Fault, FaultEffect};
pub use options::{Auth, Options, RegistryLimits};
pub use requests::{RequestHook, RequestInfo};
pub use rest::endpoints;
pub use sample::SampleImage;
pub use server::Sandbox;
pub use state::State;
