//! What is to be sent, decided before anything is sent: the same scale and trouble give the same plan.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::dice::{Ask, Dice};
use super::manifest::{Counts, Item, Manifest};
use super::tpch::{self, OrderRow, SUPPLIERS};

/// TPC-H is defined from here: one supplier, 20 parts, 150 orders.
const SCALE_MIN: f64 = 0.0001;
/// 20 million parts; the plan would need a gigabyte.
const SCALE_MAX: f64 = 100.0;
/// What a scarce item has of its demand.
const SCARCE_PERCENT: i64 = 70;
pub const CURRENCY: &str = "USD";

/// What goes wrong on purpose. Shares are between 0 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// Share of commands that are sent twice.
    pub duplicates: f64,
    /// Share of items that are registered only after all orders.
    pub late: f64,
    /// Share of items whose stock is 70 % of the demand.
    pub scarce: f64,
    /// Number of records that nobody can handle.
    pub garbage: usize,
    pub seed: u64,
}

impl Default for Trouble {
    /// The demo's.
    fn default() -> Trouble {
        Trouble { duplicates: 0.05, late: 0.01, scarce: 0.05, garbage: 20, seed: 1 }
    }
}

/// All that is decided. Needs 64 bytes a part (13 MB at scale 1); orders are generated again when they are sent.
#[derive(Debug, Clone)]
pub struct Plan {
    pub scale: f64,
    pub trouble: Trouble,
    /// By part key - 1.
    pub parts: Vec<Part>,
    pub orders: u64,
    pub lines: u64,
    /// Different commands.
    pub commands: u64,
    /// Commands that are sent a second time.
    pub duplicates: u64,
}

/// What is decided of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub price_minor: i64,
    pub demand: i64,
    /// Pieces of each delivery; one of no pieces is not sent.
    pub deliveries: [i64; SUPPLIERS],
    /// Pieces of the last delivery that TPC-H does not have available.
    pub raised: i64,
    pub late: bool,
    /// Of a late item, whether its stock is late too.
    pub stock_late: bool,
    pub scarce: bool,
}

/// Decides everything. Reads every TPC-H line once, for the demand.
pub fn plan(scale: f64, trouble: &Trouble) -> Result<Plan> {
    let fits = (SCALE_MIN..=SCALE_MAX).contains(&scale);
    ensure!(fits, "scale {scale} is not between {SCALE_MIN} and {SCALE_MAX}; hint: 0.01 is 15,000 orders");
    for (name, share) in [("duplicates", trouble.duplicates), ("late", trouble.late), ("scarce", trouble.scarce)] {
        ensure!((0.0..=1.0).contains(&share), "{name}: {share} is not a share between 0 and 1; hint: 0.05 is 5 %");
    }
    let dice = Dice(trouble.seed);
    let mut parts: Vec<Part> = Vec::new();
    let mut available = Vec::new();
    for row in tpch::parts(scale) {
        available.push(row.available);
        parts.push(Part::new(row.price_minor));
    }
    let (demand, orders, lines) = tpch::demand(scale, parts.len());
    let wanted = (0..).zip(&demand).filter(|(_, demand)| **demand > 0).map(|(part, _)| part);
    let scarce = dice.choose(Ask::Scarce, wanted, trouble.scarce);
    let late = dice.choose(Ask::Late, 0..parts.len() as u64, trouble.late);
    let stock_late = dice.choose(Ask::LateStock, late.iter().copied(), 0.5);
    let mut commands = orders;
    for (number, part) in (0..).zip(&mut parts) {
        part.late = late.contains(&number);
        part.stock_late = stock_late.contains(&number);
        part.scarce = scarce.contains(&number);
        part.demand = demand[number as usize];
        part.supply(available[number as usize]);
        commands += 1 + part.deliveries.iter().filter(|pieces| **pieces > 0).count() as u64;
    }
    let duplicates =
        (0..commands).filter(|number| dice.hit(Ask::Duplicate, *number, trouble.duplicates)).count() as u64;
    Ok(Plan { scale, trouble: trouble.clone(), parts, orders, lines, commands, duplicates })
}

