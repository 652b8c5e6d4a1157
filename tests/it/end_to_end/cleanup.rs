//! The clean-up modes as a workflow and as somebody at a terminal run them, on a sandbox with a package that has seen some months.

mod apply;
mod closed;
mod doctor;
mod ends;
mod packages;
mod plan;
mod restore;
pub(crate) mod shop;
mod whose;
