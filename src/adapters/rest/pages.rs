//! Lists in pages of a hundred, read in parallel once the first says which is the last.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;

use super::{Api, ApiAnswer, Call};
use crate::ports::{PortError, PortErrorKind};

/// How many pages are asked for at once.
const AT_ONCE: usize = 10;

/// The largest list that is read, in pages: ten times the largest package that anybody told of.
const MAX_PAGES: u64 = 20_000;

/// One page of a list, and its place.
#[derive(Debug)]
pub(in crate::adapters) struct Page<T> {
    pub(in crate::adapters) items: Vec<T>,
    /// Whether it is the only one.
    pub(in crate::adapters) is_whole: bool,
}

/// A list in pages: `path` already has a query.
#[derive(Clone, Copy, Debug)]
pub(in crate::adapters) struct Pages<'a> {
    pub(in crate::adapters) api: &'a Api,
    pub(in crate::adapters) path: &'a str,
    pub(in crate::adapters) operation: &'a str,
}

impl Pages<'_> {
    /// Reads all pages. `refuse` turns an answer that is no success into an error. What moved from page to page meanwhile
    /// is for the caller to notice.
    pub(in crate::adapters) async fn all<T, F>(&self, refuse: F) -> Result<Page<T>, PortError>
    where
        T: DeserializeOwned + Send,
        F: Fn(&Call<'_>, &ApiAnswer) -> PortError + Sync,
    {
        let first = self.page(&format!("{}&per_page=100&page=1", self.path), &refuse).await?;
        let (mut items, links) = first;
        let Some(last) = links.last else {
            return Ok(Page { items, is_whole: links.next.is_none() }).and_then(|page| match links.next {
                None => Ok(page),
                // A server that names no last page would be read one by one; GitHub's always does for these lists.
                Some(_) => Err(self.malformed("the list has more pages and does not say how many")),
            });
        };
        if last.number > MAX_PAGES {
            return Err(self.malformed("the list has more than 20,000 pages"));
        }
        let (refuse, link) = (&refuse, &last);
        let rest: Vec<(Vec<T>, Links)> = stream::iter(2..=last.number)
            .map(|number| async move { self.page(&link.at(number), refuse).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut next = None;
        for (more, links) in rest {
            items.extend(more);
            next = links.next;
        }
        // The list grew while it was read.
        let mut number = last.number;
        while next.is_some() {
            number += 1;
            if number > MAX_PAGES {
                return Err(self.malformed("the list goes on without an end"));
            }
            let (more, links) = self.page::<T, _>(&last.at(number), refuse).await?;
            items.extend(more);
            next = links.next;
        }
        Ok(Page { items, is_whole: false })
    }

    /// Reads page after page until `is_enough` says so of those read so far, or none is left.
    pub(in crate::adapters) async fn newest<T, F>(
        &self,
        refuse: F,
        is_enough: impl Fn(&[T]) -> bool + Send,
    ) -> Result<Vec<T>, PortError>
    where
        T: DeserializeOwned + Send,
        F: Fn(&Call<'_>, &ApiAnswer) -> PortError + Sync,
    {
        let (mut items, mut links) = self.page(&format!("{}&per_page=100&page=1", self.path), &refuse).await?;
        let mut number = 1;
        while let (false, Some(()), Some(last)) = (is_enough(&items), links.next, links.last.take()) {
            number += 1;
            if number > MAX_PAGES {
                return Err(self.malformed("the list goes on without an end"));
            }
            let (more, next) = self.page::<T, _>(&last.at(number), &refuse).await?;
            items.extend(more);
            links = Links { next: next.next, last: next.last.or(Some(last)) };
        }
        Ok(items)
    }

    async fn page<T, F>(&self, path: &str, refuse: &F) -> Result<(Vec<T>, Links), PortError>
    where
        T: DeserializeOwned,
        F: Fn(&Call<'_>, &ApiAnswer) -> PortError,
    {
        let call = Call::get(path, self.operation);
        let answer = self.api.send(&call).await?;
        if !answer.status.is_success() {
            return Err(refuse(&call, &answer));
        }
        let mut links = Links::default();
        for part in answer.links().flat_map(|value| value.split(',')) {
            let Some((url, parameters)) = part.trim().strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
                continue;
            };
            let relation = |name: &str| parameters.split(';').any(|text| text.trim() == format!("rel=\"{name}\""));
            if relation("next") {
                links.next = Some(());
            } else if relation("last") {
                links.last = Link::of(url, self.path);
            }
        }
        Ok((answer.json(&call)?, links))
    }

    fn malformed(&self, detail: &str) -> PortError {
        PortError::new(PortErrorKind::Malformed, self.operation, detail)
    }
}

#[derive(Debug, Default)]
struct Links {
    next: Option<()>,
    last: Option<Link>,
}

/// A link to a page: what stands before and after its number.
#[derive(Debug)]
struct Link {
    before: String,
    after: String,
    number: u64,
}

impl Link {
    /// Reads a link. Its host is not looked at: the token goes to the API's own, with this path.
    fn of(url: &str, own: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let path = &rest[rest.find('/')?..];
        let marker =
            ["?page=", "&page="].into_iter().find_map(|marker| path.find(marker).map(|at| at + marker.len()))?;
        let digits = path[marker..].bytes().take_while(u8::is_ascii_digit).count();
        let number = path[marker..marker + digits].parse().ok()?;
        let is_path = path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains("/../") && !own.is_empty();
        is_path.then(|| Self { before: path[..marker].to_owned(), after: path[marker + digits..].to_owned(), number })
    }

    fn at(&self, number: u64) -> String {
        format!("{}{number}{}", self.before, self.after)
    }
}
