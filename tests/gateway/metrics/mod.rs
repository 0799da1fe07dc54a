//! The metrics page: it always parses, its counts are true, and no client can make it grow.
#![expect(clippy::float_cmp, reason = "what is counted are whole numbers, and sums of a few")]

mod bounds;
mod counts;
mod gauges;
mod limits;
mod page;
mod times;

use crate::support::gateway::Gateway;
use page::Page;

/// The page of a gateway, as Prometheus would read it.
pub(crate) fn parsed(gateway: &Gateway) -> Page {
    Page::parse(&gateway.page())
}
