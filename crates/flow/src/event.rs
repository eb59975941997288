//! What a processor is given.

use crate::{Id, Processor};

/// The facts that every record begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meta {
    /// Identity of this event, the same each time it is derived from the same cause.
    pub event_id: Id,
    /// The order (or other ticket) that this event belongs to; nil when it belongs to none.
    pub ticket_id: Id,
    /// The event that led to this one; nil for a command from outside.
    pub cause: Id,
    /// Milliseconds since 1970-01-01 UTC.
    pub occurred_at: i64,
}

/// Whether the engine met this input's identity before, within the dedup window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The first time.
    New,
    /// The same identity with the same content. Only processors with `duplicates: answer` get to see one.
    Duplicate,
    /// The same identity with other content. Only processors with `duplicates: answer` or `refuse` get to see one.
    Conflict,
}

/// One input of a processor.
pub struct Event<'a, P: Processor> {
    /// The record's key; state is read and written below it.
    pub key: &'a str,
    pub meta: Meta,
    /// Milliseconds since 1970-01-01 UTC: the record's timestamp, or the time a wake was due.
    pub time_ms: i64,
    pub seen: Seen,
    pub input: P::In<'a>,
}
