//! `tags/list`: oldest first, page by page.

use hyper::StatusCode;
use serde_json::json;

use super::{answer::Answer, exchange::Exchange, manifests::absent};

/// Answers GET.
pub(super) fn list(exchange: &Exchange, name: &str) -> Result<Answer, Answer> {
    let options = &exchange.control.shared().options;
    let limit = match exchange.parameter("n") {
        None => options.page_size,
        Some(text) => text.parse().map_err(|_| {
            Answer::error(StatusCode::BAD_REQUEST, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
        })?,
    };
    let (page, more) = exchange.control.change(|state| {
        let repository = state.repository(name).filter(|repository| repository.is_published());
        let repository = repository.ok_or_else(|| absent(options.absent_is_denied))?;
        Ok(repository.tag_page(exchange.parameter("last"), limit))
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
