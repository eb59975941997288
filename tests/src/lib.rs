//! What the tests of the whole share: real servers that start in seconds and never outlive the test process.

mod child;
mod flow;
mod program;
mod python;
mod secure;
mod servers;
mod wait;

pub use flow::{Ended, Flow, Orderflow, binary, settings, written};
pub use program::{Done, Program, free_address, get, logged, warnings};
pub use python::python_example;
pub use secure::{Login, SecureKafka};
pub use servers::{Kafka, Registry, shared_kafka};
pub use wait::{block_on, eventually};

/// Every processor of the flow.
pub const PROCESSORS: [&str; 3] = ["order-intake", "item-lookup", "fulfilment"];
