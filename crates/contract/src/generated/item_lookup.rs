// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Processor `item-lookup`: Keeps catalogue and stock per item, reserves lines, parks lines of items that nobody has registered yet.

use flow::{CodecError, Decoded, Encoded, Meta, StateRead, Topology};

use crate::{codec, state};
use crate::{CorrectItem, ItemCommandRefused, ItemCorrected, ItemRegistered, ItemRetired, LineParked, LineRefused, LineReleased, LineReserved, LineResumed, LineShipped, ReceiveStock, RegisterItem, ReleaseLine, ReserveLine, RetireItem, ShipLine, StockReceived};

/// Keeps catalogue and stock per item, reserves lines, parks lines of items that nobody has registered yet.
pub struct ItemLookup;

/// One input: key, meta, time and record.
pub type Event<'a> = flow::Event<'a, ItemLookup>;
/// What is to happen because of one event.
pub type Effects<'a> = flow::Effects<'a, ItemLookup>;
/// All effects of one event, or its rejection.
pub type Handled<'a> = flow::Handled<'a, ItemLookup>;

/// What may come in.
#[derive(Debug, Clone, PartialEq)]
pub enum In<'a> {
    RegisterItem(RegisterItem<'a>),
    CorrectItem(CorrectItem<'a>),
    RetireItem(RetireItem<'a>),
    ReceiveStock(ReceiveStock<'a>),
    ReserveLine(ReserveLine<'a>),
    ReleaseLine(ReleaseLine<'a>),
    ShipLine(ShipLine<'a>),
    /// A timer that fired, with its subkey.
    Wake(Wake, &'a str),
}

/// What may be sent to topics.
#[derive(Debug, Clone, PartialEq)]
pub enum Out<'a> {
    ItemRegistered(ItemRegistered<'a>),
    ItemCorrected(ItemCorrected<'a>),
    ItemRetired(ItemRetired<'a>),
    StockReceived(StockReceived<'a>),
    ItemCommandRefused(ItemCommandRefused<'a>),
    LineReserved(LineReserved<'a>),
    LineParked(LineParked<'a>),
    LineResumed(LineResumed<'a>),
    LineRefused(LineRefused<'a>),
    LineReleased(LineReleased<'a>),
    LineShipped(LineShipped<'a>),
}

impl<'a> From<ItemRegistered<'a>> for Out<'a> {
    fn from(record: ItemRegistered<'a>) -> Self {
        Out::ItemRegistered(record)
    }
}

impl<'a> From<ItemCorrected<'a>> for Out<'a> {
    fn from(record: ItemCorrected<'a>) -> Self {
        Out::ItemCorrected(record)
    }
}

impl<'a> From<ItemRetired<'a>> for Out<'a> {
    fn from(record: ItemRetired<'a>) -> Self {
        Out::ItemRetired(record)
    }
}

impl<'a> From<StockReceived<'a>> for Out<'a> {
    fn from(record: StockReceived<'a>) -> Self {
        Out::StockReceived(record)
    }
}

impl<'a> From<ItemCommandRefused<'a>> for Out<'a> {
    fn from(record: ItemCommandRefused<'a>) -> Self {
        Out::ItemCommandRefused(record)
    }
}

impl<'a> From<LineReserved<'a>> for Out<'a> {
    fn from(record: LineReserved<'a>) -> Self {
        Out::LineReserved(record)
    }
}

impl<'a> From<LineParked<'a>> for Out<'a> {
    fn from(record: LineParked<'a>) -> Self {
        Out::LineParked(record)
    }
}

impl<'a> From<LineResumed<'a>> for Out<'a> {
    fn from(record: LineResumed<'a>) -> Self {
        Out::LineResumed(record)
    }
}

impl<'a> From<LineRefused<'a>> for Out<'a> {
    fn from(record: LineRefused<'a>) -> Self {
        Out::LineRefused(record)
    }
}

impl<'a> From<LineReleased<'a>> for Out<'a> {
    fn from(record: LineReleased<'a>) -> Self {
        Out::LineReleased(record)
    }
}

impl<'a> From<LineShipped<'a>> for Out<'a> {
    fn from(record: LineShipped<'a>) -> Self {
        Out::LineShipped(record)
    }
}

/// What may be sent to reply topics. Nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {}

/// A change of the state below the event's key.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Put(state::Item),
    Delete,
    PutParked(String, state::ParkedLine),
    DeleteParked(String),
    PutLines(String, state::Reservation),
    DeleteLines(String),
}

/// Timers. Their order in topics.yaml is their number in stores: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {
    Deadline,
    Release,
}

/// Typed reads of the state below the event's key.
pub struct State<'s> {
    read: &'s dyn StateRead,
}

impl State<'_> {
    /// What item-lookup remembers of an item.
    pub fn get(&self) -> Option<state::Item> {
        codec::get(self.read, 0, "")
    }

    /// A line that waits, by its number in the queue.
    pub fn parked(&self, sub: &str) -> Option<state::ParkedLine> {
        codec::get(self.read, 1, sub)
    }

    /// At most `limit` entries in ascending order of subkey, from the first one at or after `from`.
    pub fn parked_scan(&self, from: &str, limit: usize) -> Vec<(String, state::ParkedLine)> {
        codec::scan(self.read, 1, from, limit)
    }

    /// A line of an order, by order and line number.
    pub fn lines(&self, sub: &str) -> Option<state::Reservation> {
        codec::get(self.read, 2, sub)
    }

    /// At most `limit` entries in ascending order of subkey, from the first one at or after `from`.
    pub fn lines_scan(&self, from: &str, limit: usize) -> Vec<(String, state::Reservation)> {
        codec::scan(self.read, 2, from, limit)
    }
}

impl flow::Processor for ItemLookup {
    const TOPOLOGY: &'static Topology = &TOPOLOGY;
    type In<'a> = In<'a>;
    type Out<'a> = Out<'a>;
    type Reply<'a> = Reply;
    type State<'s> = State<'s>;
    type Change = Change;
    type Wake = Wake;
}

impl flow::Codec for ItemLookup {
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
            (0, "RegisterItem") => codec::decode(schema, body, In::RegisterItem, |it| codec::identity(&[&it.item_id, &it.requester, &it.request_id])),
            (0, "CorrectItem") => codec::decode(schema, body, In::CorrectItem, |it| codec::identity(&[&it.item_id, &it.requester, &it.request_id])),
            (0, "RetireItem") => codec::decode(schema, body, In::RetireItem, |it| codec::identity(&[&it.item_id, &it.requester, &it.request_id])),
            (0, "ReceiveStock") => codec::decode(schema, body, In::ReceiveStock, |it| codec::identity(&[&it.item_id, &it.requester, &it.request_id])),
            (1, "ReserveLine") => codec::decode(schema, body, In::ReserveLine, |_| Ok(None)),
            (1, "ReleaseLine") => codec::decode(schema, body, In::ReleaseLine, |_| Ok(None)),
            (1, "ShipLine") => codec::decode(schema, body, In::ShipLine, |_| Ok(None)),
            _ => Err(codec::unexpected(&TOPOLOGY, input, record)),
        }
    }

    fn tombstone<'a>(_: usize) -> Option<In<'a>> {
        None
    }

    fn wake<'a>(kind: u8, sub: &'a str) -> Option<In<'a>> {
        match kind {
            0 => Some(In::Wake(Wake::Deadline, sub)),
            1 => Some(In::Wake(Wake::Release, sub)),
            _ => None,
        }
    }

    fn wake_kind(wake: Wake) -> u8 {
        match wake {
            Wake::Deadline => 0,
            Wake::Release => 1,
        }
    }

    fn route<'o>(out: &'o Out<'_>) -> (usize, &'static str, &'o str) {
        match out {
            Out::ItemRegistered(it) => (0, "ItemRegistered", codec::key(it)),
            Out::ItemCorrected(it) => (0, "ItemCorrected", codec::key(it)),
            Out::ItemRetired(it) => (0, "ItemRetired", codec::key(it)),
            Out::StockReceived(it) => (0, "StockReceived", codec::key(it)),
            Out::ItemCommandRefused(it) => (0, "ItemCommandRefused", codec::key(it)),
            Out::LineReserved(it) => (1, "LineReserved", codec::key(it)),
            Out::LineParked(it) => (1, "LineParked", codec::key(it)),
            Out::LineResumed(it) => (1, "LineResumed", codec::key(it)),
            Out::LineRefused(it) => (1, "LineRefused", codec::key(it)),
            Out::LineReleased(it) => (1, "LineReleased", codec::key(it)),
            Out::LineShipped(it) => (1, "LineShipped", codec::key(it)),
        }
    }

    fn encode(out: &Out<'_>, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        match out {
            Out::ItemRegistered(it) => codec::encode(it, meta, buffer),
            Out::ItemCorrected(it) => codec::encode(it, meta, buffer),
            Out::ItemRetired(it) => codec::encode(it, meta, buffer),
            Out::StockReceived(it) => codec::encode(it, meta, buffer),
            Out::ItemCommandRefused(it) => codec::encode(it, meta, buffer),
            Out::LineReserved(it) => codec::encode(it, meta, buffer),
            Out::LineParked(it) => codec::encode(it, meta, buffer),
            Out::LineResumed(it) => codec::encode(it, meta, buffer),
            Out::LineRefused(it) => codec::encode(it, meta, buffer),
            Out::LineReleased(it) => codec::encode(it, meta, buffer),
            Out::LineShipped(it) => codec::encode(it, meta, buffer),
        }
    }

    fn route_reply(reply: &Reply) -> (&'static str, &str) {
        match *reply {}
    }

    fn encode_reply(reply: &Reply, _: &Meta, _: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        match *reply {}
    }

    fn change(change: &Change) -> Result<(u8, &[u8], Option<Vec<u8>>), CodecError> {
        match change {
            Change::Put(it) => Ok((0, b"", Some(codec::store(it)?))),
            Change::Delete => Ok((0, b"", None)),
            Change::PutParked(sub, it) => Ok((1, sub.as_bytes(), Some(codec::store(it)?))),
            Change::DeleteParked(sub) => Ok((1, sub.as_bytes(), None)),
            Change::PutLines(sub, it) => Ok((2, sub.as_bytes(), Some(codec::store(it)?))),
            Change::DeleteLines(sub) => Ok((2, sub.as_bytes(), None)),
        }
    }

    fn state(read: &dyn StateRead) -> State<'_> {
        State { read }
    }
}

const TOPOLOGY: Topology = Topology {
    name: "item-lookup",
    partitions: 12,
    inputs: &[
        flow::Input {
            topic: "item-commands.v1",
            records: &["RegisterItem", "CorrectItem", "RetireItem", "ReceiveStock"],
            compacted: false,
            duplicates: flow::Duplicates::Refuse,
        },
        flow::Input {
            topic: "item-requests.v1",
            records: &["ReserveLine", "ReleaseLine", "ShipLine"],
            compacted: false,
            duplicates: flow::Duplicates::Drop,
        },
    ],
    outputs: &[
        flow::Topic { name: "items.v1", partitions: 12 },
        flow::Topic { name: "item-results.v1", partitions: 12 },
    ],
    replies: &[],
    tables: &["item", "parked", "lines"],
    window_ms: 604800000,
};
