//! Commands as they go over the wire.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use contract::{Line, PlaceOrder, ReceiveStock, Record, RegisterItem, ticket_id};
use engine::core::{ids, io};
use engine::shell::client::{Client, Message};
use engine::shell::wire::headers_of;
use flow::{Id, Meta};

use super::plan::CURRENCY;
use super::tpch::OrderRow;

pub const ORDER_COMMANDS: &str = "order-commands.v1";
pub const ITEM_COMMANDS: &str = "item-commands.v1";
pub const ITEM_REQUESTS: &str = "item-requests.v1";
const ORDER_REPLIES: &str = "order-replies.v1";
const REQUESTER: &str = "tpch";

/// Something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Register {
        part: i64,
        name: String,
        price_minor: i64,
    },
    /// `delivery` counts the deliveries of the part, from 1.
    Receive {
        part: i64,
        delivery: usize,
        quantity: i64,
    },
    Place(OrderRow),
}

/// Header of garbage: the seed of the load that sent it.
pub const LOAD: &str = "load";

/// The item of a part. Every id holds the seed of its load: another load asks for other things, and one with the same
/// seed for the same again.
pub fn item_id(seed: u64, part: i64) -> String {
    format!("part-{seed}-{part}")
}

/// The order and ticket of a row of ORDERS.
pub fn order_id(seed: u64, order: i64) -> String {
    ticket_id(REQUESTER, &order_request(seed, order))
}

fn order_request(seed: u64, order: i64) -> String {
    format!("order-{seed}-{order}")
}

/// The seed of the load that an item is of, when it is of one.
pub fn load_of_item(item_id: &str) -> Option<u64> {
    seed_in(item_id, "part-")
}

/// The seed of the load that an order is of, when it is of one.
pub fn load_of_order(requester: &str, request_id: &str) -> Option<u64> {
    seed_in(request_id, "order-").filter(|_| requester == REQUESTER)
}

fn seed_in(id: &str, prefix: &str) -> Option<u64> {
    let (seed, number) = id.strip_prefix(prefix)?.split_once('-')?;
    number.parse::<i64>().ok()?;
    seed.parse().ok()
}

/// What encoding needs to know of the place it sends to.
pub struct Wire<'a> {
    /// Schema id of a fingerprint.
    ids: &'a dyn Fn(u64) -> Option<u32>,
    partitions: BTreeMap<&'static str, u32>,
    /// The load's.
    pub seed: u64,
}

impl<'a> Wire<'a> {
    /// Asks how many partitions the topics have.
    pub fn new(client: &mut dyn Client, ids: &'a dyn Fn(u64) -> Option<u32>, seed: u64) -> Result<Wire<'a>> {
        let mut partitions = BTreeMap::new();
        for topic in [ORDER_COMMANDS, ITEM_COMMANDS, ITEM_REQUESTS] {
            let missing = || anyhow!("topic \"{topic}\" does not exist; hint: orderflow topics apply");
            partitions.insert(topic, client.partitions(topic)?.ok_or_else(missing)?);
        }
        Ok(Wire { ids, partitions, seed })
    }

    /// Partitions of a topic that commands go to.
    pub fn partitions(&self, topic: &str) -> u32 {
        self.partitions.get(topic).copied().unwrap_or(1)
    }

    /// A command as a message. `identity` is what dedup knows it by, so that it has the same event id when it is sent
    /// again, by whomever.
    pub fn message<'r, R: Record<'r>>(
        &self,
        topic: &'static str,
        record: &R,
        identity: &[&str],
        ticket_id: Id,
        now_ms: i64,
    ) -> Result<Message> {
        let event_id = ids::identity(topic, contract::RELEASED[R::RELEASED].record, &identity.join("\0"));
        let meta = Meta { event_id, ticket_id, cause: Id::NIL, occurred_at: now_ms };
        let mut value = vec![0; 5];
        let encoded = contract::encode(record, &meta, &mut value).map_err(|error| anyhow!(error.0))?;
        let id = (self.ids)(encoded.fingerprint).with_context(|| {
            format!("no id is known for the schema of \"{}\"; hint: orderflow schema register", encoded.record)
        })?;
        value[1..5].copy_from_slice(&id.to_be_bytes());
        let key = record.key().to_string();
        let mut send = io::Send {
            task: 0,
            topic,
            partition: ids::partition(key.as_bytes(), self.partitions(topic)),
            key,
            value,
            timestamp_ms: now_ms,
            meta,
            record: encoded.record,
            version: encoded.version,
            fingerprint: encoded.fingerprint,
            content: encoded.content,
            trace_id: if ticket_id == Id::NIL { event_id } else { ticket_id },
            repeat: false,
        };
        let headers = headers_of(&send);
        Ok(Message {
            topic: topic.to_owned(),
            partition: send.partition,
            offset: 0,
            timestamp_ms: now_ms,
            key: Some(send.key.into_bytes()),
            value: Some(std::mem::take(&mut send.value)),
            headers,
        })
    }
}

impl Command {
    /// As a message.
    pub fn message(&self, wire: &Wire<'_>, now_ms: i64) -> Result<Message> {
        let seed = wire.seed;
        match self {
            Command::Register { part, name, price_minor } => {
                let (item_id, request_id) = (item_id(seed, *part), format!("register-{seed}-{part}"));
                let record = RegisterItem {
                    item_id: item_id.as_str().into(),
                    request_id: request_id.as_str().into(),
                    requester: REQUESTER.into(),
                    name: name.as_str().into(),
                    unit_price_minor: *price_minor,
                    currency: CURRENCY.into(),
                };
                wire.message(ITEM_COMMANDS, &record, &[&item_id, REQUESTER, &request_id], Id::NIL, now_ms)
            }
            Command::Receive { part, delivery, quantity } => {
                let (item_id, request_id) = (item_id(seed, *part), format!("delivery-{seed}-{part}-{delivery}"));
                let record = ReceiveStock {
                    item_id: item_id.as_str().into(),
                    request_id: request_id.as_str().into(),
                    requester: REQUESTER.into(),
                    quantity: *quantity,
                };
                wire.message(ITEM_COMMANDS, &record, &[&item_id, REQUESTER, &request_id], Id::NIL, now_ms)
            }
            Command::Place(order) => place(order, wire, now_ms),
        }
    }
}

fn place(order: &OrderRow, wire: &Wire<'_>, now_ms: i64) -> Result<Message> {
    let (order_id, request_id) = (order_id(wire.seed, order.key), order_request(wire.seed, order.key));
    let lines = order.lines.iter().map(|line| Line {
        line_no: line.line_no,
        item_id: item_id(wire.seed, line.part).into(),
        quantity: line.quantity,
    });
    let record = PlaceOrder {
        order_id: order_id.as_str().into(),
        request_id: request_id.as_str().into(),
        requester: REQUESTER.into(),
        reply_to: ORDER_REPLIES.into(),
        customer_id: format!("customer-{}", order.customer).into(),
        lines: lines.collect(),
        wait_until: None,
    };
    let ticket = Id::parse(&order_id).context("a ticket is a UUID")?;
    wire.message(ORDER_COMMANDS, &record, &[&order_id, REQUESTER, &request_id], ticket, now_ms)
}
