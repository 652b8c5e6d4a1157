//! The tests that need more than one module: fixtures, invariants, real payloads, real peers.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and fail by panicking")]

mod events;
