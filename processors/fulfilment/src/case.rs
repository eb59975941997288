//! An order as it stands, and what follows from that.

use std::borrow::Cow;
use std::collections::BTreeMap;

use contract::fulfilment::{Change, Effects, Reply, State};
use contract::state::OrderLineStatus::{self, Refused, Released, Reserved, Shipped, Waiting};
use contract::state::OrderStatus::{self, Collecting, Confirmed, Rejected};
use contract::state::{Order, OrderLine};
use contract::{Completed, Failed, OrderRejectedReason, ReleaseLine, ShipLine};
use contract::{OrderCompleted, OrderConfirmed, OrderRejected, OrderShipped};
use flow::{Code, Reject};

/// Lines of an order, at most: `order-intake` accepts no more.
pub const LINES_MAX: usize = 100;

/// An order, and what one event makes of it.
pub struct Case<'a, 'r, 's> {
    pub order: Order,
    /// The line that the event moved on.
    pub moved: Option<(i32, OrderLine)>,
    pub out: Effects<'a>,
    id: &'a str,
    now_ms: i64,
    state: &'r State<'s>,
}

impl<'a, 'r, 's> Case<'a, 'r, 's> {
    /// The order as the last event left it.
    pub fn open(id: &'a str, now_ms: i64, state: &'r State<'s>) -> Self {
        Case { order: state.get().unwrap_or_default(), moved: None, out: Effects::new(), id, now_ms, state }
    }

    /// A line as the last event left it; one of which nothing was heard is asked for.
    pub fn line(&self, line_no: i32) -> OrderLine {
        self.state.lines(&sub(line_no)).unwrap_or_default()
    }

    /// Moves a line on and returns where it was. A line that stands elsewhere has had this step before: `None`.
    pub fn step(
        &mut self,
        line_no: i32,
        item_id: &str,
        from: &[OrderLineStatus],
        to: OrderLineStatus,
    ) -> Option<OrderLineStatus> {
        let line = self.line(line_no);
        if !from.contains(&line.status) {
            return None;
        }
        self.order.reserved += i32::from(to == Reserved) - i32::from(line.status == Reserved);
        self.order.settled += i32::from(matches!(to, Refused | Released | Shipped));
        self.moved = Some((line_no, OrderLine { item_id: item_id.to_owned(), status: to, ..line }));
        Some(line.status)
    }

    /// Moves a line on to what this order alone can have asked for, or else somebody meddles with its lines.
    pub fn settle(
        &mut self,
        line_no: i32,
        item_id: &str,
        from: &[OrderLineStatus],
        to: OrderLineStatus,
        when: OrderStatus,
    ) -> Result<(), Reject> {
        let (moved, status) = (self.step(line_no, item_id, from, to), self.order.status);
        if moved.is_some() && status != when {
            let detail = format!("line {line_no} is {}, but the order is {}", to.as_str(), status.as_str());
            return Err(Reject::new(Code::Invalid, detail));
        }
        Ok(())
    }

    /// Asks for what is put aside, or for the end of a line's wait.
    pub fn give_back(&mut self, line_no: i32, item_id: impl Into<Cow<'a, str>>) {
        self.out.emit(ReleaseLine { order_id: self.id.into(), line_no, item_id: item_id.into() });
    }

    /// Ends an order for which not every line can be had. The first reason counts.
    pub fn reject(&mut self, reason: OrderRejectedReason, line_no: i32, item_id: &str, detail: &str) {
        if self.order.status != Collecting {
            return;
        }
        self.order.status = Rejected;
        self.order.reason = reason.as_str().to_owned();
        self.order.detail = detail.to_owned();
        self.order.line_no = line_no;
        self.order.item_id = item_id.to_owned();
        for (line_no, line) in self.lines() {
            if matches!(line.status, Reserved | Waiting) {
                self.give_back(line_no, line.item_id);
            }
        }
        if self.order.accepted {
            self.announce_rejection();
        }
    }

