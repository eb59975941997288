//! What fulfilment answers, case by case.

use contract::fulfilment::Change::{Delete, DeleteLines, Put, PutLines};
use contract::fulfilment::{Change, Effects, Fulfilment, In};
use contract::state::OrderLineStatus::{Refused, Released, Reserved, Shipped, Waiting};
use contract::state::OrderStatus::{Confirmed, Rejected};
use contract::state::{Order, OrderLine, OrderLineStatus};
use contract::testing::MemoryState;
use contract::{Completed, Failed, Line, OrderAccepted, OrderCompleted, OrderConfirmed, OrderParked, OrderPlaced};
use contract::{LineParked, LineRefused, LineReleased, LineReserved, LineResumed, LineShipped, RefusedReason};
use contract::{OrderRejected, OrderRejectedReason, OrderResumed, OrderShipped, ReleaseLine, ShipLine};
use flow::{Code, Event, Id, Meta, Reject, Seen};
use fulfilment::{LINES_MAX, handle};

const ORDER: &str = "67e55044-10b1-526f-9247-bb680e5fe0c8";
const REPLIES: &str = "order-replies.v1";

/// Given this state, the input has these effects and no others; the result is the state after them.
#[track_caller]
fn check(given: &[Change], input: In<'_>, expect: impl FnOnce(&mut Effects<'_>)) -> MemoryState {
    let mut want = Effects::new();
    expect(&mut want);
    let mut state = MemoryState::given::<Fulfilment>(given).unwrap();
    let got = handle(event(input), &state.of::<Fulfilment>()).unwrap();
    assert_eq!(got.emits, want.emits);
    assert_eq!(got.replies, want.replies);
    assert_eq!(got.changes, want.changes);
    assert!(got.wakes.is_empty());
    state.apply::<Fulfilment>(&got.changes).unwrap();
    assert_eq!(state.unreadable(), Vec::<String>::new());
    state
}

/// The input goes to the dead letters, with this detail.
#[track_caller]
fn check_reject(given: &[Change], input: In<'_>, detail: &str) {
    let state = MemoryState::given::<Fulfilment>(given).unwrap();
    let got = handle(event(input), &state.of::<Fulfilment>()).err();
    assert_eq!(got, Some(Reject::new(Code::Invalid, detail)));
}

fn event(input: In<'_>) -> contract::fulfilment::Event<'_> {
    let meta = Meta { event_id: Id([1; 16]), ..Meta::default() };
    Event { key: ORDER, meta, time_ms: 5, seen: Seen::New, input }
}

/// An order of which only lines were heard.
fn unknown() -> Order {
    Order { opened_at: 5, ..Order::default() }
}

/// An order of that many lines, as it is right after it was accepted.
fn order(lines: i32) -> Order {
    let (request_id, requester, reply_to) = ("r-1".to_owned(), "shop".to_owned(), REPLIES.to_owned());
    Order { accepted: true, request_id, requester, reply_to, lines, ..unknown() }
}

/// With that many lines reserved, for that much.
fn with(reserved: i32, total_minor: i64, order: Order) -> Order {
    Order { reserved, total_minor, currency: "EUR".to_owned(), ..order }
}

/// Rejected for line 2.
fn rejected(reason: OrderRejectedReason, detail: &str, order: Order) -> Order {
    let (reason, detail, item_id) = (reason.as_str().to_owned(), detail.to_owned(), "item-2".to_owned());
    Order { status: Rejected, reason, detail, line_no: 2, item_id, ..order }
}

fn item(line_no: i32) -> String {
    format!("item-{line_no}")
}

fn sub(line_no: i32) -> String {
    format!("{line_no:010}")
}

/// The row of a line; reserved ones cost 100.
fn row(line_no: i32, status: OrderLineStatus) -> Change {
    let amount_minor = if matches!(status, Reserved | Released | Shipped) { 100 } else { 0 };
    PutLines(sub(line_no), OrderLine { item_id: item(line_no), status, amount_minor })
}

fn lines(count: i32) -> Vec<Line<'static>> {
    (1..=count).map(|line_no| Line { line_no, item_id: item(line_no).into(), quantity: 1 }).collect()
}

