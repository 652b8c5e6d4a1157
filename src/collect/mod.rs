//! From read ports to facts, complete or an error.

pub mod doctor;
pub mod image;
pub mod inventory;
pub mod look;
pub mod pointer;
pub mod promotion;
pub mod published;
mod ramp;
pub mod referrers;
pub mod siblings;
