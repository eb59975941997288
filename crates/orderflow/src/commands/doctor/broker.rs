//! The cluster itself: whether it answers, speaks our group protocol, and would survive the loss of a broker.

use std::collections::BTreeMap;

use engine::shell::kafka::{Admin, AdminError, Found, KafkaSettings, TRANSACTION_TIMEOUT_MS};

use super::Check;
use crate::options::Protocol;
use crate::text::{number, several};
use crate::topics::failed;

type Config = BTreeMap<String, String>;

/// Whether anybody answers; the numbers of the brokers.
pub fn reachable(admin: &Admin, settings: &KafkaSettings) -> Result<(Check, Vec<i32>), Check> {
    let brokers = admin.brokers().map_err(|error| Check::unknown("broker", &failed(error)))?;
    let addresses: Vec<&str> = brokers.iter().map(|(_, address)| address.as_str()).collect();
    let what =
        format!("\"{}\" answers: {}, {}", settings.bootstrap, several(brokers.len(), "broker"), addresses.join(", "));
    Ok((Check::ok("broker", what), brokers.into_iter().map(|(id, _)| id).collect()))
}

/// What each broker must know and allow.
pub fn configuration(admin: &Admin, brokers: &[i32], protocol: Protocol) -> Vec<Check> {
    let mut all: Vec<(i32, Config)> = Vec::new();
    for broker in brokers {
        match admin.broker_config(*broker) {
            Ok(config) => all.push((*broker, config)),
            Err(error @ AdminError::Broker { .. }) => {
                let next = "allow DescribeConfigs on the cluster, or check its configuration elsewhere";
                return vec![Check::warn("brokers", format!("no look at their configuration: {error}"), next)];
            }
            Err(error) => return vec![Check::unknown("brokers", &failed(error))],
        }
    }
    // Alike in most clusters: what they have in common is said once.
    let mut checks = Vec::new();
    for (broker, config) in &all {
        for check in [groups(config, protocol), transactions(config)] {
            let same = |other: &Check| other.check == check.check && other.what.starts_with(&check.what);
            if !checks.iter().any(same) {
                let what = if check.next.is_empty() { check.what } else { format!("{} (broker {broker})", check.what) };
                checks.push(Check { what, ..check });
            }
        }
    }
    checks
}

/// KIP-848 with the range assignor, unless the classic protocol is meant.
pub fn groups(config: &Config, protocol: Protocol) -> Check {
    let check = "protocol";
    if protocol == Protocol::Classic {
        return Check::ok(check, "classic groups; every broker knows them");
    }
    let lists = |name: &str, value: &str| {
        config.get(name).is_some_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(value)))
    };
    let classic = "run every instance with --group-protocol classic";
    if !config.contains_key("group.consumer.assignors") {
        let what = "this Kafka is too old for the consumer group protocol (KIP-848)";
        return Check::fail(check, what, format!("{classic}, or upgrade to Kafka 4"));
    }
    // Absent where the protocol cannot be switched off any more.
    let protocols = "group.coordinator.rebalance.protocols";
    if config.contains_key(protocols) && !lists(protocols, "consumer") {
        let what = format!("the consumer group protocol (KIP-848) is off: {protocols}={}", config[protocols]);
        return Check::fail(check, what, format!("add \"consumer\" to it, or {classic}"));
    }
    let range =
        |name: &str| lists(name, "range") || lists(name, "org.apache.kafka.coordinator.group.assignor.RangeAssignor");
    if !range("group.consumer.assignors") {
        let what = "the brokers' assignors lack \"range\", which keeps the inputs of a task together";
        return Check::fail(check, what, format!("add it to group.consumer.assignors, or {classic}"));
    }
    Check::ok(check, "the consumer group protocol (KIP-848) with the range assignor")
}

/// Our transactions must be allowed to last as long as they may.
pub fn transactions(config: &Config) -> Check {
    let (check, name) = ("timeout", "transaction.max.timeout.ms");
    match config.get(name).and_then(|value| value.parse::<u32>().ok()) {
        Some(max) if max < TRANSACTION_TIMEOUT_MS => {
            let what = format!("{name}={max} refuses our transactions, which may take {TRANSACTION_TIMEOUT_MS} ms");
            Check::fail(check, what, format!("set it to {TRANSACTION_TIMEOUT_MS} or more on every broker"))
        }
        Some(max) => Check::ok(
            check,
            format!("{name} is {}; ours end after {}", number(max.into()), number(TRANSACTION_TIMEOUT_MS.into())),
        ),
        None => Check::warn(
            check,
            format!("no broker says its {name}"),
            format!("it must be {TRANSACTION_TIMEOUT_MS} or more"),
        ),
    }
}

/// Whether topics of ours and of the brokers can be written, and survive the loss of a broker.
pub fn replication(admin: &Admin, brokers: usize) -> Vec<Check> {
    let internal = ["__consumer_offsets", "__transaction_state"].into_iter();
    let names: Vec<String> =
        contract::TOPICS.iter().map(|topic| topic.name).chain(internal).map(str::to_owned).collect();
    match admin.describe(&names) {
        Ok(found) => replicas(&found, brokers),
        Err(error) => vec![Check::unknown("replication", &failed(error))],
    }
}

/// One line for all topics of which the same is to be said.
pub fn replicas(found: &BTreeMap<String, Found>, brokers: usize) -> Vec<Check> {
    let check = "replication";
    let mut groups: BTreeMap<(u32, u32), Vec<&str>> = BTreeMap::new();
    for (name, topic) in found {
        let least = topic.config.get("min.insync.replicas").and_then(|value| value.parse().ok()).unwrap_or(1);
        groups.entry((topic.replicas, least)).or_default().push(name);
    }
    let mut checks = Vec::new();
    for ((replicas, least), names) in &groups {
        let topics = match names.as_slice() {
            [one] => format!("topic \"{one}\""),
            [one, ..] => format!("{} (such as \"{one}\")", several(names.len(), "topic")),
            [] => continue,
        };
        let has = format!("{topics}: {}, min.insync.replicas={least}", several(*replicas as usize, "replica"));
        let move_them =
            "kafka-reassign-partitions.sh adds replicas; `topics apply --replication N` counts only for new topics";
        checks.push(match () {
            () if least > replicas => Check::fail(
                check,
                format!("{has}: no write can succeed"),
                format!("lower min.insync.replicas, or {move_them}"),
            ),
            () if brokers > 1 && *replicas == 1 => {
                Check::warn(check, format!("{has}: what its broker loses is lost"), move_them)
            }
            () if *replicas > 1 && least == replicas => {
                let next = "set min.insync.replicas to one less than the replicas";
                Check::warn(check, format!("{has}: one broker down stops all writes"), next)
            }
            () if *replicas > 2 && *least == 1 => {
                let next = "set min.insync.replicas=2";
                Check::warn(check, format!("{has}: a write may be lost with one broker"), next)
            }
            () => Check::ok(check, has),
        });
    }
    checks
}
