//! What order-intake answers, case by case.

use contract::order_intake::{Effects, In, OrderIntake, Reply};
use contract::testing::MemoryState;
use contract::{Accepted, Line, OrderAccepted, PlaceOrder, Rejected, RejectedReason, ReserveLine, ticket_id};
use flow::{Emit, Event, Id, Meta, Seen};
use order_intake::{LINES_MAX, QUANTITY_MAX, TEXT_BYTES_MAX, WAIT_MS, handle};

const NOW: i64 = 1_700_000_000_000;
const REPLIES: &str = "order-replies.v1";

/// Given what the engine saw before, this command has these effects and no others.
#[track_caller]
fn check(seen: Seen, command: PlaceOrder<'_>, expect: impl FnOnce(&mut Effects<'_>)) {
    let mut want = Effects::new();
    expect(&mut want);
    let key = command.order_id.to_string();
    // A foreign sender's ticket: it must not show up in what comes out.
    let meta = Meta { event_id: Id([1; 16]), ticket_id: Id([9; 16]), ..Meta::default() };
    let event = Event { key: &key, meta, time_ms: NOW, seen, input: In::PlaceOrder(command) };
    let state = MemoryState::new();
    let got = handle(event, &state.of::<OrderIntake>()).unwrap();
    assert_eq!(got.emits, want.emits);
    assert_eq!(got.replies, want.replies);
    assert!(got.changes.is_empty() && got.wakes.is_empty());
}

/// Seen or not, the command is rejected as invalid, and the detail is this.
#[track_caller]
fn check_invalid(command: PlaceOrder<'static>, detail: &str) {
    for seen in [Seen::New, Seen::Duplicate] {
        let record = rejection(&command, RejectedReason::Invalid, detail);
        check(seen, command.clone(), |want| want.replies.push((REPLIES.into(), record.clone())));
    }
}

fn order() -> PlaceOrder<'static> {
    PlaceOrder {
        order_id: ticket_id("shop", "r-1").into(),
        request_id: "r-1".into(),
        requester: "shop".into(),
        reply_to: REPLIES.into(),
        customer_id: "c-1".into(),
        lines: vec![line(1, "apple", 2), line(2, "pear", 3)],
        wait_until: Some(NOW + 5),
    }
}

fn line(line_no: i32, item_id: &'static str, quantity: i64) -> Line<'static> {
    Line { line_no, item_id: item_id.into(), quantity }
}

fn lines(count: usize) -> Vec<Line<'static>> {
    (1..=count).map(|at| line(at as i32, "apple", 1)).collect()
}

fn ticket() -> Id {
    Id::parse(&order().order_id).unwrap()
}

fn acceptance() -> (std::borrow::Cow<'static, str>, Emit<Reply<'static>>) {
    let PlaceOrder { order_id, request_id, requester, .. } = order();
    let record = Accepted { order_id, request_id, requester }.into();
    (REPLIES.into(), Emit { ticket: Some(ticket()), record })
}

