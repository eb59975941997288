//! What item-lookup answers, case by case.

#[path = "item-lookup/commands.rs"]
mod commands;
#[path = "item-lookup/lines.rs"]
mod lines;
#[path = "item-lookup/timers.rs"]
mod timers;

use contract::item_lookup::Change::{Delete, DeleteLines, DeleteParked, Put, PutLines, PutParked};
use contract::item_lookup::{Change, Effects, In, ItemLookup, Wake};
use contract::state::{Item, ItemStatus, ParkedLine, Reservation, ReservationStatus};
use contract::testing::MemoryState;
use contract::{CorrectItem, ReceiveStock, RegisterItem, ReleaseLine, ReserveLine, RetireItem, ShipLine};
use contract::{ItemCommandRefused, ItemCorrected, ItemRegistered, ItemRetired, StockReceived};
use contract::{LineParked, LineRefused, LineReleased, LineReserved, LineResumed, LineShipped, RefusedReason};
use flow::{Event, Id, Meta, Seen};
use item_lookup::{NOT_REGISTERED, RESUME_MAX, USED_BEFORE, handle};

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
    assert_eq!(state.unreadable(), Vec::<String>::new());
    state.apply::<ItemLookup>(&got.changes).unwrap();
    state
}

/// The command takes no effect, for this reason.
#[track_caller]
fn check_refused(given: &[Change], input: In<'_>, reason: &str) {
    check(given, input, |want| want.emit(refused(reason)));
}

fn refused(reason: &str) -> ItemCommandRefused<'static> {
    ItemCommandRefused {
        item_id: "apple".into(),
        request_id: "r-1".into(),
        requester: "desk".into(),
        reason: reason.to_owned().into(),
    }
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
    let row = ParkedLine { order_id: ORDER.to_owned(), line_no, quantity, wait_until: LATER, parked_at: NOW };
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
