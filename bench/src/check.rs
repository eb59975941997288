//! Reads what a side wrote, committed records only: each distinct line once, with the right amounts.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine::shell::kafka::Admin;
use hashbrown::HashSet;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};

use crate::input::Expected;
use crate::record::{self, Enriched};
use crate::topics::PARTITIONS;

/// What stands in an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    pub records: u64,
    pub distinct: u64,
    pub amount_minor: i64,
}

impl Found {
    /// Why this is not what was expected, when it is not.
    pub fn wrong(&self, expected: &Expected) -> Option<String> {
        let right = Found { records: expected.lines, distinct: expected.lines, amount_minor: expected.amount_minor };
        (*self != right).then(|| format!("{self:?}, expected {right:?}"))
    }
}

/// Reads an output to its end.
pub fn read(bootstrap: &str, admin: &Admin, topic: &str) -> Result<Found> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bench-check")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("fetch.queue.backoff.ms", "5")
        .create()?;
    let mut list = TopicPartitionList::new();
    let mut left = 0;
    for partition in 0..PARTITIONS {
        if admin.bounds(topic, partition)?.1 > 0 {
            list.add_partition_offset(topic, partition as i32, Offset::Beginning)?;
            left += 1;
        }
    }
    consumer.assign(&list)?;
    let schema = record::schema(record::ENRICHED_SCHEMA)?;
    let (mut found, mut ids) = (Found::default(), HashSet::new());
    let mut since = Instant::now();
    while left > 0 {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let (_, body) = record::unframe(message.payload().unwrap_or_default())?;
                let line: Enriched<'_> = record::read(&schema, body)?;
                found.records += 1;
                found.amount_minor += line.amount_minor;
                ids.insert(line.meta.cause);
                since = Instant::now();
            }
            Some(Err(KafkaError::PartitionEOF(_))) => left -= 1,
            Some(Err(error)) => return Err(error.into()),
            None => ensure!(since.elapsed() < Duration::from_secs(30), "\"{topic}\" gives no more records"),
        }
    }
    found.distinct = ids.len() as u64;
    Ok(found)
}
