//! Random values for any schema, for Apache's generic writer.

use std::collections::BTreeMap;

use apache_avro::types::Value;
use serde_json::Value as Json;

/// Small and good enough: splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Small numbers, large ones, and the edges.
    fn number(&mut self) -> i64 {
        match self.below(4) {
            0 => self.below(200) as i64 - 100,
            1 => [i64::MIN, i64::MAX, 0, -1][self.below(4)],
            _ => self.next().cast_signed(),
        }
    }

    fn text(&mut self) -> String {
        const CHARS: [char; 8] = ['a', 'Z', '0', '-', ' ', 'é', '…', '🦀'];
        (0..self.below(24)).map(|_| CHARS[self.below(CHARS.len())]).collect()
    }

    /// A value of the schema; `fixed` gives fields by name that are not left to chance.
    pub fn value(&mut self, schema: &Json, fixed: &[(&str, Value)]) -> Value {
        let mut names = BTreeMap::new();
        define(schema, &mut names);
        self.any(schema, fixed, &names)
    }

    fn any(&mut self, schema: &Json, fixed: &[(&str, Value)], names: &BTreeMap<String, Json>) -> Value {
        let kind = match schema {
            Json::String(name) => name.as_str(),
            Json::Array(branches) => {
                let at = self.below(branches.len());
                return Value::Union(at as u32, Box::new(self.any(&branches[at], fixed, names)));
            }
            other => other["type"].as_str().expect("a type"),
        };
        match (kind, schema["logicalType"].as_str()) {
            ("boolean", _) => Value::Boolean(self.below(2) == 1),
            ("int", _) => Value::Int(self.number() as i32),
            ("long", Some("timestamp-millis")) => Value::TimestampMillis(self.number()),
            ("long", _) => Value::Long(self.number()),
            ("float", _) => Value::Float(self.number() as f32),
            ("double", _) => Value::Double(self.number() as f64),
            ("string", _) => Value::String(self.text()),
            ("fixed", _) => Value::Uuid(uuid::Uuid::from_u64_pair(self.next(), self.next())),
            ("null", _) => Value::Null,
            ("enum", _) => {
                let symbols = schema["symbols"].as_array().expect("symbols");
                let at = self.below(symbols.len());
                Value::Enum(at as u32, symbols[at].as_str().expect("a symbol").to_owned())
            }
            ("array", _) => {
                Value::Array((0..self.below(5)).map(|_| self.any(&schema["items"], fixed, names)).collect())
            }
            ("record", _) => {
                let fields = schema["fields"].as_array().expect("fields");
                let field = |field: &Json| {
                    let name = field["name"].as_str().expect("a name");
                    let given = fixed.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
                    (name.to_owned(), given.unwrap_or_else(|| self.any(&field["type"], fixed, names)))
                };
                Value::Record(fields.iter().map(field).collect())
            }
            (name, _) => {
                let schema = names.get(name).unwrap_or_else(|| panic!("type {name}"));
                self.any(schema, fixed, names)
            }
        }
    }
}

/// Collects the named types inside a schema; all of ours are in one namespace.
fn define(schema: &Json, names: &mut BTreeMap<String, Json>) {
    if let (Some(name), true) = (schema["name"].as_str(), schema["type"].is_string()) {
        names.insert(format!("orderflow.{name}"), schema.clone());
    }
    match schema {
        Json::Array(parts) => parts.iter().for_each(|part| define(part, names)),
        Json::Object(parts) => parts.values().for_each(|part| define(part, names)),
        _ => {}
    }
}
