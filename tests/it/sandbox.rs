//! The embedded GHCR: real clients copy to and from it, and each of its habits is met over HTTP.

mod builders;
mod clients;
mod conformance;
mod control;
mod differential;
mod load;
mod malformed_registry;
mod manifests;
mod peer;
mod support;
mod switches;
mod tokens;
mod uploads;
