//! What happens, step by step and at once.

use std::borrow::Cow;

use contract::*;
use engine::core::ids;
use flow::Id;

use super::{Flaw, Held, Underway, World};
use crate::load;

const REQUESTER: &str = "tpch";

fn text<'a>(text: &str) -> Cow<'a, str> {
    Cow::Owned(text.to_owned())
}

impl World {
    pub fn receive(&mut self, name: &'static str, quantity: i64) {
        let item = self.item(name);
        (item.received, item.deliveries) = (item.received + quantity, item.deliveries + 1);
        let stock = self.stock.get_mut(name).expect("an item");
        (stock.on_hand, stock.seq) = (stock.on_hand + quantity, stock.seq + 1);
        let (item_seq, on_hand) = (stock.seq, stock.on_hand);
        self.emit("items.v1", &StockReceived { item_id: name.into(), quantity, item_seq, on_hand }, Id::NIL);
    }

    pub fn register(&mut self, name: &'static str) {
        let stock = self.stock.get_mut(name).expect("an item");
        stock.registered = true;
        let (unit_price_minor, mut queue) = (stock.price, std::mem::take(&mut stock.queue));
        let (currency, label) = ("USD".into(), "n".into());
        let registered = ItemRegistered { item_id: name.into(), name: label, unit_price_minor, currency };
        self.emit("items.v1", &registered, Id::NIL);
        if self.flaw == Flaw::Lifo {
            queue.reverse();
        }
        if self.flaw == Flaw::Forget {
            queue.clear();
        }
        for (order, line) in queue {
            if self.orders[order].lines[line].2 == Held::Waits {
                let (order_id, line_no, item_id, ticket) = self.about(order, line);
                self.emit("item-results.v1", &LineResumed { order_id, line_no, item_id }, ticket);
                if !self.orders[order].rejected {
                    let (order_id, line_no, item_id, ticket) = self.about(order, line);
                    self.emit("order-events.v1", &OrderResumed { order_id, line_no, item_id }, ticket);
                }
                self.reserve(order, line);
            }
        }
    }

