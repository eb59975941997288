//! What orders ask for, line by line.

use super::*;

#[test]
fn a_line_reserves_pieces_down_to_the_last() {
    for (quantity, left) in [(1, 9), (10, 0)] {
        check(&[Put(stocked(on_sale()))], reserve(quantity, LATER), |want| {
            want.change(reserved(1, quantity));
            want.emit_for(TICKET, line_reserved(1, quantity, 8, left));
            want.change(Put(Item { on_hand: left, reserved: 5 + quantity, seq: 8, ..stocked(on_sale()) }));
        });
    }
}

#[test]
fn a_line_that_cannot_be_had_is_refused() {
    let with = |item| [Put(stocked(item))];
    let short = "wanted 11, on hand 10";
    check_line_refused(&with(on_sale()), reserve(11, LATER), RefusedReason::OutOfStock, short);
    let gone = "the item is not sold any more";
    check_line_refused(&with(retired()), reserve(1, LATER), RefusedReason::ItemRetired, gone);
    for (quantity, item) in [(0, on_sale()), (-1, on_sale()), (i64::MIN, retired()), (0, Item::default())] {
        check_line_refused(&with(item), reserve(quantity, LATER), RefusedReason::Other, "quantity is below 1");
    }
    let dear = Item { unit_price_minor: i64::MAX, ..on_sale() };
    let detail = "2 times 9223372036854775807 is too much";
    check_line_refused(&with(dear), reserve(2, LATER), RefusedReason::Other, detail);
}

#[test]
fn a_line_that_is_known_is_not_asked_for_twice() {
    check(&[Put(stocked(on_sale())), reserved(1, 5)], reserve(5, LATER), |_| {});
    check(&queue(waiting(2, 2)), reserve(2, LATER), |_| {});
}

#[test]
fn a_line_of_an_order_that_is_no_uuid_stays_on_the_ticket_of_its_request() {
    let of = |quantity| ReserveLine {
        order_id: "one/1".into(),
        line_no: 1,
        item_id: "apple".into(),
        quantity,
        wait_until: LATER,
    };
    check(&[Put(stocked(on_sale()))], In::ReserveLine(of(11)), |want| {
        want.emit(LineRefused {
            order_id: "one/1".into(),
            ..line_refused(1, RefusedReason::OutOfStock, "wanted 11, on hand 10")
        });
    });
}

#[test]
fn a_line_of_an_unknown_item_waits_in_its_own_row() {
    check(&[], reserve(2, LATER), |want| {
        let [row, line] = parked(1, 2, 1);
        want.change(row);
        want.change(line);
        want.wake_at(LATER, Wake::Deadline, sub(1));
        want.emit_for(TICKET, line_parked(LATER));
        want.change(Put(waiting(1, 1)));
    });
    let given = [Put(Item { parked: 3, queue_last: 8, ..stocked(Item::default()) })];
    check(&given, reserve(2, LATER), |want| {
        let [row, line] = parked(1, 2, 9);
        want.change(row);
        want.change(line);
        want.wake_at(LATER, Wake::Deadline, sub(1));
        want.emit_for(TICKET, line_parked(LATER));
        want.change(Put(Item { parked: 4, queue_last: 9, ..stocked(Item::default()) }));
    });
}

#[test]
fn a_line_of_an_unknown_item_that_is_late_is_refused_and_leaves_no_trace() {
    for wait_until in [NOW, NOW - 1, i64::MIN] {
        let state = check(&[], reserve(2, wait_until), |want| {
            want.emit_for(TICKET, line_refused(1, RefusedReason::ItemUnknown, NOT_REGISTERED));
        });
        assert!(state.is_empty());
    }
}

#[test]
fn a_late_line_of_a_known_item_needs_no_wait() {
    check(&[Put(stocked(on_sale()))], reserve(1, NOW - 1), |want| {
        want.change(reserved(1, 1));
        want.emit_for(TICKET, line_reserved(1, 1, 8, 9));
        want.change(Put(Item { on_hand: 9, reserved: 6, seq: 8, ..stocked(on_sale()) }));
    });
}

#[test]
fn a_line_queues_behind_those_on_their_way_out() {
    for item in [on_sale(), retired()] {
        let item = Item { parked: 1, queue_last: 4, releasing: true, ..stocked(item) };
        check(&[Put(item.clone())], reserve(2, LATER), |want| {
            let [row, line] = parked(1, 2, 5);
            want.change(row);
            want.change(line);
            want.wake_at(LATER, Wake::Deadline, sub(1));
            want.emit_for(TICKET, line_parked(LATER));
            want.change(Put(Item { parked: 2, queue_last: 5, ..item }));
        });
    }
}

#[test]
fn a_released_line_gives_its_pieces_back() {
    for item in [on_sale(), retired()] {
        check(&[Put(stocked(item.clone())), reserved(1, 5)], release(), |want| {
            want.change(DeleteLines(sub(1)));
            want.emit_for(TICKET, line_released(5, 8, 15));
            want.change(Put(Item { on_hand: 15, reserved: 0, seq: 8, ..stocked(item) }));
        });
    }
}

#[test]
fn a_released_line_that_waits_leaves_the_queue_and_moves_no_stock() {
    check(&queue(Item { parked: 2, queue_last: 2, ..stocked(Item::default()) }), release(), |want| {
        unpark(1, 1, want);
        want.emit_for(TICKET, line_released(0, 7, 10));
        want.change(Put(Item { parked: 1, queue_last: 2, ..stocked(Item::default()) }));
    });
}

#[test]
fn an_item_that_nobody_waits_for_any_more_is_forgotten() {
    let given: Vec<Change> = [Put(waiting(1, 1))].into_iter().chain(parked(1, 2, 1)).collect();
    for (input, told) in [
        (release(), contract::item_lookup::Out::from(line_released(0, 0, 0))),
        (In::Wake(Wake::Deadline, &sub(1)), line_refused(1, RefusedReason::ItemUnknown, NOT_REGISTERED).into()),
    ] {
        let state = check(&given, input, |want| {
            unpark(1, 1, want);
            want.emit_for(TICKET, told);
            want.change(Delete);
        });
        assert!(state.is_empty());
    }
}

#[test]
fn a_shipped_line_takes_its_pieces_along() {
    for item in [on_sale(), retired()] {
        check(&[Put(stocked(item.clone())), reserved(1, 5)], ship(), |want| {
            want.change(DeleteLines(sub(1)));
            let (order_id, item_id) = (ORDER.into(), "apple".into());
            let shipped = LineShipped { order_id, line_no: 1, item_id, quantity: 5, item_seq: 8, on_hand: 10 };
            want.emit_for(TICKET, shipped);
            want.change(Put(Item { reserved: 0, shipped: 8, seq: 8, ..stocked(item) }));
        });
    }
}

#[test]
fn a_line_that_is_not_there_is_neither_released_nor_shipped() {
    for input in [release(), ship(), In::Wake(Wake::Deadline, &sub(1))] {
        check(&[], input.clone(), |_| {});
        check(&[Put(stocked(on_sale())), reserved(2, 5)], input, |_| {});
    }
    check(&queue(waiting(2, 2)), ship(), |_| {});
}
