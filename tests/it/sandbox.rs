//! The embedded GHCR: real clients copy to and from it, and each of its habits is met over HTTP.

mod clients;
mod control;
mod manifests;
mod support;
mod tokens;
mod uploads;
