//! The REST half beside GitHub's own description of its API: every endpoint, what it gives and each way in which it refuses.

mod cases;
mod checker;
mod description;
