//! The three processors together, whatever is ordered and however it comes: nothing is lost, and everyone gets an answer.
//!
//! Records of one key on one topic stay in order; in all else the schedule is random, and more so than any engine's:
//! a timer that is due may fire much later.

mod ledger;
mod room;
mod scenario;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use contract::fulfilment::Fulfilment;
use contract::item_lookup::{self, ItemLookup};
use contract::order_intake::{self, OrderIntake};
use contract::{PlaceOrder, ticket_id};
use flow::{Event, Meta, Processor, Seen};
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use ledger::Ledger;
use room::{Record, Room};
use scenario::{Ask, START_MS, Scenario};

/// What stands on a topic: a command from outside, or a record of ours.
enum Parcel {
    Place(PlaceOrder<'static>, Seen),
    Catalogue(item_lookup::In<'static>),
    Record(Record),
}

/// Topics by name and key, and who reads them.
struct World {
    now_ms: i64,
    topics: BTreeMap<(&'static str, String), VecDeque<Parcel>>,
    intake: Room<OrderIntake>,
    lookup: Room<ItemLookup>,
    fulfilment: Room<Fulfilment>,
    ledger: Ledger,
    commands: u64,
}

impl World {
    fn new(scenario: &Scenario) -> World {
        let mut world = World {
            now_ms: START_MS,
            topics: BTreeMap::new(),
            intake: Room::<OrderIntake>::new(::order_intake::handle),
            lookup: Room::<ItemLookup>::new(::item_lookup::handle),
            fulfilment: Room::<Fulfilment>::new(::fulfilment::handle),
            ledger: Ledger::default(),
            commands: 0,
        };
        for (item_id, command) in scenario.catalogue() {
            world.send("item-commands.v1", item_id, Parcel::Catalogue(command));
        }
        for (command, seen) in scenario.orders() {
            world.send("order-commands.v1", command.order_id.to_string(), Parcel::Place(command, seen));
        }
        world
    }

    fn send(&mut self, topic: &'static str, key: String, parcel: Parcel) {
        self.topics.entry((topic, key)).or_default().push_back(parcel);
    }

    /// Handles one record or timer, the one that `pick` picks. Whether there was one.
    fn step(&mut self, pick: u64) -> bool {
        let due = self.lookup.timers.iter().take_while(|timer| timer.due_ms <= self.now_ms).count();
        let choices = self.topics.len() + due;
        let records = if choices == 0 {
            let Some(timer) = self.lookup.timers.first().cloned() else { return false };
            self.now_ms = timer.due_ms;
            self.lookup.fire(&timer, &mut self.ledger)
        } else {
            let picked = (pick % choices as u64) as usize;
            match self.lookup.timers.iter().nth(picked).filter(|_| picked < due).cloned() {
                Some(timer) => self.lookup.fire(&timer, &mut self.ledger),
                None => self.deliver(picked - due),
            }
        };
        for record in records {
            let read = [Fulfilment::TOPOLOGY, ItemLookup::TOPOLOGY].iter().any(|it| reads(it, record.topic));
            if read {
                self.send(record.topic, record.key.clone(), Parcel::Record(record));
            }
        }
        true
    }

    fn deliver(&mut self, picked: usize) -> Vec<Record> {
        let (topic, key) = self.topics.keys().nth(picked).unwrap().clone();
        let parcels = self.topics.get_mut(&(topic, key.clone())).unwrap();
        let parcel = parcels.pop_front().unwrap();
        if parcels.is_empty() {
            self.topics.remove(&(topic, key.clone()));
        }
        let (time_ms, ledger) = (self.now_ms, &mut self.ledger);
        self.commands += 1;
        let meta = Meta { event_id: room::id("command", &self.commands.to_string()), ..Meta::default() };
        match parcel {
            Parcel::Place(command, seen) => {
                let input = order_intake::In::PlaceOrder(command);
                self.intake.call(Event { key: &key, meta, time_ms, seen, input }, ledger)
            }
            Parcel::Catalogue(input) => {
                self.lookup.call(Event { key: &key, meta, time_ms, seen: Seen::New, input }, ledger)
            }
            Parcel::Record(record) if reads(ItemLookup::TOPOLOGY, topic) => self.lookup.take(&record, time_ms, ledger),
            Parcel::Record(record) => self.fulfilment.take(&record, time_ms, ledger),
        }
    }
}

fn reads(topology: &flow::Topology, topic: &str) -> bool {
    topology.inputs.iter().any(|input| input.topic == topic)
}

/// Runs until nothing is left to do, then looks at the books.
fn check(scenario: &Scenario) -> Ledger {
    let mut world = World::new(scenario);
    let mut random = scenario.seed;
    for step in 0.. {
        assert!(step < 100_000, "it never ends");
        world.now_ms += (splitmix64(&mut random) % (2 * scenario.pace_ms + 1)) as i64;
        if !world.step(splitmix64(&mut random)) {
            break;
        }
    }
    check_items(&world);
    for ask in &scenario.asks {
        check_order(ask, &world);
    }
    world.ledger
}

/// Nothing waits, nothing is put aside, and every piece is where it is said to be.
fn check_items(world: &World) {
    for (item_id, state) in &world.lookup.states {
        let item = state.of::<ItemLookup>().get().unwrap_or_default();
        let stock = world.ledger.items.get(item_id);
        let received = stock.map_or(0, |stock| stock.received);
        assert_eq!(received, item.on_hand + item.reserved + item.shipped, "{item_id}: {item:?}");
        let said = stock.map_or((0, 0, 0), |stock| (stock.on_hand, stock.reserved, stock.shipped));
        assert_eq!(said, (item.on_hand, item.reserved, item.shipped), "{item_id}: {item:?}");
        assert_eq!((item.reserved, item.parked, item.releasing), (0, 0, false), "{item_id}: {item:?}");
        assert!(state.len() <= 1, "{item_id}: rows are left over");
    }
}

/// One story and one final answer for an order, one end for each of its lines; then it is forgotten.
fn check_order(ask: &Ask, world: &World) {
    let order_id = ticket_id("shop", &ask.request_id());
    let order = &world.ledger.orders.get(&order_id);
    let count = |names: &[&'static str], name| names.iter().filter(|it| **it == name).count();
    let replies = order.map_or(&[][..], |order| &order.replies);
    let accepted = order.is_some_and(|order| order.accepted == 1);
    let answers = if ask.reply { ask.sent } else { 0 };
    assert_eq!(accepted, !ask.lines.is_empty(), "{order_id}: {order:?}");
    assert_eq!(count(replies, if accepted { "Accepted" } else { "Rejected" }), answers, "{order_id}: {order:?}");
    assert!(world.fulfilment.states.get(&order_id).is_none_or(|state| state.is_empty()), "{order_id} is remembered");
    let Some(order) = order.filter(|_| accepted) else { return };

    let completed = order.events.contains(&"Completed");
    let last = if completed { ("Completed", "Failed") } else { ("Failed", "Completed") };
    assert_eq!(count(replies, last.0), usize::from(ask.reply), "{order_id}: {order:?}");
    assert_eq!(replies.len(), answers + usize::from(ask.reply), "{order_id}: {order:?}");
    assert_eq!(count(&order.events, "Placed"), 1, "{order_id}: {order:?}");
    for (event, with_completed) in [("Confirmed", true), ("Shipped", true), ("Completed", true), ("Rejected", false)] {
        assert_eq!(count(&order.events, event), usize::from(completed == with_completed), "{order_id}: {order:?}");
    }

    let lines = (1..=ask.lines.len()).map(|line_no| &world.ledger.lines[&(order_id.clone(), line_no as i32)]);
    let amounts = lines.clone().map(|line| line.amount_minor);
    assert!(!completed || order.total_minor == Some(amounts.sum()), "{order_id}: {order:?}");
    for line in lines {
        assert_eq!(line.asked, 1, "{order_id}: {line:?}");
        assert_eq!(line.refused + line.released + line.shipped, 1, "{order_id}: {line:?}");
        assert_eq!(line.shipped, u32::from(completed), "{order_id}: {line:?}");
        assert_eq!(line.ship_asked, line.shipped, "{order_id}: {line:?}");
        assert!(line.released <= line.release_asked && line.release_asked <= 1, "{order_id}: {line:?}");
        assert_eq!(line.reserved, line.shipped + line.released - line.released_waiting, "{order_id}: {line:?}");
        assert!(line.resumed <= line.parked && line.parked <= 1, "{order_id}: {line:?}");
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A failure prints the smallest scenario that shows it, and a line `cc <seed>` for the file of regressions beside this
/// one, from which it runs first the next time.
#[test]
fn nothing_is_lost_and_everyone_gets_an_answer() {
    let persistence = FileFailurePersistence::WithSource("regressions");
    let failure_persistence = Some(Box::new(persistence) as _);
    let config = Config { cases: 512, failure_persistence, source_file: Some(file!()), ..Config::default() };
    let reached = RefCell::new(BTreeMap::<String, u32>::new());
    let run = TestRunner::new(config).run(&scenario::any_scenario(), |scenario| {
        let ledger = check(&scenario);
        let mut reached = reached.borrow_mut();
        for what in scenario::reached(&ledger) {
            *reached.entry(what.to_owned()).or_default() += 1;
        }
        Ok(())
    });
    if let Err(failure) = run {
        panic!("{failure}");
    }
    // A test that never gets anywhere proves nothing.
    for what in scenario::TO_REACH {
        assert!(reached.borrow().contains_key(*what), "no scenario had: {what}; reached: {reached:?}");
    }
}

#[test]
fn fulfilment_takes_as_many_lines_as_order_intake_lets_in() {
    assert_eq!(fulfilment::LINES_MAX, ::order_intake::LINES_MAX);
}
