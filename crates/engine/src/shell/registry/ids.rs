//! The ids to write with: from the registry, or from the lock file while it does not answer.

use std::collections::HashMap;
use std::path::Path;

use super::error::quoted;
use super::lock::{Entry, Lock};
use super::{Registry, RegistryError};

/// A schema that this build writes or reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireSchema<'a> {
    /// `<topic>-<full name>` (TopicRecordNameStrategy).
    pub subject: &'a str,
    /// Avro JSON exactly as it is registered: to some registries other white space is another schema.
    pub text: &'a str,
    /// CRC-64-AVRO of its Parsing Canonical Form.
    pub fingerprint: u64,
}

impl Registry {
    /// The registry's id of each schema, by fingerprint; registers nothing. `lock` remembers the answer, and answers in
    /// the registry's place while that does not.
    pub fn ids(&self, wire: &[WireSchema<'_>], lock: &Path) -> Result<HashMap<u64, u32>, RegistryError> {
        let mut ids = HashMap::new();
        let mut answered = Vec::new();
        let mut missing = Vec::new();
        for wire_schema in wire {
            match self.lookup(wire_schema.subject, wire_schema.text) {
                Ok(Some(id)) => {
                    ids.insert(wire_schema.fingerprint, id);
                    answered.push(Entry::new(wire_schema, id));
                }
                Ok(None) => missing.push(wire_schema.subject.to_owned()),
                // What it has said already stands: without that schema there is nothing to start with.
                Err(RegistryError::Unreachable { reason, .. }) if missing.is_empty() => {
                    return self.locked(wire, lock, reason);
                }
                Err(RegistryError::Unreachable { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        if !missing.is_empty() {
            return Err(RegistryError::Missing { registry: self.url().to_owned(), subjects: missing });
        }
        if let Err(error) = Lock::update(lock, self.url(), answered) {
            // The ids are known; only a start without the registry will lack them.
            tracing::warn!(lock = %lock.display(), "lock file not written, the next start needs the registry: {error}");
        }
        Ok(ids)
    }

    /// The ids that a lock file remembers, in the order of `wire`; nothing when there is none of this registry.
    pub fn remembered(&self, wire: &[WireSchema<'_>], lock: &Path) -> Vec<Option<u32>> {
        let lock = Lock::read(lock).ok().flatten().filter(|lock| lock.registry == self.url());
        wire.iter().map(|wire| lock.as_ref()?.id(wire)).collect()
    }

    fn locked(&self, wire: &[WireSchema<'_>], path: &Path, reason: String) -> Result<HashMap<u64, u32>, RegistryError> {
        let lacks = |lack: String| RegistryError::LockIncomplete {
            registry: self.url().to_owned(),
            reason: reason.clone(),
            lock: path.to_owned(),
            lack,
        };
        let lock = match Lock::read(path) {
            Ok(Some(lock)) if lock.registry == self.url() => lock,
            Ok(Some(lock)) => return Err(lacks(format!("is of registry \"{}\"", lock.registry))),
            Ok(None) => return Err(lacks("does not exist".to_owned())),
            Err(error) => return Err(lacks(format!("is unreadable: {error}"))),
        };
        let mut ids = HashMap::new();
        let mut missing = Vec::new();
        for wire_schema in wire {
            match lock.id(wire_schema) {
                Some(id) => drop(ids.insert(wire_schema.fingerprint, id)),
                None => missing.push(wire_schema.subject.to_owned()),
            }
        }
        if !missing.is_empty() {
            return Err(lacks(format!("lacks {}", quoted(&missing))));
        }
        let registry = self.url();
        tracing::warn!(registry, lock = %path.display(), "registry does not answer, ids are those of the lock file: {reason}");
        Ok(ids)
    }
}
