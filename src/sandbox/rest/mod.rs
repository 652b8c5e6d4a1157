//! GitHub's REST API, as far as packages and what a policy asks of a source repository are concerned
//! ([documentation](https://docs.github.com/rest)). A request is read whole and then answered in one step over the state,
//! so that no other request comes in between.

mod accounts;
mod branches;
mod call;
mod commits;
mod compare;
mod contents;
mod errors;
mod issues;
mod objects;
mod packages;
mod paging;
mod pulls;
mod refs;
mod releases;
mod repositories;
mod route;
mod serve;
mod versions;

pub use route::endpoints;
pub(super) use route::is_path;
pub(super) use serve::serve;
