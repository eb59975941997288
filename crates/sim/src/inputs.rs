//! What the outside world sends: new records, duplicates, conflicts, late and early ones, and garbage.

use engine::core::headers::{self, Header};
use engine::core::ids;
use flow::{Id, Meta};

use crate::broker::log::Message;
use crate::ledger::{ASKS, Ask, ENTRIES, Entry, Op, TASKS, TOPOLOGY, WINDOW_MS, wire};
use crate::rng::Rng;

/// Registry ids of the schemas of inputs.
pub const ENTRY_ID: u32 = 1;
pub const ASK_ID: u32 = 2;
/// Entries' schemas that the registry needs a while to answer for.
pub const SLOW_ENTRY_IDS: std::ops::Range<u32> = 1_000..1_040;
/// A schema of a record that no input lists.
pub const STRANGER_ID: u32 = 4;
/// An id that the registry says it does not know.
pub const UNKNOWN_ID: u32 = 99;

/// A record for an input.
#[derive(Debug, Clone)]
pub struct Produced {
    pub input: usize,
    pub partition: u32,
    pub message: Message,
}

/// An input body.
#[derive(Debug, Clone)]
pub enum Body {
    Entry(Entry),
    Ask(Ask),
}

impl Body {
    /// The record's key.
    pub fn key(&self) -> &str {
        match self {
            Body::Entry(entry) => &entry.key,
            Body::Ask(ask) => &ask.key,
        }
    }

    /// Index of the input that it goes to.
    pub fn input(&self) -> usize {
        match self {
            Body::Entry(_) => ENTRIES,
            Body::Ask(_) => ASKS,
        }
    }
}

/// A whole record: framing, meta, body, headers.
pub fn record(id: Id, body: &Body, timestamp_ms: i64) -> Produced {
    let (schema_id, name) = match body {
        Body::Entry(_) => (ENTRY_ID, "Entry"),
        Body::Ask(_) => (ASK_ID, "Ask"),
    };
    let mut value = vec![0u8];
    value.extend(schema_id.to_be_bytes());
    wire::put_meta(&Meta { event_id: id, ticket_id: id, cause: Id::NIL, occurred_at: timestamp_ms }, &mut value);
    match body {
        Body::Entry(entry) => wire::put_entry(entry, &mut value),
        Body::Ask(ask) => wire::put_ask(ask, &mut value),
    }
    let fingerprint = format!("{:016x}", wire::fingerprint(name));
    Produced {
        input: body.input(),
        partition: ids::partition(body.key().as_bytes(), TASKS),
        message: Message {
            timestamp_ms,
            key: Some(body.key().as_bytes().to_vec()),
            value: Some(value),
            headers: vec![headers::owned(headers::FINGERPRINT, fingerprint)],
            task: 0,
        },
    }
}

/// A header with which the pretend broker refuses a dead letter.
pub const CURSED_LETTER: &str = "cursed-letter";
/// Headers that a sender may well send: names that are the engine's own in dead letters and one that is not, a name that is not UTF-8, none, nulls, and values that are no text.
const HOSTILE: [Header<'static>; 8] = [
    (b"dlq_code", Some(b"bug")),
    (b"dlq_offset", None),
    (b"dlq_stub", Some(b"true")),
    (b"dlq_of_mine", Some(b"stays")),
    (b"gr\xfc\xdfe", Some(b"\xff\x00")),
    (b"", None),
    (b"event_id", None),
    (b"traceparent", Some(b"\xfe")),
];

/// Makes up records.
#[derive(Debug)]
pub struct Inputs {
    keys: Vec<String>,
    past: Vec<(Id, Body, i64)>,
    made: u64,
}

impl Inputs {
    /// With this many keys.
    pub fn new(keys: usize) -> Inputs {
        Inputs { keys: (0..keys).map(|key| format!("key-{key}")).collect(), past: Vec::new(), made: 0 }
    }

