//! The transactional producer: one transaction at a time, delivery reports collected until nothing is in flight.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::core::io::{Logged, Send};
use crate::shell::transport::Fault;
use crate::shell::wire;

use super::access::{ACLS, denied, denies, not_made};
use super::group::Quiet;
use super::settings::TRANSACTION_TIMEOUT_MS;
use super::transport::Figures;

/// What a produced record is, packed into the opaque value that comes back with its delivery report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Output,
    Changelog(u32),
}

impl Kind {
    fn pack(self) -> usize {
        match self {
            Kind::Output => 0,
            Kind::Changelog(task) => 1 | (task as usize) << 1,
        }
    }

    fn unpack(opaque: usize) -> Kind {
        match opaque & 1 {
            1 => Kind::Changelog((opaque >> 1) as u32),
            _ => Kind::Output,
        }
    }
}

#[derive(Debug, Default)]
struct Delivered {
    /// `offset_next` of the changelog, by task.
    logged: BTreeMap<u32, i64>,
    failed: Option<KafkaError>,
}

/// How much a failure says of the cause. Once the broker has refused a record, librdkafka purges all others, and reports
/// those first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Purged,
    Other,
    Refused,
    Ended,
}

impl Weight {
    fn of(error: &KafkaError) -> Weight {
        use RDKafkaErrorCode as Code;
        match error.rdkafka_error_code() {
            Some(Code::PurgeQueue | Code::PurgeInflight) => Weight::Purged,
            Some(Code::MessageSizeTooLarge | Code::InvalidRecord | Code::InvalidTimestamp | Code::PolicyViolation) => {
                Weight::Refused
            }
            Some(Code::Fenced | Code::Fatal | Code::ProducerFenced | Code::InvalidProducerEpoch) => Weight::Ended,
            _ => Weight::Other,
        }
    }
}

/// Collects delivery reports.
#[derive(Debug, Default)]
pub(super) struct Reports {
    delivered: Mutex<Delivered>,
    figures: Figures,
}

impl Reports {
    fn delivered(&self) -> MutexGuard<'_, Delivered> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Delivered {
        std::mem::take(&mut *self.delivered())
    }

    /// Keeps the failure that says most of the cause, and of equals the first.
    fn failed(&self, error: KafkaError) {
        let mut delivered = self.delivered();
        if delivered.failed.as_ref().is_none_or(|known| Weight::of(known) < Weight::of(&error)) {
            delivered.failed = Some(error);
        }
    }

    /// Where the broker says that a record is, or a negative number.
    ///
    /// "Repeated", says the broker then, and librdkafka takes that for success. It may be the opposite: a partition without a
    /// leader turned the first batch down and, with one, took the second; to it the first is old. Nobody can tell, so
    /// the transaction is done again.
    fn landed(&self, kind: Kind, offset: i64) {
        if offset < 0 {
            return self.failed(KafkaError::MessageProduction(RDKafkaErrorCode::DuplicateSequenceNumber));
        }
        if let Kind::Changelog(task) = kind {
            self.delivered().logged.insert(task, offset + 1);
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Quiet.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Quiet.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.figures.keep(statistics);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        match result {
            Ok(message) => self.landed(Kind::unpack(opaque), message.offset()),
            Err((error, _)) => self.failed(error.clone()),
        }
    }
}

/// A record on its way out.
pub(super) struct Outgoing<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: u32,
    pub(super) timestamp_ms: Option<i64>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: Option<OwnedHeaders>,
    pub(super) kind: Kind,
}

/// Headers of an output, in order.
pub(super) fn output_headers(send: &Send) -> Option<OwnedHeaders> {
    let mut headers = Some(OwnedHeaders::new_with_capacity(wire::OUTPUT_HEADERS));
    wire::each_header(send, |key, value| {
        headers = headers.take().map(|headers| headers.insert(Header { key, value: Some(value) }));
    });
    headers
}

/// How long a commit's outcome may stay unknown, and how long deliveries may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a failed call waits for reports that say why.
const REPORTS: Duration = Duration::from_secs(5);

/// Between two looks at what is in flight.
const DRAIN_PAUSE: Duration = Duration::from_micros(200);

/// How long one call of an abort may take before what it waits for is polled.
const ABORT_STEP: Duration = Duration::from_millis(50);

/// A producer within its transactions.
pub(super) struct Producer {
    inner: BaseProducer<Reports>,
    /// Since when a transaction is open.
    open: Option<Instant>,
}

