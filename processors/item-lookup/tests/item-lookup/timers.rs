//! What happens when a timer fires.

use super::*;

#[test]
fn a_line_is_refused_at_its_deadline() {
    check(&queue(waiting(2, 2)), In::Wake(Wake::Deadline, &sub(1)), |want| {
        unpark(1, 1, want);
        want.emit_for(TICKET, line_refused(1, RefusedReason::ItemUnknown, NOT_REGISTERED));
        want.change(Put(waiting(1, 2)));
    });
}

#[test]
fn a_deadline_means_nothing_to_a_line_that_waits_no_more() {
    check(&[Put(stocked(on_sale())), reserved(1, 5)], In::Wake(Wake::Deadline, &sub(1)), |_| {});
    let releasing = Item { parked: 2, queue_last: 2, releasing: true, ..stocked(on_sale()) };
    check(&queue(releasing), In::Wake(Wake::Deadline, &sub(1)), |_| {});
}

#[test]
fn waiting_lines_go_on_in_order_as_far_as_the_stock_goes() {
    let given = queue(Item { parked: 2, queue_last: 2, releasing: true, ..stocked(on_sale()) });
    check(&given, In::Wake(Wake::Release, ""), |want| {
        unpark(1, 1, want);
        want.emit_for(TICKET, line_resumed(1));
        want.change(reserved(1, 2));
        want.emit_for(TICKET, line_reserved(1, 2, 8, 8));
        unpark(2, 2, want);
        want.emit_for(TICKET, line_resumed(2));
        want.emit_for(TICKET, line_refused(2, RefusedReason::OutOfStock, "wanted 9, on hand 8"));
        want.change(Put(Item { on_hand: 8, reserved: 7, seq: 8, queue_last: 2, ..stocked(on_sale()) }));
    });
}

#[test]
fn an_item_retired_meanwhile_refuses_the_lines_that_go_on() {
    let given = queue(Item { parked: 2, queue_last: 2, releasing: true, ..stocked(retired()) });
    check(&given, In::Wake(Wake::Release, ""), |want| {
        for line_no in [1, 2] {
            unpark(line_no, line_no.into(), want);
            want.emit_for(TICKET, line_resumed(line_no));
            let detail = "the item is not sold any more";
            want.emit_for(TICKET, line_refused(line_no, RefusedReason::ItemRetired, detail));
        }
        want.change(Put(Item { queue_last: 2, ..stocked(retired()) }));
    });
}

#[test]
fn a_queue_that_emptied_meanwhile_is_released_all_the_same() {
    let item = Item { releasing: true, queue_last: 2, ..on_sale() };
    check(&[Put(item.clone())], In::Wake(Wake::Release, ""), |want| {
        want.change(Put(Item { releasing: false, ..item }));
    });
}

#[test]
fn a_long_queue_goes_on_in_batches_with_wakes_of_their_own() {
    let count = 2 * RESUME_MAX as i64 + 5;
    let item = Item { parked: count, queue_last: count, releasing: true, on_hand: count, seq: 1, ..on_sale() };
    let lines = (1..=count).flat_map(|no| parked(no as i32, 1, no));
    let given: Vec<Change> = [Put(item)].into_iter().chain(lines).collect();
    let mut state = MemoryState::given::<ItemLookup>(&given).unwrap();
    let (mut wake, mut done) = (String::new(), 0);
    for batch in [RESUME_MAX as i64, RESUME_MAX as i64, 5] {
        let (from, last) = (wake.clone(), place(done + batch));
        state = check_in(state, In::Wake(Wake::Release, &from), |want| {
            for no in done + 1..=done + batch {
                unpark(no as i32, no, want);
                want.emit_for(TICKET, line_resumed(no as i32));
                want.change(reserved(no as i32, 1));
                want.emit_for(TICKET, line_reserved(no as i32, 1, no + 1, count - no));
            }
            done += batch;
            let parked = count - done;
            if parked > 0 {
                want.wake_at(NOW, Wake::Release, last.clone());
            }
            let (on_hand, reserved, seq) = (count - done, done, done + 1);
            let releasing = parked > 0;
            want.change(Put(Item { parked, queue_last: count, releasing, on_hand, reserved, seq, ..on_sale() }));
        });
        wake = last;
    }
    assert_eq!(state.of::<ItemLookup>().parked_scan("", 1), []);
}
