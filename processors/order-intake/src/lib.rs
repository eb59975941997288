//! Validates commands, hands out tickets, answers a repeated command with the original answer.
//!
//! It remembers nothing: the engine says whether a request came before. A repeated one gets the same reply, and the
//! reply gets the same event id, as that depends only on the request; nothing else is sent a second time.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use contract::order_intake::{Effects, Event, Handled, In, Reply, State};
use contract::{Accepted, OrderAccepted, PlaceOrder, Rejected, RejectedReason, ReserveLine, ticket_id};
use flow::{Emit, Id, Seen};

/// Lines of an order, at most: all of an order's outputs go into one transaction.
pub const LINES_MAX: usize = 100;
/// Pieces of a line, at most.
pub const QUANTITY_MAX: i64 = 1_000_000;
/// Bytes of a name or an identity, at most: most of them become keys.
pub const TEXT_BYTES_MAX: usize = 200;
/// Milliseconds that a line waits for its item when the command does not say until when.
pub const WAIT_MS: i64 = 24 * 60 * 60 * 1000;

/// Accepts or rejects a command.
pub fn handle<'a>(event: Event<'a>, _: &State<'_>) -> Handled<'a> {
    let In::PlaceOrder(command) = event.input;
    let mut effects = Effects::new();
    let answer = match (event.seen, validate(&command)) {
        (Seen::Conflict, _) => {
            let detail = "request_id was used before, for a request with other content";
            rejected(&command, RejectedReason::Conflict, detail.to_owned())
        }
        (_, Err(detail)) => rejected(&command, RejectedReason::Invalid, detail),
        (Seen::Duplicate, Ok(_)) => accepted(&command),
        (Seen::New, Ok(ticket)) => {
            start(&command, ticket, event.time_ms, &mut effects);
            accepted(&command)
        }
    };
    if !command.reply_to.is_empty() {
        // The ticket of the order, whatever ticket a foreign sender may have put into the command's meta.
        let answer = Emit { ticket: Id::parse(&command.order_id), record: answer };
        effects.replies.push((command.reply_to, answer));
    }
    Ok(effects)
}

/// The ticket of a valid command, or what is wrong with it, naming the field.
fn validate(command: &PlaceOrder<'_>) -> Result<Id, String> {
    text("requester", &command.requester)?;
    text("request_id", &command.request_id)?;
    text("customer_id", &command.customer_id)?;
    if command.order_id != ticket_id(&command.requester, &command.request_id) {
        return Err("order_id is not the UUIDv5 of requester and request_id".to_owned());
    }
    let lines = command.lines.len();
    if !(1..=LINES_MAX).contains(&lines) {
        return Err(format!("lines: {lines} of them; 1 to {LINES_MAX} are allowed"));
    }
    let mut numbers = BTreeSet::new();
    for (at, line) in command.lines.iter().enumerate() {
        let (number, quantity) = (line.line_no, line.quantity);
        if number < 1 {
            return Err(format!("lines[{at}].line_no is {number}; 1 is the least"));
        }
        if !numbers.insert(number) {
            return Err(format!("lines[{at}].line_no is {number}, as that of another line"));
        }
        text(&format!("lines[{at}].item_id"), &line.item_id)?;
        if !(1..=QUANTITY_MAX).contains(&quantity) {
            return Err(format!("lines[{at}].quantity is {quantity}; 1 to {QUANTITY_MAX} are allowed"));
        }
    }
    Id::parse(&command.order_id).ok_or_else(|| "order_id is not a UUID".to_owned())
}

fn text(field: &str, value: &str) -> Result<(), String> {
    match value.len() {
        0 => Err(format!("{field} is empty")),
        1..=TEXT_BYTES_MAX => Ok(()),
        bytes => Err(format!("{field} has {bytes} bytes; {TEXT_BYTES_MAX} are allowed")),
    }
}

/// The order exists from here on, and each of its lines is asked for.
fn start<'a>(command: &PlaceOrder<'a>, ticket: Id, time_ms: i64, effects: &mut Effects<'a>) {
    let accepted = OrderAccepted {
        order_id: command.order_id.clone(),
        request_id: command.request_id.clone(),
        requester: command.requester.clone(),
        reply_to: command.reply_to.clone(),
        customer_id: command.customer_id.clone(),
        lines: command.lines.clone(),
    };
    effects.emit_for(ticket, accepted);
    let wait_until = command.wait_until.unwrap_or_else(|| time_ms.saturating_add(WAIT_MS));
    for line in &command.lines {
        let ask = ReserveLine {
            order_id: command.order_id.clone(),
            line_no: line.line_no,
            item_id: line.item_id.clone(),
            quantity: line.quantity,
            wait_until,
        };
        effects.emit_for(ticket, ask);
    }
}

fn accepted<'a>(command: &PlaceOrder<'a>) -> Reply<'a> {
    let (request_id, requester) = (command.request_id.clone(), command.requester.clone());
    Accepted { order_id: command.order_id.clone(), request_id, requester }.into()
}

fn rejected<'a>(command: &PlaceOrder<'a>, reason: RejectedReason, detail: String) -> Reply<'a> {
    let (request_id, requester) = (command.request_id.clone(), command.requester.clone());
    Rejected { order_id: command.order_id.clone(), request_id, requester, reason, detail: detail.into() }.into()
}
