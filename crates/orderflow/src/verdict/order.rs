//! What is seen of an order and its lines, in counts and bits: 200 bytes an order, 48 a line.

/// What can be seen of a line, each at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Step {
    /// ReserveLine, ReleaseLine, ShipLine.
    ReserveAsked = 1,
    ReleaseAsked = 1 << 1,
    ShipAsked = 1 << 2,
    /// LineParked, LineResumed, LineReserved, LineShipped.
    Parked = 1 << 3,
    Resumed = 1 << 4,
    Reserved = 1 << 5,
    Shipped = 1 << 6,
    /// LineRefused for lack of stock, and for any other reason.
    Refused = 1 << 7,
    RefusedOther = 1 << 8,
    /// LineReleased of something that was reserved, and of a line that was only waiting.
    GivenBack = 1 << 9,
    LetGo = 1 << 10,
    /// OrderParked, OrderResumed.
    OrderParked = 1 << 11,
    OrderResumed = 1 << 12,
    /// Not steps: parked, or resumed, before any line of the order was refused.
    ParkedFirst = 1 << 13,
    ResumedFirst = 1 << 14,
}

/// One line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineSeen {
    pub line_no: i32,
    steps: u16,
    /// The reader's number of the item, plus 1; 0 as long as it is unknown.
    pub item: u32,
    pub quantity: i64,
    pub amount_minor: i64,
    /// Offset of the ReserveLine: lines of one item are asked for on one partition.
    pub asked_at: i64,
    /// item_seq of the LineReserved.
    pub reserved_seq: i64,
}

impl LineSeen {
    /// Whether a step was seen.
    pub fn has(&self, step: Step) -> bool {
        self.steps & step as u16 != 0
    }

    /// Notes a step; false when it was seen before.
    pub fn note(&mut self, step: Step) -> bool {
        let new = !self.has(step);
        self.steps |= step as u16;
        new
    }

    /// Whether it was refused, for whatever reason.
    pub fn refused(&self) -> bool {
        self.has(Step::Refused) || self.has(Step::RefusedOther)
    }

    /// Whether nothing more is to happen to it.
    pub fn settled(&self) -> bool {
        self.refused() || self.has(Step::Shipped) || self.has(Step::GivenBack) || self.has(Step::LetGo)
    }

    /// Why this step of the item's side cannot come now. All of them are of one partition, so their order counts.
    pub fn objection(&self, step: Step) -> Option<&'static str> {
        let waits = self.has(Step::Parked) && !self.has(Step::Resumed);
        let holds = self.has(Step::Reserved);
        let none = match step {
            Step::Parked => (holds || self.refused()).then_some("after it was decided"),
            Step::Resumed => (!waits).then_some("although it did not wait"),
            Step::Reserved | Step::Refused => waits.then_some("although it still waits"),
            Step::Shipped | Step::GivenBack => (!holds).then_some("although nothing was reserved"),
            Step::LetGo => (!waits).then_some("although it did not wait"),
            _ => None,
        };
        none.or((self.settled()).then_some("after it was settled"))
    }
}

/// The last event of an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Last {
    /// No event.
    #[default]
    None,
    /// Placed, parked, resumed, confirmed or shipped.
    Underway,
    Completed,
    Rejected,
}

/// One order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderSeen {
    /// Counts of OrderAccepted, OrderPlaced, …
    pub accepted: u16,
    pub placed: u16,
    pub confirmed: u16,
    pub shipped: u16,
    pub completed: u16,
    pub rejected: u16,
    /// Counts of the replies Completed, Failed, Rejected, and Rejected as a conflict.
    pub replied_completed: u16,
    pub replied_failed: u16,
    pub replied_rejected: u16,
    pub replied_conflict: u16,
    /// Count of the reply Accepted, and its event id, folded.
    pub acceptances: u32,
    pub acceptance: u64,
    pub last: Last,
    /// The seed of the load that asked for it, when it was one.
    pub load: Option<u64>,
    /// A line was refused so far.
    pub refused: bool,
    /// Lines that wait, by the order's own events.
    pub waiting: i32,
    /// Whether the order began to wait, and went on.
    pub waited: bool,
    /// The line that OrderRejected names.
    pub decided_by: i32,
    /// Totals of OrderConfirmed, OrderCompleted and the reply Completed, in minor units.
    pub confirmed_minor: i64,
    pub completed_minor: i64,
    pub replied_minor: i64,
    /// By line number.
    pub lines: Vec<LineSeen>,
}

impl OrderSeen {
    /// The line, new when it was not seen before.
    pub fn line(&mut self, line_no: i32) -> &mut LineSeen {
        let at = self.lines.binary_search_by_key(&line_no, |line| line.line_no).unwrap_or_else(|at| {
            self.lines.insert(at, LineSeen { line_no, ..LineSeen::default() });
            at
        });
        &mut self.lines[at]
    }

    /// The line, when it was seen.
    pub fn find(&self, line_no: i32) -> Option<&LineSeen> {
        let at = self.lines.binary_search_by_key(&line_no, |line| line.line_no).ok()?;
        self.lines.get(at)
    }

    /// Final answers.
    pub fn answers(&self) -> u32 {
        u32::from(self.replied_completed) + u32::from(self.replied_failed) + u32::from(self.replied_rejected)
    }

    /// Whether the last thing that happened to it was the end.
    pub fn ended(&self) -> bool {
        matches!(self.last, Last::Completed | Last::Rejected)
    }
}
