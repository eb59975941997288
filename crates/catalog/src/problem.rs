//! What can be wrong with topics.yaml and schemas/: one rule per code, each with its reason and the next step.

use std::fmt;

/// One finding: a rule that a file breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: String,
    /// Line from 1; 0 when it is not known.
    pub line: u64,
    /// Column from 1; 0 when it is not known.
    pub column: u64,
    pub rule: Rule,
    /// The object, its kind and what is wrong with it.
    pub what: String,
}

impl Problem {
    /// A finding in a file, without a place.
    pub fn new(rule: Rule, file: impl Into<String>, what: impl Into<String>) -> Self {
        Problem { file: file.into(), line: 0, column: 0, rule, what: what.into() }
    }

    /// The same finding at a line and column.
    pub fn at(mut self, line: u64, column: u64) -> Self {
        (self.line, self.column) = (line, column);
        self
    }
}

impl std::error::Error for Problem {}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is generated or run before it is corrected.
    Error,
    /// Worth a look; `--strict` makes it an error.
    Warning,
}

impl Level {
    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }
}

impl Rule {
    /// What a breach means.
    pub fn level(self) -> Level {
        if self == Rule::ReaderMissing { Level::Warning } else { Level::Error }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        writeln!(f, ": {}[{}]: {}", self.rule.level().as_str(), self.rule, self.what)?;
        writeln!(f, "  why: {}", self.rule.why())?;
        write!(f, "  hint: {}", self.rule.hint())
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $why:literal, $hint:literal;)*) => {
        /// Every rule that topics.yaml and schemas/ obey.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $($(#[$doc])* $name,)* }

        impl Rule {
            /// All rules, in the order of this file.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];

            /// The code as it is printed.
            pub fn code(self) -> &'static str {
                match self { $(Rule::$name => $code,)* }
            }

            /// The reason for the rule.
            pub fn why(self) -> &'static str {
                match self { $(Rule::$name => $why,)* }
            }

            /// What to do about a breach.
            pub fn hint(self) -> &'static str {
                match self { $(Rule::$name => $hint,)* }
            }
        }
    };
}

