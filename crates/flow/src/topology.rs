//! The map of one processor, as topics.yaml declares it.

/// What a processor reads, writes and remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topology {
    /// Folder, consumer group, argument of `orderflow run` and metric label.
    pub name: &'static str,
    /// Number of partitions of every input, and so the number of tasks.
    pub partitions: u32,
    pub inputs: &'static [Input],
    pub outputs: &'static [Topic],
    /// Every topic that a sender may name in `reply_to`.
    pub replies: &'static [Topic],
    /// Names of the state tables: first the key's own record, then the keyed tables below it.
    pub tables: &'static [&'static str],
    /// Length of the dedup window in milliseconds of log time.
    pub window_ms: i64,
}

/// A topic and its number of partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    pub name: &'static str,
    pub partitions: u32,
}

/// One input topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    pub topic: &'static str,
    /// Names of the records that may stand on it.
    pub records: &'static [&'static str],
    /// A compacted topic has tombstones and no dedup window.
    pub compacted: bool,
    pub duplicates: Duplicates,
}

/// What happens to an input whose identity was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// Same content: dropped and counted. Other content: dead letter `conflict`.
    Drop,
    /// Same content: dropped and counted. Other content: the handler sees it, marked as conflict, and refuses it where
    /// its sender can see that.
    Refuse,
    /// The handler sees it, marked as duplicate or conflict, so that the sender gets an answer again.
    Answer,
}
