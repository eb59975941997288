//! Spans of what a worker did: one for each event handled, one for each event sent, kept until their transaction is
//! committed. Where one goes from there is the business of a [`SpanSink`].
//!
//! Every id is derived, none is drawn: handled again after a crash or in a replay, an event has the same span.

use flow::{Code, Id, Topology};

use crate::core::ids;
use crate::core::io::{Handled, Send, SpanId};
use crate::core::logic::Outcome;

/// What a span tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// An event was handled; its span ends with the commit.
    Process,
    /// An event was sent; its span ends with the commit, when it can be read.
    Send,
}

/// A finished span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub kind: SpanKind,
    pub trace_id: Id,
    pub span_id: SpanId,
    pub parent: Option<SpanId>,
    /// A span of another trace that led to this one.
    pub link: Option<(Id, SpanId)>,
    /// Empty for a timer.
    pub topic: &'static str,
    pub partition: u32,
    /// `None` for a timer and for what was sent: the broker decides.
    pub offset: Option<i64>,
    pub record: String,
    pub event_id: Id,
    /// Nil when the event belongs to no ticket.
    pub ticket_id: Id,
    /// The record's own timestamp, in milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    pub outcome: Result<Outcome, Code>,
    /// Microseconds since 1970-01-01 UTC.
    pub start_us: i64,
    pub end_us: i64,
}

/// Takes spans whose transaction is committed. It must not wait: this is the worker's own thread.
pub trait SpanSink: std::marker::Send {
    /// Takes all of `spans`.
    fn take(&mut self, spans: &mut Vec<Span>);
}

/// The spans of the open transaction.
pub struct Spans {
    /// `None`: nobody listens, and nothing is kept.
    sink: Option<Box<dyn SpanSink>>,
    /// Traces whose number lies below it are told of.
    below: u64,
    open: Vec<Span>,
    /// What was sent since the last event was dealt with: it led to these.
    sent: usize,
    began_us: i64,
}

impl std::fmt::Debug for Spans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spans").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl Spans {
    /// Spans of which nobody is told.
    pub fn none() -> Spans {
        Spans { sink: None, below: 0, open: Vec::new(), sent: 0, began_us: 0 }
    }

    /// `ratio`: the share of traces that is told of, 0 to 1. A trace is told of by every processor or by none.
    pub fn new(sink: Box<dyn SpanSink>, ratio: f64) -> Spans {
        let below = (ratio.clamp(0.0, 1.0) * u64::MAX as f64) as u64;
        Spans { sink: Some(sink), below, open: Vec::new(), sent: 0, began_us: 0 }
    }

    /// Whether anybody listens.
    pub fn are_wanted(&self) -> bool {
        self.sink.is_some()
    }

    fn wanted(&self, trace_id: &Id) -> bool {
        // Not the last bytes, by which others sample: in a UUID the first two bits of these are always the same.
        u64::from_be_bytes(ids::first_eight(trace_id)) <= self.below && self.below > 0
    }

    /// What is handled next begins now.
    pub(super) fn begin(&mut self, unix_us: impl FnOnce() -> i64) {
        if self.sink.is_some() {
            self.began_us = unix_us();
        }
    }

    /// An event is sent in the open transaction.
    pub(super) fn sent(&mut self, send: &Send) {
        if !self.wanted(&send.trace_id) {
            return;
        }
        self.sent += 1;
        self.open.push(Span {
            kind: SpanKind::Send,
            trace_id: send.trace_id,
            span_id: ids::first_eight(&send.meta.event_id),
            parent: None,
            link: None,
            topic: send.topic,
            partition: send.partition,
            offset: None,
            record: send.record.to_owned(),
            event_id: send.meta.event_id,
            ticket_id: send.meta.ticket_id,
            timestamp_ms: send.timestamp_ms,
            outcome: Ok(Outcome::Handled),
            start_us: self.began_us,
            end_us: 0,
        });
    }

    /// An event is dealt with; what was sent since the last one is what it led to.
    pub(super) fn handled(&mut self, handled: Handled, topology: &Topology) {
        let span_id = ids::span(handled.event_id, topology.name);
        let led_to = self.open.len() - std::mem::take(&mut self.sent);
        for span in &mut self.open[led_to..] {
            if span.trace_id == handled.trace_id {
                span.parent = Some(span_id);
            } else {
                span.link = Some((handled.trace_id, span_id));
            }
        }
        if !self.wanted(&handled.trace_id) {
            return;
        }
        self.open.push(Span {
            kind: SpanKind::Process,
            trace_id: handled.trace_id,
            span_id,
            parent: handled.parent,
            link: handled.link,
            topic: handled.input.and_then(|input| topology.inputs.get(input)).map_or("", |input| input.topic),
            partition: handled.task,
            offset: handled.input.is_some().then_some(handled.offset),
            record: handled.record,
            event_id: handled.event_id,
            ticket_id: handled.ticket_id,
            timestamp_ms: handled.timestamp_ms,
            outcome: handled.outcome,
            start_us: self.began_us,
            end_us: 0,
        });
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self, unix_us: impl FnOnce() -> i64) {
        if let Some(sink) = &mut self.sink {
            let end_us = unix_us();
            for span in &mut self.open {
                // A wall clock may go back.
                span.end_us = end_us.max(span.start_us);
            }
            sink.take(&mut self.open);
        }
        self.forget();
    }

    /// The transaction did not happen.
    pub(super) fn forget(&mut self) {
        self.open.clear();
        self.sent = 0;
    }
}
