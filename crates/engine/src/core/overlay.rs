//! Three layers of state: reads see the building overlay, then the committing one, then the store.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound::{Included, Unbounded};

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

impl<'a> Layers<'a> {
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
        // What the overlays say about the range; deletions included, as they hide the store's entries. Lazily: a short
        // scan over a long overlay stays short.
        let from = from.max(prefix);
        let entries = |overlay: &'a Overlay| {
            let range = overlay.0.range::<[u8], _>((Included(from), Unbounded));
            range.take_while(|(key, _)| key.starts_with(prefix)).peekable()
        };
        let (mut newer, mut older) = (entries(self.building), entries(self.committing));
        let mut changed = std::iter::from_fn(|| {
            let behind = |next: &(&Vec<u8>, _)| older.peek().is_none_or(|(key, _)| next.0 <= *key);
            let Some((key, value)) = newer.next_if(behind) else { return older.next() };
            older.next_if(|(old, _)| *old == key);
            Some((key, value))
        })
        .peekable();
        let mut out: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        self.store.scan(self.task, prefix, from, &mut |key, value| {
            while let Some((at, newer)) = changed.next_if(|(at, _)| at.as_slice() < key) {
                out.extend(newer.as_ref().map(|newer| (at.clone(), newer.clone())));
            }
            match changed.next_if(|(at, _)| *at == key) {
                Some((_, newer)) => out.extend(newer.as_ref().map(|newer| (key.to_vec(), newer.clone()))),
                None => out.push((key.to_vec(), value.to_vec())),
            }
            out.len() < limit
        });
        if out.len() < limit {
            let rest = changed.filter_map(|(at, newer)| Some((at.clone(), newer.clone()?)));
            out.extend(rest.take(limit - out.len()));
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
