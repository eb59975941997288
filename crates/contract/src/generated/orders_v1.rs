// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Topic `orders.v1`: Orders that are complete and valid.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::codec::{Canonical, Hasher, Record};
use crate::Line;

/// The order is complete and valid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderAccepted<'a> {
    /// UUIDv5 of requester and request_id of the placing command; also the ticket.
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// Chosen by the requester; the same value again is the same request.
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    /// Who asks.
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
    /// Topic for the answers.
    #[serde(borrow)]
    pub reply_to: Cow<'a, str>,
    #[serde(borrow)]
    pub customer_id: Cow<'a, str>,
    #[serde(borrow)]
    pub lines: Vec<Line<'a>>,
}

impl Canonical for OrderAccepted<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("customer_id", &self.customer_id);
        hasher.field("lines", &self.lines);
        hasher.field("order_id", &self.order_id);
        hasher.field("reply_to", &self.reply_to);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.end();
    }
}

impl<'a> Record<'a> for OrderAccepted<'a> {
    const RELEASED: usize = 14;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

