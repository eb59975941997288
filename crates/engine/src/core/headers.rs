//! Names of record headers. Values are text, so that any Kafka tool shows them.

use flow::Id;

/// The UUID that a header holds, when it does: they are the sender's and may hold anything.
pub fn id<'h>(mut all: impl Iterator<Item = (&'h str, &'h [u8])>, name: &str) -> Option<Id> {
    let (_, value) = all.find(|(known, _)| *known == name)?;
    std::str::from_utf8(value).ok().and_then(Id::parse)
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
