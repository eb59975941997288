//! Writes a task's store to its changelog, one transaction for each task.

use flow::Topology;

use crate::shell::disk::Disk;
use crate::shell::restore::{Draft, Internal, Sink, write};
use crate::shell::transport::Fault;

use super::producer::{Kind, Outgoing, Producer};
use super::settings::KafkaSettings;

/// A producer for the changelog of one processor. Its transactional id is the same whoever runs it: what a run that was
/// killed has left open is aborted when the next one begins.
pub struct Publisher {
    producer: Producer,
    names: Internal,
}

impl Publisher {
    /// Connects.
    pub fn open(settings: &KafkaSettings, topology: &'static Topology) -> Result<Publisher, Fault> {
        let producer = Producer::open(&settings.publisher(topology.name))?;
        Ok(Publisher { producer, names: Internal::of(topology.name) })
    }

    /// Writes all of a task, or nothing that a reader would see.
    pub fn publish(&mut self, disk: &dyn Disk, draft: &Draft) -> Result<(), Fault> {
        self.producer.begin()?;
        let mut sink = Records { producer: &mut self.producer, names: &self.names };
        let written = write(disk, draft, &mut sink);
        match written.and_then(|()| self.producer.commit()) {
            Ok(_) => Ok(()),
            Err(fault) => {
                // What went wrong is said, not that the abort did as well.
                drop(self.producer.abort());
                Err(fault)
            }
        }
    }
}

struct Records<'a> {
    producer: &'a mut Producer,
    names: &'a Internal,
}

impl Sink for Records<'_> {
    /// Waits while the producer's queue, which is bounded, is full. Where a record lands is of no interest here.
    fn record(&mut self, task: u32, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        self.producer.send(Outgoing {
            topic: &self.names.changelog,
            partition: task,
            timestamp_ms: None,
            key: Some(key),
            value: Some(value),
            headers: None,
            kind: Kind::Output,
        })
    }
}
