//! Kafka as one worker sees it.

mod figures;
mod member;
mod passed;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::Topology;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::core::headers::lend;
use crate::core::io::{DeadLetter, Logged, Send, Stand};
use crate::shell::observe::{Client, End, Observed};
use crate::shell::restore::{Internal, page_of_records};
use crate::shell::sled_disk::SledDisk;
use crate::shell::transport::{Change, Fault, Fetched, LogReader, Mark, Slot, Transport};
use crate::shell::wire;

use super::access::not_made;
use super::group::{GroupContext, Owned, Rebalance, give_back};
use super::headers;
use super::producer::{Kind, Outgoing, Producer, output_headers};
use super::reader::KafkaReader;
use super::restorer::{Restorer, Restores};
use super::settings::KafkaSettings;

use member::Standing;

pub(super) use figures::Figures;

/// Records of one poll.
const PAGE: usize = 1_000;
/// How long a seek may take before it is tried again.
const SEEK: Duration = Duration::from_secs(1);
/// How soon a seek that failed is tried again.
const SEEK_AGAIN: Duration = Duration::from_millis(5);
/// How often to try again to get a consumer or a producer that the broker refuses for now.
const RETRY: Duration = Duration::from_secs(1);
/// How long the group may refuse our name before a twin is certain: longer than any session it keeps by default (Kafka 4:
/// 45 s, at most 60 s).
const REFUSED_MAX: Duration = Duration::from_secs(75);

/// Transport over a Kafka cluster.
pub struct KafkaTransport {
    settings: KafkaSettings,
    worker: usize,
    topology: &'static Topology,
    names: Internal,
    consumer: Option<BaseConsumer<GroupContext>>,
    producer: Option<Producer>,
    restorer: Restorer,
    reader: KafkaReader,
    owned: Owned,
    /// What the driver is to hear with the next poll.
    lost: Vec<Change>,
    /// Partitions to give back once the driver has closed their tasks.
    leaving: Vec<TopicPartitionList>,
    started: BTreeSet<u32>,
    /// Inputs whose way back did not succeed yet; nothing of them is delivered until it has, or records would be skipped.
    seeking: BTreeMap<(u32, usize), i64>,
    /// Where the records delivered lately end: markers may lie behind.
    delivered: BTreeMap<(u32, usize), i64>,
    /// Since when the broker does not answer, so that it is said once.
    down: Option<Instant>,
    /// It answers, but refuses us; said once, too.
    shut_out: bool,
    /// Since when the group refuses our name.
    refused: Option<Instant>,
    /// Not before this moment is a consumer built again.
    reopen_at: Option<Instant>,
    standing: Standing,
    /// For metrics: where inputs end, when each was last set back, what the clients say, and two counters.
    ends: BTreeMap<(u32, usize), End>,
    sought: BTreeMap<(u32, usize), Instant>,
    clients: BTreeMap<&'static str, Client>,
    rebalances: u64,
    rejoins: u64,
}

fn abort(what: &str) -> impl Fn(KafkaError) -> Fault + '_ {
    move |error| Fault::Abort(format!("{what}: {error}"))
}

impl KafkaTransport {
    /// Joins the group; tasks come with the first polls.
    pub fn open(
        settings: KafkaSettings,
        worker: usize,
        topology: &'static Topology,
        disk: Arc<SledDisk>,
        restores: Restores,
    ) -> Result<KafkaTransport, Fault> {
        let mut transport = KafkaTransport {
            restorer: Restorer::new(settings.clone(), topology, disk, restores),
            reader: KafkaReader::open(&settings, topology)?,
            settings,
            worker,
            topology,
            names: Internal::of(topology.name),
            consumer: None,
            producer: None,
            owned: Owned::default(),
            lost: Vec::new(),
            leaving: Vec::new(),
            started: BTreeSet::new(),
            seeking: BTreeMap::new(),
            delivered: BTreeMap::new(),
            down: None,
            shut_out: false,
            refused: None,
            reopen_at: None,
            standing: Standing::default(),
            ends: BTreeMap::new(),
            sought: BTreeMap::new(),
            clients: BTreeMap::new(),
            rebalances: 0,
            rejoins: 0,
        };
        transport.join()?;
        Ok(transport)
    }

