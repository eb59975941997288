//! Rejections: an input that can never be handled as it is goes to the dead letters under one of these codes.

use std::fmt;

/// Why the input was rejected, and what may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    pub code: Code,
    /// What was wrong, with the offending values.
    pub detail: String,
}

impl Reject {
    /// A rejection; all other effects of the event are undone.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Reject { code, detail: detail.into() }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $hint:literal;)*) => {
        /// Every code a dead letter can carry; each has a page `docs/rejects/<code>.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, in the order of this file.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as it stands in headers, metrics and page names.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The next step for whoever finds the dead letter.
            pub fn hint(self) -> &'static str {
                match self { $(Code::$name => $hint,)* }
            }

            /// Reads a code back from a header.
            pub fn parse(text: &str) -> Option<Code> {
                match text { $($text => Some(Code::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// Not Confluent framing, or not decodable with the schema that the framing names.
    Undecodable = "undecodable", "find the sender by the dead letter's headers; the bytes are kept as they came";
    /// The schema id is framed correctly but the registry itself says that it has no such schema.
    SchemaUnknown = "schema-unknown", "register the schema, then redrive";
    /// The schema behind the id is not the one that the fingerprint header names.
    SchemaMismatch = "schema-mismatch", "the sender used the id of another registry; send again with this registry's id";
    /// A record that topics.yaml does not list for this topic.
    RecordUnexpected = "record-unexpected", "list the record under its topic in topics.yaml, or send it to its own topic";
    /// A null value on a topic that is not compacted.
    ValueMissing = "value-missing", "only compacted topics have tombstones; send a record that says what happened";
    /// The Kafka key is not the value of the field that topics.yaml names as key.
    KeyMismatch = "key-mismatch", "key the record by the field that topics.yaml names, or it lands in a foreign partition";
    /// The record lies in a partition that its key does not belong to.
    WrongPartition = "wrong-partition", "set the sender's partitioner to murmur2 (librdkafka: partitioner=murmur2_random), then send the record again";
    /// The input is above the record size limit.
    TooLarge = "too-large", "send a reference in place of the content, or raise limits.record_bytes";
    /// Handling it would send a record above the size limit.
    OutputTooLarge = "output-too-large", "split the command, or raise limits.record_bytes";
    /// The broker refused a record that handling this input sends.
    OutputRefused = "output-refused", "the broker's reason is in the detail; fix topic or limits, then redrive";
    /// The timestamp lies before the dedup window: whether it is a duplicate can no longer be known.
    TooOld = "too-old", "send it again under a new identity if it never took effect";
    /// The timestamp lies more than an hour in the future.
    TimeAhead = "time-ahead", "set the sender's clock, then send it again";
    /// The same identity arrived before with other content.
    Conflict = "conflict", "send a correction under a new identity";
    /// The reply topic is not declared in topics.yaml.
    ReplyTopicUnknown = "reply-topic-unknown", "declare the topic with kind: reply in topics.yaml";
    /// The processor says that the content is invalid.
    Invalid = "invalid", "the detail names the field; send a correct record";
    /// The handler panicked: a bug of ours.
    Bug = "bug", "report it with the dead letter; redrive after the fix";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
