//! What is told of an order: OrderAccepted, its events, its answers.

use super::{Seen, foreign, number, order, show, twice};
use crate::load::load_of_order;
use crate::verdict::Reader;
use crate::verdict::claim::Claim;
use crate::verdict::decode::Decoded;
use crate::verdict::order::{Last, Step};

impl Reader {
    pub(super) fn accepted(&mut self, record: &Decoded) -> Result<(), String> {
        if record.record != "OrderAccepted" {
            return Err(foreign(record));
        }
        self.lines(record)?;
        let order = order(&mut self.orders, record)?;
        order.accepted += 1;
        order.load = load_of_order(record.text("requester")?, record.text("request_id")?);
        let first = order.accepted == 1;
        self.progress.accepted += u64::from(first);
        Ok(())
    }

    pub(super) fn event(&mut self, record: &Decoded) -> Result<(), String> {
        let waits = match record.record.as_str() {
            "OrderPlaced" => {
                self.lines(record)?;
                None
            }
            "OrderParked" => Some(Step::OrderParked),
            "OrderResumed" => Some(Step::OrderResumed),
            "OrderRejected" => {
                self.line(record, None)?;
                None
            }
            "OrderConfirmed" | "OrderCompleted" => {
                self.currencies.insert(record.text("currency")?.to_owned());
                None
            }
            _ => None,
        };
        if let Some(step) = waits {
            let Seen { line, findings, .. } = self.line(record, None)?;
            let (waits, new) = (line.has(Step::OrderParked), line.note(step));
            findings.unless(new, Claim::NothingTwice, || twice(record));
            let gap = step == Step::OrderResumed && !waits;
            findings.unless(!gap, Claim::NothingLost, || format!("{} although it did not wait", show(record)));
        }
        let order = order(&mut self.orders, record)?;
        let (ended, parked) = (order.ended(), order.waiting > 0 && !order.ended());
        order.last = Last::Underway;
        match record.record.as_str() {
            "OrderPlaced" => order.placed += 1,
            "OrderParked" => order.waiting += 1,
            "OrderResumed" => {
                order.waiting -= 1;
                order.waited = true;
            }
            "OrderConfirmed" => {
                order.confirmed += 1;
                order.confirmed_minor = record.long("total_minor")?;
            }
            "OrderShipped" => order.shipped += 1,
            "OrderCompleted" => {
                order.completed += 1;
                order.completed_minor = record.long("total_minor")?;
                order.last = Last::Completed;
            }
            "OrderRejected" => {
                order.rejected += 1;
                order.decided_by = number(record, "line_no")?;
                order.last = Last::Rejected;
            }
            _ => return Err(foreign(record)),
        }
        let (last, parks) = (order.last, order.waiting > 0 && !order.ended());
        self.progress.parked_now = self.progress.parked_now + u64::from(parks) - u64::from(parked);
        self.progress.completed += u64::from(!ended && last == Last::Completed);
        self.progress.rejected += u64::from(!ended && last == Last::Rejected);
        Ok(())
    }

    pub(super) fn reply(&mut self, record: &Decoded) -> Result<(), String> {
        if record.record == "Completed" {
            self.currencies.insert(record.text("currency")?.to_owned());
        }
        let id = crate::verdict::fold(record.event_id);
        let order = order(&mut self.orders, record)?;
        let answers = order.answers();
        match record.record.as_str() {
            "Accepted" => {
                order.acceptances += 1;
                let other = order.acceptances > 1 && order.acceptance != id;
                order.acceptance = id;
                self.tally.acceptances += 1;
                let claim = Claim::OneAcceptance;
                self.findings.unless(!other, claim, || format!("{} with another event id", show(record)));
                return Ok(());
            }
            "Completed" => {
                order.replied_completed += 1;
                order.replied_minor = record.long("total_minor")?;
            }
            "Failed" => order.replied_failed += 1,
            "Rejected" if record.text("reason")? == "CONFLICT" => order.replied_conflict += 1,
            "Rejected" => order.replied_rejected += 1,
            _ => return Err(foreign(record)),
        }
        let first = answers == 0 && order.answers() == 1;
        self.progress.final_answers += u64::from(first);
        Ok(())
    }
}
