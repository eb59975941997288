//! The pretend broker: topics, transactions with producer epochs, and one consumer group. All in memory, no clock.
//!
//! It keeps what real brokers keep apart: a transaction is decided first, and its markers reach the partitions (and the
//! group's offsets) one by one afterwards, in any order.

pub mod group;
pub mod log;
pub mod txn;

use std::collections::BTreeMap;

use engine::core::io::Stand;
use engine::shell::transport::Fault;
use group::Group;
use log::{Log, Message};
use txn::{Place, Producer, Txn};

/// The transactional id of the outside world's producer.
pub const OUTSIDE: &str = "outside";

/// A topic.
#[derive(Debug)]
pub struct Topic {
    /// Another one after the topic was deleted and created again.
    pub id: String,
    pub partitions: Vec<Log>,
}

/// A committed transaction's part for one task: what the oracle's atomicity checks look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub task: u32,
    /// Records of outputs, changelogs, order and dead letters sent for the task.
    pub records: usize,
    pub changelog: usize,
    /// The recorded order, when the transaction carried some.
    pub order: Option<Vec<u8>>,
    /// `offset_next` by input, before and after.
    pub before: BTreeMap<usize, i64>,
    pub after: BTreeMap<usize, i64>,
}

/// The broker.
#[derive(Debug, Default)]
pub struct Broker {
    pub topics: BTreeMap<String, Topic>,
    pub group: Group,
    pub producers: BTreeMap<String, Producer>,
    serial: u64,
    txns: u64,
    /// What committed transactions did, in the order they were decided.
    pub deeds: Vec<Deed>,
}

impl Broker {
    /// Creates a topic.
    pub fn create(&mut self, name: &str, partitions: u32) {
        let partitions = (0..partitions).map(|_| Log::default()).collect();
        self.serial += 1;
        self.topics.insert(name.to_owned(), Topic { id: format!("id-{}", self.serial), partitions });
    }

    /// A partition that must exist.
    ///
    /// # Panics
    /// When nobody created it: a bug of the simulator.
    pub fn log(&self, topic: &str, partition: u32) -> &Log {
        &self.topics[topic].partitions[partition as usize]
    }

    /// As [`Broker::log`], to write to.
    pub fn log_mut(&mut self, topic: &str, partition: u32) -> &mut Log {
        let topic = self.topics.get_mut(topic);
        &mut topic.unwrap_or_else(|| unreachable!("a topic nobody created")).partitions[partition as usize]
    }

    /// Appends outside of any transaction.
    pub fn append(&mut self, topic: &str, partition: u32, message: Message) -> i64 {
        self.serial += 1;
        let serial = self.serial;
        self.log_mut(topic, partition).append(message, None, serial)
    }

    /// `initTransactions`: fences the older producer of this id and aborts what it left open; the new epoch.
    pub fn init(&mut self, id: &str) -> u32 {
        self.abandon(id);
        self.producers.entry(id.to_owned()).or_default().epoch
    }

    /// Aborts what is open under this id and fences its producer: on init, or when the transaction timed out.
    pub fn abandon(&mut self, id: &str) {
        let producer = self.producers.entry(id.to_owned()).or_default();
        producer.epoch += 1;
        if producer.open.as_ref().is_some_and(|txn| txn.decided.is_none()) {
            self.decide(id, false);
        }
        self.deliver_all(id);
    }

    fn owned(&mut self, id: &str, epoch: u32) -> Result<&mut Producer, Fault> {
        let producer = self.producers.entry(id.to_owned()).or_default();
        if producer.epoch != epoch {
            return Err(Fault::Fenced(format!("producer \"{id}\" has epoch {epoch}, now it is {}", producer.epoch)));
        }
        Ok(producer)
    }

    /// Begins a transaction; waits for the markers of the one before.
    pub fn begin(&mut self, id: &str, epoch: u32, now_us: u64) -> Result<(), Fault> {
        self.owned(id, epoch)?;
        self.deliver_all(id);
        self.txns += 1;
        let no = self.txns;
        self.owned(id, epoch)?.open = Some(Txn::new(no, now_us));
        Ok(())
    }

