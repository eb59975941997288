//! What a load sends, seen from the log's side.

mod identity;
mod trouble;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use contract::item_lookup::ItemLookup;
use contract::order_intake::OrderIntake;
use engine::core::{headers, ids};
use engine::shell::client::{Client, From, Message, Tail};
use engine::shell::transport::Fault;
use flow::{Codec, Decoded};

use super::plan::Part;
use super::tpch;
use super::*;

const SCALE: f64 = 0.0005;
const PARTITIONS: u32 = 4;

/// Remembers what it was given.
#[derive(Default)]
struct Log(Vec<Message>);

impl Client for Log {
    fn partitions(&mut self, topic: &str) -> Result<Option<u32>, Fault> {
        Ok(contract::TOPICS_YAML.contains(topic).then_some(PARTITIONS))
    }

    fn send(&mut self, message: Message) -> Result<(), Fault> {
        self.0.push(message);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn tail(&mut self, _: &[&str], _: From) -> Result<Box<dyn Tail>, Fault> {
        Err(Fault::Fatal("nothing to read".into()))
    }
}

fn local_id(fingerprint: u64) -> Option<u32> {
    contract::RELEASED.iter().find(|released| released.fingerprint == fingerprint).map(|released| released.local_id)
}

/// Sends a plan at one message a millisecond.
fn sent(plan: &Plan) -> (Vec<Message>, Manifest) {
    let (clock, mut log, mut progress) = (Cell::new(1_000), Log::default(), Vec::new());
    let now = || clock.replace(clock.get() + 1);
    let manifest =
        send(plan, &mut log, &local_id, &now, &mut |sent| progress.push(sent)).expect("the log takes it all");
    let total = log.0.len() as u64;
    let late = plan.parts.iter().any(|part| part.late);
    assert_eq!(progress.last(), Some(&Sent { records: total, total, late }));
    // Whoever wants late items to be late for sure is told when the last order is sent.
    let told = progress.iter().find(|sent| sent.late).map_or(total, |sent| sent.records);
    let orders =
        |messages: &[Message]| messages.iter().filter(|message| message.header("record") == "PlaceOrder").count();
    let again = manifest.orders.iter().filter(|order| order.sent > 1).count();
    assert!(orders(&log.0[..told as usize]) >= manifest.orders.len());
    assert_eq!(orders(&log.0), manifest.orders.len() + again);
    (log.0, manifest)
}

fn trouble() -> Trouble {
    Trouble { duplicates: 0.2, late: 0.05, scarce: 0.1, garbage: 21, seed: 7 }
}

fn is_garbage(message: &Message) -> bool {
    message.header(headers::RECORD).is_empty()
}

/// The body behind the framing.
fn body(message: &Message) -> &[u8] {
    let value = message.value.as_deref().expect("a command has a value");
    let id = u32::from_be_bytes(value[1..5].try_into().expect("four bytes"));
    let released = contract::RELEASED.iter().find(|released| released.local_id == id).expect("a released schema");
    assert_eq!((value[0], message.header(headers::RECORD)), (0, released.record));
    assert_eq!(message.header(headers::FINGERPRINT), format!("{:016x}", released.fingerprint));
    assert_eq!(message.header(headers::SCHEMA_VERSION), released.version);
    &value[5..]
}

/// Decodes a command as its processor does, and hands it on.
fn read<P: Codec, T>(message: &Message, with: impl FnOnce(Decoded<'_, P>) -> T) -> T {
    let record = message.header(headers::RECORD);
    let text = contract::RELEASED.iter().find(|released| released.record == record).expect("a released schema").text;
    let schema = P::schema(text).unwrap_or_else(|error| panic!("{record}: {}", error.0));
    let input = P::TOPOLOGY.inputs.iter().position(|input| input.topic == message.topic).expect("an input");
    let decoded =
        P::decode(input, record, &schema, body(message)).unwrap_or_else(|error| panic!("{record}: {}", error.0));
    assert_eq!(message.header(headers::EVENT_ID), decoded.meta.event_id.to_string());
    assert_eq!(message.header(headers::TICKET_ID), decoded.meta.ticket_id.to_string());
    assert_eq!(message.header(headers::CONTENT), format!("{:016x}", decoded.content));
    assert_eq!(message.key.as_deref(), Some(decoded.key.as_bytes()));
    assert_eq!(message.partition, ids::partition(decoded.key.as_bytes(), PARTITIONS));
    if let Some(identity) = &decoded.identity {
        assert_eq!(decoded.meta.event_id, ids::identity(&message.topic, record, identity));
    }
    with(decoded)
}

#[test]
fn rows_are_those_of_tpch() {
    // The first rows that dbgen writes at scale 0.001, and the number of lines it writes at 0.01.
    let order = tpch::orders(0.001).next().expect("an order");
    assert_eq!((order.key, order.customer, order.lines.len()), (1, 37, 6));
    let line = |at: usize| (order.lines[at].line_no, order.lines[at].part, order.lines[at].quantity);
    assert_eq!((line(0), order.lines[0].extended_price_minor), ((1, 156, 17), 1_795_455));
    assert_eq!((line(1), order.lines[1].extended_price_minor), ((2, 68, 36), 3_485_016));
    let part = tpch::parts(0.001).next().expect("a part");
    assert_eq!((part.key, part.price_minor, part.available), (1, 90_100, [3325, 8076, 3956, 4069]));
    assert_eq!(part.name, "goldenrod lavender spring chocolate lace");
    let (demand, orders, lines) = tpch::demand(0.01, 2_000);
    assert_eq!((orders, lines), (15_000, 60_175));
    assert!(demand.iter().all(|pieces| *pieces > 0));
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let first = sent(&plan(SCALE, &trouble()).expect("a plan"));
    assert_eq!(first, sent(&plan(SCALE, &trouble()).expect("a plan")));
    let other = plan(SCALE, &Trouble { seed: 8, ..trouble() }).expect("a plan");
    assert_ne!(first.0, sent(&other).0);
}

#[test]
fn loads_of_two_seeds_ask_for_nothing_in_common() {
    let (first, second) = (
        sent(&plan(SCALE, &trouble()).expect("a plan")),
        sent(&plan(SCALE, &Trouble { seed: 8, ..trouble() }).expect("a plan")),
    );
    let names = |messages: &[Message]| -> BTreeSet<_> {
        messages.iter().filter(|it| !is_garbage(it)).map(|it| it.header(headers::EVENT_ID).to_owned()).collect()
    };
    assert!(names(&first.0).is_disjoint(&names(&second.0)), "an identity of both: its second command is a conflict");
    let items = |manifest: &Manifest| -> BTreeSet<_> { manifest.items.iter().map(|it| it.item_id.clone()).collect() };
    assert!(items(&first.1).is_disjoint(&items(&second.1)), "the stock of an item is that of its load");
    assert!(first.1.items.iter().all(|item| load_of_item(&item.item_id) == Some(7)));
    assert_eq!((load_of_item("part-7"), load_of_item("x"), load_of_order("shop", "order-7-1")), (None, None, None));
    let of = |message: &Message| message.header(LOAD).to_owned();
    assert!(second.0.iter().filter(|it| is_garbage(it)).all(|it| of(it) == "8"));
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    for scale in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(plan(scale, &trouble()).is_err(), "scale {scale}");
    }
    assert!(plan(SCALE, &Trouble { late: 1.5, ..trouble() }).is_err());
    assert!(plan(SCALE, &Trouble { duplicates: f64::NAN, ..trouble() }).is_err());
}

#[test]
fn stock_meets_the_demand_unless_it_is_scarce() {
    let supplied = |demand, scarce, available| {
        let zero =
            Part { price_minor: 1, demand, deliveries: [0; 4], raised: 0, late: false, stock_late: false, scarce };
        let mut part = zero;
        part.supply(available);
        (part.deliveries, part.raised)
    };
    assert_eq!(supplied(100, false, [10, 20, 30, 40]), ([10, 20, 30, 40], 0));
    assert_eq!(supplied(101, false, [10, 20, 30, 40]), ([10, 20, 30, 41], 1));
    assert_eq!(supplied(101, true, [10, 20, 30, 40]), ([7, 14, 21, 28], 0));
    assert_eq!(supplied(99, true, [1, 1, 1, 9_999]), ([0, 0, 0, 69], 0));
    assert_eq!(supplied(1, true, [1, 1, 1, 1]), ([0, 0, 0, 0], 0));
    let plan = plan(SCALE, &trouble()).expect("a plan");
    for part in &plan.parts {
        let wanted = if part.scarce { part.demand * 7 / 10 } else { part.demand };
        assert!(part.received() >= wanted && (!part.scarce || part.received() == wanted), "{part:?}");
    }
    let count = |flag: fn(&Part) -> bool| plan.parts.iter().filter(|part| flag(part)).count();
    assert_eq!((plan.parts.len(), count(|part| part.scarce), count(|part| part.late)), (100, 10, 5));
}

#[test]
fn commands_say_what_the_manifest_says() {
    let plan = plan(SCALE, &trouble()).expect("a plan");
    let (messages, manifest) = sent(&plan);
    let mut seen = BTreeSet::new();
    let (mut received, mut registered) = (BTreeMap::new(), BTreeMap::new());
    let mut orders = Vec::new();
    for message in messages.iter().filter(|message| !is_garbage(message) && seen.insert(message.value.clone())) {
        if message.topic == "order-commands.v1" {
            read::<OrderIntake, _>(message, |decoded| {
                let contract::order_intake::In::PlaceOrder(order) = decoded.input;
                assert_eq!(order.order_id, contract::ticket_id(&order.requester, &order.request_id));
                assert_eq!(order.order_id, decoded.meta.ticket_id.to_string());
                let lines: Vec<_> =
                    order.lines.iter().map(|line| (line.line_no, line.item_id.to_string(), line.quantity)).collect();
                orders.push((decoded.meta.ticket_id, lines));
            });
            continue;
        }
        read::<ItemLookup, _>(message, |decoded| match decoded.input {
            contract::item_lookup::In::RegisterItem(item) => {
                assert!(registered.insert(item.item_id.to_string(), item.unit_price_minor).is_none());
            }
            contract::item_lookup::In::ReceiveStock(stock) => {
                assert!(stock.quantity > 0);
                let (pieces, deliveries) = received.entry(stock.item_id.to_string()).or_insert((0, 0));
                (*pieces, *deliveries) = (*pieces + stock.quantity, *deliveries + 1);
            }
            other => panic!("{other:?}"),
        });
    }
    let items: Vec<_> = manifest.items.iter().collect();
    assert_eq!(registered.len(), items.len());
    for item in items {
        assert_eq!(registered[&item.item_id], item.price_minor);
        assert_eq!(received.get(&item.item_id).copied().unwrap_or_default(), (item.received, item.deliveries));
    }
    let name = |item: u32| manifest.items[item as usize].item_id.clone();
    let wanted = manifest.orders.iter().map(|order| {
        (order.order_id, order.lines.iter().map(|line| (line.line_no, name(line.item), line.quantity)).collect())
    });
    assert_eq!(orders, wanted.collect::<Vec<(flow::Id, Vec<_>)>>());
    assert_eq!((manifest.counts.orders, manifest.counts.lines), (plan.orders, plan.lines));
    for order in &manifest.orders {
        for line in &order.lines {
            assert_eq!(line.extended_price_minor, line.quantity * manifest.items[line.item as usize].price_minor);
        }
    }
}

#[test]
fn the_manifest_reads_back() {
    let (_, manifest) = sent(&plan(SCALE, &trouble()).expect("a plan"));
    let text = serde_json::to_string(&manifest).expect("JSON");
    assert_eq!(serde_json::from_str::<Manifest>(&text).expect("a manifest"), manifest);
    assert!(serde_json::from_str::<Bytes>("\"0g\"").is_err() && serde_json::from_str::<Bytes>("\"000\"").is_err());
}
