//! The ticket of a command, known before it is sent.

use uuid::Uuid;

/// Our namespace for tickets (RFC 9562, section 5.5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f72_6465_7266_4c6f_b701_7469_636b_6574);

/// How a ticket is made, for senders that are not ours.
pub const TICKET_RULE: &str = "The UUIDv5 (RFC 9562) of requester, a zero byte and request_id, all in UTF-8, in the \
    namespace 6f726465-7266-4c6f-b701-7469636b6574. Its text in lower case is the order_id of PlaceOrder and so the key; \
    its 16 bytes are meta.ticket_id.";

/// UUIDv5 of requester and request_id, joined by NUL: the same request has the same ticket wherever it is computed.
pub fn ticket_id(requester: &str, request_id: &str) -> String {
    let name = [requester.as_bytes(), request_id.as_bytes()].join(&0);
    Uuid::new_v5(&NAMESPACE, &name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_what_its_rule_says() {
        assert!(TICKET_RULE.contains(&format!("namespace {NAMESPACE}.")), "{NAMESPACE}");
        // By uuid.uuid5 of Python.
        assert_eq!(ticket_id("shop", "request-1"), "d9056fbe-a5b8-51e0-a6e5-b84c6c607faf");
        assert_eq!(ticket_id("café", "1"), "d1f8d7c6-ee85-5ef2-b0f1-99b5801bd6bb");
    }
}
