// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Topic `item-requests.v1`: Order lines, asked for item by item.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::codec::{Canonical, Hasher, Record};

/// Put the quantity aside for this line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReserveLine<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Pieces.
    pub quantity: i64,
    /// A line of an item that nobody has registered waits until then.
    pub wait_until: i64,
}

impl Canonical for ReserveLine<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.field("quantity", &self.quantity);
        hasher.field("wait_until", &self.wait_until);
        hasher.end();
    }
}

impl<'a> Record<'a> for ReserveLine<'a> {
    const RELEASED: usize = 27;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// Give back what is put aside for this line, or stop waiting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseLine<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
}

impl Canonical for ReleaseLine<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.end();
    }
}

impl<'a> Record<'a> for ReleaseLine<'a> {
    const RELEASED: usize = 26;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// What is put aside for this line leaves the house.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipLine<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
}

impl Canonical for ShipLine<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("order_id", &self.order_id);
        hasher.end();
    }
}

impl<'a> Record<'a> for ShipLine<'a> {
    const RELEASED: usize = 29;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

