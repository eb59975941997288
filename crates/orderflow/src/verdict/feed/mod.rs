//! From a record to what is seen of its order or item.

mod lines;
mod orders;

use std::collections::BTreeMap;

use engine::shell::client::Message;
use flow::Id;

use super::Reader;
use super::claim::{Claim, Findings};
use super::decode::Decoded;
use super::item::ItemSeen;
use super::order::{LineSeen, OrderSeen};

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
