//! What the generated modules say about their processors.

use flow::{Codec, Duplicates, Meta, Processor};

use crate::item_lookup::{self, ItemLookup};
use crate::order_intake::{self, OrderIntake};
use crate::state::Item;
use crate::testing::MemoryState;
use crate::{Accepted, LineReleased, ReleaseLine, ReserveLine};

fn line() -> ReserveLine<'static> {
    ReserveLine { order_id: "o".into(), line_no: 1, item_id: "i".into(), quantity: 1, wait_until: 0 }
}

/// A handler as the generated types let one write it: borrowed input, borrowed output.
fn handle<'a>(event: item_lookup::Event<'a>, state: &item_lookup::State<'_>) -> item_lookup::Handled<'a> {
    let mut effects = item_lookup::Effects::new();
    let item = state.get().unwrap_or_default();
    if let item_lookup::In::ReleaseLine(line) = event.input {
        let (item_seq, on_hand) = (item.seq + 1, item.on_hand);
        let released = LineReleased {
            order_id: line.order_id,
            line_no: line.line_no,
            item_id: line.item_id,
            quantity: 0,
            item_seq,
            on_hand,
        };
        effects.emit(released);
        effects.change(item_lookup::Change::Put(Item { seq: item_seq, ..item }));
        effects.wake_at(event.time_ms, item_lookup::Wake::Deadline, event.key);
    }
    Ok(effects)
}

#[test]
fn a_handler_is_tested_with_state_in_memory() {
    let mut memory = MemoryState::new();
    for seq in 1..3 {
        let line = ReleaseLine { order_id: "o".into(), line_no: 1, item_id: "i".into() };
        let input = item_lookup::In::ReleaseLine(line);
        let event = item_lookup::Event { key: "i", meta: Meta::default(), time_ms: 5, seen: flow::Seen::New, input };
        let effects = handle(event, &memory.of::<ItemLookup>()).unwrap_or_else(|reject| panic!("{reject}"));
        assert!(matches!(&effects.emits[0].record, item_lookup::Out::LineReleased(it) if it.item_seq == seq));
        memory.apply::<ItemLookup>(&effects.changes).unwrap_or_else(|error| panic!("{error:?}"));
    }
    assert_eq!(memory.of::<ItemLookup>().get().map(|item| item.seq), Some(2));
}

#[test]
fn outputs_and_replies_know_their_topic_and_their_key() {
    let out = order_intake::Out::from(line());
    let (output, record, key) = OrderIntake::route(&out);
    assert_eq!((OrderIntake::TOPOLOGY.outputs[output].name, record, key), ("item-requests.v1", "ReserveLine", "i"));
    let reply =
        order_intake::Reply::from(Accepted { order_id: "o".into(), request_id: "r".into(), requester: "s".into() });
    assert_eq!(OrderIntake::route_reply(&reply), ("Accepted", "o"));
    let mut bytes = Vec::new();
    let encoded = OrderIntake::encode_reply(&reply, &Meta::default(), &mut bytes);
    assert_eq!(encoded.map(|it| (it.record, it.version)), Ok(("Accepted", "1.0.0")));
}

#[test]
fn timers_have_stable_numbers() {
    assert_eq!(ItemLookup::wake_kind(item_lookup::Wake::Deadline), 0);
    assert_eq!(ItemLookup::wake_kind(item_lookup::Wake::Release), 1);
    let woken = item_lookup::In::Wake(item_lookup::Wake::Release, "sub");
    assert_eq!(ItemLookup::wake(1, "sub"), Some(woken));
    assert_eq!((ItemLookup::wake(2, "sub"), OrderIntake::wake(0, "sub")), (None, None));
}

#[test]
fn the_map_is_in_the_types() {
    let topology = OrderIntake::TOPOLOGY;
    assert_eq!((topology.name, topology.partitions, topology.window_ms), ("order-intake", 12, 7 * 86_400_000));
    assert_eq!(topology.inputs[0].duplicates, Duplicates::Answer);
    assert_eq!(ItemLookup::TOPOLOGY.inputs[0].duplicates, Duplicates::Refuse);
    assert_eq!(ItemLookup::TOPOLOGY.inputs[1].duplicates, Duplicates::Drop);
    assert_eq!(ItemLookup::TOPOLOGY.tables, ["item", "parked", "lines"]);
    assert_eq!(ItemLookup::tombstone(0), None);
}

#[test]
fn dedup_knows_a_command_by_its_business_key() {
    let mut order = crate::PlaceOrder {
        order_id: "o".into(),
        request_id: "r".into(),
        requester: "s".into(),
        reply_to: "t".into(),
        customer_id: "c".into(),
        lines: Vec::new(),
        wait_until: None,
    };
    let schema = OrderIntake::schema(crate::tests::released("PlaceOrder").text);
    let schema = schema.unwrap_or_else(|error| panic!("{error:?}"));
    let identity = |order: &crate::PlaceOrder<'_>| {
        let mut bytes = Vec::new();
        crate::codec::encode(order, &Meta::default(), &mut bytes).unwrap_or_else(|error| panic!("{error:?}"));
        OrderIntake::decode(0, "PlaceOrder", &schema, &bytes).map(|decoded| decoded.identity).map_err(|error| error.0)
    };
    assert_eq!(identity(&order), Ok(Some("o\0s\0r".to_owned())));
    order.requester = "s\0r".into();
    let error = "record \"PlaceOrder\": a NUL in a field that identifies it";
    assert_eq!(identity(&order), Err(error.to_owned()));
}
