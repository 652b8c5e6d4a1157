//! The embedded GHCR: real clients copy to and from it, and each of its habits is met over HTTP.

pub(crate) mod api;
mod builders;
mod clients;
mod conformance;
mod control;
mod differential;
mod large;
mod load;
mod malformed;
mod malformed_registry;
mod manifests;
mod mode;
mod openapi;
mod packages;
mod peer;
mod rest_limits;
mod rest_packages;
mod rest_sources;
mod source_documents;
mod steering;
pub(crate) mod support;
mod switches;
mod token_rights;
mod tokens;
mod uploads;
