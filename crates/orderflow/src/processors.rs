//! The processors that this binary can run. A new one is one line here.

use engine::core::logic::{Logic, erase};

use crate::failure::Failure;

/// A processor by name.
#[derive(Clone, Copy)]
pub struct Known {
    pub make: fn() -> Box<dyn Logic>,
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
    Known { make: || erase::<contract::order_intake::OrderIntake>(order_intake::handle) },
    Known { make: || erase::<contract::item_lookup::ItemLookup>(item_lookup::handle) },
    Known { make: || erase::<contract::fulfilment::Fulfilment>(fulfilment::handle) },
];

/// The processor of this name.
pub fn find(name: &str) -> anyhow::Result<Known> {
    ALL.iter().copied().find(|known| known.name() == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|known| known.name()).collect();
        Failure::usage("unknown-processor", format!("processor \"{name}\""), format!("one of {}", names.join(", ")))
            .into()
    })
}
