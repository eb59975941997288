//! A schema as nodes that point at each other: named types may refer to themselves.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::build::Builder;
use super::error::ParseError;
use super::name::Name;
use super::{json, resolve};

/// The number of a node.
pub type Id = usize;

/// An Avro schema, all of its references resolved.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) nodes: Vec<Node<Id>>,
    pub(super) root: Id,
}

impl Schema {
    /// Reads the JSON text of a schema.
    ///
    /// # Errors
    /// What Java's `Schema.Parser` refuses: text that is not JSON, bad or missing names, references to nothing,
    /// defaults of another type, duplicates, unions in unions; and text beyond [`super::BYTES_MAX`] or nested too deep.
    pub fn parse(text: &str) -> Result<Schema, ParseError> {
        Schema::from_json(&json::read(text)?)
    }

    /// Reads a schema from JSON that is parsed already.
    ///
    /// # Errors
    /// As [`Schema::parse`].
    pub fn from_json(json: &Value) -> Result<Schema, ParseError> {
        let mut builder = Builder::default();
        let root = builder.schema(json, None)?;
        resolve::resolve(builder, root)
    }
}

/// A type that has no parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

impl Primitive {
    pub fn of(name: &str) -> Option<Primitive> {
        Some(match name {
            "null" => Primitive::Null,
            "boolean" => Primitive::Boolean,
            "int" => Primitive::Int,
            "long" => Primitive::Long,
            "float" => Primitive::Float,
            "double" => Primitive::Double,
            "bytes" => Primitive::Bytes,
            "string" => Primitive::String,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Primitive::Null => "null",
            Primitive::Boolean => "boolean",
            Primitive::Int => "int",
            Primitive::Long => "long",
            Primitive::Float => "float",
            Primitive::Double => "double",
            Primitive::Bytes => "bytes",
            Primitive::String => "string",
        }
    }
}

/// One type; `T` points at its parts.
#[derive(Debug, Clone)]
pub enum Node<T> {
    Primitive(Primitive),
    Record(Record<T>),
    Enum(Enum),
    Fixed(Fixed),
    Array(T),
    Map(T),
    Union(Vec<T>),
}

#[derive(Debug, Clone)]
pub struct Record<T> {
    pub name: Name,
    pub fields: Vec<Field<T>>,
    /// Where the field of a name stands.
    pub index: HashMap<String, usize>,
}

#[derive(Debug, Clone)]
pub struct Field<T> {
    pub name: String,
    pub ty: T,
    /// Other names, each once.
    pub aliases: Vec<String>,
    pub default: Option<Value>,
    /// What else counts when two definitions are compared: the order and the properties.
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone)]
pub struct Enum {
    pub name: Name,
    pub symbols: Vec<String>,
    /// Always one of the symbols.
    pub default: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Fixed {
    pub name: Name,
    pub size: i32,
}

impl<T> Node<T> {
    /// The type's name as Java's enum `Schema.Type` has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Primitive(Primitive::Null) => "NULL",
            Node::Primitive(Primitive::Boolean) => "BOOLEAN",
            Node::Primitive(Primitive::Int) => "INT",
            Node::Primitive(Primitive::Long) => "LONG",
            Node::Primitive(Primitive::Float) => "FLOAT",
            Node::Primitive(Primitive::Double) => "DOUBLE",
            Node::Primitive(Primitive::Bytes) => "BYTES",
            Node::Primitive(Primitive::String) => "STRING",
            Node::Record(_) => "RECORD",
            Node::Enum(_) => "ENUM",
            Node::Fixed(_) => "FIXED",
            Node::Array(_) => "ARRAY",
            Node::Map(_) => "MAP",
            Node::Union(_) => "UNION",
        }
    }

    /// The full name of a named type, the type's own name otherwise: branches of a union are told apart by it.
    pub fn full_name(&self) -> &str {
        match self {
            Node::Primitive(primitive) => primitive.name(),
            Node::Record(record) => &record.name.full,
            Node::Enum(symbols) => &symbols.name.full,
            Node::Fixed(fixed) => &fixed.name.full,
            Node::Array(_) => "array",
            Node::Map(_) => "map",
            Node::Union(_) => "union",
        }
    }

    /// The same node with every part replaced.
    pub fn map<U>(self, to: impl Fn(T) -> U) -> Node<U> {
        match self {
            Node::Primitive(primitive) => Node::Primitive(primitive),
            Node::Enum(symbols) => Node::Enum(symbols),
            Node::Fixed(fixed) => Node::Fixed(fixed),
            Node::Array(items) => Node::Array(to(items)),
            Node::Map(values) => Node::Map(to(values)),
            Node::Union(branches) => Node::Union(branches.into_iter().map(to).collect()),
            Node::Record(Record { name, fields, index }) => {
                let field = |field: Field<T>| Field {
                    ty: to(field.ty),
                    name: field.name,
                    aliases: field.aliases,
                    default: field.default,
                    rest: field.rest,
                };
                Node::Record(Record { name, fields: fields.into_iter().map(field).collect(), index })
            }
        }
    }
}
