//! Brokers that do not let us in, and options that make no client: what was wrong, without showing any option's value.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaConfRes;

/// What an authorizer's refusal is followed by.
pub const ACLS: &str = "`orderflow topics acls` lists what each processor and each party needs";

/// Why the options make no client. rdkafka's own text shows the value, which may be a password.
pub(super) fn not_made(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, name, _) => {
            format!("Kafka option \"{name}\" is unknown; hint: librdkafka's CONFIGURATION.md lists the names")
        }
        KafkaError::ClientConfig(_, _, name, _) => {
            format!(
                "Kafka option \"{name}\" has a value that cannot be; hint: librdkafka's CONFIGURATION.md lists what can"
            )
        }
        error => {
            format!("Kafka options make no client: {error}; hint: look at the options named there, and at their files")
        }
    }
}

/// Whether the broker's authorizer said no.
pub(super) fn denied(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(denies)
}

/// The same for a bare code.
pub(super) fn denies(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
    )
}

/// Why connections end before the first request, as far as the library has told: it goes on trying and its calls only
/// say that nobody answers.
#[derive(Debug, Default)]
pub(super) struct Refusal(Mutex<Option<String>>);

impl Refusal {
    /// Takes note of an error event when it is about being let in.
    pub(super) fn note(&self, code: Option<RDKafkaErrorCode>, reason: &str) {
        let what = match code {
            Some(RDKafkaErrorCode::Authentication) => "refuses the credentials",
            Some(RDKafkaErrorCode::SSL) => "and this client agree on no TLS",
            _ => return,
        };
        // "sasl_ssl://host:9092/bootstrap: what happened (after 3ms in state AUTH_REQ)"
        let reason = reason.split_once(": ").map_or(reason, |(_, reason)| reason);
        let reason = reason.split(" (after ").next().unwrap_or(reason);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(format!("{what}: {reason}"));
    }

    /// What follows the broker's name, when there is something.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What to do about it.
pub const LET_IN: &str = "--kafka-option security.protocol=…, sasl.mechanisms=…, sasl.username=…, ssl.ca.location=… \
                                 and --kafka-secret sasl.password=FILE say who asks and whom to trust";

/// A call for metadata is not worth it for less.
const SHORTEST: Duration = Duration::from_millis(10);

/// Why there is no metadata.
pub(super) enum Unknown {
    Refused(String),
    Unreachable(KafkaError),
}

/// Metadata of all topics. `told` is asked every now and then whether the broker refused us, which needs no waiting.
pub(super) fn metadata<C: ClientContext>(
    client: &Client<C>,
    wait: Duration,
    told: impl Fn() -> Option<String>,
) -> Result<Metadata, Unknown> {
    let until = Instant::now() + wait;
    // Each longer than the one before, for a broker that is slow to answer.
    let mut step = Duration::from_millis(500);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match client.fetch_metadata(None, step.min(left)) {
            Ok(metadata) => return Ok(metadata),
            Err(error) => {
                if let Some(refused) = told() {
                    return Err(Unknown::Refused(refused));
                }
                // A call waits for whole milliseconds: with less than one left it would be asked again and again.
                if Instant::now() + SHORTEST >= until {
                    return Err(Unknown::Unreachable(error));
                }
            }
        }
        step = (step * 2).min(wait);
    }
}

/// What the library told a client that nobody polls. Not for a producer with records under way: their reports would be
/// lost.
pub(super) fn told<C: ClientContext>(client: &Client<C>) -> Option<String> {
    let refusal = Refusal::default();
    // SAFETY: `client` outlives the calls; each event and the reference to the queue are destroyed once, and nothing read
    // from an event is kept.
    unsafe {
        let queue = sys::rd_kafka_queue_get_main(client.native_ptr());
        loop {
            let event = sys::rd_kafka_queue_poll(queue, 0);
            if event.is_null() {
                break;
            }
            if sys::rd_kafka_event_type(event) == sys::RD_KAFKA_EVENT_ERROR {
                let code = RDKafkaErrorCode::from(sys::rd_kafka_event_error(event));
                let reason = CStr::from_ptr(sys::rd_kafka_event_error_string(event)).to_string_lossy();
                tracing::debug!(target: "librdkafka", "{code}: {reason}");
                refusal.note(Some(code), &reason);
            }
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_queue_destroy(queue);
    }
    refusal.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_shown() {
        let unknown = KafkaError::ClientConfig(
            RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN,
            "No such configuration property".into(),
            "sasl.passwort".into(),
            "geheim".into(),
        );
        let text = not_made(&unknown);
        assert!(text.contains("sasl.passwort") && !text.contains("geheim"), "{text}");
    }

    #[test]
    fn only_what_is_about_being_let_in_is_noted() {
        let refusal = Refusal::default();
        refusal.note(Some(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(refusal.take(), None);
        refusal.note(
            Some(RDKafkaErrorCode::Authentication),
            "sasl_ssl://kafka:9093/bootstrap: SASL authentication error: no (after 3ms in state AUTH_REQ)",
        );
        assert_eq!(refusal.take().as_deref(), Some("refuses the credentials: SASL authentication error: no"));
        assert_eq!(refusal.take(), None, "told once");
    }
}
