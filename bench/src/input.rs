//! The input: every item once, then the lines; each tenth line is an earlier one, byte for byte.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, ensure};
use engine::core::ids::partition;
use flow::{Id, Meta};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use serde_avro_fast::Schema;

use crate::record::{self, Facts, Item, Line};
use crate::topics::{INPUT, PARTITIONS};

pub const ITEMS: u64 = 10_000;
const CURRENCY: &str = "EUR";

/// What a correct side must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Lines with an id of their own.
    pub lines: u64,
    /// The sum of their amounts.
    pub amount_minor: i64,
}

fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// An id made of a number: distinct, and in no order.
fn id(number: u64) -> Id {
    let mut id = [0u8; 16];
    id[..8].copy_from_slice(&mix(number).to_le_bytes());
    id[8..].copy_from_slice(&mix(!number).to_le_bytes());
    Id(id)
}

fn price(item: u64) -> i64 {
    100 + (item * 37 % 9_900) as i64
}

/// The number of the line that stands at this place: its own, or for each tenth an earlier one's.
fn line_at(place: u64) -> u64 {
    if place % 10 == 9 { mix(place ^ 0xd00b) % (place - 4) } else { place }
}

/// The line of a number that is itself a repetition is the line that it repeats.
fn line_number(place: u64) -> u64 {
    let mut number = line_at(place);
    while number % 10 == 9 {
        number = line_at(number);
    }
    number
}

/// Writes the input.
pub fn load(bootstrap: &str, lines: u64) -> Result<Expected> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("linger.ms", "20")
        .create()?;
    let (items, orders) = (record::schema(record::ITEM_SCHEMA)?, record::schema(record::LINE_SCHEMA)?);
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let facts = |number: u64| {
        let (event_id, ticket_id) = (id(number), id(number | 1 << 62));
        Facts::of(&Meta { event_id, ticket_id, cause: Id::NIL, occurred_at: now_ms })
    };
    let mut value = Vec::new();
    for item in 0..ITEMS {
        let (item_id, name) = (format!("item-{item:05}"), format!("Item number {item}"));
        let unit_price_minor = price(item);
        let item =
            Item { meta: facts(1 << 60 | item), item_id: &item_id, name: &name, unit_price_minor, currency: CURRENCY };
        put(&producer, record::ITEM_ID, &items, &item_id, &item, now_ms, &mut value)?;
    }
    let mut expected = Expected::default();
    for place in 0..lines {
        let number = line_number(place);
        let item = mix(number ^ 0x17e3) % ITEMS;
        let quantity = 1 + (number % 9) as i64;
        let (item_id, order_id) = (format!("item-{item:05}"), format!("order-{:010}", number / 4));
        let line_no = (number % 4) as i32 + 1;
        let line = Line { meta: facts(number), order_id: &order_id, line_no, item_id: &item_id, quantity };
        put(&producer, record::LINE_ID, &orders, &item_id, &line, now_ms, &mut value)?;
        if number == place {
            expected.lines += 1;
            expected.amount_minor += quantity * price(item);
        }
    }
    producer.flush(Duration::from_secs(60))?;
    ensure!(producer.in_flight_count() == 0, "the input was not written");
    Ok(expected)
}

fn put(
    producer: &ThreadedProducer<DefaultProducerContext>,
    id: u32,
    schema: &Schema,
    key: &str,
    record: &impl serde::Serialize,
    now_ms: i64,
    value: &mut Vec<u8>,
) -> Result<()> {
    value.clear();
    record::frame(id, value);
    record::write(schema, record, value)?;
    let partition = partition(key.as_bytes(), PARTITIONS) as i32;
    let mut outgoing =
        BaseRecord::to(INPUT).key(key.as_bytes()).payload(value.as_slice()).partition(partition).timestamp(now_ms);
    loop {
        match producer.send(outgoing) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                std::thread::sleep(Duration::from_millis(5));
                outgoing = back;
            }
            Err((error, _)) => return Err(anyhow!("load: {error}")),
        }
    }
}
