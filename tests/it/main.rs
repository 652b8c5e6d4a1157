//! The tests that need more than one module, in one binary.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read fixtures and stop at the first surprise"
)]

mod policy_file;
