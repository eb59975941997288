//! Collects the lines of an order, ships or rejects it, gives back what was reserved for a rejected one.
//!
//! Results of lines may come before the order itself. A line is asked for, may wait, may be reserved, and is settled
//! once: refused, released or shipped. When every line is settled the order is forgotten.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::indexing_slicing)]

mod case;

use contract::fulfilment::{Event, Handled, In, State};
use contract::state::OrderLineStatus::{Asked, Refused, Released, Reserved, Shipped, Waiting};
use contract::state::OrderStatus::{Collecting, Confirmed, Rejected};
use contract::{LineParked, LineRefused, LineReserved, LineResumed, OrderAccepted, OrderRejectedReason};
use contract::{OrderParked, OrderPlaced, OrderResumed};

pub use case::LINES_MAX;
use case::{Case, reason_of};

/// Decides for one order.
pub fn handle<'a>(event: Event<'a>, state: &State<'_>) -> Handled<'a> {
    let mut case = Case::open(event.key, event.time_ms, state);
    match event.input {
        In::OrderAccepted(it) => accepted(it, &mut case),
        In::LineReserved(it) => reserved(it, &mut case),
        In::LineParked(it) => parked(it, &mut case),
        In::LineResumed(it) => resumed(it, &mut case),
        In::LineRefused(it) => refused(it, &mut case),
        In::LineReleased(it) => case.settle(it.line_no, &it.item_id, &[Reserved, Waiting], Released, Rejected)?,
        In::LineShipped(it) => case.settle(it.line_no, &it.item_id, &[Reserved], Shipped, Confirmed)?,
    }
    Ok(case.close())
}

fn accepted<'a>(it: OrderAccepted<'a>, case: &mut Case<'a, '_, '_>) {
    if case.order.accepted {
        return;
    }
    case.order.accepted = true;
    case.order.request_id = it.request_id.into_owned();
    case.order.requester = it.requester.into_owned();
    case.order.reply_to = it.reply_to.into_owned();
    case.order.lines = i32::try_from(it.lines.len()).unwrap_or(i32::MAX);
    case.out.emit(OrderPlaced { order_id: it.order_id, customer_id: it.customer_id, lines: it.lines });
    if case.order.status == Rejected {
        case.announce_rejection();
    }
}

fn reserved<'a>(it: LineReserved<'a>, case: &mut Case<'a, '_, '_>) {
    let was = case.step(it.line_no, &it.item_id, &[Asked, Waiting], Reserved);
    if let Some((_, line)) = &mut case.moved {
        line.amount_minor = it.amount_minor;
    }
    match (was, case.order.status) {
        (Some(_), Collecting) => add(it, case),
        (Some(Asked), Rejected) => case.give_back(it.line_no, it.item_id),
        // One that waited was given back when the order was rejected, or when it began to wait after that.
        _ => {}
    }
}

/// Adds a line to the total.
fn add<'a>(it: LineReserved<'a>, case: &mut Case<'a, '_, '_>) {
    let order = &mut case.order;
    if order.currency.is_empty() {
        order.currency = it.currency.to_string();
    }
    if order.currency != it.currency {
        let detail = format!("{} after {}", it.currency, order.currency);
        return case.reject(OrderRejectedReason::MixedCurrencies, it.line_no, &it.item_id, &detail);
    }
    match order.total_minor.checked_add(it.amount_minor) {
        Some(total_minor) => order.total_minor = total_minor,
        None => {
            let detail = format!("{} more than {} is too much", it.amount_minor, order.total_minor);
            case.reject(OrderRejectedReason::Other, it.line_no, &it.item_id, &detail);
        }
    }
}

fn parked<'a>(it: LineParked<'a>, case: &mut Case<'a, '_, '_>) {
    let LineParked { order_id, line_no, item_id, until } = it;
    match (case.step(line_no, &item_id, &[Asked], Waiting), case.order.status) {
        (None, _) => {}
        (Some(_), Rejected) => case.give_back(line_no, item_id),
        (Some(_), _) => case.out.emit(OrderParked { order_id, line_no, item_id, until }),
    }
}

/// The line waits on for its next result, so that it stays as it is.
fn resumed<'a>(it: LineResumed<'a>, case: &mut Case<'a, '_, '_>) {
    let LineResumed { order_id, line_no, item_id } = it;
    if case.line(line_no).status == Waiting && case.order.status == Collecting {
        case.out.emit(OrderResumed { order_id, line_no, item_id });
    }
}

fn refused<'a>(it: LineRefused<'a>, case: &mut Case<'a, '_, '_>) {
    if case.step(it.line_no, &it.item_id, &[Asked, Waiting], Refused).is_some() {
        case.reject(reason_of(it.reason.as_str()), it.line_no, &it.item_id, &it.detail);
    }
}
