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
//! segment of the log time at which it was handled, and is forgotten when the window has left that segment behind,
//! whether or not it was dropped by then.
//!
//! In the changelog a chunk has a key of its own ([`keys::chunk`]). The transactions of the task end it with a tombstone once
//! the window has left its segment behind; a segment whose chunks have all ended is given up, on disk and in memory.
//!
//! Segments are eighths of the window that topics.yaml gives at the time, and keep their bounds when it gives another one:
//! an id is never forgotten before its log time leaves the window of the day.

use std::collections::VecDeque;

use flow::{Id, Seen};
use hashbrown::{HashMap, HashTable};

use super::io::{Chunk, Segment, Store};
use super::keys;

/// Segments a window is cut into: disk and memory are given back in steps of this share of it.
const SEGMENTS: i64 = 8;
/// The version of a chunk's value that is written.
const VERSION: u8 = 1;
/// Chunks of one input that a transaction ends, at most: a busy day has left many, and they have time.
const ENDED_AT_ONCE: usize = 256;
/// 16 bytes of id, 8 of content hash.
const ENTRY: usize = 24;

/// Ids in the order they came, findable.
#[derive(Debug, Default)]
struct Fresh {
    /// Content and segment of each id.
    at: HashMap<Id, (u64, Segment)>,
    /// Entries by segment, oldest first: rarely more than one segment in a transaction.
    runs: Vec<(Segment, Vec<u8>)>,
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
    segment: Segment,
    /// As [`Chunk::at`].
    at: i64,
    /// Number of its first id.
    first: u32,
}

/// Records for the changelog: key, and value or tombstone.
pub type Records = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Committed chunks of one input, oldest first, and how far their end has come.
#[derive(Debug, Default)]
struct Chunks {
    known: VecDeque<Known>,
    /// How many of them, from the first on, have a tombstone …
    ended: usize,
    /// … and how many more get one with the transaction on its way.
    ending: usize,
}

impl Chunks {
    /// Tombstones for chunks of segments that end by `begin_ms`.
    fn end(&mut self, input: u32, begin_ms: i64, records: &mut Records) {
        let rest = self.known.range(self.ended..).take(ENDED_AT_ONCE);
        let before = records.len();
        let over = rest.take_while(|known| known.segment.until_ms <= begin_ms);
        records.extend(over.map(|known| (keys::chunk(input, known.segment, known.at), None)));
        self.ending = records.len() - before;
    }

    /// The tombstones are committed: segments that hold nothing any more. None while there are more chunks to end.
    fn committed(&mut self, begin_ms: i64) -> Vec<Segment> {
        self.ended += std::mem::take(&mut self.ending);
        if self.ended == 0 || self.known.get(self.ended).is_some_and(|next| next.segment.until_ms <= begin_ms) {
            return Vec::new();
        }
        let mut over: Vec<Segment> = self.known.drain(..self.ended).map(|known| known.segment).collect();
        self.ended = 0;
        over.dedup();
        // After a change of the window a chunk of the same segment may have come behind others.
        over.retain(|segment| self.known.iter().all(|known| known.segment != *segment));
        over
    }
}

/// The chunks of a topic that is no input any more.
#[derive(Debug)]
pub struct Stranger {
    /// Name of the topic, as [`super::ids::topic`] has it.
    pub input: u32,
    chunks: Chunks,
}

impl Stranger {
    /// Tombstones for what lies before the window, which begins at `begin_ms`.
    pub fn end(&mut self, begin_ms: i64, records: &mut Records) {
        self.chunks.end(self.input, begin_ms, records);
    }

    /// They are committed: segments that hold nothing any more.
    pub fn committed(&mut self, begin_ms: i64) -> Vec<Segment> {
        self.chunks.committed(begin_ms)
    }

    /// They never happened.
    pub fn abort(&mut self) {
        self.chunks.ending = 0;
    }
}

