//! Decisions: synchronous, total, without IO. Time is a value in their input.

pub mod advice;
pub mod age;
pub mod availability;
pub mod cleanup;
pub mod config;
pub mod date_format;
pub mod diagnostic;
pub mod example;
pub mod glob;
pub mod graph;
pub mod inversion;
pub mod join;
pub mod metadata;
pub mod mirror;
pub mod movable;
pub mod promotion;
pub mod publish;
pub mod references;
pub mod referrers;
pub mod restore;
pub mod retention;
pub mod rolling;
pub mod rules;
pub mod tagging;
pub mod template;
pub mod verify;
