//! Topics of a cluster against topics.yaml.

use std::collections::BTreeMap;

use catalog::TopicKind;
use catalog::plan::{Live, Plan, Setting, Wish};
use contract::TopicSpec;
use engine::shell::kafka::{ACLS, Admin, AdminError, Found, KafkaSettings, LET_IN, Wanted};
use engine::shell::transport::Position;

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
    let text = error.to_string();
    let hint = match &error {
        AdminError::Refused { .. } => LET_IN,
        AdminError::Denied { .. } => ACLS,
        AdminError::Unreachable { .. } => "`make kafka-up` starts a Kafka here, --bootstrap names another",
        AdminError::GroupActive(_) => "scale its StatefulSet to 0, or end its `orderflow run`",
        _ => "",
    };
    match &error {
        AdminError::Options(_) => {
            let (what, hint) = text.split_once("; hint: ").unwrap_or((&text, ""));
            Failure::usage("bad-option", what, hint).into()
        }
        AdminError::Refused { .. } => Failure::unreachable("broker-refuses", text, hint).into(),
        AdminError::Denied { .. } => Failure::new("not-authorized", text, hint).into(),
        AdminError::Unreachable { .. } => Failure::unreachable("broker-unreachable", error.to_string(), hint).into(),
        AdminError::GroupActive(_) => Failure::new("group-active", error.to_string(), hint).into(),
        _ => Failure::new("kafka", error.to_string(), hint).into(),
    }
}

/// An error while a group has members. One of its positions is committed as it is: the broker refuses that then.
pub fn refuse_active(
    admin: &Admin,
    group: &str,
    committed: impl Iterator<Item = (String, u32, Position)>,
) -> anyhow::Result<()> {
    let same: Vec<_> = committed.take(1).collect();
    admin.set_offsets(group, &same).map_err(failed)
}

/// An error where a topic of this processor is not as topics.yaml says; `hint` says what to do.
pub fn refuse_differences(
    admin: &Admin,
    topology: &flow::Topology,
    hint: impl Fn(&[Difference]) -> &'static str,
) -> anyhow::Result<()> {
    let found = differences(admin, &of(topology)).map_err(failed)?;
    if found.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(Failure::new("topics", lines.join("\n  "), hint(&found)).into())
}

