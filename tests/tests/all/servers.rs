//! The servers themselves: they start, answer, come back after a crash, and die with whoever started them.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use serde_json::{Value, json};
use tests::{Kafka, Registry, eventually, shared_kafka};

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn kafka_commits_transactions_and_keeps_them_over_a_crash() -> Result<()> {
    let mut kafka = Kafka::start()?;
    kafka.create_topic("smoke.v1", 1, &[("cleanup.policy", "compact")])?;
    transaction(&kafka, "smoke.v1", "aborted", false)?;
    transaction(&kafka, "smoke.v1", "committed", true)?;
    assert_eq!(committed(&kafka, "smoke.v1")?, ["committed"]);

    kafka.kill()?;
    ensure!(TcpStream::connect(kafka.bootstrap()).is_err(), "a killed broker still listens");
    kafka.restart()?;
    assert_eq!(committed(&kafka, "smoke.v1")?, ["committed"]);

    kafka.stop()?;
    ensure!(TcpStream::connect(kafka.bootstrap()).is_err(), "a stopped broker still listens");
    kafka.restart()?;
    transaction(&kafka, "smoke.v1", "again", true)?;
    assert_eq!(committed(&kafka, "smoke.v1")?, ["committed", "again"]);
    Ok(())
}

#[test]
fn the_shared_kafka_is_one_and_creates_no_topic_by_itself() -> Result<()> {
    let kafka = shared_kafka()?;
    assert_eq!(kafka.bootstrap(), shared_kafka()?.bootstrap());
    assert!(kafka.create_topic("smoke-shared.v1", 3, &[]).is_ok());
    let twice = kafka.create_topic("smoke-shared.v1", 3, &[]).unwrap_err();
    assert!(twice.to_string().contains("smoke-shared.v1"), "{twice}");

    // Seconds are enough for a topic that will never be there.
    let hasty = [("delivery.timeout.ms", "10000"), ("topic.metadata.propagation.max.ms", "2000")];
    let unknown = transaction_with(kafka, "nobody-declared-this.v1", "x", true, &hasty);
    assert!(unknown.is_err(), "a topic that nobody declared came into being");
    Ok(())
}

/// Whoever else writes to a topic chooses how.
#[test]
fn what_was_compressed_in_any_way_can_be_read() -> Result<()> {
    let kafka = shared_kafka()?;
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("smoke-{codec}.v1");
        kafka.create_topic(&topic, 1, &[("compression.type", codec)])?;
        transaction(kafka, &topic, codec, true)?;
        assert_eq!(committed(kafka, &topic)?, [codec]);
    }
    Ok(())
}

#[test]
fn the_registry_checks_compatibility_and_keeps_its_ids_over_a_restart() -> Result<()> {
    let mut registry = Registry::start()?;
    let schema = |kind: &str| {
        let record = json!({ "type": "record", "name": "Smoke", "fields": [{ "name": "n", "type": kind }] });
        json!({ "schema": record.to_string() })
    };
    let (status, registered) = registry.call("POST", "/subjects/smoke/versions", Some(&schema("int")))?;
    assert_eq!(status, 200, "{registered}");
    let (status, answer) = registry.call("POST", "/subjects/smoke/versions", Some(&schema("string")))?;
    assert_eq!(status, 409, "{answer}");
    let (status, answer) = registry.call("GET", "/schemas/ids/4711", None)?;
    assert_eq!((status, &answer["error_code"]), (404, &json!(40403)), "{answer}");

    registry.stop()?;
    assert!(registry.call("GET", "/config", None).is_err(), "a stopped registry answers");
    registry.restart()?;
    let id = &registered["id"];
    let (status, answer) = registry.call("GET", &format!("/schemas/ids/{id}"), None)?;
    assert_eq!(status, 200, "{answer}");
    let kept: Value = serde_json::from_str(answer["schema"].as_str().context("no schema")?)?;
    assert_eq!(kept["fields"][0]["type"], "int");
    let (_, config) = registry.call("GET", "/config", None)?;
    assert_eq!(config["compatibilityLevel"], "BACKWARD");
    Ok(())
}

