//! `tags/list`: oldest first or sorted, page by page.

use hyper::StatusCode;
use serde_json::json;

use super::{answer::Answer, exchange::Exchange, manifests::absent};
use crate::{model::Tag, sandbox::state::Repository};

/// Answers GET and HEAD.
pub(super) fn list(exchange: &Exchange, name: &str) -> Result<Answer, Answer> {
    let options = &exchange.control.shared().options;
    let limit = match exchange.parameter("n") {
        None => options.page_size,
        Some(text) => text.parse().map_err(|_| {
            // The spec has no code for it.
            Answer::error(StatusCode::BAD_REQUEST, "UNSUPPORTED", "invalid number of results requested")
        })?,
    };
    let last = exchange.parameter("last");
    let (page, more) = exchange.control.change(|state| {
        let repository = state.repository(name).filter(|repository| repository.is_published());
        let repository = repository.ok_or_else(|| absent(options.absent_is_denied))?;
        Ok(if options.sorted_tags { sorted_page(repository, last, limit) } else { repository.tag_page(last, limit) })
    })?;
    let names: Vec<&str> = page.iter().map(|tag| tag.as_str()).collect();
    let answer = Answer::json(StatusCode::OK, &json!({"name": name, "tags": names}));
    Ok(match page.last() {
        Some(last) if more => {
            answer.header("link", format!("</v2/{name}/tags/list?last={last}&n={limit}>; rel=\"next\""))
        }
        _ => answer,
    })
}

/// Lists up to `limit` tags that sort after `last`, whether or not that is one, and tells whether more follow.
fn sorted_page(repository: &Repository, last: Option<&str>, limit: usize) -> (Vec<Tag>, bool) {
    let mut tags: Vec<Tag> = repository
        .tags()
        .map(|(tag, _)| tag)
        .filter(|tag| last.is_none_or(|last| tag.as_str() > last))
        .cloned()
        .collect();
    tags.sort();
    let more = tags.len() > limit;
    tags.truncate(limit);
    (tags, more)
}
