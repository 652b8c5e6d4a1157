//! Plans carried out: nothing is decided here.

pub mod publish;
