//! Tests of the adapters against real peers and hostile ones.

mod hostile;
mod http;
mod image_name;
mod peers;
mod registry;
mod scripted;
