//! Schema ids: from the lock file of this build, or from a registry.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use engine::core::io::WriterSchema;
use engine::shell::schemas::Schemas;

use crate::options::Place;

/// Ids to write with, and what is known of ids to read.
#[derive(Clone)]
pub struct Ids {
    /// Schema fingerprint to id.
    pub by_fingerprint: HashMap<u64, u32>,
    pub schemas: Schemas,
}

fn writer(released: &contract::Released) -> WriterSchema {
    WriterSchema {
        record: released.record.to_owned(),
        fingerprint: released.fingerprint,
        text: Arc::from(released.text),
    }
}

/// Every wire schema that this build knows.
pub fn wire() -> impl Iterator<Item = &'static contract::Released> {
    contract::RELEASED.iter().filter(|released| !released.state && !released.topic.is_empty())
}

/// The subject of a wire schema: one per topic and record (TopicRecordNameStrategy).
pub fn subject(released: &contract::Released) -> String {
    format!("{}-{}", released.topic, released.full_name)
}

impl Ids {
    /// The ids of schemas/released/local.lock.json.
    pub fn local() -> Ids {
        let schemas = Schemas::new(wire().map(|released| (released.local_id, writer(released))), false);
        Ids { by_fingerprint: wire().map(|released| (released.fingerprint, released.local_id)).collect(), schemas }
    }

    /// The registry's ids where one is named (a file in `data` remembers them, so that a start needs no registry), else
    /// the local ones.
    pub fn of(place: &Place, data: &Path) -> anyhow::Result<Ids> {
        let Some(url) = &place.registry else { return Ok(Ids::local()) };
        crate::registry::ids(url, place, data)
    }

    /// The id to write a schema with.
    pub fn get(&self, fingerprint: u64) -> Option<u32> {
        self.by_fingerprint.get(&fingerprint).copied()
    }

    /// The ids as a registry gave them.
    pub fn with(by_fingerprint: HashMap<u64, u32>) -> Ids {
        let known = wire().filter_map(|released| {
            let id = by_fingerprint.get(&released.fingerprint)?;
            Some((*id, writer(released)))
        });
        let schemas = Schemas::new(known.collect::<Vec<_>>(), true);
        Ids { by_fingerprint, schemas }
    }
}
