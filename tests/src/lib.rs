//! What the tests of the whole share: real servers that start in seconds and never outlive the test process.

mod child;
mod servers;
mod wait;

pub use servers::{Kafka, Registry, shared_kafka};
pub use wait::{block_on, eventually};
