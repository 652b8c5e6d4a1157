//! The embedded GHCR: real clients copy to and from it, and each of its habits is met over HTTP.

mod api;
mod clients;
mod control;
mod large;
mod malformed;
mod manifests;
mod mode;
mod packages;
mod rest_limits;
mod rest_packages;
mod rest_sources;
mod steering;
mod support;
mod token_rights;
mod tokens;
mod uploads;
