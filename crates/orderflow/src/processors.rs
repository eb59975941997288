//! The processors that this binary can run. A new one is one line here.

use contract::state::{Order, ParkedLine};
use engine::core::logic::{Logic, erase};
use engine::shell::rows::Since;

use crate::failure::Failure;

/// A processor by name.
#[derive(Clone, Copy)]
pub struct Known {
    pub make: fn() -> Box<dyn Logic>,
    /// Since when a row of its state exists, where that is worth a metric.
    pub since: Since,
}

impl Known {
    /// Its map.
    pub fn topology(self) -> &'static flow::Topology {
        (self.make)().topology()
    }

    /// Folder, group, argument and label.
    pub fn name(self) -> &'static str {
        self.topology().name
    }
}

/// Every processor, in the order of topics.yaml.
pub const ALL: &[Known] = &[
    Known { make: || erase::<contract::order_intake::OrderIntake>(order_intake::handle), since: |_, _| None },
    Known { make: || erase::<contract::item_lookup::ItemLookup>(item_lookup::handle), since: parked_at },
    Known { make: || erase::<contract::fulfilment::Fulfilment>(fulfilment::handle), since: opened_at },
];

/// Since when a line waits: table `parked` of item-lookup.
fn parked_at(table: u8, value: &[u8]) -> Option<i64> {
    let line = (table == 1).then(|| contract::load::<ParkedLine>(value).ok()).flatten()?;
    (line.parked_at > 0).then_some(line.parked_at)
}

/// Since when an order is open: table `order` of fulfilment.
fn opened_at(table: u8, value: &[u8]) -> Option<i64> {
    let order = (table == 0).then(|| contract::load::<Order>(value).ok()).flatten()?;
    (order.opened_at > 0).then_some(order.opened_at)
}

/// The processor of this name.
pub fn find(name: &str) -> anyhow::Result<Known> {
    ALL.iter().copied().find(|known| known.name() == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|known| known.name()).collect();
        Failure::usage("unknown-processor", format!("processor \"{name}\""), format!("one of {}", names.join(", ")))
            .into()
    })
}
