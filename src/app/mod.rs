//! The use cases, one file per mode. They know ports, not adapters.

pub mod check;
pub mod plan;
pub mod push;
pub mod tags;
