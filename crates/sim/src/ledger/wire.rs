//! Bytes of the ledger's records and state: fixed-width integers, texts with a length before them.

use flow::{Id, Meta};

use super::{Account, Ask, Entry, Op, Out, Parked, Reply};

/// Marks values of the state, as the 8-byte fingerprint that every stored value begins with.
const STATE: u64 = 0x1ed6_e250_0000_0001;

/// Fingerprint of a record's schema.
pub fn fingerprint(record: &str) -> u64 {
    hash(record.as_bytes())
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Reads values one after the other.
pub struct Read<'a>(pub &'a [u8]);

impl Read<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn text(&mut self) -> Option<String> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(head.to_vec()).ok()
    }

    fn int(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.array()?))
    }

    fn whole<T>(&self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// Appends meta.
pub fn put_meta(meta: &Meta, out: &mut Vec<u8>) {
    out.extend(meta.event_id.0);
    out.extend(meta.ticket_id.0);
    out.extend(meta.cause.0);
    out.extend(meta.occurred_at.to_le_bytes());
}

/// Reads meta.
pub fn meta(read: &mut Read<'_>) -> Option<Meta> {
    let (event_id, ticket_id, cause) = (Id(read.array()?), Id(read.array()?), Id(read.array()?));
    Some(Meta { event_id, ticket_id, cause, occurred_at: read.int()? })
}

/// Body of an entry.
pub fn put_entry(entry: &Entry, out: &mut Vec<u8>) {
    text(out, &entry.key);
    out.push(entry.op as u8);
    out.extend(entry.amount.to_le_bytes());
    text(out, &entry.to);
    out.extend(entry.delay_ms.to_le_bytes());
}

/// Reads an entry; `None` when bytes are missing or left over.
pub fn entry(mut read: Read<'_>) -> Option<Entry> {
    let key = read.text()?;
    let op = match read.array::<1>()?[0] {
        0 => Op::Add,
        1 => Op::Park,
        2 => Op::Move,
        3 => Op::Invalid,
        4 => Op::Panic,
        5 => Op::Cursed,
        6 => Op::Huge,
        _ => return None,
    };
    let entry = Entry { key, op, amount: read.int()?, to: read.text()?, delay_ms: read.int()? };
    read.whole(entry)
}

/// Body of an ask.
pub fn put_ask(ask: &Ask, out: &mut Vec<u8>) {
    text(out, &ask.key);
    out.extend(ask.chunk.to_le_bytes());
    text(out, &ask.reply_to);
}

/// Reads an ask; `None` when bytes are missing or left over.
pub fn ask(mut read: Read<'_>) -> Option<Ask> {
    let ask = Ask { key: read.text()?, chunk: u64::from_le_bytes(read.array()?), reply_to: read.text()? };
    read.whole(ask)
}

/// Body of an output.
pub fn put_out(event: &Out, out: &mut Vec<u8>) {
    text(out, &event.key);
    out.extend(event.seq.to_le_bytes());
    out.extend(event.sum.to_le_bytes());
    out.extend(event.amount.to_le_bytes());
    text(out, &event.note);
}

/// Reads (key, sequence number, sum, amount, note) of an output.
pub fn out(mut read: Read<'_>) -> Option<(String, u64, i64, i64, String)> {
    let (key, seq) = (read.text()?, u64::from_le_bytes(read.array()?));
    let (sum, amount) = (read.int()?, read.int()?);
    let note = read.text()?;
    read.whole((key, seq, sum, amount, note))
}

/// Body of a reply.
pub fn put_reply(reply: &Reply, out: &mut Vec<u8>) {
    text(out, &reply.key);
    out.push(u8::from(reply.accepted));
}

/// A stored account.
pub fn put_account(account: &Account) -> Vec<u8> {
    let mut out = STATE.to_le_bytes().to_vec();
    out.extend(account.seq.to_le_bytes());
    out.extend(account.sum.to_le_bytes());
    out.extend(account.parked_next.to_le_bytes());
    out
}

/// Reads a stored account.
pub fn account(bytes: &[u8]) -> Option<Account> {
    let mut read = Read(bytes);
    if u64::from_le_bytes(read.array()?) != STATE {
        return None;
    }
    let (seq, sum) = (u64::from_le_bytes(read.array()?), read.int()?);
    let account = Account { seq, sum, parked_next: u64::from_le_bytes(read.array()?) };
    read.whole(account)
}

/// A stored parked amount.
pub fn put_parked(parked: &Parked) -> Vec<u8> {
    let mut out = STATE.to_le_bytes().to_vec();
    out.extend(parked.amount.to_le_bytes());
    out.extend(parked.due_ms.to_le_bytes());
    out
}

/// Reads a stored parked amount.
pub fn parked(bytes: &[u8]) -> Option<Parked> {
    let mut read = Read(bytes);
    if u64::from_le_bytes(read.array()?) != STATE {
        return None;
    }
    let parked = Parked { amount: read.int()?, due_ms: read.int()? };
    read.whole(parked)
}
