//! The one test binary of this crate: a list of its rooms.

#[path = "all/servers.rs"]
mod servers;
