//! Topics: what exists, create, change, delete, trim.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataBroker};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};

use crate::shell::transport::{Mark, Position};

use super::access::{Unknown, denied, denies, metadata, not_made, told};
use super::acl::{self, Acl};
use super::alter::alter;
use super::group::Quiet;
use super::groups::{self, Group};
use super::settings::KafkaSettings;
use super::survey::plain;

const CALL: Duration = Duration::from_secs(15);
/// Properties that brokers before Kafka 3.6 refuse to hear of; their own bounds are as wide.
const SINCE_3_6: [&str; 2] = ["message.timestamp.before.max.ms", "message.timestamp.after.max.ms"];

/// What an administrative call ran into.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("{0}")]
    Options(String),
    #[error("broker \"{bootstrap}\" does not answer: {source}")]
    Unreachable { bootstrap: String, source: KafkaError },
    #[error("broker \"{bootstrap}\" {why}")]
    Refused { bootstrap: String, why: String },
    /// The broker's authorizer said no.
    #[error("{what}: {why}")]
    Denied { what: String, why: String },
    #[error("topic \"{topic}\": {why}")]
    Topic { topic: String, why: String },
    #[error("broker {broker}: {why}")]
    Broker { broker: i32, why: String },
    #[error("consumer groups: {0}")]
    Groups(String),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error("consumer group \"{0}\" has members; stop them first")]
    GroupActive(String),
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    pub partitions: u32,
    pub config: BTreeMap<String, String>,
}

/// A topic that exists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    pub partitions: u32,
    /// Of the partition that has fewest.
    pub replicas: u32,
    /// Defaults included.
    pub config: BTreeMap<String, String>,
    /// The properties that are set on the topic itself.
    pub own: BTreeSet<String>,
}

/// An administrative client.
pub struct Admin {
    client: AdminClient<Quiet>,
    settings: KafkaSettings,
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(CALL)).operation_timeout(Some(CALL))
}

impl Admin {
    /// Connects lazily.
    pub fn open(settings: &KafkaSettings) -> Result<Admin, AdminError> {
        let made = settings.base("admin").create_with_context(Quiet);
        let client = made.map_err(|error| AdminError::Options(not_made(&error)))?;
        Ok(Admin { client, settings: settings.clone() })
    }

    /// Every topic and its number of partitions.
    pub fn topics(&self) -> Result<BTreeMap<String, u32>, AdminError> {
        Ok(self.counts(&[])?.into_iter().map(|(topic, (partitions, _))| (topic, partitions)).collect())
    }

    fn metadata(&self) -> Result<Metadata, AdminError> {
        let client = self.client.inner();
        metadata(client, CALL, || told(client)).map_err(|unknown| {
            let bootstrap = self.settings.bootstrap.clone();
            match unknown {
                Unknown::Refused(why) => AdminError::Refused { bootstrap, why },
                Unknown::Unreachable(source) => AdminError::Unreachable { bootstrap, source },
            }
        })
    }

    /// Every topic, its number of partitions, and the replicas of the partition that has fewest. A topic of `sure`
    /// without partitions is an error: the broker could not describe it.
    fn counts(&self, sure: &[String]) -> Result<BTreeMap<String, (u32, u32)>, AdminError> {
        let metadata = self.metadata()?;
        let counts = metadata.topics().iter().map(|topic| {
            let name = topic.name().to_owned();
            match topic.error() {
                Some(code) if topic.partitions().is_empty() && sure.contains(&name) => {
                    return Err(topic_error(&name, code.into()));
                }
                _ => {}
            }
            let replicas = topic.partitions().iter().map(|partition| partition.replicas().len() as u32).min();
            Ok((name, (topic.partitions().len() as u32, replicas.unwrap_or_default())))
        });
        counts.collect()
    }

