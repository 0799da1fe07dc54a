//! How upstreams that call themselves compatible differ, and what is done about it.

pub(crate) mod unwrap;
