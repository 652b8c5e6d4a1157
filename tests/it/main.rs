//! Tests of the adapters against real peers and hostile ones.

mod peers;
mod registry;
mod scripted;
