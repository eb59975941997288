//! Reads of internal topics for a restore, as one instance sees the pretend broker.

use engine::shell::transport::{Entry, Fault, LogReader};

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
    fn committed(&mut self, task: u32) -> Result<Vec<Option<i64>>, Fault> {
        self.shared.before(self.me, "read committed offsets", Hurt::Any)?;
        let broker = self.shared.broker.borrow();
        if broker.group.pending.get(&task).is_some_and(|pending| !pending.is_empty()) {
            return Err(Fault::Abort(format!("offsets of task {task} are not stable")));
        }
        Ok((0..TOPOLOGY.inputs.len()).map(|input| broker.group.offsets.get(&(task, input)).copied()).collect())
    }

    fn input_starts(&mut self, task: u32) -> Result<Vec<i64>, Fault> {
        self.shared.before(self.me, "read input starts", Hurt::Any)?;
        let broker = self.shared.broker.borrow();
        Ok(TOPOLOGY.inputs.iter().map(|input| broker.log(input.topic, task).start).collect())
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
        Ok((log.start, log.next))
    }

    fn read(&mut self, topic: &str, partition: u32, from: i64, end: i64) -> Result<Vec<Entry>, Fault> {
        self.shared.before(self.me, "read a page", Hurt::Any)?;
        let broker = self.shared.broker.borrow();
        let records = broker.log(topic, partition).read(from).take_while(|stored| stored.offset < end).take(PAGE);
        let entry = |stored: &crate::broker::log::Stored| Entry {
            offset: stored.offset,
            key: stored.message.key.clone(),
            value: stored.message.value.clone(),
        };
        Ok(records.map(entry).collect())
    }
}
