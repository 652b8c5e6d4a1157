//! What holds for any policy, any event and any registry.

mod advice;
mod generated;
mod proposal;
mod publishing;
mod retention;
mod tagging;
