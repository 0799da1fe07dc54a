//! How upstreams that call themselves compatible differ, and what is done about it.

pub(crate) mod status;
pub(crate) mod success;
pub(crate) mod unwrap;
pub(crate) mod video;
