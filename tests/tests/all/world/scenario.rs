//! What shops and catalogue ask for, drawn at random.

use std::ops::Range;

use contract::item_lookup::In;
use contract::{CorrectItem, Line, PlaceOrder, ReceiveStock, RegisterItem, RetireItem, ticket_id};
use flow::Seen;
use proptest::prelude::*;

use super::ledger::Ledger;

pub const START_MS: i64 = 1_700_000_000_000;

/// Everything that is asked for, and the seed of the order in which it happens.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Commands for each item, in order.
    pub items: Vec<Vec<Command>>,
    pub asks: Vec<Ask>,
    pub seed: u64,
    /// Milliseconds between two steps, on average.
    pub pace_ms: u64,
}

#[derive(Debug, Clone)]
pub enum Command {
    Register { price: i64, currency: &'static str },
    Correct { price: i64, currency: &'static str },
    Retire,
    Receive { quantity: i64 },
}

/// An order. One without lines is invalid.
#[derive(Debug, Clone)]
pub struct Ask {
    pub name: usize,
    /// Item and quantity of each line.
    pub lines: Vec<(usize, i64)>,
    pub wait_ms: Option<i64>,
    pub reply: bool,
    /// How often the command comes.
    pub sent: usize,
}

impl Ask {
    pub fn request_id(&self) -> String {
        format!("r-{}", self.name)
    }
}

impl Scenario {
    /// Commands for items, with the item of each.
    pub fn catalogue(&self) -> Vec<(String, In<'static>)> {
        let of = |item: usize| self.items[item].iter().map(move |command| (item_id(item), command.input(item)));
        (0..self.items.len()).flat_map(of).collect()
    }

    /// Commands for orders, and whether each came before.
    pub fn orders(&self) -> Vec<(PlaceOrder<'static>, Seen)> {
        let again = |nth| if nth == 0 { Seen::New } else { Seen::Duplicate };
        let of = |ask: &Ask| (0..ask.sent).map(|nth| (self.order(ask), again(nth))).collect::<Vec<_>>();
        self.asks.iter().flat_map(of).collect()
    }

    fn order(&self, ask: &Ask) -> PlaceOrder<'static> {
        let lines = ask.lines.iter().zip(1..).map(|((item, quantity), line_no)| Line {
            line_no,
            item_id: item_id(item % self.items.len()).into(),
            quantity: *quantity,
        });
        PlaceOrder {
            order_id: ticket_id("shop", &ask.request_id()).into(),
            request_id: ask.request_id().into(),
            requester: "shop".into(),
            reply_to: if ask.reply { "order-replies.v1" } else { "" }.into(),
            customer_id: "c-1".into(),
            lines: lines.collect(),
            wait_until: ask.wait_ms.map(|wait_ms| START_MS + wait_ms),
        }
    }
}

impl Command {
    fn input(&self, item: usize) -> In<'static> {
        let (item_id, request_id, requester) = (item_id(item).into(), "r-1".into(), "desk".into());
        match *self {
            Command::Register { price, currency } => {
                let (name, currency, unit_price_minor) = ("thing".into(), currency.into(), price);
                In::RegisterItem(RegisterItem { item_id, request_id, requester, name, unit_price_minor, currency })
            }
            Command::Correct { price, currency } => {
                let (name, currency, unit_price_minor) = ("thing".into(), currency.into(), price);
                In::CorrectItem(CorrectItem { item_id, request_id, requester, name, unit_price_minor, currency })
            }
            Command::Retire => In::RetireItem(RetireItem { item_id, request_id, requester }),
            Command::Receive { quantity } => {
                In::ReceiveStock(ReceiveStock { item_id, request_id, requester, quantity })
            }
        }
    }
}

fn item_id(item: usize) -> String {
    format!("item-{item}")
}

fn sold_as() -> impl Strategy<Value = (i64, &'static str)> {
    // Two lines at the second price overflow a total, two pieces an amount.
    let price = prop_oneof![20 => 0..1_000i64, 1 => Just(i64::MAX - 1)];
    (price, prop_oneof![3 => Just("EUR"), 1 => Just("USD")])
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => sold_as().prop_map(|(price, currency)| Command::Register { price, currency }),
        1 => sold_as().prop_map(|(price, currency)| Command::Correct { price, currency }),
        1 => Just(Command::Retire),
        6 => (1..40i64).prop_map(|quantity| Command::Receive { quantity }),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let wait_ms = prop_oneof![3 => Just(None), 1 => (0..2_000i64).prop_map(Some)];
    let lines = prop::collection::vec((0..4usize, 1..6i64), 0..5);
    (lines, wait_ms, any::<bool>(), 1..3usize).prop_map(|(lines, wait_ms, reply, sent)| Ask {
        name: 0,
        lines,
        wait_ms,
        reply,
        sent,
    })
}

fn many<T: std::fmt::Debug>(of: impl Strategy<Value = T>, size: Range<usize>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(of, size)
}

/// Any scenario.
pub fn any_scenario() -> impl Strategy<Value = Scenario> {
    let items = many(many(command(), 0..8), 1..5);
    (items, many(ask(), 1..8), any::<u64>(), 0..40u64).prop_map(|(items, asks, seed, pace_ms)| {
        let asks = asks.into_iter().enumerate().map(|(name, ask)| Ask { name, ..ask }).collect();
        Scenario { items, asks, seed, pace_ms }
    })
}

/// What some scenario has to lead to, or else the test is too tame.
pub const TO_REACH: &[&str] = &[
    "an order is completed",
    "an order is completed after it was parked",
    "an order is parked before it is placed",
    "an order is rejected: MIXED_CURRENCIES",
    "an order is rejected: ITEM_RETIRED",
    "an order is rejected: ITEM_UNKNOWN",
    "an order is rejected: OUT_OF_STOCK",
    "an order is rejected: OTHER",
    "a reserved line is released",
    "a waiting line is released",
    "a line that waited is reserved, then released",
    "a line is refused though its release was asked for",
];

/// What this one led to.
pub fn reached(ledger: &Ledger) -> Vec<String> {
    let mut reached = Vec::new();
    let mut note = |what: &str, is: bool| reached.extend(is.then(|| what.to_owned()));
    for order in ledger.orders.values() {
        let at = |event| order.events.iter().position(|it| *it == event);
        note("an order is completed", at("Completed").is_some());
        note("an order is completed after it was parked", at("Completed").is_some() && at("Parked").is_some());
        note("an order is parked before it is placed", at("Parked").is_some() && at("Parked") < at("Placed"));
        note(&format!("an order is rejected: {}", order.reason.unwrap_or_default()), order.reason.is_some());
    }
    for line in ledger.lines.values() {
        let reserved = line.released - line.released_waiting == 1;
        note("a reserved line is released", reserved && line.parked == 0);
        note("a waiting line is released", line.released_waiting == 1);
        note("a line that waited is reserved, then released", reserved && line.parked == 1);
        note("a line is refused though its release was asked for", line.release_asked == 1 && line.refused == 1);
    }
    reached
}
