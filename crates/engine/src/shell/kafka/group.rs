//! Membership in the consumer group: rebalances are noted when they happen and carried out by the driver.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::access::Refusal;
use super::transport::Figures;

/// A rebalance that the driver has not carried out yet.
#[derive(Debug)]
pub(super) enum Rebalance {
    Assign(TopicPartitionList),
    Revoke { partitions: TopicPartitionList, lost: bool },
}

/// Notes rebalances in place of acting on them inside the callback.
#[derive(Debug, Default)]
pub(super) struct GroupContext {
    noted: Mutex<VecDeque<Rebalance>>,
    /// Nobody will carry out what is noted any more: partitions are given back inside the callback.
    closing: AtomicBool,
    pub(super) refusal: Refusal,
    pub(super) figures: Figures,
}

impl GroupContext {
    pub(super) fn next(&self) -> Option<Rebalance> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Notes again what could not be carried out yet.
    pub(super) fn put_back(&self, rebalance: Rebalance) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push_front(rebalance);
    }

    /// Lets the consumer be dropped, which waits until every partition is given back.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// librdkafka's own lines are details, be they called fatal: what matters comes back from a call, too, and is said once,
/// by us.
fn log(_: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(target: "librdkafka", "{facility}: {message}");
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", "{error}: {reason}");
        self.refusal.note(error.rdkafka_error_code(), reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.figures.keep(statistics);
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if self.closing.load(Ordering::Relaxed) {
            if let Err(error) = give_back(consumer, partitions) {
                tracing::debug!("while closing: {error}");
            }
            return;
        }
        let partitions = partitions.clone();
        let noted = match err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assign(partitions),
            _ => Rebalance::Revoke { partitions, lost: consumer.assignment_lost() },
        };
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push_back(noted);
    }
}

/// Ends the assignment of these partitions, or of all with the eager protocol.
pub(super) fn give_back(
    consumer: &BaseConsumer<GroupContext>,
    partitions: &TopicPartitionList,
) -> Result<(), KafkaError> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
        _ => consumer.unassign(),
    }
}

/// A quiet context for clients that are in no group.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", "{error}: {reason}");
    }
}

impl ConsumerContext for Quiet {}

/// Which inputs of which tasks are assigned: a task is ours when all its inputs are.
#[derive(Debug, Default)]
pub(super) struct Owned {
    inputs: BTreeMap<u32, BTreeSet<usize>>,
}

impl Owned {
    /// Adds a partition; the task when it is complete with it.
    pub(super) fn add(&mut self, task: u32, input: usize, inputs: usize) -> Option<u32> {
        let owned = self.inputs.entry(task).or_default();
        (owned.insert(input) && owned.len() == inputs).then_some(task)
    }

    /// Removes a partition; the task when it was complete until now.
    pub(super) fn remove(&mut self, task: u32, input: usize, inputs: usize) -> Option<u32> {
        let owned = self.inputs.get_mut(&task)?;
        let was_complete = owned.len() == inputs;
        (owned.remove(&input) && was_complete).then_some(task)
    }

    /// Tasks that are ours.
    pub(super) fn complete(&self, inputs: usize) -> impl Iterator<Item = u32> + '_ {
        self.inputs.iter().filter(move |(_, owned)| owned.len() == inputs).map(|(task, _)| *task)
    }

    /// Forgets everything; the tasks that were ours.
    pub(super) fn clear(&mut self, inputs: usize) -> Vec<u32> {
        let owned = std::mem::take(&mut self.inputs).into_iter();
        owned.filter(|(_, owned)| owned.len() == inputs).map(|(task, _)| task).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Owned;

    #[test]
    fn a_task_is_ours_only_with_all_its_inputs() {
        let mut owned = Owned::default();
        assert_eq!(owned.add(3, 0, 2), None);
        assert_eq!(owned.add(3, 1, 2), Some(3));
        assert_eq!(owned.add(3, 1, 2), None, "said once");
        assert_eq!(owned.remove(3, 0, 2), Some(3));
        assert_eq!(owned.remove(3, 1, 2), None);
        owned.add(4, 0, 2);
        owned.add(5, 0, 2);
        owned.add(5, 1, 2);
        assert_eq!(owned.clear(2), vec![5], "a task of which we had only a part never was ours");
    }
}
