//! A pretend disk: what sled_disk.rs promises, and no more. A crash loses the unflushed suffix of the state, back to any
//! earlier batch, and of each dedup segment on its own; how far the dedup chunks go is only known after a flush.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::core::io::{Batch, Chunk, Segment, Store};
use engine::shell::disk::{Checkpoint, Disk, DiskFault, DiskFaults};

use crate::rng::Rng;

/// What a rotten value reads like.
pub const ROT: [u8; 3] = [0xff; 3];

/// One change of the state; a batch of them is atomic.
#[derive(Debug, Clone)]
enum Op {
    Put(u32, Vec<u8>, Option<Vec<u8>>),
    Checkpoint(u32, Option<Checkpoint>),
    ChunksNext(u32, Option<i64>),
}

#[derive(Debug, Clone, Default)]
struct Image {
    entries: BTreeMap<(u32, Vec<u8>), Vec<u8>>,
    checkpoints: BTreeMap<u32, Checkpoint>,
    chunks_next: BTreeMap<u32, i64>,
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

impl Image {
    fn apply(&mut self, op: Op) {
        match op {
            Op::Put(task, key, value) => set(&mut self.entries, (task, key), value),
            Op::Checkpoint(task, checkpoint) => set(&mut self.checkpoints, task, checkpoint),
            Op::ChunksNext(task, next) => set(&mut self.chunks_next, task, next),
        }
    }
}

type ChunkKey = (u32, u32, i64);

#[derive(Debug, Default)]
struct Folder {
    durable: BTreeMap<ChunkKey, Vec<u8>>,
    tail: Vec<(ChunkKey, Option<Vec<u8>>)>,
    now: BTreeMap<ChunkKey, Vec<u8>>,
    users: BTreeSet<(u32, u32)>,
}

impl Folder {
    fn put(&mut self, key: ChunkKey, bytes: Option<Vec<u8>>) {
        set(&mut self.now, key, bytes.clone());
        self.tail.push((key, bytes));
    }

    /// Keeps the first `kept` changes since the last flush.
    fn settle(&mut self, kept: usize) {
        self.tail.truncate(kept);
        for (key, bytes) in self.tail.drain(..) {
            set(&mut self.durable, key, bytes);
        }
        self.now = self.durable.clone();
    }
}

#[derive(Debug, Default)]
struct Inner {
    durable: Image,
    tail: Vec<Vec<Op>>,
    now: Image,
    segments: BTreeMap<Segment, Folder>,
    /// Positions up to which chunks are written, but not yet known to be on disk.
    applied: BTreeMap<u32, i64>,
    /// Tasks that lack a chunk: how far theirs go stays as it is known.
    lacking: BTreeSet<u32>,
    faults: DiskFaults,
    /// Tasks whose store something was wrong with since it began, and those that were set aside for nothing.
    spoiled: BTreeSet<u32>,
    needless: Vec<u32>,
    /// The n-th read or write from now on fails.
    fail_in: Option<u64>,
    /// The n-th write of a dedup chunk from now on fails, and every later one when the disk is full for them.
    chunks_fail_in: Option<u64>,
    chunks_full: bool,
    /// After the first failure everything fails until the process has started again: a full disk under sled.
    sticky: bool,
}

impl Inner {
    fn batch(&mut self, ops: Vec<Op>) {
        ops.iter().for_each(|op| self.now.apply(op.clone()));
        self.tail.push(ops);
    }

    fn flush_state(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        tail.into_iter().flatten().for_each(|op| self.durable.apply(op));
    }

