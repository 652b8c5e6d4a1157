//! Pages of lists, and the links between them.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::call::Call;
use crate::sandbox::http::Answer;

/// Items on a page where the client does not say how many.
const DEFAULT_SIZE: usize = 30;

/// The most items on a page.
const LARGEST_SIZE: usize = 100;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// From 1.
    pub(super) number: usize,
    pub(super) size: usize,
}

impl Page {
    /// Reads `page` and `per_page`; what makes no sense counts as not given.
    pub(super) fn of(call: &Call) -> Self {
        Self::with_default(call, DEFAULT_SIZE)
    }

    /// Does so where a page has another size by default.
    pub(super) fn with_default(call: &Call, default: usize) -> Self {
        let number =
            |name| call.parameter(name).and_then(|text| text.parse::<usize>().ok()).filter(|number| *number > 0);
        let size = number("per_page").map_or(default, |size| size.min(LARGEST_SIZE.max(default)));
        Self { number: number("page").unwrap_or(1), size }
    }

    pub(super) fn skip(self) -> usize {
        (self.number - 1).saturating_mul(self.size)
    }

    /// Takes this page of a list.
    pub(super) fn cut<T>(self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        items.into_iter().skip(self.skip()).take(self.size).collect()
    }

    /// Makes the `Link` header; `path` is what the links name, whatever path the client used. One page needs none.
    fn link(self, call: &Call, path: &str, total: usize) -> Option<String> {
        let last = total.div_ceil(self.size).max(1);
        let url = |page: usize| {
            let given = call.query.iter().filter(|(name, _)| name != "page");
            let mut query: String = given
                .map(|(name, value)| format!("{}={}&", super::call::encode(name), super::call::encode(value)))
                .collect();
            query.push_str(&format!("page={page}"));
            format!("<{}{path}?{query}>", call.api)
        };
        let mut links = Vec::new();
        if self.number > 1 {
            links.push(format!("{}; rel=\"prev\"", url((self.number - 1).min(last))));
        }
        if self.number < last {
            links.push(format!("{}; rel=\"next\"", url(self.number + 1)));
            links.push(format!("{}; rel=\"last\"", url(last)));
        }
        if self.number > 1 {
            links.push(format!("{}; rel=\"first\"", url(1)));
        }
        (!links.is_empty()).then(|| links.join(", "))
    }

    /// Answers with a page and its links.
    pub(super) fn answer(self, call: &Call, path: &str, total: usize, items: &impl Serialize) -> Answer {
        let body = serde_json::to_string(items).unwrap_or_default();
        let answer = Answer::new(StatusCode::OK).body("application/json", body);
        match self.link(call, path, total) {
            Some(link) => answer.header("link", link),
            None => answer,
        }
    }

    /// Cuts a whole list and answers with this page of it.
    pub(super) fn answer_all(self, call: &Call, path: &str, items: Vec<Value>) -> Answer {
        let total = items.len();
        self.answer(call, path, total, &self.cut(items))
    }
}
