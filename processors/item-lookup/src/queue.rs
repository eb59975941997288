//! Lines of items that nobody has registered yet: they wait in order, and go on by themselves.

use contract::item_lookup::{Change, Effects, State, Wake};
use contract::state::{Item, ItemStatus, ParkedLine, Reservation, ReservationStatus};
use contract::{LineParked, LineResumed, RefusedReason, ReserveLine};
use flow::Id;

use crate::{refuse, reserve, sub, tell};

/// Waiting lines that one event lets go on, at most; the rest follow in events of their own.
pub const RESUME_MAX: usize = 100;

/// Why a line is refused that waited in vain.
pub const NOT_REGISTERED: &str = "nobody registered the item in time";

/// Puts a line at the end of the queue.
pub fn park<'a>(line: ReserveLine<'a>, now_ms: i64, item: &mut Item, out: &mut Effects<'a>) {
    let ReserveLine { order_id, line_no, item_id, quantity, wait_until } = line;
    let sub = sub(&order_id, line_no);
    (item.parked, item.queue_last) = (item.parked + 1, item.queue_last + 1);
    let (queue_no, status) = (item.queue_last, ReservationStatus::Waiting);
    let parked = ParkedLine { order_id: order_id.to_string(), line_no, quantity, wait_until, parked_at: now_ms };
    out.change(Change::PutParked(place(queue_no), parked));
    out.change(Change::PutLines(sub.clone(), Reservation { status, quantity, queue_no, wait_until }));
    out.wake_at(wait_until, Wake::Deadline, sub);
    tell(Id::parse(&order_id), LineParked { order_id, line_no, item_id, until: wait_until }, out);
}

/// The queue's entry of a line that waits.
pub fn entry(row: &Reservation, state: &State<'_>) -> Option<(String, ParkedLine)> {
    let place = place(row.queue_no);
    let parked = state.parked(&place).filter(|_| row.status == ReservationStatus::Waiting)?;
    Some((place, parked))
}

/// Takes a line out of the queue; the result is what it asks for.
pub fn unpark<'a>(id: &'a str, entry: (String, ParkedLine), item: &mut Item, out: &mut Effects<'_>) -> ReserveLine<'a> {
    let (place, ParkedLine { order_id, line_no, quantity, wait_until, .. }) = entry;
    let sub = sub(&order_id, line_no);
    item.parked -= 1;
    out.change(Change::DeleteParked(place));
    out.change(Change::DeleteLines(sub.clone()));
    out.cancel_wake(wait_until, Wake::Deadline, sub);
    ReserveLine { order_id: order_id.into(), line_no, item_id: id.into(), quantity, wait_until }
}

/// Lets the oldest lines go on.
///
/// The next wake is named after the last of them, never like this one: ids of outputs derive from a wake's name, and
/// two lines of one order may go on in two wakes.
pub fn resume<'a>(id: &'a str, state: &State<'_>, now_ms: i64, item: &mut Item, out: &mut Effects<'a>) {
    let batch = state.parked_scan("", RESUME_MAX);
    let last = batch.last().map(|(place, _)| place.clone());
    for entry in batch {
        let line = unpark(id, entry, item, out);
        let (order_id, line_no, item_id) = (line.order_id.clone(), line.line_no, line.item_id.clone());
        tell(Id::parse(&order_id), LineResumed { order_id, line_no, item_id }, out);
        reserve(line, item, out);
    }
    let next = last.filter(|_| item.parked > 0);
    item.releasing = next.is_some();
    if let Some(last) = next {
        out.wake_at(now_ms, Wake::Release, last);
    }
}

/// Refuses a line that waited in vain. When the item was registered meanwhile, [`resume`] is about to come for it.
pub fn expire<'a>(id: &'a str, sub: &str, state: &State<'_>, item: &mut Item, out: &mut Effects<'a>) {
    let waiting = state.lines(sub).and_then(|row| entry(&row, state));
    if let Some(entry) = waiting.filter(|_| item.status == ItemStatus::Unknown) {
        let line = unpark(id, entry, item, out);
        refuse(line, RefusedReason::ItemUnknown, NOT_REGISTERED, out);
    }
}

/// Subkey of a queue's entry: places in order are texts in order.
fn place(queue_no: i64) -> String {
    format!("{queue_no:020}")
}
