//! Books kept from the outside: from what the processors say, never from what they remember.

use std::collections::BTreeMap;

use contract::RefusedReason;
use contract::fulfilment::{self, Fulfilment};
use contract::item_lookup::{self, ItemLookup};
use contract::order_intake::{self, OrderIntake};

use super::room::Watch;

#[derive(Debug, Default)]
pub struct Ledger {
    pub items: BTreeMap<String, Stock>,
    pub lines: BTreeMap<(String, i32), Line>,
    pub orders: BTreeMap<String, Order>,
}

/// Pieces of an item.
#[derive(Debug, Default)]
pub struct Stock {
    pub received: i64,
    pub on_hand: i64,
    pub reserved: i64,
    pub shipped: i64,
    seq: i64,
    registered: bool,
    /// Lines that wait, the oldest first.
    queue: Vec<(String, i32)>,
}

/// How often something was said of a line.
#[derive(Debug, Default)]
pub struct Line {
    pub asked: u32,
    pub parked: u32,
    pub resumed: u32,
    pub reserved: u32,
    pub refused: u32,
    pub released: u32,
    /// Of these, how many gave nothing back because the line only waited.
    pub released_waiting: u32,
    pub shipped: u32,
    pub release_asked: u32,
    pub ship_asked: u32,
    pub amount_minor: i64,
}

/// What was said of an order.
#[derive(Debug, Default)]
pub struct Order {
    pub accepted: u32,
    pub events: Vec<&'static str>,
    pub reason: Option<&'static str>,
    pub replies: Vec<&'static str>,
    pub total_minor: Option<i64>,
}

impl Ledger {
    fn line(&mut self, order_id: &str, line_no: i32) -> &mut Line {
        self.lines.entry((order_id.to_owned(), line_no)).or_default()
    }

    fn order(&mut self, order_id: &str) -> &mut Order {
        self.orders.entry(order_id.to_owned()).or_default()
    }

    fn stock(&mut self, item_id: &str) -> &mut Stock {
        self.items.entry(item_id.to_owned()).or_default()
    }

    /// Pieces came to hand (or left it), with a number of its own.
    fn moved(&mut self, item_id: &str, pieces: i64, item_seq: i64, on_hand: i64) -> &mut Stock {
        let stock = self.stock(item_id);
        (stock.seq, stock.on_hand) = (stock.seq + 1, stock.on_hand + pieces);
        assert_eq!((item_seq, on_hand), (stock.seq, stock.on_hand), "stock of {item_id}");
        stock
    }
}

impl Watch<OrderIntake> for Ledger {
    fn sent(&mut self, out: &order_intake::Out<'_>) {
        match out {
            order_intake::Out::OrderAccepted(it) => self.order(&it.order_id).accepted += 1,
            order_intake::Out::ReserveLine(it) => self.line(&it.order_id, it.line_no).asked += 1,
            other => panic!("not for order-intake to say: {other:?}"),
        }
    }

    fn replied(&mut self, reply: &order_intake::Reply<'_>) {
        match reply {
            order_intake::Reply::Accepted(it) => self.order(&it.order_id).replies.push("Accepted"),
            order_intake::Reply::Rejected(it) => self.order(&it.order_id).replies.push("Rejected"),
        }
    }
}

impl Watch<ItemLookup> for Ledger {
    fn sent(&mut self, out: &item_lookup::Out<'_>) {
        use item_lookup::Out;
        match out {
            Out::StockReceived(it) => {
                self.moved(&it.item_id, it.quantity, it.item_seq, it.on_hand).received += it.quantity;
            }
            Out::LineParked(it) => {
                self.stock(&it.item_id).queue.push((it.order_id.to_string(), it.line_no));
                self.line(&it.order_id, it.line_no).parked += 1;
            }
            Out::LineResumed(it) => {
                let first = self.stock(&it.item_id).queue.remove(0);
                assert_eq!((&*first.0, first.1), (&*it.order_id, it.line_no), "somebody jumped the queue");
                self.line(&it.order_id, it.line_no).resumed += 1;
            }
            Out::LineRefused(it) => {
                let stock = self.stock(&it.item_id);
                stock.queue.retain(|line| (&*line.0, line.1) != (&*it.order_id, it.line_no));
                assert!(!stock.registered || it.reason != RefusedReason::ItemUnknown, "{it:?}");
                self.line(&it.order_id, it.line_no).refused += 1;
            }
            Out::LineReserved(it) => {
                let stock = self.moved(&it.item_id, -it.quantity, it.item_seq, it.on_hand);
                stock.reserved += it.quantity;
                let queue = stock.queue.clone();
                let line = self.line(&it.order_id, it.line_no);
                assert!(line.parked == 1 || queue.is_empty(), "{it:?} jumped the queue");
                (line.reserved, line.amount_minor) = (line.reserved + 1, it.amount_minor);
            }
            Out::LineReleased(it) => {
                let waiting = it.quantity == 0;
                if waiting {
                    let queue = &mut self.stock(&it.item_id).queue;
                    queue.retain(|line| (&*line.0, line.1) != (&*it.order_id, it.line_no));
                } else {
                    self.moved(&it.item_id, it.quantity, it.item_seq, it.on_hand).reserved -= it.quantity;
                }
                let line = self.line(&it.order_id, it.line_no);
                line.released += 1;
                line.released_waiting += u32::from(waiting);
            }
            Out::LineShipped(it) => {
                let stock = self.moved(&it.item_id, 0, it.item_seq, it.on_hand);
                (stock.reserved, stock.shipped) = (stock.reserved - it.quantity, stock.shipped + it.quantity);
                self.line(&it.order_id, it.line_no).shipped += 1;
            }
            Out::ItemRegistered(it) => self.stock(&it.item_id).registered = true,
            Out::ItemCorrected(_) | Out::ItemRetired(_) | Out::ItemCommandRefused(_) => {}
        }
    }

    fn replied(&mut self, reply: &item_lookup::Reply) {
        match *reply {}
    }
}

impl Watch<Fulfilment> for Ledger {
    fn sent(&mut self, out: &fulfilment::Out<'_>) {
        use fulfilment::Out;
        match out {
            Out::OrderPlaced(it) => self.order(&it.order_id).events.push("Placed"),
            Out::OrderParked(it) => self.order(&it.order_id).events.push("Parked"),
            Out::OrderResumed(it) => self.order(&it.order_id).events.push("Resumed"),
            Out::OrderConfirmed(it) => self.order(&it.order_id).events.push("Confirmed"),
            Out::OrderShipped(it) => self.order(&it.order_id).events.push("Shipped"),
            Out::OrderCompleted(it) => {
                let order = self.order(&it.order_id);
                order.events.push("Completed");
                order.total_minor = Some(it.total_minor);
            }
            Out::OrderRejected(it) => {
                let order = self.order(&it.order_id);
                order.events.push("Rejected");
                order.reason = Some(it.reason.as_str());
            }
            Out::ReleaseLine(it) => self.line(&it.order_id, it.line_no).release_asked += 1,
            Out::ShipLine(it) => self.line(&it.order_id, it.line_no).ship_asked += 1,
            Out::ReserveLine(it) => panic!("not for fulfilment to say: {it:?}"),
        }
    }

    fn replied(&mut self, reply: &fulfilment::Reply<'_>) {
        match reply {
            fulfilment::Reply::Completed(it) => self.order(&it.order_id).replies.push("Completed"),
            fulfilment::Reply::Failed(it) => self.order(&it.order_id).replies.push("Failed"),
        }
    }
}
