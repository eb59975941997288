//! Commands from outside as records: framing, meta, headers, key, partition.

use contract::Record;
use engine::core::{headers, ids as derive};
use engine::shell::client::{Client, Message};
use flow::{Id, Meta};

use crate::failure::Failure;
use crate::ids::Ids;

/// Who sends what: the fields by which a repeated command is known, joined by NUL.
pub fn identity(topic: &str, record: &str, fields: &[&str]) -> Id {
    derive::identity(topic, record, &fields.join("\0"))
}

/// A command for its topic. `event_id` must be the same when the same command is sent again.
pub fn message<'a>(
    record: &impl Record<'a>,
    topic: &str,
    event_id: Id,
    ticket_id: Id,
    now_ms: i64,
    ids: &Ids,
    client: &mut dyn Client,
) -> anyhow::Result<Message> {
    let meta = Meta { event_id, ticket_id, cause: Id::NIL, occurred_at: now_ms };
    let mut value = vec![0u8; 5];
    let encoded = contract::encode(record, &meta, &mut value).map_err(|error| anyhow::anyhow!("{}", error.0))?;
    let id = ids.get(encoded.fingerprint).ok_or_else(|| {
        let what = format!("schema of record \"{}\" {}", encoded.record, encoded.version);
        Failure::new("schema-id", what, "`orderflow topics apply --registry URL` registers it")
    })?;
    value[1..5].copy_from_slice(&id.to_be_bytes());
    let partitions = client.partitions(topic).map_err(crate::log::failed)?.ok_or_else(|| {
        Failure::new(
            "topic-missing",
            format!("topic \"{topic}\" does not exist"),
            "`orderflow topics apply` creates what topics.yaml declares",
        )
    })?;
    let key = record.key().clone().into_owned();
    let texts = [
        (headers::EVENT_ID, event_id.to_string()),
        (headers::TICKET_ID, ticket_id.to_string()),
        (headers::CAUSE, Id::NIL.to_string()),
        (headers::OCCURRED_AT, now_ms.to_string()),
        (headers::RECORD, encoded.record.to_owned()),
        (headers::SCHEMA_VERSION, encoded.version.to_owned()),
        (headers::FINGERPRINT, format!("{:016x}", encoded.fingerprint)),
        (headers::CONTENT, format!("{:016x}", encoded.content)),
    ];
    Ok(Message {
        topic: topic.to_owned(),
        partition: derive::partition(key.as_bytes(), partitions),
        offset: -1,
        timestamp_ms: now_ms,
        key: Some(key.into_bytes()),
        value: Some(value),
        headers: texts.map(|(name, value)| headers::owned(name, value)).to_vec(),
    })
}

/// Milliseconds since 1970-01-01 UTC.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
