// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Topic `item-commands.v1`: What the catalogue and the warehouse ask for.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::codec::{Canonical, Hasher, Record};

/// There is an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegisterItem<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Price of a piece in minor units of the currency.
    pub unit_price_minor: i64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

impl Canonical for RegisterItem<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("currency", &self.currency);
        hasher.field("item_id", &self.item_id);
        hasher.field("name", &self.name);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.field("unit_price_minor", &self.unit_price_minor);
        hasher.end();
    }
}

impl<'a> Record<'a> for RegisterItem<'a> {
    const RELEASED: usize = 24;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// Name or price of the item are to be others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrectItem<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Price of a piece in minor units of the currency.
    pub unit_price_minor: i64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

impl Canonical for CorrectItem<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("currency", &self.currency);
        hasher.field("item_id", &self.item_id);
        hasher.field("name", &self.name);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.field("unit_price_minor", &self.unit_price_minor);
        hasher.end();
    }
}

impl<'a> Record<'a> for CorrectItem<'a> {
    const RELEASED: usize = 2;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// The item is not sold any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetireItem<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
}

impl Canonical for RetireItem<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.end();
    }
}

impl<'a> Record<'a> for RetireItem<'a> {
    const RELEASED: usize = 28;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

/// Pieces arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiveStock<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
    /// Pieces, at least 1.
    pub quantity: i64,
}

impl Canonical for ReceiveStock<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("quantity", &self.quantity);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.end();
    }
}

impl<'a> Record<'a> for ReceiveStock<'a> {
    const RELEASED: usize = 23;

    fn key(&self) -> &Cow<'a, str> {
        &self.item_id
    }
}

