//! The real program, as the runner starts it: a cleared environment, an event, inputs, and real registries to work on.

mod checks;
pub(crate) mod cleanup;
mod copies;
mod credentials;
mod distrust;
mod faults;
mod hostile;
mod immutable;
mod init;
mod inputs;
mod interruption;
mod kyklos;
mod mirrors;
mod payloads;
mod policies;
mod promotion;
mod references;
mod registries;
mod release;
mod remote;
mod rows;
mod sources;
mod step;
mod stories;
mod terminal;
mod unreadable;
