//! Transactions of the pretend broker.

use std::collections::{BTreeMap, BTreeSet};

use super::Deed;
use super::log::Message;

/// A transactional id's producer.
#[derive(Debug, Default)]
pub struct Producer {
    pub epoch: u32,
    pub open: Option<Txn>,
}

/// Where a marker goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Partition(String, u32),
    Offsets,
}

/// What was sent for one task.
#[derive(Debug, Clone, Default)]
struct Sent {
    records: usize,
    changelog: usize,
    order: Option<Vec<u8>>,
}

/// A transaction.
#[derive(Debug)]
pub struct Txn {
    pub no: u64,
    pub began_us: u64,
    pub offsets: BTreeMap<(u32, usize), i64>,
    /// The metadata of each offset, beside it.
    pub events: BTreeMap<(u32, usize), (i64, u64)>,
    pub decided: Option<bool>,
    /// Markers under way, once it is decided.
    pub markers: Vec<Place>,
    places: BTreeSet<Place>,
    sent: BTreeMap<u32, Sent>,
}

impl Txn {
    /// An empty transaction.
    pub fn new(no: u64, began_us: u64) -> Txn {
        Txn {
            no,
            began_us,
            offsets: BTreeMap::new(),
            events: BTreeMap::new(),
            decided: None,
            markers: Vec::new(),
            places: BTreeSet::new(),
            sent: BTreeMap::new(),
        }
    }

    /// Notes what is sent.
    pub fn note(&mut self, topic: &str, partition: u32, message: &Message) {
        self.places.insert(Place::Partition(topic.to_owned(), partition));
        let sent = self.sent.entry(message.task).or_default();
        sent.records += 1;
        if topic.ends_with("-changelog") {
            sent.changelog += 1;
        }
        if topic.ends_with("-order") {
            sent.order = message.value.clone();
        }
    }

    /// Decides it: from now on its markers are under way.
    pub fn decide(&mut self, commit: bool) {
        self.decided = Some(commit);
        self.markers = self.places.iter().cloned().collect();
        if !self.offsets.is_empty() {
            self.markers.push(Place::Offsets);
        }
    }

    /// What it did for each task.
    pub fn deeds(&self, before: &BTreeMap<(u32, usize), i64>) -> Vec<Deed> {
        let tasks: BTreeSet<u32> =
            self.sent.keys().copied().chain(self.offsets.keys().map(|(task, _)| *task)).collect();
        let part = |of: &BTreeMap<(u32, usize), i64>, task: u32| -> BTreeMap<usize, i64> {
            of.iter().filter(|((of, _), _)| *of == task).map(|((_, input), next)| (*input, *next)).collect()
        };
        let deed = |task: u32| {
            let sent = self.sent.get(&task).cloned().unwrap_or_default();
            Deed {
                task,
                records: sent.records,
                changelog: sent.changelog,
                order: sent.order,
                before: part(before, task),
                after: part(&self.offsets, task),
            }
        };
        tasks.into_iter().map(deed).collect()
    }
}
