//! Reads data as the generated structs do: by the same attributes, through the same decoder, without compiling them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_avro_fast::Schema;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_json::Value;

use crate::attributes::{Fill, With, attributes, symbol};
use crate::schema::{Definition, Field, Schemas, Shape, Type};

/// As in the contract's codec.
const DEPTH_MAX: usize = 32;

/// A value as a generated struct has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    Boolean(bool),
    Number(i64),
    Real(f64),
    Text(String),
    Id(Vec<u8>),
    None,
    Some(Box<Read>),
    Items(Vec<Read>),
    Symbol(String),
    /// By the names of the reader's fields.
    Record(Vec<(String, Read)>),
}

/// Why a value cannot be read, and at which of the reader's fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    pub path: Vec<String>,
    pub why: String,
}

/// Reads one datum, written with `schema`, as the struct that the generator makes of `definition`; also the fields that
/// were missing, at which a struct would have stopped. Here it goes on, so that one review names them all.
pub fn read(
    schemas: &Schemas,
    definition: &Definition,
    schema: &Schema,
    bytes: &[u8],
) -> Result<(Read, Vec<Unread>), Unread> {
    let (path, missing) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let mut config = DeserializerConfig::new(schema);
    config.max_seq_size = bytes.len();
    config.allowed_depth = DEPTH_MAX;
    let mut state = DeserializerState::with_config(SliceRead::new(bytes), config);
    let seed = RecordSeed { schemas, definition, path: &path, missing: &missing };
    let failed = |why: String| Unread { path: path.borrow().clone(), why };
    let value = seed.deserialize(state.deserializer()).map_err(|error| failed(error.to_string()))?;
    let left = state.into_reader().fill_buf().map_err(|error| failed(error.to_string()))?.len();
    if left > 0 {
        return Err(failed(format!("{left} of {} bytes are left over", bytes.len())));
    }
    Ok((value, missing.take()))
}

type Path = RefCell<Vec<String>>;

/// A struct.
#[derive(Clone, Copy)]
struct RecordSeed<'r> {
    schemas: &'r Schemas,
    definition: &'r Definition,
    path: &'r Path,
    missing: &'r RefCell<Vec<Unread>>,
}

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = Read;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read, D::Error> {
        // serde_avro_fast looks at neither names.
        deserializer.deserialize_struct("", &[], self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}", self.definition.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let fields = self.definition.fields();
        let mut values: Vec<Option<Read>> = vec![None; fields.len()];
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let of = |field: &Field| {
                let known = attributes(self.schemas, self.definition, field);
                known.name == key || known.aliases.iter().any(|alias| *alias == key)
            };
            let Some(at) = fields.iter().position(of) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.path.borrow_mut().push(fields[at].name.clone());
            if values[at].is_some() {
                return Err(A::Error::custom(format!("duplicate field `{}`", fields[at].name)));
            }
            values[at] = Some(map.next_value_seed(self.field(&fields[at]))?);
            self.path.borrow_mut().pop();
        }
        let named = fields.iter().zip(values);
        let filled = named.map(|(field, value)| (field.name.clone(), value.unwrap_or_else(|| self.fill(field))));
        Ok(Read::Record(filled.collect()))
    }
}

impl<'r> RecordSeed<'r> {
    fn field(self, field: &'r Field) -> TypeSeed<'r> {
        let found = attributes(self.schemas, self.definition, field);
        TypeSeed { record: self, ty: &field.ty, with: found.with, borrow: found.borrow }
    }

    fn fill(self, field: &Field) -> Read {
        match attributes(self.schemas, self.definition, field).fill {
            Fill::Zero => zero(&field.ty),
            Fill::Literal(value) => literal(&field.ty, value),
            Fill::Missing => {
                let mut path = self.path.borrow().clone();
                path.push(field.name.clone());
                let unread = Unread { path, why: format!("missing field `{}`", field.name) };
                if !self.missing.borrow().contains(&unread) {
                    self.missing.borrow_mut().push(unread);
                }
                zero(&field.ty)
            }
        }
    }
}

/// Rust's `Default`; named types have none here, as [`crate::attributes::is_zero`] says.
fn zero(ty: &Type) -> Read {
    match ty {
        Type::Boolean => Read::Boolean(false),
        Type::Int | Type::Long => Read::Number(0),
        Type::Float | Type::Double => Read::Real(0.0),
        Type::String | Type::Named(_) => Read::Text(String::new()),
        Type::Optional(_) => Read::None,
        Type::Array(_) => Read::Items(Vec::new()),
    }
}

fn literal(ty: &Type, value: &Value) -> Read {
    match (ty, value) {
        (Type::Named(_), Value::String(symbol)) => Read::Symbol(symbol.clone()),
        (Type::Float, _) => Read::Real(f64::from(value.as_f64().unwrap_or_default() as f32)),
        (Type::Double, _) => Read::Real(value.as_f64().unwrap_or_default()),
        (_, Value::Bool(value)) => Read::Boolean(*value),
        (_, Value::Number(number)) => Read::Number(number.as_i64().unwrap_or_default()),
        (_, Value::String(text)) => Read::Text(text.clone()),
        _ => zero(ty),
    }
}

/// A string that borrows, as the contract's codec reads it.
#[derive(Deserialize)]
#[serde(transparent)]
struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value of a field, an option or an array.
#[derive(Clone, Copy)]
struct TypeSeed<'r> {
    record: RecordSeed<'r>,
    ty: &'r Type,
    with: Option<With>,
    borrow: bool,
}

