//! Load: turns TPC-H rows into commands, with trouble on demand, and writes down what was sent.
//!
//! Parts are items, partsupp their stock, orders with their line items the orders.

mod command;
mod dice;
mod garbage;
mod manifest;
mod plan;
mod send;
#[cfg(test)]
mod tests;
mod tpch;

pub use garbage::Kind;
pub use manifest::{Bytes, Counts, Garbage, Item, Line, Manifest, Order};
pub use plan::{Part, Plan, Trouble, plan};
pub use send::{Sent, send};
