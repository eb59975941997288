// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Processor `order-intake`: Validates commands, hands out tickets, answers a repeated command with the original answer.

use flow::{CodecError, Decoded, Encoded, Meta, Topology};

use crate::codec;
use crate::{Accepted, OrderAccepted, PlaceOrder, Rejected, ReleaseLine, ReserveLine, ShipLine};

/// Validates commands, hands out tickets, answers a repeated command with the original answer.
pub struct OrderIntake;

/// One input: key, meta, time and record.
pub type Event<'a> = flow::Event<'a, OrderIntake>;
/// What is to happen because of one event.
pub type Effects<'a> = flow::Effects<'a, OrderIntake>;
/// All effects of one event, or its rejection.
pub type Handled<'a> = flow::Handled<'a, OrderIntake>;

/// What may come in.
#[derive(Debug, Clone, PartialEq)]
pub enum In<'a> {
    PlaceOrder(PlaceOrder<'a>),
}

/// What may be sent to topics.
#[derive(Debug, Clone, PartialEq)]
pub enum Out<'a> {
    OrderAccepted(OrderAccepted<'a>),
    ReserveLine(ReserveLine<'a>),
    ReleaseLine(ReleaseLine<'a>),
    ShipLine(ShipLine<'a>),
}

impl<'a> From<OrderAccepted<'a>> for Out<'a> {
    fn from(record: OrderAccepted<'a>) -> Self {
        Out::OrderAccepted(record)
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
    Accepted(Accepted<'a>),
    Rejected(Rejected<'a>),
}

impl<'a> From<Accepted<'a>> for Reply<'a> {
    fn from(record: Accepted<'a>) -> Self {
        Reply::Accepted(record)
    }
}

impl<'a> From<Rejected<'a>> for Reply<'a> {
    fn from(record: Rejected<'a>) -> Self {
        Reply::Rejected(record)
    }
}

/// A change of the state below the event's key.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {}

/// Timers. Their order in topics.yaml is their number in stores: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {}

/// Typed reads of the state below the event's key.
pub struct State<'s>(std::marker::PhantomData<&'s ()>);

impl flow::Processor for OrderIntake {
    const TOPOLOGY: &'static Topology = &TOPOLOGY;
    type In<'a> = In<'a>;
    type Out<'a> = Out<'a>;
    type Reply<'a> = Reply<'a>;
    type State<'s> = State<'s>;
    type Change = Change;
    type Wake = Wake;
}

impl flow::Codec for OrderIntake {
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
            (0, "PlaceOrder") => codec::decode(schema, body, In::PlaceOrder, |it| codec::identity(&[&it.order_id, &it.requester, &it.request_id])),
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
            Out::OrderAccepted(it) => (0, "OrderAccepted", codec::key(it)),
            Out::ReserveLine(it) => (1, "ReserveLine", codec::key(it)),
            Out::ReleaseLine(it) => (1, "ReleaseLine", codec::key(it)),
            Out::ShipLine(it) => (1, "ShipLine", codec::key(it)),
        }
    }

    fn encode(out: &Out<'_>, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        match out {
            Out::OrderAccepted(it) => codec::encode(it, meta, buffer),
            Out::ReserveLine(it) => codec::encode(it, meta, buffer),
            Out::ReleaseLine(it) => codec::encode(it, meta, buffer),
            Out::ShipLine(it) => codec::encode(it, meta, buffer),
        }
    }

    fn route_reply<'o>(reply: &'o Reply<'_>) -> (&'static str, &'o str) {
        match reply {
            Reply::Accepted(it) => ("Accepted", codec::key(it)),
            Reply::Rejected(it) => ("Rejected", codec::key(it)),
        }
    }

    fn encode_reply(reply: &Reply<'_>, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        match reply {
            Reply::Accepted(it) => codec::encode(it, meta, buffer),
            Reply::Rejected(it) => codec::encode(it, meta, buffer),
        }
    }

    fn change(change: &Change) -> Result<(u8, &[u8], Option<Vec<u8>>), CodecError> {
        match *change {}
    }

    fn state(_: &dyn flow::StateRead) -> State<'_> {
        State(std::marker::PhantomData)
    }
}

const TOPOLOGY: Topology = Topology {
    name: "order-intake",
    partitions: 12,
    inputs: &[
        flow::Input {
            topic: "order-commands.v1",
            records: &["PlaceOrder"],
            compacted: false,
            duplicates: flow::Duplicates::Answer,
        },
    ],
    outputs: &[
        flow::Topic { name: "orders.v1", partitions: 12 },
        flow::Topic { name: "item-requests.v1", partitions: 12 },
    ],
    replies: &[
        flow::Topic { name: "order-replies.v1", partitions: 12 },
    ],
    tables: &[],
    window_ms: 604800000,
};
