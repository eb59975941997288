//! schemas/*.avsc as types: every definition of every file, by full name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::avsc::Reader;
use crate::place::{Place, Places};
use crate::{Problem, Rule};

/// A definition that has a name of its own.
#[derive(Debug, Clone)]
pub struct Definition {
    /// `orderflow.ReserveLine`
    pub full: String,
    /// `ReserveLine`
    pub name: String,
    pub file: String,
    /// Line and column of its name in the file.
    pub place: Place,
    pub doc: String,
    /// Semantic version; empty for types inside other files' records.
    pub version: String,
    /// The record that the file is about, as opposed to a type inside it.
    pub top: bool,
    pub shape: Shape,
    /// The definition as Avro JSON, with its namespace.
    pub json: Value,
}

impl Definition {
    /// Whether it belongs to what a processor remembers.
    pub fn is_state(&self) -> bool {
        self.file.starts_with(STATE_DIR)
    }

    /// The fields of a record; nothing for other types.
    pub fn fields(&self) -> &[Field] {
        match &self.shape {
            Shape::Record(fields) => fields,
            _ => &[],
        }
    }

    /// Whether it is a record that travels: its first field is meta.
    pub fn is_wire(&self) -> bool {
        self.top && self.fields().first().is_some_and(|field| field.name == "meta")
    }

    /// The fields without meta.
    pub fn body(&self) -> &[Field] {
        if self.is_wire() { &self.fields()[1..] } else { self.fields() }
    }
}

#[derive(Debug, Clone)]
pub enum Shape {
    Record(Vec<Field>),
    Enum {
        symbols: Vec<String>,
        default: String,
    },
    /// fixed 16 with logicalType uuid.
    Uuid,
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    /// Line and column of its name in the file.
    pub place: Place,
    pub doc: String,
    pub ty: Type,
    pub default: Option<Value>,
    pub aliases: Vec<String>,
}

/// What the generator can turn into Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    String,
    /// Full name of a definition.
    Named(String),
    /// A union of null and one other type.
    Optional(Box<Type>),
    Array(Box<Type>),
}

impl Type {
    /// The full name inside, below options and arrays.
    pub fn named(&self) -> Option<&str> {
        match self {
            Type::Named(full) => Some(full),
            Type::Optional(inner) | Type::Array(inner) => inner.named(),
            _ => None,
        }
    }
}

pub const SCHEMA_DIR: &str = "schemas/";
pub const STATE_DIR: &str = "schemas/state/";
pub const META: &str = "orderflow.Meta";

/// All definitions.
#[derive(Debug, Default)]
pub struct Schemas {
    definitions: BTreeMap<String, Definition>,
}

impl Schemas {
    /// Reads files given as (path, text).
    pub fn parse<'t>(files: impl Iterator<Item = (&'t str, &'t str)>, problems: &mut Vec<Problem>) -> Schemas {
        let mut schemas = Schemas::default();
        for (file, text) in files {
            let json: Value = match serde_json::from_str(text) {
                Ok(json) => json,
                Err(error) => {
                    let (line, column) = (error.line() as u64, error.column() as u64);
                    problems.push(Problem::new(Rule::SchemaInvalid, file, error.to_string()).at(line, column));
                    continue;
                }
            };
            let mut reader = Reader { file, places: Places::of(text), at: (1, 1), found: Vec::new(), problems };
            reader.file(&json);
            for definition in reader.found {
                if let Some(other) = schemas.definitions.get(&definition.full) {
                    let what = format!("type \"{}\" is defined in {} too", definition.full, other.file);
                    let (line, column) = definition.place;
                    problems.push(Problem::new(Rule::NameTaken, file, what).at(line, column));
                    continue;
                }
                schemas.definitions.insert(definition.full.clone(), definition);
            }
        }
        schemas
    }

    /// A definition by full name.
    pub fn get(&self, full: &str) -> Option<&Definition> {
        self.definitions.get(full)
    }

    /// All definitions, by full name.
    pub fn all(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    /// The record that travels under this short name.
    pub fn wire(&self, name: &str) -> Option<&Definition> {
        self.all().find(|definition| definition.top && !definition.is_state() && definition.name == name)
    }

    /// The record that a file is about; `path` as topics.yaml writes it, below schemas/.
    pub fn file(&self, path: &str) -> Option<&Definition> {
        self.all().find(|definition| definition.top && definition.file == format!("{SCHEMA_DIR}{path}"))
    }

    /// The files that they come from.
    pub fn files(&self) -> BTreeSet<&str> {
        self.all().map(|definition| definition.file.as_str()).collect()
    }

    /// Whether values of the type borrow from the payload.
    pub fn borrows(&self, ty: &Type) -> bool {
        match ty {
            Type::String => true,
            Type::Optional(inner) | Type::Array(inner) => self.borrows(inner),
            Type::Named(full) => {
                self.get(full).is_some_and(|found| found.body().iter().any(|field| self.borrows(&field.ty)))
            }
            _ => false,
        }
    }
}
