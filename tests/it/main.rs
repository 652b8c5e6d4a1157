//! All integration tests, in one binary.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files and stop at the first surprise")]

mod sandbox;
