//! Plans carried out: nothing is decided here.

pub mod cleanup;
pub mod publish;
pub mod referrers;
pub mod restore;
mod retag;
