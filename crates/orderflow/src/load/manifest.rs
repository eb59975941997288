//! What was sent, so that somebody who trusts no counter can check what came of it.
//!
//! The file is one JSON object:
//!
//! ```json
//! {"version": 1, "scale": 0.01, "trouble": {"duplicates": 0.05, …, "seed": 1}, "currency": "USD",
//!  "counts": {"items": 2000, "orders": 15000, "lines": 60175, "commands": 25000,
//!             "duplicates": {"item-commands.v1": 510, "order-commands.v1": 742}, "garbage": 20},
//!  "items": [{"item_id": "part-1-1", "price_minor": 90100, "demand": 1020, "received": 17405, "deliveries": 4, …}, …],
//!  "orders": [{"order_id": "…", "sent": 1, "lines": [[line_no, item, quantity, extended_price_minor], …]}, …],
//!  "garbage": [{"kind": "truncated", "topic": "…", "partition": 3, "key": null, "value": "0000…", …}, …]}
//! ```
//!
//! `item` in a line is a position in `items`, counted from 0: an order would otherwise be twice as long. Keys and
//! values of garbage are hex. Amounts are minor units of `currency`.

use std::collections::BTreeMap;

use flow::Id;
use serde::{Deserialize, Serialize};

use super::garbage::Kind;
use super::plan::Trouble;

/// Everything that was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    /// TPC-H scale factor.
    pub scale: f64,
    pub trouble: Trouble,
    /// ISO 4217 code of every amount.
    pub currency: String,
    pub counts: Counts,
    pub items: Vec<Item>,
    pub orders: Vec<Order>,
    pub garbage: Vec<Garbage>,
}

/// How many of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub items: u64,
    pub orders: u64,
    pub lines: u64,
    /// Different commands: without duplicates and garbage.
    pub commands: u64,
    /// Commands sent a second time, by topic.
    pub duplicates: BTreeMap<String, u64>,
    pub garbage: u64,
}

/// An item with its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub item_id: String,
    pub price_minor: i64,
    /// Pieces that all orders together want.
    pub demand: i64,
    /// Pieces delivered.
    pub received: i64,
    /// Number of deliveries.
    pub deliveries: u32,
    /// Of its commands, how many were sent a second time.
    #[serde(default, skip_serializing_if = "zero")]
    pub resent: u32,
    /// Registered only after all orders.
    #[serde(default, skip_serializing_if = "no")]
    pub late: bool,
    /// Its stock is less than the demand.
    #[serde(default, skip_serializing_if = "no")]
    pub scarce: bool,
    /// Pieces added to what TPC-H has available, so that an item that is not scarce meets its demand.
    #[serde(default, skip_serializing_if = "none")]
    pub raised: i64,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    #[serde(with = "id")]
    pub order_id: Id,
    /// How many times its command was sent.
    pub sent: u32,
    pub lines: Vec<Line>,
}

/// A line: `[line_no, item, quantity, extended_price_minor]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i32, u32, i64, i64)", into = "(i32, u32, i64, i64)")]
pub struct Line {
    pub line_no: i32,
    /// Position in [`Manifest::items`].
    pub item: u32,
    pub quantity: i64,
    /// What TPC-H itself says that the line costs.
    pub extended_price_minor: i64,
}

/// A record that nobody can handle, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Garbage {
    pub kind: Kind,
    pub topic: String,
    pub partition: u32,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    /// The topics in which it must turn up: one for each processor that reads the topic.
    pub dead_letters: Vec<String>,
}

/// Bytes, in hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub Vec<u8>);

impl Order {
    /// What the lines cost together.
    pub fn total_minor(&self) -> i64 {
        self.lines.iter().map(|line| line.extended_price_minor).sum()
    }
}

impl Manifest {
    /// Commands sent a second time, over all topics.
    pub fn duplicates(&self) -> u64 {
        self.counts.duplicates.values().sum()
    }
}

impl From<(i32, u32, i64, i64)> for Line {
    fn from((line_no, item, quantity, extended_price_minor): (i32, u32, i64, i64)) -> Line {
        Line { line_no, item, quantity, extended_price_minor }
    }
}

impl From<Line> for (i32, u32, i64, i64) {
    fn from(line: Line) -> (i32, u32, i64, i64) {
        (line.line_no, line.item, line.quantity, line.extended_price_minor)
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> String {
        bytes.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Bytes, String> {
        let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
        let digits = digits.filter(|digits| digits.len() % 2 == 0);
        let digits = digits.ok_or_else(|| format!("\"{text}\" is not hex"))?;
        Ok(Bytes(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
    }
}

fn zero(number: &u32) -> bool {
    *number == 0
}

fn none(pieces: &i64) -> bool {
    *pieces == 0
}

fn no(flag: &bool) -> bool {
    !flag
}

/// An id as its 36 characters.
mod id {
    use flow::Id;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        let text = String::deserialize(deserializer)?;
        Id::parse(&text).ok_or_else(|| D::Error::custom(format!("\"{text}\" is not a UUID")))
    }
}
