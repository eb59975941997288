//! Verdict: what came of a load, told by a reader of the committed log who knows only what was sent.
//!
//! It uses neither the processors' counters nor their codecs, and reads every topic on which they write.

mod claim;
mod decode;
mod feed;
mod item;
mod judge;
mod letters;
mod order;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use engine::shell::client::Message;
use flow::Id;

use crate::load::{Item, LOAD, Manifest, Order};

pub use claim::Claim;
pub use judge::Verdict;
pub use report::{json, summary};

use claim::Findings;
use decode::Decoder;
use item::ItemSeen;
use letters::Letters;
use order::OrderSeen;

const ITEMS: &str = "items.v1";
const ITEM_REQUESTS: &str = "item-requests.v1";
const ITEM_RESULTS: &str = "item-results.v1";
const ORDERS: &str = "orders.v1";
const ORDER_EVENTS: &str = "order-events.v1";
const ORDER_REPLIES: &str = "order-replies.v1";

/// What the reader has to read, from the start. The requests tell in which order lines were asked for.
pub const TOPICS: [&str; 9] = [
    ITEMS,
    ITEM_REQUESTS,
    ITEM_RESULTS,
    ORDERS,
    ORDER_EVENTS,
    ORDER_REPLIES,
    "order-intake-dlq",
    "item-lookup-dlq",
    "fulfilment-dlq",
];
const DEAD_LETTERS: &str = "-dlq";

/// How far the flow is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Orders accepted.
    pub accepted: u64,
    /// Orders that wait for an item at this moment.
    pub parked_now: u64,
    pub completed: u64,
    pub rejected: u64,
    /// Orders with a final answer.
    pub final_answers: u64,
    /// Records read.
    pub records: u64,
}

/// Counts of what must come, to know the end when it has come.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    registered: u64,
    deliveries: u64,
    acceptances: u64,
    settled: u64,
}

/// Reads everything once and keeps what the laws need: about 200 bytes an order, 48 a line and 16 a record.
pub struct Reader {
    decoder: Decoder,
    /// Offset of the last record of each topic and partition.
    last: BTreeMap<(usize, u32), i64>,
    /// Topics and event ids, folded to 64 bits.
    events: HashSet<u64>,
    orders: BTreeMap<Id, OrderSeen>,
    item_numbers: HashMap<String, u32>,
    items: Vec<ItemSeen>,
    letters: Letters,
    /// Records among the requests that are none, by the load that they name; anybody may write there.
    strangers: BTreeMap<String, u64>,
    currencies: BTreeSet<String>,
    findings: Findings,
    tally: Tally,
    progress: Progress,
}

/// An event id in 64 bits: two of 100 million differ with all but certainty (1 in 3,700).
fn fold(id: Id) -> u64 {
    let number = u128::from_be_bytes(id.0);
    (number >> 64) as u64 ^ (number as u64).rotate_left(17)
}

impl Reader {
    /// `schema` gives the JSON of a schema id, or nothing when there is no such id.
    pub fn new(schema: impl Fn(u32) -> Option<String> + Send + 'static) -> Reader {
        Reader {
            decoder: Decoder::new(schema),
            last: BTreeMap::new(),
            events: HashSet::new(),
            orders: BTreeMap::new(),
            item_numbers: HashMap::new(),
            items: Vec::new(),
            letters: Letters::default(),
            strangers: BTreeMap::new(),
            currencies: BTreeSet::new(),
            findings: Findings::default(),
            tally: Tally::default(),
            progress: Progress::default(),
        }
    }

    /// Takes in a record of one of [`TOPICS`]. One that was read before (the same offset) is ignored.
    pub fn feed(&mut self, message: &Message) {
        let Some(topic) = TOPICS.iter().position(|topic| *topic == message.topic) else { return };
        let last = self.last.entry((topic, message.partition)).or_insert(-1);
        if message.offset <= *last {
            return;
        }
        *last = message.offset;
        self.progress.records += 1;
        if message.topic.ends_with(DEAD_LETTERS) {
            return self.letters.add(message);
        }
        if let Err(why) = self.read(topic, message) {
            if message.topic == ITEM_REQUESTS {
                *self.strangers.entry(message.header(LOAD).to_owned()).or_default() += 1;
                return;
            }
            let (topic, partition, offset) = (&message.topic, message.partition, message.offset);
            self.findings.add(Claim::Readable, || format!("{topic}/{partition} offset {offset}: {why}"));
        }
    }

    fn read(&mut self, topic: usize, message: &Message) -> Result<(), String> {
        let record = self.decoder.decode(message.value.as_deref())?;
        let key = if matches!(TOPICS[topic], ITEMS | ITEM_REQUESTS) { "item_id" } else { "order_id" };
        if let Some(disagreement) = record.disagreement(message, key) {
            return Err(format!("{}: {disagreement}", record.record));
        }
        self.take(TOPICS[topic], message, &record)?;
        // A copy of a command is answered with the same acceptance.
        let new = self.events.insert(fold(record.event_id).rotate_left(topic as u32)) || record.record == "Accepted";
        let id = record.event_id;
        self.findings.unless(new, Claim::NothingTwice, || format!("{} {id} on {} twice", record.record, message.topic));
        Ok(())
    }

    /// How far the flow is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Whether all that must come has come: every item is registered and stocked, every copy of every order command is
    /// accepted, every order has its final answer, every line is shipped, refused or released, and all garbage is in
    /// the dead letters. It says nothing about whether that is right, and stays false for ever when something is lost.
    /// What was committed together with the last of it may still be unread: read on until the tail has caught up.
    pub fn done(&self, manifest: &Manifest) -> bool {
        let copies = || manifest.orders.iter().map(|order| u64::from(order.sent)).sum();
        let deliveries = || manifest.items.iter().map(|item| u64::from(item.deliveries)).sum();
        self.progress.final_answers >= manifest.counts.orders
            && self.tally.settled >= manifest.counts.lines
            && self.tally.acceptances >= copies()
            && self.tally.registered >= manifest.counts.items
            && self.tally.deliveries >= deliveries()
            && self.letters.count_of(manifest) >= letters::wanted(manifest)
            && self.has_all(manifest)
    }

    /// The same one by one: in the sums above is what another load asked for.
    fn has_all(&self, manifest: &Manifest) -> bool {
        let order = |order: &Order| {
            let Some(seen) = self.orders.get(&order.order_id) else { return false };
            let settled = seen.lines.iter().filter(|line| line.settled()).count();
            seen.answers() > 0 && seen.acceptances >= order.sent && settled >= order.lines.len()
        };
        let item = |item: &Item| {
            let number = self.item_numbers.get(&item.item_id);
            let seen = number.and_then(|number| self.items.get(*number as usize - 1));
            seen.is_some_and(|seen| seen.registered > 0 && seen.deliveries >= item.deliveries)
        };
        manifest.orders.iter().all(order) && manifest.items.iter().all(item)
    }

    /// The final state of each order, as a line of text, in order of their ids: whatever the interleaving of other orders
    /// decides (who got the last piece) shows here, the order of events does not.
    pub fn states(&self) -> impl Iterator<Item = String> + '_ {
        self.orders.iter().map(|(id, order)| {
            let lines = order.lines.iter().map(|line| {
                let end = if line.has(order::Step::Shipped) { "shipped" } else { "not shipped" };
                format!("{}:{}x{} {end}", line.line_no, line.quantity, line.amount_minor)
            });
            let lines = lines.collect::<Vec<_>>().join(", ");
            format!("{id} {:?} {} {} [{lines}]", order.last, order.completed_minor, order.replied_minor)
        })
    }
}
