//! The shell: carries out what the core decides.

pub mod client;
pub mod clock;
pub mod disk;
pub mod driver;
pub mod embedded;
pub mod kafka;
pub mod metrics;
pub mod observe;
pub mod registry;
pub mod restore;
pub mod rows;
pub mod runner;
pub mod schemas;
mod sled_db;
pub mod sled_disk;
pub mod spans;
pub mod transport;
pub mod wire;
