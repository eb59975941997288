//! Who may do what on a broker, from topics.yaml: a processor what its entry says, a party outside what it owns and reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Processor;
use crate::{Catalog, Kind, TopicKind};

/// The consumer group that a command which only looks names, and never joins.
pub const LOOKING: &str = "orderflow-tail";

/// Somebody with a principal of their own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Party {
    pub name: String,
    pub role: Role,
    pub grants: Vec<Grant>,
}

/// What a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Processor,
    /// An owner or a reader of topics.yaml that is no processor.
    Outside,
    /// `topics plan`, `topics apply`
    Deployer,
    /// `reset`
    Operator,
    /// Reads everything, changes nothing.
    Auditor,
}

/// Everything that a party may do with one resource. Kafka lets whoever may READ, WRITE, DELETE or ALTER also DESCRIBE,
/// and whoever may ALTER_CONFIGS also DESCRIBE_CONFIGS: those are not repeated.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Grant {
    pub resource: Resource,
    pub name: String,
    /// The name is how names begin.
    pub prefix: bool,
    pub operations: Vec<Operation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    Topic,
    Group,
    TransactionalId,
}

/// As Kafka calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Operation {
    Read,
    Write,
    Create,
    Delete,
    Describe,
    DescribeConfigs,
    AlterConfigs,
}

use Operation::{AlterConfigs, Create, Delete, Describe, DescribeConfigs, Read, Write};

#[derive(Default)]
struct Grants(BTreeMap<(Resource, String), BTreeSet<Operation>>);

impl Grants {
    fn add(&mut self, resource: Resource, name: &str, operations: &[Operation]) {
        self.0.entry((resource, name.to_owned())).or_default().extend(operations);
    }

    fn topic(&mut self, name: &str, operations: &[Operation]) {
        self.add(Resource::Topic, name, operations);
    }

    fn party(self, name: &str, role: Role) -> Party {
        let grant = |((resource, name), mut operations): ((Resource, String), BTreeSet<Operation>)| {
            if [Read, Write, Delete].iter().any(|more| operations.contains(more)) {
                operations.remove(&Describe);
            }
            // Every transactional id of a processor begins with its name and a dot, which no name holds.
            let prefix = resource == Resource::TransactionalId;
            Grant { resource, name, prefix, operations: operations.into_iter().collect() }
        };
        Party { name: name.to_owned(), role, grants: self.0.into_iter().map(grant).collect() }
    }
}

impl Catalog {
    /// Every party: processors and parties outside in the order of topics.yaml, then those that keep the flow running.
    pub fn access(&self) -> Vec<Party> {
        let mut parties: Vec<Party> = self.processors.iter().map(|it| self.processor(it)).collect();
        for topic in &self.topics {
            for name in std::iter::once(&topic.owner).chain(&topic.readers) {
                if !parties.iter().any(|party| party.name == *name) {
                    parties.push(self.outside(name));
                }
            }
        }
        parties.extend([self.deployer(), self.operator(), self.auditor()]);
        parties
    }

    fn processor(&self, processor: &Processor) -> Party {
        let mut grants = Grants::default();
        // Configurations are looked at before it starts: a topic that is not as declared would lose records.
        for input in &processor.inputs {
            grants.topic(input, &[Read, DescribeConfigs]);
        }
        let replies = self.reply_topics(processor).map(|topic| &topic.name);
        for output in processor.outputs.iter().chain(replies) {
            grants.topic(output, &[Write, DescribeConfigs]);
        }
        // Restored from the changelog; the order is followed after a reset.
        let kept = |suffix: &str| format!("{}-{suffix}", processor.name);
        grants.topic(&kept("changelog"), &[Read, Write, DescribeConfigs]);
        grants.topic(&kept("order"), &[Read, Write, DescribeConfigs]);
        grants.topic(&kept("dlq"), &[Write, DescribeConfigs]);
        grants.add(Resource::Group, &processor.name, &[Read]);
        grants.add(Resource::TransactionalId, &format!("{}.", processor.name), &[Write]);
        grants.party(&processor.name, Role::Processor)
    }

    fn outside(&self, name: &str) -> Party {
        let mut grants = Grants::default();
        for topic in &self.topics {
            let owns = topic.owner == name;
            // Who owns a reply topic is who asked, and gets the answers.
            if topic.readers.iter().any(|reader| reader == name) || owns && topic.kind == Kind::Reply {
                grants.topic(&topic.name, &[Read]);
            }
            if owns && topic.kind != Kind::Reply {
                grants.topic(&topic.name, &[Write]);
            }
        }
        grants.add(Resource::Group, name, &[Read]);
        grants.add(Resource::Group, LOOKING, &[Describe]);
        grants.party(name, Role::Outside)
    }

    fn deployer(&self) -> Party {
        let mut grants = Grants::default();
        self.topics().iter().for_each(|topic| grants.topic(&topic.name, &[Create, Describe, AlterConfigs]));
        grants.party("deployer", Role::Deployer)
    }

    fn operator(&self) -> Party {
        let mut grants = Grants::default();
        for topic in self.topics() {
            let more: &[Operation] = match topic.kind {
                TopicKind::Changelog => &[Create, Delete],
                // Where the state began: a reset that would lose something is refused.
                TopicKind::Order => &[Read],
                TopicKind::Declared(_) | TopicKind::DeadLetter => &[Describe],
            };
            grants.topic(&topic.name, more);
            grants.topic(&topic.name, &[DescribeConfigs]);
        }
        for processor in &self.processors {
            // Setting an offset asks for READ on both.
            processor.inputs.iter().for_each(|input| grants.topic(input, &[Read]));
            grants.add(Resource::Group, &processor.name, &[Read]);
        }
        grants.party("operator", Role::Operator)
    }

    fn auditor(&self) -> Party {
        let mut grants = Grants::default();
        self.topics().iter().for_each(|topic| grants.topic(&topic.name, &[Read, DescribeConfigs]));
        self.processors.iter().for_each(|it| grants.add(Resource::Group, &it.name, &[Describe]));
        grants.add(Resource::Group, LOOKING, &[Describe]);
        grants.party("auditor", Role::Auditor)
    }
}

impl Resource {
    /// As Kafka's tools spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Resource::Topic => "topic",
            Resource::Group => "group",
            Resource::TransactionalId => "transactional-id",
        }
    }
}

impl Operation {
    /// As Kafka's tools spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Read => "READ",
            Write => "WRITE",
            Create => "CREATE",
            Delete => "DELETE",
            Describe => "DESCRIBE",
            DescribeConfigs => "DESCRIBE_CONFIGS",
            AlterConfigs => "ALTER_CONFIGS",
        }
    }
}
