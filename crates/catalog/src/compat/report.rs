//! The answer: compatible or not, and every reason.

use std::fmt;

use serde::Serialize;

/// What was found about a reader and a writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the reader reads everything that the writer can write.
    pub compatible: bool,
    /// Why not, in Java's order; empty when compatible.
    pub errors: Vec<Incompatibility>,
}

/// One reason why the reader cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incompatibility {
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Where in the reader's schema, as a JSON pointer: `/fields/0/type`.
    pub path: String,
    pub message: String,
}

/// The kinds of Java's `SchemaIncompatibilityType`, under its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    NameMismatch,
    FixedSizeMismatch,
    MissingEnumSymbols,
    ReaderFieldMissingDefaultValue,
    TypeMismatch,
    MissingUnionBranch,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.kind, self.path, self.message)
    }
}
