//! The log that a command works on.

use std::path::Path;
use std::sync::Arc;

use engine::shell::client::Client;
use engine::shell::embedded::{EmbeddedClient, EmbeddedLog};
use engine::shell::kafka::{ACLS, KafkaClient, KafkaSettings, LET_IN};
use engine::shell::transport::Fault;

use crate::failure::Failure;
use crate::options::Place;

/// Kafka, or an embedded log.
#[derive(Clone)]
pub enum Log {
    Kafka(KafkaSettings),
    Embedded(Arc<EmbeddedLog>),
}

/// A fault as a person sees it.
pub fn failed(fault: Fault) -> anyhow::Error {
    failure(&fault).into()
}

/// The same for one that came up by itself.
pub fn failure(fault: &Fault) -> Failure {
    let text = fault.to_string();
    match text.split_once("; hint: ") {
        Some((what, hint)) if what.starts_with("Kafka option") => Failure::usage("bad-option", what, hint),
        Some((what, hint)) if hint == ACLS => Failure::new("not-authorized", what, hint),
        Some((what, hint)) if hint == LET_IN => Failure::unreachable("broker-refuses", what, hint),
        Some((what, hint)) if what.starts_with("topic ") => Failure::new("topic-missing", what, hint),
        Some((what, hint)) if what.starts_with("broker ") => Failure::unreachable("broker-unreachable", what, hint),
        Some((what, hint)) => Failure::unreachable("log", what, hint),
        None => Failure::unreachable("log", text, "--log debug tells what the client did"),
    }
}

impl Log {
    /// The log that the flags name.
    pub fn open(place: &Place, instance: &str) -> anyhow::Result<Log> {
        if let Some(settings) = place.kafka(instance)? {
            return Ok(Log::Kafka(settings));
        }
        match &place.embedded {
            Some(folder) => Log::embedded(folder),
            None => {
                let hint = "--bootstrap HOST:PORT (`make kafka-up` starts a Kafka), or --embedded DIR";
                Err(Failure::usage("no-log", "this command needs a log", hint).into())
            }
        }
    }

    /// An embedded log with every topic of topics.yaml.
    pub fn embedded(folder: &Path) -> anyhow::Result<Log> {
        let topics: Vec<(String, u32)> =
            contract::TOPICS.iter().map(|topic| (topic.name.to_owned(), topic.partitions)).collect();
        let log = EmbeddedLog::open(&folder.join("log"), &topics).map_err(|error| {
            let hint = "only one process can use an embedded log; end the other one, or name another folder";
            Failure::new("embedded-log", format!("folder \"{}\": {error}", folder.display()), hint)
        })?;
        Ok(Log::Embedded(Arc::new(log)))
    }

    /// A client for sending and reading.
    pub fn client(&self) -> anyhow::Result<Box<dyn Client>> {
        Ok(match self {
            Log::Kafka(settings) => Box::new(KafkaClient::open(settings.clone()).map_err(failed)?),
            Log::Embedded(log) => Box::new(EmbeddedClient::new(log.clone())),
        })
    }
}