impl Producer {
    /// Connects and fences whatever used the same transactional id before.
    pub(super) fn open(config: &ClientConfig) -> Result<Producer, Fault> {
        let created = config.create_with_context(Reports::default());
        let inner: BaseProducer<Reports> = created.map_err(|error| Fault::Fatal(not_made(&error)))?;
        let producer = Producer { inner, open: None };
        let begun = producer.inner.init_transactions(Duration::from_secs(10));
        begun.map_err(|error| producer.classify("init_transactions", &error))?;
        Ok(producer)
    }

    /// The last statistics. An idle producer is polled by nobody else.
    pub(super) fn figures(&self) -> &Figures {
        self.inner.poll(Duration::ZERO);
        &self.inner.context().figures
    }

    pub(super) fn begin(&mut self) -> Result<(), Fault> {
        self.inner.begin_transaction().map_err(|error| self.classify("begin_transaction", &error))?;
        self.inner.context().take();
        self.open = Some(Instant::now());
        Ok(())
    }

    /// What a failure that ends this producer means. After its timeout the broker itself ends a transaction, and what it
    /// then answers is the same as to a producer whose name somebody took.
    fn ended(&self, why: String) -> Fault {
        match self.open.map(|since| since.elapsed()) {
            Some(age) if age >= Duration::from_millis(TRANSACTION_TIMEOUT_MS.into()) => {
                Fault::Unknown(format!("the broker ended a transaction that was open for {age:.0?}: {why}"))
            }
            _ => Fault::Fenced(why),
        }
    }

    /// What a record's failure says: the broker refused this very record, or the world is to blame.
    fn produced(&self, error: &KafkaError) -> Fault {
        match (Weight::of(error), error.rdkafka_error_code()) {
            (Weight::Refused, _) => Fault::Refused(error.to_string()),
            (Weight::Ended, _) => self.ended(error.to_string()),
            (_, Some(code)) if denies(code) => Fault::Fatal(format!("produce: {error}; hint: {ACLS}")),
            _ => Fault::Abort(format!("produce: {error}")),
        }
    }

    /// What led to the failure of a call: once a record is refused, every call fails, and the report of the record may still
    /// be on its way.
    fn cause(&mut self, error: KafkaError) -> KafkaError {
        let weight = Weight::of(&error);
        if weight > Weight::Other {
            return error;
        }
        // A report that takes longer is waited for by the abort.
        drop(self.drain(REPORTS));
        let reported = self.inner.context().delivered().failed.take();
        reported.filter(|reported| Weight::of(reported) > weight).unwrap_or(error)
    }

    /// What a transaction call's failure says.
    fn classify(&self, call: &str, error: &KafkaError) -> Fault {
        let text = format!("{call}: {error}");
        match error {
            _ if denied(error) => Fault::Fatal(format!("{text}; hint: {ACLS}")),
            KafkaError::Transaction(error) if error.is_fatal() => self.ended(text),
            _ => Fault::Abort(text),
        }
    }

    /// Whether a transaction's end is to be asked for again. It is until its outcome is known, for a minute.
    fn again(&self, call: &str, error: &KafkaError, since: Instant) -> Result<(), Fault> {
        let retriable = matches!(error, KafkaError::Transaction(inner) if inner.is_retriable());
        if retriable && since.elapsed() <= PATIENCE {
            return Ok(());
        }
        Err(match self.classify(call, error) {
            Fault::Abort(why) if retriable => Fault::Unknown(format!("its outcome stayed unknown for a minute: {why}")),
            // The broker may have carried it out all the same: only what it holds can tell.
            Fault::Abort(why) => Fault::Unknown(why),
            fault => fault,
        })
    }

