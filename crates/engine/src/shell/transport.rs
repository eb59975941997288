//! What the driver needs of a log: polled inputs, one transaction at a time, and reads of the internal topics.
//!
//! Three logs implement it: Kafka, the embedded log, and the simulator's pretend broker.

use std::time::Duration;

use flow::Topology;

use super::observe::Observed;
use crate::core::headers::Header;
use crate::core::io::{DeadLetter, Logged, Opening, Passed, Send, Stand};

/// What went wrong, by what there is to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Rebalance, broker, network: abort, go back and go on.
    #[error("{0}")]
    Abort(String),
    /// The broker refused a record of this transaction.
    #[error("the broker refused a record: {0}")]
    Refused(String),
    /// Another instance uses our identity: close the tasks, build no new producer before the group hands out an assignment
    /// again.
    #[error("{0}")]
    Fenced(String),
    /// The outcome of a commit or an abort stays unknown, because the broker does not answer: close the tasks and join anew.
    #[error("{0}")]
    Unknown(String),
    /// Going on with the task of this call would be wrong; the others are not concerned.
    #[error("{0}")]
    Quarantine(String),
    /// Going on would be wrong.
    #[error("{0}")]
    Fatal(String),
}

/// One polled record; bytes stand in [`Fetched::bytes`].
#[derive(Debug, Clone)]
pub struct Slot {
    pub task: u32,
    pub input: usize,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: Option<std::ops::Range<usize>>,
    pub value: Option<std::ops::Range<usize>>,
    /// Names and values; a value may be null.
    pub headers: Vec<(std::ops::Range<usize>, Option<std::ops::Range<usize>>)>,
}

/// What the group, or a restore, changed.
#[derive(Debug)]
pub enum Change {
    /// These tasks are ours now; nothing is delivered of them until they are restored and [`Transport::start`]ed. With none,
    /// the group has accepted us and has no task for us.
    Assigned(Vec<u32>),
    /// These tasks go to somebody else after [`Transport::release`]; what is in hand can still be committed.
    Revoked(Vec<u32>),
    /// These tasks are gone; what is in hand must be aborted.
    Lost(Vec<u32>),
    /// The restore of a task is done.
    Restored(Opening),
    /// The restore of a task failed for now and is to be asked for again; says why.
    RestoreFailed(u32, String),
    /// The task cannot be opened, and asking again will not help; says why.
    Quarantined(u32, String),
}

/// One poll's worth: reused between polls.
#[derive(Debug, Default)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    pub slots: Vec<Slot>,
    pub changes: Vec<Change>,
    /// Where no record lies behind the last one that was delivered.
    pub passed: Vec<Passed>,
}

impl Fetched {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
        self.passed.clear();
        self.changes.clear();
    }

    /// Copies bytes in; where they stand.
    pub fn keep(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Copies a header in; where it stands.
    pub fn keep_header(
        &mut self,
        (name, value): Header<'_>,
    ) -> (std::ops::Range<usize>, Option<std::ops::Range<usize>>) {
        (self.keep(name), value.map(|value| self.keep(value)))
    }
}

/// The log as one worker sees it.
pub trait Transport {
    /// Waits at most `wait` for records or changes.
    fn poll(&mut self, wait: Duration, into: &mut Fetched) -> Result<(), Fault>;

    /// Restores a task's store and finds out where its inputs stand; the answer comes as [`Change::Restored`] or
    /// [`Change::RestoreFailed`]. Only the last call for a task is answered, and only until the task is released: what an
    /// earlier one found may be out of date.
    fn restore(&mut self, task: u32) -> Result<(), Fault>;

    /// Begins to deliver the inputs of a restored task at these positions (`offset_next` per input), none of them paused.
    fn start(&mut self, task: u32, positions: &[i64]) -> Result<(), Fault>;

    /// Gives revoked or lost tasks back to the group.
    fn release(&mut self, tasks: &[u32]) -> Result<(), Fault>;

    fn begin(&mut self) -> Result<(), Fault>;
    fn send(&mut self, send: &Send) -> Result<(), Fault>;
    fn dead_letter(&mut self, letter: &DeadLetter) -> Result<(), Fault>;
    fn changelog(&mut self, task: u32, key: &[u8], value: Option<&[u8]>) -> Result<(), Fault>;
    fn order_log(&mut self, task: u32, value: &[u8]) -> Result<(), Fault>;
    fn send_offsets(&mut self, offsets: &[Stand]) -> Result<(), Fault>;

