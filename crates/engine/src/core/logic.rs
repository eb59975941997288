//! A processor without its types: bytes in, effects as bytes out. The one place where the engine meets a handler.

use std::collections::HashMap;

use flow::Code;
use flow::{Codec, Decoded, Effects, Event, Handled, Id, Meta, Reject, Seen, StateRead, Topology};

use super::ids;
use super::io::{Target, WriterSchema};

/// An input as the core hands it on.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    Record { input: usize, key: &'a str, schema: &'a WriterSchema, body: &'a [u8], time_ms: i64 },
    Tombstone { input: usize, key: &'a str, id: Id, time_ms: i64 },
    Wake { key: &'a str, due_ms: i64, kind: u8, sub: &'a str },
}

/// An output, complete but for the registry id in bytes 1..5.
#[derive(Debug, Clone)]
pub struct RawSend {
    pub target: Target,
    pub key: String,
    pub value: Vec<u8>,
    pub meta: Meta,
    pub record: &'static str,
    pub version: &'static str,
    pub fingerprint: u64,
    pub content: u64,
}

/// A timer change.
#[derive(Debug, Clone)]
pub struct RawWake {
    pub at_ms: i64,
    pub kind: u8,
    pub sub: String,
    pub cancel: bool,
}

/// All effects of one event. Reused, so that the hot path keeps its buffers.
#[derive(Debug, Default)]
pub struct RawEffects {
    pub sends: Vec<RawSend>,
    pub changes: Vec<(u8, Vec<u8>, Option<Vec<u8>>)>,
    pub wakes: Vec<RawWake>,
    /// Identity and content to remember in the dedup window, when the event was new.
    pub fresh: Option<(Id, u64)>,
    /// Cause and ticket of whatever the event leads to, once they are known.
    pub lineage: Option<(Id, Id)>,
}

impl RawEffects {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.sends.clear();
        self.changes.clear();
        self.wakes.clear();
        self.fresh = None;
        self.lineage = None;
    }
}

/// What became of an event that was not rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Handled,
    /// The same identity and content as before; nothing is to happen.
    Duplicate,
}

/// A processor behind bytes. One per worker, as it keeps parsed schemas.
pub trait Logic: Send {
    /// The processor's map.
    fn topology(&self) -> &'static Topology;

    /// Decodes, asks `seen` for the dedup verdict, calls the handler and encodes its effects into `out`.
    fn process(
        &mut self,
        given: Given<'_>,
        seen: &mut dyn FnMut(Id, u64) -> Seen,
        state: &dyn StateRead,
        out: &mut RawEffects,
    ) -> Result<Outcome, Reject>;
}

/// The handler of a processor: a plain function that captures nothing.
pub type Handle<P> = for<'a, 'r, 's> fn(Event<'a, P>, &'r <P as flow::Processor>::State<'s>) -> Handled<'a, P>;

struct Erased<P: Codec> {
    handle: Handle<P>,
    schemas: HashMap<u64, P::Schema>,
}

/// Puts a processor behind bytes.
pub fn erase<P: Codec>(handle: Handle<P>) -> Box<dyn Logic> {
    Box::new(Erased::<P> { handle, schemas: HashMap::new() })
}

/// What an event's outputs inherit from it.
struct Lineage {
    cause: Id,
    ticket: Id,
    time_ms: i64,
}

