//! How a field is read by name: the one answer that the generator prints as serde attributes and the review reads by.

use serde_json::Value;

use crate::schema::{Definition, Field, Schemas, Shape, Type};

/// What the generated struct says about a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributes<'s> {
    /// The name that stands in the data, which is the field's own.
    pub name: &'s str,
    /// Other names for it in the data.
    pub aliases: &'s [String],
    /// Whether it borrows from the payload.
    pub borrow: bool,
    pub with: Option<With>,
    pub fill: Fill<'s>,
}

/// The function of the contract's codec that reads the field, where serde's own way would not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    Uuid,
    OptionalStr,
    Optional,
    Strs,
}

/// What stands in for a field that the data do not have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fill<'s> {
    /// Nothing: it is an error.
    Missing,
    /// Rust's `Default`.
    Zero,
    /// The schema's default.
    Literal(&'s Value),
}

/// The attributes of a field of a record.
pub fn attributes<'s>(schemas: &Schemas, it: &Definition, field: &'s Field) -> Attributes<'s> {
    let borrow = !it.is_state() && schemas.borrows(&field.ty);
    let with = match &field.ty {
        Type::Named(full) if is_uuid(schemas, full) => Some(With::Uuid),
        Type::Optional(inner) if **inner == Type::String && borrow => Some(With::OptionalStr),
        Type::Optional(_) => Some(With::Optional),
        Type::Array(inner) if **inner == Type::String && borrow => Some(With::Strs),
        _ => None,
    };
    let fill = match &field.default {
        Some(value) if is_zero(value) => Fill::Zero,
        Some(value) => Fill::Literal(value),
        None => Fill::Missing,
    };
    Attributes { name: &field.name, aliases: &field.aliases, borrow, with, fill }
}

/// The symbol as which a generated enum reads a written one: what it does not know is its default.
pub fn symbol<'s>(symbols: &'s [String], default: &'s str, written: &str) -> &'s str {
    symbols.iter().find(|symbol| *symbol == written).map_or(default, String::as_str)
}

/// Whether a name stands for fixed 16 with logicalType uuid.
pub fn is_uuid(schemas: &Schemas, full: &str) -> bool {
    schemas.get(full).is_some_and(|named| matches!(named.shape, Shape::Uuid))
}

/// Whether Rust's `Default` gives the same value. An enum's default may be another than the field's, so it never is.
pub fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(_) => false,
    }
}
