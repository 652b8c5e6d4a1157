//! One test binary for all that needs more than a function: the crate's shape, its contract with users, real peers.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read files, start peers, and stop at the first surprise"
)]

mod architecture;
mod container;
mod contract;
