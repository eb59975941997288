//! Self-contained schema text: every named type is defined where it is used first.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::avsc::full_name;
use crate::schema::{Definition, Schemas};

/// The keys of Avro JSON in the order in which people write them; others follow by name.
const KEY_ORDER: [&str; 12] = [
    "name",
    "type",
    "namespace",
    "version",
    "logicalType",
    "size",
    "items",
    "symbols",
    "aliases",
    "doc",
    "default",
    "fields",
];

impl Schemas {
    /// The definition with everything that it refers to, as one Avro JSON text.
    pub fn whole(&self, definition: &Definition) -> String {
        let mut defined = BTreeSet::new();
        print(&self.inline(&definition.json, "", &mut defined))
    }

    fn inline(&self, json: &Value, namespace: &str, defined: &mut BTreeSet<String>) -> Value {
        match json {
            Value::String(name) => {
                let full = full_name(name, namespace);
                match self.get(name).or_else(|| self.get(&full)) {
                    Some(found) if !defined.contains(&found.full) => self.inline(&found.json, "", defined),
                    Some(found) => Value::String(found.full.clone()),
                    None => json.clone(),
                }
            }
            Value::Array(branches) => branches.iter().map(|branch| self.inline(branch, namespace, defined)).collect(),
            Value::Object(object) => {
                let mut object = object.clone();
                let mut inner = namespace.to_owned();
                if let Some(name) = object.get("name").and_then(Value::as_str) {
                    let declared = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
                    let full = full_name(name, declared);
                    inner = full.rsplit_once('.').map_or(String::new(), |(namespace, _)| namespace.to_owned());
                    defined.insert(full);
                }
                for key in ["type", "items"] {
                    if let Some(value) = object.get(key).cloned() {
                        object.insert(key.into(), self.inline(&value, &inner, defined));
                    }
                }
                if let Some(Value::Array(fields)) = object.get("fields").cloned() {
                    let fields = fields.iter().map(|field| self.field(field, &inner, defined)).collect();
                    object.insert("fields".into(), Value::Array(fields));
                }
                Value::Object(object)
            }
            _ => json.clone(),
        }
    }

    /// A field has a name and a type, but is no named type.
    fn field(&self, field: &Value, namespace: &str, defined: &mut BTreeSet<String>) -> Value {
        let mut field = field.clone();
        if let Value::Object(object) = &mut field
            && let Some(ty) = object.get("type").cloned()
        {
            object.insert("type".into(), self.inline(&ty, namespace, defined));
        }
        field
    }
}

/// CRC-64-AVRO (Rabin) of the Parsing Canonical Form (Avro specification, "Schema Fingerprints"). The specification
/// sends its eight bytes in little-endian order; this is the number they make.
///
/// Not by apache-avro 0.22: its canonical form keeps `{"type":"long"}` where a logical type was, which Java and the
/// specification write as `"long"`.
pub fn fingerprint(text: &str) -> Result<u64, String> {
    let schema: serde_avro_fast::Schema = text.parse().map_err(|error| format!("{error}"))?;
    Ok(u64::from_le_bytes(*schema.rabin_fingerprint()))
}

/// Prints a record with a field a line; the order of keys does not depend on how serde_json was built.
fn print(json: &Value) -> String {
    let mut out = String::from("{\n");
    let object = keys(json);
    for (at, (key, value)) in object.iter().enumerate() {
        let comma = if at + 1 < object.len() { "," } else { "" };
        match (key.as_str(), value) {
            ("fields", Value::Array(fields)) => {
                out.push_str("  \"fields\": [\n");
                for (at, field) in fields.iter().enumerate() {
                    let comma = if at + 1 < fields.len() { "," } else { "" };
                    out.push_str(&format!("    {}{comma}\n", line(field)));
                }
                out.push_str(&format!("  ]{comma}\n"));
            }
            _ => out.push_str(&format!("  {}: {}{comma}\n", quoted(key), line(value))),
        }
    }
    out.push_str("}\n");
    out
}

fn line(json: &Value) -> String {
    match json {
        Value::Object(_) => {
            let pairs: Vec<String> =
                keys(json).iter().map(|(key, value)| format!("{}: {}", quoted(key), line(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        _ => json.to_string(),
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn keys(json: &Value) -> Vec<(String, Value)> {
    let mut keys: Vec<(String, Value)> =
        json.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    keys.sort_by_key(|(key, _)| {
        (KEY_ORDER.iter().position(|known| known == key).unwrap_or(KEY_ORDER.len()), key.clone())
    });
    keys
}
