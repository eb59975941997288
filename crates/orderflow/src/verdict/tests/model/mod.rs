//! A flow in miniature that writes a history, right or with one flaw. It shares nothing with the processors.

mod steps;

use std::collections::BTreeMap;

use contract::{RELEASED, Record, encode};
use engine::core::{headers, ids};
use engine::shell::client::Message;
use flow::{Id, Meta};

use crate::load;

pub const PARTITIONS: u32 = 3;

/// What the flow gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// Lines that waited go on in the wrong order.
    Lifo,
    /// Lines that wait are forgotten.
    Forget,
    /// A line costs a cent too much.
    Dear,
    /// An order's total is a cent too much.
    Total,
    /// A rejected order keeps what it has.
    Keep,
    /// Out of stock in spite of the stock.
    Refuse,
    /// Ships one piece less than was reserved.
    Short,
    /// Nobody tells the order that its line waits.
    Silent,
    /// The answer is that the order failed, though it completed.
    Liar,
    /// The ticket of a fact is another one than its order.
    Ticket,
}

#[derive(Default)]
struct Stock {
    registered: bool,
    price: i64,
    on_hand: i64,
    seq: i64,
    queue: Vec<(usize, usize)>,
}

#[derive(Default)]
struct Underway {
    id: String,
    ticket: Id,
    request_id: String,
    lines: Vec<(&'static str, i64, Held)>,
    rejected: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Held {
    #[default]
    Asked,
    Waits,
    Holds,
    Gone,
}

/// The flow.
pub struct World {
    flaw: Flaw,
    pub log: Vec<Message>,
    pub manifest: load::Manifest,
    stock: BTreeMap<&'static str, Stock>,
    orders: Vec<Underway>,
}

impl World {
    /// Items as (name, price, late, scarce), nothing sent yet.
    pub fn new(flaw: Flaw, items: &[(&'static str, i64, bool, bool)]) -> World {
        let trouble = load::Trouble { duplicates: 0.0, late: 0.0, scarce: 0.0, garbage: 0, seed: 0 };
        let item = |&(name, price_minor, late, scarce): &(&str, i64, bool, bool)| load::Item {
            item_id: name.to_owned(),
            price_minor,
            demand: 0,
            received: 0,
            deliveries: 0,
            resent: 0,
            late,
            scarce,
            raised: 0,
        };
        let manifest = load::Manifest {
            version: 1,
            scale: 0.0,
            trouble,
            currency: "USD".to_owned(),
            counts: load::Counts { items: items.len() as u64, ..load::Counts::default() },
            items: items.iter().map(item).collect(),
            orders: Vec::new(),
            garbage: Vec::new(),
        };
        let stock =
            |&(name, price, _, _): &(&'static str, i64, bool, bool)| (name, Stock { price, ..Stock::default() });
        let stock = items.iter().map(stock).collect();
        World { flaw, log: Vec::new(), manifest, stock, orders: Vec::new() }
    }

    fn emit<'r>(&mut self, topic: &str, record: &impl Record<'r>, ticket_id: Id) {
        let event_id = ids::identity("model", "", &self.log.len().to_string());
        self.emit_as(event_id, topic, record, ticket_id);
    }

    fn emit_as<'r>(&mut self, event_id: Id, topic: &str, record: &impl Record<'r>, ticket_id: Id) {
        let meta = Meta { event_id, ticket_id, cause: Id([1; 16]), occurred_at: 5 };
        let mut value = vec![0; 5];
        let encoded = encode(record, &meta, &mut value).expect("a record of ours");
        let released = RELEASED.iter().find(|released| released.fingerprint == encoded.fingerprint).expect("released");
        value[1..5].copy_from_slice(&released.local_id.to_be_bytes());
        let header = |name: &str, value: String| headers::owned(name, value);
        self.log.push(Message {
            topic: topic.to_owned(),
            partition: ids::partition(record.key().as_bytes(), PARTITIONS),
            key: Some(record.key().as_bytes().to_vec()),
            value: Some(value),
            headers: vec![
                header(headers::EVENT_ID, event_id.to_string()),
                header(headers::TICKET_ID, ticket_id.to_string()),
                header(headers::CAUSE, meta.cause.to_string()),
                header(headers::RECORD, encoded.record.to_owned()),
            ],
            ..Message::default()
        });
    }

    fn item(&mut self, name: &str) -> &mut load::Item {
        self.manifest.items.iter_mut().find(|item| item.item_id == name).expect("an item")
    }

    /// A record that nobody can handle, and its dead letter.
    pub fn garbage(&mut self, topic: &str, partition: u32, key: Option<&[u8]>, value: Option<&[u8]>) {
        let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
        let dead = if topic == "order-commands.v1" { "order-intake-dlq" } else { "item-lookup-dlq" };
        self.manifest.garbage.push(load::Garbage {
            kind: load::Kind::Random,
            topic: topic.to_owned(),
            partition,
            key: key.clone().map(load::Bytes),
            value: value.clone().map(load::Bytes),
            dead_letters: vec![dead.to_owned()],
        });
        let header = |name: &str, value: &str| headers::owned(name, value);
        let mut provenance = vec![
            header(headers::DLQ_CODE, "undecodable"),
            header(headers::DLQ_TOPIC, topic),
            header(headers::DLQ_PARTITION, &partition.to_string()),
        ];
        if value.is_none() {
            provenance.push(header(headers::DLQ_VALUE, "null"));
        }
        let message = Message { topic: topic.to_owned(), partition, key, value, ..Message::default() };
        if topic == "item-requests.v1" {
            self.log.push(message.clone());
        }
        self.log.push(Message { topic: dead.to_owned(), headers: provenance, ..message });
    }
}
