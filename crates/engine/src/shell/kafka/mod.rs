//! Kafka: consumer group, transactional producer, restores on their own consumer, topic administration.

mod access;
mod acl;
mod admin;
mod alter;
mod client;
mod group;
mod groups;
mod headers;
mod leader_hints;
mod producer;
mod publisher;
mod reader;
mod restorer;
mod settings;
mod survey;
mod topic_id;
mod transport;

pub use access::{ACLS, LET_IN};
pub use acl::{Acl, Operation, Pattern, Resource};
pub use admin::{Admin, AdminError, Found, Wanted};
pub use client::KafkaClient;
pub use groups::{Group, GroupState, Member};
pub use leader_hints::are_dropped as leader_hints_are_dropped;
pub use publisher::Publisher;
pub use reader::KafkaReader;
pub use restorer::Restores;
pub use settings::{GroupProtocol, KafkaSettings, TRANSACTION_TIMEOUT_MS};
pub use survey::{At, Ends, Survey, Waiting};
pub use transport::KafkaTransport;
