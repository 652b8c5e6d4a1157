//! From read ports to facts, complete or an error.

pub mod image;
pub mod inventory;
pub mod pointer;
pub mod published;
