//! The processor that the simulator runs: a ledger whose outputs show every lost, doubled or misordered event.
//!
//! Each output of a key carries the key's running sum and a sequence number. Amounts can be parked below the key, go on
//! when somebody asks for it (in chunks, by continuation timers) or are refused at their deadline, so that money is
//! neither made nor lost: added + parked = sum + still parked + refused + moved.

pub mod codec;
pub mod handle;
pub mod wire;

use flow::{Duplicates, Input, Processor, StateRead, Topic, Topology};

pub use handle::handle;

/// Length of the dedup window in milliseconds: short, so that it passes several times in a run.
pub const WINDOW_MS: i64 = 240_000;
/// Number of tasks.
pub const TASKS: u32 = 4;
/// Index of the input whose duplicates are dropped.
pub const ENTRIES: usize = 0;
/// Index of the input whose duplicates are answered.
pub const ASKS: usize = 1;
/// Number of the timer that refuses a parked amount.
pub const DEADLINE: u8 = 1;
/// Number of the timer that releases the next chunk.
pub const CONTINUE: u8 = 2;
/// The state table of the key's own record.
pub const ACCOUNT: u8 = 0;
/// The state table of parked amounts.
pub const PARKED: u8 = 1;

/// The map of the ledger.
pub static TOPOLOGY: Topology = LEDGER;

/// The same with half the window.
pub static HALVED: Topology = Topology { window_ms: WINDOW_MS / 2, ..LEDGER };

/// The same with twice the window.
pub static DOUBLED: Topology = Topology { window_ms: WINDOW_MS * 2, ..LEDGER };

const LEDGER: Topology = Topology {
    name: "ledger",
    partitions: TASKS,
    inputs: &[
        Input { topic: "entries.v1", records: &["Entry"], compacted: false, duplicates: Duplicates::Drop },
        Input { topic: "asks.v1", records: &["Ask"], compacted: false, duplicates: Duplicates::Answer },
    ],
    outputs: &[Topic { name: "ledger-events.v1", partitions: 3 }, Topic { name: "moves.v1", partitions: 2 }],
    replies: &[Topic { name: "replies.v1", partitions: 1 }],
    tables: &["account", "parked"],
    window_ms: WINDOW_MS,
};

/// The processor.
#[derive(Debug)]
pub struct Ledger;

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Op {
    /// Adds the amount to the sum.
    Add,
    /// Parks the amount until it is released, or refused after `delay_ms`.
    Park,
    /// Takes the amount from the sum and sends it to the key `to`.
    Move,
    /// Is rejected by the handler.
    Invalid,
    /// Panics in the handler, after effects were built.
    Panic,
    /// Sends a record that the pretend broker always refuses.
    Cursed,
    /// Sends a record above the size limit.
    Huge,
}

/// A record of `entries.v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub op: Op,
    pub amount: i64,
    pub to: String,
    /// Milliseconds from the event's time to the deadline of a parked amount.
    pub delay_ms: i64,
}

/// A record of `asks.v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub key: String,
    /// Parked amounts to release per event; 0 only asks for an answer.
    pub chunk: u64,
    pub reply_to: String,
}

/// An input of the ledger.
#[derive(Debug)]
pub enum In<'a> {
    Entry(Entry),
    Ask(Ask),
    Wake { kind: u8, sub: &'a str },
}

/// An output of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// Index into the topology's outputs.
    pub topic: usize,
    pub record: &'static str,
    pub key: String,
    pub seq: u64,
    pub sum: i64,
    pub amount: i64,
    /// The key that a move comes from; else what makes the record cursed or huge.
    pub note: String,
}

/// A reply of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub key: String,
    pub accepted: bool,
}

/// The key's own record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    pub seq: u64,
    pub sum: i64,
    /// Number of the parked amount that comes next.
    pub parked_next: u64,
}

/// A parked amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parked {
    pub amount: i64,
    pub due_ms: i64,
}

/// A state change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Account(Account),
    Park([u8; 8], Parked),
    Unpark([u8; 8]),
}

/// Typed reads of the state below one key.
pub struct State<'s>(pub &'s dyn StateRead);

/// The timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    Deadline,
    Continue,
}

impl Processor for Ledger {
    const TOPOLOGY: &'static Topology = &TOPOLOGY;
    type In<'a> = In<'a>;
    type Out<'a> = Out;
    type Reply<'a> = Reply;
    type State<'s> = State<'s>;
    type Change = Change;
    type Wake = Wake;
}

impl State<'_> {
    /// The key's own record; the empty one when there is none, or none that decodes.
    pub fn account(&self) -> Account {
        let found = self.0.get(ACCOUNT, &[]);
        found.and_then(|bytes| self.readable(ACCOUNT, wire::account(&bytes))).unwrap_or_default()
    }

    /// A parked amount.
    pub fn parked(&self, number: u64) -> Option<Parked> {
        let found = self.0.get(PARKED, &number.to_be_bytes())?;
        self.readable(PARKED, wire::parked(&found))
    }

    /// The first parked amounts, in the order they were parked.
    pub fn first_parked(&self, limit: usize) -> Vec<(u64, Parked)> {
        let found = self.0.scan(PARKED, &[], limit);
        let read = |(sub, value): (Vec<u8>, Vec<u8>)| {
            let number = u64::from_be_bytes(self.readable(PARKED, sub.try_into().ok())?);
            Some((number, self.readable(PARKED, wire::parked(&value))?))
        };
        found.into_iter().filter_map(read).collect()
    }

    fn readable<T>(&self, table: u8, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.0.unreadable(table, "not a value of the ledger");
        }
        value
    }
}

/// The subkey of a deadline.
pub fn deadline_sub(number: u64) -> String {
    format!("{number:016x}")
}

/// The subkey of a continuation: the sequence number it goes on at, so that no two are the same timer.
pub fn continue_sub(seq: u64, chunk: u64) -> String {
    format!("{seq:016x}.{chunk}")
}