fn accept(count: i32) -> In<'static> {
    In::OrderAccepted(OrderAccepted {
        order_id: ORDER.into(),
        request_id: "r-1".into(),
        requester: "shop".into(),
        reply_to: REPLIES.into(),
        customer_id: "c-1".into(),
        lines: lines(count),
    })
}

fn reserve_at(line_no: i32, amount_minor: i64, currency: &'static str) -> In<'static> {
    In::LineReserved(LineReserved {
        order_id: ORDER.into(),
        line_no,
        item_id: item(line_no).into(),
        quantity: 1,
        unit_price_minor: amount_minor,
        currency: currency.into(),
        amount_minor,
        item_seq: 1,
        on_hand: 0,
    })
}

fn reserve(line_no: i32) -> In<'static> {
    reserve_at(line_no, 100, "EUR")
}

fn park(line_no: i32) -> In<'static> {
    In::LineParked(LineParked { order_id: ORDER.into(), line_no, item_id: item(line_no).into(), until: 9 })
}

fn resume(line_no: i32) -> In<'static> {
    In::LineResumed(LineResumed { order_id: ORDER.into(), line_no, item_id: item(line_no).into() })
}

fn refuse(line_no: i32) -> In<'static> {
    let (order_id, item_id, detail) = (ORDER.into(), item(line_no).into(), "none left".into());
    In::LineRefused(LineRefused { order_id, line_no, item_id, reason: RefusedReason::OutOfStock, detail })
}

fn release(line_no: i32) -> In<'static> {
    let (order_id, item_id) = (ORDER.into(), item(line_no).into());
    In::LineReleased(LineReleased { order_id, line_no, item_id, quantity: 1, item_seq: 2, on_hand: 1 })
}

fn ship(line_no: i32) -> In<'static> {
    let (order_id, item_id) = (ORDER.into(), item(line_no).into());
    In::LineShipped(LineShipped { order_id, line_no, item_id, quantity: 1, item_seq: 2, on_hand: 1 })
}

fn placed(count: i32, want: &mut Effects<'_>) {
    want.emit(OrderPlaced { order_id: ORDER.into(), customer_id: "c-1".into(), lines: lines(count) });
}

fn confirmed(lines: impl IntoIterator<Item = i32>, total_minor: i64, want: &mut Effects<'_>) {
    want.emit(OrderConfirmed { order_id: ORDER.into(), total_minor, currency: "EUR".into() });
    for line_no in lines {
        want.emit(ShipLine { order_id: ORDER.into(), line_no, item_id: item(line_no).into() });
    }
}

fn given_back(line_no: i32, want: &mut Effects<'_>) {
    want.emit(ReleaseLine { order_id: ORDER.into(), line_no, item_id: item(line_no).into() });
}

/// Rejected for line 2.
fn told_rejected(reason: OrderRejectedReason, detail: &'static str, want: &mut Effects<'_>) {
    let (order_id, item_id) = (ORDER.into(), "item-2".into());
    want.emit(OrderRejected { order_id, line_no: 2, item_id, reason, detail: detail.into() });
    let (order_id, request_id, requester) = (ORDER.into(), "r-1".into(), "shop".into());
    want.reply(
        REPLIES,
        Failed { order_id, request_id, requester, reason: reason.as_str().into(), detail: detail.into() },
    );
}

fn told_completed(total_minor: i64, reply: bool, want: &mut Effects<'_>) {
    want.emit(OrderShipped { order_id: ORDER.into() });
    want.emit(OrderCompleted { order_id: ORDER.into(), total_minor, currency: "EUR".into() });
    if reply {
        let (order_id, request_id, requester) = (ORDER.into(), "r-1".into(), "shop".into());
        want.reply(REPLIES, Completed { order_id, request_id, requester, total_minor, currency: "EUR".into() });
    }
}

use OrderRejectedReason::{ItemRetired, ItemUnknown, MixedCurrencies, Other, OutOfStock};

// The way of an order that succeeds.

#[test]
fn an_accepted_order_is_placed() {
    check(&[], accept(2), |want| {
        placed(2, want);
        want.change(Put(order(2)));
    });
}

#[test]
fn an_order_is_accepted_once() {
    check(&[Put(order(2))], accept(2), |_| {});
}

#[test]
fn a_reserved_line_counts_towards_the_order() {
    check(&[Put(order(2))], reserve(1), |want| {
        want.change(row(1, Reserved));
        want.change(Put(with(1, 100, order(2))));
    });
}

