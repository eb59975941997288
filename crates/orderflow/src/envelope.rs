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

#[cfg(test)]
mod tests {
    use contract::{Line, PlaceOrder};

    use super::*;

    /// Read, not built in: an image is built without the documents.
    fn page() -> String {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CLIENTS.md");
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The command that docs/CLIENTS.md shows byte by byte, for others to check their senders against.
    #[test]
    fn the_command_in_the_document_is_what_we_send() {
        let page = page();
        let order_id = contract::ticket_id("shop", "request-1");
        let record = PlaceOrder {
            order_id: order_id.as_str().into(),
            request_id: "request-1".into(),
            requester: "shop".into(),
            reply_to: "order-replies.v1".into(),
            customer_id: "customer-1".into(),
            lines: vec![Line { line_no: 1, item_id: "lamp".into(), quantity: 3 }],
            wait_until: None,
        };
        let meta = Meta {
            event_id: Id::parse("00112233-4455-4677-8899-aabbccddeeff").expect("a UUID"),
            ticket_id: Id::parse(&order_id).expect("a UUID"),
            cause: Id::NIL,
            occurred_at: 1_767_225_600_000,
        };
        let mut value = vec![0u8; 5];
        let encoded = contract::encode(&record, &meta, &mut value).expect("it can be encoded");
        let id = Ids::local().get(encoded.fingerprint).expect("it is released");
        value[1..5].copy_from_slice(&id.to_be_bytes());
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        let partition = derive::partition(order_id.as_bytes(), 12);
        let without_spaces: String = page.split_whitespace().collect();
        for (what, text) in [
            ("ticket", format!("`{order_id}`")),
            ("partition", format!("partition {partition} of 12").replace(' ', "")),
            ("value", format!("```text{hex}```")),
            ("ticket's rule", "`6f726465-7266-4c6f-b701-7469636b6574`".to_owned()),
        ] {
            assert!(without_spaces.contains(&text), "the document does not have the {what}: {text}");
        }
    }

    #[test]
    fn the_limits_in_the_document_are_ours() {
        let page = page();
        let number = |number: usize| crate::text::number(number as u64);
        let hours = |ms: i64| ms / 3_600_000;
        for limit in [
            format!("{} bytes, uncompressed", number(contract::RECORD_BYTES_MAX)),
            format!("{} hour ahead of the processor's clock", hours(engine::core::worker::AHEAD_MS)),
            format!("1 to {}, `line_no`", order_intake::LINES_MAX),
            format!("1 to {} |", number(order_intake::QUANTITY_MAX as usize)),
            format!("1 to {} bytes", order_intake::TEXT_BYTES_MAX),
            format!("or for {} hours if that is null", hours(order_intake::WAIT_MS)),
        ] {
            assert!(page.contains(&limit), "the document does not say \"{limit}\"");
        }
    }
}
