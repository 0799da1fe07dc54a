//! How upstreams that call themselves compatible differ, and what is done about it.

#[cfg_attr(not(test), expect(dead_code, reason = "the routes do not ask yet"))]
pub(crate) mod status;
pub(crate) mod unwrap;
#[cfg_attr(not(test), expect(dead_code, reason = "the routes do not ask yet"))]
pub(crate) mod video;