    fn about<'a>(&self, order: usize, line: usize) -> (Cow<'a, str>, i32, Cow<'a, str>, Id) {
        let Underway { id, ticket, lines, .. } = &self.orders[order];
        (text(id), line as i32 + 1, text(lines[line].0), *ticket)
    }

    /// An order whose command is sent `sent` times.
    pub fn place(&mut self, request_id: &str, sent: u32, lines: &[(&'static str, i64)]) {
        let id = ticket_id(REQUESTER, request_id);
        let ticket = Id::parse(&id).expect("a UUID");
        let numbered: Vec<(usize, &(&str, i64))> = lines.iter().enumerate().collect();
        let wanted = numbered.iter().map(|(at, (name, quantity))| {
            let item = self.manifest.items.iter().position(|item| item.item_id == *name).expect("an item");
            let extended_price_minor = quantity * self.manifest.items[item].price_minor;
            load::Line { line_no: *at as i32 + 1, item: item as u32, quantity: *quantity, extended_price_minor }
        });
        let order = load::Order { order_id: ticket, sent, lines: wanted.collect() };
        self.manifest.counts.orders += 1;
        self.manifest.counts.lines += order.lines.len() as u64;
        self.manifest.orders.push(order);
        *self.manifest.counts.duplicates.entry("order-commands.v1".into()).or_default() += u64::from(sent - 1);
        let asked = lines.iter().map(|(name, quantity)| (*name, *quantity, Held::Asked)).collect();
        let request_id = request_id.to_owned();
        self.orders.push(Underway { id, ticket, request_id, lines: asked, rejected: false });
        self.accept(self.orders.len() - 1, sent);
    }

    fn accept(&mut self, order: usize, sent: u32) {
        let Underway { id, ticket, request_id, lines, .. } = &self.orders[order];
        let (order_id, request_id, ticket): (Cow<'_, str>, Cow<'_, str>, _) = (text(id), text(request_id), *ticket);
        let lines: Vec<Line<'_>> = (1..)
            .zip(lines)
            .map(|(line_no, (name, quantity, _))| Line { line_no, item_id: (*name).into(), quantity: *quantity })
            .collect();
        let accepted = OrderAccepted {
            order_id: order_id.clone(),
            request_id: request_id.clone(),
            requester: REQUESTER.into(),
            reply_to: "order-replies.v1".into(),
            customer_id: "c".into(),
            lines: lines.clone(),
        };
        self.emit("orders.v1", &accepted, ticket);
        let same = ids::identity("accepted", "", &order_id);
        for _ in 0..sent {
            let (order_id, request_id) = (order_id.clone(), request_id.clone());
            let reply = Accepted { order_id, request_id, requester: REQUESTER.into() };
            self.emit_as(same, "order-replies.v1", &reply, ticket);
        }
        for Line { line_no, item_id, quantity } in lines.clone() {
            let ask = ReserveLine { order_id: order_id.clone(), line_no, item_id, quantity, wait_until: 9 };
            self.emit("item-requests.v1", &ask, ticket);
        }
        let ticket = if self.flaw == Flaw::Ticket { Id([7; 16]) } else { ticket };
        self.emit("order-events.v1", &OrderPlaced { order_id, customer_id: "c".into(), lines: lines.clone() }, ticket);
        for line in 0..lines.len() {
            self.ask(order, line);
        }
    }

    fn ask(&mut self, order: usize, line: usize) {
        let (order_id, line_no, item_id, ticket) = self.about(order, line);
        let stock = self.stock.get_mut(self.orders[order].lines[line].0).expect("an item");
        if stock.registered {
            return self.reserve(order, line);
        }
        stock.queue.push((order, line));
        self.emit("item-results.v1", &LineParked { order_id, line_no, item_id, until: 9 }, ticket);
        self.orders[order].lines[line].2 = Held::Waits;
        if self.orders[order].rejected {
            return self.release(order, line);
        }
        if self.flaw != Flaw::Silent {
            let (order_id, line_no, item_id, ticket) = self.about(order, line);
            self.emit("order-events.v1", &OrderParked { order_id, line_no, item_id, until: 9 }, ticket);
        }
    }

    fn reserve(&mut self, order: usize, line: usize) {
        let (order_id, line_no, item_id, ticket) = self.about(order, line);
        let (name, quantity, _) = self.orders[order].lines[line];
        let stock = self.stock.get_mut(name).expect("an item");
        if stock.on_hand < quantity || self.flaw == Flaw::Refuse && name == "plenty" {
            let (reason, detail) = (RefusedReason::OutOfStock, "".into());
            self.emit("item-results.v1", &LineRefused { order_id, line_no, item_id, reason, detail }, ticket);
            self.orders[order].lines[line].2 = Held::Gone;
            return self.reject(order, line);
        }
        (stock.on_hand, stock.seq) = (stock.on_hand - quantity, stock.seq + 1);
        let (unit_price_minor, item_seq, on_hand) = (stock.price, stock.seq, stock.on_hand);
        let amount_minor = quantity * unit_price_minor + i64::from(self.flaw == Flaw::Dear);
        let currency = "USD".into();
        #[rustfmt::skip]
        let held = LineReserved { order_id, line_no, item_id, quantity, unit_price_minor, currency, amount_minor, item_seq, on_hand };
        self.emit("item-results.v1", &held, ticket);
        self.orders[order].lines[line].2 = Held::Holds;
        if self.orders[order].rejected {
            self.release(order, line);
        } else if self.orders[order].lines.iter().all(|(_, _, held)| *held == Held::Holds) {
            self.complete(order);
        }
    }

    fn reject(&mut self, order: usize, line: usize) {
        if std::mem::replace(&mut self.orders[order].rejected, true) {
            return;
        }
        let (order_id, line_no, item_id, ticket) = self.about(order, line);
        let (reason, detail) = (OrderRejectedReason::OutOfStock, "".into());
        self.emit("order-events.v1", &OrderRejected { order_id, line_no, item_id, reason, detail }, ticket);
        let (order_id, request_id) = (text(&self.orders[order].id), text(&self.orders[order].request_id));
        let (requester, reason, detail) = (REQUESTER.into(), "OUT_OF_STOCK".into(), "".into());
        self.emit("order-replies.v1", &Failed { order_id, request_id, requester, reason, detail }, ticket);
        for line in 0..self.orders[order].lines.len() {
            if matches!(self.orders[order].lines[line].2, Held::Waits | Held::Holds) {
                self.release(order, line);
            }
        }
    }

    fn release(&mut self, order: usize, line: usize) {
        if self.flaw == Flaw::Keep {
            return;
        }
        let (order_id, line_no, item_id, ticket) = self.about(order, line);
        self.emit("item-requests.v1", &ReleaseLine { order_id, line_no, item_id }, ticket);
        let (name, wanted, held) = self.orders[order].lines[line];
        self.orders[order].lines[line].2 = Held::Gone;
        let stock = self.stock.get_mut(name).expect("an item");
        let quantity = if held == Held::Holds { wanted } else { 0 };
        (stock.on_hand, stock.seq) = (stock.on_hand + quantity, stock.seq + quantity.min(1));
        let (item_seq, on_hand) = (stock.seq, stock.on_hand);
        let (order_id, line_no, item_id, ticket) = self.about(order, line);
        let released = LineReleased { order_id, line_no, item_id, quantity, item_seq, on_hand };
        self.emit("item-results.v1", &released, ticket);
    }

    fn complete(&mut self, order: usize) {
        let (order_id, _, _, ticket) = self.about(order, 0);
        let lines = self.orders[order].lines.len();
        let total: i64 =
            self.orders[order].lines.iter().map(|(name, quantity, _)| quantity * self.stock[name].price).sum();
        let total_minor = total + i64::from(self.flaw == Flaw::Total);
        let confirmed = OrderConfirmed { order_id: order_id.clone(), total_minor, currency: "USD".into() };
        self.emit("order-events.v1", &confirmed, ticket);
        for line in 0..lines {
            let (order_id, line_no, item_id, ticket) = self.about(order, line);
            self.emit("item-requests.v1", &ShipLine { order_id, line_no, item_id }, ticket);
            let (name, quantity, _) = self.orders[order].lines[line];
            let stock = self.stock.get_mut(name).expect("an item");
            stock.seq += 1;
            let quantity = quantity - i64::from(self.flaw == Flaw::Short);
            let (item_seq, on_hand) = (stock.seq, stock.on_hand);
            let (order_id, line_no, item_id, ticket) = self.about(order, line);
            let shipped = LineShipped { order_id, line_no, item_id, quantity, item_seq, on_hand };
            self.emit("item-results.v1", &shipped, ticket);
        }
        self.emit("order-events.v1", &OrderShipped { order_id: order_id.clone() }, ticket);
        let completed = OrderCompleted { order_id: order_id.clone(), total_minor, currency: "USD".into() };
        self.emit("order-events.v1", &completed, ticket);
        let (request_id, requester) = (text(&self.orders[order].request_id), REQUESTER.into());
        if self.flaw == Flaw::Liar {
            let (reason, detail) = ("OTHER".into(), "".into());
            self.emit("order-replies.v1", &Failed { order_id, request_id, requester, reason, detail }, ticket);
        } else {
            let reply = Completed { order_id, request_id, requester, total_minor, currency: "USD".into() };
            self.emit("order-replies.v1", &reply, ticket);
        }
    }
}
