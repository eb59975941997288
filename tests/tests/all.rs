//! The one test binary of this crate: a list of its rooms.

#[path = "all/broker.rs"]
mod broker;
#[path = "all/catalogue.rs"]
mod catalogue;
#[path = "all/compat.rs"]
mod compat;
#[path = "all/crash.rs"]
mod crash;
#[path = "all/registry.rs"]
mod registry;
#[path = "all/schema.rs"]
mod schema;
#[path = "all/secure.rs"]
mod secure;
#[path = "all/servers.rs"]
mod servers;
#[path = "all/tidy.rs"]
mod tidy;
#[path = "all/tracing.rs"]
mod tracing;
#[path = "all/world/mod.rs"]
mod world;
