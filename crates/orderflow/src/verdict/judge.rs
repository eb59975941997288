//! The laws, applied to what was seen.

use std::collections::BTreeMap;

use super::claim::{Claim, Findings};
use super::item::ItemSeen;
use super::Reader;
use super::order::{Last, LineSeen, OrderSeen, Step};
use super::report::{SEPARATOR, evidence};
use crate::load::{Item, Line, Manifest, Order};

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
            dead_letters: self.letters.count,
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
    fn items(&mut self) {
        let unseen = ItemSeen::default();
        let ended = self.verdict.completed + self.verdict.rejected == self.verdict.orders;
        for (item, number) in self.manifest.items.iter().zip(&self.numbers) {
            let seen = number.checked_sub(1).map_or(&unseen, |at| &self.reader.items[at as usize]);
            self.verdict.received += seen.received;
            self.verdict.on_hand += seen.ledger.on_hand;
            self.verdict.held += seen.held();
            self.verdict.shipped += seen.shipped;
            self.verdict.given_back += seen.released;
            let once = seen.registered == 1 && seen.deliveries == item.deliveries && seen.unasked == 0;
            self.verdict.duplicates_dropped += if once { u64::from(item.resent) } else { 0 };
            let (findings, id) = (&mut self.findings, &item.item_id);
            findings.unless(seen.registered > 0, Claim::NothingLost, || format!("item {id} is not registered"));
            findings.unless(seen.registered < 2, Claim::NothingTwice, || format!("item {id} is registered twice"));
            findings.unless(seen.unasked == 0, Claim::NothingLost, || format!("commands of item {id} were refused"));
            let deliveries = || format!("item {id}: {} of {} deliveries", seen.deliveries, item.deliveries);
            findings.unless(seen.deliveries >= item.deliveries, Claim::NothingLost, deliveries);
            findings.unless(seen.deliveries <= item.deliveries, Claim::NothingTwice, deliveries);
            let price = || format!("item {id} costs {}, not {}", seen.price_minor, item.price_minor);
            findings.unless(seen.registered == 0 || seen.price_minor == item.price_minor, Claim::Prices, price);
            let sum = seen.ledger.on_hand + seen.held() + seen.shipped;
            let (on_hand, held, shipped) = (seen.ledger.on_hand, seen.held(), seen.shipped);
            findings.unless(item.received == sum, Claim::Conservation, || {
                format!("item {id}: received {}, but {on_hand} on hand + {held} reserved + {shipped} shipped", item.received)
            });
            let kept = || format!("item {id}: {held} pieces stay reserved, though every order came to its end");
            findings.unless(held == 0 || !ended, Claim::Conservation, kept);
            if let Some(fault) = seen.ledger.fault() {
                findings.add(Claim::Conservation, || format!("item {id}: {fault}"));
            }
        }
        let known = self.numbers.iter().filter(|number| **number != 0).count();
        let strange = self.reader.items.len() - known;
        self.findings.unless(strange == 0, Claim::NothingTwice, || format!("{strange} items that nobody sent"));
    }

    fn orders(&mut self) {
        let (unseen, mut known) = (OrderSeen::default(), 0);
        for order in &self.manifest.orders {
            let seen = self.reader.orders.get(&order.order_id);
            known += usize::from(seen.is_some());
            let seen = seen.unwrap_or(&unseen);
            self.answers(order, seen);
            self.story(order, seen);
            self.lines(order, seen);
            self.prices(order, seen);
            self.verdict.completed += u64::from(seen.last == Last::Completed);
            self.verdict.rejected += u64::from(seen.last == Last::Rejected);
            self.verdict.parked_released += u64::from(seen.waited);
            let once = seen.accepted == 1 && seen.placed == 1;
            self.verdict.duplicates_dropped += if once { u64::from(order.sent - 1) } else { 0 };
        }
        let strange = self.reader.orders.len() - known;
        for claim in [Claim::OneFinalAnswer, Claim::NothingTwice] {
            self.findings.unless(strange == 0, claim, || format!("{strange} orders that nobody sent"));
        }
    }

    fn answers(&mut self, order: &Order, seen: &OrderSeen) {
        let (findings, id) = (&mut self.findings, order.order_id);
        let answers = seen.answers();
        findings.unless(answers == 1, Claim::OneFinalAnswer, || format!("order {id} has {answers} final answers"));
        findings.unless(answers > 0, Claim::NothingLost, || format!("order {id} has no final answer"));
        findings.unless(answers < 2, Claim::NothingTwice, || format!("order {id} has {answers} final answers"));
        let agrees = match seen.last {
            Last::Completed => seen.replied_completed > 0,
            Last::Rejected => seen.replied_failed > 0,
            Last::None => seen.replied_rejected > 0,
            Last::Underway => false,
        };
        findings.unless(agrees, Claim::OneFinalAnswer, || format!("order {id}: its last event is {:?}", seen.last));
        let accepted = seen.accepted == 1 && seen.acceptances >= order.sent && seen.replied_conflict == 0;
        findings.unless(accepted, Claim::OneAcceptance, || {
            let (copies, conflicts) = (order.sent, seen.replied_conflict);
            let (facts, answers) = (seen.accepted, seen.acceptances);
            format!("order {id}: sent {copies} times, {facts} OrderAccepted, {answers} Accepted, {conflicts} conflicts")
        });
    }

    /// The events of an order, each as often as it must be.
    fn story(&mut self, order: &Order, seen: &OrderSeen) {
        let completed = u16::from(seen.last == Last::Completed);
        let rejected = u16::from(seen.last == Last::Rejected);
        let story = [
            ("OrderAccepted", seen.accepted, 1),
            ("OrderPlaced", seen.placed, 1),
            ("OrderConfirmed", seen.confirmed, completed),
            ("OrderShipped", seen.shipped, completed),
            ("OrderCompleted", seen.completed, completed),
            ("OrderRejected", seen.rejected, rejected),
        ];
        let id = order.order_id;
        for (record, found, wanted) in story {
            let count = || format!("order {id}: {found} {record}, not {wanted}");
            self.findings.unless(found >= wanted, Claim::NothingLost, count);
            self.findings.unless(found <= wanted, Claim::NothingTwice, count);
        }
        let ended = completed + rejected == 1;
        self.findings.unless(ended, Claim::NothingLost, || format!("order {id} did not come to its end"));
        if rejected == 1 {
            let decided = seen.find(seen.decided_by).is_some_and(LineSeen::refused);
            let by = seen.decided_by;
            self.findings.unless(decided, Claim::Scarce, || format!("order {id}: line {by} decided, but was not refused"));
        }
    }

    fn lines(&mut self, order: &Order, seen: &OrderSeen) {
        let id = order.order_id;
        let more = seen.lines.len() > order.lines.len();
        self.findings.unless(!more, Claim::NothingTwice, || format!("order {id} has lines that nobody asked for"));
        for line in &order.lines {
            let none = LineSeen::default();
            let found = seen.find(line.line_no).unwrap_or(&none);
            let same = found.item == self.numbers[line.item as usize] && found.quantity == line.quantity;
            let name = || format!("order {id} line {}", line.line_no);
            self.findings.unless(same, Claim::NothingLost, || format!("{}: another item or quantity", name()));
            self.chain(&name, seen.last, found);
            self.releases(&name, seen.last, found);
            let waits = found.has(Step::Parked) && !found.has(Step::Resumed) && !found.settled();
            self.findings.unless(!waits, Claim::ParkedReleased, || format!("{} still waits", name()));
        }
        let waits = seen.waiting > 0 && !seen.ended();
        self.findings.unless(!waits, Claim::ParkedReleased, || format!("order {id} still waits"));
    }

    /// What must be seen of a line, and what must not, by the end of its order.
    fn chain(&mut self, name: &dyn Fn() -> String, last: Last, line: &LineSeen) {
        use Step::{OrderParked, OrderResumed, Parked, ParkedFirst, ReleaseAsked, Reserved};
        use Step::{ReserveAsked, Resumed, ResumedFirst, ShipAsked, Shipped};
        let completed = last == Last::Completed;
        let released = line.has(Step::GivenBack) || line.has(Step::LetGo);
        // Once a line is refused, the order waits for nothing any more.
        let (parks, resumes) = if completed { (Parked, Resumed) } else { (ParkedFirst, ResumedFirst) };
        let needs = [
            (true, line.has(ReserveAsked), "ReserveLine"),
            (line.has(Shipped), line.has(ShipAsked), "ShipLine"),
            (released, line.has(ReleaseAsked), "ReleaseLine"),
            (completed, line.has(Reserved), "LineReserved"),
            (completed, line.has(Shipped), "LineShipped"),
            (line.has(Reserved) && line.has(Parked), line.has(Resumed), "LineResumed"),
            (line.has(parks), line.has(OrderParked), "OrderParked"),
            (line.has(resumes), line.has(OrderResumed), "OrderResumed"),
            (line.has(OrderParked), line.has(Parked), "LineParked"),
            (line.has(OrderResumed), line.has(Resumed), "LineResumed"),
            (!completed, line.settled(), "LineRefused or LineReleased"),
        ];
        for (_, _, what) in needs.iter().filter(|(needed, there, _)| *needed && !there) {
            self.findings.add(Claim::NothingLost, || format!("{}: no {what}", name()));
        }
        let extra = match last {
            Last::Completed => line.refused() || released || line.has(ReleaseAsked),
            Last::Rejected => line.has(Shipped) || line.has(ShipAsked),
            Last::None | Last::Underway => false,
        };
        self.findings.unless(!extra, Claim::NothingTwice, || format!("{}: not as its order ended", name()));
    }

    fn releases(&mut self, name: &dyn Fn() -> String, last: Last, line: &LineSeen) {
        let (held, back) = (line.has(Step::Reserved), line.has(Step::GivenBack));
        let kept = last == Last::Rejected && held && !back;
        self.findings.unless(!kept, Claim::Releases, || format!("{} was never given back", name()));
        let wrongly = last == Last::Completed && back;
        self.findings.unless(!wrongly, Claim::Releases, || format!("{} was given back, but its order completed", name()));
    }

    fn prices(&mut self, order: &Order, seen: &OrderSeen) {
        let (findings, id) = (&mut self.findings, order.order_id);
        for Line { line_no, extended_price_minor: price, .. } in &order.lines {
            let Some(line) = seen.find(*line_no).filter(|line| line.has(Step::Reserved)) else { continue };
            let amount = line.amount_minor;
            let wrong = || format!("order {id} line {line_no} costs {amount}, TPC-H says {price}");
            findings.unless(amount == *price, Claim::Prices, wrong);
        }
        let totals = [
            ("OrderConfirmed", seen.confirmed, seen.confirmed_minor),
            ("OrderCompleted", seen.completed, seen.completed_minor),
            ("Completed", seen.replied_completed, seen.replied_minor),
        ];
        let total = order.total_minor();
        for (record, _, found) in totals.into_iter().filter(|(_, count, _)| *count > 0) {
            findings.unless(found == total, Claim::Prices, || format!("order {id}: {record} says {found}, not {total}"));
        }
        if seen.last == Last::Completed {
            self.verdict.total_minor += seen.completed_minor;
        }
    }

    /// Lines of one item that waited are reserved in the order in which they were asked for.
    fn queues(&mut self) {
        let lines = self.reader.orders.iter().flat_map(|(id, order)| order.lines.iter().map(move |line| (id, line)));
        let waited = lines.filter(|(_, line)| line.has(Step::Parked) && line.has(Step::Reserved));
        let mut queue: Vec<_> =
            waited.map(|(id, line)| (line.item, line.asked_at, line.reserved_seq, *id, line.line_no)).collect();
        queue.sort_unstable();
        for pair in queue.windows(2) {
            let ((item, _, seq, _, _), (next_item, _, next_seq, id, line_no)) = (pair[0], pair[1]);
            let holds = item != next_item || seq < next_seq;
            let overtook = || format!("order {id} line {line_no} went on before a line that had waited for longer");
            self.findings.unless(holds, Claim::ParkedReleased, overtook);
        }
    }

    fn scarcity(&mut self) {
        let (verdict, findings) = (&self.verdict, &mut self.findings);
        if verdict.scarce > 0 {
            let none = || "items are scarce, but no order was rejected".to_owned();
            findings.unless(verdict.rejected > 0, Claim::Scarce, none);
        } else {
            let some = || format!("no item is scarce, but {} orders were rejected", verdict.rejected);
            findings.unless(verdict.rejected == 0, Claim::Scarce, some);
        }
        for order in &self.manifest.orders {
            let Some(seen) = self.reader.orders.get(&order.order_id).filter(|seen| seen.refused) else { continue };
            for line in &order.lines {
                let Some(found) = seen.find(line.line_no).filter(|found| found.refused()) else { continue };
                let item = &self.manifest.items[line.item as usize];
                let fits = item.scarce && !found.has(Step::RefusedOther);
                let wrong = || format!("order {}: a line of item {} was refused", order.order_id, item.item_id);
                findings.unless(fits, Claim::Scarce, wrong);
            }
        }
    }

    fn rest(&mut self) {
        let Judge { reader, manifest, findings, .. } = self;
        reader.letters.judge(manifest, findings);
        let sent = manifest.garbage.iter().filter(|garbage| garbage.topic == super::ITEM_REQUESTS).count() as u64;
        let (found, topic) = (reader.strangers, super::ITEM_REQUESTS);
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
