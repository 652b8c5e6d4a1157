//! JSON objects with all the fields that GitHub's description of the API requires of them.

pub(super) mod account;
pub(super) mod commit;
pub(super) mod pull;
pub(super) mod release;
pub(super) mod repository;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// Makes an id as GraphQL has them: opaque to all clients.
fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    BASE64.encode(format!("0:{kind}{id}"))
}

pub(super) fn ref_node_id(name: &str) -> String {
    node_id("Ref", name)
}

pub(super) fn tag_node_id(id: &str) -> String {
    node_id("Tag", id)
}
