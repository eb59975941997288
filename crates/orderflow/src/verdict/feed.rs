//! From a record to what is seen of its order or item.

use std::collections::BTreeMap;

use engine::shell::client::Message;
use flow::Id;

use super::Reader;
use super::claim::{Claim, Findings};
use super::decode::Decoded;
use super::item::ItemSeen;
use super::order::{Last, LineSeen, OrderSeen, Step};

impl Reader {
    /// Takes in a record of a topic with records.
    pub(super) fn take(&mut self, topic: &str, message: &Message, record: &Decoded) -> Result<(), String> {
        match topic {
            super::ITEMS => self.item(record),
            super::ITEM_REQUESTS => self.request(message.offset, record),
            super::ITEM_RESULTS => self.result(record),
            super::ORDERS => self.accepted(record),
            super::ORDER_EVENTS => self.event(record),
            super::ORDER_REPLIES => self.reply(record),
            _ => Err("nobody asked for this topic".to_owned()),
        }
    }

    fn item(&mut self, record: &Decoded) -> Result<(), String> {
        let number = self.number_of(record.text("item_id")?);
        let item = &mut self.items[number as usize - 1];
        match record.record.as_str() {
            "ItemRegistered" => {
                item.registered += 1;
                item.price_minor = record.long("unit_price_minor")?;
                self.tally.registered += 1;
                self.currencies.insert(record.text("currency")?.to_owned());
            }
            "StockReceived" => {
                let quantity = record.long("quantity")?;
                item.deliveries += 1;
                item.received += quantity;
                item.ledger.add(record.long("item_seq")?, quantity, record.long("on_hand")?);
                self.tally.deliveries += 1;
            }
            "ItemCommandRefused" | "ItemCorrected" | "ItemRetired" => item.unasked += 1,
            _ => return Err(foreign(record)),
        }
        Ok(())
    }

    fn request(&mut self, offset: i64, record: &Decoded) -> Result<(), String> {
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

    fn result(&mut self, record: &Decoded) -> Result<(), String> {
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

    fn accepted(&mut self, record: &Decoded) -> Result<(), String> {
        if record.record != "OrderAccepted" {
            return Err(foreign(record));
        }
        self.lines(record)?;
        let order = order(&mut self.orders, record)?;
        order.accepted += 1;
        let first = order.accepted == 1;
        self.progress.accepted += u64::from(first);
        Ok(())
    }

    fn event(&mut self, record: &Decoded) -> Result<(), String> {
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

    fn reply(&mut self, record: &Decoded) -> Result<(), String> {
        if record.record == "Completed" {
            self.currencies.insert(record.text("currency")?.to_owned());
        }
        let id = super::fold(record.event_id);
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

    /// Notes the lines that a record lists.
    fn lines(&mut self, record: &Decoded) -> Result<(), String> {
        for (line_no, item_id, quantity) in record.lines()? {
            let (line_no, item) = (small(line_no)?, self.number_of(item_id));
            let order = order(&mut self.orders, record)?;
            agree(order.line(line_no), item, Some(quantity), record, &mut self.findings);
        }
        Ok(())
    }

    /// The line that a record is about, and its item.
    fn line(&mut self, record: &Decoded, quantity: Option<i64>) -> Result<Seen<'_>, String> {
        let number_of_item = self.number_of(record.text("item_id")?);
        let Reader { orders, items, findings, .. } = self;
        let order = order(orders, record)?;
        let line_no = number(record, "line_no")?;
        order.line(line_no);
        let OrderSeen { lines, refused, .. } = order;
        let at = lines.binary_search_by_key(&line_no, |line| line.line_no).map_err(|_| "no such line".to_owned())?;
        let line = &mut lines[at];
        agree(line, number_of_item, quantity, record, findings);
        Ok(Seen { line, refused, item: &mut items[number_of_item as usize - 1], findings })
    }

    /// The reader's number of an item, counted from 1.
    fn number_of(&mut self, item_id: &str) -> u32 {
        if let Some(number) = self.item_numbers.get(item_id) {
            return *number;
        }
        self.items.push(ItemSeen::default());
        let number = self.items.len() as u32;
        self.item_numbers.insert(item_id.to_owned(), number);
        number
    }
}

/// A line with all that a record about it may change.
struct Seen<'a> {
    line: &'a mut LineSeen,
    refused: &'a mut bool,
    item: &'a mut ItemSeen,
    findings: &'a mut Findings,
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

/// The order that a record is about, new when it was not seen before.
fn order<'o>(orders: &'o mut BTreeMap<Id, OrderSeen>, record: &Decoded) -> Result<&'o mut OrderSeen, String> {
    let order_id = record.order_id()?;
    if record.ticket_id != order_id {
        return Err(format!("its ticket is {}, its order {order_id}", record.ticket_id));
    }
    Ok(orders.entry(order_id).or_default())
}

/// What is said of a line first counts; what differs later is a finding.
fn agree(line: &mut LineSeen, item: u32, quantity: Option<i64>, record: &Decoded, findings: &mut Findings) {
    let other = line.item != 0 && line.item != item;
    line.item = item;
    let quantity = quantity.unwrap_or(line.quantity);
    let other = other || line.quantity != 0 && line.quantity != quantity;
    line.quantity = quantity;
    findings.unless(!other, Claim::Readable, || format!("{}: another item or quantity than before", show(record)));
}

fn number(record: &Decoded, name: &str) -> Result<i32, String> {
    small(record.long(name)?)
}

fn small(number: i64) -> Result<i32, String> {
    i32::try_from(number).map_err(|_| format!("line_no {number}"))
}

fn foreign(record: &Decoded) -> String {
    format!("{} does not belong here", record.record)
}

fn twice(record: &Decoded) -> String {
    format!("{} twice", show(record))
}

/// Record, order and line.
fn show(record: &Decoded) -> String {
    let order = record.order_id().unwrap_or(Id::NIL);
    match record.long("line_no") {
        Ok(line_no) => format!("{} of order {order} line {line_no}", record.record),
        Err(_) => format!("{} of order {order}", record.record),
    }
}
