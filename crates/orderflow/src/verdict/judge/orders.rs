//! Orders: accepted, answered, told from the beginning to the end, and every line of them.

use super::Judge;
use crate::load::{Line, Order};
use crate::verdict::claim::Claim;
use crate::verdict::order::{Last, LineSeen, OrderSeen, Step};

impl Judge<'_> {
    pub(super) fn orders(&mut self) {
        let (unseen, mut known) = (OrderSeen::default(), 0);
        for order in &self.manifest.orders {
            let seen = self.reader.orders.get(&order.order_id);
            known += usize::from(seen.is_some_and(|seen| !self.elsewhere(seen.load)));
            let seen = seen.unwrap_or(&unseen);
            self.answers(order, seen);
            self.story(order, seen);
            self.lines(order, seen);
            self.prices(order, seen);
            self.verdict.completed += u64::from(seen.last == Last::Completed);
            self.verdict.rejected += u64::from(seen.last == Last::Rejected);
            self.verdict.parked_released += u64::from(seen.waited);
            let once = seen.accepted == 1 && seen.placed == 1;
            self.verdict.duplicates_dropped += if once { u64::from(order.sent.saturating_sub(1)) } else { 0 };
        }
        let ours = self.reader.orders.values().filter(|seen| !self.elsewhere(seen.load)).count();
        let strange = ours - known;
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
            self.findings
                .unless(decided, Claim::Scarce, || format!("order {id}: line {by} decided, but was not refused"));
        }
    }

    fn lines(&mut self, order: &Order, seen: &OrderSeen) {
        let id = order.order_id;
        let more = seen.lines.len() > order.lines.len();
        self.findings.unless(!more, Claim::NothingTwice, || format!("order {id} has lines that nobody asked for"));
        for line in &order.lines {
            let none = LineSeen::default();
            let found = seen.find(line.line_no).unwrap_or(&none);
            let same = found.item == self.numbers.get(line.item as usize).copied().unwrap_or(0)
                && found.quantity == line.quantity;
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
        self.findings
            .unless(!wrongly, Claim::Releases, || format!("{} was given back, but its order completed", name()));
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
            findings
                .unless(found == total, Claim::Prices, || format!("order {id}: {record} says {found}, not {total}"));
        }
        if seen.last == Last::Completed {
            self.verdict.total_minor += seen.completed_minor;
        }
    }
}
