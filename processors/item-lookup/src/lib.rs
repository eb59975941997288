//! Keeps catalogue and stock per item, reserves lines, parks lines of items that nobody has registered yet.
//!
//! However many lines an item has, an event costs the same: each waiting or reserved line is a row of its own.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::indexing_slicing)]

mod catalogue;
mod queue;

use std::borrow::Cow;

use contract::item_lookup::{Change, Effects, Event, Handled, In, Out, State, Wake};
use contract::state::{Item, ItemStatus, Reservation, ReservationStatus};
use contract::{LineRefused, LineReleased, LineReserved, LineShipped, RefusedReason};
use contract::{ReleaseLine, ReserveLine, ShipLine};
use flow::{Emit, Id, Seen};

pub use catalogue::USED_BEFORE;
use catalogue::{correct, or_refuse, receive, refuse_conflict, register, retire};
pub use queue::{NOT_REGISTERED, RESUME_MAX};

/// Decides for one item. An item of which there is nothing to know is forgotten.
pub fn handle<'a>(event: Event<'a>, state: &State<'_>) -> Handled<'a> {
    let before = state.get();
    let mut item = before.clone().unwrap_or_default();
    let mut out = Effects::new();
    decide(event, state, &mut item, &mut out);
    let known = item.status != ItemStatus::Unknown || item.seq > 0 || item.parked > 0;
    if known && before.as_ref() != Some(&item) {
        out.change(Change::Put(item));
    } else if !known && before.is_some() {
        out.change(Change::Delete);
    }
    Ok(out)
}

fn decide<'a>(event: Event<'a>, state: &State<'_>, item: &mut Item, out: &mut Effects<'a>) {
    let (id, now_ms) = (event.key, event.time_ms);
    match event.input {
        _ if event.seen == Seen::Conflict => refuse_conflict(event.input, id, out),
        In::RegisterItem(it) => or_refuse(register(&it, now_ms, item, out), id, it.request_id, it.requester, out),
        In::CorrectItem(it) => or_refuse(correct(&it, item, out), id, it.request_id, it.requester, out),
        In::RetireItem(it) => or_refuse(retire(&it, item, out), id, it.request_id, it.requester, out),
        In::ReceiveStock(it) => or_refuse(receive(&it, item, out), id, it.request_id, it.requester, out),
        In::ReserveLine(line) => ask(line, state, now_ms, item, out),
        In::ReleaseLine(it) => release(id, it, state, item, out),
        In::ShipLine(it) => ship(it, state, item, out),
        In::Wake(Wake::Release, _) => queue::resume(id, state, now_ms, item, out),
        In::Wake(Wake::Deadline, sub) => queue::expire(id, sub, state, item, out),
    }
}

/// Answers a line. One that has a row came before, under another event id: the answer that it got stands.
fn ask<'a>(line: ReserveLine<'a>, state: &State<'_>, now_ms: i64, item: &mut Item, out: &mut Effects<'a>) {
    if state.lines(&sub(&line.order_id, line.line_no)).is_some() {
        return;
    }
    if line.quantity < 1 {
        return refuse(line, RefusedReason::Other, "quantity is below 1", out);
    }
    let unknown = item.status == ItemStatus::Unknown;
    if unknown && line.wait_until <= now_ms {
        refuse(line, RefusedReason::ItemUnknown, NOT_REGISTERED, out);
    } else if unknown || item.releasing {
        queue::park(line, now_ms, item, out);
    } else {
        reserve(line, item, out);
    }
}

/// Puts pieces of a registered item aside.
fn reserve<'a>(line: ReserveLine<'a>, item: &mut Item, out: &mut Effects<'a>) {
    let (quantity, on_hand, unit_price_minor) = (line.quantity, item.on_hand, item.unit_price_minor);
    if item.status == ItemStatus::Retired {
        return refuse(line, RefusedReason::ItemRetired, "the item is not sold any more", out);
    }
    if quantity > on_hand {
        return refuse(line, RefusedReason::OutOfStock, format!("wanted {quantity}, on hand {on_hand}"), out);
    }
    let Some(amount_minor) = unit_price_minor.checked_mul(quantity) else {
        return refuse(line, RefusedReason::Other, format!("{quantity} times {unit_price_minor} is too much"), out);
    };
    (item.on_hand, item.reserved, item.seq) = (on_hand - quantity, item.reserved + quantity, item.seq + 1);
    let row = Reservation { status: ReservationStatus::Reserved, quantity, ..Reservation::default() };
    out.change(Change::PutLines(sub(&line.order_id, line.line_no), row));
    let reserved = LineReserved {
        order_id: line.order_id,
        line_no: line.line_no,
        item_id: line.item_id,
        quantity,
        unit_price_minor,
        currency: item.currency.clone().into(),
        amount_minor,
        item_seq: item.seq,
        on_hand: item.on_hand,
    };
    tell(Id::parse(&reserved.order_id), reserved, out);
}

fn refuse<'a>(line: ReserveLine<'a>, reason: RefusedReason, detail: impl Into<Cow<'a, str>>, out: &mut Effects<'a>) {
    let ReserveLine { order_id, line_no, item_id, .. } = line;
    tell(Id::parse(&order_id), LineRefused { order_id, line_no, item_id, reason, detail: detail.into() }, out);
}

/// Gives back what is put aside, or ends the wait. The latter moves no stock and so repeats the last `item_seq`.
fn release<'a>(id: &'a str, it: ReleaseLine<'a>, state: &State<'_>, item: &mut Item, out: &mut Effects<'a>) {
    let ReleaseLine { order_id, line_no, item_id } = it;
    let sub = sub(&order_id, line_no);
    let Some(row) = state.lines(&sub) else { return };
    let quantity = match (row.status, queue::entry(&row, state)) {
        (ReservationStatus::Waiting, None) => return,
        (ReservationStatus::Waiting, Some(entry)) => {
            queue::unpark(id, entry, item, out);
            0
        }
        (ReservationStatus::Reserved, _) => {
            out.change(Change::DeleteLines(sub));
            (item.on_hand, item.reserved) = (item.on_hand + row.quantity, item.reserved - row.quantity);
            item.seq += 1;
            row.quantity
        }
    };
    let (item_seq, on_hand) = (item.seq, item.on_hand);
    tell(Id::parse(&order_id), LineReleased { order_id, line_no, item_id, quantity, item_seq, on_hand }, out);
}

/// Lets what is put aside leave the house.
fn ship<'a>(it: ShipLine<'a>, state: &State<'_>, item: &mut Item, out: &mut Effects<'a>) {
    let ShipLine { order_id, line_no, item_id } = it;
    let sub = sub(&order_id, line_no);
    let row = state.lines(&sub).filter(|row| row.status == ReservationStatus::Reserved);
    let Some(Reservation { quantity, .. }) = row else { return };
    (item.reserved, item.shipped, item.seq) = (item.reserved - quantity, item.shipped + quantity, item.seq + 1);
    out.change(Change::DeleteLines(sub));
    let (item_seq, on_hand) = (item.seq, item.on_hand);
    tell(Id::parse(&order_id), LineShipped { order_id, line_no, item_id, quantity, item_seq, on_hand }, out);
}

/// Sends a record on the ticket of the line's order, whatever caused it.
fn tell<'a>(ticket: Option<Id>, record: impl Into<Out<'a>>, out: &mut Effects<'a>) {
    out.emits.push(Emit { ticket, record: record.into() });
}

/// Subkey of a line.
fn sub(order_id: &str, line_no: i32) -> String {
    format!("{order_id}/{line_no}")
}