impl<P: Codec> Logic for Erased<P> {
    fn topology(&self) -> &'static Topology {
        P::TOPOLOGY
    }

    fn process(
        &mut self,
        given: Given<'_>,
        seen: &mut dyn FnMut(Id, u64) -> Seen,
        state: &dyn StateRead,
        out: &mut RawEffects,
    ) -> Result<Outcome, Reject> {
        match given {
            Given::Record { input, key, schema, body, time_ms } => {
                let decoded = decode::<P>(&mut self.schemas, input, schema, body)?;
                self.record(input, key, (&schema.record, decoded), time_ms, seen, state, out)
            }
            Given::Tombstone { input, key, id, time_ms } => {
                let topic = P::TOPOLOGY.inputs[input].topic;
                let missing = || Reject::new(Code::ValueMissing, format!("topic \"{topic}\" is not compacted"));
                let input = P::tombstone(input).ok_or_else(missing)?;
                let meta = Meta { event_id: id, occurred_at: time_ms, ..Meta::default() };
                self.call(Event { key, meta, time_ms, seen: Seen::New, input }, id, state, out)
            }
            Given::Wake { key, due_ms, kind, sub } => {
                let unknown = || Reject::new(Code::Invalid, format!("this build knows no timer {kind}"));
                let input = P::wake(kind, sub).ok_or_else(unknown)?;
                let id = ids::wake(P::TOPOLOGY.name, key, due_ms, kind, sub);
                let meta = Meta { event_id: id, occurred_at: due_ms, ..Meta::default() };
                self.call(Event { key, meta, time_ms: due_ms, seen: Seen::New, input }, id, state, out)
            }
        }
    }
}

fn decode<'a, P: Codec>(
    schemas: &mut HashMap<u64, P::Schema>,
    input: usize,
    schema: &WriterSchema,
    body: &'a [u8],
) -> Result<Decoded<'a, P>, Reject> {
    let known = &P::TOPOLOGY.inputs[input];
    if !known.records.contains(&schema.record.as_str()) {
        let detail = format!("topic \"{}\" has no record \"{}\"", known.topic, schema.record);
        return Err(Reject::new(Code::RecordUnexpected, detail));
    }
    // The codec names the record.
    let bad = |error: flow::CodecError| Reject::new(Code::Undecodable, error.0);
    let parsed = match schemas.entry(schema.fingerprint) {
        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::hash_map::Entry::Vacant(entry) => entry.insert(P::schema(&schema.text).map_err(bad)?),
    };
    P::decode(input, &schema.record, parsed, body).map_err(bad)
}

impl<P: Codec> Erased<P> {
    #[expect(clippy::too_many_arguments, reason = "one call, kept beside its caller")]
    fn record<'a>(
        &self,
        input: usize,
        key: &'a str,
        (record, decoded): (&str, Decoded<'a, P>),
        time_ms: i64,
        seen: &mut dyn FnMut(Id, u64) -> Seen,
        state: &dyn StateRead,
        out: &mut RawEffects,
    ) -> Result<Outcome, Reject> {
        let known = &P::TOPOLOGY.inputs[input];
        if decoded.key != key {
            let detail = format!("key \"{key}\", but the record says \"{}\"", decoded.key);
            return Err(Reject::new(Code::KeyMismatch, detail));
        }
        let id = match &decoded.identity {
            Some(fields) => ids::identity(known.topic, record, fields),
            None if decoded.meta.event_id == Id::NIL => {
                return Err(Reject::new(Code::Undecodable, "meta.event_id is all zero"));
            }
            None => decoded.meta.event_id,
        };
        out.lineage = Some((id, decoded.meta.ticket_id));
        let verdict = if known.compacted { Seen::New } else { seen(id, decoded.content) };
        let mut cause = id;
        match (verdict, known.duplicates) {
            (Seen::New, _) if known.compacted => {}
            (Seen::New, _) => out.fresh = Some((id, decoded.content)),
            (Seen::Duplicate, flow::Duplicates::Drop | flow::Duplicates::Refuse) => return Ok(Outcome::Duplicate),
            (Seen::Conflict, flow::Duplicates::Drop) => {
                let detail = format!("event {id} came before with other content");
                return Err(Reject::new(Code::Conflict, detail));
            }
            (Seen::Duplicate, flow::Duplicates::Answer) => {}
            (Seen::Conflict, flow::Duplicates::Answer | flow::Duplicates::Refuse) => {
                cause = ids::conflict(id, decoded.content)
            }
        }
        let event = Event { key, meta: decoded.meta, time_ms, seen: verdict, input: decoded.input };
        self.call(event, cause, state, out)
    }

