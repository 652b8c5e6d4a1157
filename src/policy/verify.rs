//! Looks at a plan again: against its own facts, against what changed since, against another plan, and at what was left in
//! the end. It shares no code with the planner, so that a mistake would have to be made twice.

mod again;
mod whole;

pub use self::{
    again::{Look, SoFar, allowed, lost_children, shared},
    whole::{Violation, violations},
};
