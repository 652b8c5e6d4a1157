//! HTTP as every adapter speaks it: one connection pool, bounded answers, retries, and rate limits waited out.
//!
//! What an answer means is left to the protocol above: any answer that is not worth a retry is returned as it came.

mod answer;
mod client;
mod rate_limit;
mod retry;
mod text;

pub use answer::{Answer, Request, Take};
pub use client::{HttpClient, HttpOptions};
pub(crate) use client::{STALL, host_and_port, over_socket, read};
pub use retry::RetryPolicy;
pub(crate) use retry::{Judged, Lost, Retries};
pub(crate) use text::{one_line, quoted};