impl<'de> DeserializeSeed<'de> for TypeSeed<'_> {
    type Value = Read;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read, D::Error> {
        Ok(match self.ty {
            Type::Boolean => Read::Boolean(bool::deserialize(deserializer)?),
            Type::Int => Read::Number(i32::deserialize(deserializer)?.into()),
            Type::Long => Read::Number(i64::deserialize(deserializer)?),
            Type::Float => Read::Real(f32::deserialize(deserializer)?.into()),
            Type::Double => Read::Real(f64::deserialize(deserializer)?),
            Type::String if self.borrow => Read::Text(Str::deserialize(deserializer)?.0.into_owned()),
            Type::String => Read::Text(String::deserialize(deserializer)?),
            Type::Optional(inner) => deserializer.deserialize_option(OptionVisitor(self.of(inner)))?,
            Type::Array(inner) => deserializer.deserialize_seq(ItemsVisitor(self.of(inner)))?,
            Type::Named(full) => return self.named(full, deserializer),
        })
    }
}

impl<'r> TypeSeed<'r> {
    fn of(self, inner: &'r Type) -> TypeSeed<'r> {
        TypeSeed { ty: inner, with: None, ..self }
    }

    fn named<'de, D: Deserializer<'de>>(self, full: &str, deserializer: D) -> Result<Read, D::Error> {
        let record = self.record;
        let Some(definition) = record.schemas.get(full) else {
            return Err(D::Error::custom(format!("type \"{full}\" is not defined")));
        };
        match &definition.shape {
            Shape::Record(_) => RecordSeed { definition, ..record }.deserialize(deserializer),
            Shape::Enum { symbols, default } => deserializer.deserialize_str(SymbolVisitor { symbols, default }),
            Shape::Uuid if self.with == Some(With::Uuid) => deserializer.deserialize_bytes(IdVisitor),
            // An id has no `Deserialize` of its own: such a struct does not compile.
            Shape::Uuid => Err(D::Error::custom("a uuid in an option or an array has no reader")),
        }
    }
}

struct OptionVisitor<'r>(TypeSeed<'r>);

impl<'de> Visitor<'de> for OptionVisitor<'_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("option")
    }

    fn visit_none<E: Error>(self) -> Result<Read, E> {
        Ok(Read::None)
    }

    fn visit_unit<E: Error>(self) -> Result<Read, E> {
        Ok(Read::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Read, D::Error> {
        self.0.deserialize(deserializer).map(|value| Read::Some(Box::new(value)))
    }
}

struct ItemsVisitor<'r>(TypeSeed<'r>);

impl<'de> Visitor<'de> for ItemsVisitor<'_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Read, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.0)? {
            items.push(item);
        }
        Ok(Read::Items(items))
    }
}

struct SymbolVisitor<'r> {
    symbols: &'r [String],
    default: &'r str,
}

impl Visitor<'_> for SymbolVisitor<'_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an enum symbol")
    }

    fn visit_str<E: Error>(self, written: &str) -> Result<Read, E> {
        Ok(Read::Symbol(symbol(self.symbols, self.default, written).to_owned()))
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Read, E> {
        if bytes.len() != 16 {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        Ok(Read::Id(bytes.to_vec()))
    }
}
