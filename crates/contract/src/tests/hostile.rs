//! Bytes that nobody of ours wrote: an error, never a panic, never a claim on memory.

use flow::Codec;
use proptest::prelude::*;
use serde_json::json;

use crate::codec::datum;
use crate::fulfilment::Fulfilment;
use crate::item_lookup::ItemLookup;
use crate::order_intake::OrderIntake;
use crate::tests::round_trip::random;
use crate::tests::{edited, released};
use crate::{PlaceOrder, Split};

/// Decodes with every processor that reads the record; the answers are errors or not, and that is all.
fn decode_everywhere(record: &str, bytes: &[u8]) -> bool {
    fn each<P: Codec>(record: &str, bytes: &[u8]) -> bool {
        let schema = P::schema(released(record).text).unwrap_or_else(|error| panic!("{error:?}"));
        let inputs = P::TOPOLOGY.inputs.iter().enumerate();
        let mut reads = inputs.filter(|(_, input)| input.records.contains(&record));
        reads.any(|(at, _)| P::decode(at, record, &schema, bytes).is_ok())
    }
    // Not `||`: each of them is to see the bytes.
    each::<OrderIntake>(record, bytes) | each::<ItemLookup>(record, bytes) | each::<Fulfilment>(record, bytes)
}

const INPUTS: [&str; 15] = [
    "PlaceOrder",
    "RegisterItem",
    "CorrectItem",
    "RetireItem",
    "ReceiveStock",
    "ReserveLine",
    "ReleaseLine",
    "ShipLine",
    "OrderAccepted",
    "LineReserved",
    "LineParked",
    "LineResumed",
    "LineRefused",
    "LineReleased",
    "LineShipped",
];

#[test]
fn whole_records_are_read_and_cut_ones_are_not() {
    for record in INPUTS {
        let (_, bytes) = random(record, 7);
        assert!(decode_everywhere(record, &bytes), "{record}");
        for length in 0..bytes.len() {
            assert!(!decode_everywhere(record, &bytes[..length]), "{record} cut to {length}");
        }
    }
}

#[test]
fn bytes_left_over_are_an_error() {
    let (_, mut bytes) = random("ReleaseLine", 7);
    bytes.push(0);
    let schema = ItemLookup::schema(released("ReleaseLine").text).unwrap_or_else(|error| panic!("{error:?}"));
    let error = ItemLookup::decode(1, "ReleaseLine", &schema, &bytes).err().map(|error| error.0);
    assert_eq!(error, Some(format!("record \"ReleaseLine\": 1 of {} bytes are left over", bytes.len())));
}

#[test]
fn a_record_of_another_topic_is_an_error() {
    let schema = ItemLookup::schema(released("ReleaseLine").text).unwrap_or_else(|error| panic!("{error:?}"));
    let error = |input, record| ItemLookup::decode(input, record, &schema, &[]).err().map(|error| error.0);
    let expected = "record \"ReleaseLine\" is not listed for topic \"item-commands.v1\"";
    assert_eq!(error(0, "ReleaseLine").as_deref(), Some(expected));
    assert_eq!(error(9, "ReleaseLine").as_deref(), Some("processor \"item-lookup\" has no input number 9"));
}

#[test]
fn a_record_without_meta_is_an_error() {
    let text = r#"{"type": "record", "name": "Bare", "fields": [{"name": "order_id", "type": "string"}]}"#;
    let error = Split::parse(text).err().map(|error| error.0);
    assert_eq!(error.as_deref(), Some("schema: record \"Bare\": the first field is not \"meta\""));
    for bad in ["", "{}", "[]", "\"string\"", r#"{"type": "record", "name": "Empty", "fields": []}"#] {
        assert!(Split::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_array_that_claims_to_be_endless_ends_at_once() {
    // Zigzag of the largest count, then of the smallest, which is negative and followed by a size in bytes.
    let claims: [&[u8]; 2] = [
        &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00],
    ];
    let of_nulls = edited("PlaceOrder", |fields| {
        let nothing = json!({"name": "nothing", "type": {"type": "array", "items": "null"}});
        fields.insert(1, nothing);
        fields.retain(|field| field["name"] == "nothing" || field["name"] == "meta");
    });
    let of_lines = edited("PlaceOrder", |fields| fields.retain(|it| it["name"] == "lines" || it["name"] == "meta"));
    for claim in claims {
        assert!(datum::<PlaceOrder<'_>>(&of_nulls.body, claim).is_err());
        assert!(datum::<PlaceOrder<'_>>(&of_lines.body, claim).is_err());
    }
}

#[test]
fn a_schema_that_nests_without_end_is_an_error() {
    // A list that links to itself: the bytes decide how deep it is.
    let schema = edited("ReleaseLine", |fields| {
        let list =
            json!({"type": "record", "name": "List", "fields": [{"name": "next", "type": ["null", "orderflow.List"]}]});
        fields.push(json!({"name": "deep", "type": list}));
    });
    let deep = [vec![0, 0, 0], vec![2; 1_000_000]].concat();
    assert!(datum::<serde::de::IgnoredAny>(&schema.body, &deep).is_err());
    let flat = [0, 0, 0, 0];
    assert!(datum::<serde::de::IgnoredAny>(&schema.body, &flat).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer(record in 0..INPUTS.len(), bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        decode_everywhere(INPUTS[record], &bytes);
    }

    #[test]
    fn a_flipped_byte_is_an_answer(record in 0..INPUTS.len(), seed: u64, at: prop::sample::Index, flip in 1u8..) {
        let (_, mut bytes) = random(INPUTS[record], seed);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        decode_everywhere(INPUTS[record], &bytes);
    }
}
