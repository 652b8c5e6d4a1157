//! From planned tags to writes.
