//! Durations (`30 days`) and sizes (`20 MB`): a number, a blank, a unit.

use std::time::Duration;

use crate::{
    model::untrusted::shown_up_to,
    policy::{
        diagnostic::nearest,
        language::{DAY, SIZE_UNITS, TIME_UNITS},
    },
};

/// What is wrong with an amount, and the remedy.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct AmountError {
    pub(in crate::policy) problem: String,
    pub(in crate::policy) hint: Option<String>,
}

/// A life beyond this is a typing error, and `forever` is shorter to write.
const LONGEST: u64 = 100 * 366 * DAY;

/// Reads a duration.
pub(super) fn duration(text: &str) -> Result<Duration, AmountError> {
    let said = shown_up_to(text, 40);
    let fail = |problem: String, hint: Option<String>| Err(AmountError { problem, hint });
    let form = || Some("a duration is a number and a unit, as in `30 days`".to_owned());
    let (digits, unit) = split(text);
    if digits.is_empty() {
        return fail(format!("`{said}` is no duration"), form());
    }
    let Ok(number) = digits.parse::<u64>() else {
        let hint = if digits.contains('.') { Some("use whole numbers, as in `36 hours`".to_owned()) } else { form() };
        return fail(format!("`{said}` is no duration"), hint);
    };
    let unit_text = unit.trim();
    if unit_text.is_empty() {
        return fail(
            format!("the duration `{said}` has no unit"),
            Some(format!("did you mean `{}`?", counted(number, "day"))),
        );
    }
    if let Some((_, seconds, _)) = TIME_UNITS.iter().find(|(name, ..)| unit_text == *name || plural_of(unit_text, name))
    {
        if !unit.starts_with(' ') {
            let hint = format!("put a blank between: `{number} {unit_text}`");
            return fail(format!("`{said}` is no duration"), Some(hint));
        }
        return match number.checked_mul(*seconds).filter(|seconds| *seconds <= LONGEST) {
            Some(seconds) => Ok(Duration::from_secs(seconds)),
            None => fail(format!("`{said}` is longer than 100 years"), Some("write `forever`".to_owned())),
        };
    }
    let lower = unit_text.to_lowercase();
    let singular = lower.strip_suffix('s').unwrap_or(&lower);
    if let Some(days) = [("month", 30), ("mo", 30), ("year", 365), ("y", 365), ("yr", 365)]
        .iter()
        .find_map(|(name, days)| (singular == *name).then_some(*days))
    {
        let hint = number.checked_mul(days).map(|days| format!("say it in days: `{}`", counted(days, "day")));
        return fail(format!("`{said}`: months and years differ in length"), hint);
    }
    if matches!(singular, "second" | "sec" | "" | "ms" | "millisecond") {
        return fail(
            format!("`{said}` is too fine"),
            Some("the shortest unit is the minute, as in `90 minutes`".to_owned()),
        );
    }
    let meant = TIME_UNITS
        .iter()
        .find(|(name, _, short)| lower == *name || plural_of(&lower, name) || short.contains(&lower.as_str()))
        .map(|(name, ..)| *name)
        .or_else(|| nearest(singular, TIME_UNITS.iter().map(|(name, ..)| *name)));
    match meant {
        Some(name) => {
            fail(format!("`{said}` is no duration"), Some(format!("did you mean `{}`?", counted(number, name))))
        }
        None => fail(
            format!("`{}` is no unit of time", shown_up_to(unit_text, 40)),
            Some("units are `minutes`, `hours`, `days`, `weeks`".to_owned()),
        ),
    }
}

