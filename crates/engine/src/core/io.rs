//! What the core is told and what it asks for: plain data, the same for Kafka, the embedded log and the simulator.

use std::sync::Arc;

use flow::{Code, Id, Meta, Reject};

use super::dedup::Memory;
use super::headers::{Header, OwnedHeader};
use super::keys::Wake;
use super::letter::Stub;
use super::logic::Outcome;

/// A writer schema as the registry or `schemas/released/` knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterSchema {
    /// Name of the record, without namespace.
    pub record: String,
    /// CRC-64-AVRO of its Parsing Canonical Form.
    pub fingerprint: u64,
    /// Self-contained Avro JSON.
    pub text: Arc<str>,
}

/// What the shell found out about a record's framing before the core sees it.
#[derive(Debug, Clone, Copy)]
pub enum Framed<'a> {
    /// Magic 0 and an id whose schema is known.
    Known(&'a WriterSchema),
    /// No value, or a value without Confluent framing.
    Unframed,
    /// Framed, but the registry itself said that there is no such id.
    Unknown(u32),
}

/// One consumed record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub task: u32,
    /// Index into the topology's inputs.
    pub input: usize,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [Header<'a>],
    pub framed: Framed<'a>,
}

/// Clocks as the shell reads them: the core has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Milliseconds since 1970-01-01 UTC.
    pub wall_ms: i64,
    /// Microseconds since any fixed moment; never goes back.
    pub mono_us: u64,
}

/// A task whose store is restored and whose inputs are owned.
#[derive(Debug, Default)]
pub struct Opening {
    pub task: u32,
    /// Where each input goes on (`offset_next`): where the group's offsets and the task's own record say, or the log's
    /// start for a first run.
    pub positions: Vec<i64>,
    /// Where each is read from: as above, or behind markers that are not there any more.
    pub read_from: Vec<i64>,
    /// The last record of the recorded order, when there is one.
    pub order_last: Option<Vec<u8>>,
    /// Identity of the changelog topic that it was restored from.
    pub changelog_id: String,
    /// What its store remembers.
    pub memory: Memory,
}

/// No record lies from `from` up to `to` of this input: a consumer has gone from one to the other without meeting any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    pub task: u32,
    pub input: usize,
    pub from: i64,
    pub to: i64,
}

/// What the core is told.
#[derive(Debug)]
pub enum Input<'a> {
    Open(Opening),
    /// The task is gone: committed or aborted before.
    Close(u32),
    Record(Record<'a>),
    /// Time passed. `drained`: the shell has no record at hand.
    Tick {
        now: Now,
        drained: bool,
    },
    /// Commit what is in hand, now: before a partition is given up or the process ends.
    Flush,
    /// The transaction is committed; where its changelog records landed.
    Committed {
        now: Now,
        logged: Vec<Logged>,
    },
    /// The transaction cannot be committed; it is to be aborted.
    Failed(Failure),
    /// Records of the recorded order after [`Action::ReadOrder`]: (offset, value); empty at its end.
    Order {
        task: u32,
        page: Vec<(i64, Vec<u8>)>,
    },
    /// A consumer went beyond the last record that it delivered.
    Passed(Passed),
}

/// Where an input stands, for the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    pub task: u32,
    pub input: usize,
    pub offset_next: i64,
    /// Events that the task has handled: a transaction of timers moves nothing else that the group would see.
    pub events: u64,
}

/// Where the changelog records of one task landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    pub task: u32,
    /// `offset_next` of the changelog.
    pub changelog_next: i64,
}

/// Why a transaction failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The world's fault (rebalance, broker, fencing): says nothing about the records.
    #[error("{0}")]
    World(String),
    /// The broker refused a record that this transaction sent.
    #[error("the broker refused a record: {0}")]
    Refused(String),
}

/// Which topic an output goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Index into the topology's outputs.
    Output(usize),
    /// Index into the topology's reply topics.
    Reply(usize),
}

/// A record to produce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    pub task: u32,
    pub topic: &'static str,
    pub partition: u32,
    pub key: String,
    /// Confluent framing, meta, body.
    pub value: Vec<u8>,
    pub timestamp_ms: i64,
    pub meta: Meta,
    pub record: &'static str,
    pub version: &'static str,
    pub fingerprint: u64,
    pub content: u64,
    /// W3C trace id of the flow.
    pub trace_id: Id,
    /// Sent while the task follows its recorded order: it was sent before, unless the code has changed since.
    pub repeat: bool,
}

/// A span's id in a W3C trace context.
pub type SpanId = [u8; 8];

