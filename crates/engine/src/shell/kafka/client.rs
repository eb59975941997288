//! Sending to and reading from Kafka, for tools.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::core::headers::lend;
use crate::shell::client::{Client, From, Message, Tail};
use crate::shell::transport::Fault;

use super::access::{ACLS, LET_IN, Refusal, Unknown, denied, denies, metadata, not_made};
use super::group::Quiet;
use super::headers;
use super::settings::KafkaSettings;

const CALL: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(150);
const PAGE: usize = 1_000;

#[derive(Debug, Default)]
struct Failed {
    record: Mutex<Option<(String, KafkaError)>>,
    refusal: Refusal,
}

impl ClientContext for Failed {
    fn error(&self, error: KafkaError, reason: &str) {
        self.refusal.note(error.rdkafka_error_code(), reason);
        Quiet.error(error, reason);
    }
}

impl ProducerContext for Failed {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let what = format!("record for \"{}\" not sent", message.topic());
            self.record.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((what, error.clone()));
        }
    }
}

/// A client of a Kafka cluster.
pub struct KafkaClient {
    settings: KafkaSettings,
    producer: BaseProducer<Failed>,
}

impl KafkaClient {
    /// Connects lazily.
    pub fn open(settings: KafkaSettings) -> Result<KafkaClient, Fault> {
        let made = settings.sender().create_with_context(Failed::default());
        let producer = made.map_err(|error| Fault::Fatal(not_made(&error)))?;
        Ok(KafkaClient { settings, producer })
    }

    /// Who may write nowhere is refused before the first record, and every record then only hears of a fatal error.
    fn unsent(&self, what: &str, error: &KafkaError) -> Fault {
        match self.producer.client().fatal_error() {
            Some((code, why)) if denies(code) => Fault::Fatal(format!("{what}: {why}; hint: {ACLS}")),
            _ if denied(error) => Fault::Fatal(format!("{what}: {error}; hint: {ACLS}")),
            _ => Fault::Fatal(format!("{what}: {error}")),
        }
    }

    fn unreachable(&self, error: &KafkaError) -> Fault {
        Fault::Fatal(format!(
            "broker \"{}\" does not answer: {error}; hint: `make kafka-up` starts one, --bootstrap names another",
            self.settings.bootstrap
        ))
    }
}

impl Client for KafkaClient {
    fn partitions(&mut self, topic: &str) -> Result<Option<u32>, Fault> {
        let told = || {
            // One event at a time, and the library's log lines are events, too.
            let until = Instant::now() + Duration::from_millis(100);
            loop {
                self.producer.poll(Duration::from_millis(1));
                let refused = self.producer.context().refusal.take();
                if refused.is_some() || Instant::now() >= until {
                    return refused;
                }
            }
        };
        let metadata = metadata(self.producer.client(), CALL, told).map_err(|unknown| match unknown {
            Unknown::Refused(why) => {
                Fault::Fatal(format!("broker \"{}\" {why}; hint: {LET_IN}", self.settings.bootstrap))
            }
            Unknown::Unreachable(error) => self.unreachable(&error),
        })?;
        Ok(metadata.topics().iter().find(|known| known.name() == topic).map(|known| known.partitions().len() as u32))
    }

    fn send(&mut self, message: Message) -> Result<(), Fault> {
        let mut record = BaseRecord::<[u8], [u8]>::to(&message.topic)
            .partition(message.partition as i32)
            .timestamp(message.timestamp_ms);
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        if !message.headers.is_empty() {
            record.headers = Some(headers::built(lend(&message.headers)));
        }
        let since = Instant::now();
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if since.elapsed() < PATIENCE =>
                {
                    self.producer.poll(Duration::from_millis(10));
                    record = back;
                }
                Err((error, _)) => return Err(self.unsent(&format!("record for \"{}\"", message.topic), &error)),
            }
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let since = Instant::now();
        while self.producer.in_flight_count() > 0 && since.elapsed() < PATIENCE {
            self.producer.poll(Duration::from_millis(5));
        }
        if self.producer.in_flight_count() > 0 {
            return Err(Fault::Fatal("records stay unacknowledged".into()));
        }
        let failed = self.producer.context().record.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(Ok(()), |(what, error)| Err(self.unsent(&what, &error)))
    }

    fn tail(&mut self, topics: &[&str], from: From) -> Result<Box<dyn Tail>, Fault> {
        let mut tails = Vec::new();
        for topic in topics {
            let partitions = self.partitions(topic)?.ok_or_else(|| {
                Fault::Fatal(format!(
                    "topic \"{topic}\" does not exist; hint: `orderflow topics apply` creates it; where ACLs are on, a \
                     topic that we may not see looks like this, too"
                ))
            })?;
            tails.push(self.tail_one(topic, partitions, from)?);
        }
        Ok(Box::new(KafkaTail { tails }))
    }
}

