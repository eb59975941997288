//! Reads of the state below one key, as bytes. The generated `contract` puts types on top.

/// State of the event's key: the record itself (table 0, empty subkey) and the tables below it (1, 2, …).
pub trait StateRead {
    /// The value of a subkey.
    fn get(&self, table: u8, sub: &[u8]) -> Option<Vec<u8>>;

    /// At most `limit` entries in ascending order of subkey, beginning at the first subkey at or after `from`.
    fn scan(&self, table: u8, from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)>;

    /// Reports bytes that do not decode. The read yields nothing, and the engine undoes the event and rebuilds the
    /// store, so a handler need not care.
    fn unreadable(&self, table: u8, why: &str);
}
