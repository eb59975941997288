//! The laws, applied to what was seen.

mod items;
mod orders;

use std::collections::BTreeMap;

use super::Reader;
use super::claim::{Claim, Findings};
use super::letters::is_of;
use super::report::{SEPARATOR, evidence};
use crate::load::{Item, Manifest};

/// Whether a law holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Law {
    pub holds: bool,
    /// What was counted, or the first breaches.
    pub detail: String,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Sent.
    pub items: u64,
    pub orders: u64,
    pub lines: u64,
    pub duplicates: u64,
    pub late: u64,
    pub scarce: u64,
    pub garbage: u64,
    /// Orders, by their last event.
    pub completed: u64,
    pub rejected: u64,
    /// Orders that waited for an item and went on by themselves.
    pub parked_released: u64,
    /// Commands sent twice of which the second had no effect.
    pub duplicates_dropped: u64,
    pub dead_letters: u64,
    /// Breaches of `nothing-lost` and `nothing-twice`.
    pub lost: u64,
    pub doubled: u64,
    /// Pieces over all items.
    pub received: i64,
    pub on_hand: i64,
    pub held: i64,
    pub shipped: i64,
    /// Pieces given back by rejected orders.
    pub given_back: i64,
    /// What completed orders cost together, in minor units.
    pub total_minor: i64,
    /// Records that the reader read.
    pub records: u64,
    pub laws: BTreeMap<&'static str, Law>,
}

impl Verdict {
    /// Whether every law holds.
    pub fn holds(&self) -> bool {
        self.laws.values().all(|law| law.holds)
    }
}

/// A verdict on its way.
struct Judge<'a> {
    reader: &'a Reader,
    manifest: &'a Manifest,
    /// The reader's numbers of the manifest's items; 0 when it saw none.
    numbers: Vec<u32>,
    findings: Findings,
    verdict: Verdict,
}

impl Reader {
    /// Compares everything that was read with what was sent.
    pub fn judge(&self, manifest: &Manifest) -> Verdict {
        let number = |item: &Item| self.item_numbers.get(&item.item_id).copied().unwrap_or(0);
        let verdict = Verdict {
            items: manifest.counts.items,
            orders: manifest.counts.orders,
            lines: manifest.counts.lines,
            duplicates: manifest.duplicates(),
            late: manifest.items.iter().filter(|item| item.late).count() as u64,
            scarce: manifest.items.iter().filter(|item| item.scarce).count() as u64,
            garbage: manifest.garbage.len() as u64,
            dead_letters: self.letters.count_of(manifest),
            records: self.progress.records,
            ..Verdict::default()
        };
        let numbers = manifest.items.iter().map(number).collect();
        let mut judge = Judge { reader: self, manifest, numbers, findings: self.findings.clone(), verdict };
        judge.orders();
        judge.items();
        judge.queues();
        judge.scarcity();
        judge.rest();
        judge.sentence()
    }
}

impl Judge<'_> {
    /// Whether something is of another load, of which this manifest says nothing.
    fn elsewhere(&self, load: Option<u64>) -> bool {
        load.is_some_and(|seed| seed != self.manifest.trouble.seed)
    }

    fn rest(&mut self) {
        let Judge { reader, manifest, findings, .. } = self;
        reader.letters.judge(manifest, findings);
        let sent = manifest.garbage.iter().filter(|garbage| garbage.topic == super::ITEM_REQUESTS).count() as u64;
        let strangers = reader.strangers.iter().filter(|(load, _)| is_of(load, manifest));
        let (found, topic) = (strangers.map(|(_, count)| count).sum::<u64>(), super::ITEM_REQUESTS);
        let strangers = || format!("{topic}: {found} records that are no requests, {sent} were sent");
        findings.unless(found == sent, Claim::Readable, strangers);
        for currency in reader.currencies.iter().filter(|currency| **currency != manifest.currency) {
            findings.add(Claim::Prices, || format!("prices in \"{currency}\""));
        }
    }

    fn sentence(mut self) -> Verdict {
        for claim in Claim::ALL {
            let found = self.findings.of(*claim);
            let more = found.count - found.examples.len() as u64;
            let detail = match found.count {
                0 => evidence(*claim, &self.verdict),
                _ if more > 0 => format!("{}{SEPARATOR}and {more} more", found.examples.join(SEPARATOR)),
                _ => found.examples.join(SEPARATOR),
            };
            self.verdict.laws.insert(claim.name(), Law { holds: found.count == 0, detail });
        }
        self.verdict.lost = self.findings.of(Claim::NothingLost).count;
        self.verdict.doubled = self.findings.of(Claim::NothingTwice).count;
        self.verdict
    }
}
