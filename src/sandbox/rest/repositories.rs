//! The source repository itself.

use hyper::StatusCode;

use super::{call::Call, objects::repository};
use crate::sandbox::{
    http::Answer,
    state::{SourceRepository, State},
};

/// Answers `GET /repos/{owner}/{repo}`.
pub(super) fn get(state: &State, call: &Call, source: &SourceRepository) -> Answer {
    Answer::json(StatusCode::OK, &repository::full(state, call, source))
}
