//! Flags that several commands share, each with its environment variable.

use std::collections::BTreeMap;
use std::path::PathBuf;

use engine::shell::kafka::{GroupProtocol, KafkaSettings};

use crate::failure::Failure;

/// Where the log is: a Kafka cluster, or an embedded log in a folder.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// Kafka brokers, host:port, comma separated
    #[arg(long, env = "ORDERFLOW_BOOTSTRAP", value_name = "HOST:PORT", global = true)]
    pub bootstrap: Option<String>,

    /// Folder of an embedded log, in place of Kafka; the processors then run inside this command (not for production)
    #[arg(long, env = "ORDERFLOW_EMBEDDED", value_name = "DIR", global = true, conflicts_with = "bootstrap")]
    pub embedded: Option<PathBuf>,

    /// A librdkafka property (TLS, SASL, …); may be given several times
    #[arg(
        long = "kafka-option",
        env = "ORDERFLOW_KAFKA_OPTIONS",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        hide_env_values = true,
        global = true
    )]
    pub kafka_options: Vec<String>,

    /// Group protocol: "consumer" (KIP-848, Kafka 4) or "classic" (older brokers)
    #[arg(long, env = "ORDERFLOW_GROUP_PROTOCOL", value_name = "NAME", default_value = "consumer", global = true)]
    pub group_protocol: Protocol,

    /// Confluent-compatible schema registry; without one the ids of schemas/released/local.lock.json are used
    #[arg(long, env = "ORDERFLOW_REGISTRY", value_name = "URL", hide_env_values = true, global = true)]
    pub registry: Option<String>,

    /// How long a call to the schema registry may take, in seconds
    #[arg(
        long,
        env = "ORDERFLOW_REGISTRY_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30",
        value_parser = clap::value_parser!(u64).range(1..=3600),
        global = true
    )]
    pub registry_timeout: u64,
}

/// A group protocol by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    Consumer,
    Classic,
}

impl Place {
    /// How to reach Kafka, when Kafka is meant.
    pub fn kafka(&self, instance: &str) -> anyhow::Result<Option<KafkaSettings>> {
        let Some(bootstrap) = self.bootstrap.clone() else { return Ok(None) };
        let mut options = BTreeMap::new();
        for (at, option) in self.kafka_options.iter().enumerate().filter(|(_, option)| !option.is_empty()) {
            let Some((name, value)) = option.split_once('=') else {
                // Never the text: it may be the rest of a password with a comma.
                let what = format!("Kafka option number {} has no \"=\"", at + 1);
                let hint = "write each as name=value; a comma begins the next option, so no value may hold one";
                return Err(Failure::usage("bad-option", what, hint).into());
            };
            options.insert(name.trim().to_owned(), value.to_owned());
        }
        let protocol = match self.group_protocol {
            Protocol::Consumer => GroupProtocol::Consumer,
            Protocol::Classic => GroupProtocol::Classic,
        };
        Ok(Some(KafkaSettings { bootstrap, options, protocol, instance: instance.to_owned() }))
    }

    /// How to reach Kafka; an error when neither place is named.
    pub fn kafka_only(&self, instance: &str) -> anyhow::Result<KafkaSettings> {
        self.kafka(instance)?.ok_or_else(|| {
            Failure::usage(
                "no-broker",
                "this command needs Kafka",
                "name it with --bootstrap HOST:PORT or ORDERFLOW_BOOTSTRAP",
            )
            .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let place = Place {
            bootstrap: Some("broker:9092".into()),
            embedded: None,
            kafka_options: vec!["sasl.password=se".into(), "cret".into()],
            group_protocol: Protocol::Consumer,
            registry: None,
            registry_timeout: 30,
        };
        let error = place.kafka("a").expect_err("the rest of the password is no option").to_string();
        assert!(error.contains("number 2") && !error.contains("cret"), "{error}");
    }
}
