//! Sends a plan and writes down what was sent.

use std::collections::BTreeMap;

use anyhow::Result;
use engine::shell::client::{Client, Message};
use flow::Id;

use super::command::{self, Command, Wire};
use super::garbage;
use super::manifest::{Line, Manifest, Order};
use super::plan::Plan;

/// How far the loader is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Records sent so far: commands, duplicates and garbage.
    pub records: u64,
    /// Records to be sent in all.
    pub total: u64,
    /// All orders are sent and acknowledged; late items come next.
    pub late: bool,
}

struct Sender<'a> {
    plan: &'a Plan,
    client: &'a mut dyn Client,
    wire: Wire<'a>,
    now: &'a dyn Fn() -> i64,
    progress: &'a mut dyn FnMut(Sent),
    sent: Sent,
    /// Duplicates that wait for their turn, by (number of the command after which it comes, own number).
    waiting: BTreeMap<(u64, u64), Message>,
    garbage: usize,
    manifest: Manifest,
}

/// Sends everything and waits until it is acknowledged.
///
/// `ids` gives the schema id of a fingerprint, `now` the wall clock in milliseconds since 1970-01-01 UTC. Beside the
/// manifest (240 MB at scale 1) a few megabytes are needed: for the duplicates that are sent much later.
pub fn send(
    plan: &Plan,
    client: &mut dyn Client,
    ids: &dyn Fn(u64) -> Option<u32>,
    now: &dyn Fn() -> i64,
    progress: &mut dyn FnMut(Sent),
) -> Result<Manifest> {
    let wire = Wire::new(client, ids, plan.trouble.seed)?;
    let total = plan.commands + plan.duplicates + plan.trouble.garbage as u64;
    let (sent, manifest) = (Sent { records: 0, total, late: false }, plan.manifest());
    let mut sender = Sender { plan, client, wire, now, progress, sent, waiting: BTreeMap::new(), garbage: 0, manifest };
    for (number, command) in (0..).zip(plan.commands()) {
        sender.command(number, command)?;
    }
    sender.again(u64::MAX)?;
    sender.client.flush()?;
    let Manifest { counts, orders, garbage, .. } = &mut sender.manifest;
    counts.orders = orders.len() as u64;
    counts.lines = orders.iter().map(|order| order.lines.len() as u64).sum();
    counts.garbage = garbage.len() as u64;
    Ok(sender.manifest)
}

impl Sender<'_> {
    fn command(&mut self, number: u64, command: Command) -> Result<()> {
        let orders_sent = !self.manifest.orders.is_empty() && !matches!(command, Command::Place(_));
        if orders_sent && !self.sent.late {
            self.client.flush()?;
            self.sent.late = true;
            (self.progress)(self.sent);
        }
        let message = command.message(&self.wire, (self.now)())?;
        let again = self.plan.again(number);
        self.note(command, again.is_some(), &message.topic);
        match again {
            None => self.send(message)?,
            Some(0) => {
                self.send(message.clone())?;
                self.send(message)?;
            }
            Some(later) => {
                self.waiting.insert((number.saturating_add(later), number), message.clone());
                self.send(message)?;
            }
        }
        self.again(number)?;
        self.garbage(number)
    }

    fn send(&mut self, message: Message) -> Result<()> {
        self.client.send(message)?;
        self.sent.records += 1;
        (self.progress)(self.sent);
        Ok(())
    }

    /// Sends the duplicates whose turn it is: the same bytes, at another time.
    fn again(&mut self, number: u64) -> Result<()> {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= number) {
            let message = Message { timestamp_ms: (self.now)(), ..entry.remove() };
            self.send(message)?;
        }
        Ok(())
    }

    /// Garbage is spread evenly over the commands.
    fn garbage(&mut self, number: u64) -> Result<()> {
        let count = self.plan.trouble.garbage as u128;
        while (2 * self.garbage as u128 + 1) * u128::from(self.plan.commands) <= 2 * count * (u128::from(number) + 1)
            && (self.garbage as u128) < count
        {
            let (message, garbage) = garbage::make(self.plan, &self.wire, self.garbage, (self.now)())?;
            self.manifest.garbage.push(garbage);
            self.garbage += 1;
            self.send(message)?;
        }
        Ok(())
    }

    fn note(&mut self, command: Command, again: bool, topic: &str) {
        let Manifest { counts, items, orders, .. } = &mut self.manifest;
        counts.commands += 1;
        if again {
            *counts.duplicates.entry(topic.to_owned()).or_default() += 1;
        }
        match command {
            Command::Register { part, .. } | Command::Receive { part, .. } => {
                items[(part - 1) as usize].resent += u32::from(again);
            }
            Command::Place(order) => orders.push(Order {
                order_id: Id::parse(&command::order_id(self.wire.seed, order.key)).unwrap_or_default(),
                sent: 1 + u32::from(again),
                lines: order
                    .lines
                    .iter()
                    .map(|line| Line {
                        line_no: line.line_no,
                        item: (line.part - 1) as u32,
                        quantity: line.quantity,
                        extended_price_minor: line.extended_price_minor,
                    })
                    .collect(),
            }),
        }
    }
}
