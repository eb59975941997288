//! How to reach Kafka, and the one place that makes client configurations.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;

use super::leader_hints;

/// Which group protocol to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupProtocol {
    /// Range, eagerly, with static membership: a crashed instance that comes back goes on at once, a lost one is replaced
    /// after [`SESSION_MS`].
    #[default]
    Classic,
    /// KIP-848 with the server-side range assignor: Kafka 4. A rebalance stops only what moves; a crash costs the broker's
    /// session timeout, 45 s by default.
    Consumer,
}

/// A broker and how to talk to it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port`, comma separated.
    pub bootstrap: String,
    /// librdkafka properties: TLS, SASL, anything.
    pub options: BTreeMap<String, String>,
    pub protocol: GroupProtocol,
    /// Name of this instance within its group: the pod's name. Static member and transactional ids derive from it.
    pub instance: String,
    /// Group members without a name: they are gone when the process ends, and their successors are others. A named one
    /// stays a member until its session times out, as it may come back.
    pub nameless: bool,
}

impl fmt::Debug for KafkaSettings {
    /// Of the options their names: a value may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KafkaSettings { bootstrap, options, protocol, instance, nameless } = self;
        let mut settings = f.debug_struct("KafkaSettings");
        settings.field("bootstrap", bootstrap).field("options", &options.keys());
        settings.field("protocol", protocol).field("instance", instance).field("nameless", nameless).finish()
    }
}

/// How long the broker waits for a commit before it aborts a transaction, in milliseconds.
pub const TRANSACTION_TIMEOUT_MS: u32 = 10_000;

/// How long all of one task's store may take to be written, in milliseconds: `transaction.max.timeout.ms` of a broker that
/// was not told otherwise.
const PUBLISH_TIMEOUT_MS: &str = "900000";

/// How long a member of a classic group may be silent before its tasks go to others, in milliseconds.
const SESSION_MS: &str = "10000";

/// How often librdkafka tells its figures, in milliseconds: how old a lag may be.
const STATISTICS_MS: &str = "1000";

impl KafkaSettings {
    /// What every client of ours has in common.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes client configurations")]
    pub(super) fn base(&self, role: &str) -> ClientConfig {
        leader_hints::warn_unless_dropped();
        // Before librdkafka does it, and so without a clean-up at the end of the process: that pulls OpenSSL away under
        // the threads of clients which still live then, and a command that succeeded ends with a signal.
        openssl_sys::init();
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", format!("orderflow-{}-{role}", self.instance))
            .set("allow.auto.create.topics", "false")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.keepalive.enable", "true")
            // Reconnects are reported once by us, not line by line by the library.
            .set("log.connection.close", "false")
            // OpenSSL is linked in and knows no folder of this system by itself.
            .set("ssl.ca.location", "probe");
        for (name, value) in &self.options {
            config.set(name, value);
        }
        config
    }

    /// A consumer that takes part in the processor's group.
    pub(super) fn group(&self, group: &str, worker: usize) -> ClientConfig {
        let mut config = self.reader(group, "consumer", true);
        if !self.nameless {
            config.set("group.instance.id", format!("{}-{worker}", self.instance));
        }
        config
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "false")
            .set("statistics.interval.ms", STATISTICS_MS)
            // The default of a second makes a consumer sleep whenever its queue is full (FACTS: tripled throughput).
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.wait.max.ms", "100")
            // librdkafka buffers at most this much per worker, whatever the lag.
            .set("queued.max.messages.kbytes", "32768")
            .set("max.partition.fetch.bytes", "1048576");
        match self.protocol {
            GroupProtocol::Consumer => {
                config.set("group.protocol", "consumer").set("group.remote.assignor", "range");
            }
            GroupProtocol::Classic => {
                config
                    .set("group.protocol", "classic")
                    .set("partition.assignment.strategy", "range")
                    .set("session.timeout.ms", SESSION_MS)
                    // A member learns of a rebalance with its next heartbeat.
                    .set("heartbeat.interval.ms", "1000")
                    .set("max.poll.interval.ms", "300000");
            }
        }
        config
    }

    /// A consumer with hand-made assignments.
    pub(super) fn reader(&self, group: &str, role: &str, committed_only: bool) -> ClientConfig {
        let mut config = self.base(role);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", if committed_only { "read_committed" } else { "read_uncommitted" })
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            // The default of a second makes a consumer sleep whenever its queue is full.
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.wait.max.ms", "50");
        config
    }

    /// The transactional producer of one worker. Its id is static, so a successor fences a crashed predecessor at once.
    pub(super) fn producer(&self, group: &str, worker: usize) -> ClientConfig {
        let mut config = self.base("producer");
        config
            // With a dot, which no processor's name holds: an ACL for all that begins so is for this processor alone.
            .set("transactional.id", format!("{group}.{}-{worker}", self.instance))
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS.to_string())
            .set("statistics.interval.ms", STATISTICS_MS)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Adds to every commit; batches form anyway because a transaction is sent in one go.
            .set("linger.ms", "1")
            .set("batch.num.messages", "10000")
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "65536")
            .set("message.max.bytes", "8388608");
        config
    }

    /// The transactional producer that writes lost changelogs. A task is one transaction, however large, so it gets all the
    /// time that brokers grant by default.
    pub(super) fn publisher(&self, group: &str) -> ClientConfig {
        let mut config = self.producer(group, 0);
        // No worker's: those end with a number.
        config.set("transactional.id", format!("{group}.publish")).set("transaction.timeout.ms", PUBLISH_TIMEOUT_MS);
        config
    }

    /// A producer for tools: idempotent, not transactional.
    pub(super) fn sender(&self) -> ClientConfig {
        let mut config = self.base("sender");
        config
            .set("enable.idempotence", "true")
            // A partition whose leader is hardly there may turn the first batch down and take the second, to which the first is
            // old then: it is lost, and called delivered. A tool has no transaction to do again.
            .set("max.in.flight.requests.per.connection", "1")
            .set("linger.ms", "5")
            .set("message.max.bytes", "8388608")
            .set("delivery.timeout.ms", "120000");
        config
    }
}
