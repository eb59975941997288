//! The ticket of a command, known before it is sent.

use uuid::Uuid;

/// Our namespace for tickets (RFC 9562, section 5.5).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f72_6465_7266_4c6f_b701_7469_636b_6574);

/// UUIDv5 of requester and request_id, joined by NUL: the same request has the same ticket wherever it is computed.
pub fn ticket_id(requester: &str, request_id: &str) -> String {
    let name = [requester.as_bytes(), request_id.as_bytes()].join(&0);
    Uuid::new_v5(&NAMESPACE, &name).to_string()
}
