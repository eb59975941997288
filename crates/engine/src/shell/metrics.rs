//! Every metric by name: nothing else spells one. The reference page, the dashboard and the alerts are made from here.

use flow::{Code, Topology};

/// What a metric is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With these upper bounds of its buckets.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What tells the series of a metric apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Label { $($(#[$doc])* $name,)* }

        impl Label {
            /// All labels.
            pub const ALL: &'static [Label] = &[$(Label::$name,)*];

            /// As it stands in a series.
            pub fn as_str(self) -> &'static str {
                match self { $(Label::$name => $text,)* }
            }
        }
    };
}

labels! {
    /// Name in topics.yaml.
    Processor = "processor";
    /// Partition number of the inputs.
    Task = "task";
    /// Name of an input.
    Topic = "topic";
    /// Name of a state table.
    Table = "table";
    /// Code of a dead letter.
    Code = "code";
    /// `consumer` or `producer`.
    Client = "client";
    /// Of the binary.
    Version = "version";
}

/// Clients of librdkafka that a worker has.
pub const CLIENTS: [&str; 2] = ["consumer", "producer"];

const SECONDS: Kind =
    Kind::Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0]);
const RECORDS: Kind = Kind::Histogram(&[1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0]);
const BYTES: Kind = Kind::Histogram(&[1e3, 4e3, 16e3, 64e3, 256e3, 1e6, 4e6, 16e6]);

macro_rules! metrics {
    ($($name:ident = $text:literal, $kind:expr, $unit:literal, [$($label:ident)*], $help:literal, $worry:literal;)*) => {
        /// Every metric of `/metrics`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Metric { $(#[doc = $help] $name,)* }

        impl Metric {
            /// All metrics, in the order of the reference page.
            pub const ALL: &'static [Metric] = &[$(Metric::$name,)*];

            /// Its name: of its buckets, without `_bucket`.
            pub fn name(self) -> &'static str {
                match self { $(Metric::$name => $text,)* }
            }

            pub fn kind(self) -> Kind {
                match self { $(Metric::$name => $kind,)* }
            }

            /// What its value counts.
            pub fn unit(self) -> &'static str {
                match self { $(Metric::$name => $unit,)* }
            }

            pub fn labels(self) -> &'static [Label] {
                match self { $(Metric::$name => &[$(Label::$label),*],)* }
            }

            /// What it means.
            pub fn help(self) -> &'static str {
                match self { $(Metric::$name => $help,)* }
            }

            /// When to worry.
            pub fn worry(self) -> &'static str {
                match self { $(Metric::$name => $worry,)* }
            }
        }
    };
}

