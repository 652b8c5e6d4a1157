//! From read ports to facts, complete or an error.

pub mod image;
pub mod inventory;
pub mod look;
pub mod pointer;
pub mod published;
mod ramp;
