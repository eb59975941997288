//! A record's schema cut in two: an Avro datum is the concatenation of its fields, so meta, which comes first, and
//! the body can be read and written one after the other, each with the types that it needs.

use std::collections::BTreeMap;

use flow::CodecError;
use serde_avro_fast::Schema;
use serde_json::{Map, Value};

/// A parsed schema, ready to read and write with.
pub struct Split {
    pub(crate) meta: Schema,
    pub(crate) body: Schema,
}

impl Split {
    /// Parses self-contained Avro JSON of a record whose first field is `meta`.
    pub fn parse(text: &str) -> Result<Split, CodecError> {
        let error = |what: String| CodecError(format!("schema: {what}"));
        let record: Value = serde_json::from_str(text).map_err(|reason| error(reason.to_string()))?;
        let (meta, body) = cut(record).map_err(error)?;
        let parse = |schema: Value| schema.to_string().parse::<Schema>().map_err(|reason| error(reason.to_string()));
        Ok(Split { meta: parse(meta)?, body: parse(body)? })
    }
}

/// The type of the first field, and the record without it.
fn cut(mut record: Value) -> Result<(Value, Value), String> {
    let name = record.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let namespace = namespace_of(&record, "");
    let fields = record.get_mut("fields").and_then(Value::as_array_mut).filter(|fields| !fields.is_empty());
    let fields = fields.ok_or_else(|| format!("record \"{name}\" has no fields"))?;
    if fields[0].get("name").and_then(Value::as_str) != Some("meta") {
        return Err(format!("record \"{name}\": the first field is not \"meta\""));
    }
    let mut meta = fields.remove(0).get_mut("type").map(Value::take).unwrap_or_default();
    if meta.is_object() {
        let own = namespace_of(&meta, &namespace);
        set_namespace(&mut meta, &own);
    }
    let mut defined = BTreeMap::new();
    define(&meta, &namespace, &mut defined);
    place(&mut record, "", &mut defined);
    Ok((meta, record))
}

/// Avro specification, "Names": a dot in the name, else the namespace attribute, else the one around it.
fn namespace_of(schema: &Value, outer: &str) -> String {
    let name = schema.get("name").and_then(Value::as_str).unwrap_or_default();
    match (name.rsplit_once('.'), schema.get("namespace").and_then(Value::as_str)) {
        (Some((namespace, _)), _) | (None, Some(namespace)) => namespace.to_owned(),
        (None, None) => outer.to_owned(),
    }
}

fn set_namespace(schema: &mut Value, namespace: &str) {
    if let Value::Object(object) = schema {
        object.insert("namespace".into(), Value::String(namespace.to_owned()));
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// A named type's full name and the namespace inside it; `None` for other schemas.
fn named(object: &Map<String, Value>, schema: &Value, outer: &str) -> Option<(String, String)> {
    let kind = object.get("type").and_then(Value::as_str)?;
    let name = object.get("name").and_then(Value::as_str)?;
    if !matches!(kind, "record" | "error" | "enum" | "fixed") {
        return None;
    }
    let namespace = namespace_of(schema, outer);
    Some((full_name(name, &namespace), namespace))
}

/// Collects what is defined inside a schema, by full name.
fn define(schema: &Value, namespace: &str, defined: &mut BTreeMap<String, Value>) {
    match schema {
        Value::Array(branches) => branches.iter().for_each(|branch| define(branch, namespace, defined)),
        Value::Object(object) => {
            let mut inner = namespace.to_owned();
            if let Some((full, own)) = named(object, schema, namespace) {
                let mut schema = schema.clone();
                set_namespace(&mut schema, &own);
                defined.insert(full, schema);
                inner = own;
            }
            for key in ["type", "items", "values"] {
                object.get(key).into_iter().for_each(|value| define(value, &inner, defined));
            }
            let fields = object.get("fields").and_then(Value::as_array).into_iter().flatten();
            fields.filter_map(|field| field.get("type")).for_each(|ty| define(ty, &inner, defined));
        }
        _ => {}
    }
}

/// Puts each of the definitions in the place of the first name that refers to it.
fn place(schema: &mut Value, namespace: &str, defined: &mut BTreeMap<String, Value>) {
    match schema {
        Value::String(name) => {
            let full = full_name(name, namespace);
            if let Some(mut found) = defined.remove(&full) {
                place(&mut found, "", defined);
                *schema = found;
            }
        }
        Value::Array(branches) => branches.iter_mut().for_each(|branch| place(branch, namespace, defined)),
        Value::Object(object) => {
            let inner = match named(object, &Value::Object(object.clone()), namespace) {
                Some((full, own)) => {
                    defined.remove(&full);
                    own
                }
                None => namespace.to_owned(),
            };
            for key in ["type", "items", "values"] {
                if let Some(value) = object.get_mut(key) {
                    place(value, &inner, defined);
                }
            }
            let fields = object.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten();
            fields.filter_map(|field| field.get_mut("type")).for_each(|ty| place(ty, &inner, defined));
        }
        _ => {}
    }
}
