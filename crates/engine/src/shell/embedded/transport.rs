//! The embedded log as one worker sees it. There is one worker per processor, and it owns every task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use flow::Topology;

use crate::core::headers;
use crate::core::io::{DeadLetter, Logged, Send, Stand};
use crate::shell::clock::SystemClock;
use crate::shell::disk::Disk;
use crate::shell::driver::Clock;
use crate::shell::observe::{End, Observed};
use crate::shell::restore::{Internal, restore};
use crate::shell::sled_disk::SledDisk;
use crate::shell::transport::{Change, Entry, Fault, Fetched, LogReader, Mark, Page, Position, Slot, Transport};
use crate::shell::wire;

use super::client::fatal;
use super::log::{Append, EmbeddedLog};

/// Records of one poll.
const PAGE: usize = 500;

/// What an appended record is, to find its offset again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Output,
    Changelog(u32),
}

/// Transport over an [`EmbeddedLog`].
pub struct EmbeddedTransport {
    log: Arc<EmbeddedLog>,
    disk: Arc<SledDisk>,
    topology: &'static Topology,
    names: Internal,
    /// Log topic of each input.
    inputs: Vec<u16>,
    positions: BTreeMap<(u32, usize), i64>,
    paused: BTreeSet<(u32, usize)>,
    changes: Vec<Change>,
    batch: Vec<Append>,
    kinds: Vec<Kind>,
    offsets: Vec<((u16, u32), i64)>,
    clock: SystemClock,
    /// Where the next poll begins, so that no partition starves.
    turn: usize,
}

impl EmbeddedTransport {
    /// A transport that owns all tasks of the processor.
    pub fn new(log: Arc<EmbeddedLog>, disk: Arc<SledDisk>, topology: &'static Topology) -> Result<Self, Fault> {
        let inputs = topology.inputs.iter().map(|input| Ok(log.topic(input.topic).map_err(fatal)?.0));
        Ok(EmbeddedTransport {
            inputs: inputs.collect::<Result<_, Fault>>()?,
            log,
            disk,
            topology,
            names: Internal::of(topology.name),
            positions: BTreeMap::new(),
            paused: BTreeSet::new(),
            changes: vec![Change::Assigned((0..topology.partitions).collect())],
            batch: Vec::new(),
            kinds: Vec::new(),
            offsets: Vec::new(),
            clock: SystemClock::default(),
            turn: 0,
        })
    }

    fn push(&mut self, topic: &str, kind: Kind, append: Append) -> Result<(), Fault> {
        let (topic, _) = self.log.topic(topic).map_err(fatal)?;
        self.batch.push(Append { topic, ..append });
        self.kinds.push(kind);
        Ok(())
    }

    fn internal(
        &mut self,
        topic: String,
        kind: Kind,
        task: u32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<(), Fault> {
        let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
        let timestamp_ms = self.clock.now().wall_ms;
        self.push(&topic, kind, Append { partition: task, timestamp_ms, key, value, ..Append::default() })
    }

    fn fetch(&mut self, into: &mut Fetched) -> Result<(), Fault> {
        let active: Vec<((u32, usize), i64)> =
            self.positions.iter().filter(|(at, _)| !self.paused.contains(at)).map(|(at, next)| (*at, *next)).collect();
        for step in 0..active.len() {
            let ((task, input), next) = active[(self.turn + step) % active.len()];
            let topic = self.inputs[input];
            if next >= self.log.end(topic, task) {
                continue;
            }
            let page = self.log.read(topic, task, next, PAGE - into.slots.len()).map_err(fatal)?;
            if let Some(last) = page.last() {
                self.positions.insert((task, input), last.offset + 1);
            }
            for message in page {
                let key = message.key.map(|key| into.keep(&key));
                let value = message.value.map(|value| into.keep(&value));
                let headers = headers::lend(&message.headers).map(|header| into.keep_header(header)).collect();
                let (offset, timestamp_ms) = (message.offset, message.timestamp_ms);
                into.slots.push(Slot { task, input, offset, timestamp_ms, key, value, headers });
            }
            if into.slots.len() >= PAGE {
                self.turn = (self.turn + step + 1) % active.len();
                break;
            }
        }
        Ok(())
    }
}

impl Transport for EmbeddedTransport {
    fn poll(&mut self, wait: Duration, into: &mut Fetched) -> Result<(), Fault> {
        into.changes.append(&mut self.changes);
        if !into.changes.is_empty() {
            return Ok(());
        }
        let version = self.log.version();
        self.fetch(into)?;
        if into.slots.is_empty() && !wait.is_zero() {
            self.log.wait(version, wait);
            self.fetch(into)?;
        }
        Ok(())
    }

    fn observe(&mut self, into: &mut Observed) {
        // One process and no markers: the end of the log is the last stable offset.
        into.ends = self
            .positions
            .keys()
            .map(|(task, input)| {
                let last_stable_offset = self.log.end(self.inputs[*input], *task);
                ((*task, *input), End { last_stable_offset, taken_to: None })
            })
            .collect();
    }

    fn restore(&mut self, task: u32) -> Result<(), Fault> {
        let (disk, names, now_ms) = (self.disk.clone(), self.names.clone(), self.clock.now().wall_ms);
        let change = match restore(self, &*disk as &dyn Disk, &names, task, now_ms, &mut |_, _| Ok(())) {
            Ok(opening) => Change::Restored(opening),
            Err(Fault::Quarantine(why)) => Change::Quarantined(task, why),
            Err(fault) => return Err(fault),
        };
        self.changes.push(change);
        Ok(())
    }

