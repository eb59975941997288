//! The words of an order flow: what a processor is given, what it may answer, and nothing that does I/O.
//!
//! Architecture Invariant: this crate has no dependencies, reads no clock, no file and no environment. Whatever a
//! processor can name comes from here or from the generated `contract`.

mod effects;
mod event;
mod id;
mod reject;
mod state;
mod topology;

pub use effects::{Effects, Emit, Handled, SetWake};
pub use event::{Event, Meta, Seen};
pub use id::Id;
pub use reject::{Code, Reject};
pub use state::StateRead;
pub use topology::{Duplicates, Input, Topic, Topology};

/// A processor's types, generated from topics.yaml and schemas/: what it may read, remember and write.
///
/// The trait is never written by hand. Its associated types make a wrong output, a missing input arm or another
/// processor's topic a compile error.
pub trait Processor: Sized + Send + 'static {
    /// Topics, partitions, tables and windows as topics.yaml declares them.
    const TOPOLOGY: &'static Topology;
    /// One variant per input record, tombstone and wake.
    type In<'a>;
    /// One variant per record of the topics that this processor owns or may write to.
    type Out<'a>;
    /// One variant per record that may go to a reply topic.
    type Reply<'a>;
    /// Typed reads of the state below the event's key.
    type State<'s>;
    /// Typed writes of the state below the event's key.
    type Change;
    /// The names of this processor's timers.
    type Wake: Copy;
}

/// What goes wrong between bytes and types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError(pub String);

/// A decoded input: the meta that every record begins with, and the body as the processor's type.
pub struct Decoded<'a, P: Processor> {
    pub meta: Meta,
    /// The value of the field that topics.yaml names as the record's key.
    pub key: std::borrow::Cow<'a, str>,
    /// The fields of `dedup.by`, when topics.yaml names some for this topic, joined by NUL; else `None` and the
    /// record is known by `meta.event_id`.
    pub identity: Option<String>,
    /// Hash of the canonical field values, without meta and without fields at their default.
    pub content: u64,
    pub input: P::In<'a>,
}

/// An encoded output, without the wire framing, which needs a registry id and is the engine's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Name of the record, as in its schema.
    pub record: &'static str,
    /// Semantic version of the schema it was written with.
    pub version: &'static str,
    /// CRC-64-AVRO fingerprint (Avro specification, "Schema Fingerprints") of that schema.
    pub fingerprint: u64,
    /// Hash of the canonical field values, as in [`Decoded::content`].
    pub content: u64,
}

/// Bytes to types and back, generated together with [`Processor`]. Only the engine calls it.
pub trait Codec: Processor {
    /// A parsed writer schema, ready to decode with.
    type Schema: Send + 'static;

    /// Parses a writer schema (self-contained Avro JSON).
    fn schema(text: &str) -> Result<Self::Schema, CodecError>;

    /// Decodes `body` (an Avro datum, framing removed) of the named record on input number `input`. Fails when the
    /// record is not one that topics.yaml lists for the topic, when a field is missing, or when bytes are left over.
    fn decode<'a>(
        input: usize,
        record: &str,
        schema: &Self::Schema,
        body: &'a [u8],
    ) -> Result<Decoded<'a, Self>, CodecError>;

    /// The input for a null value, where topics.yaml says that the topic is compacted.
    fn tombstone<'a>(input: usize) -> Option<Self::In<'a>>;

    /// The input for a timer that fired; `None` when this build knows no timer of that number.
    fn wake<'a>(kind: u8, sub: &'a str) -> Option<Self::In<'a>>;

    /// A timer's stable number.
    fn wake_kind(wake: Self::Wake) -> u8;

    /// The index in `TOPOLOGY.outputs`, the name and the key of an output.
    fn route<'o>(out: &'o Self::Out<'_>) -> (usize, &'static str, &'o str);

    /// Appends meta and body to `buffer`.
    fn encode(out: &Self::Out<'_>, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError>;

    /// The name and the key of a reply.
    fn route_reply<'o>(reply: &'o Self::Reply<'_>) -> (&'static str, &'o str);

    /// Appends meta and body to `buffer`.
    fn encode_reply(reply: &Self::Reply<'_>, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError>;

    /// Table number, subkey and new value (`None` deletes) of a state change. The value begins with the 8-byte
    /// little-endian fingerprint of its schema.
    #[expect(clippy::type_complexity, reason = "three values of one answer, used in one place")]
    fn change(change: &Self::Change) -> Result<(u8, &[u8], Option<Vec<u8>>), CodecError>;

    /// Typed access to the state of one key.
    fn state(read: &dyn StateRead) -> Self::State<'_>;
}
