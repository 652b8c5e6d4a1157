//! Byte ranges of blobs ([RFC 9110, section 14](https://www.rfc-editor.org/rfc/rfc9110#section-14)).

use bytes::Bytes;
use hyper::StatusCode;

use super::answer::Answer;

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Everything: the header is malformed, or has several ranges, and a server may ignore it then.
    Whole,
    /// The bytes from the first to the last, inclusive.
    Part(usize, usize),
    /// Bytes that are not there.
    Outside,
}

/// Answers with a blob, or with the part of it that is asked for.
pub(super) fn serve(mut answer: Answer, range: Option<&str>, media_type: &str, blob: &Bytes) -> Answer {
    let total = blob.len();
    match range.map_or(Asked::Whole, |range| parse(range, total)) {
        Asked::Whole => answer.header("accept-ranges", "bytes").body(media_type, blob.clone()),
        Asked::Part(first, last) => {
            answer.status = StatusCode::PARTIAL_CONTENT;
            answer
                .header("accept-ranges", "bytes")
                .header("content-range", format!("bytes {first}-{last}/{total}"))
                .body(media_type, blob.slice(first..=last))
        }
        Asked::Outside => {
            let message = "the range is outside of the blob";
            Answer::error(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", message)
                .header("content-range", format!("bytes */{total}"))
        }
    }
}

/// Reads `bytes=FIRST-LAST`, `bytes=FIRST-` and `bytes=-LENGTH`.
fn parse(range: &str, total: usize) -> Asked {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Asked::Whole;
    };
    // Longer numbers than fit are beyond every blob.
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(usize::MAX))
    };
    let (first, last) = match (first, last) {
        ("", length) => match number(length) {
            Some(0) => return Asked::Outside,
            Some(length) => (total.saturating_sub(length), total.saturating_sub(1)),
            None => return Asked::Whole,
        },
        (first, "") => match number(first) {
            Some(first) => (first, total.saturating_sub(1)),
            None => return Asked::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => (first, last.min(total.saturating_sub(1))),
            _ => return Asked::Whole,
        },
    };
    if first < total { Asked::Part(first, last) } else { Asked::Outside }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (text, asked) in [
            ("bytes=0-3", Asked::Part(0, 3)),
            ("bytes=4-", Asked::Part(4, 9)),
            ("bytes=-4", Asked::Part(6, 9)),
            ("bytes=-40", Asked::Part(0, 9)),
            ("bytes=9-99999999999999999999999", Asked::Part(9, 9)),
            ("bytes=10-", Asked::Outside),
            ("bytes=10-12", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=3-1", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("bytes=-", Asked::Whole),
        ] {
            assert_eq!(parse(text, 10), asked, "{text}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Outside);
    }
}