impl KafkaClient {
    /// A topic that was created a moment ago has no leader yet.
    fn end(&self, consumer: &BaseConsumer<Quiet>, topic: &str, partition: i32) -> Result<i64, Fault> {
        use RDKafkaErrorCode as Code;
        let since = Instant::now();
        loop {
            let error = match consumer.fetch_watermarks(topic, partition, CALL) {
                Ok((_, end)) => return Ok(end),
                Err(error) => error,
            };
            let passes = matches!(
                error.rdkafka_error_code(),
                Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable | Code::UnknownTopicOrPartition)
            );
            if denied(&error) {
                return Err(Fault::Fatal(format!("topic \"{topic}\": {error}; hint: {ACLS}")));
            }
            if !passes || since.elapsed() > CALL {
                return Err(self.unreachable(&error));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn tail_one(&self, topic: &str, partitions: u32, from: From) -> Result<TopicTail, Fault> {
        let mut config = self.settings.reader("orderflow-tail", "tail", true);
        config
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.wait.max.ms", "20")
            .set("fetch.queue.backoff.ms", "5");
        let made = config.create_with_context(Quiet);
        let consumer: BaseConsumer<Quiet> = made.map_err(|error| Fault::Fatal(not_made(&error)))?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions as i32 {
            // The end is asked for now: what is sent right after this call must be seen.
            let offset = match from {
                From::Start => Offset::Beginning,
                From::End => Offset::Offset(self.end(&consumer, topic, partition)?),
            };
            list.add_partition_offset(topic, partition, offset).map_err(|error| Fault::Fatal(error.to_string()))?;
        }
        consumer.assign(&list).map_err(|error| Fault::Fatal(error.to_string()))?;
        Ok(TopicTail { topic: topic.to_owned(), consumer, partitions, at_end: BTreeSet::new() })
    }
}

/// One consumer per topic: an end of partition is reported without its topic.
struct TopicTail {
    topic: String,
    consumer: BaseConsumer<Quiet>,
    partitions: u32,
    at_end: BTreeSet<i32>,
}

struct KafkaTail {
    tails: Vec<TopicTail>,
}

impl Tail for KafkaTail {
    fn poll(&mut self, wait: Duration) -> Result<Vec<Message>, Fault> {
        let until = Instant::now() + wait;
        let mut out = Vec::new();
        loop {
            for tail in &mut self.tails {
                tail.poll(&mut out)?;
            }
            if !out.is_empty() || Instant::now() >= until {
                return Ok(out);
            }
            std::thread::sleep(Duration::from_millis(2).min(until.saturating_duration_since(Instant::now())));
        }
    }

    fn caught_up(&self) -> bool {
        self.tails.iter().all(|tail| tail.at_end.len() == tail.partitions as usize)
    }
}

impl TopicTail {
    fn poll(&mut self, out: &mut Vec<Message>) -> Result<(), Fault> {
        while out.len() < PAGE {
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    self.at_end.remove(&message.partition());
                    let mut all = Vec::new();
                    headers::each(&message, |(name, value)| all.push((name.to_vec(), value.map(<[u8]>::to_vec))));
                    out.push(Message {
                        topic: message.topic().to_owned(),
                        partition: message.partition() as u32,
                        offset: message.offset(),
                        timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
                        key: message.key().map(<[u8]>::to_vec),
                        value: message.payload().map(<[u8]>::to_vec),
                        headers: all,
                    });
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.at_end.insert(partition);
                }
                Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                    return Err(Fault::Fatal(format!("topic \"{}\": {error}; hint: {ACLS}", self.topic)));
                }
                Some(Err(error)) => tracing::debug!("tail: {error}"),
                None => return Ok(()),
            }
        }
        Ok(())
    }
}
