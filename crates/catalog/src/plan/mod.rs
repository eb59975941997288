//! What a cluster has against what topics.yaml declares: what to create, what to change, what only to name, and what
//! is refused.
//!
//! Architecture Invariant: a plan is a function of the declared topics and of what a broker said; nothing here asks
//! one, and whoever carries a plan out does nothing that is not in it.

mod drift;
mod keep;
mod show;

use std::collections::BTreeMap;

use crate::TopicSpec;

/// A topic as a broker describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live {
    pub partitions: u32,
    /// Replicas of the partition that has fewest.
    pub replicas: u32,
    /// Topic configuration by Kafka's names, defaults included.
    pub config: BTreeMap<String, Setting>,
}

/// A value, and whether it is set on the topic itself rather than a default of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub value: String,
    pub own: bool,
}

/// What the person who asks for a plan wants besides what topics.yaml says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Replicas of each topic; fewer are named, never changed.
    pub replicas: u32,
    /// Whether changes are planned after which the broker may delete records that it keeps now.
    pub retention_shrink: bool,
}

/// A topic that is declared and does not exist.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Create {
    pub topic: String,
    pub kind: &'static str,
    pub partitions: u32,
    pub config: BTreeMap<String, String>,
    pub why: String,
}

/// A property that gets another value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    pub topic: String,
    pub property: String,
    pub from: String,
    pub to: String,
    pub why: String,
}

/// Something that is there and is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Drift {
    pub topic: String,
    pub what: String,
    pub why: String,
}

/// A difference that nothing here will remove.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    pub topic: String,
    pub what: String,
    pub why: String,
    pub hint: String,
}

/// What `topics apply` would do, in the order of topics.yaml.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    pub create: Vec<Create>,
    pub change: Vec<Change>,
    pub drift: Vec<Drift>,
    pub refused: Vec<Refused>,
    /// Declared topics that are exactly as declared.
    pub as_declared: usize,
    /// Topics of the cluster that are not ours.
    pub foreign: usize,
}

impl Plan {
    /// Whether carrying it out would do nothing.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.change.is_empty()
    }

    /// The changes, topic by topic.
    pub fn changes(&self) -> BTreeMap<&str, Vec<&Change>> {
        let mut changes: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
        for change in &self.change {
            changes.entry(&change.topic).or_default().push(change);
        }
        changes
    }
}

/// Compares the declared topics with all topics of a cluster.
pub fn plan(declared: &[TopicSpec], found: &BTreeMap<String, Live>, wish: Wish) -> Plan {
    let mut plan = Plan::default();
    for spec in declared {
        match found.get(&spec.name) {
            None => plan.create.push(create(spec)),
            Some(live) => plan.compare(spec, live, wish),
        }
    }
    plan.undeclared(declared, found);
    plan
}

fn create(spec: &TopicSpec) -> Create {
    Create {
        topic: spec.name.clone(),
        kind: spec.kind.as_str(),
        partitions: spec.partitions,
        config: spec.config.clone(),
        why: "it is declared, and the cluster does not have it".into(),
    }
}

impl Plan {
    fn compare(&mut self, spec: &TopicSpec, live: &Live, wish: Wish) {
        let before = (self.change.len(), self.refused.len());
        if live.partitions != spec.partitions {
            self.refused.push(Refused {
                topic: spec.name.clone(),
                what: format!("has {} partitions, topics.yaml says {}", live.partitions, spec.partitions),
                why: "the key's hash and the number of partitions decide where a record goes: after a change the \
                      records of a key would be in two partitions, out of order and away from their state"
                    .into(),
                hint: "declare a new major version of the topic and move to it, or say the number that is there in \
                       topics.yaml; an empty topic can be deleted and created again"
                    .into(),
            });
        }
        self.config(spec, live, wish);
        if before == (self.change.len(), self.refused.len()) {
            self.as_declared += 1;
        }
        self.besides(spec, live, wish);
    }

    fn config(&mut self, spec: &TopicSpec, live: &Live, wish: Wish) {
        let loss = keep::loss(spec, live).filter(|_| !wish.retention_shrink);
        for (property, to) in &spec.config {
            // A broker that does not know a property has nothing to change: it was made before it.
            let Some(from) = live.config.get(property).map(|setting| setting.value.as_str()) else { continue };
            if sorted(from) == sorted(to) {
                continue;
            }
            let topic = spec.name.clone();
            match loss.as_ref().filter(|loss| loss.properties.contains(&property.as_str())) {
                Some(loss) => self.refused.push(Refused {
                    topic,
                    what: format!("has {}, topics.yaml says {}", keep::said(property, from), keep::value(property, to)),
                    why: loss.why.clone(),
                    hint: "correct topics.yaml, or allow it with --allow-retention-shrink".into(),
                }),
                None => {
                    let why = keep::reason(spec, property, from, to);
                    let (property, from, to) = (property.clone(), from.to_owned(), to.clone());
                    self.change.push(Change { topic, property, from, to, why });
                }
            }
        }
    }
}

/// `compact,delete` and `delete,compact` are the same policy.
fn sorted(value: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = value.split(',').map(str::trim).collect();
    parts.sort_unstable();
    parts
}