    /// Describes consumer groups, in the order of `names`.
    pub fn groups(&self, names: &[&str]) -> Result<Vec<Group>, AdminError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        // The first question about any group makes the broker create this topic, and may stay without an answer.
        let fresh = !self.topics()?.contains_key("__consumer_offsets");
        let wait = if fresh { CALL / 5 } else { CALL };
        match groups::describe(self.client.inner(), names, wait) {
            Err(_) if fresh => Ok(names.iter().map(|name| Group::unknown(name)).collect()),
            answer => answer.map_err(AdminError::Groups),
        }
    }

    /// Every broker: its number and address.
    pub fn brokers(&self) -> Result<Vec<(i32, String)>, AdminError> {
        let metadata = self.metadata()?;
        let broker = |broker: &MetadataBroker| (broker.id(), format!("{}:{}", broker.host(), broker.port()));
        Ok(metadata.brokers().iter().map(broker).collect())
    }

    /// The configuration of a broker, defaults included.
    pub fn broker_config(&self, broker: i32) -> Result<BTreeMap<String, String>, AdminError> {
        let mut config = BTreeMap::new();
        let resources = [ResourceSpecifier::Broker(broker)];
        for resource in pollster::block_on(self.client.describe_configs(&resources, &options()))? {
            let resource = resource.map_err(|code| AdminError::Broker { broker, why: code.to_string() })?;
            config.extend(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
        }
        Ok(config)
    }

    /// What exists of these topics, with their configuration.
    pub fn describe(&self, names: &[String]) -> Result<BTreeMap<String, Found>, AdminError> {
        let mut counts = self.counts(names)?;
        counts.retain(|topic, _| names.contains(topic));
        if counts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let resources: Vec<ResourceSpecifier<'_>> = counts.keys().map(|name| ResourceSpecifier::Topic(name)).collect();
        let described = pollster::block_on(self.client.describe_configs(&resources, &options()))?;
        let mut found = BTreeMap::new();
        for ((name, (partitions, replicas)), resource) in counts.iter().zip(described) {
            let resource = resource.map_err(|code| topic_error(name, code))?;
            let own = resource.entries.iter().filter(|entry| matches!(entry.source, ConfigSource::DynamicTopic));
            let own = own.map(|entry| entry.name.clone()).collect();
            let config = resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect();
            found.insert(name.clone(), Found { partitions: *partitions, replicas: *replicas, config, own });
        }
        Ok(found)
    }

    /// Sets properties of a topic, all of them or none, leaves its other properties as they are, and waits until the
    /// broker shows them.
    pub fn alter(&self, topic: &str, values: &[(String, String)]) -> Result<(), AdminError> {
        if values.is_empty() {
            return Ok(());
        }
        let failed = |why: String| AdminError::Topic { topic: topic.to_owned(), why };
        alter(self.client.inner(), topic, values, CALL).map_err(failed)?;
        let since = Instant::now();
        loop {
            let found = self.describe(&[topic.to_owned()])?;
            let shown = |(name, value): &(String, String)| found.get(topic)?.config.get(name).filter(|it| *it == value);
            if values.iter().all(|pair| shown(pair).is_some()) {
                return Ok(());
            }
            if since.elapsed() > CALL {
                return Err(failed("changed, but not shown by the broker".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Lets principals do things. What they may do besides is not touched.
    pub fn allow(&self, acls: &[Acl]) -> Result<(), AdminError> {
        if acls.is_empty() {
            return Ok(());
        }
        // Asked for first: whoever is not let in hears it from here.
        self.counts(&[])?;
        let denied = |why| AdminError::Denied { what: "ACLs".to_owned(), why };
        acl::create(self.client.inner(), acls, CALL).map_err(denied)
    }

    /// Creates topics and waits until the broker shows them.
    pub fn create(&self, wanted: &[Wanted], replication: i32) -> Result<(), AdminError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let since = Instant::now();
        let mut left: Vec<Wanted> = wanted.to_vec();
        while !left.is_empty() {
            let topics: Vec<NewTopic<'_>> = left.iter().map(|topic| new_topic(topic, replication)).collect();
            let results = pollster::block_on(self.client.create_topics(&topics, &options()))?;
            let mut again = Vec::new();
            for (mut topic, result) in std::mem::take(&mut left).into_iter().zip(results) {
                match result {
                    Ok(_) => {}
                    // It is being deleted: the broker is a moment behind.
                    Err((_, RDKafkaErrorCode::TopicAlreadyExists)) if since.elapsed() < CALL => again.push(topic),
                    Err((_, RDKafkaErrorCode::InvalidConfig))
                        if SINCE_3_6.iter().any(|it| topic.config.contains_key(*it)) =>
                    {
                        topic.config.retain(|name, _| !SINCE_3_6.contains(&name.as_str()));
                        again.push(topic);
                    }
                    Err((_, code)) => return Err(topic_error(&topic.name, code)),
                }
            }
            left = again;
            if !left.is_empty() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        while wanted
            .iter()
            .any(|topic| self.topics().is_ok_and(|known| known.get(&topic.name) != Some(&topic.partitions)))
        {
            if since.elapsed() > CALL {
                return Err(AdminError::Topic {
                    topic: wanted[0].name.clone(),
                    why: "created, but not shown by the broker".into(),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Deletes topics and everything in them.
    pub fn delete(&self, names: &[String]) -> Result<(), AdminError> {
        // librdkafka calls every empty request an invalid argument; here and below there is nothing to do.
        if names.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for result in pollster::block_on(self.client.delete_topics(&names, &options()))? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => return Err(topic_error(&topic, code)),
            }
        }
        let since = Instant::now();
        while self.topics()?.keys().any(|topic| names.contains(&topic.as_str())) && since.elapsed() < CALL {
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Deletes consumer groups with their committed offsets; a group with members is an error.
    pub fn delete_groups(&self, groups: &[&str]) -> Result<(), AdminError> {
        if groups.is_empty() {
            return Ok(());
        }
        // Without this topic no group has ever been; the question makes the broker create it, and may stay without an answer.
        let fresh = !self.topics()?.contains_key("__consumer_offsets");
        let options = if fresh { options().request_timeout(Some(CALL / 5)) } else { options() };
        let results = match pollster::block_on(self.client.delete_groups(groups, &options)) {
            Err(_) if fresh => return Ok(()),
            results => results?,
        };
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::GroupIdNotFound)) => {}
                Err((group, RDKafkaErrorCode::NonEmptyGroup)) => return Err(AdminError::GroupActive(group)),
                Err(_) if fresh => {}
                Err((group, code)) => return Err(group_error(&group, KafkaError::AdminOp(code))),
            }
        }
        Ok(())
    }

    fn member(&self, group: &str) -> Result<BaseConsumer<Quiet>, AdminError> {
        let made = self.settings.reader(group, "reset", true).create_with_context(Quiet);
        made.map_err(|error| AdminError::Options(not_made(&error)))
    }

    /// Sets a group's committed positions (topic, partition, position); the group must have no members.
    pub fn set_offsets(&self, group: &str, positions: &[(String, u32, Position)]) -> Result<(), AdminError> {
        if positions.is_empty() {
            return Ok(());
        }
        let consumer = self.member(group)?;
        let mut list = TopicPartitionList::new();
        for (topic, partition, Position { offset_next, mark }) in positions {
            let mut at = list.add_partition(topic, *partition as i32);
            at.set_offset(Offset::Offset(*offset_next))?;
            if *mark != Mark::None {
                at.set_metadata(mark.text());
            }
        }
        match consumer.commit(&list, rdkafka::consumer::CommitMode::Sync) {
            Ok(()) => {}
            Err(error) if is_active(&error) => return Err(AdminError::GroupActive(group.to_owned())),
            Err(error) => return Err(group_error(group, denial(&consumer, CALL).unwrap_or(error))),
        }
        Ok(())
    }

    /// The group's committed offsets of these partitions; `None` where there is none.
    pub fn offsets(&self, group: &str, at: &[(String, u32)]) -> Result<Vec<Option<i64>>, AdminError> {
        let positions = self.positions(group, at)?.into_iter();
        Ok(positions.map(|position| position.map(|position| position.offset_next)).collect())
    }

    /// The group's committed positions of these partitions, with what a command of ours has noted beside them.
    pub fn positions(&self, group: &str, at: &[(String, u32)]) -> Result<Vec<Option<Position>>, AdminError> {
        if at.is_empty() {
            return Ok(Vec::new());
        }
        let consumer = self.member(group)?;
        let mut list = TopicPartitionList::new();
        for (topic, partition) in at {
            list.add_partition(topic, *partition as i32);
        }
        let found = consumer.committed_offsets(list, CALL);
        let found = found.map_err(|error| group_error(group, denial(&consumer, Duration::ZERO).unwrap_or(error)))?;
        plain(&found)?;
        let position =
            |(topic, partition): &(String, u32)| position_of(&found.find_partition(topic, *partition as i32)?);
        Ok(at.iter().map(position).collect())
    }

    /// First offset and high watermark of a partition.
    pub fn bounds(&self, topic: &str, partition: u32) -> Result<(i64, i64), AdminError> {
        Ok(self.client.inner().fetch_watermarks(topic, partition as i32, CALL)?)
    }
}

/// Why a group's coordinator cannot be found, when it is none of ours: the call itself only says that it is not known.
fn denial(consumer: &BaseConsumer<Quiet>, wait: Duration) -> Option<KafkaError> {
    let until = Instant::now() + wait;
    loop {
        match consumer.poll(Duration::from_millis(50)) {
            Some(Err(error)) if denied(&error) => return Some(error),
            None if Instant::now() >= until => return None,
            _ => {}
        }
    }
}

/// An element of an answer about committed offsets.
pub(super) fn position_of(at: &TopicPartitionListElem<'_>) -> Option<Position> {
    match at.offset() {
        Offset::Offset(offset_next) if offset_next >= 0 => {
            Some(Position { offset_next, mark: Mark::of(at.metadata()) })
        }
        _ => None,
    }
}

fn is_active(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let active = [
        Code::UnknownMemberId,
        Code::NonEmptyGroup,
        Code::RebalanceInProgress,
        Code::IllegalGeneration,
        Code::StaleMemberEpoch,
    ];
    error.rdkafka_error_code().is_some_and(|code| active.contains(&code))
}

pub(super) fn topic_error(topic: &str, code: RDKafkaErrorCode) -> AdminError {
    if denies(code) {
        return AdminError::Denied { what: format!("topic \"{topic}\""), why: code.to_string() };
    }
    AdminError::Topic { topic: topic.to_owned(), why: code.to_string() }
}

/// What the broker says about a group.
fn group_error(group: &str, error: KafkaError) -> AdminError {
    if denied(&error) {
        return AdminError::Denied { what: format!("consumer group \"{group}\""), why: error.to_string() };
    }
    AdminError::Kafka(error)
}

fn new_topic(wanted: &Wanted, replication: i32) -> NewTopic<'_> {
    let topic = NewTopic::new(&wanted.name, wanted.partitions as i32, TopicReplication::Fixed(replication));
    wanted.config.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
}
