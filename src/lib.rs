//! One policy file says which git event creates which image tag, whether the tag may move, and how long it lives.
//!
//! ```text
//! environment + payload ─▶ event ─▶ Context ┐
//! policy file / inputs ─▶ policy::config ▶ Policy ├▶ policy::tagging, rolling ─▶ TagPlan ┐
//! registry: tags, digests ────────────────────────┴─────────────────────────────────────┴▶ policy::publish ─▶ PublishPlan
//! PublishPlan ─▶ execute::publish ─▶ registry            every plan and outcome ─▶ report ─▶ summary, outputs, terminal
//! ```
//!
//! [`policy`] is pure: no HTTP, files, environment, git or clock. Everything around it is a thin adapter over a well-kept
//! crate. Arrows between modules point inward and a test holds them so: `main` → `app` → `execute`, `collect` → `policy` →
//! `event` → `model`; only `main` names an adapter.

pub mod adapters;
pub mod app;
pub mod collect;
pub mod error;
pub mod event;
pub mod execute;
pub mod inputs;
pub mod model;
pub mod policy;
pub mod ports;
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