/// Reads a size in bytes.
pub(super) fn size(text: &str) -> Result<u64, AmountError> {
    let said = shown_up_to(text, 40);
    let fail = |problem: String, hint: String| Err(AmountError { problem, hint: Some(hint) });
    let form = || "a size is a number and a unit, as in `20 MB` or `20 MiB`".to_owned();
    let (digits, unit) = split(text);
    let Some((whole, fraction)) = decimal(digits) else { return fail(format!("`{said}` is no size"), form()) };
    let unit_text = unit.trim();
    if unit_text.is_empty() {
        return fail(format!("the size `{said}` has no unit"), format!("did you mean `{digits} MB`?"));
    }
    // `KB` is what most people write for a thousand bytes.
    let spelled = if unit_text == "KB" { "kB" } else { unit_text };
    let Some((_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == spelled) else {
        let meant = SIZE_UNITS.iter().map(|(name, _)| *name).find(|name| {
            name.eq_ignore_ascii_case(spelled)
                || name.eq_ignore_ascii_case(&format!("{spelled}b"))
                || spelled.to_lowercase().starts_with(match *name {
                    "kB" => "kilo",
                    "MB" => "mega",
                    "GB" => "giga",
                    _ => "\0",
                })
        });
        return match meant {
            Some(name) => fail(format!("`{said}` is no size"), format!("did you mean `{digits} {name}`?")),
            None => fail(
                format!("`{}` is no unit of size", shown_up_to(unit_text, 40)),
                "units are `B`, `kB`, `MB`, `GB` (1,000 each) and `KiB`, `MiB`, `GiB` (1,024 each)".to_owned(),
            ),
        };
    };
    if !unit.starts_with(' ') {
        return fail(format!("`{said}` is no size"), format!("put a blank between: `{digits} {unit_text}`"));
    }
    let bytes = whole.checked_mul(*factor).and_then(|bytes| bytes.checked_add(fraction.checked_mul(*factor)? / 1_000));
    match bytes {
        Some(0) => fail("the size is 0".to_owned(), form()),
        Some(bytes) => Ok(bytes),
        None => fail(format!("the size `{said}` is too large"), form()),
    }
}

/// Splits into a number and what follows it.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// Reads a number of at most three decimals as its whole part and thousandths.
fn decimal(digits: &str) -> Option<(u64, u64)> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if fraction.is_empty() || fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((whole.parse().ok()?, format!("{fraction:0<3}").parse().ok()?))
}

fn plural_of(text: &str, singular: &str) -> bool {
    text.strip_suffix('s') == Some(singular)
}

/// Writes a number with its unit, `1 day` and `2 days`.
fn counted(number: u64, unit: &str) -> String {
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in [
            ("30 days", 30 * DAY),
            ("1 day", DAY),
            ("12 hours", 12 * 3600),
            ("2 weeks", 14 * DAY),
            ("90 minutes", 5400),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn other_durations_name_the_remedy() {
        for (text, hint) in [
            ("30d", "did you mean `30 days`?"),
            ("1d", "did you mean `1 day`?"),
            ("30days", "put a blank between: `30 days`"),
            ("30", "did you mean `30 days`?"),
            ("3 month", "say it in days: `90 days`"),
            ("1 year", "say it in days: `365 days`"),
            ("2 dais", "did you mean `2 days`?"),
            ("5 fortnights", "units are `minutes`, `hours`, `days`, `weeks`"),
            ("1.5 days", "use whole numbers, as in `36 hours`"),
            ("30 s", "the shortest unit is the minute, as in `90 minutes`"),
            ("99999999999999999999999 days", "a duration is a number and a unit, as in `30 days`"),
            ("9999999999999999999 weeks", "write `forever`"),
            ("soon", "a duration is a number and a unit, as in `30 days`"),
        ] {
            assert_eq!(duration(text).expect_err(text).hint.as_deref(), Some(hint), "{text}");
        }
    }

    #[test]
    fn sizes_are_decimal_or_binary() {
        for (text, bytes) in [("20 MB", 20_000_000), ("20 MiB", 20 << 20), ("1.5 GB", 1_500_000_000), ("3 KB", 3_000)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for (text, hint) in [
            ("20M", "did you mean `20 MB`?"),
            ("20 mb", "did you mean `20 MB`?"),
            ("20", "did you mean `20 MB`?"),
            ("20MB", "put a blank between: `20 MB`"),
            ("20 megabytes", "did you mean `20 MB`?"),
        ] {
            assert_eq!(size(text).expect_err(text).hint.as_deref(), Some(hint), "{text}");
        }
        assert!(size("99999999999999999 GB").is_err());
        assert!(size("0 MB").is_err());
    }
}
