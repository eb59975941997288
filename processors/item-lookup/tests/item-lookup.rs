//! What item-lookup answers, case by case.

use contract::item_lookup::Change::{Delete, DeleteLines, DeleteParked, Put, PutLines, PutParked};
use contract::item_lookup::{Change, Effects, In, ItemLookup, Wake};
use contract::state::{Item, ItemStatus, ParkedLine, Reservation, ReservationStatus};
use contract::testing::MemoryState;
use contract::{CorrectItem, ReceiveStock, RegisterItem, ReleaseLine, ReserveLine, RetireItem, ShipLine};
use contract::{ItemCommandRefused, ItemCorrected, ItemRegistered, ItemRetired, StockReceived};
use contract::{LineParked, LineRefused, LineReleased, LineReserved, LineResumed, LineShipped, RefusedReason};
use flow::{Event, Id, Meta, Seen};
use item_lookup::{NOT_REGISTERED, RESUME_MAX, handle};

const NOW: i64 = 1_700_000_000_000;
const LATER: i64 = NOW + 1_000;
const ORDER: &str = "67e55044-10b1-526f-9247-bb680e5fe0c8";
const TICKET: Id = Id([0x67, 0xe5, 0x50, 0x44, 0x10, 0xb1, 0x52, 0x6f, 0x92, 0x47, 0xbb, 0x68, 0x0e, 0x5f, 0xe0, 0xc8]);

/// Given this state, the input has these effects and no others; the result is the state after them.
#[track_caller]
fn check(given: &[Change], input: In<'_>, expect: impl FnOnce(&mut Effects<'_>)) -> MemoryState {
    check_in(MemoryState::given::<ItemLookup>(given).unwrap(), input, expect)
}

#[track_caller]
fn check_in(mut state: MemoryState, input: In<'_>, expect: impl FnOnce(&mut Effects<'_>)) -> MemoryState {
    let mut want = Effects::new();
    expect(&mut want);
    let meta = Meta { event_id: Id([1; 16]), ticket_id: Id([9; 16]), ..Meta::default() };
    let event = Event { key: "apple", meta, time_ms: NOW, seen: Seen::New, input };
    let got = handle(event, &state.of::<ItemLookup>()).unwrap();
    assert_eq!(got.emits, want.emits);
    assert_eq!(got.changes, want.changes);
    assert_eq!(got.wakes, want.wakes);
    state.apply::<ItemLookup>(&got.changes).unwrap();
    state
}

/// The command takes no effect, for this reason.
#[track_caller]
fn check_refused(given: &[Change], input: In<'_>, reason: &str) {
    let refused = ItemCommandRefused {
        item_id: "apple".into(),
        request_id: "r-1".into(),
        requester: "desk".into(),
        reason: reason.to_owned().into(),
    };
    check(given, input, |want| want.emit(refused));
}

/// The line is refused, for this reason; nothing changes.
#[track_caller]
fn check_line_refused(given: &[Change], input: In<'_>, reason: RefusedReason, detail: &str) {
    check(given, input, |want| want.emit_for(TICKET, line_refused(1, reason, detail)));
}

fn on_sale() -> Item {
    let (name, currency) = ("Apple".to_owned(), "EUR".to_owned());
    Item { status: ItemStatus::OnSale, name, unit_price_minor: 50, currency, ..Item::default() }
}

fn retired() -> Item {
    Item { status: ItemStatus::Retired, ..on_sale() }
}

/// Ten pieces on hand, five reserved, three shipped.
fn stocked(item: Item) -> Item {
    Item { on_hand: 10, reserved: 5, shipped: 3, seq: 7, ..item }
}

/// That many lines wait.
fn waiting(parked: i64, queue_last: i64) -> Item {
    Item { parked, queue_last, ..Item::default() }
}

fn register(name: &'static str, unit_price_minor: i64, currency: &'static str) -> In<'static> {
    let (item_id, request_id, requester) = ("apple".into(), "r-1".into(), "desk".into());
    let (name, currency) = (name.into(), currency.into());
    In::RegisterItem(RegisterItem { item_id, request_id, requester, name, unit_price_minor, currency })
}

fn correct(name: &'static str, unit_price_minor: i64, currency: &'static str) -> In<'static> {
    let (item_id, request_id, requester) = ("apple".into(), "r-1".into(), "desk".into());
    let (name, currency) = (name.into(), currency.into());
    In::CorrectItem(CorrectItem { item_id, request_id, requester, name, unit_price_minor, currency })
}

