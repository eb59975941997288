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
//! Segments are eighths of the window that topics.yaml gives at the time, and keep their bounds when it gives another one:
//! an id is never forgotten before its log time leaves the window of the day.

use std::collections::VecDeque;

use flow::{Id, Seen};
use hashbrown::{HashMap, HashTable};

use super::io::{Chunk, Segment, Store};

/// Segments a window is cut into: disk and memory are given back in steps of this share of it.
const SEGMENTS: i64 = 8;
/// The version of a record that is written.
const VERSION: u8 = 2;
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
    offset: i64,
    /// Number of its first id.
    first: u32,
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
    chunks: VecDeque<Known>,
    /// Number of the next id.
    next: u32,
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
    pub fn new(task: u32, input: u32, window_ms: i64) -> Window {
        Window {
            task,
            input,
            window_ms,
            index: HashTable::new(),
            chunks: VecDeque::new(),
            next: 0,
            building: Fresh::default(),
            committing: Fresh::default(),
        }
    }

    /// Takes in a chunk of the restored store.
    pub fn load(&mut self, chunk: &Chunk) {
        self.index_chunk(chunk.segment, chunk.offset, &chunk.bytes);
    }

    fn index_chunk(&mut self, segment: Segment, offset: i64, bytes: &[u8]) {
        self.chunks.push_back(Known { segment, offset, first: self.next });
        for (id, _) in entries(bytes) {
            let tag = tag(&id);
            self.index.insert_unique(spread(tag), (tag, self.next), |(tag, _)| spread(*tag));
            self.next = self.next.wrapping_add(1);
        }
    }

    /// The chunk that holds the id of this number, and the id's place in it.
    fn place(&self, number: u32) -> Option<(Known, usize)> {
        let oldest = self.chunks.front()?.first;
        let age = number.wrapping_sub(oldest);
        let after = self.chunks.partition_point(|chunk| chunk.first.wrapping_sub(oldest) <= age);
        let known = *self.chunks.get(after.checked_sub(1)?)?;
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
            store.with_chunk(self.task, self.input, known.segment, known.offset, &mut |bytes| {
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

    /// Records for the dedup changelog, one for each segment that the transaction brought ids of.
    pub fn seal(&mut self) -> Vec<Vec<u8>> {
        std::mem::swap(&mut self.building, &mut self.committing);
        self.building.clear();
        self.committing.runs.iter().map(|(segment, bytes)| encode(self.input, *segment, bytes)).collect()
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

    /// Drops segments that lie before the window; where it begins, when any were dropped.
    pub fn expire(&mut self, log_time_ms: i64) -> Option<i64> {
        let begin_ms = self.begin_ms(log_time_ms);
        let is_over = |oldest: &Known| oldest.segment.until_ms <= begin_ms;
        if !self.chunks.front().is_some_and(is_over) {
            return None;
        }
        while self.chunks.front().is_some_and(is_over) {
            self.chunks.pop_front();
        }
        let first = self.chunks.front().map_or(self.next, |oldest| oldest.first);
        let live = self.next.wrapping_sub(first);
        self.index.retain(|(_, number)| number.wrapping_sub(first) < live);
        self.index.shrink_to_fit(|(tag, _)| spread(*tag));
        Some(begin_ms)
    }

    /// The offset in the dedup changelog before which nothing is needed any more.
    pub fn oldest_offset(&self) -> Option<i64> {
        // After a change of the window an older chunk may outlive a newer one.
        self.chunks.iter().map(|chunk| chunk.offset).min()
    }

    /// Where the oldest segment that holds something begins, in milliseconds of log time.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.chunks.front().map(|oldest| oldest.segment.from_ms)
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
    /// Dedup segments of topics that are no inputs any more: (name, end in milliseconds).
    pub strangers: Vec<(u32, i64)>,
}

impl Memory {
    /// Reads every chunk of the task; `inputs` are names, as [`super::ids::topic`] has them.
    pub fn read(task: u32, inputs: &[u32], window_ms: i64, store: &dyn Store) -> Memory {
        let windows = inputs.iter().map(|input| Window::new(task, *input, window_ms)).collect();
        let mut memory = Memory { windows, strangers: Vec::new() };
        store.chunks(task, &mut |chunk| match inputs.iter().position(|input| *input == chunk.input) {
            Some(input) => memory.windows[input].load(&chunk),
            None => memory.strangers.push((chunk.input, chunk.segment.until_ms)),
        });
        memory.strangers.dedup();
        memory
    }
}

/// A record of the dedup changelog:
/// `[version u8] [input's name u32] [segment's begin i64] [segment's end i64] [entries]`, little-endian.
pub fn encode(input: u32, segment: Segment, entries: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(21 + entries.len());
    out.push(VERSION);
    out.extend(input.to_le_bytes());
    out.extend(segment.from_ms.to_le_bytes());
    out.extend(segment.until_ms.to_le_bytes());
    out.extend(entries);
    out
}

/// Reads a record of the dedup changelog; `None` when the bytes are none.
pub fn parse(value: &[u8], offset: i64) -> Option<Chunk> {
    let (version, rest) = value.split_first()?;
    let (input, rest) = rest.split_first_chunk::<4>()?;
    let (from_ms, rest) = rest.split_first_chunk::<8>()?;
    let (until_ms, bytes) = rest.split_first_chunk::<8>()?;
    (*version == VERSION && bytes.len() % ENTRY == 0).then(|| Chunk {
        input: u32::from_le_bytes(*input),
        segment: Segment { from_ms: i64::from_le_bytes(*from_ms), until_ms: i64::from_le_bytes(*until_ms) },
        offset,
        bytes: bytes.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks, and nothing else.
    struct Chunks(Vec<Chunk>);

    impl Store for Chunks {
        fn get(&self, _: u32, _: &[u8]) -> Option<Vec<u8>> {
            None
        }

        fn scan(&self, _: u32, _: &[u8], _: &[u8], _: &mut dyn FnMut(&[u8], &[u8]) -> bool) {}

        fn chunk(&self, _: u32, _: u32, segment: Segment, offset: i64) -> Option<Vec<u8>> {
            let chunk = self.0.iter().find(|chunk| (chunk.segment, chunk.offset) == (segment, offset));
            chunk.map(|chunk| chunk.bytes.clone())
        }

        fn chunks(&self, _: u32, _: &mut dyn FnMut(Chunk)) {}
    }

    fn id(number: u8) -> Id {
        Id([number; 16])
    }

    #[test]
    fn an_id_is_found_in_whatever_chunk_it_stands_until_its_segment_expires() {
        let mut window = Window::new(0, 0, 80);
        // The numbers of ids begin again at 0 in the middle of the second chunk.
        window.next = u32::MAX - 4;
        let mut store = Chunks(Vec::new());
        for (transaction, ids) in [(0i64, 0..3u8), (10, 3..8), (20, 8..9)] {
            ids.for_each(|number| window.add(id(number), u64::from(number), transaction));
            assert_eq!(window.seal().len(), 1);
            store.0.extend(window.committed(&mut std::iter::once(transaction)));
        }
        for number in 0..9 {
            assert_eq!(window.check(id(number), u64::from(number), 20, &store), Seen::Duplicate, "{number}");
            assert_eq!(window.check(id(number), 99, 20, &store), Seen::Conflict, "{number}");
        }
        assert_eq!(window.check(id(9), 9, 20, &store), Seen::New);
        assert_eq!(window.expire(90), Some(10));
        assert_eq!(window.len(), 6);
        assert_eq!(window.oldest_ms(), Some(10), "the segment that is left begins there");
        assert_eq!(window.check(id(2), 2, 90, &store), Seen::New, "its segment has expired");
        assert_eq!(window.check(id(3), 3, 90, &store), Seen::Duplicate);
        assert_eq!(window.check(id(8), 8, 90, &store), Seen::Duplicate);
        assert_eq!(window.expire(1_000), Some(920));
        assert!(window.is_empty() && window.oldest_offset().is_none());
    }

    /// A window of 800 ms in which an id was handled every 10 ms from 0 to 1,000; its chunks.
    fn filled() -> Chunks {
        let mut window = Window::new(0, 7, 800);
        let mut store = Chunks(Vec::new());
        for number in 0..=100u8 {
            window.add(id(number), 0, i64::from(number) * 10);
            let records = window.seal();
            let chunks = window.committed(&mut std::iter::once(i64::from(number)));
            assert_eq!(parse(&records[0], i64::from(number)).as_ref(), chunks.first(), "a record reads back");
            store.0.extend(chunks);
        }
        store
    }

    #[test]
    fn an_id_outlives_a_change_of_the_window_for_as_long_as_the_new_window_says() {
        for window_ms in [100, 400, 800, 1_600, 80_000] {
            let mut store = filled();
            let mut window = Window::new(0, 7, window_ms);
            store.0.sort_by_key(|chunk| (chunk.segment, chunk.offset));
            store.0.iter().for_each(|chunk| window.load(chunk));
            for log_time_ms in (1_000..3_000).step_by(50) {
                // Memory is given back now and then: it makes no difference.
                if log_time_ms % 200 == 0 {
                    window.expire(log_time_ms);
                }
                for number in 0..=100u8 {
                    let handled_ms = i64::from(number) * 10;
                    let known = window.check(id(number), 0, log_time_ms, &store) == Seen::Duplicate;
                    let (within, eighth_ms) = (|ms: i64| ms > log_time_ms - window_ms, 100);
                    assert!(known || !within(handled_ms), "{window_ms}: {number} is forgotten at {log_time_ms}");
                    assert!(
                        !known || within(handled_ms + eighth_ms),
                        "{window_ms}: {number} is known at {log_time_ms}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_still_needed_of_the_changelog_is_not_trimmed_after_a_change_of_the_window() {
        let mut store = filled();
        let mut window = Window::new(0, 7, 400);
        store.0.iter().for_each(|chunk| window.load(chunk));
        // The segment of the wider window, [1000, 1100), outlives that of the narrower one, [1000, 1050).
        window.add(id(200), 0, 1_010);
        window.seal();
        store.0.extend(window.committed(&mut std::iter::once(200)));
        let mut again = Window::new(0, 7, 400);
        store.0.sort_by_key(|chunk| (chunk.segment, chunk.offset));
        store.0.iter().for_each(|chunk| again.load(chunk));
        for window in [&mut window, &mut again] {
            window.expire(1_400);
            assert_eq!(window.oldest_offset(), Some(100), "both are alive, and the older outlives the newer");
            window.expire(1_460);
            assert_eq!(window.check(id(100), 0, 1_460, &store), Seen::Duplicate);
            assert_eq!(window.check(id(200), 0, 1_460, &store), Seen::New);
            assert_eq!(window.oldest_offset(), Some(100));
        }
    }

    #[test]
    fn an_id_that_is_not_committed_yet_expires_with_its_segment_too() {
        let mut window = Window::new(0, 0, 80);
        window.add(id(1), 1, 5);
        let nothing = Chunks(Vec::new());
        assert_eq!(window.check(id(1), 1, 89, &nothing), Seen::Duplicate);
        assert_eq!(window.check(id(1), 1, 90, &nothing), Seen::New, "its segment ends at 10, the window begins there");
    }

    #[test]
    fn bytes_that_are_no_record_are_told_from_one() {
        let mut window = Window::new(0, 3, 80);
        window.add(id(1), 1, 5);
        let record = window.seal().remove(0);
        assert_eq!(parse(&record, 9).map(|chunk| (chunk.input, chunk.offset, chunk.bytes.len())), Some((3, 9, ENTRY)));
        let mut other = record.clone();
        other[0] = VERSION + 1;
        assert_eq!(parse(&other, 9), None, "of a version that is not known");
        for cut in 0..record.len() {
            let torn = parse(&record[..cut], 9);
            assert!(torn.is_none_or(|chunk| chunk.bytes.is_empty()), "torn at {cut}");
        }
    }
}