    /// Tells the world, once it knows the order.
    pub fn announce_rejection(&mut self) {
        let Order { reason, detail, line_no, item_id, .. } = self.order.clone();
        let (order_id, detail) = (Cow::from(self.id), Cow::from(detail));
        self.out.emit(OrderRejected {
            order_id: order_id.clone(),
            line_no,
            item_id: item_id.into(),
            reason: reason_of(&reason),
            detail: detail.clone(),
        });
        let (request_id, requester) = (self.order.request_id.clone().into(), self.order.requester.clone().into());
        self.reply(Failed { order_id, request_id, requester, reason: reason.into(), detail });
    }

    /// Confirms, completes or forgets the order when it is time, and keeps what changed.
    pub fn close(mut self) -> Effects<'a> {
        let Order { accepted, lines, reserved, settled, .. } = self.order;
        if self.order.status == Collecting && accepted && reserved == lines {
            self.confirm();
        }
        if self.order.status == Confirmed && settled == lines {
            self.complete();
        }
        if accepted && settled == lines {
            self.forget();
        } else {
            self.keep();
        }
        self.out
    }

    fn confirm(&mut self) {
        self.order.status = Confirmed;
        let (order_id, currency) = (Cow::from(self.id), self.order.currency.clone().into());
        self.out.emit(OrderConfirmed { order_id, total_minor: self.order.total_minor, currency });
        for (line_no, line) in self.lines() {
            self.out.emit(ShipLine { order_id: self.id.into(), line_no, item_id: line.item_id.into() });
        }
    }

    fn complete(&mut self) {
        let order_id = Cow::from(self.id);
        let (total_minor, currency) = (self.order.total_minor, Cow::from(self.order.currency.clone()));
        let (request_id, requester) = (self.order.request_id.clone().into(), self.order.requester.clone().into());
        self.out.emit(OrderShipped { order_id: order_id.clone() });
        self.out.emit(OrderCompleted { order_id: order_id.clone(), total_minor, currency: currency.clone() });
        self.reply(Completed { order_id, request_id, requester, total_minor, currency });
    }

    /// Whoever named no topic for answers gets none.
    fn reply(&mut self, record: impl Into<Reply<'a>>) {
        if !self.order.reply_to.is_empty() {
            self.out.reply(self.order.reply_to.clone(), record);
        }
    }

    fn keep(&mut self) {
        if let Some((line_no, line)) = &self.moved {
            self.out.change(Change::PutLines(sub(*line_no), line.clone()));
        }
        let before = self.state.get();
        let opened_at = before.as_ref().map_or(self.now_ms, |before| before.opened_at);
        if self.order != before.unwrap_or_default() {
            self.out.change(Change::Put(Order { opened_at, ..self.order.clone() }));
        }
    }

    fn forget(&mut self) {
        for (sub, _) in self.state.lines_scan("", LINES_MAX) {
            self.out.change(Change::DeleteLines(sub));
        }
        self.out.change(Change::Delete);
    }

    /// Every line of which something was heard, as it is now.
    fn lines(&self) -> BTreeMap<i32, OrderLine> {
        let kept = self.state.lines_scan("", LINES_MAX).into_iter();
        let mut lines: BTreeMap<i32, OrderLine> =
            kept.filter_map(|(sub, line)| Some((sub.parse().ok()?, line))).collect();
        lines.extend(self.moved.clone());
        lines
    }
}

/// The reason of that name; one that this build does not know counts as another.
pub fn reason_of(name: &str) -> OrderRejectedReason {
    use OrderRejectedReason::{ItemRetired, ItemUnknown, MixedCurrencies, Other, OutOfStock};
    let reasons = [OutOfStock, ItemRetired, ItemUnknown, MixedCurrencies];
    reasons.into_iter().find(|reason| reason.as_str() == name).unwrap_or(Other)
}

/// Subkey of a line: numbers in order are texts in order.
fn sub(line_no: i32) -> String {
    format!("{line_no:010}")
}