#[test]
fn the_last_reserved_line_confirms_the_order() {
    check(&[Put(with(1, 100, order(2))), row(1, Reserved)], reserve(2), |want| {
        confirmed([1, 2], 200, want);
        want.change(row(2, Reserved));
        want.change(Put(Order { status: Confirmed, ..with(2, 200, order(2)) }));
    });
}

#[test]
fn results_may_come_before_the_order() {
    check(&[], reserve(1), |want| {
        want.change(row(1, Reserved));
        want.change(Put(with(1, 100, unknown())));
    });
    let given = [Put(with(2, 200, unknown())), row(1, Reserved), row(2, Reserved)];
    check(&given, accept(2), |want| {
        placed(2, want);
        confirmed([1, 2], 200, want);
        want.change(Put(Order { status: Confirmed, ..with(2, 200, order(2)) }));
    });
    check(&given, accept(3), |want| {
        placed(3, want);
        want.change(Put(with(2, 200, order(3))));
    });
}

#[test]
fn an_order_completes_with_the_last_line_that_is_shipped() {
    let order = Order { status: Confirmed, ..with(2, 200, order(2)) };
    check(&[Put(order.clone()), row(1, Reserved), row(2, Reserved)], ship(2), |want| {
        want.change(row(2, Shipped));
        want.change(Put(Order { reserved: 1, settled: 1, ..order.clone() }));
    });
    let order = Order { reserved: 1, settled: 1, ..order };
    for reply_to in [REPLIES, ""] {
        let order = Order { reply_to: reply_to.to_owned(), ..order.clone() };
        let state = check(&[Put(order), row(1, Reserved), row(2, Shipped)], ship(1), |want| {
            told_completed(200, !reply_to.is_empty(), want);
            want.change(DeleteLines(sub(1)));
            want.change(DeleteLines(sub(2)));
            want.change(Delete);
        });
        assert!(state.is_empty());
    }
}

#[test]
fn a_hundred_lines_are_shipped_in_order_and_forgotten() {
    let most = LINES_MAX as i32;
    let mut given: Vec<Change> = (1..=most).filter(|no| *no != 42).map(|no| row(no, Reserved)).collect();
    given.push(Put(with(most - 1, 9_900, order(most))));
    check(&given, reserve(42), |want| {
        confirmed(1..=most, 10_000, want);
        want.change(row(42, Reserved));
        want.change(Put(Order { status: Confirmed, ..with(most, 10_000, order(most)) }));
    });
    let mut given: Vec<Change> = (1..most).map(|no| row(no, Shipped)).collect();
    let last = Order { status: Confirmed, settled: most - 1, ..with(1, 10_000, order(most)) };
    given.extend([row(most, Reserved), Put(last)]);
    let state = check(&given, ship(most), |want| {
        told_completed(10_000, true, want);
        (1..=most).for_each(|no| want.change(DeleteLines(sub(no))));
        want.change(Delete);
    });
    assert!(state.is_empty());
}

// Waiting.

#[test]
fn a_line_that_waits_parks_the_order_until_it_goes_on() {
    for order in [vec![], vec![Put(order(2))]] {
        check(&order, park(1), |want| {
            want.emit(OrderParked { order_id: ORDER.into(), line_no: 1, item_id: item(1).into(), until: 9 });
            want.change(row(1, Waiting));
        });
        let given: Vec<Change> = order.into_iter().chain([row(1, Waiting)]).collect();
        check(&given, resume(1), |want| {
            want.emit(OrderResumed { order_id: ORDER.into(), line_no: 1, item_id: item(1).into() });
        });
    }
    check(&[Put(order(2)), row(1, Waiting)], reserve(1), |want| {
        want.change(row(1, Reserved));
        want.change(Put(with(1, 100, order(2))));
    });
}

// The way of an order that fails.

#[test]
fn a_refused_line_rejects_the_order_and_gives_the_others_back() {
    let given = [Put(with(1, 100, order(4))), row(1, Reserved), row(3, Waiting)];
    for (reply_to, replies) in [(REPLIES, 1), ("", 0)] {
        let order = Order { reply_to: reply_to.to_owned(), ..with(1, 100, order(4)) };
        let given = [&given[1..], &[Put(order.clone())]].concat();
        check(&given, refuse(2), |want| {
            given_back(1, want);
            given_back(3, want);
            told_rejected(OutOfStock, "none left", want);
            want.replies.truncate(replies);
            want.change(row(2, Refused));
            want.change(Put(Order { settled: 1, ..rejected(OutOfStock, "none left", order) }));
        });
    }
}

