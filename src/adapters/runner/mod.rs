//! The runner: the only place that speaks its protocol ([workflow commands and file
//! commands](https://docs.github.com/actions/reference/workflow-commands-for-github-actions)), and the only one that reads
//! the environment, the clock, and the files that users and the runner name.

pub mod commands;
mod environment;
pub mod files;
pub mod new_file;
pub mod records;
pub mod temporary;
mod this_run;
pub mod work_tree;

pub use environment::{Reach, docker_config, environment, extra_ca_pem, now, payload, read_policy, read_record};
pub use this_run::ThisRun;
