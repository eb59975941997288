//! The dedup window of one input of a task: ids of the last `window_ms` of log time, in segments that expire whole.
//!
//! The index in memory says only "surely new"; a hit is confirmed on the full 128-bit id, in the overlays or in the
//! chunk of the transaction that brought it. An id is 8 bytes here, 24 in a chunk.
//!
//! Architecture Invariant: the index changes only after the commit. What a transaction adds stays in `building` and
//! `committing`, which an abort drops.
//!
//! Architecture Invariant: whether an id is in the window follows from the sequence of records alone, not from where
//! transactions or restarts happened to cut it; else a replay would not give the same outputs. An id belongs to the
//! segment of the log time at which it was handled, and is forgotten when the log time has left that segment behind,
//! whether or not it was dropped by then.

use std::collections::VecDeque;

use flow::{Id, Seen};
use hashbrown::{HashMap, HashTable};

use super::io::{Chunk, Store};

/// Segments a window is cut into: disk and memory are given back in steps of this share of it.
const SEGMENTS: i64 = 8;
/// 16 bytes of id, 8 of content hash.
const ENTRY: usize = 24;

/// Ids in the order they came, findable.
#[derive(Debug, Default)]
struct Fresh {
    /// Content and segment of each id.
    at: HashMap<Id, (u64, i64)>,
    /// Entries by segment, oldest first: rarely more than one segment in a transaction.
    runs: Vec<(i64, Vec<u8>)>,
}

impl Fresh {
    fn clear(&mut self) {
        self.at.clear();
        self.runs.clear();
    }
}

/// What the index knows of a committed chunk.
#[derive(Debug, Clone, Copy)]
struct Known {
    segment: i64,
    offset: i64,
}

/// The dedup window of one input.
#[derive(Debug)]
pub struct Window {
    task: u32,
    input: usize,
    window_ms: i64,
    /// (tag of the id, number of its chunk).
    index: HashTable<(u32, u32)>,
    chunks: VecDeque<Known>,
    /// Number of `chunks[0]`.
    first: u32,
    building: Fresh,
    committing: Fresh,
}

