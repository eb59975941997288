//! What was read lately, in memory: of any value, so that only the store knows what its own look like.

/// Memory for values read lately, in bytes.
pub(super) const RECENT: usize = 16 << 20;
/// What an entry of it takes besides key and value, about.
const RECENT_ENTRY: usize = 96;

/// Values read lately: sled takes a microsecond for what stands here in a tenth of it. Holds what a read found, and
/// only until the next write of that key; begins anew when it is full.
pub(super) struct Recent<V> {
    pub(super) values: hashbrown::HashMap<Vec<u8>, V>,
    pub(super) bytes: usize,
}

impl<V> Default for Recent<V> {
    fn default() -> Recent<V> {
        Recent { values: hashbrown::HashMap::new(), bytes: 0 }
    }
}

impl<V: AsRef<[u8]>> Recent<V> {
    pub(super) fn keep(&mut self, key: Vec<u8>, value: V) {
        self.bytes += RECENT_ENTRY + key.len() + value.as_ref().len();
        if self.bytes > RECENT {
            self.clear();
            self.bytes = RECENT_ENTRY + key.len() + value.as_ref().len();
        }
        self.values.insert(key, value);
    }

    pub(super) fn forget(&mut self, key: &[u8]) {
        if let Some((key, value)) = self.values.remove_entry(key) {
            self.bytes = self.bytes.saturating_sub(RECENT_ENTRY + key.len() + value.as_ref().len());
        }
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.bytes = 0;
    }
}
