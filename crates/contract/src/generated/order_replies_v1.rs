// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Topic `order-replies.v1`: Answers to whoever sent the command.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::codec::{self, Canonical, Hasher, Record};

/// The ticket: the order is in work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
}

impl Canonical for Accepted<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("order_id", &self.order_id);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.end();
    }
}

impl<'a> Record<'a> for Accepted<'a> {
    const RELEASED: usize = 0;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// The command did not take effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rejected<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
    pub reason: RejectedReason,
    #[serde(borrow)]
    pub detail: Cow<'a, str>,
}

impl Canonical for Rejected<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("detail", &self.detail);
        hasher.field("order_id", &self.order_id);
        hasher.field("reason", &self.reason);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.end();
    }
}

impl<'a> Record<'a> for Rejected<'a> {
    const RELEASED: usize = 25;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum RejectedReason {
    /// Stands for symbols that this build does not know, too.
    #[default]
    #[serde(rename = "OTHER")]
    Other,
    #[serde(rename = "INVALID")]
    Invalid,
    #[serde(rename = "CONFLICT")]
    Conflict,
}

impl RejectedReason {
    /// The symbol as it stands in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            RejectedReason::Other => "OTHER",
            RejectedReason::Invalid => "INVALID",
            RejectedReason::Conflict => "CONFLICT",
        }
    }
}

impl<'de> Deserialize<'de> for RejectedReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::symbol(deserializer, |symbol| match symbol {
            "INVALID" => RejectedReason::Invalid,
            "CONFLICT" => RejectedReason::Conflict,
            _ => RejectedReason::Other,
        })
    }
}

impl Canonical for RejectedReason {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.text(self.as_str());
    }
}

/// Final answer: the order is fulfilled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completed<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
    /// Sum of the lines in minor units of the currency.
    pub total_minor: i64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

impl Canonical for Completed<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("currency", &self.currency);
        hasher.field("order_id", &self.order_id);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.field("total_minor", &self.total_minor);
        hasher.end();
    }
}

impl<'a> Record<'a> for Completed<'a> {
    const RELEASED: usize = 1;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

/// Final answer: the order cannot be fulfilled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub requester: Cow<'a, str>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    #[serde(borrow)]
    pub detail: Cow<'a, str>,
}

impl Canonical for Failed<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("detail", &self.detail);
        hasher.field("order_id", &self.order_id);
        hasher.field("reason", &self.reason);
        hasher.field("request_id", &self.request_id);
        hasher.field("requester", &self.requester);
        hasher.end();
    }
}

impl<'a> Record<'a> for Failed<'a> {
    const RELEASED: usize = 3;

    fn key(&self) -> &Cow<'a, str> {
        &self.order_id
    }
}

