//! A processor between its topics, without an engine: one record or timer at a time, everything in memory.

use std::collections::{BTreeMap, BTreeSet};

use contract::testing::MemoryState;
use flow::{Codec, Event, Handled, Id, Meta, Processor, Seen};

/// The handler of a processor: a plain function.
pub type Handle<P> = for<'a, 'r, 's> fn(Event<'a, P>, &'r <P as Processor>::State<'s>) -> Handled<'a, P>;

/// Whoever looks at what a processor sends.
pub trait Watch<P: Processor> {
    /// A record for a topic.
    fn sent(&mut self, out: &P::Out<'_>);
    /// A record for a reply topic.
    fn replied(&mut self, reply: &P::Reply<'_>);
}

/// A record on a topic.
#[derive(Debug, Clone)]
pub struct Record {
    pub topic: &'static str,
    pub key: String,
    name: &'static str,
    id: Id,
    fingerprint: u64,
    body: Vec<u8>,
}

/// A timer that is set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    pub due_ms: i64,
    kind: u8,
    key: String,
    sub: String,
}

/// A processor with all of its state.
pub struct Room<P: Codec> {
    pub states: BTreeMap<String, MemoryState>,
    pub timers: BTreeSet<Timer>,
    handle: Handle<P>,
    schemas: BTreeMap<u64, P::Schema>,
    /// Every event id that it gave away; the engine downstream would take a second one for a duplicate.
    ids: BTreeSet<Id>,
}

impl<P: Codec> Room<P> {
    pub fn new(handle: Handle<P>) -> Self {
        let (states, timers, schemas, ids) = Default::default();
        Room { states, timers, handle, schemas, ids }
    }

    /// Handles a record as it stands on a topic.
    pub fn take(&mut self, record: &Record, time_ms: i64, watch: &mut impl Watch<P>) -> Vec<Record> {
        let input = P::TOPOLOGY.inputs.iter().position(|input| input.topic == record.topic).unwrap();
        let schema = self.schemas.entry(record.fingerprint).or_insert_with(|| {
            let released = contract::RELEASED.iter().find(|released| released.fingerprint == record.fingerprint);
            P::schema(released.unwrap().text).unwrap()
        });
        let decoded = P::decode(input, record.name, schema, &record.body).unwrap();
        assert_eq!((&*decoded.key, decoded.meta.event_id), (&*record.key, record.id));
        let event = Event { key: &record.key, meta: decoded.meta, time_ms, seen: Seen::New, input: decoded.input };
        self.call(event, watch)
    }

    /// Lets a timer fire.
    pub fn fire(&mut self, timer: &Timer, watch: &mut impl Watch<P>) -> Vec<Record> {
        assert!(self.timers.remove(timer));
        let Timer { due_ms, kind, key, sub } = timer;
        let event_id = id("timer", &format!("{due_ms}/{kind}/{key}/{sub}"));
        let meta = Meta { event_id, ..Meta::default() };
        let input = P::wake(*kind, sub).unwrap();
        self.call(Event { key, meta, time_ms: *due_ms, seen: Seen::New, input }, watch)
    }

    /// Handles an event, whose event id is the cause of what follows.
    pub fn call(&mut self, event: Event<'_, P>, watch: &mut impl Watch<P>) -> Vec<Record> {
        let (key, meta, seen) = (event.key, event.meta, event.seen);
        let state = self.states.entry(key.to_owned()).or_default();
        let effects = (self.handle)(event, &state.of::<P>()).unwrap();
        assert_eq!(state.unreadable(), Vec::<String>::new());
        state.apply::<P>(&effects.changes).unwrap();
        for set in effects.wakes {
            let (due_ms, kind) = (set.at_ms, P::wake_kind(set.wake));
            let timer = Timer { due_ms, kind, key: key.to_owned(), sub: set.sub };
            if set.cancel {
                self.timers.remove(&timer)
            } else {
                self.timers.insert(timer)
            };
        }
        for (_, reply) in &effects.replies {
            watch.replied(&reply.record);
        }
        assert!(seen == Seen::New || effects.emits.is_empty(), "a duplicate starts something");
        let mut records = Vec::new();
        for emit in &effects.emits {
            watch.sent(&emit.record);
            let (output, name, key) = P::route(&emit.record);
            let topic = P::TOPOLOGY.outputs[output].name;
            let event_id = self.fresh_id(meta.event_id, &format!("{topic}/{name}/{key}"), &records);
            let ticket_id = emit.ticket.unwrap_or(meta.ticket_id);
            let meta = Meta { event_id, ticket_id, cause: meta.event_id, ..Meta::default() };
            let mut body = Vec::new();
            let fingerprint = P::encode(&emit.record, &meta, &mut body).unwrap().fingerprint;
            records.push(Record { topic, key: key.to_owned(), name, id: event_id, fingerprint, body });
        }
        records
    }

    /// As the engine does it: equal outputs of one event are told apart by a number, those of two events are not.
    fn fresh_id(&mut self, cause: Id, what: &str, before: &[Record]) -> Id {
        let ids = (0..).map(|ordinal| id(&cause.to_string(), &format!("{what}/{ordinal}")));
        let fresh = ids.into_iter().find(|id| before.iter().all(|record| record.id != *id)).unwrap();
        assert!(self.ids.insert(fresh), "a second {what} of cause {cause}");
        fresh
    }
}

/// An id made of two texts.
pub fn id(one: &str, other: &str) -> Id {
    Id::parse(&contract::ticket_id(one, other)).unwrap()
}
