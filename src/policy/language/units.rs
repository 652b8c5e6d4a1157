//! The units of durations and sizes.

/// A day in seconds.
pub const DAY: u64 = 24 * HOUR;
const HOUR: u64 = 60 * MINUTE;
const MINUTE: u64 = 60;

/// Units of time in the singular, in seconds, and how else people write them.
pub const TIME_UNITS: [(&str, u64, &[&str]); 4] = [
    ("minute", MINUTE, &["m", "min", "mins"]),
    ("hour", HOUR, &["h", "hr", "hrs"]),
    ("day", DAY, &["d"]),
    ("week", 7 * DAY, &["w", "wk", "wks"]),
];

/// Units of size in bytes.
pub const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
