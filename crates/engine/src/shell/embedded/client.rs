//! Sending to and reading from the embedded log.

use std::sync::Arc;
use std::time::Duration;

use crate::shell::client::{Client, From, Message, Tail};
use crate::shell::transport::Fault;

use super::log::{Append, EmbeddedLog, LogError};

/// Records queued before they are appended as one batch.
const QUEUE_MAX: usize = 500;
/// Records of one poll.
const PAGE: usize = 1_000;

/// A client of the embedded log.
pub struct EmbeddedClient {
    log: Arc<EmbeddedLog>,
    queued: Vec<Append>,
}

impl EmbeddedClient {
    /// A client of this log.
    pub fn new(log: Arc<EmbeddedLog>) -> EmbeddedClient {
        EmbeddedClient { log, queued: Vec::new() }
    }
}

pub(super) fn fatal(error: LogError) -> Fault {
    Fault::Fatal(error.to_string())
}

impl Client for EmbeddedClient {
    fn partitions(&mut self, topic: &str) -> Result<Option<u32>, Fault> {
        Ok(self.log.topic(topic).ok().map(|(_, partitions)| partitions))
    }

    fn send(&mut self, message: Message) -> Result<(), Fault> {
        let (topic, _) = self.log.topic(&message.topic).map_err(fatal)?;
        let Message { partition, timestamp_ms, key, value, headers, .. } = message;
        self.queued.push(Append { topic, partition, timestamp_ms, key, value, headers });
        if self.queued.len() >= QUEUE_MAX { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let queued = std::mem::take(&mut self.queued);
        self.log.append(&queued, "", &[]).map(drop).map_err(fatal)
    }

    fn tail(&mut self, topics: &[&str], from: From) -> Result<Box<dyn Tail>, Fault> {
        let mut at = Vec::new();
        for name in topics {
            let (topic, partitions) = self.log.topic(name).map_err(fatal)?;
            for partition in 0..partitions {
                let (start, end) = self.log.bounds(topic, partition).map_err(fatal)?;
                at.push((topic, partition, if from == From::Start { start } else { end }));
            }
        }
        Ok(Box::new(EmbeddedTail { log: self.log.clone(), at }))
    }
}

struct EmbeddedTail {
    log: Arc<EmbeddedLog>,
    /// (topic, partition, `offset_next`).
    at: Vec<(u16, u32, i64)>,
}

impl Tail for EmbeddedTail {
    fn poll(&mut self, wait: Duration) -> Result<Vec<Message>, Fault> {
        let version = self.log.version();
        if self.caught_up() {
            self.log.wait(version, wait);
        }
        let mut out = Vec::new();
        for (topic, partition, next) in &mut self.at {
            if *next >= self.log.end(*topic, *partition) || out.len() >= PAGE {
                continue;
            }
            out.extend(self.log.read(*topic, *partition, *next, PAGE - out.len()).map_err(fatal)?);
            if let Some(last) = out.last() {
                *next = last.offset + 1;
            }
        }
        Ok(out)
    }

    fn caught_up(&self) -> bool {
        self.at.iter().all(|(topic, partition, next)| *next >= self.log.end(*topic, *partition))
    }
}
