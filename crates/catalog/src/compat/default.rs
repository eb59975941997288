//! Whether a field's type takes its default, as Java's `isValidDefault` decides it.

use std::collections::HashMap;

use serde_json::{Number, Value};

use super::build::Link;
use super::schema::{Id, Node, Primitive, Record};

/// Defaults in defaults beyond this are refused.
const DEPTH_MAX: usize = 256;
/// Values looked at for one default, those of the defaults that it leads to included.
const STEPS_MAX: usize = 1_000_000;

/// What is known when all types have been read.
#[derive(Debug, Clone, Copy)]
pub struct Known<'n> {
    pub names: &'n HashMap<String, Id>,
    /// Of each node, whether the fields of the record are settled.
    pub settled: &'n [bool],
}

/// Looks at one default.
pub struct Defaults<'n> {
    nodes: &'n [Node<Link>],
    known: Option<Known<'n>>,
    depth: usize,
    steps: usize,
}

impl<'n> Defaults<'n> {
    /// `known` is nothing while types are still being read.
    pub fn new(nodes: &'n [Node<Link>], known: Option<Known<'n>>) -> Defaults<'n> {
        Defaults { nodes, known, depth: 0, steps: 0 }
    }

    /// Whether the type takes the value.
    ///
    /// # Errors
    /// Why nobody can say.
    pub fn takes(&mut self, link: &Link, value: &Value) -> Result<bool, String> {
        self.steps += 1;
        if self.depth >= DEPTH_MAX || self.steps > STEPS_MAX {
            return Err("the default leads through too many other defaults".to_owned());
        }
        self.depth += 1;
        let taken = self.takes_one(link, value);
        self.depth -= 1;
        taken
    }

    fn takes_one(&mut self, link: &Link, value: &Value) -> Result<bool, String> {
        let id = match (link, self.known) {
            (Link::Node(id), _) => *id,
            // A type that is not known yet stands for a record without fields.
            (Link::Name(_), None) => return Ok(value.is_object()),
            (Link::Name(name), Some(known)) => match known.names.get(name) {
                Some(id) => *id,
                None => return Err(format!("there is no type \"{name}\"")),
            },
        };
        let nodes = self.nodes;
        match (&nodes[id], value) {
            (Node::Primitive(primitive), _) => Ok(fits(*primitive, value)),
            (Node::Enum(_) | Node::Fixed(_), _) => Ok(value.is_string()),
            (Node::Array(items), Value::Array(values)) => self.all(items, values),
            (Node::Map(items), Value::Object(values)) => self.all(items, values.values()),
            (Node::Union(branches), _) => {
                for branch in branches {
                    if self.takes(branch, value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Node::Record(record), Value::Object(_)) => self.record(id, record, value),
            _ => Ok(false),
        }
    }

    fn all<'v>(&mut self, ty: &Link, values: impl IntoIterator<Item = &'v Value>) -> Result<bool, String> {
        for value in values {
            if !self.takes(ty, value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn record(&mut self, id: Id, record: &Record<Link>, value: &Value) -> Result<bool, String> {
        if self.known.is_some_and(|known| !known.settled[id]) {
            return Err(format!("a default of record \"{}\" inside of its own definition", record.name.full));
        }
        for field in &record.fields {
            let Some(value) = value.get(&field.name).or(field.default.as_ref()) else { return Ok(false) };
            if !self.takes(&field.ty, value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn fits(primitive: Primitive, value: &Value) -> bool {
    match primitive {
        Primitive::Null => value.is_null(),
        Primitive::Boolean => value.is_boolean(),
        Primitive::Int => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Primitive::Long => value.is_i64(),
        Primitive::Float | Primitive::Double => value.is_number(),
        Primitive::Bytes | Primitive::String => value.is_string(),
    }
}

/// The default of a float or double that is written as a text, where Java's `Double.parseDouble` reads it.
pub fn number(text: &str) -> Option<Value> {
    let trimmed = text.trim_matches(|c| c <= ' ');
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if matches!(unsigned, "NaN" | "Infinity") {
        return Some(finite(f64::INFINITY));
    }
    let digits = unsigned.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(unsigned);
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return is_hex_float(hex).then(|| finite(0.0));
    }
    let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    let parsed = digits.parse::<f64>().ok().filter(|_| plain)?;
    Some(finite(if trimmed.starts_with('-') { -parsed } else { parsed }))
}

/// JSON has no infinities: what matters is only that there is a number.
fn finite(number: f64) -> Value {
    Number::from_f64(number.clamp(f64::MIN, f64::MAX)).map_or(Value::from(0), Value::Number)
}

/// `1.8p3`: hexadecimal digits and a decimal exponent, which must be there.
fn is_hex_float(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['p', 'P']) else { return false };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let hex = |part: &str| part.chars().all(|c| c.is_ascii_hexdigit());
    !(whole.is_empty() && fraction.is_empty())
        && hex(whole)
        && hex(fraction)
        && !exponent.is_empty()
        && exponent.chars().all(|c| c.is_ascii_digit())
}
