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

pub use command::{LOAD, load_of_item, load_of_order};
#[cfg(test)]
pub use garbage::Kind;
pub use manifest::{Bytes, Item, Line, Manifest, Order};
#[cfg(test)]
pub use manifest::{Counts, Garbage};
pub use plan::{Plan, Trouble, plan};
pub use send::{Sent, send};
