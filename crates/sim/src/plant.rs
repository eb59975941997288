//! Bugs put in on purpose, to see that the simulator finds them: wrappers around transport and disk, not the engine.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::core::io::{DeadLetter, Logged, Send, Stand};
use engine::core::{dedup, keys};
use engine::shell::disk::Disk;
use engine::shell::transport::{Fault, Fetched, Transport};

use crate::broker::log::Message;
use crate::clock::SimClock;
use crate::disk::MemDisk;
use crate::shared::Shared;
use crate::transport::SimTransport;

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// Committed offsets are one too far.
    OffsetTooFar,
    /// State reaches the store before its transaction is committed.
    StateBeforeCommit,
    /// State changes are not written to the changelog.
    NoChangelog,
    /// Offsets are committed outside of the transaction, as soon as they are known.
    OffsetsOutside,
    /// Dedup ids of an aborted transaction are kept.
    IdsKept,
    /// After an abort the inputs are not set back.
    NoSeek,
}

impl Plant {
    /// All of them.
    pub const ALL: [Plant; 6] = [
        Plant::OffsetTooFar,
        Plant::StateBeforeCommit,
        Plant::NoChangelog,
        Plant::OffsetsOutside,
        Plant::IdsKept,
        Plant::NoSeek,
    ];
}

/// A transport with a bug, or without.
pub struct Planted {
    inner: SimTransport,
    shared: Rc<Shared>,
    disk: Arc<MemDisk>,
    plant: Option<Plant>,
    /// Chunks of dedup ids in the open transaction: task, key, value.
    ids: Vec<(u32, Vec<u8>, Vec<u8>)>,
}

impl Planted {
    /// Around a new session.
    pub fn new(shared: Rc<Shared>, disk: Arc<MemDisk>, me: usize, clock: SimClock, plant: Option<Plant>) -> Planted {
        let inner = SimTransport::new(shared.clone(), disk.clone(), me, clock);
        Planted { inner, shared, disk, plant, ids: Vec::new() }
    }

    fn is(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    fn apply_at_once(&self, task: u32, key: &[u8], value: Option<&[u8]>) {
        if let Some(found) = self.disk.checkpoint(task) {
            let puts = vec![(key.to_vec(), value.map(<[u8]>::to_vec))];
            self.disk.restore_state(task, puts, found.changelog_next, found.written_ms);
        }
    }

    /// The ids of the transaction that is being aborted stay, in the log and on the disk.
    fn keep_ids(&mut self) {
        for (task, key, value) in std::mem::take(&mut self.ids) {
            let chunks = dedup::read(&key, Some(&value)).into_iter().collect();
            let message = Message { key: Some(key), value: Some(value), task, ..Message::default() };
            let offset = self.shared.broker.borrow_mut().append(&self.shared.names.changelog, task, message);
            self.disk.restore_chunks(task, chunks, offset + 1);
        }
    }
}

impl Transport for Planted {
    fn poll(&mut self, wait: Duration, into: &mut Fetched) -> Result<(), Fault> {
        self.inner.poll(wait, into)
    }

    fn restore(&mut self, task: u32) -> Result<(), Fault> {
        self.inner.restore(task)
    }

    fn start(&mut self, task: u32, positions: &[i64]) -> Result<(), Fault> {
        self.inner.start(task, positions)
    }

    fn release(&mut self, tasks: &[u32]) -> Result<(), Fault> {
        self.inner.release(tasks)
    }

    fn begin(&mut self) -> Result<(), Fault> {
        self.ids.clear();
        self.inner.begin()
    }

    fn send(&mut self, send: &Send) -> Result<(), Fault> {
        self.inner.send(send)
    }

    fn dead_letter(&mut self, letter: &DeadLetter) -> Result<(), Fault> {
        self.inner.dead_letter(letter)
    }

    fn changelog(&mut self, task: u32, key: &[u8], value: Option<&[u8]>) -> Result<(), Fault> {
        if keys::is_chunk(key) {
            self.ids.extend(value.map(|value| (task, key.to_vec(), value.to_vec())));
        } else if self.is(Plant::StateBeforeCommit) {
            self.apply_at_once(task, key, value);
        }
        if self.is(Plant::NoChangelog) && key != keys::task() {
            return Ok(());
        }
        self.inner.changelog(task, key, value)
    }

    fn order_log(&mut self, task: u32, value: &[u8]) -> Result<(), Fault> {
        self.inner.order_log(task, value)
    }

    fn send_offsets(&mut self, offsets: &[Stand]) -> Result<(), Fault> {
        if self.is(Plant::OffsetTooFar) {
            let far: Vec<Stand> = offsets.iter().map(|at| Stand { offset_next: at.offset_next + 1, ..*at }).collect();
            return self.inner.send_offsets(&far);
        }
        if self.is(Plant::OffsetsOutside) {
            let group = &mut self.shared.broker.borrow_mut().group;
            group.offsets.extend(offsets.iter().map(|at| ((at.task, at.input), at.offset_next)));
        }
        self.inner.send_offsets(offsets)
    }

    fn commit(&mut self) -> Result<Vec<Logged>, Fault> {
        self.inner.commit()
    }

    fn abort(&mut self) -> Result<(), Fault> {
        if self.is(Plant::IdsKept) {
            self.keep_ids();
        }
        self.inner.abort()
    }

    fn seek(&mut self, task: u32, input: usize, offset_next: i64) -> Result<(), Fault> {
        if self.is(Plant::NoSeek) {
            return Ok(());
        }
        self.inner.seek(task, input, offset_next)
    }

    fn pause(&mut self, task: u32, input: usize) -> Result<(), Fault> {
        self.inner.pause(task, input)
    }

    fn resume(&mut self, task: u32, input: usize) -> Result<(), Fault> {
        self.inner.resume(task, input)
    }

    fn read_order(&mut self, task: u32, from: Option<i64>) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
        self.inner.read_order(task, from)
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.inner.reopen()
    }
}