    /// Appends within the open transaction; the offset.
    pub fn send(&mut self, id: &str, epoch: u32, topic: &str, partition: u32, message: Message) -> Result<i64, Fault> {
        let producer = self.owned(id, epoch)?;
        let Some(txn) = &mut producer.open else { return Err(Fault::Abort("no transaction is open".into())) };
        let no = txn.no;
        txn.note(topic, partition, &message);
        self.serial += 1;
        let serial = self.serial;
        Ok(self.log_mut(topic, partition).append(message, Some(no), serial))
    }

    /// Adds group offsets to the open transaction; the caller has checked the group's epoch.
    pub fn send_offsets(&mut self, id: &str, epoch: u32, offsets: &[Stand]) -> Result<(), Fault> {
        let producer = self.owned(id, epoch)?;
        let Some(txn) = &mut producer.open else { return Err(Fault::Abort("no transaction is open".into())) };
        let no = txn.no;
        for at in offsets {
            txn.offsets.insert((at.task, at.input), at.offset_next);
            txn.events.insert((at.task, at.input), (at.offset_next, at.events));
        }
        for at in offsets {
            let pending = self.group.pending.entry(at.task).or_default();
            if !pending.contains(&no) {
                pending.push(no);
            }
        }
        Ok(())
    }

    /// Ends the open transaction. Its markers come later.
    pub fn end(&mut self, id: &str, epoch: u32, commit: bool) -> Result<(), Fault> {
        let producer = self.owned(id, epoch)?;
        match &producer.open {
            Some(txn) if txn.decided.is_none() => {
                self.decide(id, commit);
                Ok(())
            }
            _ => Err(Fault::Abort("no transaction is open".into())),
        }
    }

    fn decide(&mut self, id: &str, commit: bool) {
        let Some(txn) = self.producers.get_mut(id).and_then(|producer| producer.open.as_mut()) else { return };
        txn.decide(commit);
        if commit && id != OUTSIDE {
            let deeds = txn.deeds(&self.group.offsets);
            self.deeds.extend(deeds);
        }
    }

    /// Whether any marker is still on its way.
    pub fn markers_due(&self) -> Vec<String> {
        let due = self
            .producers
            .iter()
            .filter(|(_, producer)| producer.open.as_ref().is_some_and(|txn| !txn.markers.is_empty()));
        due.map(|(id, _)| id.clone()).collect()
    }

    /// Lets one marker arrive: number `pick` of those under way for this producer.
    pub fn deliver(&mut self, id: &str, pick: u64) {
        let Some(txn) = self.producers.get_mut(id).and_then(|producer| producer.open.as_mut()) else { return };
        let Some(commit) = txn.decided else { return };
        if txn.markers.is_empty() {
            return;
        }
        let place = txn.markers.swap_remove((pick % txn.markers.len() as u64) as usize);
        let (no, offsets, events) = (txn.no, txn.offsets.clone(), txn.events.clone());
        match place {
            Place::Partition(topic, partition) => self.log_mut(&topic, partition).mark(no, commit),
            Place::Offsets => {
                if commit {
                    self.group.offsets.extend(offsets);
                    self.group.events.extend(events);
                }
                self.group.pending.values_mut().for_each(|pending| pending.retain(|other| *other != no));
            }
        }
    }

    /// Lets all markers of a producer arrive.
    pub fn deliver_all(&mut self, id: &str) {
        while self
            .producers
            .get(id)
            .is_some_and(|producer| producer.open.as_ref().is_some_and(|txn| !txn.markers.is_empty()))
        {
            self.deliver(id, 0);
        }
    }

    /// Aborts transactions that began before `before_us`: the transaction timeout.
    pub fn expire(&mut self, before_us: u64) {
        let late = |producer: &Producer| {
            producer.open.as_ref().is_some_and(|txn| txn.decided.is_none() && txn.began_us < before_us)
        };
        let ids: Vec<String> = self.producers.iter().filter(|(_, p)| late(p)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.abandon(&id);
        }
    }
}
