//! Tests of the adapters against real peers: programs, files, and servers on loopback.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests set files up and fail loudly")]

mod git;
mod github;
mod programs;
mod runner;
mod sources;
