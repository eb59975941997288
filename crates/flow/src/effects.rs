//! What a processor answers: data, carried out by the engine all at once or not at all.

use std::borrow::Cow;

use crate::{Id, Processor, Reject};

/// All effects of one event, or its rejection.
pub type Handled<'a, P> = Result<Effects<'a, P>, Reject>;

/// A record to send, with the ticket it belongs to when that is not the ticket of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emit<T> {
    pub ticket: Option<Id>,
    pub record: T,
}

/// A timer to set or to cancel: (`at_ms`, wake, subkey) below the event's key is its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetWake<W> {
    /// Milliseconds since 1970-01-01 UTC. A time that has passed fires before the next record.
    pub at_ms: i64,
    pub wake: W,
    pub sub: String,
    pub cancel: bool,
}

/// What is to happen because of one event.
pub struct Effects<'a, P: Processor> {
    pub emits: Vec<Emit<P::Out<'a>>>,
    /// Records for the reply topic that the sender named.
    pub replies: Vec<(Cow<'a, str>, Emit<P::Reply<'a>>)>,
    pub changes: Vec<P::Change>,
    pub wakes: Vec<SetWake<P::Wake>>,
}

impl<P: Processor> Default for Effects<'_, P> {
    fn default() -> Self {
        Effects { emits: Vec::new(), replies: Vec::new(), changes: Vec::new(), wakes: Vec::new() }
    }
}

impl<'a, P: Processor> Effects<'a, P> {
    /// No effects yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a record to its topic, on the input's ticket.
    pub fn emit(&mut self, record: impl Into<P::Out<'a>>) {
        self.emits.push(Emit { ticket: None, record: record.into() });
    }

    /// Sends a record to its topic, on another ticket than the input's.
    pub fn emit_for(&mut self, ticket: Id, record: impl Into<P::Out<'a>>) {
        self.emits.push(Emit { ticket: Some(ticket), record: record.into() });
    }

    /// Sends a record to the reply topic `to`. A topic that topics.yaml does not list as a reply topic rejects the
    /// whole event with `reply-topic-unknown`.
    pub fn reply(&mut self, to: impl Into<Cow<'a, str>>, record: impl Into<P::Reply<'a>>) {
        self.replies.push((to.into(), Emit { ticket: None, record: record.into() }));
    }

    /// Changes the state below the event's key.
    pub fn change(&mut self, change: P::Change) {
        self.changes.push(change);
    }

    /// Sets a timer: the processor is called again with this wake when `at_ms` has come.
    pub fn wake_at(&mut self, at_ms: i64, wake: P::Wake, sub: impl Into<String>) {
        self.wakes.push(SetWake { at_ms, wake, sub: sub.into(), cancel: false });
    }

    /// Cancels the timer set with the same three values; nothing happens when there is none.
    pub fn cancel_wake(&mut self, at_ms: i64, wake: P::Wake, sub: impl Into<String>) {
        self.wakes.push(SetWake { at_ms, wake, sub: sub.into(), cancel: true });
    }
}
