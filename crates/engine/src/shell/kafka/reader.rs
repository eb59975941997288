//! Reads of internal topics, offsets and ends, on consumers of their own.

use std::time::{Duration, Instant};

use flow::Topology;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::shell::transport::{Entry, Fault, LogReader, Page, Position};

use super::access::{ACLS, denied, not_made};
use super::admin::position_of;
use super::group::Quiet;
use super::settings::KafkaSettings;
use super::topic_id;

const CALL: Duration = Duration::from_secs(10);
/// How long a look at the positions of an assignment may keep the worker.
const PLACE: Duration = Duration::from_secs(2);
/// How long to wait for open transactions below a high watermark; the broker ends them after its transaction timeout.
const STABLE: Duration = Duration::from_secs(60);
const PAGE: usize = 1_000;
/// How long a read waits for the next record before it says how far it got.
const QUIET: Duration = Duration::from_secs(1);

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

    /// Where the consumer stands. It passes markers, which no poll shows.
    fn position(&self, topic: &str, partition: u32) -> Result<i64, Fault> {
        let positions = self.committed.position().map_err(failed(topic))?;
        let found = positions.find_partition(topic, partition as i32);
        Ok(found.and_then(|at| at.offset().to_raw()).unwrap_or_default())
    }

    fn high_watermark(&self, topic: &str, partition: u32) -> Result<(i64, i64), Fault> {
        self.uncommitted.fetch_watermarks(topic, partition as i32, CALL).map_err(failed(topic))
    }
}

impl LogReader for KafkaReader {
    fn topology(&self) -> &'static Topology {
        self.topology
    }

    fn committed(&mut self, task: u32) -> Result<Vec<Option<Position>>, Fault> {
        let mut list = TopicPartitionList::new();
        for input in self.topology.inputs {
            list.add_partition(input.topic, task as i32);
        }
        // A read_committed consumer asks for stable offsets (KIP-447): none that a transaction is about to change.
        let found = self.committed.committed_offsets(list, CALL).map_err(failed("committed offsets"))?;
        // A call that succeeds may have failed for some partitions: that is not a partition without an offset.
        for at in found.elements() {
            at.error().map_err(failed(at.topic()))?;
        }
        let position = |topic: &str| position_of(&found.find_partition(topic, task as i32)?);
        Ok(self.topology.inputs.iter().map(|input| position(input.topic)).collect())
    }

    fn input_bounds(&mut self, task: u32) -> Result<Vec<(i64, i64)>, Fault> {
        self.topology.inputs.iter().map(|input| self.high_watermark(input.topic, task)).collect()
    }

    fn topic_id(&mut self, topic: &str) -> Result<String, Fault> {
        topic_id::topic_id(self.committed.client(), topic, CALL).map_err(Fault::Abort)
    }

    fn bounds(&mut self, topic: &str, partition: u32) -> Result<(i64, i64), Fault> {
        // Of the leader, which answers only once its high watermark has caught up with its election (KIP-207).
        let (start, high_watermark) = self.high_watermark(topic, partition)?;
        let since = Instant::now();
        loop {
            let watermarks = self.committed.fetch_watermarks(topic, partition as i32, CALL);
            let (_, last_stable_offset) = watermarks.map_err(failed(topic))?;
            if last_stable_offset >= high_watermark {
                // Not the high watermark: where it lags it may lie within a transaction, and this never does.
                return Ok((start, last_stable_offset));
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

    fn read(&mut self, topic: &str, partition: u32, from: i64, end: i64) -> Result<Page, Fault> {
        let mut page = Page { entries: Vec::new(), next: from };
        if from >= end {
            return Ok(page);
        }
        self.go_to(topic, partition, from)?;
        let since = Instant::now();
        let mut beyond = false;
        while page.entries.len() < PAGE && page.next < end {
            match self.committed.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.offset() >= end => {
                    beyond = true;
                    break;
                }
                Some(Ok(message)) => {
                    page.next = message.offset() + 1;
                    page.entries.push(Entry {
                        offset: message.offset(),
                        key: message.key().map(<[u8]>::to_vec),
                        value: message.payload().map(<[u8]>::to_vec),
                    });
                    continue;
                }
                // The end of this replica, perhaps of a follower that lags: not ours unless the position says so.
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    page.next = page.next.max(self.position(topic, partition)?);
                    break;
                }
                Some(Err(error)) if denied(&error) => return Err(failed(topic)(error)),
                Some(Err(error)) => {
                    tracing::debug!("restore of {topic}/{partition}: {error}");
                }
                None => page.next = page.next.max(self.position(topic, partition)?),
            }
            if since.elapsed() > QUIET {
                break;
            }
        }
        if beyond {
            page.next = end;
        }
        // The next read goes on exactly here, or begins again.
        let next = page.next;
        self.at = (!beyond && next < end).then(|| At { topic: topic.to_owned(), partition, next });
        page.next = next.min(end);
        Ok(page)
    }
}
