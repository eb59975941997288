//! Where partitions end, where groups stand in them, and what lies between: asked in a few calls for many partitions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::admin::{AdminError, topic_error};
use super::group::Quiet;
use super::settings::KafkaSettings;

const CALL: Duration = Duration::from_secs(10);
/// How long to read before what is left counts as not counted.
const READ: Duration = Duration::from_secs(20);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// A topic and a partition.
pub type At = (String, u32);

/// The ends of a partition, in offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    pub first: i64,
    /// Where a read_committed reader has to stop for now.
    pub last_stable_offset: i64,
    pub high_watermark: i64,
}

/// What a group has not read of a partition yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Committed records; at most so many where `exact` is false.
    pub records: u64,
    /// Whether they were counted. Offsets are no count: commit markers and aborted records have some, too.
    pub exact: bool,
    /// Timestamp of the first of them in milliseconds since 1970-01-01 UTC.
    pub oldest_ms: Option<i64>,
}

/// Asks a cluster; keeps its connections from one question to the next.
pub struct Survey {
    settings: KafkaSettings,
    committed: BaseConsumer<Quiet>,
    uncommitted: BaseConsumer<Quiet>,
    /// One consumer for each group that was asked for; none of them joins it.
    groups: BTreeMap<String, BaseConsumer<Quiet>>,
}

impl Survey {
    /// Connects lazily.
    pub fn open(settings: &KafkaSettings) -> Result<Survey, AdminError> {
        let make = |committed_only| {
            let mut config = settings.reader("orderflow-survey", "survey", committed_only);
            // A handful of records per partition is all that is wanted.
            config
                .set("queued.max.messages.kbytes", "8192")
                .set("fetch.message.max.bytes", "65536")
                .set("fetch.queue.backoff.ms", "5")
                .set("fetch.wait.max.ms", "20");
            config.create_with_context(Quiet)
        };
        let (committed, uncommitted) = (make(true)?, make(false)?);
        Ok(Survey { settings: settings.clone(), committed, uncommitted, groups: BTreeMap::new() })
    }

    /// The ends of these partitions; every topic must exist.
    pub fn ends(&self, at: &[At]) -> Result<BTreeMap<At, Ends>, AdminError> {
        let first = self.offsets(&self.uncommitted, at, Offset::Beginning)?;
        // In this order, so that the last stable offset is never ahead of the high watermark by what came in between.
        let stable = self.offsets(&self.committed, at, Offset::End)?;
        let high = self.offsets(&self.uncommitted, at, Offset::End)?;
        let of = |offsets: &BTreeMap<At, i64>, at: &At| {
            let (topic, why) = (at.0.clone(), format!("partition {}: the broker gave no offset for its ends", at.1));
            offsets.get(at).copied().ok_or(AdminError::Topic { topic, why })
        };
        let ends = |at: &At| {
            let (first, last_stable_offset, high_watermark) = (of(&first, at)?, of(&stable, at)?, of(&high, at)?);
            Ok((at.clone(), Ends { first, last_stable_offset, high_watermark }))
        };
        at.iter().map(ends).collect()
    }

    /// The first offset in each partition with a timestamp of at least `ms`; none where there is no such record.
    pub fn since(&self, at: &[At], ms: i64) -> Result<BTreeMap<At, i64>, AdminError> {
        self.offsets(&self.uncommitted, at, Offset::Offset(ms))
    }

