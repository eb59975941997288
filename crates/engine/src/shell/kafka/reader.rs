//! Reads of internal topics, offsets and ends, on consumers of their own.

use std::time::{Duration, Instant};

use flow::Topology;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::shell::transport::{Entry, Fault, LogReader};

use super::access::{ACLS, denied, not_made};
use super::group::Quiet;
use super::settings::KafkaSettings;
use super::topic_id;

const CALL: Duration = Duration::from_secs(10);
/// How long a look at the positions of an assignment may keep the worker.
const PLACE: Duration = Duration::from_secs(2);
/// How long to wait for open transactions below a high watermark; the broker ends them after its transaction timeout.
const STABLE: Duration = Duration::from_secs(60);
const PAGE: usize = 1_000;

/// Where a cached assignment stands.
#[derive(Debug, PartialEq, Eq)]
struct At {
    topic: String,
    partition: u32,
    next: i64,
}

/// A reader for one processor.
pub struct KafkaReader {
    topology: &'static Topology,
    committed: BaseConsumer<Quiet>,
    /// Sees the high watermark where the other sees the last stable offset.
    uncommitted: BaseConsumer<Quiet>,
    at: Option<At>,
}

fn failed(what: &str) -> impl Fn(KafkaError) -> Fault + '_ {
    move |error| match denied(&error) {
        true => Fault::Fatal(format!("{what}: {error}; hint: {ACLS}")),
        false => Fault::Abort(format!("{what}: {error}")),
    }
}

impl KafkaReader {
    /// Connects lazily; fails only on a configuration that librdkafka refuses.
    pub fn open(settings: &KafkaSettings, topology: &'static Topology) -> Result<KafkaReader, Fault> {
        let make = |committed_only| {
            let config = settings.reader(topology.name, "restore", committed_only);
            config.create_with_context(Quiet).map_err(|error| Fault::Fatal(not_made(&error)))
        };
        Ok(KafkaReader { topology, committed: make(true)?, uncommitted: make(false)?, at: None })
    }

    /// Where these partitions would go on by what is committed now, or where they begin. Not as stable: to wait for somebody
    /// else's transaction is a restore's business.
    pub(super) fn place(&self, list: &TopicPartitionList) -> Result<TopicPartitionList, KafkaError> {
        if list.count() == 0 {
            return Ok(list.clone());
        }
        let mut placed = self.uncommitted.committed_offsets(list.clone(), PLACE)?;
        for at in list.elements() {
            let (topic, partition) = (at.topic(), at.partition());
            let found = placed.find_partition(topic, partition).map(|found| found.offset());
            if !matches!(found, Some(Offset::Offset(_))) {
                let (start, _) = self.uncommitted.fetch_watermarks(topic, partition, PLACE)?;
                placed.set_partition_offset(topic, partition, Offset::Offset(start))?;
            }
        }
        Ok(placed)
    }

    fn go_to(&mut self, topic: &str, partition: u32, from: i64) -> Result<(), Fault> {
        let wanted = At { topic: topic.to_owned(), partition, next: from };
        if self.at.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition as i32, Offset::Offset(from)).map_err(failed("restore"))?;
        self.committed.assign(&list).map_err(failed("restore"))?;
        self.at = Some(wanted);
        Ok(())
    }
}

impl LogReader for KafkaReader {
    fn committed(&mut self, task: u32) -> Result<Vec<Option<i64>>, Fault> {
        let mut list = TopicPartitionList::new();
        for input in self.topology.inputs {
            list.add_partition(input.topic, task as i32);
        }
        // A read_committed consumer asks for stable offsets (KIP-447): none that a transaction is about to change.
        let found = self.committed.committed_offsets(list, CALL).map_err(failed("committed offsets"))?;
        let offset = |topic: &str| match found.find_partition(topic, task as i32)?.offset() {
            Offset::Offset(offset) if offset >= 0 => Some(offset),
            _ => None,
        };
        Ok(self.topology.inputs.iter().map(|input| offset(input.topic)).collect())
    }

    fn input_starts(&mut self, task: u32) -> Result<Vec<i64>, Fault> {
        self.topology.inputs.iter().map(|input| Ok(self.bounds(input.topic, task)?.0)).collect()
    }

    fn topic_id(&mut self, topic: &str) -> Result<String, Fault> {
        topic_id::topic_id(self.committed.client(), topic, CALL).map_err(Fault::Abort)
    }

    fn bounds(&mut self, topic: &str, partition: u32) -> Result<(i64, i64), Fault> {
        let fetch = |consumer: &BaseConsumer<Quiet>| consumer.fetch_watermarks(topic, partition as i32, CALL);
        let (start, high_watermark) = fetch(&self.uncommitted).map_err(failed(topic))?;
        let since = Instant::now();
        loop {
            let (_, last_stable_offset) = fetch(&self.committed).map_err(failed(topic))?;
            if last_stable_offset >= high_watermark {
                return Ok((start, high_watermark));
            }
            if since.elapsed() > STABLE {
                return Err(Fault::Abort(format!(
                    "{topic}/{partition}: a transaction stays open below {high_watermark}, for longer than any of ours may; \
                     hint: `kafka-transactions.sh find-hanging` tells whose it is"
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn read(&mut self, topic: &str, partition: u32, from: i64, end: i64) -> Result<Vec<Entry>, Fault> {
        if from >= end {
            return Ok(Vec::new());
        }
        self.go_to(topic, partition, from)?;
        let mut page = Vec::new();
        let since = Instant::now();
        while page.len() < PAGE {
            match self.committed.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.offset() >= end => break,
                Some(Ok(message)) => page.push(Entry {
                    offset: message.offset(),
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                }),
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) => {
                    tracing::debug!("restore of {topic}/{partition}: {error}");
                }
                None => {}
            }
            if since.elapsed() > STABLE {
                self.at = None;
                return Err(Fault::Abort(format!("{topic}/{partition}: nothing read for a minute")));
            }
        }
        // After the end, or after a page, the next read begins anew unless it goes on exactly here.
        self.at = None;
        if let Some(last) = page.last()
            && page.len() == PAGE
        {
            self.at = Some(At { topic: topic.to_owned(), partition, next: last.offset + 1 });
        }
        Ok(page)
    }
}