/// What became of one event: for spans, and asked for only where somebody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    pub task: u32,
    /// `None` for a timer.
    pub input: Option<usize>,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    /// Name of the record, when it could be told.
    pub record: String,
    pub event_id: Id,
    pub ticket_id: Id,
    pub trace_id: Id,
    /// The span that sent the event, when it is of the same trace …
    pub parent: Option<SpanId>,
    /// … and that of another trace, the sender's own.
    pub link: Option<(Id, SpanId)>,
    pub outcome: Result<Outcome, Code>,
}

/// A rejected input, byte for byte, with its provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub task: u32,
    /// `None` for a timer.
    pub input: Option<usize>,
    pub offset: i64,
    /// The record's own timestamp; for a timer, when it was due.
    pub timestamp_ms: i64,
    /// The timer, where it is none of a record.
    pub wake: Option<Wake>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<OwnedHeader>,
    pub reject: Reject,
    /// Of a letter that is cut short: what it stands for.
    pub stub: Option<Stub>,
}

/// One sled batch: everything a committed transaction changed for one task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    pub task: u32,
    /// Store keys and values; `None` deletes.
    pub puts: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub changelog_next: Option<i64>,
    pub chunks: Vec<Chunk>,
    /// (input, segment): dedup segments that hold nothing of this input any more.
    pub expired: Vec<(u32, Segment)>,
}

/// A stretch of log time whose dedup ids expire together: in milliseconds since 1970-01-01 UTC, so that what is stored means
/// the same when topics.yaml gives the window another length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Segment {
    /// The first millisecond after it. Segments sort by it: the first to end expires first.
    pub until_ms: i64,
    pub from_ms: i64,
}

/// The dedup ids that one transaction brought of one input and one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Name of the input, as [`super::ids::topic`] has it: its place in topics.yaml may be another one tomorrow.
    pub input: u32,
    pub segment: Segment,
    /// Where the transaction left the input (`offset_next`): no other one leaves it there.
    pub at: i64,
    /// None when the chunk has ended.
    pub bytes: Vec<u8>,
}

/// What the shell is to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Begin,
    Send(Send),
    DeadLetter(DeadLetter),
    /// An event is dealt with, after everything that it led to.
    Handled(Box<Handled>),
    /// A record of the changelog; partition = task.
    Changelog {
        task: u32,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    },
    /// A record of the recorded order; partition = task.
    OrderLog {
        task: u32,
        value: Vec<u8>,
    },
    /// With the consumer group's metadata.
    SendOffsets(Vec<Stand>),
    Commit,
    Abort,
    /// Only ever after the commit is known.
    ApplyToStore(Batch),
    /// Go back: the next record wanted from this input is `offset_next`.
    Seek {
        task: u32,
        input: usize,
        offset_next: i64,
    },
    /// Deliver no more of this input until [`Action::Resume`].
    Pause {
        task: u32,
        input: usize,
    },
    Resume {
        task: u32,
        input: usize,
    },
    /// Read the recorded order of this task from this offset (`None`: its start).
    ReadOrder {
        task: u32,
        from: Option<i64>,
    },
    /// The store holds bytes that do not decode: set it aside and rebuild it from the changelog.
    Rebuild {
        task: u32,
        why: String,
    },
    /// Going on with this task would be wrong: it stops and says why, the others go on.
    Quarantine {
        task: u32,
        why: String,
    },
    /// Going on would be wrong; the text names the offsets.
    Stop(String),
}

/// Reads of what is committed and applied. Faults are kept by the implementation, which the driver asks after a step.
pub trait Store {
    /// The value of a store key of this task.
    fn get(&self, task: u32, key: &[u8]) -> Option<Vec<u8>>;

    /// Calls `visit` for each entry at or after `from` that begins with `prefix`, ascending, until it says false.
    fn scan(&self, task: u32, prefix: &[u8], from: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> bool);

    /// The bytes of a dedup chunk.
    fn chunk(&self, task: u32, input: u32, segment: Segment, at: i64) -> Option<Vec<u8>>;

    /// Lends the bytes of a dedup chunk to `look`, where there is one; a store that can do so without a copy should.
    fn with_chunk(&self, task: u32, input: u32, segment: Segment, at: i64, look: &mut dyn FnMut(&[u8])) {
        if let Some(bytes) = self.chunk(task, input, segment, at) {
            look(&bytes);
        }
    }

    /// Calls `visit` for every dedup chunk of this task: of each input by segment, and as they came within it.
    fn chunks(&self, task: u32, visit: &mut dyn FnMut(Chunk));
}
