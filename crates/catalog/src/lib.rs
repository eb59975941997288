//! topics.yaml and schemas/: parsed, linted, and turned into crates/contract, schemas/released and the drawing.
//!
//! Beside that stands [`compat`], which knows all of Avro and nothing of topics.yaml.
//!
//! Architecture Invariant: everything here is a function from file contents to file contents or findings; only
//! `disk` reads and writes, and only below the folder it is given.

// Generated structs name `flow::Id` and `crate::codec`; the tests compile them here.
#[cfg(test)]
extern crate self as flow;

pub mod access;
mod attributes;
mod avsc;
mod catalog;
#[cfg(test)]
#[path = "tests/codec.rs"]
mod codec;
pub mod compat;
mod disk;
pub mod draw;
mod export;
mod generate;
mod lint;
mod map;
mod place;
pub mod plan;
mod problem;
pub mod registration;
mod released;
pub mod report;
pub mod review;
mod schema;
#[cfg(test)]
mod tests;
mod topic;
mod whole;

pub use catalog::{Catalog, Processor, State, Table, Topic};
pub use disk::{check, contract, release, unreleased, write};
pub use export::{Document, export};
pub use generate::generate;
pub use map::{DuplicatesDecl, Kind};
pub use problem::{Level, Problem, Rule};
pub use released::{LOCK_FILE, RELEASED_DIR, Release};
pub use schema::{Definition, Field, META, Schemas, Shape, Type};
pub use topic::{TopicKind, TopicSpec};
pub use whole::fingerprint;

/// An id as crates/flow has it.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub [u8; 16]);
