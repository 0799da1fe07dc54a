//! Reelgate: a gateway between SDKs that speak OpenAI's `/v1/videos` and servers that serve it.
//!
//! Arrows point downward only:
//!
//! ```text
//! cli        the commands, and what they print
//! reload     another configuration in the place of the one that runs
//! server     connections, the edge of a request, admin pages, shutdown
//! routes     one file an operation: the steps of a request
//! auth · upstream · dialect                   who is asking, and the servers behind us
//! ledger                                      every paid call, written down, and what repeats which
//! quota · budget                              how much of anything is given, and how much may be spent
//! link                                        a connection to Redis
//! held · spool                                bodies that have come, and where their files are meanwhile
//! config     everything an operator decides   error       every word that is ever said
//! capability · rewrite · params               pure decisions
//! rejection · failure                         every reason there is       money   exact amounts of it
//! journey · trace_context · telemetry         what is kept of a request, and how it is shown
//! ```
//!
//! The sandbox stands apart: it is the other end, and shares no code with the gateway.

mod admin;
mod auth;
#[doc(hidden)]
pub mod bench_api;
mod budget;
pub mod capability;
pub mod cli;
pub mod config;
mod credential_name;
mod dialect;
pub mod error;
pub mod failure;
mod fault;
pub mod gateway;
mod idle;
mod joined;
mod journey;
pub mod ledger;
pub mod metrics;
pub mod money;
mod outcome;
pub mod params;
mod plain;
mod quota;
mod redis_client;
pub mod rejection;
pub mod reload;
pub mod request_body;
pub mod request_id;
pub mod rewrite;
mod routes;
pub mod sandbox;
pub mod server;
mod shutdown;
pub mod spool;
// For what is measured with its log on.
pub mod job_watcher;
#[doc(hidden)]
pub mod telemetry;
mod trace_context;
pub mod upstream;
