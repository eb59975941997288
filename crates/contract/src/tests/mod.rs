//! Tests of the codec: against Apache's implementation, against older and newer writers, and against hostile bytes.

mod content;
mod evolution;
mod hostile;
mod processor;
mod random;
mod round_trip;
#[rustfmt::skip]
mod shapes;
mod state;

use serde_json::Value;

use crate::{RELEASED, Released, Split};

/// A released schema by record name.
fn released(record: &str) -> &'static Released {
    RELEASED.iter().rev().find(|it| it.record == record).unwrap_or_else(|| panic!("no record {record}"))
}

/// The schema of a record as another version of it might be.
fn edited(record: &str, edit: impl FnOnce(&mut Vec<Value>)) -> Split {
    let mut json: Value = serde_json::from_str(released(record).text).expect("JSON");
    edit(json["fields"].as_array_mut().expect("fields"));
    Split::parse(&json.to_string()).expect("a schema")
}

/// A field of a schema by name.
fn field<'f>(fields: &'f mut [Value], name: &str) -> &'f mut Value {
    fields.iter_mut().find(|field| field["name"] == name).unwrap_or_else(|| panic!("no field {name}"))
}

/// Calls a macro with every record that travels.
macro_rules! every_record {
    ($call:ident) => {
        $call!(
            Accepted Completed CorrectItem Failed ItemCommandRefused ItemCorrected ItemRegistered ItemRetired LineParked
            LineRefused LineReleased LineReserved LineResumed LineShipped OrderAccepted OrderCompleted OrderConfirmed
            OrderParked OrderPlaced OrderRejected OrderResumed OrderShipped PlaceOrder ReceiveStock RegisterItem
            Rejected ReleaseLine ReserveLine RetireItem ShipLine StockReceived
        )
    };
}
use every_record;

#[test]
fn the_list_of_records_is_complete() {
    macro_rules! names {
        ($($record:ident)*) => { [$(stringify!($record)),*] };
    }
    let mut released: Vec<&str> = RELEASED.iter().filter(|it| !it.state).map(|it| it.record).collect();
    released.sort_unstable();
    released.dedup();
    assert_eq!(every_record!(names).to_vec(), released);
}

#[test]
fn the_table_of_schemas_is_in_order_and_right() {
    for (at, it) in RELEASED.iter().enumerate() {
        assert_eq!(it.local_id as usize, at + 1, "{}", it.record);
        let schema: serde_avro_fast::Schema = it.text.parse().expect(it.record);
        assert_eq!(u64::from_le_bytes(*schema.rabin_fingerprint()), it.fingerprint, "{}", it.record);
        assert_eq!(it.topic.is_empty(), it.state, "{}", it.record);
    }
    // As Java's SchemaNormalization (Avro 1.12.0) has it.
    assert_eq!(released("Accepted").fingerprint, 0x071e_9ba6_ccf9_c89d);
}

#[test]
fn a_ticket_is_the_same_wherever_it_is_computed() {
    assert_eq!(crate::ticket_id("shop-1", "r-1"), crate::ticket_id("shop-1", "r-1"));
    assert_ne!(crate::ticket_id("shop-1", "r-1"), crate::ticket_id("shop-1r", "-1"));
    assert_eq!(crate::ticket_id("shop-1", "r-1"), "5f91531f-3002-5cea-9a86-65d28c6614ad");
}