metrics! {
    ConsumedRecords = "orderflow_consumed_records_total", Kind::Counter, "records", [Processor Task],
        "Input records whose transaction is committed. What an abort took back does not count.",
        "it stands still while the lag grows";
    EmittedRecords = "orderflow_emitted_records_total", Kind::Counter, "records", [Processor Task],
        "Outputs and replies that are committed.",
        "it stands still while records are consumed, and they are no duplicates";
    DuplicatesDropped = "orderflow_duplicates_dropped_total", Kind::Counter, "records", [Processor Task],
        "Inputs with the identity and the content of an earlier one within the dedup window: dropped.",
        "most of the input is: somebody sends everything again";
    RepeatsDropped = "orderflow_repeats_dropped_total", Kind::Counter, "records", [Processor Task],
        "Inputs older than the dedup window that a processor sent again after a reset: dropped.",
        "nobody has reset the processor that sends them";
    RejectedRecords = "orderflow_rejected_records_total", Kind::Counter, "records", [Processor Task Code],
        "Inputs that can never be handled as they are, by code: each is a dead letter.",
        "it moves at all";
    TimersFired = "orderflow_timers_fired_total", Kind::Counter, "timers", [Processor Task],
        "Timers that fired.",
        "never by itself";
    LagRecords = "orderflow_lag_records", Kind::Gauge, "offsets", [Processor Task Topic],
        "Offsets between the committed position and the last stable offset. 0 when drained: transaction markers that no reader is given count only while records wait behind them.",
        "it grows for longer than a peak lasts";
    TaskOpen = "orderflow_task_open", Kind::Gauge, "0 or 1", [Processor Task],
        "1: this instance works on the task. 0: it owns the task and restores its store. No series: another one does.",
        "0 for minutes";
    TaskQuarantined = "orderflow_task_quarantined", Kind::Gauge, "0 or 1", [Processor Task],
        "1: this instance owns the task and has stopped it, because going on would lose or double something; the log says why. The other tasks go on.",
        "it is 1";
    RestoreRecords = "orderflow_restore_records", Kind::Gauge, "offsets", [Processor Task],
        "Offsets of the changelog that the restore in progress has to read; 0 until they are counted.",
        "never by itself";
    RestoreDoneRecords = "orderflow_restore_done_records", Kind::Gauge, "records", [Processor Task],
        "Records that the restore in progress has read. Compaction and markers keep it below the offsets to read.",
        "it stands still while the task is not open";
    StateRows = "orderflow_state_rows", Kind::Gauge, "rows", [Processor Task Table],
        "Rows of a state table; those of the first table are keys. Parked lines are the table parked of item-lookup. Counted now and then, see below.",
        "it grows from day to day at the same load";
    StateOldest = "orderflow_state_oldest_timestamp_seconds", Kind::Gauge, "seconds since 1970", [Processor Task Table],
        "Since when the oldest row exists, for tables that say so: open orders (fulfilment, order) and parked lines (item-lookup, parked). No series when there is none. Its age is time() minus it.",
        "an order is older than the longest wait that senders allow";
    TimerNext = "orderflow_timer_next_timestamp_seconds", Kind::Gauge, "seconds since 1970", [Processor Task],
        "When the earliest timer is due. No series when none is set.",
        "it lies in the past for minutes";
    WindowOldest = "orderflow_dedup_window_oldest_timestamp_seconds", Kind::Gauge, "seconds since 1970", [Processor Task Topic],
        "The beginning of the oldest segment of the dedup window. No series when the window is empty.",
        "it is older than the window plus a segment: disk is not given back";
    WindowNewest = "orderflow_dedup_window_newest_timestamp_seconds", Kind::Gauge, "seconds since 1970", [Processor Task Topic],
        "Log time: the highest record timestamp, where the dedup window ends. No series before the first record.",
        "it lies ahead of the clock: a sender's clock is wrong, and records of others become too old";
    WindowIds = "orderflow_dedup_window_ids", Kind::Gauge, "identities", [Processor Task Topic],
        "Identities in the dedup window. Each takes about 8 bytes of memory and 24 of disk.",
        "memory runs out";
    Commits = "orderflow_commits_total", Kind::Counter, "transactions", [Processor],
        "Committed transactions.",
        "it stands still while the lag grows";
    Aborts = "orderflow_aborts_total", Kind::Counter, "transactions", [Processor],
        "Aborted transactions. Their records are handled again.",
        "it grows without a rebalance or a broker that restarts";
    CommitSeconds = "orderflow_commit_duration_seconds", SECONDS, "seconds", [Processor],
        "From the decision to commit until the commit is known: deliveries, offsets, and the commit itself.",
        "most take longer than a second: the brokers are slow, or far away";
    TransactionRecords = "orderflow_transaction_records", RECORDS, "records", [Processor],
        "Records and timers of a committed transaction.",
        "most are full and the lag grows: add instances";
    TransactionBytes = "orderflow_transaction_bytes", BYTES, "bytes", [Processor],
        "Outputs, dead letters and state of a committed transaction.",
        "never by itself";
    Rebalances = "orderflow_rebalances_total", Kind::Counter, "rebalances", [Processor],
        "Times that the group gave tasks to this instance or took some away.",
        "it goes on without a deployment: instances come and go";
    Rejoins = "orderflow_rejoins_total", Kind::Counter, "sessions", [Processor],
        "Times that a worker had to begin a new session: fenced, refused by the group, or a commit without an outcome.",
        "it moves more than once: two instances may have one name";
    ClockSteps = "orderflow_clock_steps_total", Kind::Counter, "steps", [Processor],
        "Times that a worker found the wall clock set by more than a minute. A step ahead is followed when it has lasted for five minutes.",
        "it moves: timers may be late, and records count as too early or wait";
    WorkersReady = "orderflow_workers_ready", Kind::Gauge, "workers", [Processor],
        "Workers whose tasks are all open, or that have none.",
        "it is below the number of workers for minutes";
    Workers = "orderflow_workers", Kind::Gauge, "workers", [Processor],
        "Workers that run.",
        "0: a worker gave up, and the log says why";
    StoreBytes = "orderflow_store_bytes", Kind::Gauge, "bytes", [Processor],
        "What the stores take on disk.",
        "it grows from day to day at the same load";
    StoreFreeBytes = "orderflow_store_free_bytes", Kind::Gauge, "bytes", [Processor],
        "What is left on the disk of the stores.",
        "it will be gone soon";
    RoundTripSeconds = "orderflow_kafka_round_trip_seconds", Kind::Gauge, "seconds", [Processor Client],
        "99 % of the requests of the last second were answered within this time, at the slowest broker. A fetch waits for records, 0.1 s at most.",
        "the producer's is above 0.1: every commit takes a multiple of it";
    RequestTimeouts = "orderflow_kafka_request_timeouts_total", Kind::Counter, "requests", [Processor Client],
        "Requests that a broker did not answer in time.",
        "it moves";
    RequestErrors = "orderflow_kafka_request_errors_total", Kind::Counter, "requests", [Processor Client],
        "Requests that could not be sent, and answers that could not be read.",
        "it moves without a broker that restarts";
    Disconnects = "orderflow_kafka_disconnects_total", Kind::Counter, "connections", [Processor Client],
        "Connections to brokers that ended.",
        "it moves all the time: brokers that restart, TLS or SASL that fails, a network that drops connections";
    ReceivedBytes = "orderflow_kafka_received_bytes_total", Kind::Counter, "bytes", [Processor Client],
        "Bytes received from brokers.",
        "never by itself; it is what a link carries";
    SentBytes = "orderflow_kafka_sent_bytes_total", Kind::Counter, "bytes", [Processor Client],
        "Bytes sent to brokers.",
        "never by itself; it is what a link carries";
    QueueRecords = "orderflow_kafka_queue_records", Kind::Gauge, "records", [Processor Client],
        "Records in librdkafka's queue: fetched and not taken, or sent and not acknowledged.",
        "the consumer's is 0 and the lag grows: the brokers are the limit. It is full: the processor is";
    BuildInfo = "orderflow_build_info", Kind::Gauge, "1", [Version],
        "Which version runs.",
        "instances differ for longer than a deployment takes";
}