    /// `which` is an end, or a timestamp in place of an offset, as librdkafka expects it.
    fn offsets(
        &self,
        consumer: &BaseConsumer<Quiet>,
        at: &[At],
        which: Offset,
    ) -> Result<BTreeMap<At, i64>, AdminError> {
        if at.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut list = TopicPartitionList::with_capacity(at.len());
        for (topic, partition) in at {
            list.add_partition_offset(topic, *partition as i32, which)?;
        }
        let since = Instant::now();
        loop {
            let passing = since.elapsed() <= CALL;
            match consumer.offsets_for_times(list.clone(), CALL) {
                Ok(found) if !(passing && found.elements().iter().any(|it| fails_for_now(it.error()))) => {
                    return plain(&found);
                }
                Err(error) if !has_no_leader(&error) => return Err(self.unreachable(error)),
                Err(error) if !passing => return Err(error.into()),
                Ok(_) | Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn unreachable(&self, source: KafkaError) -> AdminError {
        AdminError::Unreachable { bootstrap: self.settings.bootstrap.clone(), source }
    }

    /// The group's committed offsets (`offset_next`) of those partitions that have one.
    pub fn committed(&mut self, group: &str, at: &[At]) -> Result<BTreeMap<At, i64>, AdminError> {
        if at.is_empty() {
            return Ok(BTreeMap::new());
        }
        if !self.groups.contains_key(group) {
            // Not read_committed: that would wait until no transaction is about to move an offset.
            let consumer = self.settings.reader(group, "survey", false).create_with_context(Quiet)?;
            self.groups.insert(group.to_owned(), consumer);
        }
        let mut list = TopicPartitionList::with_capacity(at.len());
        for (topic, partition) in at {
            list.add_partition(topic, *partition as i32);
        }
        let found = self.groups[group].committed_offsets(list, CALL).map_err(|source| self.unreachable(source))?;
        plain(&found)
    }

    /// What waits in each of these gaps (committed offset, last stable offset) of one topic, in their order. Counts at most
    /// `count_max` records of a gap, and reads only the first one of a gap that is wider.
    pub fn waiting(
        &self,
        topic: &str,
        gaps: &[(u32, i64, i64)],
        count_max: u64,
    ) -> Result<BTreeMap<u32, Waiting>, AdminError> {
        let mut open: BTreeMap<u32, Gap> = BTreeMap::new();
        let mut list = TopicPartitionList::with_capacity(gaps.len());
        let mut found = BTreeMap::new();
        for (partition, from, to) in gaps {
            let width = to.saturating_sub(*from).max(0) as u64;
            if width == 0 {
                found.insert(*partition, Waiting { exact: true, ..Waiting::default() });
                continue;
            }
            list.add_partition_offset(topic, *partition as i32, Offset::Offset(*from))?;
            open.insert(*partition, Gap { to: *to, width, count: width <= count_max, seen: Waiting::default() });
        }
        if open.is_empty() {
            return Ok(found);
        }
        self.committed.assign(&list)?;
        // A pause outlives the assignment that it was made in.
        self.committed.resume(&list)?;
        let since = Instant::now();
        while !open.is_empty() && since.elapsed() < READ {
            match self.committed.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let partition = message.partition() as u32;
                    let Some(gap) = open.get_mut(&partition) else { continue };
                    if gap.saw(message.offset(), message.timestamp().to_millis()) {
                        found.insert(partition, gap.judged());
                        open.remove(&partition);
                        let mut done = TopicPartitionList::new();
                        done.add_partition(topic, partition as i32);
                        self.committed.pause(&done)?;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if let Some(gap) = open.remove(&(partition as u32)) {
                        found.insert(partition as u32, Waiting { exact: true, ..gap.seen });
                    }
                }
                Some(Err(error)) => tracing::debug!("survey of {topic}: {error}"),
                None => {}
            }
        }
        self.committed.unassign()?;
        // Nobody answered for these: everything in between may be a record.
        let unknown =
            |(partition, gap): (u32, Gap)| (partition, Waiting { exact: false, records: gap.width, ..gap.seen });
        found.extend(open.into_iter().map(unknown));
        Ok(found)
    }
}

/// As of a topic that was created a moment ago.
fn has_no_leader(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let passing = [Code::NotLeaderForPartition, Code::LeaderNotAvailable, Code::UnknownTopicOrPartition];
    error.rdkafka_error_code().is_some_and(|code| passing.contains(&code))
}

fn fails_for_now(outcome: Result<(), KafkaError>) -> bool {
    outcome.is_err_and(|error| has_no_leader(&error))
}

/// A stretch of a partition that is being looked at.
struct Gap {
    to: i64,
    width: u64,
    /// Every record, not only the first.
    count: bool,
    seen: Waiting,
}

impl Gap {
    /// Notes a record; whether that was enough.
    fn saw(&mut self, offset: i64, timestamp_ms: Option<i64>) -> bool {
        if offset >= self.to {
            self.count = true;
            return true;
        }
        if self.seen.records == 0 {
            self.seen.oldest_ms = timestamp_ms;
        }
        self.seen.records += 1;
        !self.count
    }

    fn judged(&self) -> Waiting {
        match self.count {
            true => Waiting { exact: true, ..self.seen },
            false => Waiting { exact: false, records: self.width, ..self.seen },
        }
    }
}

/// The offsets of those partitions that have one.
pub(super) fn plain(list: &TopicPartitionList) -> Result<BTreeMap<At, i64>, AdminError> {
    let all = list.elements();
    offsets_of(all.iter().map(|it| (it.topic(), it.partition(), it.error(), it.offset())))
}

/// A call that succeeds may have failed for some partitions: that is an error, not a partition without an offset.
fn offsets_of<'t>(
    answers: impl Iterator<Item = (&'t str, i32, Result<(), KafkaError>, Offset)>,
) -> Result<BTreeMap<At, i64>, AdminError> {
    let mut offsets = BTreeMap::new();
    for (topic, partition, outcome, offset) in answers {
        if let Err(error) = outcome {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
            return Err(match topic_error(topic, code) {
                AdminError::Topic { topic, why } => {
                    AdminError::Topic { topic, why: format!("partition {partition}: {why}") }
                }
                denied => denied,
            });
        }
        if let Offset::Offset(offset) = offset
            && offset >= 0
        {
            offsets.insert((topic.to_owned(), partition as u32), offset);
        }
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_partition_is_no_missing_offset() {
        let asked = |second: Result<(), KafkaError>| {
            let none = ("t", 2, Ok(()), Offset::Invalid);
            offsets_of([("t", 0, Ok(()), Offset::Offset(7)), ("t", 1, second, Offset::Invalid), none].into_iter())
        };
        let found = asked(Ok(())).expect("nothing failed");
        assert_eq!(found, BTreeMap::from([(("t".to_owned(), 0), 7)]), "the others have none");
        let failed = |code| asked(Err(KafkaError::OffsetFetch(code))).expect_err("partition 1 failed");
        let unstable = failed(RDKafkaErrorCode::UnstableOffsetCommit);
        assert!(unstable.to_string().starts_with("topic \"t\": partition 1: "), "{unstable}");
        let denied = failed(RDKafkaErrorCode::TopicAuthorizationFailed);
        assert!(matches!(denied, AdminError::Denied { .. }), "{denied}");
    }
}
