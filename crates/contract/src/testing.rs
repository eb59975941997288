//! For the unit tests of processors: state in memory, given and changed the way the engine does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;

use flow::{Codec, CodecError, StateRead};

/// The state below one key. Values are kept as bytes, so that a test also proves that they can be written and read.
#[derive(Debug, Default)]
pub struct MemoryState {
    entries: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    unreadable: RefCell<Vec<String>>,
}

impl MemoryState {
    /// Nothing is known of the key yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// State after these changes.
    pub fn given<P: Codec>(changes: &[P::Change]) -> Result<Self, CodecError> {
        let mut state = Self::new();
        state.apply::<P>(changes)?;
        Ok(state)
    }

    /// Carries out the changes that a handler asked for.
    pub fn apply<P: Codec>(&mut self, changes: &[P::Change]) -> Result<(), CodecError> {
        for change in changes {
            let (table, sub, value) = P::change(change)?;
            match value {
                Some(value) => self.entries.insert((table, sub.to_vec()), value),
                None => self.entries.remove(&(table, sub.to_vec())),
            };
        }
        Ok(())
    }

    /// Typed reads, as a handler gets them.
    pub fn of<P: Codec>(&self) -> P::State<'_> {
        P::state(self)
    }

    /// What did not decode so far.
    pub fn unreadable(&self) -> Vec<String> {
        self.unreadable.borrow().clone()
    }

    /// Number of entries, tables and the key's own record together.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered of the key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl StateRead for MemoryState {
    fn get(&self, table: u8, sub: &[u8]) -> Option<Vec<u8>> {
        self.entries.get(&(table, sub.to_vec())).cloned()
    }

    fn scan(&self, table: u8, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let range = (Bound::Included((table, from.to_vec())), Bound::Unbounded);
        let entries = self.entries.range(range).take_while(|((other, _), _)| *other == table);
        entries.take(limit).map(|((_, sub), value)| (sub.clone(), value.clone())).collect()
    }

    fn unreadable(&self, table: u8, why: &str) {
        self.unreadable.borrow_mut().push(format!("table {table}: {why}"));
    }
}