    pub(super) fn send(&mut self, outgoing: Outgoing<'_>) -> Result<(), Fault> {
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(outgoing.topic, outgoing.kind.pack())
            .partition(outgoing.partition as i32);
        record.timestamp = outgoing.timestamp_ms;
        record.key = outgoing.key;
        record.payload = outgoing.value;
        record.headers = outgoing.headers;
        let since = Instant::now();
        loop {
            match self.inner.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if since.elapsed() < PATIENCE =>
                {
                    self.inner.poll(Duration::from_millis(5));
                    record = back;
                }
                Err((error, _)) => {
                    let cause = self.cause(error);
                    return Err(self.produced(&cause));
                }
            }
        }
    }

    /// Serves delivery reports until nothing is in flight: librdkafka's own waiting goes in steps of 100 ms. A poll with
    /// a timeout would spin through the part of its last millisecond, on a core that the broker may need.
    fn drain(&mut self, patience: Duration) -> Result<(), Fault> {
        let since = Instant::now();
        loop {
            let left = self.inner.in_flight_count();
            if left == 0 {
                return Ok(());
            }
            self.inner.poll(Duration::ZERO);
            if self.inner.in_flight_count() == left {
                if since.elapsed() > patience {
                    return Err(Fault::Abort(format!("deliveries took longer than {patience:?}")));
                }
                std::thread::sleep(DRAIN_PAUSE);
            }
        }
    }

    pub(super) fn send_offsets(
        &mut self,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), Fault> {
        self.drain(PATIENCE)?;
        let failed = self.inner.context().delivered().failed.take();
        if let Some(error) = failed {
            return Err(self.produced(&error));
        }
        let sent = self.inner.send_offsets_to_transaction(offsets, group, Duration::from_secs(10));
        sent.map_err(|error| self.classify("send_offsets_to_transaction", &error))
    }

    /// Commits; a commit that timed out or may be retried is retried until its outcome is known.
    pub(super) fn commit(&mut self) -> Result<Vec<Logged>, Fault> {
        self.drain(PATIENCE)?;
        let delivered = self.inner.context().take();
        if let Some(error) = delivered.failed {
            return Err(self.produced(&error));
        }
        let since = Instant::now();
        while let Err(error) = self.inner.commit_transaction(Duration::from_secs(5)) {
            self.again("commit_transaction", &error, since)?;
            self.inner.poll(Duration::from_millis(20));
        }
        self.open = None;
        Ok(delivered.logged.into_iter().map(|(task, changelog_next)| Logged { task, changelog_next }).collect())
    }

    /// Aborts; what is queued is purged, and what is under way awaited, by librdkafka itself.
    pub(super) fn abort(&mut self) -> Result<(), Fault> {
        if self.open.is_none() {
            return Ok(());
        }
        let since = Instant::now();
        while let Err(error) = self.inner.abort_transaction(ABORT_STEP) {
            self.again("abort_transaction", &error, since)?;
            // It waits for the reports of what it purged, which only a poll takes.
            self.inner.poll(Duration::from_millis(5));
        }
        self.open = None;
        self.inner.context().take();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_for_more_than_what_was_purged_because_of_it() {
        let error = KafkaError::MessageProduction;
        let told = |codes: &[RDKafkaErrorCode]| {
            let reports = Reports::default();
            codes.iter().for_each(|code| reports.failed(error(*code)));
            reports.take().failed
        };
        use RDKafkaErrorCode as Code;
        let refused = Some(error(Code::InvalidTimestamp));
        assert_eq!(told(&[Code::PurgeQueue, Code::InvalidTimestamp, Code::PurgeInflight]), refused);
        assert_eq!(told(&[Code::InvalidTimestamp, Code::PurgeQueue, Code::MessageSizeTooLarge]), refused);
        assert_eq!(told(&[Code::PurgeInflight, Code::MessageTimedOut]), Some(error(Code::MessageTimedOut)));
        assert_eq!(told(&[Code::InvalidRecord, Code::ProducerFenced]), Some(error(Code::ProducerFenced)));
        assert_eq!(told(&[Code::PurgeQueue, Code::PurgeInflight]), Some(error(Code::PurgeQueue)));
    }

    #[test]
    fn a_delivery_without_an_offset_fails_its_transaction() {
        for kind in [Kind::Output, Kind::Changelog(3)] {
            let reports = Reports::default();
            reports.landed(kind, -1001);
            let delivered = reports.take();
            let failed = delivered.failed.expect("nobody knows where it is");
            assert_eq!(failed.rdkafka_error_code(), Some(RDKafkaErrorCode::DuplicateSequenceNumber));
            assert!(delivered.logged.is_empty(), "{kind:?}");
        }
        let reports = Reports::default();
        for (kind, offset) in [(Kind::Output, 9), (Kind::Changelog(3), 4), (Kind::Changelog(3), 5)] {
            reports.landed(kind, offset);
        }
        let delivered = reports.take();
        assert_eq!(delivered.failed, None);
        assert_eq!(delivered.logged, BTreeMap::from([(3, 6)]));
    }
}
