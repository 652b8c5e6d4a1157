//! GitHub's REST API as a clean-up uses it: many requests, paced and counted, pages in parallel, limits waited out.
//!
//! What an answer means is left to the modules above. The few questions that tagging has are in `adapters::github`.

mod api;
mod limited;
mod meter;
mod pages;

pub use api::{Api, ApiOptions};
pub(super) use api::{ApiAnswer, Call, Verb};
pub(super) use pages::{Page, Pages};
