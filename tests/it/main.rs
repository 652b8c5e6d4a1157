//! The tests that need more than one module: fixtures, invariants, real payloads, real peers.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "tests read fixtures, start programs and stop at the first surprise"
)]

mod architecture;
mod breaking;
mod cleanup;
mod cleanup_report;
mod collect;
mod container;
mod contract;
mod demo;
mod end_to_end;
mod events;
mod first_plan;
mod fixtures;
mod git;
mod github;
mod hostile;
mod http;
mod image_name;
mod invariants;
mod metadata_action;
mod peers;
mod policy_check;
mod policy_file;
mod policy_schema;
mod programs;
mod races;
mod registry;
mod report_page;
mod runner;
mod sandbox;
mod scripted;
mod source_names;
mod sources;
mod traps;
mod workflows;
