// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Topic `order-events.v1`: The story of an order.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::codec::{self, Canonical, Hasher, Record};
use crate::Line;

/// The order is in work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPlaced<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    #[serde(borrow)]
    pub customer_id: Cow<'a, str>,
    #[serde(borrow)]
    pub lines: Vec<Line<'a>>,
}

impl Canonical for OrderPlaced<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("customer_id", &self.customer_id);
        hasher.field("lines", &self.lines);
        hasher.field("order_id", &self.order_id);
        hasher.end();
    }
}

impl<'a> Record<'a> for OrderPlaced<'a> {
    const RELEASED: usize = 18;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// A line waits for an item that nobody has registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderParked<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    pub until: i64,
}

impl Canonical for OrderParked<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.field("until", &self.until);
        hasher.end();
    }
}

impl<'a> Record<'a> for OrderParked<'a> {
    const RELEASED: usize = 17;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// The item of a waiting line is registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderResumed<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
}

impl Canonical for OrderResumed<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.end();
    }
}

impl<'a> Record<'a> for OrderResumed<'a> {
    const RELEASED: usize = 20;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// Every line is put aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderConfirmed<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// Sum of the lines in minor units of the currency.
    pub total_minor: i64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

impl Canonical for OrderConfirmed<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("currency", &self.currency);
        hasher.field("order_id", &self.order_id);
        hasher.field("total_minor", &self.total_minor);
        hasher.end();
    }
}

impl<'a> Record<'a> for OrderConfirmed<'a> {
    const RELEASED: usize = 16;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// Every line left the house.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderShipped<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
}

impl Canonical for OrderShipped<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("order_id", &self.order_id);
        hasher.end();
    }
}

impl<'a> Record<'a> for OrderShipped<'a> {
    const RELEASED: usize = 21;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// Nothing is left to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCompleted<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// Sum of the lines in minor units of the currency.
    pub total_minor: i64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

impl Canonical for OrderCompleted<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("currency", &self.currency);
        hasher.field("order_id", &self.order_id);
        hasher.field("total_minor", &self.total_minor);
        hasher.end();
    }
}

impl<'a> Record<'a> for OrderCompleted<'a> {
    const RELEASED: usize = 15;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// The order cannot be fulfilled; what was put aside is given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRejected<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// The line that decided it.
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    pub reason: OrderRejectedReason,
    #[serde(borrow)]
    pub detail: Cow<'a, str>,
}

impl Canonical for OrderRejected<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("detail", &self.detail);
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.field("reason", &self.reason);
        hasher.end();
    }
}

impl<'a> Record<'a> for OrderRejected<'a> {
    const RELEASED: usize = 19;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum OrderRejectedReason {
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
    #[serde(rename = "MIXED_CURRENCIES")]
    MixedCurrencies,
}

impl OrderRejectedReason {
    /// The symbol as it stands in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            OrderRejectedReason::Other => "OTHER",
            OrderRejectedReason::OutOfStock => "OUT_OF_STOCK",
            OrderRejectedReason::ItemRetired => "ITEM_RETIRED",
            OrderRejectedReason::ItemUnknown => "ITEM_UNKNOWN",
            OrderRejectedReason::MixedCurrencies => "MIXED_CURRENCIES",
        }
    }
}

impl<'de> Deserialize<'de> for OrderRejectedReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::symbol(deserializer, |symbol| match symbol {
            "OUT_OF_STOCK" => OrderRejectedReason::OutOfStock,
            "ITEM_RETIRED" => OrderRejectedReason::ItemRetired,
            "ITEM_UNKNOWN" => OrderRejectedReason::ItemUnknown,
            "MIXED_CURRENCIES" => OrderRejectedReason::MixedCurrencies,
            _ => OrderRejectedReason::Other,
        })
    }
}

impl Canonical for OrderRejectedReason {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.text(self.as_str());
    }
}

