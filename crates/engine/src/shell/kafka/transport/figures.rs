//! What librdkafka's statistics say: where inputs end, and how the clients are doing.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::statistics::Statistics;

use crate::shell::metrics::CLIENTS;
use crate::shell::observe::{Client, End, Observed};

use super::KafkaTransport;

/// The last statistics of a client, until somebody looks.
#[derive(Debug)]
pub(in crate::shell::kafka) struct Figures {
    created: Instant,
    last: Mutex<Option<Statistics>>,
}

impl Default for Figures {
    fn default() -> Self {
        Figures { created: Instant::now(), last: Mutex::default() }
    }
}

impl Figures {
    pub(in crate::shell::kafka) fn keep(&self, statistics: Statistics) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(statistics);
    }

    fn take(&self) -> Option<Statistics> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Not before this moment were they taken: they wait in a queue until the next poll, and a seek may come between.
    fn taken_at(&self, statistics: &Statistics) -> Instant {
        self.created + Duration::from_micros(statistics.age.max(0) as u64)
    }
}

/// How long after a seek the fetch position may still be the one from before.
const SETTLES: Duration = Duration::from_secs(2);

impl KafkaTransport {
    pub(super) fn observed(&mut self, into: &mut Observed) {
        self.look_at_consumer();
        self.look_at_producer();
        let started = &self.started;
        self.ends.retain(|(task, _), _| started.contains(task));
        self.sought.retain(|(task, _), _| started.contains(task));
        into.ends.clone_from(&self.ends);
        into.clients.clone_from(&self.clients);
        (into.rebalances, into.rejoins) = (self.rebalances, self.rejoins);
        let progress = self.restorer.progress();
        let ours = self.owned.complete(self.topology.inputs.len()).filter(|task| !started.contains(task));
        into.restoring = ours.map(|task| (task, progress.get(&task).copied().unwrap_or_default())).collect();
    }

    fn look_at_consumer(&mut self) {
        let Some(figures) = self.consumer.as_ref().map(|consumer| &consumer.context().figures) else { return };
        let Some(statistics) = figures.take() else { return };
        let taken_at = figures.taken_at(&statistics);
        let mut queue_records = 0;
        for (input, known) in self.topology.inputs.iter().enumerate() {
            let Some(topic) = statistics.topics.get(known.topic) else { continue };
            for partition in topic.partitions.values() {
                // All partitions share one queue, and each tells the whole of it.
                queue_records = queue_records.max(partition.fetchq_cnt.max(0) as u64);
                let place = (partition.partition as u32, input);
                if partition.partition < 0 || partition.ls_offset < 0 || !self.started.contains(&place.0) {
                    continue;
                }
                let settled = self.sought.get(&place).is_none_or(|at| taken_at > *at + SETTLES);
                let all_taken = settled && partition.fetchq_cnt == 0 && partition.next_offset >= 0;
                let end = self.ends.entry(place).or_default();
                end.last_stable_offset = partition.ls_offset;
                if all_taken {
                    end.taken_to = Some(partition.next_offset);
                }
            }
        }
        self.clients.insert(CLIENTS[0], client(&statistics, queue_records));
    }

    fn look_at_producer(&mut self) {
        let Some(statistics) = self.producer.as_ref().and_then(|producer| producer.figures().take()) else { return };
        let queue_records = statistics.msg_cnt;
        self.clients.insert(CLIENTS[1], client(&statistics, queue_records));
    }

    /// What was taken of this input will be taken again.
    pub(super) fn forget_taken(&mut self, place: (u32, usize)) {
        self.sought.insert(place, Instant::now());
        if let Some(End { taken_to, .. }) = self.ends.get_mut(&place) {
            *taken_to = None;
        }
    }
}

fn client(statistics: &Statistics, queue_records: u64) -> Client {
    let mut client = Client {
        received_bytes: statistics.rx_bytes.max(0) as u64,
        sent_bytes: statistics.tx_bytes.max(0) as u64,
        queue_records,
        ..Client::default()
    };
    for broker in statistics.brokers.values() {
        let slowest_us = broker.rtt.as_ref().map_or(0, |window| window.p99);
        client.round_trip_s = client.round_trip_s.max(slowest_us as f64 / 1e6);
        client.request_timeouts += broker.req_timeouts;
        client.request_errors += broker.txerrs + broker.rxerrs;
        client.disconnects += broker.disconnects.unwrap_or_default().max(0) as u64;
    }
    client
}
