//! What a client has to do besides reading the schemas: one text for every document.

use crate::Catalog;
use crate::catalog::Topic;

/// Kafka's own partitioner, as other tools call it.
pub const PARTITIONER: &str = "murmur2";

/// Headers of the records that processors write: name and what it holds.
pub const HEADERS: [(&str, &str); 9] = [
    ("event_id", "UUID of the event; the same each time it is derived from the same cause"),
    ("ticket_id", "UUID of the ticket"),
    ("cause", "UUID of the event that led to this one"),
    ("occurred_at", "Milliseconds since 1970-01-01 UTC"),
    ("record", "Name of the record"),
    ("schema_version", "Semantic version of its schema"),
    (
        "fingerprint",
        "CRC-64-AVRO of its schema, 16 hex digits; where a sender sets it, it must be that of the schema id's schema",
    ),
    ("content", "Content hash, 16 hex digits"),
    ("traceparent", "W3C trace context; processors follow a sender's"),
];

/// A rule for clients: what it is about, and the rule.
pub type Rule = (&'static str, String);

/// The rules of every flow on this engine, then those of this flow.
pub fn rules(catalog: &Catalog, own: &[(&'static str, &str)]) -> Vec<Rule> {
    let bytes = catalog.record_bytes_max;
    let mut rules: Vec<Rule> = [
        ("key", "The value of the field that the topic's entry names, in UTF-8. Any other key is a dead letter."),
        (
            "partition",
            "Kafka's own partitioner: murmur2 of the key's bytes, without the sign, modulo the topic's partitions. It is the \
             default of Java, franz-go and kafkajs 2. librdkafka and what is built on it (Python, C#, Go, Node.js, Ruby, \
             PHP) need partitioner=murmur2_random. A record in another partition is a dead letter (wrong-partition).",
        ),
        (
            "framing",
            "A zero byte, the schema id as 4 bytes in big endian, and one Avro datum with nothing behind it. A topic carries \
             several records: the schema id says which one it is.",
        ),
        (
            "schema id",
            "With a registry its id for the subject <topic>-<full name of the record> (TopicRecordNameStrategy). Where the \
             flow runs without one, the local id that stands beside each record here, as in schemas/released/local.lock.json.",
        ),
        (
            "schemas",
            "Each released schema is complete in itself and is parsed alone: Meta is defined in each of them, and one set of \
             names for several would refuse the second definition.",
        ),
        (
            "headers",
            "None is required. Names that begin with dlq_ belong to the engine. Names are UTF-8.",
        ),
        (
            "meta",
            "Of a command: event_id random; ticket_id the ticket, or 16 zero bytes; cause 16 zero bytes; occurred_at now; \
             schema_version the version of the schema that it was written with. Where a topic's entry names no other fields, \
             event_id is what a repetition is recognised by: the same in each repetition, and never all zero.",
        ),
        (
            "time",
            "The record's timestamp is the sender's (CreateTime): at most 1 hour ahead of the processor's clock (time-ahead), \
             and not older than the window of the processor that reads it (too-old).",
        ),
        (
            "repetition",
            "A record that may not have arrived is sent again. With the same identity and the same content it takes effect \
             once. An idempotent producer made of librdkafka keeps one batch in flight \
             (max.in.flight.requests.per.connection=1).",
        ),
        (
            "reading",
            "isolation.level=read_committed. The schema id in front of a value names the schema that it was written with. An \
             event that comes again has the same meta.event_id. A new version adds fields with defaults, records and enum \
             symbols: a reader leaves out what it does not know.",
        ),
    ]
    .map(|(about, rule)| (about, rule.to_owned()))
    .into();
    rules.push(("size", format!("Key and value together at most {bytes} bytes, uncompressed (too-large).")));
    rules.extend(own.iter().map(|(about, rule)| (*about, (*rule).to_owned())));
    rules
}

/// Text in Markdown, which would take `<` for markup.
pub fn prose(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// By what a processor recognises a repetition on a topic, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub processor: String,
    pub fields: Vec<String>,
    pub window_ms: i64,
}

/// One entry per processor that reads the topic; none for a compacted one, which is idempotent by key.
pub fn identities(catalog: &Catalog, topic: &Topic) -> Vec<Identity> {
    if topic.compacted {
        return Vec::new();
    }
    let event_id = || vec!["meta.event_id".to_owned()];
    let readers = catalog.readers(&topic.name).into_iter();
    let identity = |processor: &crate::catalog::Processor| {
        let by = processor.by.iter().find(|(name, _)| *name == topic.name);
        Identity {
            processor: processor.name.clone(),
            fields: by.map_or_else(event_id, |(_, fields)| fields.clone()),
            window_ms: processor.window_ms,
        }
    };
    readers.map(identity).collect()
}