fn retire() -> In<'static> {
    In::RetireItem(RetireItem { item_id: "apple".into(), request_id: "r-1".into(), requester: "desk".into() })
}

fn receive(quantity: i64) -> In<'static> {
    let (item_id, request_id, requester) = ("apple".into(), "r-1".into(), "desk".into());
    In::ReceiveStock(ReceiveStock { item_id, request_id, requester, quantity })
}

fn reserve(quantity: i64, wait_until: i64) -> In<'static> {
    In::ReserveLine(ReserveLine { order_id: ORDER.into(), line_no: 1, item_id: "apple".into(), quantity, wait_until })
}

fn release() -> In<'static> {
    In::ReleaseLine(ReleaseLine { order_id: ORDER.into(), line_no: 1, item_id: "apple".into() })
}

fn ship() -> In<'static> {
    In::ShipLine(ShipLine { order_id: ORDER.into(), line_no: 1, item_id: "apple".into() })
}

fn sub(line_no: i32) -> String {
    format!("{ORDER}/{line_no}")
}

fn place(queue_no: i64) -> String {
    format!("{queue_no:020}")
}

fn reserved(line_no: i32, quantity: i64) -> Change {
    let status = ReservationStatus::Reserved;
    PutLines(sub(line_no), Reservation { status, quantity, queue_no: 0, wait_until: 0 })
}

/// Both rows of a line that waits until [`LATER`].
fn parked(line_no: i32, quantity: i64, queue_no: i64) -> [Change; 2] {
    let row = ParkedLine { order_id: ORDER.to_owned(), line_no, quantity, wait_until: LATER };
    let status = ReservationStatus::Waiting;
    let line = Reservation { status, quantity, queue_no, wait_until: LATER };
    [PutParked(place(queue_no), row), PutLines(sub(line_no), line)]
}

/// An item and two lines that wait for it: line 1 for two pieces, line 2 for nine.
fn queue(item: Item) -> Vec<Change> {
    let lines = [parked(1, 2, 1), parked(2, 9, 2)];
    [Put(item)].into_iter().chain(lines.into_iter().flatten()).collect()
}

fn unpark(line_no: i32, queue_no: i64, want: &mut Effects<'_>) {
    want.change(DeleteParked(place(queue_no)));
    want.change(DeleteLines(sub(line_no)));
    want.cancel_wake(LATER, Wake::Deadline, sub(line_no));
}

fn line_parked(until: i64) -> LineParked<'static> {
    LineParked { order_id: ORDER.into(), line_no: 1, item_id: "apple".into(), until }
}

fn line_resumed(line_no: i32) -> LineResumed<'static> {
    LineResumed { order_id: ORDER.into(), line_no, item_id: "apple".into() }
}

fn line_reserved(line_no: i32, quantity: i64, item_seq: i64, on_hand: i64) -> LineReserved<'static> {
    LineReserved {
        order_id: ORDER.into(),
        line_no,
        item_id: "apple".into(),
        quantity,
        unit_price_minor: 50,
        currency: "EUR".into(),
        amount_minor: quantity * 50,
        item_seq,
        on_hand,
    }
}

fn line_refused(line_no: i32, reason: RefusedReason, detail: &str) -> LineRefused<'static> {
    let (order_id, item_id) = (ORDER.into(), "apple".into());
    LineRefused { order_id, line_no, item_id, reason, detail: detail.to_owned().into() }
}

fn line_released(quantity: i64, item_seq: i64, on_hand: i64) -> LineReleased<'static> {
    let (order_id, item_id) = (ORDER.into(), "apple".into());
    LineReleased { order_id, line_no: 1, item_id, quantity, item_seq, on_hand }
}

fn registered() -> ItemRegistered<'static> {
    ItemRegistered { item_id: "apple".into(), name: "Apple".into(), unit_price_minor: 50, currency: "EUR".into() }
}

// Commands.

#[test]
fn an_unknown_item_is_registered_with_the_stock_that_came_before() {
    check(&[], register("Apple", 50, "EUR"), |want| {
        want.emit(registered());
        want.change(Put(on_sale()));
    });
    check(&[Put(stocked(Item::default()))], register("Apple", 50, "EUR"), |want| {
        want.emit(registered());
        want.change(Put(stocked(on_sale())));
    });
}

