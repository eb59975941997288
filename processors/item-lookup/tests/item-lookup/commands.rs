//! What the catalogue and the warehouse ask for.

use super::*;

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
    check_refused(
        &[Put(stocked(on_sale()))],
        receive(most + 1),
        &format!("quantity is {}, too many after 18", most + 1),
    );
    check(&[Put(stocked(on_sale()))], receive(most), |want| {
        want.emit(StockReceived { item_id: "apple".into(), quantity: most, item_seq: 8, on_hand: most + 10 });
        want.change(Put(Item { on_hand: most + 10, seq: 8, ..stocked(on_sale()) }));
    });
}

#[test]
fn a_request_id_that_was_used_for_something_else_is_refused_and_changes_nothing() {
    for input in [register("Pear", 70, "EUR"), correct("Pear", 70, "EUR"), retire(), receive(5)] {
        let state = MemoryState::given::<ItemLookup>(&[Put(stocked(on_sale()))]).unwrap();
        let event = Event { key: "apple", meta: Meta::default(), time_ms: NOW, seen: Seen::Conflict, input };
        let got = handle(event, &state.of::<ItemLookup>()).unwrap();
        let mut want = Effects::new();
        want.emit(refused(USED_BEFORE));
        assert_eq!(got.emits, want.emits);
        assert!(got.changes.is_empty() && got.wakes.is_empty(), "{:?}", got.changes);
    }
}