    fn join(&mut self) -> Result<(), Fault> {
        let config = self.settings.group(self.topology.name, self.worker);
        let made = config.create_with_context(GroupContext::default());
        let consumer: BaseConsumer<GroupContext> = made.map_err(|error| Fault::Fatal(not_made(&error)))?;
        let topics: Vec<&str> = self.topology.inputs.iter().map(|input| input.topic).collect();
        consumer.subscribe(&topics).map_err(|error| Fault::Fatal(format!("subscribe: {error}")))?;
        self.consumer = Some(consumer);
        (self.reopen_at, self.standing) = (None, Standing::default());
        Ok(())
    }

    fn consumer(&self) -> Result<&BaseConsumer<GroupContext>, Fault> {
        self.consumer.as_ref().ok_or_else(|| Fault::Abort("not in the group at the moment".into()))
    }

    fn producer(&mut self) -> Result<&mut Producer, Fault> {
        self.producer.as_mut().ok_or_else(|| Fault::Abort("no producer at the moment".into()))
    }

    fn list(&self, task: u32, offset: impl Fn(usize) -> Offset) -> Result<TopicPartitionList, Fault> {
        let mut list = TopicPartitionList::new();
        for (input, known) in self.topology.inputs.iter().enumerate() {
            list.add_partition_offset(known.topic, task as i32, offset(input)).map_err(abort("offsets"))?;
        }
        Ok(list)
    }

    fn input(&self, topic: &str) -> Option<usize> {
        self.topology.inputs.iter().position(|input| input.topic == topic)
    }

    /// Tells the driver what the group decided.
    fn rebalances(&mut self, into: &mut Fetched) -> Result<(), Fault> {
        while let Some(rebalance) = self.consumer.as_ref().and_then(|consumer| consumer.context().next()) {
            match rebalance {
                Rebalance::Assign(list) => {
                    if !self.assign(list, into)? {
                        return Ok(());
                    }
                }
                Rebalance::Revoke { partitions, lost } => {
                    self.rebalances += 1;
                    self.standing.answered &= !lost;
                    let inputs = self.topology.inputs.len();
                    let pairs: Vec<(u32, usize)> = self.pairs(&partitions);
                    let gone =
                        pairs.into_iter().filter_map(|(task, input)| self.owned.remove(task, input, inputs)).collect();
                    self.leaving.push(partitions);
                    into.changes.push(if lost { Change::Lost(gone) } else { Change::Revoked(gone) });
                    // Nothing more is taken before the driver has closed these tasks.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn pairs(&self, list: &TopicPartitionList) -> Vec<(u32, usize)> {
        let elements = list.elements();
        elements.iter().filter_map(|at| Some((at.partition() as u32, self.input(at.topic())?))).collect()
    }

    /// False: not yet.
    fn assign(&mut self, list: TopicPartitionList, into: &mut Fetched) -> Result<bool, Fault> {
        if list.count() > 0 && self.producer.is_none() && !self.open_producer()? {
            return Ok(false);
        }
        // Where a partition stands is given as a number. A logical offset is looked up in the background, and an answer that
        // a pause or a seek has made outdated is asked for again half a second later: that would undo the seek.
        let list = match self.reader.place(&list) {
            Ok(placed) => placed,
            Err(error) => {
                tracing::debug!(processor = self.topology.name, "positions of an assignment, asked again: {error}");
                self.consumer()?.context().put_back(Rebalance::Assign(list));
                return Ok(false);
            }
        };
        // Assigned at once, so that the group goes on, but paused: delivery begins where the restore says.
        let consumer = self.consumer()?;
        let assigned = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&list),
            _ => consumer.assign(&list),
        };
        assigned.and_then(|()| consumer.pause(&list)).map_err(abort("assign"))?;
        let inputs = self.topology.inputs.len();
        let pairs = self.pairs(&list);
        let tasks: Vec<u32> =
            pairs.into_iter().filter_map(|(task, input)| self.owned.add(task, input, inputs)).collect();
        (self.refused, self.rebalances) = (None, self.rebalances + 1);
        if !tasks.is_empty() {
            tracing::info!(processor = self.topology.name, instance = self.settings.instance, ?tasks, "assigned");
        }
        // Without a task, too: this is the group's answer.
        self.standing.answered = true;
        into.changes.push(Change::Assigned(tasks));
        Ok(true)
    }

    /// False: the broker gives none for now, and the group was left.
    fn open_producer(&mut self) -> Result<bool, Fault> {
        match Producer::open(&self.settings.producer(self.topology.name, self.worker)) {
            Ok(producer) => {
                self.producer = Some(producer);
                Ok(true)
            }
            Err(Fault::Abort(why)) => {
                tracing::warn!(
                    processor = self.topology.name,
                    "no transactional producer for now, joining again: {why}"
                );
                self.reopen()?;
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }

    fn leave(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.context().close();
            // What the group decided and nobody carried out keeps the consumer from closing.
            for list in std::mem::take(&mut self.leaving) {
                drop(give_back(&consumer, &list));
            }
            while let Some(rebalance) = consumer.context().next() {
                let (Rebalance::Assign(list) | Rebalance::Revoke { partitions: list, .. }) = rebalance;
                drop(give_back(&consumer, &list));
            }
            // A consumer that the group refused cannot close, which rdkafka calls an error; why it was refused is said.
            tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), || drop(consumer));
        }
        self.producer = None;
        self.lost.push(Change::Lost(self.owned.clear(self.topology.inputs.len())));
        self.leaving.clear();
        self.restorer.forget(std::mem::take(&mut self.started));
        self.seeking.clear();
    }

