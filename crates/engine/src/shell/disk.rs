//! What the driver needs of a store: batches and checkpoints. sled implements it for real, the simulator in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::core::io::{Batch, Chunk, Store};

/// How far a task's store follows its changelog.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Identity of the changelog topic.
    pub changelog_id: String,
    /// `offset_next` in the changelog.
    pub changelog_next: i64,
    /// The same, as far as chunks of dedup ids are surely on disk.
    pub chunks_next: i64,
    /// Wall clock of the last batch, in milliseconds: tombstones older than the changelog's limit may be gone.
    pub written_ms: i64,
}

/// A read or a write that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFault {
    /// Whose store it was; `None`: nobody's in particular, as when chunks are made durable.
    pub task: Option<u32>,
    pub why: String,
}

/// Faults that nobody has taken yet: kept by task, because several workers share a disk and each is to hear of its own.
#[derive(Debug, Default)]
pub struct DiskFaults {
    kept: Mutex<Vec<DiskFault>>,
    /// Whether there may be one: asked after every step, so a glance has to be enough.
    any: AtomicBool,
}

impl DiskFaults {
    fn kept(&self) -> MutexGuard<'_, Vec<DiskFault>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a fault; the first one of each task, which names the cause.
    pub fn keep(&self, task: Option<u32>, why: String) {
        let mut kept = self.kept();
        if kept.iter().all(|fault| fault.task != task) {
            kept.push(DiskFault { task, why });
        }
        self.any.store(true, Ordering::Release);
    }

    /// What [`Disk::take_fault`] promises.
    pub fn take(&self, mine: &dyn Fn(u32) -> bool) -> Option<DiskFault> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut kept = self.kept();
        let at = kept.iter().position(|fault| fault.task.is_none_or(mine));
        let taken = at.map(|at| kept.remove(at));
        self.any.store(!kept.is_empty(), Ordering::Release);
        taken
    }

    /// What failed of a task's store is of no interest any more: it begins again.
    pub fn forget(&self, task: u32) {
        self.kept().retain(|fault| fault.task != Some(task));
    }
}

/// A store that can be written.
pub trait Disk: Store {
    /// The task's checkpoint; `None` when there is no store for it yet.
    fn checkpoint(&self, task: u32) -> Option<Checkpoint>;

    /// Applies a committed transaction: state and checkpoint in one batch.
    fn apply(&self, batch: Batch, now_ms: i64);

    /// Begins a task's store anew, following this changelog from its start. Empty as it is, it is as fresh as `now_ms`.
    fn begin(&self, task: u32, changelog_id: &str, now_ms: i64);

    /// Applies the state of a page of the changelog.
    fn restore_state(&self, task: u32, puts: Vec<(Vec<u8>, Option<Vec<u8>>)>, changelog_next: i64, now_ms: i64);

    /// Applies the chunks of a page of the changelog, before its state; one without bytes has ended.
    fn restore_chunks(&self, task: u32, chunks: Vec<Chunk>, chunks_next: i64);

    /// Drops everything of a task.
    fn drop_task(&self, task: u32);

    /// A task's restore begins (`false`: from now on the store may hold a part only) or has ended.
    fn whole(&self, _task: u32, _whole: bool) {}

    /// Whether the store surely holds all of a task, state and dedup window, as its checkpoint says.
    fn is_whole(&self, _task: u32) -> bool {
        true
    }

    /// The first fault since the last call, of a task that is `mine` or of none: reads and writes report here, not where
    /// they happen.
    fn take_fault(&self, mine: &dyn Fn(u32) -> bool) -> Option<DiskFault>;
}
