//! The topology as a picture: Mermaid for places that render it, SVG for all others.

mod graph;
mod layout;
mod mermaid;
mod svg;

use std::collections::BTreeMap;

pub use mermaid::mermaid;
pub use svg::svg;

/// Lines to add to boxes, by the name of the topic or processor.
pub type Notes = BTreeMap<String, Vec<String>>;

/// The first line of a drawing that is committed.
pub const COMMITTED: &str = "Generated from topics.yaml by `make contract`; do not edit.";
