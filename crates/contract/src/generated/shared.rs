// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Types that several records share.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::codec::{Canonical, Hasher};

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line<'a> {
    /// 1, 2, … within the order.
    pub line_no: i32,
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Pieces, at least 1.
    pub quantity: i64,
}

impl Canonical for Line<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("item_id", &self.item_id);
        hasher.field("line_no", &self.line_no);
        hasher.field("quantity", &self.quantity);
        hasher.end();
    }
}

