//! What a review says: each changed record, what was found, and what to do about it.

use serde::Serialize;

/// The whole answer; serialised, it is the output of `--format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Review {
    /// What the contract was compared with.
    pub against: String,
    /// The worst level of all findings; nothing when there is none.
    pub verdict: Option<Level>,
    /// Records that were added, changed or removed, by name.
    pub records: Vec<RecordReview>,
    /// By level, file and line.
    pub findings: Vec<Finding>,
}

impl Review {
    /// Whether something breaks.
    pub fn breaks(&self) -> bool {
        self.verdict == Some(Level::Error)
    }

    /// How many findings have a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// The findings about a record.
    pub fn of<'r>(&'r self, record: &'r str) -> impl Iterator<Item = &'r Finding> {
        self.findings.iter().filter(move |finding| finding.records.iter().any(|other| other == record))
    }
}

/// How bad a finding is. Errors break somebody; warnings need a decision; notes are good to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Note,
    Warning,
    Error,
}

impl Level {
    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Added,
    Changed,
    Removed,
}

impl Fate {
    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Added => "added",
            Fate::Changed => "changed",
            Fate::Removed => "removed",
        }
    }
}

/// A step of a semantic version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bump {
    None,
    /// Words only.
    Patch,
    /// Another shape that all readers can read.
    Minor,
    /// Some reader cannot read it.
    Major,
}

impl Bump {
    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Bump::None => "none",
            Bump::Patch => "patch",
            Bump::Minor => "minor",
            Bump::Major => "major",
        }
    }
}

/// Who has to be deployed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Any,
    ReadersFirst,
    /// And the readers only when the old data are gone.
    WritersFirst,
    /// No order helps: a new record on a new major version of the topic.
    NewTopic,
}

impl Order {
    /// The words that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Order::Any => "any order",
            Order::ReadersFirst => "readers first",
            Order::WritersFirst => "writers first",
            Order::NewTopic => "not possible without a new major version of the topic",
        }
    }
}

/// A record that was added, changed or removed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordReview {
    /// `PlaceOrder`; what a processor remembers is `state/Item`.
    pub record: String,
    pub fate: Fate,
    pub file: String,
    /// From 1.
    pub line: u64,
    pub version_before: Option<String>,
    pub version_after: Option<String>,
    /// What the change needs.
    pub bump_required: Bump,
    /// What the schema says.
    pub bump_declared: Bump,
    pub order: Order,
    /// The order in words, with names.
    pub deployment: String,
    pub uses: Vec<Use>,
    pub diff: Vec<Change>,
    pub verdicts: Vec<Verdict>,
}

/// A topic, or a processor's state, that carries the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Use {
    /// A topic's name, or `state of <processor>`.
    pub place: String,
    /// How long the data stay: `30d`, or `for ever`.
    pub retained: String,
    /// Processors.
    pub readers: Vec<String>,
    /// Processors.
    pub writers: Vec<String>,
    /// Who reads it besides and is no processor here.
    pub readers_outside: Vec<String>,
    /// Who writes it besides and is no processor here.
    pub writers_outside: Vec<String>,
}

/// One line of the readable diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `+`, `-` or `~`.
    pub sign: char,
    /// The field from the outside in: `lines.item_id`; empty for the record itself.
    pub path: String,
    pub what: String,
    pub file: String,
    pub line: u64,
    /// Whether the line is that of the old file.
    pub before: bool,
    #[serde(skip)]
    pub kind: ChangeKind,
    /// Full name of the type in which it stands, in the schema that has it.
    #[serde(skip)]
    pub owner: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    FieldAdded,
    FieldRemoved,
    FieldRenamed,
    TypeChanged,
    LogicalChanged,
    DefaultChanged,
    SymbolAdded,
    SymbolRemoved,
    EnumDefault,
    Alias,
    Name,
    Namespace,
    Doc,
}

/// Whether one schema reads the data of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Who reads.
    pub reader: String,
    /// What was written.
    pub writer: String,
    /// Whether the reader is the new one.
    pub backward: bool,
    /// As Java's SchemaCompatibility says.
    pub java: bool,
    pub java_errors: Vec<JavaError>,
    /// Whether generated Rust reads random data right; nothing where it was not tried.
    pub rust: Option<bool>,
    /// What Rust ran into, or why it was not tried.
    pub rust_said: String,
}

/// An incompatibility as Java names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JavaError {
    #[serde(rename = "type")]
    pub kind: String,
    /// JSON pointer into the reader's schema.
    pub path: String,
    pub message: String,
}

/// Something to decide or to repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code.
    pub rule: &'static str,
    pub level: Level,
    pub file: String,
    /// From 1.
    pub line: u64,
    /// Whether the line is that of the old file.
    pub before: bool,
    /// Records that it concerns; empty for topics.
    pub records: Vec<String>,
    /// The field from the outside in.
    pub field: String,
    pub what: String,
    /// The consequence.
    pub why: String,
    /// Processors, and others by the name that topics.yaml gives them.
    pub breaks: Vec<String>,
    /// Versions whose data or readers it is about.
    pub versions: Vec<String>,
    pub java: Option<JavaError>,
    pub fix: Fix,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fix {
    pub words: String,
    /// A unified diff, where the repair is mechanical.
    pub patch: Option<String>,
}