/// Compares what decides whether a processor may run: that its topics are there, their partitions, and every property that
/// topics.yaml leads to. A property that the broker does not know is no difference: it was made before it.
pub fn differences(admin: &Admin, wanted: &[&'static TopicSpec]) -> Result<Vec<Difference>, AdminError> {
    let names: Vec<String> = wanted.iter().map(|topic| topic.name.to_owned()).collect();
    let found = admin.describe(&names)?;
    Ok(wanted.iter().flat_map(|topic| compare(topic, found.get(topic.name))).collect())
}

fn compare(topic: &'static TopicSpec, found: Option<&Found>) -> Vec<Difference> {
    let Some(found) = found else { return vec![Difference::Missing(topic)] };
    let mut out = Vec::new();
    if found.partitions != topic.partitions {
        out.push(Difference::Partitions(topic.name, found.partitions, topic.partitions));
    }
    for (name, declared) in topic.config {
        match found.config.get(*name) {
            Some(value) if sorted(value) != sorted(declared) => {
                out.push(Difference::Config(topic.name, name, value.clone(), declared));
            }
            _ => {}
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

/// What to do about differences.
pub fn hint(differences: &[Difference]) -> &'static str {
    let all = |is: fn(&Difference) -> bool| differences.iter().all(is);
    if all(|it| matches!(it, Difference::Missing(_))) {
        "`orderflow topics apply` creates what topics.yaml declares; where ACLs are on, a topic that we may not see is missing, \
         too: `orderflow topics acls`"
    } else if all(|it| !matches!(it, Difference::Partitions(..))) {
        "`orderflow topics plan` shows what differs and why it matters, `orderflow topics apply` makes it so"
    } else {
        "the cluster was set up for another topics.yaml; partitions of keyed topics are fixed at creation"
    }
}

/// A declared topic as Kafka is to create it.
pub fn wanted(topic: &TopicSpec) -> Wanted {
    let config: BTreeMap<String, String> =
        topic.config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Wanted { name: topic.name.to_owned(), partitions: topic.partitions, config }
}

/// Every topic that a processor touches.
pub fn of(topology: &flow::Topology) -> Vec<&'static TopicSpec> {
    let internal =
        |name: &str| ["changelog", "order", "dlq"].iter().any(|kind| name == format!("{}-{kind}", topology.name));
    let declared = |name: &str| {
        topology.inputs.iter().any(|input| input.topic == name)
            || topology.outputs.iter().chain(topology.replies).any(|topic| topic.name == name)
    };
    contract::TOPICS.iter().filter(|topic| declared(topic.name) || internal(topic.name)).collect()
}

/// The topics of the contract that this binary was built with, as the planner knows them.
pub fn built_in() -> Vec<catalog::TopicSpec> {
    let owned = |config: &[(&str, &str)]| {
        config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let spec = |topic: &TopicSpec| {
        let kind = TopicKind::of(topic.kind)?;
        let (name, config) = (topic.name.to_owned(), owned(topic.config));
        Some(catalog::TopicSpec { name, partitions: topic.partitions, config, kind })
    };
    contract::TOPICS.iter().filter_map(spec).collect()
}

/// What a cluster needs to be as declared.
pub fn plan(admin: &Admin, declared: &[catalog::TopicSpec], wish: Wish) -> anyhow::Result<Plan> {
    // Of topics that are not declared the names will do: who shares a cluster may not read the others' configuration.
    let names: Vec<String> = declared.iter().map(|spec| spec.name.clone()).collect();
    let others = admin.topics().map_err(failed)?.into_iter().filter(|(name, _)| !names.contains(name));
    let mut found: BTreeMap<String, Live> =
        others.map(|(name, partitions)| (name, Live { partitions, ..Live::default() })).collect();
    found.extend(admin.describe(&names).map_err(failed)?.into_iter().map(|(name, found)| (name, live(found))));
    Ok(catalog::plan::plan(declared, &found, wish))
}

fn live(found: Found) -> Live {
    let Found { partitions, replicas, config, own } = found;
    let setting = |(name, value): (String, String)| {
        let own = own.contains(&name);
        (name, Setting { value, own })
    };
    Live { partitions, replicas, config: config.into_iter().map(setting).collect() }
}

/// Does what a plan says and nothing else; one that refuses something is not begun.
pub fn carry_out(admin: &Admin, plan: &Plan, replication: i32) -> anyhow::Result<()> {
    refusals(plan)?;
    let create: Vec<Wanted> = plan
        .create
        .iter()
        .map(|it| Wanted { name: it.topic.clone(), partitions: it.partitions, config: it.config.clone() })
        .collect();
    admin.create(&create, replication).map_err(failed)?;
    for (topic, changes) in plan.changes() {
        let values: Vec<(String, String)> =
            changes.iter().map(|change| (change.property.clone(), change.to.clone())).collect();
        admin.alter(topic, &values).map_err(failed)?;
    }
    Ok(())
}

/// An error when the plan refuses something.
pub fn refusals(plan: &Plan) -> anyhow::Result<()> {
    if plan.refused.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        plan.refused.iter().map(|it| format!("topic \"{}\" {}: {}", it.topic, it.what, it.why)).collect();
    let mut hints: Vec<&str> = plan.refused.iter().map(|it| it.hint.as_str()).collect();
    hints.sort_unstable();
    hints.dedup();
    Err(Failure::new("topic-refused", lines.join("\n  "), hints.join("\n      ")).into())
}

/// Makes a cluster as this binary's contract declares it.
pub fn apply(settings: &KafkaSettings, replication: i32) -> anyhow::Result<()> {
    let admin = Admin::open(settings).map_err(failed)?;
    let wish = Wish { replicas: replication.max(1) as u32, retention_shrink: false };
    let plan = plan(&admin, &built_in(), wish)?;
    carry_out(&admin, &plan, replication)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intake() -> (Vec<&'static TopicSpec>, BTreeMap<String, Found>) {
        let wanted = of(crate::processors::find("order-intake").expect("declared").topology());
        let found = |topic: &&'static TopicSpec| {
            let Wanted { name, partitions, config } = super::wanted(topic);
            (name, Found { partitions, replicas: 1, config, ..Found::default() })
        };
        let found = wanted.iter().map(found).collect();
        (wanted, found)
    }

    #[test]
    fn every_declared_property_is_compared_and_an_unknown_one_is_not() {
        let (wanted, mut found) = intake();
        let said = |found: &BTreeMap<String, Found>| -> Vec<String> {
            wanted.iter().flat_map(|topic| compare(topic, found.get(topic.name))).map(|it| it.to_string()).collect()
        };
        assert_eq!(said(&found), Vec::<String>::new());
        for topic in &wanted {
            for (name, value) in topic.config {
                let config = &mut found.get_mut(topic.name).expect("it is there").config;
                config.insert((*name).to_owned(), "other".to_owned());
                let words = format!("topic \"{}\" has {name}=other, topics.yaml says {value}", topic.name);
                assert_eq!(said(&found), [words]);
                found.get_mut(topic.name).expect("it is there").config.remove(*name);
                assert_eq!(said(&found), Vec::<String>::new(), "a broker without {name}");
                found.get_mut(topic.name).expect("it is there").config.insert((*name).to_owned(), (*value).to_owned());
            }
        }
    }

    #[test]
    fn the_hint_names_the_command_that_helps() {
        let (wanted, _) = intake();
        let config = Difference::Config("orders.v1", "message.timestamp.type", "LogAppendTime".into(), "CreateTime");
        let partitions = Difference::Partitions("orders.v1", 3, 12);
        assert!(hint(&[Difference::Missing(wanted[0])]).contains("creates"));
        assert!(hint(&[config]).contains("`orderflow topics apply` makes it so"));
        assert!(hint(&[Difference::Missing(wanted[0]), partitions]).contains("fixed at creation"));
    }
}
