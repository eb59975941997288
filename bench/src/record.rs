//! The records of the job and their bytes: the same functions for both sides, so that only the engine is compared.

use std::cell::RefCell;

use anyhow::{Result, anyhow, ensure};
use flow::{Id, Meta};
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_avro_fast::Schema;
use serde_avro_fast::ser::SerializerConfig;

/// Version of the three schemas.
pub const VERSION: &str = "1.0.0";

/// Schema ids as a registry would have given them.
pub const ITEM_ID: u32 = 1;
pub const LINE_ID: u32 = 2;
pub const ENRICHED_ID: u32 = 3;

macro_rules! record {
    ($name:literal, $fields:literal) => {
        concat!(
            r#"{"type":"record","name":""#,
            $name,
            r#"","namespace":"bench","fields":[{"name":"meta","type":{"type":"record","name":"Meta","fields":["#,
            r#"{"name":"event_id","type":{"type":"fixed","name":"Uuid","size":16,"logicalType":"uuid"}},"#,
            r#"{"name":"ticket_id","type":"Uuid"},{"name":"cause","type":"Uuid"},"#,
            r#"{"name":"occurred_at","type":{"type":"long","logicalType":"timestamp-millis"}},"#,
            r#"{"name":"schema_version","type":"string"}]}},"#,
            $fields,
            "]}"
        )
    };
}

pub const ITEM_SCHEMA: &str = record!(
    "Item",
    r#"{"name":"item_id","type":"string"},{"name":"name","type":"string"},{"name":"unit_price_minor","type":"long"},{"name":"currency","type":"string"}"#
);

pub const LINE_SCHEMA: &str = record!(
    "Line",
    r#"{"name":"order_id","type":"string"},{"name":"line_no","type":"int"},{"name":"item_id","type":"string"},{"name":"quantity","type":"long"}"#
);

pub const ENRICHED_SCHEMA: &str = record!(
    "Enriched",
    r#"{"name":"order_id","type":"string"},{"name":"line_no","type":"int"},{"name":"item_id","type":"string"},{"name":"quantity","type":"long"},{"name":"name","type":"string"},{"name":"amount_minor","type":"long"},{"name":"currency","type":"string"}"#
);

/// What a key remembers: the item that it names.
pub const STATE_SCHEMA: &str = r#"{"type":"record","name":"KnownItem","namespace":"bench","fields":[{"name":"name","type":"string"},{"name":"unit_price_minor","type":"long"},{"name":"currency","type":"string"}]}"#;

/// The facts that every record begins with, as they travel.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Facts<'a> {
    #[serde(with = "uuid")]
    pub event_id: Id,
    #[serde(with = "uuid")]
    pub ticket_id: Id,
    #[serde(with = "uuid")]
    pub cause: Id,
    pub occurred_at: i64,
    pub schema_version: &'a str,
}

impl Facts<'_> {
    pub fn of(meta: &Meta) -> Facts<'static> {
        Facts {
            event_id: meta.event_id,
            ticket_id: meta.ticket_id,
            cause: meta.cause,
            occurred_at: meta.occurred_at,
            schema_version: VERSION,
        }
    }

    pub fn meta(&self) -> Meta {
        Meta { event_id: self.event_id, ticket_id: self.ticket_id, cause: self.cause, occurred_at: self.occurred_at }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Item<'a> {
    #[serde(borrow)]
    pub meta: Facts<'a>,
    pub item_id: &'a str,
    pub name: &'a str,
    pub unit_price_minor: i64,
    pub currency: &'a str,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Line<'a> {
    #[serde(borrow)]
    pub meta: Facts<'a>,
    pub order_id: &'a str,
    pub line_no: i32,
    pub item_id: &'a str,
    pub quantity: i64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Enriched<'a> {
    #[serde(borrow)]
    pub meta: Facts<'a>,
    pub order_id: &'a str,
    pub line_no: i32,
    pub item_id: &'a str,
    pub quantity: i64,
    pub name: &'a str,
    pub amount_minor: i64,
    pub currency: &'a str,
}

/// The item as it is remembered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KnownItem {
    pub name: String,
    pub unit_price_minor: i64,
    pub currency: String,
}

/// The body of an enriched line; the facts come from whoever sends it.
pub fn enrich<'a>(meta: Facts<'a>, line: &Line<'a>, item: &'a KnownItem) -> Enriched<'a> {
    Enriched {
        meta,
        order_id: line.order_id,
        line_no: line.line_no,
        item_id: line.item_id,
        quantity: line.quantity,
        name: &item.name,
        amount_minor: line.quantity * item.unit_price_minor,
        currency: &item.currency,
    }
}

/// Parses a schema of this file.
pub fn schema(text: &str) -> Result<Schema> {
    text.parse().map_err(|error| anyhow!("schema: {error}"))
}

/// CRC-64-AVRO of a schema.
pub fn fingerprint(schema: &Schema) -> u64 {
    u64::from_le_bytes(*schema.rabin_fingerprint())
}

/// Reads a datum that ends with the bytes; strings borrow.
pub fn read<'a, T: Deserialize<'a>>(schema: &Schema, bytes: &'a [u8]) -> Result<T> {
    serde_avro_fast::from_datum_slice(bytes, schema).map_err(|error| anyhow!("{error}"))
}

/// Reads a datum into something that owns its strings.
pub fn read_owned<T: DeserializeOwned>(schema: &Schema, bytes: &[u8]) -> Result<T> {
    serde_avro_fast::from_datum_slice(bytes, schema).map_err(|error| anyhow!("{error}"))
}

/// Appends a datum.
pub fn write(schema: &Schema, value: &impl Serialize, buffer: &mut Vec<u8>) -> Result<()> {
    let mut config = SerializerConfig::new(schema);
    serde_avro_fast::to_datum(value, buffer, &mut config).map(|_| ()).map_err(|error| anyhow!("{error}"))
}

/// Magic 0 and the schema id.
pub fn frame(id: u32, buffer: &mut Vec<u8>) {
    buffer.push(0);
    buffer.extend(id.to_be_bytes());
}

/// Schema id and datum of a framed value.
pub fn unframe(value: &[u8]) -> Result<(u32, &[u8])> {
    let Some(([0, id @ ..], body)) = value.split_first_chunk::<5>() else {
        return Err(anyhow!("{} bytes without framing", value.len()));
    };
    ensure!(!body.is_empty(), "nothing after the framing");
    Ok((u32::from_be_bytes(*id), body))
}

/// A hash of field values, made as the contract makes it: names and values in a row, then XXH3.
pub fn content(record: &str, fields: &[(&str, Value<'_>)]) -> u64 {
    thread_local! {
        static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    fn text(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        text(bytes, record);
        for (name, value) in fields {
            text(bytes, name);
            match value {
                Value::Text(value) => text(bytes, value),
                Value::Long(value) => bytes.extend_from_slice(&value.to_le_bytes()),
            }
        }
        xxhash_rust::xxh3::xxh3_64(bytes)
    })
}

/// A field's value.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Text(&'a str),
    Long(i64),
}

mod uuid {
    use super::{Deserializer, Error, Id, Serializer};

    struct Bytes;

    impl serde::de::Visitor<'_> for Bytes {
        type Value = Id;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("16 bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Id, E> {
            bytes.try_into().map(Id).map_err(|_| E::invalid_length(bytes.len(), &self))
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }

    pub fn serialize<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&id.0)
    }
}
