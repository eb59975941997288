//! A registry's Avro text as a writer schema: self-contained, named, fingerprinted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_avro_fast::schema::{RegularType, SchemaMut};
use serde_json::Value;

use crate::core::io::WriterSchema;

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// Name and fingerprint come from serde_avro_fast, as in `catalog::fingerprint`: apache-avro 0.22 has another canonical
/// form and so another fingerprint wherever a logical type stands.
pub(super) fn writer(text: &str, references: &[String]) -> Result<WriterSchema, String> {
    let text = if references.is_empty() { text.to_owned() } else { whole(text, references)? };
    let schema: SchemaMut = text.parse().map_err(|error| format!("no Avro schema: {error}"))?;
    if schema.nodes().is_empty() {
        return Err("an empty schema".to_owned());
    }
    let RegularType::Record(root) = &schema.root().type_ else {
        return Err("an Avro schema, but of no record".to_owned());
    };
    let record = root.name.name().to_owned();
    let schema = schema.freeze().map_err(|error| format!("no Avro schema: {error}"))?;
    Ok(WriterSchema { record, fingerprint: u64::from_le_bytes(*schema.rabin_fingerprint()), text: Arc::from(text) })
}

/// Every named type is defined where it is used first, as in schemas/released.
fn whole(text: &str, references: &[String]) -> Result<String, String> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| format!("no JSON: {error}"));
    let mut types = BTreeMap::new();
    for reference in references {
        flatten(&parse(reference)?, "", &mut types);
    }
    let root = flatten(&parse(text)?, "", &mut types);
    Ok(expand(&root, &types, &mut BTreeSet::new()).to_string())
}

/// Moves each named type that `json` defines to `types`, leaves its full name in its place, and spells names in full.
fn flatten(json: &Value, namespace: &str, types: &mut BTreeMap<String, Value>) -> Value {
    match json {
        Value::String(name) if PRIMITIVES.contains(&name.as_str()) => json.clone(),
        Value::String(name) => full(name, namespace).into(),
        Value::Array(branches) => branches.iter().map(|branch| flatten(branch, namespace, types)).collect(),
        Value::Object(object) => {
            let mut object = object.clone();
            let complex = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
            if !matches!(complex.as_str(), "record" | "error" | "enum" | "fixed") {
                let key = match complex.as_str() {
                    "array" => "items",
                    "map" => "values",
                    _ => "type",
                };
                if let Some(inner) = object.get(key).map(|inner| flatten(inner, namespace, types)) {
                    object.insert(key.to_owned(), inner);
                }
                return Value::Object(object);
            }
            let declared = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
            let name = full(object.get("name").and_then(Value::as_str).unwrap_or_default(), declared);
            let (inner, short) = name.rsplit_once('.').unwrap_or(("", &name));
            // Written out, or it would inherit the namespace of wherever it is put.
            object.insert("name".to_owned(), short.into());
            object.insert("namespace".to_owned(), inner.into());
            for field in object.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(of) = field.get_mut("type") {
                    *of = flatten(&of.clone(), inner, types);
                }
            }
            types.insert(name.clone(), Value::Object(object));
            name.into()
        }
        _ => json.clone(),
    }
}

/// Puts the definitions back, each where its name comes first.
fn expand(json: &Value, types: &BTreeMap<String, Value>, defined: &mut BTreeSet<String>) -> Value {
    match json {
        Value::String(name) if !types.contains_key(name) || defined.contains(name) => json.clone(),
        Value::String(name) => {
            defined.insert(name.clone());
            let mut definition = types[name].clone();
            for field in definition.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(of) = field.get_mut("type") {
                    *of = expand(&of.clone(), types, defined);
                }
            }
            definition
        }
        Value::Array(branches) => branches.iter().map(|branch| expand(branch, types, defined)).collect(),
        Value::Object(object) => {
            let mut object = object.clone();
            for key in ["type", "items", "values"] {
                if let Some(inner) = object.get(key).map(|inner| expand(inner, types, defined)) {
                    object.insert(key.to_owned(), inner);
                }
            }
            Value::Object(object)
        }
        _ => json.clone(),
    }
}

fn full(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}
