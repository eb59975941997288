// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Processor `fulfilment`: Collects the lines of an order, ships or rejects it, gives back what was reserved for a rejected one.

use flow::{CodecError, Decoded, Encoded, Meta, StateRead, Topology};

use crate::{codec, state};
use crate::{Completed, Failed, LineParked, LineRefused, LineReleased, LineReserved, LineResumed, LineShipped, OrderAccepted, OrderCompleted, OrderConfirmed, OrderParked, OrderPlaced, OrderRejected, OrderResumed, OrderShipped, ReleaseLine, ReserveLine, ShipLine};

/// Collects the lines of an order, ships or rejects it, gives back what was reserved for a rejected one.
pub struct Fulfilment;

/// One input: key, meta, time and record.
pub type Event<'a> = flow::Event<'a, Fulfilment>;
/// What is to happen because of one event.
pub type Effects<'a> = flow::Effects<'a, Fulfilment>;
/// All effects of one event, or its rejection.
pub type Handled<'a> = flow::Handled<'a, Fulfilment>;

/// What may come in.
#[derive(Debug, Clone, PartialEq)]
pub enum In<'a> {
    OrderAccepted(OrderAccepted<'a>),
    LineReserved(LineReserved<'a>),
    LineParked(LineParked<'a>),
    LineResumed(LineResumed<'a>),
    LineRefused(LineRefused<'a>),
    LineReleased(LineReleased<'a>),
    LineShipped(LineShipped<'a>),
}

/// What may be sent to topics.
#[derive(Debug, Clone, PartialEq)]
pub enum Out<'a> {
    OrderPlaced(OrderPlaced<'a>),
    OrderParked(OrderParked<'a>),
    OrderResumed(OrderResumed<'a>),
    OrderConfirmed(OrderConfirmed<'a>),
    OrderShipped(OrderShipped<'a>),
    OrderCompleted(OrderCompleted<'a>),
    OrderRejected(OrderRejected<'a>),
    ReserveLine(ReserveLine<'a>),
    ReleaseLine(ReleaseLine<'a>),
    ShipLine(ShipLine<'a>),
}

impl<'a> From<OrderPlaced<'a>> for Out<'a> {
    fn from(record: OrderPlaced<'a>) -> Self {
        Out::OrderPlaced(record)
    }
}

impl<'a> From<OrderParked<'a>> for Out<'a> {
    fn from(record: OrderParked<'a>) -> Self {
        Out::OrderParked(record)
    }
}

impl<'a> From<OrderResumed<'a>> for Out<'a> {
    fn from(record: OrderResumed<'a>) -> Self {
        Out::OrderResumed(record)
    }
}

impl<'a> From<OrderConfirmed<'a>> for Out<'a> {
    fn from(record: OrderConfirmed<'a>) -> Self {
        Out::OrderConfirmed(record)
    }
}

impl<'a> From<OrderShipped<'a>> for Out<'a> {
    fn from(record: OrderShipped<'a>) -> Self {
        Out::OrderShipped(record)
    }
}

impl<'a> From<OrderCompleted<'a>> for Out<'a> {
    fn from(record: OrderCompleted<'a>) -> Self {
        Out::OrderCompleted(record)
    }
}

impl<'a> From<OrderRejected<'a>> for Out<'a> {
    fn from(record: OrderRejected<'a>) -> Self {
        Out::OrderRejected(record)
    }
}

impl<'a> From<ReserveLine<'a>> for Out<'a> {
    fn from(record: ReserveLine<'a>) -> Self {
        Out::ReserveLine(record)
    }
}

impl<'a> From<ReleaseLine<'a>> for Out<'a> {
    fn from(record: ReleaseLine<'a>) -> Self {
        Out::ReleaseLine(record)
    }
}

impl<'a> From<ShipLine<'a>> for Out<'a> {
    fn from(record: ShipLine<'a>) -> Self {
        Out::ShipLine(record)
    }
}

/// What may be sent to reply topics.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply<'a> {
    Completed(Completed<'a>),
    Failed(Failed<'a>),
}

impl<'a> From<Completed<'a>> for Reply<'a> {
    fn from(record: Completed<'a>) -> Self {
        Reply::Completed(record)
    }
}

impl<'a> From<Failed<'a>> for Reply<'a> {
    fn from(record: Failed<'a>) -> Self {
        Reply::Failed(record)
    }
}

/// A change of the state below the event's key.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Put(state::Order),
    Delete,
    PutLines(String, state::OrderLine),
    DeleteLines(String),
}

/// Timers. Their order in topics.yaml is their number in stores: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {}

/// Typed reads of the state below the event's key.
pub struct State<'s> {
    read: &'s dyn StateRead,
}

impl State<'_> {
    /// What fulfilment remembers of an order until every line is settled.
    pub fn get(&self) -> Option<state::Order> {
        codec::get(self.read, 0, "")
    }

    /// A line of the order, by line number.
    pub fn lines(&self, sub: &str) -> Option<state::OrderLine> {
        codec::get(self.read, 1, sub)
    }

    /// At most `limit` entries in ascending order of subkey, from the first one at or after `from`.
    pub fn lines_scan(&self, from: &str, limit: usize) -> Vec<(String, state::OrderLine)> {
        codec::scan(self.read, 1, from, limit)
    }
}

impl flow::Processor for Fulfilment {
    const TOPOLOGY: &'static Topology = &TOPOLOGY;
    type In<'a> = In<'a>;
    type Out<'a> = Out<'a>;
    type Reply<'a> = Reply<'a>;
    type State<'s> = State<'s>;
    type Change = Change;
    type Wake = Wake;
}

impl flow::Codec for Fulfilment {
    type Schema = codec::Split;

    fn schema(text: &str) -> Result<codec::Split, CodecError> {
        codec::Split::parse(text)
    }

    fn decode<'a>(
        input: usize,
        record: &str,
        schema: &codec::Split,
        body: &'a [u8],
    ) -> Result<Decoded<'a, Self>, CodecError> {
        match (input, record) {
            (0, "OrderAccepted") => codec::decode(schema, body, In::OrderAccepted, |_| Ok(None)),
            (1, "LineReserved") => codec::decode(schema, body, In::LineReserved, |_| Ok(None)),
            (1, "LineParked") => codec::decode(schema, body, In::LineParked, |_| Ok(None)),
            (1, "LineResumed") => codec::decode(schema, body, In::LineResumed, |_| Ok(None)),
            (1, "LineRefused") => codec::decode(schema, body, In::LineRefused, |_| Ok(None)),
            (1, "LineReleased") => codec::decode(schema, body, In::LineReleased, |_| Ok(None)),
            (1, "LineShipped") => codec::decode(schema, body, In::LineShipped, |_| Ok(None)),
            _ => Err(codec::unexpected(&TOPOLOGY, input, record)),
        }
    }

    fn tombstone<'a>(_: usize) -> Option<In<'a>> {
        None
    }

    fn wake<'a>(_: u8, _: &'a str) -> Option<In<'a>> {
        None
    }

    fn wake_kind(wake: Wake) -> u8 {
        match wake {}
    }

    fn route<'o>(out: &'o Out<'_>) -> (usize, &'static str, &'o str) {
        match out {
            Out::OrderPlaced(it) => (0, "OrderPlaced", codec::key(it)),
            Out::OrderParked(it) => (0, "OrderParked", codec::key(it)),
            Out::OrderResumed(it) => (0, "OrderResumed", codec::key(it)),
            Out::OrderConfirmed(it) => (0, "OrderConfirmed", codec::key(it)),
            Out::OrderShipped(it) => (0, "OrderShipped", codec::key(it)),
            Out::OrderCompleted(it) => (0, "OrderCompleted", codec::key(it)),
            Out::OrderRejected(it) => (0, "OrderRejected", codec::key(it)),
            Out::ReserveLine(it) => (1, "ReserveLine", codec::key(it)),
            Out::ReleaseLine(it) => (1, "ReleaseLine", codec::key(it)),
            Out::ShipLine(it) => (1, "ShipLine", codec::key(it)),
        }
    }

    fn encode(out: &Out<'_>, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        match out {
            Out::OrderPlaced(it) => codec::encode(it, meta, buffer),
            Out::OrderParked(it) => codec::encode(it, meta, buffer),
            Out::OrderResumed(it) => codec::encode(it, meta, buffer),
            Out::OrderConfirmed(it) => codec::encode(it, meta, buffer),
            Out::OrderShipped(it) => codec::encode(it, meta, buffer),
            Out::OrderCompleted(it) => codec::encode(it, meta, buffer),
            Out::OrderRejected(it) => codec::encode(it, meta, buffer),
            Out::ReserveLine(it) => codec::encode(it, meta, buffer),
            Out::ReleaseLine(it) => codec::encode(it, meta, buffer),
            Out::ShipLine(it) => codec::encode(it, meta, buffer),
        }
    }

    fn route_reply<'o>(reply: &'o Reply<'_>) -> (&'static str, &'o str) {
        match reply {
            Reply::Completed(it) => ("Completed", codec::key(it)),
            Reply::Failed(it) => ("Failed", codec::key(it)),
        }
    }

    fn encode_reply(reply: &Reply<'_>, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        match reply {
            Reply::Completed(it) => codec::encode(it, meta, buffer),
            Reply::Failed(it) => codec::encode(it, meta, buffer),
        }
    }

    fn change(change: &Change) -> Result<(u8, &[u8], Option<Vec<u8>>), CodecError> {
        match change {
            Change::Put(it) => Ok((0, b"", Some(codec::store(it)?))),
            Change::Delete => Ok((0, b"", None)),
            Change::PutLines(sub, it) => Ok((1, sub.as_bytes(), Some(codec::store(it)?))),
            Change::DeleteLines(sub) => Ok((1, sub.as_bytes(), None)),
        }
    }

    fn state(read: &dyn StateRead) -> State<'_> {
        State { read }
    }
}

const TOPOLOGY: Topology = Topology {
    name: "fulfilment",
    partitions: 12,
    inputs: &[
        flow::Input {
            topic: "orders.v1",
            records: &["OrderAccepted"],
            compacted: false,
            duplicates: flow::Duplicates::Drop,
        },
        flow::Input {
            topic: "item-results.v1",
            records: &["LineReserved", "LineParked", "LineResumed", "LineRefused", "LineReleased", "LineShipped"],
            compacted: false,
            duplicates: flow::Duplicates::Drop,
        },
    ],
    outputs: &[
        flow::Topic { name: "order-events.v1", partitions: 12 },
        flow::Topic { name: "item-requests.v1", partitions: 12 },
    ],
    replies: &[
        flow::Topic { name: "order-replies.v1", partitions: 12 },
    ],
    tables: &["order", "lines"],
    window_ms: 604800000,
};
