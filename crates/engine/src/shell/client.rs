//! What a person's tools need of a log: send, and read what is committed, from both kinds of log alike.

use std::time::Duration;

use super::transport::Fault;
use crate::core::headers::{self, OwnedHeader};

/// A record as it stands in a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    pub topic: String,
    pub partition: u32,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<OwnedHeader>,
}

impl Message {
    /// The text of a header; empty when there is none or it is not text.
    pub fn header(&self, name: &str) -> &str {
        let found = headers::find(headers::lend(&self.headers), name);
        found.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }
}

/// Where to begin to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    Start,
    /// What is sent from now on.
    End,
}

/// Sends records and follows topics.
pub trait Client: Send {
    /// Number of partitions of a topic; `None` when there is no such topic.
    fn partitions(&mut self, topic: &str) -> Result<Option<u32>, Fault>;

    /// Queues a record (its `offset` is ignored); may wait when the queue is full.
    fn send(&mut self, message: Message) -> Result<(), Fault>;

    /// Waits until everything queued is acknowledged.
    fn flush(&mut self) -> Result<(), Fault>;

    /// Follows topics, committed records only.
    fn tail(&mut self, topics: &[&str], from: From) -> Result<Box<dyn Tail>, Fault>;
}

/// A reader of several topics.
pub trait Tail: Send {
    /// What is there now, at most about a thousand records; waits at most `wait` for the first.
    fn poll(&mut self, wait: Duration) -> Result<Vec<Message>, Fault>;

    /// Whether everything that was committed at some moment since the last poll has been read.
    fn caught_up(&self) -> bool;
}