    fn take(&mut self, message: &BorrowedMessage<'_>, into: &mut Fetched) {
        let Some(input) = self.input(message.topic()) else { return };
        let task = message.partition() as u32;
        if !self.started.contains(&task) || self.seeking.contains_key(&(task, input)) {
            self.delivered.remove(&(task, input));
            return;
        }
        self.delivered.insert((task, input), message.offset() + 1);
        let key = message.key().map(|key| into.keep(key));
        let value = message.payload().map(|value| into.keep(value));
        let mut kept = Vec::new();
        headers::each(message, |header| kept.push(into.keep_header(header)));
        let timestamp_ms = message.timestamp().to_millis().unwrap_or_default();
        into.slots.push(Slot { task, input, offset: message.offset(), timestamp_ms, key, value, headers: kept });
    }

    fn internal(
        &mut self,
        topic: &str,
        kind: Kind,
        task: u32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<(), Fault> {
        let outgoing = Outgoing { topic, partition: task, timestamp_ms: None, key, value, headers: None, kind };
        self.producer()?.send(outgoing)
    }

    /// Goes back where that is still to be done. A partition that was assigned this instant is not being fetched yet, and
    /// without a broker nothing can be sought: then it is tried again with the next poll.
    fn seek_all(&mut self) -> Result<(), Fault> {
        let Some(consumer) = &self.consumer else { return Ok(()) };
        let topology = self.topology;
        self.seeking.retain(|(task, input), next| {
            let topic = topology.inputs[*input].topic;
            let sought = consumer.seek(topic, *task as i32, Offset::Offset(*next), SEEK);
            if let Err(error) = &sought {
                tracing::debug!(processor = topology.name, topic, task, "seek, to be tried again: {error}");
            }
            sought.is_err()
        });
        Ok(())
    }

    fn each(&self, task: u32, input: usize) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition(self.topology.inputs[input].topic, task as i32);
        list
    }
}

impl Drop for KafkaTransport {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Transport for KafkaTransport {
    fn poll(&mut self, wait: Duration, into: &mut Fetched) -> Result<(), Fault> {
        into.changes.append(&mut self.lost);
        if let Some(at) = self.reopen_at {
            std::thread::sleep(at.saturating_duration_since(Instant::now()).min(wait));
            return if Instant::now() >= at { self.join() } else { Ok(()) };
        }
        for change in self.restorer.finished() {
            into.changes.push(change?);
        }
        let mut wait = if into.changes.is_empty() { wait } else { Duration::ZERO };
        if !self.seeking.is_empty() {
            self.seek_all()?;
            wait = wait.min(SEEK_AGAIN);
        }
        while into.slots.len() < PAGE {
            let Some(consumer) = self.consumer.take() else { break };
            let polled = consumer.poll(wait).map(|polled| polled.map(|message| self.take(&message, into)));
            let rebalancing = !consumer.context().is_empty();
            self.consumer = Some(consumer);
            match polled {
                Some(Ok(())) => {
                    self.shut_out = false;
                    if let Some(since) = self.down.take() {
                        tracing::info!(processor = self.topology.name, "broker is back after {:?}", since.elapsed());
                    }
                }
                Some(Err(error)) => self.trouble(&error)?,
                None => break,
            }
            wait = Duration::ZERO;
            if rebalancing {
                break;
            }
        }
        self.pass(into);
        self.rebalances(into)?;
        self.look_at_membership(into);
        into.changes.append(&mut self.lost);
        Ok(())
    }