/// The dedup window of one input.
#[derive(Debug)]
pub struct Window {
    task: u32,
    /// Name of the input, as [`super::ids::topic`] has it.
    input: u32,
    window_ms: i64,
    /// (tag of the id, its number). Ids are numbered in the order of the chunks, modulo 2^32.
    index: HashTable<(u32, u32)>,
    chunks: Chunks,
    /// Number of the next id.
    next: u32,
    building: Fresh,
    committing: Fresh,
    /// Where the transaction on its way leaves the input.
    committing_at: i64,
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
    pub fn new(task: u32, input: u32, window_ms: i64) -> Window {
        Window {
            task,
            input,
            window_ms,
            index: HashTable::new(),
            chunks: Chunks::default(),
            next: 0,
            building: Fresh::default(),
            committing: Fresh::default(),
            committing_at: 0,
        }
    }

    /// Takes in a chunk of the restored store.
    pub fn load(&mut self, chunk: &Chunk) {
        self.index_chunk(chunk.segment, chunk.at, &chunk.bytes);
    }

    fn index_chunk(&mut self, segment: Segment, at: i64, bytes: &[u8]) {
        self.chunks.known.push_back(Known { segment, at, first: self.next });
        for (id, _) in entries(bytes) {
            let tag = tag(&id);
            self.index.insert_unique(spread(tag), (tag, self.next), |(tag, _)| spread(*tag));
            self.next = self.next.wrapping_add(1);
        }
    }

    /// The chunk that holds the id of this number, and the id's place in it.
    fn place(&self, number: u32) -> Option<(Known, usize)> {
        let chunks = &self.chunks.known;
        let oldest = chunks.front()?.first;
        let age = number.wrapping_sub(oldest);
        let after = chunks.partition_point(|chunk| chunk.first.wrapping_sub(oldest) <= age);
        let known = *chunks.get(after.checked_sub(1)?)?;
        Some((known, number.wrapping_sub(known.first) as usize))
    }

