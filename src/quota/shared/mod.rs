//! Token buckets in a Redis server, which all gateways share.
//!
//! ```text
//! bucket       one of them, as this process sees it        store     whether the server answers, and what follows
//! share        a gateway's part of a rate                  *.lua     what the server does, in one step each
//! ```
//!
//! While the server is away or slow, nobody waits for it: each gateway gives out its part, from a bucket of its own, or
//! nothing, as the operator decided. A bucket that changes hands stays as full as it was: the part begins with what was
//! last seen in the server, and what was taken from it is entered there once that is back.

mod bucket;
mod share;
mod store;
#[cfg(test)]
mod tests;

pub(super) use bucket::{Lent, SharedBucket};
pub(super) use share::part_of;
pub(super) use store::SharedStore;
