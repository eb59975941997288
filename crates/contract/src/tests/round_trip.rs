//! What Apache's implementation writes, we read, write again byte for byte, and it reads the same.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use flow::Meta;
use proptest::prelude::*;
use serde::Deserialize;

use crate::codec::{Record, datum, encode};
use crate::tests::random::Random;
use crate::tests::{every_record, released, shapes};
use crate::{RELEASED, Split};

/// A random record of the named schema, and its bytes as Apache's implementation writes them.
pub fn random(record: &str, seed: u64) -> (Value, Vec<u8>) {
    let it = released(record);
    let json = serde_json::from_str(it.text).expect("JSON");
    let version = ("schema_version", Value::String(it.version.to_owned()));
    let value = Random(seed).value(&json, &[version]);
    let schema = apache_avro::Schema::parse_str(it.text).expect("a schema");
    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    let bytes = writer.write_value_to_vec(value.clone()).expect("a datum");
    (value, bytes)
}

/// Reads a record and its meta, leaving nothing over.
pub fn read<'a, T: Deserialize<'a>>(schema: &Split, bytes: &'a [u8]) -> Result<(Meta, T), String> {
    #[derive(Deserialize)]
    struct MetaFields {
        #[serde(with = "crate::codec::uuid")]
        event_id: flow::Id,
        #[serde(with = "crate::codec::uuid")]
        ticket_id: flow::Id,
        #[serde(with = "crate::codec::uuid")]
        cause: flow::Id,
        occurred_at: i64,
    }
    let (meta, rest) = datum::<MetaFields>(&schema.meta, bytes)?;
    let (body, rest) = datum(&schema.body, rest)?;
    assert!(rest.is_empty());
    let MetaFields { event_id, ticket_id, cause, occurred_at } = meta;
    Ok((Meta { event_id, ticket_id, cause, occurred_at }, body))
}

fn check<'a, T: Record<'a> + Deserialize<'a>>(value: &Value, bytes: &'a [u8]) {
    let it = &RELEASED[T::RELEASED];
    let schema = Split::parse(it.text).expect("a schema");
    let (meta, body) = read::<T>(&schema, bytes).expect("a record");
    let mut again = b"before".to_vec();
    let encoded = encode(&body, &meta, &mut again).expect("encodable");
    assert_eq!((encoded.record, encoded.version, encoded.fingerprint), (it.record, it.version, it.fingerprint));
    assert_eq!(again.strip_prefix(b"before"), Some(bytes));
    let schema = apache_avro::Schema::parse_str(it.text).expect("a schema");
    let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
    assert_eq!(reader.read_value(&mut &again[6..]).expect("a value"), *value);
}

proptest! {
    #[test]
    fn every_record_is_byte_compatible(seed: u64) {
        macro_rules! check_all {
            ($($record:ident)*) => {
                $({
                    let (value, bytes) = random(stringify!($record), seed);
                    check::<crate::$record<'_>>(&value, &bytes);
                })*
            };
        }
        every_record!(check_all);
    }

    /// Shapes that our schemas do not use yet.
    #[test]
    fn every_shape_is_byte_compatible(seed: u64) {
        let json = shape_schema();
        let text = json.to_string();
        let value = Random(seed).value(&json, &[]);
        let schema = apache_avro::Schema::parse_str(&text).expect("a schema");
        let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
        let bytes = writer.write_value_to_vec(value).expect("a datum");
        let schema: serde_avro_fast::Schema = text.parse().expect("a schema");
        let (shapes, rest) = datum::<shapes::Shapes<'_>>(&schema, &bytes).expect("a record");
        prop_assert!(rest.is_empty());
        let mut again = Vec::new();
        crate::codec::write(&schema, &shapes, &mut again).expect("encodable");
        prop_assert_eq!(again, bytes);
    }
}

/// The schema that `shapes` was generated from, whole in itself.
pub fn shape_schema() -> serde_json::Value {
    let text = include_str!("../../../catalog/src/tests/base/shapes.avsc");
    let mut json: serde_json::Value = serde_json::from_str(text).expect("JSON");
    json["fields"][0]["type"] = serde_json::json!({"type": "fixed", "name": "Uuid", "size": 16, "logicalType": "uuid"});
    json
}