    /// Commits; retries a timed-out commit until its outcome is known. Where the changelog records landed.
    fn commit(&mut self) -> Result<Vec<Logged>, Fault>;
    fn abort(&mut self) -> Result<(), Fault>;

    fn seek(&mut self, task: u32, input: usize, offset_next: i64) -> Result<(), Fault>;
    fn pause(&mut self, task: u32, input: usize) -> Result<(), Fault>;
    fn resume(&mut self, task: u32, input: usize) -> Result<(), Fault>;

    /// A page of the recorded order at or after `from` (`None`: its start); empty at its end.
    fn read_order(&mut self, task: u32, from: Option<i64>) -> Result<Vec<(i64, Vec<u8>)>, Fault>;

    /// A new session after [`Fault::Fenced`] or [`Fault::Unknown`]: every task is gone until it is assigned again.
    fn reopen(&mut self) -> Result<(), Fault>;

    /// What there is to know for metrics; nothing by default. Called often: from memory only.
    fn observe(&mut self, _into: &mut Observed) {}
}

/// A record of an internal topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

/// Records of an internal topic, as far as a reader got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Everything below is read; markers and aborted records count, though they are not among the entries.
    pub next: i64,
}

/// A group's committed position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub offset_next: i64,
    pub mark: Mark,
}

/// What stands beside a committed offset. Other texts are somebody else's and mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    #[default]
    None,
    /// The task's own transaction: how many events it had handled then.
    Events(u64),
    /// `orderflow reset`: state begins empty here.
    Reset,
    /// `orderflow reset --skip-deleted`: state is kept, and the records before this offset are given up.
    Skip,
}

/// How the metadata of a transaction's offsets begins.
const EVENTS: &str = "orderflow events ";

impl Mark {
    /// As the metadata of a committed offset.
    pub fn text(self) -> String {
        match self {
            Mark::None => String::new(),
            Mark::Events(events) => format!("{EVENTS}{events}"),
            Mark::Reset => "orderflow reset".to_owned(),
            Mark::Skip => "orderflow reset --skip-deleted".to_owned(),
        }
    }

    /// Reads it back.
    pub fn of(text: &str) -> Mark {
        if let Some(events) = text.strip_prefix(EVENTS) {
            return events.parse().map_or(Mark::None, Mark::Events);
        }
        [Mark::Reset, Mark::Skip].into_iter().find(|mark| mark.text() == text).unwrap_or_default()
    }
}

/// Reads of internal topics and committed offsets, for a restore. Committed records only.
pub trait LogReader {
    /// The processor's map.
    fn topology(&self) -> &'static Topology;
    /// The group's committed position per input, as stable (no transaction in the middle of committing them); `None` where
    /// there is none.
    fn committed(&mut self, task: u32) -> Result<Vec<Option<Position>>, Fault>;
    /// Of each input the first offset that still exists, and the high watermark.
    fn input_bounds(&mut self, task: u32) -> Result<Vec<(i64, i64)>, Fault>;
    /// Identity of a topic; another one after it was deleted and created again.
    fn topic_id(&mut self, topic: &str) -> Result<String, Fault>;
    /// First offset that still exists, and an end up to which everything is decided; it lies within no transaction.
    fn bounds(&mut self, topic: &str, partition: u32) -> Result<(i64, i64), Fault>;
    /// Records from `from` on, below `end`, at most about a thousand. May end anywhere, even where it began: the replica
    /// that is read may lag behind.
    fn read(&mut self, topic: &str, partition: u32, from: i64, end: i64) -> Result<Page, Fault>;
    /// Waits before something is read again.
    fn wait(&mut self, wait: Duration) {
        std::thread::sleep(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn a_mark_reads_back_and_other_texts_mean_nothing() {
        for mark in [Mark::None, Mark::Events(0), Mark::Events(u64::MAX), Mark::Reset, Mark::Skip] {
            assert_eq!(Mark::of(&mark.text()), mark);
        }
        for text in ["x", "orderflow events ", "orderflow events -1", "orderflow events 1 "] {
            assert_eq!(Mark::of(text), Mark::None, "{text}");
        }
    }
}