    fn start(&mut self, task: u32, positions: &[i64]) -> Result<(), Fault> {
        self.positions.extend(positions.iter().enumerate().map(|(input, next)| ((task, input), *next)));
        Ok(())
    }

    fn release(&mut self, tasks: &[u32]) -> Result<(), Fault> {
        self.positions.retain(|(task, _), _| !tasks.contains(task));
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn send(&mut self, send: &Send) -> Result<(), Fault> {
        let headers = wire::headers_of(send);
        let (key, value) = (Some(send.key.clone().into_bytes()), Some(send.value.clone()));
        let append =
            Append { partition: send.partition, timestamp_ms: send.timestamp_ms, key, value, headers, topic: 0 };
        self.push(send.topic, Kind::Output, append)
    }

    fn dead_letter(&mut self, letter: &DeadLetter) -> Result<(), Fault> {
        let headers = wire::dead_letter_headers(self.topology, letter);
        let topic = self.names.dead_letters.clone();
        let (key, value) = (letter.key.clone(), Some(letter.value.clone().unwrap_or_default()));
        let append =
            Append { partition: letter.task, timestamp_ms: letter.timestamp_ms, key, value, headers, topic: 0 };
        self.push(&topic, Kind::Output, append)
    }

    fn changelog(&mut self, task: u32, key: &[u8], value: Option<&[u8]>) -> Result<(), Fault> {
        self.internal(self.names.changelog.clone(), Kind::Changelog(task), task, Some(key), value)
    }

    fn order_log(&mut self, task: u32, value: &[u8]) -> Result<(), Fault> {
        self.internal(self.names.order.clone(), Kind::Output, task, None, Some(value))
    }

    fn send_offsets(&mut self, offsets: &[Stand]) -> Result<(), Fault> {
        self.offsets = offsets.iter().map(|at| ((self.inputs[at.input], at.task), at.offset_next)).collect();
        Ok(())
    }

    fn commit(&mut self) -> Result<Vec<Logged>, Fault> {
        let landed = self.log.append(&self.batch, self.topology.name, &self.offsets).map_err(fatal)?;
        let mut logged: BTreeMap<u32, i64> = BTreeMap::new();
        for (kind, offset) in self.kinds.iter().zip(landed) {
            if let Kind::Changelog(task) = kind {
                logged.insert(*task, offset + 1);
            }
        }
        self.abort()?;
        Ok(logged.into_iter().map(|(task, changelog_next)| Logged { task, changelog_next }).collect())
    }

    fn abort(&mut self) -> Result<(), Fault> {
        self.batch.clear();
        self.kinds.clear();
        self.offsets.clear();
        Ok(())
    }

    fn seek(&mut self, task: u32, input: usize, offset_next: i64) -> Result<(), Fault> {
        self.positions.insert((task, input), offset_next);
        Ok(())
    }

    fn pause(&mut self, task: u32, input: usize) -> Result<(), Fault> {
        self.paused.insert((task, input));
        Ok(())
    }

    fn resume(&mut self, task: u32, input: usize) -> Result<(), Fault> {
        self.paused.remove(&(task, input));
        Ok(())
    }

    fn read_order(&mut self, task: u32, from: Option<i64>) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
        let topic = self.names.order.clone();
        let page = self.read(&topic, task, from.unwrap_or(0), i64::MAX)?;
        Ok(page.entries.into_iter().filter_map(|entry| Some((entry.offset, entry.value?))).collect())
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        Err(Fault::Fatal("the embedded log fences nobody".into()))
    }
}

impl LogReader for EmbeddedTransport {
    fn topology(&self) -> &'static Topology {
        self.topology
    }

    fn committed(&mut self, task: u32) -> Result<Vec<Option<Position>>, Fault> {
        let group = self.topology.name;
        let position = |offset_next| Position { offset_next, mark: Mark::None };
        let committed = |topic: &u16| Ok(self.log.committed(group, *topic, task).map_err(fatal)?.map(position));
        self.inputs.iter().map(committed).collect()
    }

    fn input_bounds(&mut self, task: u32) -> Result<Vec<(i64, i64)>, Fault> {
        self.inputs.iter().map(|topic| self.log.bounds(*topic, task).map_err(fatal)).collect()
    }

    fn topic_id(&mut self, topic: &str) -> Result<String, Fault> {
        Ok(self.log.topic(topic).map_err(fatal)?.0.to_string())
    }

    fn bounds(&mut self, topic: &str, partition: u32) -> Result<(i64, i64), Fault> {
        let (topic, _) = self.log.topic(topic).map_err(fatal)?;
        self.log.bounds(topic, partition).map_err(fatal)
    }

    fn read(&mut self, topic: &str, partition: u32, from: i64, end: i64) -> Result<Page, Fault> {
        const PAGE: usize = 1_000;
        let (topic, _) = self.log.topic(topic).map_err(fatal)?;
        let read = self.log.read(topic, partition, from, PAGE).map_err(fatal)?;
        // There are no markers and no replicas: what a page does not fill ends where the log does.
        let next = read.last().filter(|_| read.len() == PAGE).map_or(end, |last| (last.offset + 1).min(end));
        let entries = read.into_iter().filter(|message| message.offset < end);
        let entry = |message: crate::shell::client::Message| Entry {
            offset: message.offset,
            key: message.key,
            value: message.value,
        };
        Ok(Page { entries: entries.map(entry).collect(), next })
    }
}