rules! {
    /// topics.yaml does not parse, or has a field that nobody reads.
    MapInvalid = "map-invalid", "a field that nobody reads is a typing error", "correct it as the message says";
    /// A file cannot be read or written.
    FileUnreadable = "file-unreadable", "the contract is made of all of its files", "check the path and its rights";
    /// A schema file does not parse.
    SchemaInvalid = "schema-invalid", "every file is one Avro record in JSON", "correct it as the message says";
    /// A type that the generator does not know.
    TypeUnsupported = "type-unsupported", "the Rust types cover what the contract needs and no more", "use boolean, int, long, float, double, string, an enum, a record, fixed 16 with logicalType uuid, an array or a union of null and one of them";
    /// A name that no file defines.
    ReferenceUnknown = "reference-unknown", "a record must be whole in itself", "write the full name, with its namespace, of a type that a file in schemas/ defines";
    /// One name, two definitions.
    NameTaken = "name-taken", "one name means one thing, in Avro and in Rust", "rename one of the two";
    /// No semantic version.
    VersionMissing = "version-missing", "released schemas are kept by record and version", "add \"version\": \"1.0.0\"";
    /// An enum that cannot grow.
    EnumDefault = "enum-default", "a reader maps a symbol that it does not know to the default", "add \"default\" with one of the symbols";
    /// A default that does not fit its type.
    DefaultInvalid = "default-invalid", "readers fill a field that a writer did not know with its default", "use null, a boolean, a number, a string, an enum symbol or [], as the type says";
    /// A wire record without meta in front.
    MetaFirst = "meta-first", "dedup and tracing read meta before they know the record", "make {\"name\": \"meta\", \"type\": \"orderflow.Meta\"} the first field";
    /// Meta has other fields than flow::Meta.
    MetaFields = "meta-fields", "the engine fills exactly these fields", "event_id, ticket_id, cause: Uuid; occurred_at: timestamp-millis; schema_version: string";
    /// A schema that nothing uses.
    SchemaUnused = "schema-unused", "what nobody reads rots", "list the record under a topic in topics.yaml, or delete the file";
    /// State and wire share a type.
    StateShared = "state-shared", "what a processor remembers must be free to change without its readers", "give the state a type of its own in schemas/state/";
    /// A topic lists a record that no file defines.
    RecordUnknown = "record-unknown", "a topic carries records that schemas/ defines", "add the file to schemas/, or correct the name";
    /// One record on two topics.
    RecordTwice = "record-twice", "a record has one owner, one key and one meaning", "give the second topic a record of its own";
    /// The key field is missing or no string.
    KeyMissing = "key-missing", "the key decides the partition, and so who may decide", "add the field as a string to the record, or correct key:";
    /// A topic that topics.yaml does not declare.
    TopicUnknown = "topic-unknown", "a topic has an owner, a key and records before somebody uses it", "declare the topic in topics.yaml, or correct the name";
    /// A topic name without major version.
    TopicName = "topic-name", "a breaking change begins a new topic", "name it <plural-noun>.v<major>, lower case with hyphens";
    /// A processor, table or wake that is not a good name.
    NameInvalid = "name-invalid", "one name serves as folder, group, label and Rust module", "processors: lower case with hyphens; tables and wakes: snake_case";
    /// Inputs that cannot be processed together.
    PartitionsDiffer = "partitions-differ", "a task is one partition number of all inputs", "give the inputs the same number of partitions, and a fact of the same key in each";
    /// A fact topic has not exactly one writer.
    WriterCount = "writer-count", "facts have one writer, which is the owner", "send a request to the owner, and let the owner state the fact";
    /// A processor reads or writes a topic in a role it does not have.
    RoleInvalid = "role-invalid", "inputs come from topics; answers go to reply topics by replies:", "list reply records under replies: and other topics under in: and out:";
    /// A reply that no reply topic carries.
    ReplyUnlisted = "reply-unlisted", "answers go to topics of kind reply", "list the record under a topic with kind: reply";
    /// A state file that does not exist.
    StateUnknown = "state-unknown", "state has a schema, so that it can be read after a change", "add the file below schemas/, or correct the path";
    /// dedup.by names what is not there.
    DedupBy = "dedup-by", "duplicates are found within a key: the identity is made of strings and contains the key field", "name a topic of in:, string fields of all its records, and its key among them";
    /// A topic that a processor owns and nobody writes.
    WriterMissing = "writer-missing", "a topic without writer is never anything but empty", "list the topic under out: (a reply's record under replies:) of the processor that writes it, or name an owner outside";
    /// A topic that nobody reads.
    ReaderMissing = "reader-missing", "what nobody reads is written in vain, or its reader is not known when it changes", "list the topic under in: of a processor, or name who reads it outside under readers:";
    /// A topic that forgets sooner than its reader.
    RetentionShort = "retention-short", "a record that waits for its reader until retention removes it is lost, and a replay cannot reach back as far as duplicates are known", "keep the topic at least as long as the dedup window: retention:, or a shorter dedup.window";
    /// Compaction without a key to compact by.
    CompactedKey = "compacted-key", "compaction keeps the last record of each key, and brokers refuse records without one", "name the field under key:, or leave out compacted:";
    /// An owner or a reader that is nearly a processor.
    ProcessorUnknown = "processor-unknown", "a misspelt processor would count as somebody outside", "correct the name, or choose one that is less like a processor's";
    /// A length of time or a number out of bounds.
    ValueInvalid = "value-invalid", "limits are set on purpose", "lengths of time: a number and one of ms, s, m, h, d; numbers: at least 1";
    /// A released schema was changed.
    ReleasedChanged = "released-changed", "records written with it are still in topics and stores", "bump \"version\"";
    /// schemas/released does not agree with itself.
    ReleasedBroken = "released-broken", "local schema ids are in stored records and may only be appended", "restore schemas/released from git; only `make contract` writes there";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
