//! Kafka: consumer group, transactional producer, restores on their own consumer, topic administration.

mod access;
mod acl;
mod admin;
mod alter;
mod client;
mod group;
mod leader_hints;
mod producer;
mod reader;
mod restorer;
mod settings;
mod topic_id;
mod transport;

pub use access::{ACLS, LET_IN};
pub use acl::{Acl, Operation, Pattern, Resource};
pub use admin::{Admin, AdminError, Found, Wanted};
pub use client::KafkaClient;
pub use reader::KafkaReader;
pub use settings::{GroupProtocol, KafkaSettings};
pub use transport::KafkaTransport;
