//! Collecting what a clean-up depends on, from the embedded registry over HTTP.

mod cache;
mod inventory;
mod limits;
mod listing;
mod references;
mod refusals;
mod source;
mod support;
