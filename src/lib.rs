//! x
pub mod params;
pub mod rejection;
pub mod rewrite;
