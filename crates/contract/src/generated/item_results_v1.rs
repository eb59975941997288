// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Topic `item-results.v1`: What became of a line, for the order that asked.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::codec::{self, Canonical, Hasher, Record};

/// The quantity is put aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineReserved<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Pieces.
    pub quantity: i64,
    /// Price of a piece in minor units of the currency.
    pub unit_price_minor: i64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
    /// quantity times unit_price_minor.
    pub amount_minor: i64,
    /// 1, 2, … in the order in which the item's stock moved.
    pub item_seq: i64,
    /// Pieces not put aside, after this.
    pub on_hand: i64,
}

impl Canonical for LineReserved<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("amount_minor", &self.amount_minor);
        hasher.field("currency", &self.currency);
        hasher.field("item_id", &self.item_id);
        hasher.field("item_seq", &self.item_seq);
        hasher.field("line_no", &self.line_no);
        hasher.field("on_hand", &self.on_hand);
        hasher.field("order_id", &self.order_id);
        hasher.field("quantity", &self.quantity);
        hasher.field("unit_price_minor", &self.unit_price_minor);
        hasher.end();
    }
}

impl<'a> Record<'a> for LineReserved<'a> {
    const RELEASED: usize = 11;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// Nobody has registered the item; the line waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineParked<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    pub until: i64,
}

impl Canonical for LineParked<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.field("until", &self.until);
        hasher.end();
    }
}

impl<'a> Record<'a> for LineParked<'a> {
    const RELEASED: usize = 8;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// The item is registered; the line goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineResumed<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
}

impl Canonical for LineResumed<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.end();
    }
}

impl<'a> Record<'a> for LineResumed<'a> {
    const RELEASED: usize = 12;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// The line cannot be had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineRefused<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    pub reason: RefusedReason,
    #[serde(borrow)]
    pub detail: Cow<'a, str>,
}

impl Canonical for LineRefused<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("detail", &self.detail);
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.field("reason", &self.reason);
        hasher.end();
    }
}

impl<'a> Record<'a> for LineRefused<'a> {
    const RELEASED: usize = 9;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum RefusedReason {
    /// Stands for symbols that this build does not know, too.
    #[default]
    #[serde(rename = "OTHER")]
    Other,
    #[serde(rename = "OUT_OF_STOCK")]
    OutOfStock,
    #[serde(rename = "ITEM_RETIRED")]
    ItemRetired,
    #[serde(rename = "ITEM_UNKNOWN")]
    ItemUnknown,
}

impl RefusedReason {
    /// The symbol as it stands in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusedReason::Other => "OTHER",
            RefusedReason::OutOfStock => "OUT_OF_STOCK",
            RefusedReason::ItemRetired => "ITEM_RETIRED",
            RefusedReason::ItemUnknown => "ITEM_UNKNOWN",
        }
    }
}

impl<'de> Deserialize<'de> for RefusedReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::symbol(deserializer, |symbol| match symbol {
            "OUT_OF_STOCK" => RefusedReason::OutOfStock,
            "ITEM_RETIRED" => RefusedReason::ItemRetired,
            "ITEM_UNKNOWN" => RefusedReason::ItemUnknown,
            _ => RefusedReason::Other,
        })
    }
}

impl Canonical for RefusedReason {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.text(self.as_str());
    }
}

/// What was put aside is given back; quantity is 0 when the line was only waiting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineReleased<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Pieces.
    pub quantity: i64,
    /// 1, 2, … in the order in which the item's stock moved.
    pub item_seq: i64,
    /// Pieces not put aside, after this.
    pub on_hand: i64,
}

impl Canonical for LineReleased<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("item_seq", &self.item_seq);
        hasher.field("line_no", &self.line_no);
        hasher.field("on_hand", &self.on_hand);
        hasher.field("order_id", &self.order_id);
        hasher.field("quantity", &self.quantity);
        hasher.end();
    }
}

impl<'a> Record<'a> for LineReleased<'a> {
    const RELEASED: usize = 10;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// The pieces left the house.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineShipped<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Pieces.
    pub quantity: i64,
    /// 1, 2, … in the order in which the item's stock moved.
    pub item_seq: i64,
    /// Pieces not put aside, after this.
    pub on_hand: i64,
}

impl Canonical for LineShipped<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("item_seq", &self.item_seq);
        hasher.field("line_no", &self.line_no);
        hasher.field("on_hand", &self.on_hand);
        hasher.field("order_id", &self.order_id);
        hasher.field("quantity", &self.quantity);
        hasher.end();
    }
}

impl<'a> Record<'a> for LineShipped<'a> {
    const RELEASED: usize = 13;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

