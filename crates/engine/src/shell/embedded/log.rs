//! Topics and group offsets in one sled tree, where one batch is the transaction.
//!
//! Keys: `[1] [topic u16] [partition u16] [offset u64]` records, `[2] [name]` topics, `[3] [group] [0] [topic u16]
//! [partition u16]` committed offsets; all numbers big endian.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::core::headers::OwnedHeader;
use crate::shell::client::Message;
use crate::shell::sled_db;

const RECORD: u8 = 1;
const TOPIC: u8 = 2;
const OFFSET: u8 = 3;

/// What the embedded log cannot do.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("embedded log: {0}")]
    Sled(#[from] sled::Error),
    #[error("topic \"{0}\" does not exist; hint: declare it in topics.yaml")]
    NoTopic(String),
    #[error(
        "topic \"{topic}\" has {found} partitions, topics.yaml says {wanted}; hint: the embedded log cannot change them, begin with a fresh --data"
    )]
    Partitions { topic: String, found: u32, wanted: u32 },
    #[error("the embedded log is damaged at {0}")]
    Damaged(String),
}

/// A record to append.
#[derive(Debug, Clone, Default)]
pub struct Append {
    pub topic: u16,
    pub partition: u32,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<OwnedHeader>,
}

#[derive(Debug, Default)]
struct Ends {
    next: HashMap<(u16, u32), i64>,
    /// Grows with every append, so that readers can wait for it.
    version: u64,
}

/// A log in one process.
pub struct EmbeddedLog {
    db: sled::Db,
    topics: HashMap<String, (u16, u32)>,
    names: HashMap<u16, String>,
    ends: Mutex<Ends>,
    grown: Condvar,
}

impl EmbeddedLog {
    /// Opens or creates the log in a folder, with these topics (name, partitions).
    pub fn open(path: &Path, topics: &[(String, u32)]) -> Result<EmbeddedLog, LogError> {
        let db = sled_db::open(path, 128 << 20)?;
        let mut log = EmbeddedLog {
            db,
            topics: HashMap::new(),
            names: HashMap::new(),
            ends: Mutex::default(),
            grown: Condvar::new(),
        };
        for (name, partitions) in topics {
            log.declare(name, *partitions)?;
        }
        Ok(log)
    }

    fn declare(&mut self, name: &str, partitions: u32) -> Result<(), LogError> {
        let key = [&[TOPIC], name.as_bytes()].concat();
        let (id, found) = match self.db.get(&key)? {
            Some(bytes) => decode_topic(&bytes).ok_or_else(|| LogError::Damaged(name.to_owned()))?,
            None => {
                let id = self.db.scan_prefix([TOPIC]).count() as u16;
                self.db.insert(&key, [&id.to_be_bytes()[..], &partitions.to_be_bytes()].concat())?;
                (id, partitions)
            }
        };
        if found != partitions {
            return Err(LogError::Partitions { topic: name.to_owned(), found, wanted: partitions });
        }
        self.topics.insert(name.to_owned(), (id, partitions));
        self.names.insert(id, name.to_owned());
        let mut ends = lock(&self.ends);
        for partition in 0..partitions {
            let last = self.db.scan_prefix(partition_key(id, partition)).next_back().transpose()?;
            let next = last.and_then(|(key, _)| offset_of(&key)).map_or(0, |offset| offset + 1);
            ends.next.insert((id, partition), next);
        }
        Ok(())
    }

    /// A topic's number and partitions.
    pub fn topic(&self, name: &str) -> Result<(u16, u32), LogError> {
        self.topics.get(name).copied().ok_or_else(|| LogError::NoTopic(name.to_owned()))
    }

    /// Appends records and commits offsets, all or nothing. The offsets of the records, in order.
    pub fn append(&self, records: &[Append], group: &str, offsets: &[((u16, u32), i64)]) -> Result<Vec<i64>, LogError> {
        let mut ends = lock(&self.ends);
        let mut next = HashMap::new();
        let mut batch = sled::Batch::default();
        let mut landed = Vec::with_capacity(records.len());
        for record in records {
            let at = (record.topic, record.partition);
            let offset = *next.entry(at).or_insert_with(|| ends.next.get(&at).copied().unwrap_or(0));
            batch.insert(record_key(record.topic, record.partition, offset), encode(record));
            next.insert(at, offset + 1);
            landed.push(offset);
        }
        for ((topic, partition), offset_next) in offsets {
            batch.insert(offset_key(group, *topic, *partition), &offset_next.to_be_bytes());
        }
        self.db.apply_batch(batch)?;
        ends.next.extend(next);
        ends.version += 1;
        self.grown.notify_all();
        Ok(landed)
    }

    /// Grows with every append.
    pub fn version(&self) -> u64 {
        lock(&self.ends).version
    }