fn rejection(command: &PlaceOrder<'static>, reason: RejectedReason, detail: &str) -> Emit<Reply<'static>> {
    let PlaceOrder { order_id, request_id, requester, .. } = command.clone();
    let ticket = Id::parse(&order_id);
    let record = Rejected { order_id, request_id, requester, reason, detail: detail.to_owned().into() }.into();
    Emit { ticket, record }
}

/// What a valid command starts.
fn start(command: &PlaceOrder<'static>, wait_until: i64, want: &mut Effects<'_>) {
    let PlaceOrder { order_id, request_id, requester, reply_to, customer_id, lines, .. } = command.clone();
    let accepted = OrderAccepted {
        order_id: order_id.clone(),
        request_id,
        requester,
        reply_to,
        customer_id,
        lines: lines.clone(),
    };
    want.emit_for(ticket(), accepted);
    for Line { line_no, item_id, quantity } in lines {
        want.emit_for(ticket(), ReserveLine { order_id: order_id.clone(), line_no, item_id, quantity, wait_until });
    }
}

#[test]
fn a_new_order_is_accepted_and_its_lines_are_asked_for() {
    check(Seen::New, order(), |want| {
        start(&order(), NOW + 5, want);
        want.replies.push(acceptance());
    });
}

#[test]
fn lines_wait_for_a_day_when_the_command_does_not_say() {
    let command = PlaceOrder { wait_until: None, ..order() };
    check(Seen::New, command.clone(), |want| {
        start(&command, NOW + WAIT_MS, want);
        want.replies.push(acceptance());
    });
}

#[test]
fn a_repeated_order_gets_the_same_answer_and_starts_nothing() {
    check(Seen::Duplicate, order(), |want| want.replies.push(acceptance()));
}

#[test]
fn another_order_under_the_same_request_is_a_conflict_even_when_it_is_invalid() {
    let detail = "request_id was used before, for a request with other content";
    for command in [order(), PlaceOrder { lines: Vec::new(), ..order() }] {
        let record = rejection(&command, RejectedReason::Conflict, detail);
        check(Seen::Conflict, command, |want| want.replies.push((REPLIES.into(), record)));
    }
}

#[test]
fn whoever_names_no_reply_topic_gets_no_reply() {
    let command = PlaceOrder { reply_to: "".into(), ..order() };
    check(Seen::New, command.clone(), |want| start(&command, NOW + 5, want));
    check(Seen::Duplicate, command.clone(), |_| {});
    check(Seen::Conflict, command.clone(), |_| {});
    check(Seen::New, PlaceOrder { lines: Vec::new(), ..command }, |_| {});
}

#[test]
fn the_limits_themselves_are_allowed() {
    let long = "x".repeat(TEXT_BYTES_MAX);
    let most = Line { line_no: i32::MAX, item_id: long.clone().into(), quantity: QUANTITY_MAX };
    for lines in [vec![most], lines(LINES_MAX)] {
        let command = PlaceOrder { lines, customer_id: long.clone().into(), ..order() };
        check(Seen::New, command.clone(), |want| {
            start(&command, NOW + 5, want);
            want.replies.push(acceptance());
        });
    }
}

#[test]
fn an_invalid_field_is_named() {
    let long = || "x".repeat(TEXT_BYTES_MAX + 1);
    let ids = |requester: &str, request_id: &str| PlaceOrder {
        order_id: ticket_id(requester, request_id).into(),
        requester: requester.to_owned().into(),
        request_id: request_id.to_owned().into(),
        ..order()
    };
    check_invalid(ids("", "r-1"), "requester is empty");
    check_invalid(ids(&long(), "r-1"), "requester has 201 bytes; 200 are allowed");
    check_invalid(ids("shop", ""), "request_id is empty");
    check_invalid(ids("shop", &long()), "request_id has 201 bytes; 200 are allowed");
    check_invalid(PlaceOrder { customer_id: "".into(), ..order() }, "customer_id is empty");
    check_invalid(PlaceOrder { customer_id: long().into(), ..order() }, "customer_id has 201 bytes; 200 are allowed");
    for order_id in [String::new(), ticket_id("shop", "r-2"), order().order_id.to_uppercase()] {
        let detail = "order_id is not the UUIDv5 of requester and request_id";
        check_invalid(PlaceOrder { order_id: order_id.into(), ..order() }, detail);
    }
}

#[test]
fn an_invalid_line_is_named() {
    let of = |lines| PlaceOrder { lines, ..order() };
    let good = || line(1, "apple", 1);
    check_invalid(of(vec![]), "lines: 0 of them; 1 to 100 are allowed");
    check_invalid(of(lines(LINES_MAX + 1)), "lines: 101 of them; 1 to 100 are allowed");
    check_invalid(of(vec![line(0, "apple", 1)]), "lines[0].line_no is 0; 1 is the least");
    check_invalid(of(vec![good(), line(-1, "apple", 1)]), "lines[1].line_no is -1; 1 is the least");
    check_invalid(of(vec![good(), good()]), "lines[1].line_no is 1, as that of another line");
    check_invalid(of(vec![good(), line(2, "", 1)]), "lines[1].item_id is empty");
    let long = Line { item_id: "x".repeat(TEXT_BYTES_MAX + 1).into(), ..good() };
    check_invalid(of(vec![long]), "lines[0].item_id has 201 bytes; 200 are allowed");
    for quantity in [0, -1, i64::MIN, QUANTITY_MAX + 1] {
        let detail = format!("lines[0].quantity is {quantity}; 1 to 1000000 are allowed");
        check_invalid(of(vec![line(1, "apple", quantity)]), &detail);
    }
}