#[test]
fn a_waiting_line_may_be_refused() {
    check(&[Put(order(2)), row(2, Waiting)], refuse(2), |want| {
        told_rejected(OutOfStock, "none left", want);
        want.change(row(2, Refused));
        want.change(Put(Order { settled: 1, ..rejected(OutOfStock, "none left", order(2)) }));
    });
}

#[test]
fn every_reason_keeps_its_name() {
    use RefusedReason as Was;
    let reasons = [(Was::ItemRetired, ItemRetired), (Was::ItemUnknown, ItemUnknown), (Was::Other, Other)];
    for (was, reason) in reasons {
        let (order_id, item_id, detail) = (ORDER.into(), item(2).into(), "so".into());
        let refused = In::LineRefused(LineRefused { order_id, line_no: 2, item_id, reason: was, detail });
        check(&[Put(order(2))], refused, |want| {
            told_rejected(reason, "so", want);
            want.change(row(2, Refused));
            want.change(Put(Order { settled: 1, ..rejected(reason, "so", order(2)) }));
        });
    }
}

#[test]
fn the_first_reason_counts() {
    let first = rejected(OutOfStock, "none left", Order { settled: 1, ..order(3) });
    check(&[Put(first.clone()), row(2, Refused)], refuse(1), |want| {
        want.change(row(1, Refused));
        want.change(Put(Order { settled: 2, ..first }));
    });
}

#[test]
fn an_order_of_one_line_that_is_refused_is_over_at_once() {
    let state = check(&[Put(order(1))], refuse(2), |want| {
        told_rejected(OutOfStock, "none left", want);
        want.change(Delete);
    });
    assert!(state.is_empty());
}

#[test]
fn lines_of_two_currencies_reject_the_order() {
    check(&[Put(with(1, 100, order(3))), row(1, Reserved)], reserve_at(2, 100, "USD"), |want| {
        given_back(1, want);
        given_back(2, want);
        told_rejected(MixedCurrencies, "USD after EUR", want);
        want.change(row(2, Reserved));
        want.change(Put(rejected(MixedCurrencies, "USD after EUR", with(2, 100, order(3)))));
    });
}

#[test]
fn a_total_that_overflows_rejects_the_order() {
    let detail = "100 more than 9223372036854775807 is too much";
    check(&[Put(with(1, i64::MAX, order(3))), row(1, Reserved)], reserve(2), |want| {
        given_back(1, want);
        given_back(2, want);
        told_rejected(Other, detail, want);
        want.change(row(2, Reserved));
        want.change(Put(rejected(Other, detail, with(2, i64::MAX, order(3)))));
    });
}

#[test]
fn a_rejection_is_told_when_the_order_is_known_but_gives_back_at_once() {
    let given = [Put(with(1, 100, unknown())), row(1, Reserved)];
    let before = Order { settled: 1, ..rejected(OutOfStock, "none left", with(1, 100, unknown())) };
    check(&given, refuse(2), |want| {
        given_back(1, want);
        want.change(row(2, Refused));
        want.change(Put(before.clone()));
    });
    check(&[Put(before.clone()), row(1, Reserved), row(2, Refused)], accept(2), |want| {
        placed(2, want);
        told_rejected(OutOfStock, "none left", want);
        want.change(Put(Order { settled: 1, ..rejected(OutOfStock, "none left", with(1, 100, order(2))) }));
    });
    let all_settled = Order { settled: 2, reserved: 0, ..before };
    let state = check(&[Put(all_settled), row(1, Released), row(2, Refused)], accept(2), |want| {
        placed(2, want);
        told_rejected(OutOfStock, "none left", want);
        want.change(DeleteLines(sub(1)));
        want.change(DeleteLines(sub(2)));
        want.change(Delete);
    });
    assert!(state.is_empty());
}

