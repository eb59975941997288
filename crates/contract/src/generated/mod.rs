// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! The contract as Rust: records by topic, state, and one module per processor.

mod released;
mod topics;
mod shared;
mod order_commands_v1;
mod orders_v1;
mod item_commands_v1;
mod item_requests_v1;
mod items_v1;
mod item_results_v1;
mod order_events_v1;
mod order_replies_v1;

pub mod order_intake;
pub mod item_lookup;
pub mod fulfilment;
pub mod state;

pub use released::*;
pub use topics::*;
pub use shared::*;
pub use order_commands_v1::*;
pub use orders_v1::*;
pub use item_commands_v1::*;
pub use item_requests_v1::*;
pub use items_v1::*;
pub use item_results_v1::*;
pub use order_events_v1::*;
pub use order_replies_v1::*;

/// An encoded input or output above it is a dead letter.
pub const RECORD_BYTES_MAX: usize = 262144;

/// topics.yaml as this build knows it.
pub const TOPICS_YAML: &str = include_str!("../../../../topics.yaml");