    /// Whether this access fails.
    fn fails(&mut self, task: u32) -> bool {
        match &mut self.fail_in {
            Some(0) => {
                if !self.sticky {
                    self.fail_in = None;
                }
                self.spoiled.insert(task);
                self.faults.keep(Some(task), "pretend I/O error".to_owned());
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// Whether this write of a dedup chunk fails.
    fn chunk_fails(&mut self, task: u32) -> bool {
        let Some(left) = &mut self.chunks_fail_in else { return false };
        if *left > 0 {
            *left -= 1;
            return false;
        }
        if !self.chunks_full {
            self.chunks_fail_in = None;
        }
        self.spoiled.insert(task);
        self.faults.keep(Some(task), "pretend full disk of a dedup segment".to_owned());
        true
    }

    fn put_chunks(&mut self, task: u32, chunks: &[Chunk]) {
        for chunk in chunks {
            let key = (task, chunk.input, chunk.at);
            if chunk.bytes.is_empty() {
                self.remove_chunk(chunk.segment, key);
                continue;
            }
            if self.chunk_fails(task) {
                self.lacking.insert(task);
                continue;
            }
            let segment = self.segments.entry(chunk.segment).or_default();
            segment.users.insert((task, chunk.input));
            segment.put(key, Some(chunk.bytes.clone()));
        }
    }

    fn remove_chunk(&mut self, at: Segment, key: ChunkKey) {
        let Some(segment) = self.segments.get_mut(&at) else { return };
        if !segment.now.contains_key(&key) {
            return;
        }
        segment.put(key, None);
        if segment.now.keys().all(|(task, input, _)| (*task, *input) != (key.0, key.1)) {
            segment.users.remove(&(key.0, key.1));
        }
        if segment.users.is_empty() {
            self.segments.remove(&at);
        }
    }
}

/// The disk of one instance.
#[derive(Debug, Default)]
pub struct MemDisk(Mutex<Inner>);

impl MemDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process died: what was not flushed is lost, back to any earlier batch.
    pub fn crash(&self, rng: &mut Rng) {
        let mut inner = self.inner();
        let kept = rng.below(inner.tail.len() as u64 + 1) as usize;
        let tail = std::mem::take(&mut inner.tail);
        tail.into_iter().take(kept).flatten().for_each(|op| inner.durable.apply(op));
        inner.now = inner.durable.clone();
        for segment in inner.segments.values_mut() {
            let kept = rng.below(segment.tail.len() as u64 + 1) as usize;
            segment.settle(kept);
            segment.users = segment.now.keys().map(|(task, input, _)| (*task, *input)).collect();
        }
        inner.applied.clear();
        inner.lacking.clear();
        inner.faults = DiskFaults::default();
        (inner.fail_in, inner.sticky) = (None, false);
        (inner.chunks_fail_in, inner.chunks_full) = (None, false);
    }

    /// sled's own flusher came by: the state so far survives a crash.
    pub fn flush_state(&self) {
        self.inner().flush_state();
    }

    /// `SledDisk::flush`: makes dedup chunks durable, then remembers how far they go.
    pub fn flush(&self) {
        let mut inner = self.inner();
        for segment in inner.segments.values_mut() {
            segment.settle(usize::MAX);
        }
        let applied = std::mem::take(&mut inner.applied);
        for (task, next) in applied {
            if inner.lacking.contains(&task) {
                continue;
            }
            inner.batch(vec![Op::ChunksNext(task, Some(next))]);
        }
    }

    /// The access after `accesses` more ones fails.
    pub fn fail_in(&self, accesses: u64) {
        self.inner().fail_in = Some(accesses);
    }

    /// The access after `accesses` more ones fails, and every later one until the process has started again.
    pub fn fill_in(&self, accesses: u64) {
        let mut inner = self.inner();
        (inner.fail_in, inner.sticky) = (Some(accesses), true);
    }

    /// The write of a dedup chunk after `writes` more ones fails, and on a full disk every later one until the process has
    /// started again. The state is written all the same.
    pub fn fail_chunks_in(&self, writes: u64, full: bool) {
        let mut inner = self.inner();
        (inner.chunks_fail_in, inner.chunks_full) = (Some(writes), full);
    }

    /// Makes one value of some key's state undecodable; whether there was one.
    pub fn rot(&self, rng: &mut Rng) -> bool {
        const STATE: u8 = 2;
        let mut inner = self.inner();
        let keys: Vec<(u32, Vec<u8>)> =
            inner.now.entries.keys().filter(|(_, key)| key.first() == Some(&STATE)).cloned().collect();
        let Some((task, key)) = rng.pick(&keys).cloned() else { return false };
        inner.spoiled.insert(task);
        inner.batch(vec![Op::Put(task, key, Some(ROT.to_vec()))]);
        true
    }

    /// Tasks whose store was set aside although nothing was wrong with it, as far as a disk knows.
    pub fn take_needless(&self) -> Vec<u32> {
        std::mem::take(&mut self.inner().needless)
    }

    /// Whether something was wrong with a task's store since it began.
    pub fn is_spoiled(&self, task: u32) -> bool {
        self.inner().spoiled.contains(&task)
    }

    /// All state of a task, for the oracle.
    pub fn content(&self, task: u32) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let inner = self.inner();
        let of = inner.now.entries.range((task, Vec::new())..).take_while(|((of, _), _)| *of == task);
        of.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }

    /// All chunks of a task, for the oracle.
    pub fn chunks_of(&self, task: u32) -> BTreeMap<(u32, Segment, i64), Vec<u8>> {
        let mut found = BTreeMap::new();
        self.chunks(task, &mut |Chunk { input, segment, at, bytes }| drop(found.insert((input, segment, at), bytes)));
        found
    }

    /// In how many dedup segments a task has chunks of one input, at most; those that the last transaction left at these
    /// positions, by name of the input, do not count.
    pub fn segments_of(&self, task: u32, last: &BTreeMap<u32, i64>) -> usize {
        let inner = self.inner();
        let mut inputs: BTreeMap<u32, usize> = BTreeMap::new();
        for segment in inner.segments.values() {
            for (_, input) in segment.users.iter().filter(|(of, _)| *of == task) {
                let earlier = |(of, to, at): &ChunkKey| (*of, *to) == (task, *input) && last.get(input) != Some(at);
                *inputs.entry(*input).or_default() += usize::from(segment.now.keys().any(earlier));
            }
        }
        inputs.into_values().max().unwrap_or(0)
    }

    /// Folders of dedup segments that exist.
    pub fn segments(&self) -> usize {
        self.inner().segments.len()
    }
}

impl Store for MemDisk {
    fn get(&self, task: u32, key: &[u8]) -> Option<Vec<u8>> {
        let mut inner = self.inner();
        if inner.fails(task) {
            return None;
        }
        inner.now.entries.get(&(task, key.to_vec())).cloned()
    }