#[test]
fn results_after_the_rejection_are_given_back_without_a_word() {
    let order = rejected(OutOfStock, "none left", Order { settled: 1, ..order(3) });
    let given = [Put(order.clone()), row(2, Refused)];
    check(&given, reserve(1), |want| {
        given_back(1, want);
        want.change(row(1, Reserved));
        want.change(Put(Order { reserved: 1, ..order.clone() }));
    });
    check(&given, park(1), |want| {
        given_back(1, want);
        want.change(row(1, Waiting));
    });
}

#[test]
fn a_line_that_goes_on_while_its_release_is_under_way_is_released_once() {
    let order = rejected(OutOfStock, "none left", Order { settled: 1, ..order(3) });
    let given = [Put(order.clone()), row(1, Waiting), row(2, Refused)];
    check(&given, resume(1), |_| {});
    check(&given, reserve(1), |want| {
        want.change(row(1, Reserved));
        want.change(Put(Order { reserved: 1, ..order.clone() }));
    });
    check(&given, refuse(1), |want| {
        want.change(row(1, Refused));
        want.change(Put(Order { settled: 2, ..order }));
    });
}

#[test]
fn a_rejected_order_is_forgotten_when_every_line_is_settled() {
    let order = rejected(OutOfStock, "none left", Order { settled: 1, reserved: 1, ..order(3) });
    let given = [row(1, Reserved), row(2, Refused), row(3, Waiting)];
    check(&[&given[..], &[Put(order.clone())]].concat(), release(1), |want| {
        want.change(row(1, Released));
        want.change(Put(Order { settled: 2, reserved: 0, ..order.clone() }));
    });
    let last = Order { settled: 2, reserved: 0, ..order };
    let given = [Put(last), row(1, Released), row(2, Refused), row(3, Waiting)];
    let state = check(&given, release(3), |want| {
        (1..=3).for_each(|no| want.change(DeleteLines(sub(no))));
        want.change(Delete);
    });
    assert!(state.is_empty());
}

#[test]
fn a_hundred_lines_are_given_back() {
    let most = LINES_MAX as i32;
    let lines = (1..=most).filter(|no| *no != 2).map(|no| row(no, Reserved));
    let order = with(most - 1, 9_900, order(most));
    let given: Vec<Change> = lines.chain([Put(order.clone())]).collect();
    check(&given, refuse(2), |want| {
        (1..=most).filter(|no| *no != 2).for_each(|no| given_back(no, want));
        told_rejected(OutOfStock, "none left", want);
        want.change(row(2, Refused));
        want.change(Put(Order { settled: 1, ..rejected(OutOfStock, "none left", order) }));
    });
}

// What should not happen.

#[test]
fn a_result_for_a_line_that_is_past_it_is_ignored() {
    let order = rejected(OutOfStock, "none left", Order { settled: 2, ..order(3) });
    let inputs = || [reserve(1), park(1), resume(1), refuse(1), release(1), ship(1)];
    for status in [Refused, Released, Shipped] {
        for input in inputs() {
            check(&[Put(order.clone()), row(1, status), row(2, Refused)], input, |_| {});
        }
    }
    for input in [reserve(1), park(1), resume(1), refuse(1)] {
        check(&[Put(order.clone()), row(1, Reserved)], input, |_| {});
    }
    check(&[Put(order), row(1, Waiting)], park(1), |_| {});
}

#[test]
fn the_end_of_a_line_of_a_forgotten_order_is_ignored() {
    for input in [resume(1), release(1), ship(1)] {
        assert!(check(&[], input, |_| {}).is_empty());
    }
}

#[test]
fn the_end_of_a_line_that_nobody_asked_for_is_a_dead_letter() {
    let collecting = [Put(with(1, 100, order(2))), row(1, Reserved)];
    check_reject(&collecting, release(1), "line 1 is RELEASED, but the order is COLLECTING");
    check_reject(&collecting, ship(1), "line 1 is SHIPPED, but the order is COLLECTING");
    let confirmed = [Put(Order { status: Confirmed, ..with(1, 100, order(1)) }), row(1, Reserved)];
    check_reject(&confirmed, release(1), "line 1 is RELEASED, but the order is CONFIRMED");
    let rejected = [Put(Order { status: Rejected, ..with(1, 100, order(2)) }), row(1, Reserved)];
    check_reject(&rejected, ship(1), "line 1 is SHIPPED, but the order is REJECTED");
}
