//! Topics of a cluster against topics.yaml.

use std::collections::BTreeMap;

use contract::TopicSpec;
use engine::shell::kafka::{Admin, AdminError, Found, KafkaSettings, Wanted};

use crate::failure::Failure;

/// What differs between a cluster and topics.yaml.
#[derive(Debug, PartialEq, Eq)]
pub enum Difference {
    Missing(&'static TopicSpec),
    /// Topic, its partitions, those declared.
    Partitions(&'static str, u32, u32),
    /// Topic, property, its value, the one declared.
    Config(&'static str, &'static str, String, &'static str),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Difference::Missing(topic) => write!(f, "topic \"{}\" is missing", topic.name),
            Difference::Partitions(topic, found, declared) => {
                write!(f, "topic \"{topic}\" has {found} partitions, topics.yaml says {declared}")
            }
            Difference::Config(topic, name, found, declared) => {
                write!(f, "topic \"{topic}\" has {name}={found}, topics.yaml says {declared}")
            }
        }
    }
}

/// An administrative failure as a person sees it.
pub fn failed(error: AdminError) -> anyhow::Error {
    let hint = match &error {
        AdminError::Unreachable { .. } => "`make kafka-up` starts a Kafka here, --bootstrap names another",
        AdminError::GroupActive(_) => "scale its StatefulSet to 0, or end its `orderflow run`",
        _ => "",
    };
    match &error {
        AdminError::Unreachable { .. } => Failure::unreachable("broker-unreachable", error.to_string(), hint).into(),
        AdminError::GroupActive(_) => Failure::new("group-active", error.to_string(), hint).into(),
        _ => Failure::new("kafka", error.to_string(), hint).into(),
    }
}

/// Compares these topics; only cleanup policy and partitions decide whether a processor may run.
pub fn differences(
    admin: &Admin,
    wanted: &[&'static TopicSpec],
    only_vital: bool,
) -> Result<Vec<Difference>, AdminError> {
    let names: Vec<String> = wanted.iter().map(|topic| topic.name.to_owned()).collect();
    let found = admin.describe(&names)?;
    Ok(wanted.iter().flat_map(|topic| compare(topic, found.get(topic.name), only_vital)).collect())
}

fn compare(topic: &'static TopicSpec, found: Option<&Found>, only_vital: bool) -> Vec<Difference> {
    let Some(found) = found else { return vec![Difference::Missing(topic)] };
    let mut out = Vec::new();
    if found.partitions != topic.partitions {
        out.push(Difference::Partitions(topic.name, found.partitions, topic.partitions));
    }
    for (name, declared) in topic.config.iter().filter(|(name, _)| !only_vital || *name == "cleanup.policy") {
        let value = found.config.get(*name).cloned().unwrap_or_default();
        if sorted(&value) != sorted(declared) {
            out.push(Difference::Config(topic.name, name, value, declared));
        }
    }
    out
}

/// `compact,delete` and `delete,compact` are the same policy.
fn sorted(value: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = value.split(',').collect();
    parts.sort_unstable();
    parts
}

/// A declared topic as Kafka is to create it.
pub fn wanted(topic: &TopicSpec) -> Wanted {
    let config: BTreeMap<String, String> =
        topic.config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Wanted { name: topic.name.to_owned(), partitions: topic.partitions, config }
}

/// Every topic that a processor touches.
pub fn of(topology: &flow::Topology) -> Vec<&'static TopicSpec> {
    let internal = |name: &str| {
        ["changelog", "dedup", "order", "dlq"].iter().any(|kind| name == format!("{}-{kind}", topology.name))
    };
    let declared = |name: &str| {
        topology.inputs.iter().any(|input| input.topic == name)
            || topology.outputs.iter().chain(topology.replies).any(|topic| topic.name == name)
    };
    contract::TOPICS.iter().filter(|topic| declared(topic.name) || internal(topic.name)).collect()
}

/// Creates what is missing of topics.yaml; other differences are an error that lists them.
pub fn apply(settings: &KafkaSettings, replication: i32) -> anyhow::Result<Vec<&'static str>> {
    let admin = Admin::open(settings).map_err(failed)?;
    let all: Vec<&'static TopicSpec> = contract::TOPICS.iter().collect();
    let found = differences(&admin, &all, false).map_err(failed)?;
    let (missing, drift): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|difference| matches!(difference, Difference::Missing(_)));
    if !drift.is_empty() {
        let lines: Vec<String> = drift.iter().map(ToString::to_string).collect();
        let hint =
            "change the topic with Kafka's own tools, or topics.yaml; partitions of keyed topics are fixed at creation";
        return Err(Failure::new("topic-drift", lines.join("\n  "), hint).into());
    }
    let missing: Vec<&TopicSpec> = missing
        .into_iter()
        .filter_map(|difference| if let Difference::Missing(topic) = difference { Some(topic) } else { None })
        .collect();
    let create: Vec<Wanted> = missing.iter().map(|topic| wanted(topic)).collect();
    admin.create(&create, replication).map_err(failed)?;
    Ok(missing.iter().map(|topic| topic.name).collect())
}
