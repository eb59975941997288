//! How far a consumer went beyond the last record that it delivered: only markers lie there.

use rdkafka::consumer::Consumer as _;

use crate::core::io::Passed;
use crate::shell::transport::Fetched;

use super::KafkaTransport;

impl KafkaTransport {
    /// Says where the consumer has passed markers. Asks only about what was delivered with this poll or the one before.
    pub(super) fn pass(&mut self, into: &mut Fetched) {
        if self.delivered.is_empty() {
            return;
        }
        let Some(positions) = self.consumer.as_ref().and_then(|consumer| consumer.position().ok()) else { return };
        let topology = self.topology;
        self.delivered.retain(|(task, input), from| {
            let found = positions.find_partition(topology.inputs[*input].topic, *task as i32);
            let to = found.and_then(|at| at.offset().to_raw()).unwrap_or_default();
            if to > *from {
                into.passed.push(Passed { task: *task, input: *input, from: *from, to });
            }
            to <= *from && !into.slots.is_empty()
        });
    }
}