    /// The next record; the wall clock says `now_ms`.
    pub fn next(&mut self, rng: &mut Rng, now_ms: i64) -> Produced {
        let (id, body) = self.body(rng);
        let timestamp_ms = match rng.below(100) {
            0..2 => now_ms + rng.between(2, 6) * 3_600_000,
            2..6 => now_ms - rng.between(0, WINDOW_MS * 3 / 2),
            6..30 => now_ms - rng.between(0, 20_000),
            _ => now_ms,
        };
        if rng.chance(150)
            && let Some((id, body, first_ms)) = rng.pick(&self.past).cloned()
        {
            let timestamp_ms = if rng.chance(300) { first_ms } else { now_ms };
            return again(rng, id, body, timestamp_ms);
        }
        self.past.push((id, body.clone(), timestamp_ms));
        if self.past.len() > 60 {
            self.past.remove(0);
        }
        let mut made = record(id, &body, timestamp_ms);
        if rng.chance(40) {
            spoil(rng, &mut made);
        }
        if rng.chance(100) {
            made.message.headers.extend(HOSTILE.map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))));
        }
        if rng.chance(30) {
            made.message.headers.push(headers::owned(CURSED_LETTER, "1"));
        }
        made
    }

    fn body(&mut self, rng: &mut Rng) -> (Id, Body) {
        self.made += 1;
        let mut id = [0u8; 16];
        id[..8].copy_from_slice(&self.made.to_be_bytes());
        id[8..].copy_from_slice(&rng.bits().to_le_bytes());
        let key = rng.pick(&self.keys).cloned().unwrap_or_default();
        if rng.chance(250) {
            let reply_to = if rng.chance(40) { "nowhere.v1".to_owned() } else { TOPOLOGY.replies[0].name.to_owned() };
            return (Id(id), Body::Ask(Ask { key, chunk: rng.below(4), reply_to }));
        }
        let op = match rng.below(100) {
            0..2 => Op::Invalid,
            2..4 => Op::Panic,
            4..6 => Op::Cursed,
            6..8 => Op::Huge,
            8..40 => Op::Park,
            40..55 => Op::Move,
            _ => Op::Add,
        };
        let to = rng.pick(&self.keys).cloned().unwrap_or_default();
        let delay_ms = if rng.chance(100) { -rng.between(0, 5_000) } else { rng.between(0, 400_000) };
        (Id(id), Body::Entry(Entry { key, op, amount: rng.between(1, 1_000), to, delay_ms }))
    }
}

/// The same event once more; sometimes with other content.
fn again(rng: &mut Rng, id: Id, mut body: Body, timestamp_ms: i64) -> Produced {
    if rng.chance(200) {
        match &mut body {
            Body::Entry(entry) => entry.amount += 1,
            Body::Ask(ask) => ask.chunk += 1,
        }
    }
    record(id, &body, timestamp_ms)
}

/// Makes a record one that can never be handled.
fn spoil(rng: &mut Rng, made: &mut Produced) {
    let message = &mut made.message;
    let value = message.value.get_or_insert_default();
    let mut set_id = |id: u32| value[1..5].copy_from_slice(&id.to_be_bytes());
    match rng.below(17) {
        0 => value.truncate(4),
        1 => value[0] = 7,
        2 => value.push(0),
        3 => value.truncate(20),
        4 => {
            message.headers.clear();
            set_id(UNKNOWN_ID);
        }
        5 => {
            message.headers.clear();
            set_id(STRANGER_ID);
        }
        6 => message.value = None,
        7 => message.key = None,
        8 => message.key = Some(b"another key".to_vec()),
        9 => message.headers = vec![headers::owned(headers::FINGERPRINT, "00000000deadbeef")],
        // Of a sender with another partitioner, and one whose key is none of the record's either.
        10 => made.partition = (made.partition + 1) % TASKS,
        11 => {
            message.key = Some(b"another key".to_vec());
            made.partition = ids::partition(b"another key", TASKS);
        }
        // Within the limit but for its headers.
        12 => message.headers.push(headers::owned("large", vec![b'h'; 3_000])),
        // Not spoiled: its schema is merely not known yet.
        _ if made.input == ENTRIES => {
            set_id(rng.between(SLOW_ENTRY_IDS.start.into(), i64::from(SLOW_ENTRY_IDS.end) - 1) as u32)
        }
        _ => value.extend([0; 3_000]),
    }
}
