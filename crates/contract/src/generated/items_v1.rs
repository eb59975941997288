// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Topic `items.v1`: What is known of an item.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::codec::{Canonical, Hasher, Record};

/// The item exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemRegistered<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Price of a piece in minor units of the currency.
    pub unit_price_minor: i64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

impl Canonical for ItemRegistered<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("currency", &self.currency);
        hasher.field("item_id", &self.item_id);
        hasher.field("name", &self.name);
        hasher.field("unit_price_minor", &self.unit_price_minor);
        hasher.end();
    }
}

impl<'a> Record<'a> for ItemRegistered<'a> {
    const RELEASED: usize = 6;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// Name or price of the item changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemCorrected<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Price of a piece in minor units of the currency.
    pub unit_price_minor: i64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

impl Canonical for ItemCorrected<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("currency", &self.currency);
        hasher.field("item_id", &self.item_id);
        hasher.field("name", &self.name);
        hasher.field("unit_price_minor", &self.unit_price_minor);
        hasher.end();
    }
}

impl<'a> Record<'a> for ItemCorrected<'a> {
    const RELEASED: usize = 5;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// The item is not sold any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemRetired<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
}

impl Canonical for ItemRetired<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.end();
    }
}

impl<'a> Record<'a> for ItemRetired<'a> {
    const RELEASED: usize = 7;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// Pieces arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockReceived<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Pieces.
    pub quantity: i64,
    /// 1, 2, … in the order in which the item's stock moved.
    pub item_seq: i64,
    /// Pieces not put aside, after this.
    pub on_hand: i64,
}

impl Canonical for StockReceived<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("item_seq", &self.item_seq);
        hasher.field("on_hand", &self.on_hand);
        hasher.field("quantity", &self.quantity);
        hasher.end();
    }
}

impl<'a> Record<'a> for StockReceived<'a> {
    const RELEASED: usize = 30;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// The command did not take effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemCommandRefused<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

impl Canonical for ItemCommandRefused<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("reason", &self.reason);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.end();
    }
}

impl<'a> Record<'a> for ItemCommandRefused<'a> {
    const RELEASED: usize = 4;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