const HOLDER: &str = "ORDERFLOW_TEST_HOLDS_A_KAFKA";

/// Not a test but the victim of the next one: this same binary, run again in a process of its own.
#[test]
#[ignore = "started by a_killed_test_process_takes_its_servers_along"]
fn holds_a_kafka() -> Result<()> {
    if std::env::var_os(HOLDER).is_none() {
        return Ok(());
    }
    // In a thread that ends, as tests do: the server must not die with it.
    let kafka = std::thread::spawn(|| shared_kafka().map(|kafka| (kafka.bootstrap(), kafka.log())));
    let (bootstrap, log) = kafka.join().expect("no panic")?;
    println!("\nholds {bootstrap} {}", log.display());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

#[test]
fn a_killed_test_process_takes_its_servers_along() -> Result<()> {
    let mut holder = Command::new(std::env::current_exe()?)
        .args(["--exact", "servers::holds_a_kafka", "--ignored", "--nocapture"])
        .env(HOLDER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(holder.stdout.take().context("piped")?).lines();
    let held = lines.map_while(Result::ok).find_map(|line| Some(line.strip_prefix("holds ")?.to_owned()));
    // Before anything can fail, so that nothing is left behind.
    let up = held
        .as_deref()
        .and_then(|held| held.split_once(' '))
        .map(|(at, log)| (at, log, TcpStream::connect(at).is_ok()));
    holder.kill()?;
    holder.wait()?;
    let (bootstrap, log, listened) = up.context("the holder started no Kafka")?;
    ensure!(listened, "the broker died with the thread that started it");
    eventually("the broker to die", LIMIT, || Ok(TcpStream::connect(bootstrap).is_err().then_some(())))?;
    let folder = Path::new(log).parent().context("no folder")?;
    eventually("its folder to go", LIMIT, || Ok((!folder.exists()).then_some(())))
}

/// One record in one transaction, committed or aborted.
fn transaction(kafka: &Kafka, topic: &str, value: &str, commit: bool) -> Result<()> {
    transaction_with(kafka, topic, value, commit, &[])
}

/// The same with these settings of the client.
fn transaction_with(kafka: &Kafka, topic: &str, value: &str, commit: bool, more: &[(&str, &str)]) -> Result<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap()).set("transactional.id", topic);
    for (name, value) in more {
        config.set(*name, *value);
    }
    let producer: BaseProducer = config.create()?;
    producer.init_transactions(LIMIT)?;
    producer.begin_transaction()?;
    producer.send(BaseRecord::to(topic).key(value).payload(value)).map_err(|(error, _)| error)?;
    // rdkafka's commit waits in steps of 100 ms for deliveries that are still in flight.
    eventually("the delivery", LIMIT, || {
        producer.poll(Duration::from_millis(1));
        Ok((producer.in_flight_count() == 0).then_some(()))
    })?;
    if commit {
        producer.commit_transaction(LIMIT)?
    } else {
        producer.abort_transaction(LIMIT)?
    }
    Ok(())
}

/// All values of partition 0 that a read_committed reader sees, from the first to the end.
fn committed(kafka: &Kafka, topic: &str) -> Result<Vec<String>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka.bootstrap())
        .set("group.id", "smoke")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        // The broker says "end" only after this wait (500 ms by default).
        .set("fetch.wait.max.ms", "10")
        .create()?;
    let mut all = rdkafka::TopicPartitionList::new();
    all.add_partition_offset(topic, 0, rdkafka::Offset::Beginning)?;
    consumer.assign(&all)?;
    let mut values = Vec::new();
    eventually("the end of the partition", LIMIT, || {
        match consumer.poll(Duration::from_millis(100)) {
            None => Ok(None),
            Some(Ok(message)) => {
                values.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
                Ok(None)
            }
            Some(Err(KafkaError::PartitionEOF(_))) => Ok(Some(())),
            // The broker that was just restarted elects its leaders while we ask.
            Some(Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown,
            ))) => Ok(None),
            Some(Err(error)) => Err(error.into()),
        }
    })?;
    Ok(values)
}
