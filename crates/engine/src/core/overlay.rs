//! Three layers of state: reads see the building overlay, then the committing one, then the store.

use std::cell::RefCell;
use std::collections::BTreeMap;

use flow::StateRead;

use super::io::Store;
use super::keys;

/// Changes of a transaction that is not in the store yet; `None` deletes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay(pub BTreeMap<Vec<u8>, Option<Vec<u8>>>);

/// What one task may read.
pub struct Layers<'a> {
    pub task: u32,
    pub building: &'a Overlay,
    pub committing: &'a Overlay,
    pub store: &'a dyn Store,
}

impl Layers<'_> {
    /// The newest value of a store key.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        for overlay in [self.building, self.committing] {
            if let Some(value) = overlay.0.get(key) {
                return value.clone();
            }
        }
        self.store.get(self.task, key)
    }

    /// At most `limit` entries that begin with `prefix`, at or after `from`, ascending.
    pub fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        // What the overlays say about the range, newest first; deletions included, as they hide the store's entries.
        let mut changed: BTreeMap<&[u8], Option<&Vec<u8>>> = BTreeMap::new();
        let from = from.max(prefix);
        for overlay in [self.committing, self.building] {
            let range = overlay.0.range(from.to_vec()..);
            changed.extend(
                range
                    .take_while(|(key, _)| key.starts_with(prefix))
                    .map(|(key, value)| (key.as_slice(), value.as_ref())),
            );
        }
        let mut out: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut changed = changed.into_iter().peekable();
        self.store.scan(self.task, prefix, from, &mut |key, value| {
            while let Some((at, newer)) = changed.next_if(|(at, _)| *at < key) {
                out.extend(newer.map(|newer| (at.to_vec(), newer.clone())));
            }
            match changed.next_if(|(at, _)| *at == key) {
                Some((_, newer)) => out.extend(newer.map(|newer| (key.to_vec(), newer.clone()))),
                None => out.push((key.to_vec(), value.to_vec())),
            }
            out.len() < limit
        });
        if out.len() < limit {
            out.extend(changed.filter_map(|(at, newer)| newer.map(|newer| (at.to_vec(), newer.clone()))));
        }
        out.truncate(limit);
        out
    }
}

/// State of one record key, for a handler.
pub struct View<'a> {
    pub layers: Layers<'a>,
    pub key: &'a str,
    /// What did not decode, when something did not.
    pub unreadable: RefCell<Option<String>>,
}

impl StateRead for View<'_> {
    fn get(&self, table: u8, sub: &[u8]) -> Option<Vec<u8>> {
        let mut key = keys::table(table, self.key.as_bytes());
        key.extend(sub);
        self.layers.get(&key)
    }

    fn scan(&self, table: u8, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let prefix = keys::table(table, self.key.as_bytes());
        let mut start = prefix.clone();
        start.extend(from);
        let mut found = self.layers.scan(&prefix, &start, limit);
        for (key, _) in &mut found {
            key.drain(..prefix.len());
        }
        found
    }

    fn unreadable(&self, table: u8, why: &str) {
        *self.unreadable.borrow_mut() = Some(format!("table {table} of key \"{}\": {why}", self.key));
    }
}
