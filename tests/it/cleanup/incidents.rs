//! What goes wrong in the middle of a clean-up: limits, failures of the server, refusals, a token that dies, a journal that is
//! full. It ends in good order, or goes on with what is left to do; nothing is lost.

pub(super) mod limits;
mod refusals;
