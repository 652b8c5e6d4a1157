//! Where an answer points.

use reqwest::{
    Url,
    header::{HeaderName, LINK, LOCATION},
};

use super::credentials::may_follow;
use crate::{
    adapters::http::{Answer, quoted},
    ports::{PortError, PortErrorKind},
};

/// Resolves `Location`, which may be relative and may carry a query, and checks that it may be followed.
pub(super) fn location(operation: &str, answer: &Answer) -> Result<Url, PortError> {
    let fail = |detail: String| PortError::new(PortErrorKind::Malformed, operation, detail);
    let text = header(answer, &LOCATION)
        .ok_or_else(|| fail(format!("the registry answered {} without a Location", answer.status.as_u16())))?;
    let url = answer.url.join(text).map_err(|error| {
        fail(format!("the registry points at `{}`, which is no address", quoted(text))).with_source(error)
    })?;
    may_follow(&answer.url, &url).map_err(|problem| fail(format!("the registry points elsewhere: {problem}")))?;
    Ok(url)
}

/// Resolves the next page that `Link` names, which must be of the same origin.
pub(super) fn next_page(operation: &str, answer: &Answer) -> Result<Option<Url>, PortError> {
    let fail = |detail: String| PortError::new(PortErrorKind::Malformed, operation, detail);
    let links: Vec<&str> = answer.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).collect();
    let Some(target) = links.iter().find_map(|link| next_target(link)) else {
        let readable = links.len() == answer.headers.get_all(LINK).iter().count();
        if !readable || !links.iter().all(|link| link.contains("rel=")) {
            return Err(fail("the registry's Link to further tags cannot be read".to_owned()));
        }
        return Ok(None);
    };
    let url = answer
        .url
        .join(target)
        .map_err(|error| fail(format!("the next page `{}` is no address", quoted(target))).with_source(error))?;
    if url.origin() == answer.url.origin() && url.username().is_empty() && url.password().is_none() {
        Ok(Some(url))
    } else {
        Err(fail(format!("the next page `{}` is on another host", quoted(target))))
    }
}

/// Finds the target of `rel="next"` in a `Link` header ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288#section-3)).
fn next_target(link: &str) -> Option<&str> {
    let mut rest = link;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, parameters) = after.split_once('>')?;
        // A comma may stand in a quoted parameter; the next link's `<` may not, since no registry quotes one.
        let own = parameters.split('<').next().unwrap_or_default();
        let is_next = own.split(';').any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else { return false };
            let value = value.trim().trim_end_matches(',').trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value.split_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.trim());
        }
        rest = parameters;
    }
    None
}

fn header<'a>(answer: &'a Answer, name: &HeaderName) -> Option<&'a str> {
    answer.headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_found_among_links() {
        assert_eq!(next_target(r#"</v2/a/tags/list?last=b&n=2>; rel="next""#), Some("/v2/a/tags/list?last=b&n=2"));
        assert_eq!(next_target(r#"<https://x/1>; rel="prev", <https://x/3>; rel=next"#), Some("https://x/3"));
        assert_eq!(next_target(r#"<https://x/3>; title="a, b"; rel="last next""#), Some("https://x/3"));
        assert_eq!(next_target(r#"<https://x/1>; rel="prev""#), None);
        assert_eq!(next_target("rubbish"), None);
    }
}
