//! What the driver needs of a store: batches and checkpoints. sled implements it for real, the simulator in memory.

use crate::core::io::{Batch, Chunk, Store};

/// How far a task's store follows its changelogs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Identity of the state changelog topic.
    pub changelog_id: String,
    /// `offset_next` in the state changelog.
    pub changelog_next: i64,
    /// Identity of the dedup changelog topic.
    pub dedup_id: String,
    /// `offset_next` in the dedup changelog, as far as chunks are surely on disk.
    pub dedup_next: i64,
    /// Wall clock of the last batch, in milliseconds: tombstones older than the changelog's limit may be gone.
    pub written_ms: i64,
}

/// A store that can be written.
pub trait Disk: Store {
    /// The task's checkpoint; `None` when there is no store for it yet.
    fn checkpoint(&self, task: u32) -> Option<Checkpoint>;

    /// Applies a committed transaction: state and checkpoint in one batch.
    fn apply(&self, batch: Batch, now_ms: i64);

    /// Begins a task's store anew, following these changelogs from their start. Empty as it is, it is as fresh as `now_ms`.
    fn begin(&self, task: u32, changelog_id: &str, dedup_id: &str, now_ms: i64);

    /// Applies a page of the state changelog.
    fn restore_state(&self, task: u32, puts: Vec<(Vec<u8>, Option<Vec<u8>>)>, changelog_next: i64, now_ms: i64);

    /// Applies a page of the dedup changelog.
    fn restore_dedup(&self, task: u32, chunks: Vec<Chunk>, dedup_next: i64);

    /// Drops everything of a task.
    fn drop_task(&self, task: u32);

    /// The first fault since the last call, when there was one: reads and writes report here, not where they happen.
    fn take_fault(&self) -> Option<String>;
}
