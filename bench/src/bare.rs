//! Side (b): the peer. A bare loop around librdkafka, tuned as well as we know how: one thread, ids and items in memory,
//! no store, no headers, the ids of a transaction packed into one record per partition.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use engine::core::pace::Limits;
use flow::Meta;
use hashbrown::{HashMap, HashSet};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};
use serde_avro_fast::Schema;

use crate::record::{self, Facts, Item, KnownItem, Line};
use crate::topics::{BARE_GROUP, BARE_IDS, BARE_OUTPUT, INPUT, PARTITIONS};
use crate::{Job, Moment, Outcome};

/// Keeps the first failed delivery.
#[derive(Default)]
struct Failures(Mutex<Option<KafkaError>>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result
            && let Ok(mut first) = self.0.lock()
        {
            first.get_or_insert_with(|| error.clone());
        }
    }
}

struct Bare {
    producer: BaseProducer<Failures>,
    item_schema: Schema,
    line_schema: Schema,
    enriched_schema: Schema,
    items: HashMap<String, KnownItem>,
    seen: HashSet<[u8; 16]>,
    /// By partition: ids of the open transaction, and the next offset.
    ids: Vec<Vec<u8>>,
    next: Vec<i64>,
    value: Vec<u8>,
}

impl Bare {
    fn handle(&mut self, message: &BorrowedMessage<'_>) -> Result<()> {
        let partition = message.partition();
        self.next[partition as usize] = message.offset() + 1;
        let (id, body) = record::unframe(message.payload().context("a record without a value")?)?;
        match id {
            record::ITEM_ID => {
                let item: Item<'_> = record::read(&self.item_schema, body)?;
                let known = KnownItem {
                    name: item.name.to_owned(),
                    unit_price_minor: item.unit_price_minor,
                    currency: item.currency.to_owned(),
                };
                self.items.insert(item.item_id.to_owned(), known);
            }
            record::LINE_ID => {
                let line: Line<'_> = record::read(&self.line_schema, body)?;
                if !self.seen.insert(line.meta.event_id.0) {
                    return Ok(());
                }
                self.ids[partition as usize].extend(line.meta.event_id.0);
                let item = self.items.get(line.item_id).context("a line of an unknown item")?;
                let meta = Meta { cause: line.meta.event_id, ..line.meta.meta() };
                self.value.clear();
                record::frame(record::ENRICHED_ID, &mut self.value);
                let enriched = record::enrich(Facts::of(&meta), &line, item);
                record::write(&self.enriched_schema, &enriched, &mut self.value)?;
                let key = line.item_id.as_bytes();
                send(&self.producer, BARE_OUTPUT, partition, Some(key), &self.value, message.timestamp().to_millis())?;
            }
            other => bail!("schema id {other}"),
        }
        Ok(())
    }

    fn commit(&mut self, consumer: &BaseConsumer) -> Result<()> {
        for (partition, ids) in self.ids.iter_mut().enumerate().filter(|(_, ids)| !ids.is_empty()) {
            send(&self.producer, BARE_IDS, partition as i32, None, ids, None)?;
            ids.clear();
        }
        // librdkafka's own waiting goes in steps of 100 ms.
        while self.producer.in_flight_count() > 0 {
            let left = self.producer.in_flight_count();
            self.producer.poll(Duration::ZERO);
            if self.producer.in_flight_count() == left {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        let failed = self.producer.context().0.lock().map_err(|_| anyhow!("a delivery report panicked"))?.take();
        if let Some(error) = failed {
            return Err(error.into());
        }
        let mut offsets = TopicPartitionList::new();
        for (partition, next) in self.next.iter().enumerate() {
            offsets.add_partition_offset(INPUT, partition as i32, Offset::Offset(*next))?;
        }
        let group = consumer.group_metadata().context("no group metadata")?;
        self.producer.send_offsets_to_transaction(&offsets, &group, Duration::from_secs(10))?;
        Ok(self.producer.commit_transaction(Duration::from_secs(10))?)
    }
}

fn send(
    producer: &BaseProducer<Failures>,
    topic: &str,
    partition: i32,
    key: Option<&[u8]>,
    value: &[u8],
    timestamp_ms: Option<i64>,
) -> Result<()> {
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(value);
    record.key = key;
    record.timestamp = timestamp_ms;
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                producer.poll(Duration::from_millis(1));
                record = back;
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

fn consumer(bootstrap: &str) -> Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", BARE_GROUP)
        .set("group.protocol", "consumer")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.wait.max.ms", "100")
        .create()?;
    consumer.subscribe(&[INPUT])?;
    Ok(consumer)
}

fn producer(bootstrap: &str) -> Result<BaseProducer<Failures>> {
    let producer: BaseProducer<Failures> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", BARE_GROUP)
        .set("linger.ms", "1")
        .set("batch.num.messages", "10000")
        .set("queue.buffering.max.messages", "200000")
        .create_with_context(Failures::default())?;
    producer.init_transactions(Duration::from_secs(30))?;
    Ok(producer)
}

/// Runs the job; the time runs from the first record to the commit of the last.
pub fn run(job: &Job) -> Result<Outcome> {
    let consumer = consumer(&job.bootstrap)?;
    let mut bare = Bare {
        producer: producer(&job.bootstrap)?,
        item_schema: record::schema(record::ITEM_SCHEMA)?,
        line_schema: record::schema(record::LINE_SCHEMA)?,
        enriched_schema: record::schema(record::ENRICHED_SCHEMA)?,
        items: HashMap::new(),
        seen: HashSet::new(),
        ids: vec![Vec::new(); PARTITIONS as usize],
        next: vec![0; PARTITIONS as usize],
        value: Vec::new(),
    };
    // The very limits of the engine.
    let limits = Limits::default();
    let after = Duration::from_micros(limits.commit_after_us);
    let (mut began, mut opened): (Option<Moment>, _) = (None, Instant::now());
    let (mut total, mut open, mut transactions) = (0u64, 0usize, 0u64);
    let (seconds, cpu_seconds) = loop {
        let before = began.is_none().then(Moment::now);
        let mut polled = 0;
        while polled < 1_000 && open < limits.records {
            let wait = if polled == 0 { Duration::from_millis(5) } else { Duration::ZERO };
            let Some(message) = consumer.poll(wait) else { break };
            let message = message?;
            if open == 0 {
                bare.producer.begin_transaction()?;
                opened = Instant::now();
            }
            began = began.or(before);
            (polled, open, total) = (polled + 1, open + 1, total + 1);
            bare.handle(&message)?;
        }
        if open > 0 && (open >= limits.records || opened.elapsed() >= after || total >= job.total()) {
            bare.commit(&consumer)?;
            (open, transactions) = (0, transactions + 1);
        }
        if let Some(began) = began
            && total >= job.total()
            && open == 0
        {
            break began.passed();
        }
    };
    ensure!(total == job.total(), "{total} records in place of {}", job.total());
    Ok(Outcome { seconds, cpu_seconds, transactions, aborts: 0, peak_mb: crate::peak_mb() })
}
