//! A clean-up carried out: journal first, newer looks in between, and a check at the end.

mod outcome;

pub use self::outcome::{Applied, End, Outcome, Refused, Restored};
