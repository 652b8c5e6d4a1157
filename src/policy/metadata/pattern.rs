//! Regular expressions of `type=match` and of the attribute `match`: JavaScript's, over UTF-16 where they do not ask for
//! Unicode. They come from the workflow, never from the event, but may still run for ever: who plans such a rule in a
//! process that must end runs the plan on a thread with a deadline.

use regress::{Flags, Regex};

use super::{error::MetadataError, javascript::ends_line};

/// What an expression found, group by group; `None` if it does not match at all.
pub(super) type Found = Option<Vec<Option<String>>>;

/// Looks for an expression as it is written in `match`.
///
/// # Errors
/// If it is none.
pub(super) fn find_plain(pattern: &str, text: &str) -> Result<Found, MetadataError> {
    find(pattern, "", text).map_err(|problem| MetadataError::pattern(pattern, problem))
}

/// Looks for an expression as it is written in `pattern`: with flags if it stands between slashes.
///
/// # Errors
/// If it is none, or a flag is unknown.
pub(super) fn find_with_flags(pattern: &str, text: &str) -> Result<Found, MetadataError> {
    let between = pattern
        .strip_prefix('/')
        .filter(|rest| !rest.contains(ends_line))
        .and_then(|rest| rest.rsplit_once('/'))
        .filter(|(inside, _)| !inside.is_empty());
    let (inside, flags) = between.unwrap_or((pattern, ""));
    find(inside, flags, text).map_err(|problem| MetadataError::pattern(pattern, problem))
}

fn find(pattern: &str, flags: &str, text: &str) -> Result<Found, String> {
    let mut seen = String::new();
    for flag in flags.chars() {
        if !"dgimsuvy".contains(flag) || seen.contains(flag) {
            return Err(format!("there is no flag `{}`, or it is given twice", flag.escape_debug()));
        }
        seen.push(flag);
    }
    let has = |flag: char| flags.contains(flag);
    if has('u') && has('v') {
        return Err("the flags `u` and `v` exclude each other".into());
    }
    let kept: String = flags.chars().filter(|flag| "imsuv".contains(*flag)).collect();
    let unicode = has('u') || has('v');
    let regex = if unicode {
        Regex::with_flags(pattern, Flags::from(kept.as_str()))
    } else {
        Regex::from_unicode(pattern.encode_utf16().map(u32::from), Flags::from(kept.as_str()))
    }
    .map_err(|error| error.to_string())?;
    let units: Vec<u16> = text.encode_utf16().collect();
    let show = |range: std::ops::Range<usize>| String::from_utf16_lossy(&units[range]);
    let at = |start: usize| {
        let found = if unicode {
            regex.find_from_utf16(&units, start).next()
        } else {
            regex.find_from_ucs2(&units, start).next()
        };
        found.filter(|found| !has('y') || found.start() == start)
    };
    if !has('g') {
        return Ok(at(0).map(|found| found.groups().map(|group| group.map(show)).collect()));
    }
    let mut matches = Vec::new();
    let mut start = 0;
    while start <= units.len() {
        let Some(found) = at(start) else { break };
        matches.push(Some(show(found.range())));
        start = found.end();
        if found.range().is_empty() {
            let pair = unicode
                && units.get(start).is_some_and(|unit| (0xd800..0xdc00).contains(unit))
                && units.get(start + 1).is_some_and(|unit| (0xdc00..0xe000).contains(unit));
            start += if pair { 2 } else { 1 };
        }
    }
    Ok((!matches.is_empty()).then_some(matches))
}
