//! One partition of a pretend topic: offsets with gaps where markers stand, reads bounded by the last stable offset.

use std::collections::{BTreeMap, BTreeSet};

use engine::core::headers::OwnedHeader;

/// What a producer hands over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<OwnedHeader>,
    /// The task that sent it; not part of the record, but known to the oracle.
    pub task: u32,
}

/// A record in the log.
#[derive(Debug, Clone)]
pub struct Stored {
    pub offset: i64,
    /// Its place among all records of the broker, in the order they were appended.
    pub serial: u64,
    /// Number of its transaction; `None` outside of one.
    pub txn: Option<u64>,
    pub message: Message,
    /// A tombstone that compaction has met goes at this time, in milliseconds (KIP-534).
    pub horizon_ms: Option<i64>,
}

/// A partition.
#[derive(Debug, Default)]
pub struct Log {
    pub start: i64,
    /// The offset that the next record or marker gets: the high watermark.
    pub next: i64,
    records: Vec<Stored>,
    /// What compaction took, for the oracle.
    compacted: Vec<Stored>,
    /// Transactions without a marker here: their first offset.
    undecided: BTreeMap<u64, i64>,
    committed: BTreeSet<u64>,
}

impl Log {
    /// Appends a record; its offset.
    pub fn append(&mut self, message: Message, txn: Option<u64>, serial: u64) -> i64 {
        let offset = self.next;
        self.next += 1;
        if let Some(txn) = txn {
            self.undecided.entry(txn).or_insert(offset);
        }
        self.records.push(Stored { offset, serial, txn, message, horizon_ms: None });
        offset
    }

    /// Writes the marker that decides a transaction.
    pub fn mark(&mut self, txn: u64, commit: bool) {
        if self.undecided.remove(&txn).is_some() {
            self.next += 1;
            if commit {
                self.committed.insert(txn);
            }
        }
    }

    /// Where read_committed ends: the first record of an undecided transaction, else the high watermark.
    pub fn last_stable_offset(&self) -> i64 {
        self.undecided.values().copied().min().unwrap_or(self.next)
    }

    /// Committed records from `from` on, below the last stable offset.
    pub fn read(&self, from: i64) -> impl Iterator<Item = &Stored> {
        let begin = self.records.partition_point(|stored| stored.offset < from.max(self.start));
        let end = self.last_stable_offset();
        self.records[begin..]
            .iter()
            .take_while(move |stored| stored.offset < end)
            .filter(|stored| stored.txn.is_none_or(|txn| self.committed.contains(&txn)))
    }

    /// Committed records that were ever there, deleted ones included: for the oracle.
    pub fn ever(&self) -> impl Iterator<Item = &Stored> {
        let mut all: Vec<&Stored> = self.compacted.iter().chain(&self.records).collect();
        all.sort_by_key(|stored| stored.offset);
        all.into_iter().filter(|stored| stored.txn.is_none_or(|txn| self.committed.contains(&txn)))
    }

    /// Log compaction: of each key only the last committed record stays, a tombstone for `keep_ms` after it was first met.
    pub fn compact(&mut self, now_ms: i64, keep_ms: i64) {
        let end = self.last_stable_offset();
        let (committed, start) = (&self.committed, self.start);
        let mut last: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
        for stored in self.records.iter().filter(|stored| stored.offset < end) {
            if stored.txn.is_none_or(|txn| committed.contains(&txn))
                && let Some(key) = &stored.message.key
            {
                last.insert(key.clone(), stored.offset);
            }
        }
        let goes = |stored: &mut Stored| {
            if stored.offset >= end {
                return false;
            }
            let is_last = stored.message.key.as_deref().and_then(|key| last.get(key)) == Some(&stored.offset);
            let is_gone = stored.horizon_ms.is_some_and(|horizon_ms| horizon_ms <= now_ms);
            if stored.message.value.is_none() {
                stored.horizon_ms.get_or_insert(now_ms + keep_ms);
            }
            stored.offset < start || !is_last || is_gone
        };
        self.compacted.extend(self.records.extract_if(.., goes));
    }

    /// Loses a record, as no broker should.
    pub fn lose(&mut self, offset: i64) {
        self.records.retain(|stored| stored.offset != offset);
    }

    /// Writes another value into a record.
    pub fn damage(&mut self, offset: i64, value: Vec<u8>) {
        let damaged = self.records.iter_mut().filter(|stored| stored.offset == offset);
        damaged.for_each(|stored| stored.message.value = Some(value.clone()));
    }

    /// Forgets records below `offset` (`delete_records`).
    pub fn delete_records(&mut self, offset: i64) {
        self.start = self.start.max(offset.min(self.next));
    }
}