    /// Was this id met within the window that ends at this log time, and with the same content?
    pub fn check(&self, id: Id, content: u64, log_time_ms: i64, store: &dyn Store) -> Seen {
        let begin_ms = self.begin_ms(log_time_ms);
        for fresh in [&self.building, &self.committing] {
            if let Some((known, segment)) = fresh.at.get(&id)
                && segment.until_ms > begin_ms
            {
                return compare(*known, content);
            }
        }
        let wanted = tag(&id);
        for (_, number) in self.index.iter_hash(spread(wanted)).filter(|(tag, _)| *tag == wanted) {
            let Some((known, at)) = self.place(*number).filter(|(known, _)| known.segment.until_ms > begin_ms) else {
                continue;
            };
            let mut seen = None;
            store.with_chunk(self.task, self.input, known.segment, known.at, &mut |bytes| {
                let met = bytes.get(at * ENTRY..).and_then(|bytes| entries(bytes).next());
                seen = met.filter(|(other, _)| *other == id).map(|(_, first)| compare(first, content));
            });
            if let Some(seen) = seen {
                return seen;
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

    /// Changelog records for a transaction that leaves the input at `at` and at this log time: a chunk for each segment that it
    /// brought ids of, and tombstones for chunks that lie before the window.
    pub fn seal(&mut self, at: i64, log_time_ms: i64, records: &mut Records) {
        std::mem::swap(&mut self.building, &mut self.committing);
        self.building.clear();
        self.committing_at = at;
        let runs = self.committing.runs.iter();
        records.extend(runs.map(|(segment, bytes)| (keys::chunk(self.input, *segment, at), Some(encode(bytes)))));
        self.chunks.end(self.input, self.begin_ms(log_time_ms), records);
    }

    /// The transaction is committed: its chunks, and segments that hold nothing any more.
    pub fn committed(&mut self, log_time_ms: i64) -> (Vec<Chunk>, Vec<Segment>) {
        let runs = std::mem::take(&mut self.committing.runs);
        self.committing.clear();
        let oldest = self.chunks.known.front().map(|oldest| oldest.first);
        let (input, at) = (self.input, self.committing_at);
        let mut chunks = Vec::with_capacity(runs.len());
        for (segment, bytes) in runs {
            self.index_chunk(segment, at, &bytes);
            chunks.push(Chunk { input, segment, at, bytes });
        }
        let over = self.chunks.committed(self.begin_ms(log_time_ms));
        if oldest.is_some() && self.chunks.known.front().map(|oldest| oldest.first) != oldest {
            self.forget();
        }
        (chunks, over)
    }

    /// Drops the ids of chunks that are gone.
    fn forget(&mut self) {
        let first = self.chunks.known.front().map_or(self.next, |oldest| oldest.first);
        let live = self.next.wrapping_sub(first);
        self.index.retain(|(_, number)| number.wrapping_sub(first) < live);
        self.index.shrink_to_fit(|(tag, _)| spread(*tag));
    }

    /// Nothing of what was added since the last commit ever happened.
    pub fn abort(&mut self) {
        self.building.clear();
        self.committing.clear();
        self.chunks.ending = 0;
    }

    /// Where the oldest segment that holds something begins, in milliseconds of log time.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.chunks.known.front().map(|oldest| oldest.segment.from_ms)
    }

    /// Ids in the window, committed ones only.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether the window is empty.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Where the window begins that ends at this log time.
    fn begin_ms(&self, log_time_ms: i64) -> i64 {
        log_time_ms.saturating_sub(self.window_ms)
    }

    fn segment(&self, log_time_ms: i64) -> Segment {
        let length_ms = (self.window_ms / SEGMENTS).max(1);
        let from_ms = log_time_ms.saturating_sub(log_time_ms.rem_euclid(length_ms));
        Segment { from_ms, until_ms: from_ms.saturating_add(length_ms) }
    }
}

/// What the store remembers for a task. An index of millions of ids takes a while to build, so that whoever restored the store
/// does it, off the worker's thread.
#[derive(Debug, Default)]
pub struct Memory {
    /// By input.
    pub windows: Vec<Window>,
    /// Chunks of topics that are no inputs any more.
    pub strangers: Vec<Stranger>,
}

impl Memory {
    /// Reads every chunk of the task; `inputs` are names, as [`super::ids::topic`] has them.
    pub fn read(task: u32, inputs: &[u32], window_ms: i64, store: &dyn Store) -> Memory {
        let windows = inputs.iter().map(|input| Window::new(task, *input, window_ms)).collect();
        let mut memory = Memory { windows, strangers: Vec::new() };
        store.chunks(task, &mut |chunk| match inputs.iter().position(|input| *input == chunk.input) {
            Some(input) => memory.windows[input].load(&chunk),
            None => memory.stranger(chunk.input).push_back(Known { segment: chunk.segment, at: chunk.at, first: 0 }),
        });
        memory
    }

    fn stranger(&mut self, input: u32) -> &mut VecDeque<Known> {
        let found = self.strangers.iter().position(|stranger| stranger.input == input);
        let at = found.unwrap_or_else(|| {
            self.strangers.push(Stranger { input, chunks: Chunks::default() });
            self.strangers.len() - 1
        });
        &mut self.strangers[at].chunks.known
    }
}

/// The value of a chunk's record in the changelog: `[version u8]`, then 16 bytes of id and 8 of content hash each.
pub fn encode(entries: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + entries.len());
    out.push(VERSION);
    out.extend(entries);
    out
}

/// Reads a changelog record; without bytes when it is a tombstone, `None` when it is no chunk's.
pub fn read(key: &[u8], value: Option<&[u8]>) -> Option<Chunk> {
    let (input, segment, at) = keys::read_chunk(key)?;
    let bytes = match value {
        Some(value) => value.strip_prefix(&[VERSION]).filter(|bytes| !bytes.is_empty() && bytes.len() % ENTRY == 0)?,
        None => &[],
    };
    Some(Chunk { input, segment, at, bytes: bytes.to_vec() })
}

#[cfg(test)]
pub(super) mod tests;