    fn call<'a>(
        &self,
        event: Event<'a, P>,
        cause: Id,
        state: &dyn StateRead,
        out: &mut RawEffects,
    ) -> Result<Outcome, Reject> {
        out.lineage = Some((cause, event.meta.ticket_id));
        let lineage = Lineage { cause, ticket: event.meta.ticket_id, time_ms: event.time_ms };
        let effects = (self.handle)(event, &P::state(state))?;
        self.encode(effects, &lineage, out)?;
        Ok(Outcome::Handled)
    }

    fn encode(&self, effects: Effects<'_, P>, lineage: &Lineage, out: &mut RawEffects) -> Result<(), Reject> {
        let bug = |error: flow::CodecError| Reject::new(Code::Bug, format!("cannot encode an effect: {}", error.0));
        for emit in &effects.emits {
            let (output, record, key) = P::route(&emit.record);
            let topic = P::TOPOLOGY.outputs[output].name;
            let meta =
                meta(lineage, emit.ticket, P::TOPOLOGY.name, (Target::Output(output), topic), record, key, &out.sends);
            let mut value = frame();
            let encoded = P::encode(&emit.record, &meta, &mut value).map_err(bad_output)?;
            out.sends.push(raw(Target::Output(output), key, value, meta, encoded));
        }
        for (to, emit) in &effects.replies {
            let Some(reply) = P::TOPOLOGY.replies.iter().position(|topic| topic.name == to.as_ref()) else {
                return Err(Reject::new(Code::ReplyTopicUnknown, format!("reply topic \"{to}\"")));
            };
            let (record, key) = P::route_reply(&emit.record);
            let meta = meta(
                lineage,
                emit.ticket,
                P::TOPOLOGY.name,
                (Target::Reply(reply), to.as_ref()),
                record,
                key,
                &out.sends,
            );
            let mut value = frame();
            let encoded = P::encode_reply(&emit.record, &meta, &mut value).map_err(bad_output)?;
            out.sends.push(raw(Target::Reply(reply), key, value, meta, encoded));
        }
        for change in &effects.changes {
            let (table, sub, value) = P::change(change).map_err(bug)?;
            out.changes.push((table, sub.to_vec(), value));
        }
        out.wakes.extend(effects.wakes.into_iter().map(|set| RawWake {
            at_ms: set.at_ms,
            kind: P::wake_kind(set.wake),
            sub: set.sub,
            cancel: set.cancel,
        }));
        Ok(())
    }
}

fn bad_output(error: flow::CodecError) -> Reject {
    Reject::new(Code::Bug, format!("cannot encode: {}", error.0))
}

/// Magic 0 and four bytes for the registry id, which the worker fills in.
fn frame() -> Vec<u8> {
    let mut value = Vec::with_capacity(256);
    value.extend([0u8; 5]);
    value
}

fn meta(
    lineage: &Lineage,
    ticket: Option<Id>,
    processor: &str,
    (target, topic): (Target, &str),
    record: &str,
    key: &str,
    before: &[RawSend],
) -> Meta {
    let alike = |send: &&RawSend| send.target == target && send.record == record && send.key == key;
    let ordinal = before.iter().filter(alike).count() as u32;
    let event_id = ids::output(lineage.cause, processor, topic, record, key, ordinal);
    Meta { event_id, ticket_id: ticket.unwrap_or(lineage.ticket), cause: lineage.cause, occurred_at: lineage.time_ms }
}

fn raw(target: Target, key: &str, value: Vec<u8>, meta: Meta, encoded: flow::Encoded) -> RawSend {
    RawSend {
        target,
        key: key.to_owned(),
        value,
        meta,
        record: encoded.record,
        version: encoded.version,
        fingerprint: encoded.fingerprint,
        content: encoded.content,
    }
}