    fn scan(&self, task: u32, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) {
        let mut inner = self.inner();
        if inner.fails(task) {
            return;
        }
        for ((of, key), value) in inner.now.entries.range((task, from.max(prefix).to_vec())..) {
            if *of != task || !key.starts_with(prefix) || !visit(key, value) {
                return;
            }
        }
    }

    fn chunk(&self, task: u32, input: u32, segment: Segment, at: i64) -> Option<Vec<u8>> {
        let mut inner = self.inner();
        if inner.fails(task) {
            return None;
        }
        inner.segments.get(&segment)?.now.get(&(task, input, at)).cloned()
    }

    fn chunks(&self, task: u32, visit: &mut dyn FnMut(Chunk)) {
        for (segment, Folder { now, .. }) in &self.inner().segments {
            for ((_, input, at), bytes) in now.iter().filter(|((of, _, _), _)| *of == task) {
                visit(Chunk { input: *input, segment: *segment, at: *at, bytes: bytes.clone() });
            }
        }
    }
}

impl Disk for MemDisk {
    fn checkpoint(&self, task: u32) -> Option<Checkpoint> {
        let inner = self.inner();
        let found = inner.now.checkpoints.get(&task)?;
        let chunks_next = inner.now.chunks_next.get(&task).copied().unwrap_or(0);
        Some(Checkpoint { chunks_next, ..found.clone() })
    }

    fn apply(&self, batch: Batch, now_ms: i64) {
        self.inner().put_chunks(batch.task, &batch.chunks);
        if let Some(changelog_next) = batch.changelog_next {
            self.inner().applied.insert(batch.task, changelog_next);
            self.restore_state(batch.task, batch.puts, changelog_next, now_ms);
        }
        let mut inner = self.inner();
        for (input, at) in batch.expired {
            let Some(segment) = inner.segments.get_mut(&at) else { continue };
            segment.users.remove(&(batch.task, input));
            if segment.users.is_empty() {
                inner.segments.remove(&at);
            }
        }
    }

    fn begin(&self, task: u32, changelog_id: &str, now_ms: i64) {
        let checkpoint = Checkpoint { changelog_id: changelog_id.into(), written_ms: now_ms, ..Checkpoint::default() };
        self.inner().batch(vec![Op::Checkpoint(task, Some(checkpoint))]);
    }

    fn restore_state(&self, task: u32, puts: Vec<(Vec<u8>, Option<Vec<u8>>)>, changelog_next: i64, now_ms: i64) {
        let mut inner = self.inner();
        if inner.fails(task) {
            return;
        }
        let Some(checkpoint) = inner.now.checkpoints.get(&task).cloned() else {
            inner.spoiled.insert(task);
            inner.faults.keep(Some(task), "a batch for a task without a checkpoint".to_owned());
            return;
        };
        let checkpoint = Checkpoint { changelog_next, written_ms: now_ms, ..checkpoint };
        let mut ops: Vec<Op> = puts.into_iter().map(|(key, value)| Op::Put(task, key, value)).collect();
        ops.push(Op::Checkpoint(task, Some(checkpoint)));
        inner.batch(ops);
    }

    fn restore_chunks(&self, task: u32, chunks: Vec<Chunk>, chunks_next: i64) {
        let mut inner = self.inner();
        inner.put_chunks(task, &chunks);
        inner.applied.insert(task, chunks_next);
    }

    fn drop_task(&self, task: u32) {
        // As in sled_disk.rs: the checkpoint is made useless, the chunks go, both surely; then the state, key by key.
        let mut inner = self.inner();
        inner.faults.forget(task);
        if !inner.spoiled.remove(&task) && inner.now.checkpoints.contains_key(&task) {
            inner.needless.push(task);
        }
        inner.batch(vec![Op::Checkpoint(task, Some(Checkpoint::default()))]);
        inner.flush_state();
        inner.applied.remove(&task);
        inner.lacking.remove(&task);
        for segment in inner.segments.values_mut() {
            let keys: Vec<ChunkKey> = segment.now.keys().filter(|(of, _, _)| *of == task).copied().collect();
            keys.into_iter().for_each(|key| segment.put(key, None));
            segment.users.retain(|(user, _)| *user != task);
            segment.settle(usize::MAX);
        }
        let of = inner.now.entries.range((task, Vec::new())..).take_while(|((of, _), _)| *of == task);
        let keys: Vec<Vec<u8>> = of.map(|((_, key), _)| key.clone()).collect();
        for key in keys {
            inner.batch(vec![Op::Put(task, key, None)]);
        }
        inner.batch(vec![Op::ChunksNext(task, None)]);
        inner.batch(vec![Op::Checkpoint(task, None)]);
    }

    fn take_fault(&self, mine: &dyn Fn(u32) -> bool) -> Option<DiskFault> {
        self.inner().faults.take(mine)
    }
}
