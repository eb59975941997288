//! Every topic there is to create: the declared ones, and what the engine keeps beside each processor.

use std::collections::BTreeMap;

use crate::catalog::{Processor, Topic};
use crate::{Catalog, Kind};

/// A topic as a broker is to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: u32,
    /// Topic configuration by Kafka's names.
    pub config: BTreeMap<String, String>,
    pub kind: TopicKind,
}

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKind {
    Declared(Kind),
    /// Changes of a processor's state and its timers, and the ids of its dedup window.
    Changelog,
    /// How the inputs interleaved.
    Order,
    /// Rejected inputs, as they came.
    DeadLetter,
}

impl TopicKind {
    const ALL: [TopicKind; 7] = [
        TopicKind::Declared(Kind::Command),
        TopicKind::Declared(Kind::Request),
        TopicKind::Declared(Kind::Fact),
        TopicKind::Declared(Kind::Reply),
        TopicKind::Changelog,
        TopicKind::Order,
        TopicKind::DeadLetter,
    ];

    /// The kind that goes by this word.
    pub fn of(word: &str) -> Option<TopicKind> {
        TopicKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            TopicKind::Declared(Kind::Command) => "command",
            TopicKind::Declared(Kind::Request) => "request",
            TopicKind::Declared(Kind::Fact) => "fact",
            TopicKind::Declared(Kind::Reply) => "reply",
            TopicKind::Changelog => "changelog",
            TopicKind::Order => "order",
            TopicKind::DeadLetter => "dead-letter",
        }
    }
}

/// Kafka's default, and so what brokers and producers are tuned to. A topic's limit counts whole batches, which
/// librdkafka fills up to 1,000,000 bytes and does not split: a lower limit would refuse full batches of small records.
const BATCH_BYTES: usize = 1_048_588;
/// Key, headers and batch overhead on top of a record's value.
const OVERHEAD_BYTES: usize = 64 * 1024;
/// A letter holds what passed an input's limit compressed, and headers of its own. What would be above this as it came
/// becomes a stub; managed brokers allow no more.
const LETTER_BYTES: usize = 8 << 20;
/// Deletions stay readable for a day: a store whose checkpoint is older is built again.
const TOMBSTONES_MS: i64 = 86_400_000;
/// Dead letters are kept 30 days, so that a fix finds them.
const DLQ_RETENTION_MS: i64 = 30 * 86_400_000;

impl Catalog {
    /// Declared topics in the order of topics.yaml, then three internal ones per processor.
    pub fn topics(&self) -> Vec<TopicSpec> {
        let mut specs: Vec<TopicSpec> = self.topics.iter().map(|topic| self.declared(topic)).collect();
        for processor in &self.processors {
            specs.extend(self.internal(processor));
        }
        specs
    }

    fn declared(&self, topic: &Topic) -> TopicSpec {
        let policy = if topic.compacted { "compact" } else { "delete" };
        let config = config(policy, topic.retention_ms, self.record_bytes_max + OVERHEAD_BYTES);
        let (name, partitions) = (topic.name.clone(), topic.partitions);
        TopicSpec { name, partitions, config, kind: TopicKind::Declared(topic.kind) }
    }

    fn internal(&self, processor: &Processor) -> [TopicSpec; 3] {
        let bytes_max = self.record_bytes_max + OVERHEAD_BYTES;
        let inputs = processor.inputs.iter().filter_map(|name| self.topic(name));
        let retention_ms = inputs.map(|topic| topic.retention_ms).max().unwrap_or_default();
        let spec = |suffix: &str, config, kind| TopicSpec {
            name: format!("{}-{suffix}", processor.name),
            partitions: self.partitions(processor),
            config,
            kind,
        };
        [
            spec("changelog", config("compact", -1, bytes_max), TopicKind::Changelog),
            spec("order", config("delete", retention_ms, bytes_max), TopicKind::Order),
            spec(
                "dlq",
                config("delete", DLQ_RETENTION_MS, LETTER_BYTES.max(self.record_bytes_max * 2 + OVERHEAD_BYTES)),
                TopicKind::DeadLetter,
            ),
        ]
    }
}

fn config(policy: &str, retention_ms: i64, bytes_max: usize) -> BTreeMap<String, String> {
    let mut config = BTreeMap::from([
        ("cleanup.policy", policy.to_owned()),
        ("retention.ms", retention_ms.to_string()),
        // Time alone decides: a default of the broker would delete sooner.
        ("retention.bytes", "-1".to_owned()),
        ("max.message.bytes", bytes_max.max(BATCH_BYTES).to_string()),
        // A broker that compresses again counts other bytes than the sender did.
        ("compression.type", "producer".to_owned()),
        // Windows, timers and replays go by the time that the sender gave. What is too old or ahead of the clock the reader
        // decides: a broker that refuses a record of ours would stop the processor that sends it.
        ("message.timestamp.type", "CreateTime".to_owned()),
        ("message.timestamp.before.max.ms", i64::MAX.to_string()),
        ("message.timestamp.after.max.ms", i64::MAX.to_string()),
    ]);
    if policy == "compact" {
        config.insert("delete.retention.ms", TOMBSTONES_MS.to_string());
    }
    config.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
