//! The world: each module here speaks one protocol and implements ports with it.

pub mod http;
pub mod registry;
pub mod sources;
