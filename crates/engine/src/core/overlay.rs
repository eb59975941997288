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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::core::io::{Chunk, Segment};

    /// Rows, and nothing else.
    struct Rows(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Store for Rows {
        fn get(&self, _: u32, key: &[u8]) -> Option<Vec<u8>> {
            self.0.get(key).cloned()
        }

        fn scan(&self, _: u32, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
            let from = from.max(prefix).to_vec();
            let mut rows = self.0.range(from..).take_while(|(key, _)| key.starts_with(prefix));
            while rows.next().is_some_and(|(key, value)| visit(key, value)) {}
        }

        fn chunk(&self, _: u32, _: u32, _: Segment, _: i64) -> Option<Vec<u8>> {
            None
        }

        fn chunks(&self, _: u32, _: &mut dyn FnMut(Chunk)) {}
    }

    #[test]
    fn a_handler_pages_through_the_rows_of_its_key_as_the_newest_layer_has_them() {
        let row = |key: &str, sub: &str| [keys::table(1, key.as_bytes()), sub.as_bytes().to_vec()].concat();
        let put = |sub: &str, value: &str| (row("k", sub), Some(value.as_bytes().to_vec()));
        let stored = [("k", "a"), ("k", "b"), ("k", "c"), ("k", "e"), ("l", "a")];
        let store = Rows(stored.map(|(key, sub)| (row(key, sub), b"old".to_vec())).into());
        let committing = Overlay([put("b", "newer"), (row("k", "c"), None), put("d", "newer")].into());
        let building = Overlay([put("b", "newest"), put("f", "newest"), (row("k", "e"), None)].into());
        let layers = Layers { task: 0, building: &building, committing: &committing, store: &store };
        let view = View { layers, key: "k", unreadable: RefCell::default() };
        let all = [("a", "old"), ("b", "newest"), ("d", "newer"), ("f", "newest")];
        for from in ["", "a", "aa", "b", "c", "d", "e", "f", "g"] {
            for limit in 0..6 {
                let found = view.scan(1, from.as_bytes(), limit);
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let found: Vec<_> = found.iter().map(|(sub, value)| (text(sub), text(value))).collect();
                let wanted = all.iter().filter(|(sub, _)| *sub >= from).take(limit);
                let wanted: Vec<_> = wanted.map(|(sub, value)| (sub.to_string(), value.to_string())).collect();
                assert_eq!(found, wanted, "from {from:?}, at most {limit}");
            }
        }
        let values = ["a", "b", "c", "d", "e"].map(|sub| view.get(1, sub.as_bytes()));
        let wanted = [Some("old"), Some("newest"), None, Some("newer"), None];
        assert_eq!(values, wanted.map(|value| value.map(|text| text.as_bytes().to_vec())));
    }
}
