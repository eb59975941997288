// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Topic `order-commands.v1`: What shops ask for. Any sender; the ticket is known before sending.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::codec::{self, Canonical, Hasher, Record};
use crate::Line;

/// A customer wants these lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceOrder<'a> {
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
    /// Lines of items that nobody has registered wait until then; null means 24 hours after the order.
    #[serde(deserialize_with = "codec::optional", default)]
    pub wait_until: Option<i64>,
}

impl Canonical for PlaceOrder<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("customer_id", &self.customer_id);
        hasher.field("lines", &self.lines);
        hasher.field("order_id", &self.order_id);
        hasher.field("reply_to", &self.reply_to);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        if self.wait_until.is_some() {
            hasher.field("wait_until", &self.wait_until);
        }
        hasher.end();
    }
}

impl<'a> Record<'a> for PlaceOrder<'a> {
    const RELEASED: usize = 22;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

