//! Where images to publish come from.

pub mod registry;
