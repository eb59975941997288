//! What is asked and told of a line: ReserveLine, LineParked, …

use super::{Seen, foreign, show, twice};
use crate::verdict::Reader;
use crate::verdict::claim::{Claim, Findings};
use crate::verdict::decode::Decoded;
use crate::verdict::item::ItemSeen;
use crate::verdict::order::{LineSeen, Step};

impl Reader {
    pub(super) fn request(&mut self, offset: i64, record: &Decoded) -> Result<(), String> {
        let (step, quantity) = match record.record.as_str() {
            "ReserveLine" => (Step::ReserveAsked, Some(record.long("quantity")?)),
            "ReleaseLine" => (Step::ReleaseAsked, None),
            "ShipLine" => (Step::ShipAsked, None),
            _ => return Err(foreign(record)),
        };
        let Seen { line, findings, .. } = self.line(record, quantity)?;
        let new = line.note(step);
        if step == Step::ReserveAsked {
            line.asked_at = offset;
        }
        // Asking again to release changes nothing: the processor that owns the stock knows.
        findings.unless(new || step == Step::ReleaseAsked, Claim::NothingTwice, || twice(record));
        Ok(())
    }

    pub(super) fn result(&mut self, record: &Decoded) -> Result<(), String> {
        let quantity = || record.long("quantity");
        let step = match record.record.as_str() {
            "LineParked" => Step::Parked,
            "LineResumed" => Step::Resumed,
            "LineReserved" => Step::Reserved,
            "LineShipped" => Step::Shipped,
            "LineRefused" if record.text("reason")? == "OUT_OF_STOCK" => Step::Refused,
            "LineRefused" => Step::RefusedOther,
            "LineReleased" if quantity()? > 0 => Step::GivenBack,
            "LineReleased" => Step::LetGo,
            _ => return Err(foreign(record)),
        };
        let wanted = if step == Step::Reserved { Some(quantity()?) } else { None };
        let Seen { line, refused, item, findings, .. } = self.line(record, wanted)?;
        let (objection, settled) = (line.objection(step), line.settled());
        if !line.note(step) {
            findings.add(Claim::NothingTwice, || twice(record));
        } else if let Some(objection) = objection {
            let claim = if settled { Claim::NothingTwice } else { Claim::NothingLost };
            findings.add(claim, || format!("{} {objection}", show(record)));
        }
        match step {
            Step::Parked if !*refused => drop(line.note(Step::ParkedFirst)),
            Step::Resumed if !*refused => drop(line.note(Step::ResumedFirst)),
            Step::Refused | Step::RefusedOther => *refused = true,
            _ => {}
        }
        moved(step, record, line, item, findings)?;
        self.tally.settled += u64::from(!settled && line.settled());
        if step == Step::Reserved {
            self.currencies.insert(record.text("currency")?.to_owned());
        }
        Ok(())
    }
}

/// Notes what moved in the item's stock.
fn moved(
    step: Step,
    record: &Decoded,
    line: &mut LineSeen,
    item: &mut ItemSeen,
    findings: &mut Findings,
) -> Result<(), String> {
    let change = match step {
        Step::Reserved => -1,
        Step::GivenBack => 1,
        Step::Shipped => 0,
        _ => return Ok(()),
    };
    let (quantity, seq) = (record.long("quantity")?, record.long("item_seq")?);
    item.ledger.add(seq, change * quantity, record.long("on_hand")?);
    let same = quantity == line.quantity;
    match step {
        Step::Reserved => {
            item.reserved += quantity;
            line.reserved_seq = seq;
            line.amount_minor = record.long("amount_minor")?;
            let product = quantity.checked_mul(record.long("unit_price_minor")?);
            let holds = product == Some(line.amount_minor);
            findings.unless(holds, Claim::Prices, || format!("{}: amount is not quantity x price", show(record)));
        }
        Step::GivenBack => {
            item.released += quantity;
            findings.unless(same, Claim::Releases, || format!("{}: {quantity} of {}", show(record), line.quantity));
        }
        _ => {
            item.shipped += quantity;
            findings.unless(same, Claim::Conservation, || format!("{}: {quantity} of {}", show(record), line.quantity));
        }
    }
    Ok(())
}
