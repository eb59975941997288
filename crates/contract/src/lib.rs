//! The contract in Rust: one type per record and one module per processor, generated from topics.yaml and schemas/.
//!
//! Records stand at the root of the crate, what processors remember in [`state`], and everything that one processor
//! may read, remember and write in the module of its name. Only `codec`, `canonical`, `split`, `testing` and `ticket`
//! are written by hand; `make contract` writes the rest.

mod canonical;
mod codec;
#[rustfmt::skip]
mod generated;
#[allow(dead_code)] // each helper is for a shape of field; not every shape is in use
mod serde_with;
mod split;
mod stored;
pub mod testing;
#[cfg(test)]
mod tests;
mod ticket;

// A command comes from outside: its sender encodes records without being a processor.
pub use codec::{Record, encode};
pub use generated::*;
pub use split::Split;
// For tools, which read a changelog without being a processor, and for metrics: how old is the oldest row?
pub use stored::{Stored, load, store};
pub use ticket::{TICKET_RULE, ticket_id};

/// A schema that was released, and so may stand behind any stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Short name, as in topics.yaml.
    pub record: &'static str,
    /// Name with namespace, as in the schema and in the registry's subject.
    pub full_name: &'static str,
    /// Whether it is what a processor remembers, as opposed to a record on a topic.
    pub state: bool,
    /// Semantic version.
    pub version: &'static str,
    /// CRC-64-AVRO of the Parsing Canonical Form (Avro specification, "Schema Fingerprints"), as the number that its
    /// eight bytes make in little-endian order.
    pub fingerprint: u64,
    /// The schema id where there is no registry; counts from 1.
    pub local_id: u32,
    /// The topic that carries the record; empty for state, and for a record that no topic carries any more.
    pub topic: &'static str,
    /// Self-contained Avro JSON.
    pub text: &'static str,
}

/// A topic as a broker is to have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: &'static str,
    /// command, request, fact, reply, changelog, order or dead-letter.
    pub kind: &'static str,
    pub partitions: u32,
    /// Topic configuration by Kafka's names.
    pub config: &'static [(&'static str, &'static str)],
}
