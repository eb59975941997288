//! What a poll reports besides records: what passes, what ends the worker, and what to say of it once.

use std::time::Instant;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::shell::transport::{Fault, Transport as _};

use super::super::access::{ACLS, denies};
use super::{KafkaTransport, REFUSED_MAX};

impl KafkaTransport {
    /// Sorts out what a poll reports besides records.
    pub(super) fn trouble(&mut self, error: &KafkaError) -> Result<(), Fault> {
        use RDKafkaErrorCode as Code;
        let processor = self.topology.name;
        match error.rdkafka_error_code() {
            Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::OperationTimedOut | Code::Resolve) => {
                if self.down.is_none() {
                    self.down = Some(Instant::now());
                    tracing::warn!(processor, "broker \"{}\" does not answer; waiting for it", self.settings.bootstrap);
                }
                Ok(())
            }
            Some(Code::Authentication | Code::SSL) => {
                let told = self.consumer.as_ref().and_then(|consumer| consumer.context().refusal.take());
                if let Some(why) = told.filter(|_| !std::mem::replace(&mut self.shut_out, true)) {
                    let broker = &self.settings.bootstrap;
                    tracing::warn!(
                        processor,
                        "broker \"{broker}\" {why}; trying on; a secret that changed is read when this process starts anew"
                    );
                }
                self.down.get_or_insert_with(Instant::now);
                Ok(())
            }
            Some(code) if denies(code) => Err(Fault::Fatal(format!("consumer: {error}; hint: {ACLS}"))),
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                Err(Fault::Fatal(format!("{error}; hint: `orderflow topics apply` creates what topics.yaml declares")))
            }
            // Which task it is, and whether anything is lost, the next restore finds out: it compares every position with
            // its partition. Guessing one would skip records or read them twice.
            Some(Code::AutoOffsetReset) => {
                Err(Fault::Unknown(format!("a position lies outside its partition: {error}")))
            }
            Some(Code::UnreleasedInstanceId) => self.refused(error),
            // Somebody took our name while we had it. Whoever comes back at once takes it away again, and so on.
            Some(Code::FencedInstanceId) => Err(Fault::Fenced(error.to_string())),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => self.rejoin_later(error),
            _ => {
                tracing::debug!(processor, "consumer: {error}");
                Ok(())
            }
        }
    }

    /// The group has a member of our name: an earlier process that has not timed out yet, or a twin.
    pub(super) fn refused(&mut self, error: &KafkaError) -> Result<(), Fault> {
        let (processor, instance) = (self.topology.name, &self.settings.instance);
        let since = *self.refused.get_or_insert_with(|| {
            tracing::warn!(
                processor,
                instance,
                "the group has another member of this name: a process that crashed a moment ago, or one that still runs; \
                 trying again for {REFUSED_MAX:?}"
            );
            Instant::now()
        });
        if since.elapsed() > REFUSED_MAX {
            return Err(Fault::Fatal(format!(
                "consumer group \"{processor}\" has had another member named \"{instance}\" for {REFUSED_MAX:?} ({error}); \
                 hint: another process runs under this name; give each its own with --instance"
            )));
        }
        self.reopen()
    }

    /// The group does not take us for now.
    pub(super) fn rejoin_later(&mut self, error: &KafkaError) -> Result<(), Fault> {
        tracing::warn!(
            processor = self.topology.name,
            instance = self.settings.instance,
            "the group refuses this member for now, trying again: {error}"
        );
        self.reopen()
    }
}
