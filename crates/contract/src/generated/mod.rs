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

/// schemas/ as this build knows it: path and text of each file.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("schemas/accepted.avsc", include_str!("../../../../schemas/accepted.avsc")),
    ("schemas/completed.avsc", include_str!("../../../../schemas/completed.avsc")),
    ("schemas/correct_item.avsc", include_str!("../../../../schemas/correct_item.avsc")),
    ("schemas/failed.avsc", include_str!("../../../../schemas/failed.avsc")),
    ("schemas/item_command_refused.avsc", include_str!("../../../../schemas/item_command_refused.avsc")),
    ("schemas/item_corrected.avsc", include_str!("../../../../schemas/item_corrected.avsc")),
    ("schemas/item_registered.avsc", include_str!("../../../../schemas/item_registered.avsc")),
    ("schemas/item_retired.avsc", include_str!("../../../../schemas/item_retired.avsc")),
    ("schemas/line.avsc", include_str!("../../../../schemas/line.avsc")),
    ("schemas/line_parked.avsc", include_str!("../../../../schemas/line_parked.avsc")),
    ("schemas/line_refused.avsc", include_str!("../../../../schemas/line_refused.avsc")),
    ("schemas/line_released.avsc", include_str!("../../../../schemas/line_released.avsc")),
    ("schemas/line_reserved.avsc", include_str!("../../../../schemas/line_reserved.avsc")),
    ("schemas/line_resumed.avsc", include_str!("../../../../schemas/line_resumed.avsc")),
    ("schemas/line_shipped.avsc", include_str!("../../../../schemas/line_shipped.avsc")),
    ("schemas/meta.avsc", include_str!("../../../../schemas/meta.avsc")),
    ("schemas/order_accepted.avsc", include_str!("../../../../schemas/order_accepted.avsc")),
    ("schemas/order_completed.avsc", include_str!("../../../../schemas/order_completed.avsc")),
    ("schemas/order_confirmed.avsc", include_str!("../../../../schemas/order_confirmed.avsc")),
    ("schemas/order_parked.avsc", include_str!("../../../../schemas/order_parked.avsc")),
    ("schemas/order_placed.avsc", include_str!("../../../../schemas/order_placed.avsc")),
    ("schemas/order_rejected.avsc", include_str!("../../../../schemas/order_rejected.avsc")),
    ("schemas/order_resumed.avsc", include_str!("../../../../schemas/order_resumed.avsc")),
    ("schemas/order_shipped.avsc", include_str!("../../../../schemas/order_shipped.avsc")),
    ("schemas/place_order.avsc", include_str!("../../../../schemas/place_order.avsc")),
    ("schemas/receive_stock.avsc", include_str!("../../../../schemas/receive_stock.avsc")),
    ("schemas/register_item.avsc", include_str!("../../../../schemas/register_item.avsc")),
    ("schemas/rejected.avsc", include_str!("../../../../schemas/rejected.avsc")),
    ("schemas/release_line.avsc", include_str!("../../../../schemas/release_line.avsc")),
    ("schemas/reserve_line.avsc", include_str!("../../../../schemas/reserve_line.avsc")),
    ("schemas/retire_item.avsc", include_str!("../../../../schemas/retire_item.avsc")),
    ("schemas/ship_line.avsc", include_str!("../../../../schemas/ship_line.avsc")),
    ("schemas/state/item.avsc", include_str!("../../../../schemas/state/item.avsc")),
    ("schemas/state/order.avsc", include_str!("../../../../schemas/state/order.avsc")),
    ("schemas/state/order_line.avsc", include_str!("../../../../schemas/state/order_line.avsc")),
    ("schemas/state/parked_line.avsc", include_str!("../../../../schemas/state/parked_line.avsc")),
    ("schemas/state/reservation.avsc", include_str!("../../../../schemas/state/reservation.avsc")),
    ("schemas/stock_received.avsc", include_str!("../../../../schemas/stock_received.avsc")),
];
