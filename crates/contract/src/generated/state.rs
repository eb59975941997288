// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! What processors remember.

use serde::{Deserialize, Deserializer, Serialize};

use crate::codec::{self, Stored};

/// What item-lookup remembers of an item.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Item {
    pub status: ItemStatus,
    pub name: String,
    pub unit_price_minor: i64,
    pub currency: String,
    /// Pieces not put aside.
    pub on_hand: i64,
    /// Pieces put aside.
    pub reserved: i64,
    /// Pieces that left the house.
    pub shipped: i64,
    /// Last item_seq handed out.
    pub seq: i64,
    /// Lines that wait.
    pub parked: i64,
    /// Number of the last line that began to wait.
    pub queue_last: i64,
    /// Waiting lines are on their way out; later ones queue behind them.
    pub releasing: bool,
}

impl Stored for Item {
    const RELEASED: usize = 31;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum ItemStatus {
    /// Stands for symbols that this build does not know, too.
    #[default]
    #[serde(rename = "UNKNOWN")]
    Unknown,
    #[serde(rename = "ON_SALE")]
    OnSale,
    #[serde(rename = "RETIRED")]
    Retired,
}

impl ItemStatus {
    /// The symbol as it stands in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            ItemStatus::Unknown => "UNKNOWN",
            ItemStatus::OnSale => "ON_SALE",
            ItemStatus::Retired => "RETIRED",
        }
    }
}

impl<'de> Deserialize<'de> for ItemStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::symbol(deserializer, |symbol| match symbol {
            "ON_SALE" => ItemStatus::OnSale,
            "RETIRED" => ItemStatus::Retired,
            _ => ItemStatus::Unknown,
        })
    }
}

/// What fulfilment remembers of an order until every line is settled.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Order {
    pub status: OrderStatus,
    /// False while only line results have arrived.
    pub accepted: bool,
    pub request_id: String,
    pub requester: String,
    pub reply_to: String,
    /// Lines of the order; 0 until accepted.
    pub lines: i32,
    /// Lines put aside now.
    pub reserved: i32,
    /// Lines refused, released or shipped.
    pub settled: i32,
    pub total_minor: i64,
    pub currency: String,
    /// Why it is rejected.
    pub reason: String,
    pub detail: String,
    /// The line that decided it.
    pub line_no: i32,
    pub item_id: String,
    /// When the first was heard of it; 0 for those that an earlier version kept.
    #[serde(default)]
    pub opened_at: i64,
}

impl Stored for Order {
    const RELEASED: usize = 36;
}

/// A line of the order, by line number.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OrderLine {
    pub item_id: String,
    pub status: OrderLineStatus,
    pub amount_minor: i64,
}

impl Stored for OrderLine {
    const RELEASED: usize = 33;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum OrderLineStatus {
    /// Stands for symbols that this build does not know, too.
    #[default]
    #[serde(rename = "ASKED")]
    Asked,
    #[serde(rename = "RESERVED")]
    Reserved,
    #[serde(rename = "WAITING")]
    Waiting,
    #[serde(rename = "REFUSED")]
    Refused,
    #[serde(rename = "RELEASED")]
    Released,
    #[serde(rename = "SHIPPED")]
    Shipped,
}

impl OrderLineStatus {
    /// The symbol as it stands in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            OrderLineStatus::Asked => "ASKED",
            OrderLineStatus::Reserved => "RESERVED",
            OrderLineStatus::Waiting => "WAITING",
            OrderLineStatus::Refused => "REFUSED",
            OrderLineStatus::Released => "RELEASED",
            OrderLineStatus::Shipped => "SHIPPED",
        }
    }
}

impl<'de> Deserialize<'de> for OrderLineStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::symbol(deserializer, |symbol| match symbol {
            "RESERVED" => OrderLineStatus::Reserved,
            "WAITING" => OrderLineStatus::Waiting,
            "REFUSED" => OrderLineStatus::Refused,
            "RELEASED" => OrderLineStatus::Released,
            "SHIPPED" => OrderLineStatus::Shipped,
            _ => OrderLineStatus::Asked,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum OrderStatus {
    /// Stands for symbols that this build does not know, too.
    #[default]
    #[serde(rename = "COLLECTING")]
    Collecting,
    #[serde(rename = "CONFIRMED")]
    Confirmed,
    #[serde(rename = "REJECTED")]
    Rejected,
}

impl OrderStatus {
    /// The symbol as it stands in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Collecting => "COLLECTING",
            OrderStatus::Confirmed => "CONFIRMED",
            OrderStatus::Rejected => "REJECTED",
        }
    }
}

impl<'de> Deserialize<'de> for OrderStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::symbol(deserializer, |symbol| match symbol {
            "CONFIRMED" => OrderStatus::Confirmed,
            "REJECTED" => OrderStatus::Rejected,
            _ => OrderStatus::Collecting,
        })
    }
}

/// A line that waits, by its number in the queue.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ParkedLine {
    pub order_id: String,
    pub line_no: i32,
    pub quantity: i64,
    pub wait_until: i64,
    /// When it began to wait; 0 for those that an earlier version kept.
    #[serde(default)]
    pub parked_at: i64,
}

impl Stored for ParkedLine {
    const RELEASED: usize = 37;
}

/// A line of an order, by order and line number.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reservation {
    pub status: ReservationStatus,
    pub quantity: i64,
    /// Number in the queue while it waits.
    pub queue_no: i64,
    pub wait_until: i64,
}

impl Stored for Reservation {
    const RELEASED: usize = 35;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum ReservationStatus {
    /// Stands for symbols that this build does not know, too.
    #[default]
    #[serde(rename = "RESERVED")]
    Reserved,
    #[serde(rename = "WAITING")]
    Waiting,
}

impl ReservationStatus {
    /// The symbol as it stands in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            ReservationStatus::Reserved => "RESERVED",
            ReservationStatus::Waiting => "WAITING",
        }
    }
}

impl<'de> Deserialize<'de> for ReservationStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::symbol(deserializer, |symbol| match symbol {
            "WAITING" => ReservationStatus::Waiting,
            _ => ReservationStatus::Reserved,
        })
    }
}

