//! Flags that several commands share, each with its environment variable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::shell::kafka::{GroupProtocol, KafkaSettings};

use crate::failure::Failure;

/// Where the log is: a Kafka cluster, or an embedded log in a folder. No `Debug`: some of it may be secret.
#[derive(Clone, clap::Args)]
pub struct Place {
    /// Kafka brokers, host:port, comma separated
    #[arg(long, env = "ORDERFLOW_BOOTSTRAP", value_name = "HOST:PORT", global = true)]
    pub bootstrap: Option<String>,

    /// Folder of an embedded log, in place of Kafka; the processors then run inside this command (not for production)
    #[arg(long, env = "ORDERFLOW_EMBEDDED", value_name = "DIR", global = true, conflicts_with = "bootstrap")]
    pub embedded: Option<PathBuf>,

    /// A librdkafka property (TLS, SASL, …) that is no secret; may be given several times
    #[arg(
        long = "kafka-option",
        env = "ORDERFLOW_KAFKA_OPTIONS",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        hide_env_values = true,
        global = true
    )]
    pub kafka_options: Vec<String>,

    /// A librdkafka property whose value is what stands in a file, such as sasl.password; may be given several times
    #[arg(
        long = "kafka-secret",
        env = "ORDERFLOW_KAFKA_SECRETS",
        value_name = "NAME=FILE",
        value_delimiter = ',',
        hide_env_values = true,
        global = true
    )]
    pub kafka_secrets: Vec<String>,

    /// Group protocol: "classic" (a crashed instance that comes back goes on within seconds) or "consumer" (KIP-848, Kafka 4:
    /// a rebalance stops only what moves)
    #[arg(long, env = "ORDERFLOW_GROUP_PROTOCOL", value_name = "NAME", default_value = "classic", global = true)]
    pub group_protocol: Protocol,

    /// Confluent-compatible schema registry; without one the ids of schemas/released/local.lock.json are used
    #[arg(long, env = "ORDERFLOW_REGISTRY", value_name = "URL", hide_env_values = true, global = true)]
    pub registry: Option<String>,

    /// File with user:password for the schema registry, in place of those in its URL
    #[arg(long, env = "ORDERFLOW_REGISTRY_CREDENTIALS", value_name = "FILE", global = true)]
    pub registry_credentials: Option<PathBuf>,

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
        for (name, value) in pairs("option", &self.kafka_options)? {
            options.insert(name.to_owned(), value.to_owned());
        }
        for (name, file) in pairs("secret", &self.kafka_secrets)? {
            options.insert(name.to_owned(), secret(Path::new(file), &format!("Kafka option \"{name}\""))?);
        }
        let protocol = match self.group_protocol {
            Protocol::Consumer => GroupProtocol::Consumer,
            Protocol::Classic => GroupProtocol::Classic,
        };
        Ok(Some(KafkaSettings { bootstrap, options, protocol, instance: instance.to_owned(), nameless: false }))
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

/// Names and what they are set to.
fn pairs<'a>(kind: &str, given: &'a [String]) -> anyhow::Result<Vec<(&'a str, &'a str)>> {
    let pair = |(at, text): (usize, &'a String)| {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            // Never the text: it may be the rest of a password with a comma.
            let what = format!("Kafka {kind} number {} has no \"=\"", at + 1);
            let hint = "write each as name=value; a comma begins the next one: a value that holds one goes into a file, \
                        --kafka-secret NAME=FILE";
            Failure::usage("bad-option", what, hint)
        })?;
        Ok((name.trim(), value))
    };
    given.iter().enumerate().filter(|(_, text)| !text.is_empty()).map(pair).collect()
}

/// What stands in a file, without the end of its last line.
pub fn secret(file: &Path, what: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        // Somebody who wrote the secret itself in place of a file's name shall not find it in a log.
        let folder = file.parent().filter(|folder| folder.is_dir());
        let name = folder.map_or("of this name".to_owned(), |_| format!("\"{}\"", file.display()));
        let what = format!("{what}: file {name}: {error}");
        Failure::unreachable(
            "secret-unreadable",
            what,
            "name a file that this user may read and that holds the value alone",
        )
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(kafka_options: &[&str], kafka_secrets: &[&str]) -> Place {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Place {
            bootstrap: Some("broker:9092".into()),
            embedded: None,
            kafka_options: owned(kafka_options),
            kafka_secrets: owned(kafka_secrets),
            group_protocol: Protocol::Consumer,
            registry: None,
            registry_credentials: None,
            registry_timeout: 30,
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let place = place(&["sasl.password=se", "cret"], &[]);
        let error = place.kafka("a").expect_err("the rest of the password is no option").to_string();
        assert!(error.contains("number 2") && !error.contains("cret"), "{error}");
    }

    #[test]
    fn a_secret_in_place_of_a_file_is_not_shown() {
        for name in ["cret", "se/cret", "/se/cret"] {
            let error = place(&[], &[&format!("sasl.password={name}")]).kafka("a").expect_err("no file").to_string();
            assert!(error.contains("sasl.password") && !error.contains("cret\""), "{error}");
        }
    }

    #[test]
    fn a_secret_is_what_stands_in_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        let named = format!("sasl.password={}", file.display());
        for (text, value) in [("a,b=c ", "a,b=c "), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("", "")] {
            std::fs::write(&file, text).expect("written");
            let settings = place(&["sasl.username=me"], &[&named]).kafka("a").expect("valid").expect("Kafka is meant");
            assert_eq!(settings.options["sasl.password"], value);
            assert_eq!(settings.options["sasl.username"], "me");
            assert!(!format!("{settings:?}").contains("a,b"), "{settings:?}");
        }
        std::fs::write(&file, b"\xffsecret").expect("written");
        let error = place(&[], &[&named]).kafka("a").expect_err("no text");
        assert!(!format!("{error:#}").contains("secret\""), "{error:#}");
        std::fs::remove_file(&file).expect("removed");
        let error = place(&[], &[&named]).kafka("a").expect_err("no file").to_string();
        assert!(error.contains("secret-unreadable") && error.contains("sasl.password"), "{error}");
    }
}