impl Metric {
    /// The most series that one process can have of it while it runs these processors.
    pub fn series_max(self, topologies: &[&Topology]) -> usize {
        let of = |topology: &Topology| {
            let values = self.labels().iter().map(|label| match label {
                Label::Processor | Label::Version => 1,
                Label::Task => topology.partitions as usize,
                Label::Topic => topology.inputs.len(),
                Label::Table => topology.tables.len(),
                Label::Code => Code::ALL.len(),
                Label::Client => CLIENTS.len(),
            });
            let lines = match self.kind() {
                // Each bucket, the one without a bound, sum and count.
                Kind::Histogram(bounds) => bounds.len() + 3,
                Kind::Counter | Kind::Gauge => 1,
            };
            lines * values.product::<usize>()
        };
        if self.labels().contains(&Label::Processor) { topologies.iter().map(|topology| of(topology)).sum() } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for metric in Metric::ALL {
            let name = metric.name();
            assert!(name.starts_with("orderflow_"), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind() == Kind::Counter, "{name}: a counter's name says so");
            for (unit, suffix) in
                [("seconds", "_seconds"), ("seconds since 1970", "_timestamp_seconds"), ("bytes", "_bytes")]
            {
                if metric.unit() == unit {
                    assert!(name.trim_end_matches("_total").ends_with(suffix), "{name} is in {unit}");
                }
            }
            for odd in ["_ms", "_us", "_kb", "_mb", "percent", "_bucket", "_count", "_sum"] {
                assert!(!name.ends_with(odd), "{name}: base units only");
            }
            if let Kind::Histogram(bounds) = metric.kind() {
                assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{name}: bounds ascend");
            }
            assert_eq!(Metric::ALL.iter().filter(|other| other.name() == name).count(), 1, "{name} is there once");
        }
    }
}