    fn restore(&mut self, task: u32) -> Result<(), Fault> {
        self.started.remove(&task);
        self.restorer.ask(task)
    }

    fn start(&mut self, task: u32, positions: &[i64]) -> Result<(), Fault> {
        for (input, next) in positions.iter().enumerate() {
            self.seek(task, input, *next)?;
        }
        self.started.insert(task);
        let list = self.list(task, |_| Offset::Invalid)?;
        self.consumer()?.resume(&list).map_err(abort("resume"))
    }

    fn release(&mut self, tasks: &[u32]) -> Result<(), Fault> {
        self.started.retain(|task| !tasks.contains(task));
        self.seeking.retain(|(task, _), _| !tasks.contains(task));
        self.restorer.forget(tasks.iter().copied());
        for list in std::mem::take(&mut self.leaving) {
            give_back(self.consumer()?, &list).map_err(abort("unassign"))?;
            tracing::info!(processor = self.topology.name, instance = self.settings.instance, ?tasks, "released");
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Fault> {
        self.producer()?.begin()
    }

    fn send(&mut self, send: &Send) -> Result<(), Fault> {
        self.producer()?.send(Outgoing {
            topic: send.topic,
            partition: send.partition,
            timestamp_ms: Some(send.timestamp_ms),
            key: Some(send.key.as_bytes()),
            value: Some(&send.value),
            headers: output_headers(send),
            kind: Kind::Output,
        })
    }

    fn dead_letter(&mut self, letter: &DeadLetter) -> Result<(), Fault> {
        let all = wire::dead_letter_headers(self.topology, letter);
        let topic = self.names.dead_letters.clone();
        self.producer()?.send(Outgoing {
            topic: &topic,
            partition: letter.task,
            timestamp_ms: None,
            key: letter.key.as_deref(),
            value: Some(letter.value.as_deref().unwrap_or_default()),
            headers: Some(headers::built(lend(&all))),
            kind: Kind::Output,
        })
    }

    fn changelog(&mut self, task: u32, key: &[u8], value: Option<&[u8]>) -> Result<(), Fault> {
        let topic = self.names.changelog.clone();
        self.internal(&topic, Kind::Changelog(task), task, Some(key), value)
    }

    fn order_log(&mut self, task: u32, value: &[u8]) -> Result<(), Fault> {
        let topic = self.names.order.clone();
        self.internal(&topic, Kind::Output, task, None, Some(value))
    }

    fn send_offsets(&mut self, offsets: &[Stand]) -> Result<(), Fault> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for Stand { task, input, offset_next, events } in offsets {
            let mut at = list.add_partition(self.topology.inputs[*input].topic, *task as i32);
            at.set_offset(Offset::Offset(*offset_next)).map_err(abort("offsets"))?;
            at.set_metadata(Mark::Events(*events).text());
        }
        let group = self.consumer()?.group_metadata();
        let group = group.ok_or_else(|| Fault::Abort("the group has no metadata for us".into()))?;
        self.producer()?.send_offsets(&list, &group)
    }

    fn commit(&mut self) -> Result<Vec<Logged>, Fault> {
        self.producer()?.commit()
    }

    fn abort(&mut self) -> Result<(), Fault> {
        self.producer.as_mut().map_or(Ok(()), Producer::abort)
    }

    fn seek(&mut self, task: u32, input: usize, offset_next: i64) -> Result<(), Fault> {
        self.seeking.insert((task, input), offset_next);
        self.forget_taken((task, input));
        self.seek_all()
    }

    fn pause(&mut self, task: u32, input: usize) -> Result<(), Fault> {
        self.consumer()?.pause(&self.each(task, input)).map_err(abort("pause"))
    }

    fn resume(&mut self, task: u32, input: usize) -> Result<(), Fault> {
        self.consumer()?.resume(&self.each(task, input)).map_err(abort("resume"))
    }

    fn read_order(&mut self, task: u32, from: Option<i64>) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
        let topic = self.names.order.clone();
        let (start, end) = self.reader.bounds(&topic, task)?;
        let entries = page_of_records(&mut self.reader, &topic, task, (from.unwrap_or(start).max(start), end))?;
        Ok(entries.into_iter().filter_map(|entry| Some((entry.offset, entry.value?))).collect())
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.rejoins += 1;
        self.leave();
        self.reopen_at = Some(Instant::now() + RETRY);
        Ok(())
    }

    fn observe(&mut self, into: &mut Observed) {
        self.observed(into);
    }
}