fn tag(id: &Id) -> u32 {
    // External ids may be anything, so all 16 bytes count.
    let low = u64::from_le_bytes(id.0[..8].try_into().unwrap_or_default());
    let high = u64::from_le_bytes(id.0[8..].try_into().unwrap_or_default());
    ((low ^ high.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn compare(known: u64, content: u64) -> Seen {
    if known == content { Seen::Duplicate } else { Seen::Conflict }
}

fn entries(bytes: &[u8]) -> impl Iterator<Item = (Id, u64)> + '_ {
    bytes.chunks_exact(ENTRY).map(|entry| {
        let mut id = [0u8; 16];
        id.copy_from_slice(&entry[..16]);
        (Id(id), u64::from_le_bytes(entry[16..].try_into().unwrap_or_default()))
    })
}

impl Window {
    /// An empty window.
    pub fn new(task: u32, input: usize, window_ms: i64) -> Window {
        Window {
            task,
            input,
            window_ms,
            index: HashTable::new(),
            chunks: VecDeque::new(),
            first: 0,
            building: Fresh::default(),
            committing: Fresh::default(),
        }
    }

    /// Takes in a chunk of the restored store.
    pub fn load(&mut self, chunk: &Chunk) {
        self.index_chunk(chunk.segment, chunk.offset, &chunk.bytes);
    }

    fn index_chunk(&mut self, segment: i64, offset: i64, bytes: &[u8]) {
        let number = self.first.wrapping_add(self.chunks.len() as u32);
        self.chunks.push_back(Known { segment, offset });
        for (id, _) in entries(bytes) {
            let tag = tag(&id);
            self.index.insert_unique(spread(tag), (tag, number), |(tag, _)| spread(*tag));
        }
    }

    /// Was this id met within the window that ends at this log time, and with the same content?
    pub fn check(&self, id: Id, content: u64, log_time_ms: i64, store: &dyn Store) -> Seen {
        let alive = self.alive(log_time_ms);
        for fresh in [&self.building, &self.committing] {
            if let Some((known, segment)) = fresh.at.get(&id)
                && *segment >= alive
            {
                return compare(*known, content);
            }
        }
        let wanted = tag(&id);
        for (_, number) in self.index.iter_hash(spread(wanted)).filter(|(tag, _)| *tag == wanted) {
            let Some(known) = self.chunks.get(number.wrapping_sub(self.first) as usize) else { continue };
            if known.segment < alive {
                continue;
            }
            let Some(bytes) = store.chunk(self.task, self.input, known.segment, known.offset) else { continue };
            if let Some((_, first)) = entries(&bytes).find(|(other, _)| *other == id) {
                return compare(first, content);
            }
        }
        Seen::New
    }

    /// Remembers an id with the open transaction; `log_time_ms` includes the record that brought it.
    pub fn add(&mut self, id: Id, content: u64, log_time_ms: i64) {
        let segment = self.segment(log_time_ms);
        self.building.at.insert(id, (content, segment));
        if self.building.runs.last().is_none_or(|(last, _)| *last != segment) {
            self.building.runs.push((segment, Vec::new()));
        }
        if let Some((_, bytes)) = self.building.runs.last_mut() {
            bytes.extend(id.0);
            bytes.extend(content.to_le_bytes());
        }
    }

    /// Records for the dedup changelog, one for each segment that the transaction brought ids of:
    /// `[input u8] [segment i64 LE] [entries]`.
    pub fn seal(&mut self) -> Vec<Vec<u8>> {
        std::mem::swap(&mut self.building, &mut self.committing);
        self.building.clear();
        let record = |(segment, bytes): &(i64, Vec<u8>)| {
            let mut out = Vec::with_capacity(9 + bytes.len());
            out.push(self.input as u8);
            out.extend(segment.to_le_bytes());
            out.extend(bytes);
            out
        };
        self.committing.runs.iter().map(record).collect()
    }

    /// The transaction is committed; its dedup records landed at the next of `offsets`.
    pub fn committed(&mut self, offsets: &mut dyn Iterator<Item = i64>) -> Vec<Chunk> {
        let runs = std::mem::take(&mut self.committing.runs);
        self.committing.clear();
        let mut chunks = Vec::with_capacity(runs.len());
        for ((segment, bytes), offset) in runs.into_iter().zip(offsets) {
            self.index_chunk(segment, offset, &bytes);
            chunks.push(Chunk { input: self.input, segment, offset, bytes });
        }
        chunks
    }

    /// Nothing of what was added since the last commit ever happened.
    pub fn abort(&mut self) {
        self.building.clear();
        self.committing.clear();
    }

    /// Drops segments that lie before the window; the first segment still alive, when any were dropped.
    pub fn expire(&mut self, log_time_ms: i64) -> Option<i64> {
        let alive = self.alive(log_time_ms);
        if self.chunks.front().is_none_or(|oldest| oldest.segment >= alive) {
            return None;
        }
        while self.chunks.front().is_some_and(|oldest| oldest.segment < alive) {
            self.chunks.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        let (first, live) = (self.first, self.chunks.len() as u32);
        self.index.retain(|(_, number)| number.wrapping_sub(first) < live);
        self.index.shrink_to_fit(|(tag, _)| spread(*tag));
        Some(alive)
    }

    /// The offset in the dedup changelog before which nothing is needed any more.
    pub fn oldest_offset(&self) -> Option<i64> {
        self.chunks.front().map(|oldest| oldest.offset)
    }

    /// Ids in the window, committed ones only.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether the window is empty.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The oldest segment of the window that ends at this log time.
    fn alive(&self, log_time_ms: i64) -> i64 {
        self.segment(log_time_ms.saturating_sub(self.window_ms))
    }

    fn segment(&self, log_time_ms: i64) -> i64 {
        log_time_ms.div_euclid((self.window_ms / SEGMENTS).max(1))
    }
}

/// Reads a record of the dedup changelog; `None` when the bytes are none.
pub fn parse(value: &[u8], offset: i64) -> Option<Chunk> {
    let (input, rest) = value.split_first()?;
    let (segment, bytes) = rest.split_first_chunk::<8>()?;
    (bytes.len() % ENTRY == 0).then(|| Chunk {
        input: *input as usize,
        segment: i64::from_le_bytes(*segment),
        offset,
        bytes: bytes.to_vec(),
    })
}
