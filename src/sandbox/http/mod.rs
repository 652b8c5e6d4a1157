//! The protocol's face: GHCR's half of the OCI distribution API, endpoint family by endpoint family.

mod answer;
mod auth;
mod blobs;
mod body;
mod exchange;
mod limits;
mod manifests;
mod ranges;
mod referrers;
mod route;
mod service;
mod steering;
mod storage;
mod tags;
mod token;
mod uploads;

pub(super) use answer::Answer;
pub(super) use body::read_at_most;
pub(super) use exchange::Exchange;
pub(super) use limits::RegistryLimiter;
pub(super) use service::connection;
