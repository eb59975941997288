//! The trouble that was asked for, and no other.

use std::collections::{BTreeMap, BTreeSet};

use engine::core::headers;
use engine::shell::client::Message;

use super::super::{Kind, Trouble, plan};
use super::{SCALE, is_garbage, sent, trouble};

#[test]
fn late_items_are_registered_after_all_orders_and_stock_always_comes_first() {
    let plan = plan(SCALE, &Trouble { duplicates: 0.0, garbage: 0, ..trouble() }).expect("a plan");
    let (messages, manifest) = sent(&plan);
    let at = |topic: &str| messages.iter().position(|message| message.topic == topic).expect("a command");
    let last_order = messages.iter().rposition(|message| message.topic == "order-commands.v1").expect("an order");
    let (first_order, mut early_stock, mut late_stock) = (at("order-commands.v1"), 0, 0);
    for item in &manifest.items {
        let of =
            messages.iter().enumerate().filter(|(_, message)| message.key.as_deref() == Some(item.item_id.as_bytes()));
        let (registers, stock): (Vec<_>, Vec<_>) =
            of.partition(|(_, message)| message.header(headers::RECORD) == "RegisterItem");
        let register = registers[0].0;
        assert!(if item.late { register > last_order } else { register < first_order }, "{item:?}");
        assert!(stock.iter().all(|(at, _)| *at < register));
        if item.late && stock.iter().all(|(at, _)| *at < first_order) {
            early_stock += 1;
        } else if item.late && stock.iter().all(|(at, _)| *at > last_order) {
            late_stock += 1;
        }
    }
    assert!(early_stock > 0 && late_stock > 0, "{early_stock} early, {late_stock} late");
}

#[test]
fn duplicates_are_the_same_bytes_at_once_or_much_later() {
    let plan = plan(SCALE, &trouble()).expect("a plan");
    let (messages, manifest) = sent(&plan);
    let mut first: BTreeMap<_, usize> = BTreeMap::new();
    let mut gaps = Vec::new();
    let mut count: BTreeMap<String, u64> = BTreeMap::new();
    for (at, message) in messages.iter().enumerate().filter(|(_, message)| !is_garbage(message)) {
        let same = (&message.topic, message.partition, &message.key, &message.value, &message.headers);
        if let Some(before) = first.insert(same, at) {
            gaps.push(at - before);
            *count.entry(message.topic.clone()).or_default() += 1;
        }
    }
    assert_eq!(manifest.counts.duplicates, count);
    assert_eq!((manifest.duplicates(), manifest.counts.commands), (plan.duplicates, plan.commands));
    let resent: u64 = manifest.items.iter().map(|item| u64::from(item.resent)).sum();
    let again: u64 = manifest.orders.iter().map(|order| u64::from(order.sent - 1)).sum();
    assert_eq!((resent, again), (count["item-commands.v1"], count["order-commands.v1"]));
    assert!((plan.duplicates as f64 / plan.commands as f64 - 0.2).abs() < 0.05);
    let (at_once, later) = gaps.iter().partition::<Vec<usize>, _>(|gap| **gap == 1);
    assert!(at_once.len() > 20 && later.iter().filter(|gap| **gap > 100).count() > 20, "{gaps:?}");
}

#[test]
fn garbage_is_spread_and_remembered_byte_for_byte() {
    let plan = plan(SCALE, &trouble()).expect("a plan");
    let (messages, manifest) = sent(&plan);
    let sent: Vec<(usize, &Message)> = messages.iter().enumerate().filter(|(_, message)| is_garbage(message)).collect();
    assert_eq!((sent.len(), manifest.garbage.len()), (21, 21));
    for ((_, message), garbage) in sent.iter().zip(&manifest.garbage) {
        assert_eq!((&message.topic, message.partition), (&garbage.topic, garbage.partition));
        assert_eq!(message.key, garbage.key.clone().map(|key| key.0));
        assert_eq!(message.value, garbage.value.clone().map(|value| value.0));
        let reader = if garbage.topic == "order-commands.v1" { "order-intake-dlq" } else { "item-lookup-dlq" };
        assert_eq!(garbage.dead_letters, [reader]);
        let value = message.value.as_deref();
        let framed = value.and_then(|value| value.strip_prefix(&[0]));
        match garbage.kind {
            Kind::Null => assert_eq!(value, None),
            Kind::Empty => assert_eq!(value, Some(&[][..])),
            Kind::Random => assert!(framed.is_none() && value.is_some_and(|value| !value.is_empty())),
            Kind::UnknownSchema => assert!(framed.is_some_and(|rest| rest[0] == 0x7f)),
            _ => assert!(framed.is_some_and(|rest| rest.len() >= 4 && rest[0] == 0)),
        }
    }
    let kinds: BTreeSet<(&str, Kind)> =
        manifest.garbage.iter().map(|garbage| (garbage.topic.as_str(), garbage.kind)).collect();
    assert_eq!(kinds.len(), 21, "each kind on each topic");
    assert!(manifest.garbage.iter().any(|garbage| garbage.key.is_none()));
    assert!(manifest.garbage.iter().any(|garbage| garbage.key.is_some()));
    let widest = sent.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or_default();
    assert!(widest < messages.len() / 10, "{widest} of {}", messages.len());
}
