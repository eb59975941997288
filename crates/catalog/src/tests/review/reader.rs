//! The reader without a compiler reads what the generator's structs read: the same values, and the same refusals.

use serde::Deserialize;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_json::{Value, json};

use crate::review::avro::{Avro, Ty};
use crate::review::data::{encode, samples, value};
use crate::review::reader::{Read, read};
use crate::tests::{base, parsed};

/// What the generator makes of tests/base/shapes.avsc; another test proves that it still does.
#[path = "../../../../contract/src/tests/shapes.rs"]
#[rustfmt::skip]
#[allow(dead_code)]
mod shapes;

/// A value as serde_json has the struct.
fn plain(read: &Read) -> Value {
    match read {
        Read::Boolean(value) => json!(value),
        Read::Number(value) => json!(value),
        Read::Real(value) => json!(value),
        Read::Text(text) | Read::Symbol(text) => json!(text),
        Read::Id(bytes) => json!(bytes),
        Read::None => Value::Null,
        Read::Some(inner) => plain(inner),
        Read::Items(items) => items.iter().map(plain).collect(),
        Read::Record(fields) => fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
    }
}

fn by_struct(schema: &serde_avro_fast::Schema, bytes: &[u8]) -> Option<Value> {
    let mut config = DeserializerConfig::new(schema);
    config.max_seq_size = bytes.len();
    config.allowed_depth = 32;
    let mut state = DeserializerState::with_config(SliceRead::new(bytes), config);
    let value = shapes::Shapes::deserialize(state.deserializer()).ok()?;
    Some(serde_json::to_value(&value).expect("it is plain data"))
}

/// Types in the place of a field's own.
fn types() -> Vec<Value> {
    let list = |items: Value| json!({"type": "array", "items": items});
    let mut out: Vec<Value> =
        ["null", "boolean", "int", "long", "float", "double", "string", "bytes"].iter().map(|it| json!(it)).collect();
    out.extend(out.clone().into_iter().skip(1).map(|it| json!(["null", it])).collect::<Vec<_>>());
    out.extend(["long", "string", "bytes", "double"].map(|it| list(json!(it))));
    out.push(json!({"type": "enum", "name": "Other", "symbols": ["RED", "GREEN"]}));
    out.push(json!({"type": "fixed", "name": "Other", "size": 16}));
    out.push(json!({"type": "fixed", "name": "Other", "size": 15}));
    out.push(json!({"type": "record", "name": "Other", "fields": [{"name": "text", "type": "bytes"}]}));
    out.push(json!({"type": "record", "name": "Other", "fields": []}));
    out.push(json!({"type": "map", "values": "string"}));
    out
}

/// The schema, and others that differ in one field.
fn writers(whole: &Value) -> Vec<Value> {
    let count = whole["fields"].as_array().map_or(0, Vec::len);
    let mut out = vec![whole.clone()];
    for at in 0..count {
        let mut change = |change: &dyn Fn(&mut Vec<Value>)| {
            let mut writer = whole.clone();
            writer["fields"].as_array_mut().into_iter().for_each(change);
            out.push(writer);
        };
        change(&|fields| drop(fields.remove(at)));
        for name in ["unknown", "name", "label", "title"] {
            change(&|fields| fields[at]["name"] = json!(name));
        }
        for ty in types() {
            change(&|fields| fields[at]["type"] = ty.clone());
        }
    }
    out
}

#[test]
fn it_reads_what_the_generated_structs_read() {
    let catalog = parsed(base());
    let definition = catalog.schemas.get("orderflow.Shapes").expect("it is in the base");
    let whole: Value = serde_json::from_str(&catalog.schemas.whole(definition)).expect("it is JSON");
    let (mut right, mut refused) = (0, 0);
    for writer in writers(&whole) {
        // Without its definition a name means nothing; with the same name twice a record is none.
        let Ok(schema) = writer.to_string().parse::<serde_avro_fast::Schema>() else { continue };
        let avro = Avro::read(&writer);
        for sample in 0..samples(&avro) {
            let datum = value(&avro, sample).expect("it has an end");
            let mut bytes = Vec::new();
            encode(&avro, &Ty::Named(avro.root.clone()), &datum, &mut bytes);
            let ours = match read(&catalog.schemas, definition, &schema, &bytes) {
                Ok((value, missing)) => missing.is_empty().then(|| plain(&value)),
                Err(_) => None,
            };
            let theirs = by_struct(&schema, &bytes);
            assert_eq!(ours, theirs, "sample {sample} of {writer}");
            *(if theirs.is_some() { &mut right } else { &mut refused }) += 1;
        }
    }
    assert!(right > 1_500 && refused > 5_000, "{right} read, {refused} refused");
}
