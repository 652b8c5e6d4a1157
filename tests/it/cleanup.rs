//! Clean-ups carried out against the embedded registry: cut anywhere, raced with by others, refused, and undone.

mod incidents;
mod interrupted;
mod journal;
mod meanwhile;
mod package;
mod restored;
mod support;
