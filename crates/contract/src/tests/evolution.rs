//! Records of older and newer writers, and strings that are not copied.

use std::borrow::Cow;

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use flow::{Codec, Meta};
use serde_json::json;

use crate::codec::{datum, encode};
use crate::order_intake::{In, OrderIntake};
use crate::tests::random::Random;
use crate::tests::round_trip::shape_schema;
use crate::tests::{edited, field, shapes};
use crate::{Line, LineRefused, PlaceOrder, RefusedReason, ReserveLine, Split};

fn order() -> PlaceOrder<'static> {
    PlaceOrder {
        order_id: "o-1".into(),
        request_id: "r-1".into(),
        requester: "shop-1".into(),
        reply_to: "order-replies.v1".into(),
        customer_id: "c-1".into(),
        lines: vec![Line { line_no: 1, item_id: "i-1".into(), quantity: 2 }],
        wait_until: None,
    }
}

/// Bytes of meta, then a body as another writer would have written it.
fn bytes(schema: &Split, body: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&order(), &Meta::default(), &mut bytes).expect("encodable");
    // 3 ids, a time of 0, and the version's length and text.
    bytes.truncate(48 + 1 + 1 + 5);
    crate::codec::write(&schema.body, body, &mut bytes).expect("encodable");
    bytes
}

/// An order as a writer without one of the fields has it.
fn order_without(field: &str) -> serde_json::Value {
    let mut json = serde_json::to_value(order()).expect("JSON");
    json.as_object_mut().expect("a map").remove(field);
    json
}

fn inside(text: &str, bytes: &[u8]) -> bool {
    bytes.as_ptr_range().contains(&text.as_ptr())
}

#[test]
fn strings_are_borrowed_from_the_payload() {
    let mut payload = Vec::new();
    encode(&order(), &Meta::default(), &mut payload).expect("encodable");
    let schema = edited("PlaceOrder", |_| ());
    let decoded = OrderIntake::decode(0, "PlaceOrder", &schema, &payload).expect("decodable");
    let In::PlaceOrder(it) = decoded.input;
    assert_eq!(it, order());
    let line = &it.lines[0].item_id;
    for text in [&it.order_id, &it.request_id, &it.reply_to, line, &decoded.key] {
        assert!(matches!(text, Cow::Borrowed(text) if inside(text, &payload)), "{text}");
    }
}

#[test]
fn optional_and_repeated_strings_are_borrowed_too() {
    let schema: serde_avro_fast::Schema = shape_schema().to_string().parse().expect("a schema");
    let it = shapes::Shapes {
        id: flow::Id([7; 16]),
        flag: false,
        small: 1,
        large: 2,
        ratio: 3.0,
        thin: 4.0,
        title: "title".into(),
        note: Some("note".into()),
        must: Some(5),
        tags: vec!["one".into(), "two".into()],
        color: shapes::Color::DarkBlue,
        second: Some(shapes::Color::Red),
        inner: Some(shapes::Inner { text: "inner".into() }),
        inners: vec![shapes::Inner { text: "inners".into() }],
        colors: vec![shapes::Color::Red],
    };
    let mut payload = Vec::new();
    crate::codec::write(&schema, &it, &mut payload).expect("encodable");
    let (again, _) = datum::<shapes::Shapes<'_>>(&schema, &payload).expect("decodable");
    assert_eq!(again, it);
    let (note, inner) = (again.note.expect("a note"), again.inner.expect("a record"));
    for text in [&note, &inner.text, &again.inners[0].text, &again.tags[0], &again.tags[1], &again.title] {
        assert!(matches!(text, Cow::Borrowed(text) if inside(text, &payload)), "{text}");
    }
}

#[test]
fn a_field_that_the_writer_did_not_know_has_its_default() {
    let schema = edited("PlaceOrder", |fields| fields.retain(|field| field["name"] != "wait_until"));
    let payload = bytes(&schema, &order_without("wait_until"));
    let decoded = OrderIntake::decode(0, "PlaceOrder", &schema, &payload).expect("decodable");
    assert_eq!(decoded.input, In::PlaceOrder(order()));
    let mut own = Vec::new();
    let encoded = encode(&order(), &Meta::default(), &mut own).expect("encodable");
    assert_eq!(decoded.content, encoded.content, "the same content, whatever the writer");
}

#[test]
fn a_field_without_default_must_be_there() {
    let schema = edited("PlaceOrder", |fields| fields.retain(|field| field["name"] != "customer_id"));
    let payload = bytes(&schema, &order_without("customer_id"));
    let error = OrderIntake::decode(0, "PlaceOrder", &schema, &payload).err().expect("an error");
    assert_eq!(error.0, "record \"PlaceOrder\": missing field `customer_id`");
}

#[test]
fn an_optional_field_without_default_must_be_there_too() {
    let mut json = shape_schema();
    json["fields"].as_array_mut().expect("fields").retain(|field| field["name"] != "must");
    assert_eq!(decode_shapes(&json).expect_err("an error"), "missing field `must`");
}

