//! Record headers. Ours have text for names and values, so that any Kafka tool shows them. A sender's are bytes: a name
//! need not be UTF-8, and a value may be missing.

use flow::Id;

/// A header in a buffer of somebody else: name, and value unless it is null.
pub type Header<'h> = (&'h [u8], Option<&'h [u8]>);

/// A header with its own memory.
pub type OwnedHeader = (Vec<u8>, Option<Vec<u8>>);

/// A header of ours.
pub fn owned(name: &str, value: impl Into<Vec<u8>>) -> OwnedHeader {
    (name.as_bytes().to_vec(), Some(value.into()))
}

/// Copies headers.
pub fn to_owned(all: &[Header<'_>]) -> Vec<OwnedHeader> {
    all.iter().map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect()
}

/// Lends headers.
pub fn lend(all: &[OwnedHeader]) -> impl DoubleEndedIterator<Item = Header<'_>> + ExactSizeIterator {
    all.iter().map(|(name, value)| (name.as_slice(), value.as_deref()))
}

/// The value of the first header of this name; `None` where there is none, or a null.
pub fn find<'h>(mut all: impl Iterator<Item = Header<'h>>, name: &str) -> Option<&'h [u8]> {
    all.find(|(known, _)| *known == name.as_bytes())?.1
}

/// The UUID that a header holds, when it does: headers are the sender's and may hold anything.
pub fn id<'h>(all: impl Iterator<Item = Header<'h>>, name: &str) -> Option<Id> {
    find(all, name).and_then(|value| std::str::from_utf8(value).ok()).and_then(Id::parse)
}

/// UUID of the event.
pub const EVENT_ID: &str = "event_id";
/// UUID of the ticket.
pub const TICKET_ID: &str = "ticket_id";
/// UUID of the event that led to this one.
pub const CAUSE: &str = "cause";
/// Milliseconds since 1970-01-01 UTC.
pub const OCCURRED_AT: &str = "occurred_at";
/// Name of the record.
pub const RECORD: &str = "record";
/// Semantic version of its schema.
pub const SCHEMA_VERSION: &str = "schema_version";
/// CRC-64-AVRO of its schema, 16 hex digits.
pub const FINGERPRINT: &str = "fingerprint";
/// Content hash, 16 hex digits.
pub const CONTENT: &str = "content";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// "true" on what a task sends while it follows its recorded order: its readers had it before.
pub const REPEAT: &str = "repeat";

/// Dead letters: the reject code.
pub const DLQ_CODE: &str = "dlq_code";
/// Dead letters: what was wrong.
pub const DLQ_DETAIL: &str = "dlq_detail";
/// Dead letters: the topic that the record came from.
pub const DLQ_TOPIC: &str = "dlq_topic";
/// Dead letters: its partition.
pub const DLQ_PARTITION: &str = "dlq_partition";
/// Dead letters: its offset.
pub const DLQ_OFFSET: &str = "dlq_offset";
/// Dead letters: "null" when the record had no value, to tell it from an empty one.
pub const DLQ_VALUE: &str = "dlq_value";
/// Dead letters: the record's own timestamp, milliseconds since 1970-01-01 UTC.
pub const DLQ_TIMESTAMP: &str = "dlq_timestamp";
/// Dead letters of timers: the time that the timer was due, milliseconds since 1970-01-01 UTC.
pub const DLQ_DUE: &str = "dlq_due";
/// Dead letters of timers: the timer's number and its subkey.
pub const DLQ_WAKE: &str = "dlq_wake";
/// Dead letters: how often the record was rejected, this time included.
pub const DLQ_ATTEMPT: &str = "dlq_attempt";
/// Dead letters: the record's offset when it was rejected for the first time.
pub const DLQ_FIRST_OFFSET: &str = "dlq_first_offset";
/// Dead letters: version of the build that rejected it.
pub const DLQ_CODE_VERSION: &str = "dlq_code_version";
/// Dead letters: "true" for a stub, which lacks the record's headers and all but the first bytes of key and value.
pub const DLQ_STUB: &str = "dlq_stub";
/// Stubs: bytes of the whole key.
pub const DLQ_KEY_BYTES: &str = "dlq_key_bytes";
/// Stubs: bytes of the whole value.
pub const DLQ_VALUE_BYTES: &str = "dlq_value_bytes";
/// Stubs: bytes of all names and values of the record's headers.
pub const DLQ_HEADERS_BYTES: &str = "dlq_headers_bytes";
/// Stubs: BLAKE3 of the whole value, 64 hex digits.
pub const DLQ_VALUE_BLAKE3: &str = "dlq_value_blake3";

/// The engine's own headers of dead letters.
const OF_LETTERS: [&str; 17] = [
    DLQ_CODE,
    DLQ_DETAIL,
    DLQ_TOPIC,
    DLQ_PARTITION,
    DLQ_OFFSET,
    DLQ_VALUE,
    DLQ_TIMESTAMP,
    DLQ_DUE,
    DLQ_WAKE,
    DLQ_ATTEMPT,
    DLQ_FIRST_OFFSET,
    DLQ_CODE_VERSION,
    DLQ_STUB,
    DLQ_KEY_BYTES,
    DLQ_VALUE_BYTES,
    DLQ_HEADERS_BYTES,
    DLQ_VALUE_BLAKE3,
];

/// Whether the engine alone says this in a dead letter. A sender's header of such a name is left out.
pub fn is_of_letters(name: &[u8]) -> bool {
    OF_LETTERS.iter().any(|known| known.as_bytes() == name)
}

/// Bytes of names and values, as a log counts them.
pub fn bytes<'h>(all: impl Iterator<Item = Header<'h>>) -> usize {
    all.map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum()
}

/// What the headers of an output come to, at most.
pub const OUTPUT_BYTES_MAX: usize = 512;
