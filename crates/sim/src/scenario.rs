//! Words for fixed scenarios: what a test sends, turns and looks at.

use engine::core::counts::Counts;
use engine::core::headers;
use engine::core::pace::Limits;
use engine::shell::transport::Fault;
use flow::Id;

use crate::broker::log::Stored;
use crate::clock::BEGIN_MS;
use crate::inputs::{self, Body};
use crate::ledger::wire::{self, Read};
use crate::ledger::{Ask, Entry, Op, TASKS, TOPOLOGY};
use crate::world::{Config, World};

/// An entry without anything special.
pub fn entry(key: &str, op: Op, amount: i64) -> Body {
    Body::Entry(Entry { key: key.to_owned(), op, amount, to: key.to_owned(), delay_ms: 3_600_000 })
}

/// Asks to release parked amounts, `chunk` per event.
pub fn release(key: &str, chunk: u64) -> Body {
    Body::Ask(Ask { key: key.to_owned(), chunk, reply_to: TOPOLOGY.replies[0].name.to_owned() })
}

/// The id with this number.
pub fn id(number: u64) -> Id {
    let mut id = [7u8; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Id(id)
}

/// A key of this task.
///
/// # Panics
/// When none of a thousand keys belongs to it.
pub fn key_of(task: u32) -> String {
    let of = |key: &String| engine::core::ids::partition(key.as_bytes(), TASKS) == task;
    (0..1_000).map(|n| format!("k{n}")).find(of).unwrap_or_else(|| unreachable!("no key for task {task}"))
}

impl World {
    /// One pod that owns every task, and no faults; every task is open.
    pub fn calm(limits: Limits) -> World {
        let world = World::new(Config { limits, ..Config::calm() });
        world.turns(20);
        world
    }

    /// Sends a record now; its offset.
    pub fn send(&self, number: u64, body: &Body) -> i64 {
        self.send_at(number, body, self.shared.time.wall_ms())
    }

    /// Sends a record with a timestamp of its own; its offset.
    pub fn send_at(&self, number: u64, body: &Body, timestamp_ms: i64) -> i64 {
        self.append(inputs::record(id(number), body, timestamp_ms))
    }

    /// Turns of the first pod.
    pub fn turns(&self, turns: usize) {
        (0..turns).for_each(|_| self.turn(0));
    }

    /// One turn of the first pod, with its end.
    ///
    /// # Panics
    /// When the pod is down.
    pub fn turn_once(&self) -> Result<usize, Fault> {
        let mut pod = self.instances[0].borrow_mut();
        pod.driver.as_mut().unwrap_or_else(|| unreachable!("the pod is down")).turn()
    }

    /// What ends the first pod within so many turns.
    ///
    /// # Panics
    /// When nothing does.
    pub fn end_of_the_pod(&self, turns: usize) -> Fault {
        let end = (0..turns).find_map(|_| self.turn_once().err());
        end.unwrap_or_else(|| unreachable!("the pod goes on"))
    }

    /// Counters of the first pod; zero while it is down.
    pub fn counts(&self) -> Counts {
        self.instances[0].borrow().driver.as_ref().map(|driver| driver.worker.counts()).unwrap_or_default()
    }

    /// Comes to rest and must be green.
    ///
    /// # Panics
    /// With what is wrong.
    pub fn must_be_right(&self) {
        let wrong = self.rest_and_check();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Code, offset and topic of each dead letter, by task and in order.
    pub fn letters(&self) -> Vec<(String, i64, String)> {
        let broker = self.shared.broker.borrow();
        let names = &self.shared.names;
        let all = (0..TASKS).flat_map(|task| broker.log(&names.dead_letters, task).ever());
        all.map(|stored| {
            let text = |name| header(stored, name);
            (text(headers::DLQ_CODE), text(headers::DLQ_OFFSET).parse().unwrap_or(-1), text(headers::DLQ_TOPIC))
        })
        .collect()
    }

    /// Record, sequence number and sum of what came out for a key, in order.
    pub fn story(&self, key: &str) -> Vec<(String, u64, i64)> {
        let broker = self.shared.broker.borrow();
        let topic = TOPOLOGY.outputs[0];
        let mut all: Vec<&Stored> =
            (0..topic.partitions).flat_map(|part| broker.log(topic.name, part).ever()).collect();
        all.sort_by_key(|stored| stored.serial);
        let read = |stored: &&Stored| {
            let mut body = Read(stored.message.value.as_ref()?.get(5..)?);
            wire::meta(&mut body)?;
            let (of, seq, sum, _, _) = wire::out(body)?;
            (of == key).then(|| (header(stored, headers::RECORD), seq, sum))
        };
        all.iter().filter_map(read).collect()
    }

    /// Number of committed transactions, counted by task.
    pub fn deeds(&self) -> usize {
        self.shared.broker.borrow().deeds.len()
    }

    /// Milliseconds since the run began.
    pub fn now_ms(&self) -> i64 {
        self.shared.time.wall_ms() - BEGIN_MS
    }
}

fn header(stored: &Stored, wanted: &str) -> String {
    let found = stored.message.headers.iter().rev().find(|(name, _)| name == wanted);
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}
