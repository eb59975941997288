//! Schema ids and schemas: what the processor reads and writes, offline from `schemas/released/`, online from a registry.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::core::io::{Framed, WriterSchema};

/// How long "there is no such id" holds: it may be registered later.
const ABSENT_FOR: Duration = Duration::from_secs(30);
/// Garbage may hold any number of ids.
const ABSENT_MAX: usize = 10_000;

/// What is known of a schema id.
#[derive(Debug, Clone, Default)]
struct Known {
    by_id: HashMap<u32, Arc<WriterSchema>>,
    absent: HashMap<u32, Instant>,
    wanted: Vec<u32>,
}

/// Ids to schemas, shared by the workers of a process and the thread that asks the registry.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    known: Arc<Mutex<Known>>,
    /// Without a registry an id that is not in the lock file is unknown for good.
    online: bool,
}

/// A worker's private copy, so that the hot path takes no lock.
#[derive(Debug, Default)]
pub struct SchemaCache {
    by_id: HashMap<u32, Arc<WriterSchema>>,
}

/// The answer to "which schema is this?".
#[derive(Debug)]
pub enum Resolved<'a> {
    Framed(Framed<'a>),
    /// The registry has not answered yet; the partition waits.
    Pending(u32),
}

impl Schemas {
    /// Ids of a lock file. `online`: ids that are not in it are asked for.
    pub fn new(ids: impl IntoIterator<Item = (u32, WriterSchema)>, online: bool) -> Schemas {
        let by_id = ids.into_iter().map(|(id, schema)| (id, Arc::new(schema))).collect();
        Schemas { known: Arc::new(Mutex::new(Known { by_id, ..Known::default() })), online }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Ids that somebody waits for.
    pub fn wanted(&self) -> Vec<u32> {
        self.lock().wanted.clone()
    }

    /// The registry's answer: `None` when it said itself that there is no such id.
    pub fn answer(&self, id: u32, schema: Option<WriterSchema>) {
        let mut known = self.lock();
        known.wanted.retain(|wanted| *wanted != id);
        match schema {
            Some(schema) => {
                known.by_id.insert(id, Arc::new(schema));
            }
            None => {
                if known.absent.len() >= ABSENT_MAX {
                    known.absent.clear();
                }
                known.absent.insert(id, Instant::now());
            }
        }
    }

    /// Whether an id asked for before can be resolved now.
    pub fn is_answered(&self, id: u32) -> bool {
        let known = self.lock();
        known.by_id.contains_key(&id) || known.absent.contains_key(&id)
    }
}

impl SchemaCache {
    /// Reads the framing of a value.
    pub fn resolve<'a>(&'a mut self, schemas: &Schemas, value: Option<&[u8]>) -> Resolved<'a> {
        let Some(([0, id @ ..], _)) = value.and_then(|value| value.split_first_chunk::<5>()) else {
            return Resolved::Framed(Framed::Unframed);
        };
        let id = u32::from_be_bytes(*id);
        if let Entry::Vacant(unknown) = self.by_id.entry(id) {
            let mut known = schemas.lock();
            if let Some(schema) = known.by_id.get(&id) {
                unknown.insert(schema.clone());
            } else if !schemas.online || known.absent.get(&id).is_some_and(|since| since.elapsed() < ABSENT_FOR) {
                return Resolved::Framed(Framed::Unknown(id));
            } else {
                known.absent.remove(&id);
                if !known.wanted.contains(&id) {
                    known.wanted.push(id);
                }
                return Resolved::Pending(id);
            }
        }
        match self.by_id.get(&id) {
            Some(schema) => Resolved::Framed(Framed::Known(schema)),
            None => Resolved::Framed(Framed::Unknown(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_was_absent_is_asked_for_again() {
        let schemas = Schemas::new([], true);
        let mut cache = SchemaCache::default();
        let mut resolved = |schemas: &Schemas| match cache.resolve(schemas, Some(&[0, 0, 0, 0, 9, 1])) {
            Resolved::Pending(9) => "pending",
            Resolved::Framed(Framed::Unknown(9)) => "unknown",
            other => panic!("{other:?}"),
        };
        assert_eq!(resolved(&schemas), "pending");
        schemas.answer(9, None);
        assert_eq!(resolved(&schemas), "unknown");
        let long_ago = Instant::now().checked_sub(ABSENT_FOR).expect("the machine runs for longer");
        schemas.lock().absent.insert(9, long_ago);
        assert_eq!(resolved(&schemas), "pending");
        assert_eq!(schemas.wanted(), [9]);
        (10..10 + 2 * ABSENT_MAX as u32).for_each(|id| schemas.answer(id, None));
        assert!(schemas.lock().absent.len() <= ABSENT_MAX);
    }
}
