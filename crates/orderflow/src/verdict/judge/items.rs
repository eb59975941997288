//! Items: registered, stocked, adding up; and the lines that waited for them or were refused.

use super::Judge;
use crate::load::load_of_item;
use crate::verdict::claim::Claim;
use crate::verdict::item::ItemSeen;
use crate::verdict::order::Step;

impl Judge<'_> {
    pub(super) fn items(&mut self) {
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
                format!(
                    "item {id}: received {}, but {on_hand} on hand + {held} reserved + {shipped} shipped",
                    item.received
                )
            });
            let kept = || format!("item {id}: {held} pieces stay reserved, though every order came to its end");
            findings.unless(held == 0 || !ended, Claim::Conservation, kept);
            if let Some(fault) = seen.ledger.fault() {
                findings.add(Claim::Conservation, || format!("item {id}: {fault}"));
            }
        }
        let known = self.numbers.iter().filter(|number| **number != 0).count();
        let ours = self.reader.item_numbers.keys().filter(|item| !self.elsewhere(load_of_item(item))).count();
        let strange = ours.saturating_sub(known);
        self.findings.unless(strange == 0, Claim::NothingTwice, || format!("{strange} items that nobody sent"));
    }

    /// Lines of one item that waited are reserved in the order in which they were asked for.
    pub(super) fn queues(&mut self) {
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

    pub(super) fn scarcity(&mut self) {
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
                let item = self.manifest.items.get(line.item as usize);
                let fits = item.is_some_and(|item| item.scarce) && !found.has(Step::RefusedOther);
                let wrong = || format!("order {} line {} was refused", order.order_id, line.line_no);
                findings.unless(fits, Claim::Scarce, wrong);
            }
        }
    }
}