#[test]
fn a_field_that_the_reader_does_not_know_is_skipped() {
    let schema = edited("ReserveLine", |fields| {
        let inner = json!({"type": "record", "name": "Extra", "fields": [{"name": "id", "type": "orderflow.Uuid"}]});
        fields.insert(3, json!({"name": "extra", "type": ["null", {"type": "array", "items": inner}]}));
    });
    #[derive(serde::Serialize)]
    struct Newer {
        order_id: &'static str,
        line_no: i32,
        extra: Option<Vec<Extra>>,
        item_id: &'static str,
        quantity: i64,
        wait_until: i64,
    }
    #[derive(serde::Serialize)]
    struct Extra {
        #[serde(with = "crate::codec::uuid")]
        id: flow::Id,
    }
    let extra = Some(vec![Extra { id: flow::Id::NIL }]);
    let newer = Newer { order_id: "o", line_no: 1, extra, item_id: "i", quantity: 2, wait_until: 3 };
    let payload = bytes(&schema, &newer);
    let (_, rest) = datum::<serde::de::IgnoredAny>(&schema.meta, &payload).expect("meta");
    let (it, rest) = datum::<ReserveLine<'_>>(&schema.body, rest).expect("decodable");
    assert_eq!((it.item_id.as_ref(), it.wait_until, rest), ("i", 3, &[][..]));
}

#[test]
fn an_int_is_read_as_a_long_and_has_the_same_content() {
    let schema = edited("ReserveLine", |fields| field(fields, "quantity")["type"] = json!("int"));
    let it =
        ReserveLine { order_id: "o".into(), line_no: 1, item_id: "i".into(), quantity: -70_000, wait_until: i64::MAX };
    let payload = bytes(&schema, &it);
    let decoded = crate::item_lookup::ItemLookup::decode(1, "ReserveLine", &schema, &payload).expect("decodable");
    let mut own = Vec::new();
    assert_eq!(decoded.content, encode(&it, &Meta::default(), &mut own).expect("encodable").content);
    assert_eq!(decoded.input, crate::item_lookup::In::ReserveLine(it));
}

#[test]
fn an_unknown_symbol_is_the_default() {
    let schema = edited("LineRefused", |fields| {
        let symbols = field(fields, "reason")["type"]["symbols"].as_array_mut().expect("symbols");
        symbols.insert(1, json!("ON_FIRE"));
    });
    #[derive(serde::Serialize)]
    struct Newer {
        order_id: &'static str,
        line_no: i32,
        item_id: &'static str,
        reason: &'static str,
        detail: &'static str,
    }
    for (symbol, expected) in [("ON_FIRE", RefusedReason::Other), ("ITEM_UNKNOWN", RefusedReason::ItemUnknown)] {
        let payload =
            bytes(&schema, &Newer { order_id: "o", line_no: 1, item_id: "i", reason: symbol, detail: "because" });
        let (_, rest) = datum::<serde::de::IgnoredAny>(&schema.meta, &payload).expect("meta");
        let (it, _) = datum::<LineRefused<'_>>(&schema.body, rest).expect("decodable");
        assert_eq!((it.reason, it.detail.as_ref()), (expected, "because"));
    }
}

#[test]
fn a_field_is_found_by_its_former_name() {
    for alias in ["name", "label"] {
        let mut json = shape_schema();
        field(json["fields"].as_array_mut().expect("fields"), "title")["name"] = json!(alias);
        let titles: Vec<String> = (0..8).filter_map(|_| decode_shapes(&json).ok()).collect();
        assert_eq!(titles.len(), 8);
    }
}

#[test]
fn defaults_other_than_zero_are_those_of_the_schema() {
    let mut json = shape_schema();
    let known = ["id", "thin", "must", "inners", "colors"];
    json["fields"].as_array_mut().expect("fields").retain(|field| known.iter().any(|name| field["name"] == *name));
    // What the fields that are gone defined is defined at its first use again.
    let inner = json!({"type": "record", "name": "Inner", "fields": [{"name": "text", "type": "string"}]});
    let color = json!({"type": "enum", "name": "Color", "symbols": ["OTHER"], "default": "OTHER"});
    field(json["fields"].as_array_mut().expect("fields"), "inners")["type"]["items"] = inner;
    field(json["fields"].as_array_mut().expect("fields"), "colors")["type"]["items"] = color;
    let text = json.to_string();
    let payload = random_bytes(&json, 1);
    let schema: serde_avro_fast::Schema = text.parse().expect("a schema");
    let (it, _) = datum::<shapes::Shapes<'_>>(&schema, &payload).expect("decodable");
    assert_eq!((it.flag, it.small, it.large, it.ratio), (true, 7, 0, 0.5));
    assert_eq!((it.title.as_ref(), it.note, it.tags, it.inner), ("none", None, Vec::new(), None));
    assert_eq!((it.color, it.second), (shapes::Color::Red, None));
}

fn random_bytes(json: &serde_json::Value, seed: u64) -> Vec<u8> {
    let schema = apache_avro::Schema::parse_str(&json.to_string()).expect("a schema");
    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    let value: Value = Random(seed).value(json, &[]);
    writer.write_value_to_vec(value).expect("a datum")
}

/// Writes a random value and reads its title.
fn decode_shapes(json: &serde_json::Value) -> Result<String, String> {
    let payload = random_bytes(json, 42);
    let schema: serde_avro_fast::Schema = json.to_string().parse().expect("a schema");
    let (it, rest) = datum::<shapes::Shapes<'_>>(&schema, &payload)?;
    assert!(rest.is_empty());
    Ok(it.title.into_owned())
}