#[test]
fn registering_an_item_wakes_the_lines_that_wait() {
    check(&queue(waiting(2, 2)), register("Apple", 50, "EUR"), |want| {
        want.emit(registered());
        want.wake_at(NOW, Wake::Release, "");
        want.change(Put(Item { parked: 2, queue_last: 2, releasing: true, ..on_sale() }));
    });
}

#[test]
fn registering_an_item_again_changes_nothing() {
    check(&[Put(on_sale())], register("Apple", 50, "EUR"), |_| {});
    for other in [register("Pear", 50, "EUR"), register("Apple", 51, "EUR"), register("Apple", 50, "USD")] {
        check_refused(&[Put(on_sale())], other, "the item is registered with other content; correct it");
    }
    check_refused(&[Put(retired())], register("Apple", 50, "EUR"), "the item is retired");
}

#[test]
fn price_and_currency_have_to_be_valid() {
    let negative = "unit_price_minor is -1; 0 is the least";
    check_refused(&[], register("Apple", -1, "EUR"), negative);
    check_refused(&[Put(on_sale())], correct("Apple", -1, "EUR"), negative);
    for currency in ["", "EU", "EURO", "eur", "E R", "ÄÖ"] {
        let wrong = "currency is not an ISO 4217 code: three capital letters";
        check_refused(&[], register("Apple", 50, currency), wrong);
        check_refused(&[Put(on_sale())], correct("Apple", 50, currency), wrong);
    }
    check(&[], register("", 0, "JPY"), |want| {
        let (item_id, name, currency) = ("apple".into(), "".into(), "JPY".into());
        want.emit(ItemRegistered { item_id, name, unit_price_minor: 0, currency });
        want.change(Put(Item { status: ItemStatus::OnSale, currency: "JPY".to_owned(), ..Item::default() }));
    });
}

#[test]
fn only_an_item_on_sale_is_corrected() {
    check(&[Put(stocked(on_sale()))], correct("Pear", 60, "USD"), |want| {
        let (item_id, name, currency) = ("apple".into(), "Pear".into(), "USD".into());
        want.emit(ItemCorrected { item_id, name, unit_price_minor: 60, currency });
        let (name, currency) = ("Pear".to_owned(), "USD".to_owned());
        want.change(Put(Item { name, unit_price_minor: 60, currency, ..stocked(on_sale()) }));
    });
    check_refused(&[], correct("Pear", 60, "USD"), "the item is not registered");
    check_refused(&[Put(retired())], correct("Pear", 60, "USD"), "the item is retired");
}

#[test]
fn only_an_item_on_sale_is_retired() {
    check(&[Put(stocked(on_sale()))], retire(), |want| {
        want.emit(ItemRetired { item_id: "apple".into() });
        want.change(Put(stocked(retired())));
    });
    check_refused(&[], retire(), "the item is not registered");
    check_refused(&queue(waiting(2, 2)), retire(), "the item is not registered");
    check_refused(&[Put(retired())], retire(), "the item is retired");
}

#[test]
fn stock_is_counted_whether_or_not_the_item_is_on_sale() {
    for item in [Item::default(), on_sale(), retired()] {
        check(&[Put(stocked(item.clone()))], receive(4), |want| {
            want.emit(StockReceived { item_id: "apple".into(), quantity: 4, item_seq: 8, on_hand: 14 });
            want.change(Put(Item { on_hand: 14, seq: 8, ..stocked(item) }));
        });
    }
    check(&[], receive(1), |want| {
        want.emit(StockReceived { item_id: "apple".into(), quantity: 1, item_seq: 1, on_hand: 1 });
        want.change(Put(Item { on_hand: 1, seq: 1, ..Item::default() }));
    });
}

#[test]
fn stock_that_cannot_be_counted_is_refused() {
    check_refused(&[], receive(0), "quantity is 0; 1 is the least");
    check_refused(&[], receive(i64::MIN), "quantity is -9223372036854775808; 1 is the least");
    let most = i64::MAX - 18;
    check_refused(&[Put(stocked(on_sale()))], receive(most + 1), &format!("quantity is {}, too many after 18", most + 1));
    check(&[Put(stocked(on_sale()))], receive(most), |want| {
        want.emit(StockReceived { item_id: "apple".into(), quantity: most, item_seq: 8, on_hand: most + 10 });
        want.change(Put(Item { on_hand: most + 10, seq: 8, ..stocked(on_sale()) }));
    });
}

// Lines.

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
        want.emit(LineRefused { order_id: "one/1".into(), ..line_refused(1, RefusedReason::OutOfStock, "wanted 11, on hand 10") });
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

// Timers.

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
