//! A picture of a package: how old its images are and how large, and what of that goes.

use chrono::TimeDelta;

use super::{
    blocks::Facts,
    groups::Group,
    quantities::{bytes, number},
};
use crate::policy::cleanup::{CleanupPlan, Decision};

/// Ages that are counted together, each up to so many days.
const SPANS: [(i64, &str); 6] = [
    (1, "up to a day"),
    (7, "up to a week"),
    (30, "up to 30 days"),
    (90, "up to 90 days"),
    (365, "up to a year"),
    (i64::MAX, "over a year"),
];

/// Characters of the longest bar.
const WIDTH: u128 = 20;

/// What stays and what goes, of one quantity.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    stays: u64,
    goes: u64,
}

impl Parts {
    const fn add(&mut self, decision: Decision, quantity: u64) {
        match decision {
            Decision::Keep => self.stays = self.stays.saturating_add(quantity),
            Decision::Delete => self.goes = self.goes.saturating_add(quantity),
        }
    }

    const fn all(self) -> u64 {
        self.stays.saturating_add(self.goes)
    }

    /// Draws a bar; what is there at all has a character.
    fn bar(self, longest: u64) -> String {
        let Self { stays, goes } = self;
        if stays == 0 && goes == 0 {
            return String::new();
        }
        let characters = |quantity: u64| {
            let exact = u128::from(quantity) * WIDTH;
            usize::try_from(exact.div_ceil(u128::from(longest.max(1)))).unwrap_or_default()
        };
        let kept = characters(stays);
        let gone = characters(self.all()).saturating_sub(kept).max(usize::from(goes > 0));
        format!("`{}{}`", "█".repeat(kept), "░".repeat(gone))
    }
}

/// Draws the picture; none of a single image.
pub(super) fn picture(plan: &CleanupPlan, groups: &[Group<'_>]) -> Option<Facts> {
    let (mut images, mut sizes) = ([Parts::default(); SPANS.len()], [Parts::default(); SPANS.len()]);
    for group in groups {
        let version = group.head.planned;
        let age = plan.taken_at.signed_duration_since(version.since);
        let span = SPANS.iter().position(|(days, _)| TimeDelta::try_days(*days).is_none_or(|most| age <= most));
        let span = span.unwrap_or(SPANS.len() - 1);
        images[span].add(version.decision, 1);
        sizes[span].add(version.decision, group.bytes.unwrap_or_default());
    }
    let (most, largest) = (images.iter().map(|parts| parts.all()).max()?, sizes.iter().map(|parts| parts.all()).max()?);
    let first = images.iter().position(|parts| parts.all() > 0)?;
    let last = images.iter().rposition(|parts| parts.all() > 0)?;
    if groups.len() < 2 {
        return None;
    }
    let row = |span: usize| {
        let Parts { stays, goes } = images[span];
        let count = |many: u64| match many {
            0 => String::new(),
            some => number(usize::try_from(some).unwrap_or(usize::MAX)),
        };
        let mut cells = vec![SPANS[span].1.to_owned(), count(stays), count(goes), images[span].bar(most)];
        if largest > 0 {
            let size = sizes[span].all();
            cells.extend([if size == 0 { String::new() } else { bytes(size) }, sizes[span].bar(largest)]);
        }
        cells
    };
    let mut header = vec!["Age of images", "Stay", "Go", "█ stay ░ go"];
    if largest > 0 {
        header.extend(["Size", "█ stays ░ goes"]);
    }
    Some(Facts { header, rows: (first..=last).map(row).collect(), more: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_show_what_is_there() {
        let bar = |stays, goes, longest| Parts { stays, goes }.bar(longest);
        assert_eq!(bar(10, 10, 20), format!("`{}{}`", "█".repeat(10), "░".repeat(10)));
        assert_eq!(bar(1, 0, 1_000), "`█`");
        assert_eq!(bar(0, 0, 0), "");
        assert_eq!(bar(u64::MAX, u64::MAX, u64::MAX).chars().count(), 23);
    }
}
