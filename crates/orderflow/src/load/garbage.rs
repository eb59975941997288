//! Records that nobody can handle, as a sender with a bug would make them.

use anyhow::Result;
use contract::fulfilment::Fulfilment;
use contract::item_lookup::ItemLookup;
use contract::order_intake::OrderIntake;
use contract::{Line, PlaceOrder, ReceiveStock, RegisterItem, ReserveLine, ticket_id};
use engine::core::{headers, ids};
use engine::shell::client::Message;
use flow::{Id, Processor};
use serde::{Deserialize, Serialize};

use super::command::{self, ITEM_COMMANDS, ITEM_REQUESTS, ORDER_COMMANDS, Wire};
use super::dice::{Ask, Dice};
use super::manifest::{Bytes, Garbage};
use super::plan::Plan;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Bytes without framing.
    Random,
    /// Framed, but with an id that no registry gave out.
    UnknownSchema,
    /// A command whose end is missing.
    Truncated,
    /// A command with bytes after its end.
    Trailing,
    /// A good record on a topic that it does not belong to.
    Foreign,
    /// A value of no bytes.
    Empty,
    /// No value.
    Null,
}

const KINDS: [Kind; 7] =
    [Kind::Random, Kind::UnknownSchema, Kind::Truncated, Kind::Trailing, Kind::Foreign, Kind::Empty, Kind::Null];
const TOPICS: [&str; 3] = [ORDER_COMMANDS, ITEM_COMMANDS, ITEM_REQUESTS];
/// Registries count up from 1.
const UNKNOWN_ID: u32 = 0x7fff_0000;
const LENGTH_MAX: u64 = 200;

/// Garbage number `number`: each kind turns up on each topic.
pub fn make(plan: &Plan, wire: &Wire<'_>, number: usize, now_ms: i64) -> Result<(Message, Garbage)> {
    let roll = Dice(plan.trouble.seed).roll(Ask::Garbage, number as u64);
    let bytes = Dice(!plan.trouble.seed).bytes(Ask::Garbage, number as u64, (5 + roll % LENGTH_MAX) as usize);
    let (topic, kind) = (TOPICS[number % TOPICS.len()], KINDS[number / TOPICS.len() % KINDS.len()]);
    let mut message = match kind {
        Kind::Foreign => record(foreign(topic), topic, wire, number, now_ms)?,
        _ => record(topic, topic, wire, number, now_ms)?,
    };
    let cut = message.value.as_ref().map_or(5, |value| 5 + (roll >> 8) as usize % (value.len() - 5));
    match (kind, &mut message.value) {
        (Kind::Random, value) => *value = Some([&[bytes[0] | 1], &bytes[1..]].concat()),
        (Kind::UnknownSchema, value) => {
            let id = UNKNOWN_ID + number as u32;
            *value = Some([&[0], &id.to_be_bytes()[..], &bytes].concat());
        }
        (Kind::Truncated, Some(value)) => value.truncate(cut),
        (Kind::Trailing, Some(value)) => value.extend_from_slice(&bytes),
        (Kind::Empty, value) => *value = Some(Vec::new()),
        (Kind::Null, value) => *value = None,
        (Kind::Foreign | Kind::Truncated | Kind::Trailing, _) => {}
    }
    // One in four has no key, which hides whatever else is wrong with it. The others have their own, or that of an item
    // or order which really exists.
    message.key = match kind {
        _ if number % 4 == 3 => None,
        Kind::Truncated | Kind::Trailing | Kind::Foreign => message.key,
        _ if topic == ORDER_COMMANDS => Some(command::order_id(wire.seed, 1).into_bytes()),
        _ => Some(command::item_id(wire.seed, 1 + (roll % plan.parts.len().max(1) as u64) as i64).into_bytes()),
    };
    let partitions = wire.partitions(topic);
    message.partition = match &message.key {
        Some(key) => ids::partition(key, partitions),
        None => (roll >> 16) as u32 % partitions.max(1),
    };
    message.topic = topic.to_owned();
    message.headers = vec![headers::owned(command::LOAD, wire.seed.to_string())];
    let garbage = Garbage {
        kind,
        topic: topic.to_owned(),
        partition: message.partition,
        key: message.key.clone().map(Bytes),
        value: message.value.clone().map(Bytes),
        dead_letters: dead_letters(topic),
    };
    Ok((message, garbage))
}

/// The dead letter topics of everybody who reads a topic.
fn dead_letters(topic: &str) -> Vec<String> {
    let readers = [OrderIntake::TOPOLOGY, ItemLookup::TOPOLOGY, Fulfilment::TOPOLOGY].into_iter();
    let readers = readers.filter(|reader| reader.inputs.iter().any(|input| input.topic == topic));
    readers.map(|reader| format!("{}-dlq", reader.name)).collect()
}

/// A topic whose records the other does not carry.
fn foreign(topic: &str) -> &'static str {
    if topic == ORDER_COMMANDS { ITEM_COMMANDS } else { ORDER_COMMANDS }
}

/// A good record of `kind_of`'s kind for an order and an item that nobody else names.
fn record(kind_of: &str, topic: &'static str, wire: &Wire<'_>, number: usize, now_ms: i64) -> Result<Message> {
    let (requester, request_id) = ("garbage", format!("garbage-{}-{number}", wire.seed));
    let order_id = ticket_id(requester, &request_id);
    let item = || std::borrow::Cow::from(request_id.as_str());
    let identity = [requester, request_id.as_str()];
    match (kind_of, number % 2) {
        (ORDER_COMMANDS, _) => {
            let record = PlaceOrder {
                order_id: order_id.as_str().into(),
                request_id: item(),
                requester: requester.into(),
                reply_to: "order-replies.v1".into(),
                customer_id: "customer-0".into(),
                lines: vec![Line { line_no: 1, item_id: item(), quantity: 1 }],
                wait_until: None,
            };
            wire.message(topic, &record, &identity, Id::NIL, now_ms)
        }
        (ITEM_COMMANDS, 0) => {
            let (request_id, requester) = (item(), requester.into());
            let record = ReceiveStock { item_id: item(), request_id, requester, quantity: 1 };
            wire.message(topic, &record, &identity, Id::NIL, now_ms)
        }
        (ITEM_COMMANDS, _) => {
            let record = RegisterItem {
                item_id: item(),
                request_id: item(),
                requester: requester.into(),
                name: "garbage".into(),
                unit_price_minor: 1,
                currency: super::plan::CURRENCY.into(),
            };
            wire.message(topic, &record, &identity, Id::NIL, now_ms)
        }
        _ => {
            let (order_id, item_id) = (order_id.as_str().into(), item());
            let record = ReserveLine { order_id, line_no: 1, item_id, quantity: 1, wait_until: now_ms };
            wire.message(topic, &record, &identity, Id::NIL, now_ms)
        }
    }
}