    /// Waits until something was appended after `version`, at most `wait`.
    pub fn wait(&self, version: u64, wait: Duration) {
        let ends = lock(&self.ends);
        let waited = self.grown.wait_timeout_while(ends, wait, |ends| ends.version == version);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// First offset that exists and the next one to be written.
    pub fn bounds(&self, topic: u16, partition: u32) -> Result<(i64, i64), LogError> {
        let end = lock(&self.ends).next.get(&(topic, partition)).copied().unwrap_or(0);
        let first = self.db.scan_prefix(partition_key(topic, partition)).next().transpose()?;
        Ok((first.and_then(|(key, _)| offset_of(&key)).unwrap_or(end).min(end), end))
    }

    /// The next offset to be written.
    pub fn end(&self, topic: u16, partition: u32) -> i64 {
        lock(&self.ends).next.get(&(topic, partition)).copied().unwrap_or(0)
    }

    /// At most `max` records from `from` on.
    pub fn read(&self, topic: u16, partition: u32, from: i64, max: usize) -> Result<Vec<Message>, LogError> {
        let name = self.names.get(&topic).cloned().unwrap_or_default();
        let (start, stop) = (record_key(topic, partition, from.max(0)), record_key(topic, partition, i64::MAX));
        let mut out = Vec::new();
        for entry in self.db.range(start..stop).take(max) {
            let (key, bytes) = entry?;
            let damaged = || LogError::Damaged(format!("{name}/{partition} after offset {from}"));
            let offset = offset_of(&key).ok_or_else(damaged)?;
            let message = Message { topic: name.clone(), partition, offset, ..decode(&bytes).ok_or_else(damaged)? };
            out.push(message);
        }
        Ok(out)
    }

    /// The group's committed `offset_next`.
    pub fn committed(&self, group: &str, topic: u16, partition: u32) -> Result<Option<i64>, LogError> {
        let bytes = self.db.get(offset_key(group, topic, partition))?;
        Ok(bytes.and_then(|bytes| Some(i64::from_be_bytes(bytes.as_ref().try_into().ok()?))))
    }

    /// Takes one record out of the middle, as no log does: so that a test can ask who notices.
    #[doc(hidden)]
    pub fn forget(&self, topic: u16, partition: u32, offset: i64) -> Result<bool, LogError> {
        Ok(self.db.remove(record_key(topic, partition, offset))?.is_some())
    }

    /// Makes everything durable.
    pub fn flush(&self) -> Result<(), LogError> {
        self.db.flush()?;
        Ok(())
    }
}

fn lock(ends: &Mutex<Ends>) -> MutexGuard<'_, Ends> {
    ends.lock().unwrap_or_else(PoisonError::into_inner)
}

fn partition_key(topic: u16, partition: u32) -> [u8; 5] {
    let mut key = [RECORD; 5];
    key[1..3].copy_from_slice(&topic.to_be_bytes());
    key[3..].copy_from_slice(&(partition as u16).to_be_bytes());
    key
}

fn record_key(topic: u16, partition: u32, offset: i64) -> Vec<u8> {
    [&partition_key(topic, partition)[..], &offset.to_be_bytes()].concat()
}

fn offset_of(key: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(key.get(5..)?.try_into().ok()?))
}

fn offset_key(group: &str, topic: u16, partition: u32) -> Vec<u8> {
    [&[OFFSET], group.as_bytes(), &[0], &topic.to_be_bytes(), &(partition as u16).to_be_bytes()].concat()
}

fn decode_topic(bytes: &[u8]) -> Option<(u16, u32)> {
    let (id, partitions) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*id), u32::from_be_bytes(partitions.try_into().ok()?)))
}

fn put(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.extend(bytes.map_or(u32::MAX, |bytes| bytes.len() as u32).to_le_bytes());
    out.extend(bytes.unwrap_or_default());
}

fn take(rest: &mut &[u8]) -> Option<Option<Vec<u8>>> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    *rest = after;
    if length == u32::MAX {
        return Some(None);
    }
    let (bytes, after) = rest.split_at_checked(length as usize)?;
    *rest = after;
    Some(Some(bytes.to_vec()))
}

fn encode(record: &Append) -> Vec<u8> {
    let mut out = record.timestamp_ms.to_le_bytes().to_vec();
    put(&mut out, record.key.as_deref());
    put(&mut out, record.value.as_deref());
    for (name, value) in &record.headers {
        put(&mut out, Some(name));
        put(&mut out, value.as_deref());
    }
    out
}

fn decode(bytes: &[u8]) -> Option<Message> {
    let (timestamp, mut rest) = bytes.split_first_chunk::<8>()?;
    let mut message = Message { timestamp_ms: i64::from_le_bytes(*timestamp), ..Message::default() };
    message.key = take(&mut rest)?;
    message.value = take(&mut rest)?;
    while !rest.is_empty() {
        message.headers.push((take(&mut rest)??, take(&mut rest)?));
    }
    Some(message)
}