impl Part {
    fn new(price_minor: i64) -> Part {
        let (late, stock_late, scarce) = (false, false, false);
        Part { price_minor, demand: 0, deliveries: [0; SUPPLIERS], raised: 0, late, stock_late, scarce }
    }

    /// Turns what TPC-H has available into deliveries.
    pub fn supply(&mut self, available: [i64; SUPPLIERS]) {
        let all: i64 = available.iter().sum();
        self.deliveries = available;
        if self.scarce {
            let total = self.demand * SCARCE_PERCENT / 100;
            self.deliveries = available.map(|pieces| total * pieces / all.max(1));
            self.deliveries[SUPPLIERS - 1] += total - self.received();
        } else if all < self.demand {
            self.raised = self.demand - all;
            self.deliveries[SUPPLIERS - 1] += self.raised;
        }
    }

    /// Pieces of all deliveries.
    pub fn received(&self) -> i64 {
        self.deliveries.iter().sum()
    }
}

impl Plan {
    /// Everything in the order in which it is sent: items that are not late, orders, late items.
    ///
    /// The stock of an item comes before its registration. An item's commands and the lines asked of it stand on two
    /// topics, which are read side by side: a line that overtakes the registration waits for it, but a line that
    /// overtook the stock would be refused, and only scarce items are to refuse.
    pub fn commands(&self) -> impl Iterator<Item = Command> {
        let early = tpch::parts(self.scale).flat_map(|row| {
            let part = self.parts[(row.key - 1) as usize];
            part.commands(row.key, row.name, !part.stock_late, !part.late)
        });
        let late = tpch::parts(self.scale).flat_map(|row| {
            let part = self.parts[(row.key - 1) as usize];
            part.commands(row.key, row.name, part.stock_late, part.late)
        });
        early.chain(self.orders().map(Command::Place)).chain(late)
    }

    /// The orders alone.
    pub fn orders(&self) -> impl Iterator<Item = OrderRow> + use<> {
        tpch::orders(self.scale)
    }

    /// How many commands later command `number` is sent again: not at all, at once (0), or much later.
    pub fn again(&self, number: u64) -> Option<u64> {
        const MUCH_LATER: std::ops::Range<u64> = 100..20_000;
        let dice = Dice(self.trouble.seed);
        dice.hit(Ask::Duplicate, number, self.trouble.duplicates).then(|| {
            let roll = dice.roll(Ask::Delay, number);
            if roll & 1 == 0 { 0 } else { MUCH_LATER.start + (roll >> 1) % (MUCH_LATER.end - MUCH_LATER.start) }
        })
    }

    /// A manifest with all items and nothing sent.
    pub fn manifest(&self) -> Manifest {
        let counts = Counts { items: self.parts.len() as u64, ..Counts::default() };
        let items = (1..).zip(&self.parts).map(|(key, part)| Item {
            item_id: super::command::item_id(self.trouble.seed, key),
            price_minor: part.price_minor,
            demand: part.demand,
            received: part.received(),
            deliveries: part.deliveries.iter().filter(|pieces| **pieces > 0).count() as u32,
            resent: 0,
            late: part.late,
            scarce: part.scarce,
            raised: part.raised,
        });
        Manifest {
            version: 1,
            scale: self.scale,
            trouble: self.trouble.clone(),
            currency: CURRENCY.to_owned(),
            counts,
            items: items.collect(),
            orders: Vec::new(),
            garbage: Vec::new(),
        }
    }
}

impl Part {
    fn commands(self, key: i64, name: String, stock: bool, register: bool) -> impl Iterator<Item = Command> {
        let deliveries = (1..).zip(self.deliveries).filter(move |(_, pieces)| stock && *pieces > 0);
        let stock = deliveries.map(move |(delivery, quantity)| Command::Receive { part: key, delivery, quantity });
        let price_minor = self.price_minor;
        stock.chain(register.then_some(Command::Register { part: key, name, price_minor }))
    }
}
