//! Reads of internal topics for a restore, as one instance sees the pretend broker.

use std::time::Duration;

use engine::shell::transport::{Entry, Fault, LogReader, Mark, Page, Position};
use flow::Topology;

use crate::ledger::TOPOLOGY;
use crate::shared::{Hurt, Shared};

/// Records of one page.
const PAGE: usize = 7;

/// An instance's restore consumer.
pub struct SimReader<'a> {
    pub shared: &'a Shared,
    pub me: usize,
}

impl LogReader for SimReader<'_> {
    fn topology(&self) -> &'static Topology {
        self.shared.topology.get()
    }

    fn committed(&mut self, task: u32) -> Result<Vec<Option<Position>>, Fault> {
        self.shared.before(self.me, "read committed offsets", Hurt::Any)?;
        let broker = self.shared.broker.borrow();
        if broker.group.pending.get(&task).is_some_and(|pending| !pending.is_empty()) {
            return Err(Fault::Abort(format!("offsets of task {task} are not stable")));
        }
        let group = &broker.group;
        let position = |input| {
            let offset_next = *group.offsets.get(&(task, input))?;
            let noted = group.events.get(&(task, input)).filter(|(beside, _)| *beside == offset_next);
            Some(Position { offset_next, mark: noted.map_or(Mark::None, |(_, events)| Mark::Events(*events)) })
        };
        Ok((0..TOPOLOGY.inputs.len()).map(position).collect())
    }

    fn input_bounds(&mut self, task: u32) -> Result<Vec<(i64, i64)>, Fault> {
        self.shared.before(self.me, "read input bounds", Hurt::Any)?;
        let broker = self.shared.broker.borrow();
        let bounds = |input: &flow::Input| {
            let log = broker.log(input.topic, task);
            (log.start, log.next)
        };
        Ok(TOPOLOGY.inputs.iter().map(bounds).collect())
    }

    fn topic_id(&mut self, topic: &str) -> Result<String, Fault> {
        self.shared.before(self.me, "read topic id", Hurt::Any)?;
        Ok(self.shared.broker.borrow().topics[topic].id.clone())
    }

    fn bounds(&mut self, topic: &str, partition: u32) -> Result<(i64, i64), Fault> {
        self.shared.before(self.me, "read bounds", Hurt::Any)?;
        let broker = self.shared.broker.borrow();
        let log = broker.log(topic, partition);
        if log.last_stable_offset() < log.next {
            return Err(Fault::Abort(format!("\"{topic}\"/{partition} ends in an undecided transaction")));
        }
        // A leader answers only once its high watermark has caught up (KIP-207); the replica that is read may lag.
        Ok((log.start, log.next))
    }

    fn read(&mut self, topic: &str, partition: u32, from: i64, end: i64) -> Result<Page, Fault> {
        self.shared.before(self.me, "read a page", Hurt::Any)?;
        let broker = self.shared.broker.borrow();
        // The replica that is read may know less than the leader: what it calls its end lies anywhere below.
        let lags = self.shared.chance(self.shared.chaos.get().early_end);
        let known = if lags { from + self.shared.below((end - from).max(0) as u64 + 1) as i64 } else { end };
        let records = broker.log(topic, partition).read(from).take_while(|stored| stored.offset < known).take(PAGE);
        let entry = |stored: &crate::broker::log::Stored| Entry {
            offset: stored.offset,
            key: stored.message.key.clone(),
            value: stored.message.value.clone(),
        };
        let entries: Vec<Entry> = records.map(entry).collect();
        let full = entries.last().filter(|_| entries.len() == PAGE);
        let next = full.map_or(known, |last| last.offset + 1);
        Ok(Page { entries, next })
    }

    fn wait(&mut self, wait: Duration) {
        self.shared.time.advance_us(wait.as_micros() as u64);
    }
}
