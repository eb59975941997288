//! Layout of a task's store keys. Everything of one record key stands together, so a scan below it is a prefix scan.
//!
//! `[space u8] [table u8] [length of key u16 BE] [key] [subkey]` for state, `[space u8] [due i64 BE] [kind u8]
//! [length of key u16 BE] [key] [subkey]` for timers, `[space u8]` for the task's own record. A chunk of dedup ids has a key
//! like these in the changelog, `[space u8] [input's name u32 BE] [segment's end i64 BE] [its begin i64 BE] [position i64 BE]`.

use super::io::Segment;

const TASK: u8 = 0;
const WAKE: u8 = 1;
const STATE: u8 = 2;
const IDS: u8 = 3;

/// The task's own record ([`super::record::TaskRecord`]). Sorts before all else: it is a transaction's first.
pub fn task() -> Vec<u8> {
    vec![TASK]
}

/// The common beginning of one table of one record key.
pub fn table(table: u8, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + key.len() + 24);
    out.extend([STATE, table]);
    out.extend((key.len() as u16).to_be_bytes());
    out.extend(key);
    out
}

/// Table, key and subkey of a state's store key; `None` when the bytes are none.
pub fn state(bytes: &[u8]) -> Option<(u8, &str, &str)> {
    let rest = bytes.strip_prefix(&[STATE])?;
    let (table, rest) = rest.split_first()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (key, sub) = rest.split_at_checked(u16::from_be_bytes(*length) as usize)?;
    Some((*table, std::str::from_utf8(key).ok()?, std::str::from_utf8(sub).ok()?))
}

/// The table that a store key belongs to; `None` when it is no row's.
pub fn table_of(key: &[u8]) -> Option<u8> {
    key.strip_prefix(&[STATE])?.first().copied()
}

/// A chunk's key in the changelog. It is written once, and ended once.
pub fn chunk(input: u32, Segment { until_ms, from_ms }: Segment, at: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(29);
    out.push(IDS);
    out.extend(input.to_be_bytes());
    [until_ms, from_ms, at].iter().for_each(|number| out.extend(number.to_be_bytes()));
    out
}

/// Whether a changelog key is a chunk's: those do not stand among a store's keys.
pub fn is_chunk(key: &[u8]) -> bool {
    key.first() == Some(&IDS)
}

/// Input, segment and position of a chunk's key; `None` when the bytes are none.
pub fn read_chunk(key: &[u8]) -> Option<(u32, Segment, i64)> {
    let (input, rest) = key.strip_prefix(&[IDS])?.split_first_chunk::<4>()?;
    let (until_ms, rest) = rest.split_first_chunk::<8>()?;
    let (from_ms, at) = rest.split_first_chunk::<8>()?;
    let segment = Segment { until_ms: i64::from_be_bytes(*until_ms), from_ms: i64::from_be_bytes(*from_ms) };
    Some((u32::from_be_bytes(*input), segment, i64::from_be_bytes(at.try_into().ok()?)))
}

/// The common beginning of all timers.
pub fn wakes() -> Vec<u8> {
    vec![WAKE]
}

/// A timer, in order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    pub due_ms: i64,
    pub kind: u8,
    pub key: String,
    pub sub: String,
}

impl Wake {
    /// The timer's store key.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![WAKE];
        out.extend((self.due_ms.max(0)).to_be_bytes());
        out.push(self.kind);
        out.extend((self.key.len() as u16).to_be_bytes());
        out.extend(self.key.as_bytes());
        out.extend(self.sub.as_bytes());
        out
    }

    /// Reads a timer's store key; `None` when the bytes are none.
    pub fn decode(bytes: &[u8]) -> Option<Wake> {
        let rest = bytes.strip_prefix(&[WAKE])?;
        let (due, rest) = rest.split_first_chunk::<8>()?;
        let (kind, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (key, sub) = rest.split_at_checked(u16::from_be_bytes(*length) as usize)?;
        Some(Wake {
            due_ms: i64::from_be_bytes(*due),
            kind: *kind,
            key: String::from_utf8(key.to_vec()).ok()?,
            sub: String::from_utf8(sub.to_vec()).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_sort_by_time_and_read_back() {
        let wake = |due_ms, key: &str| Wake { due_ms, kind: 1, key: key.into(), sub: "s".into() };
        let (early, late) = (wake(5, "z"), wake(300, "a"));
        assert!(early.encode() < late.encode());
        assert_eq!(Wake::decode(&early.encode()), Some(early.clone()));
        assert_eq!(Wake::decode(&[WAKE, 1, 2]), None);
        assert_eq!((table_of(&early.encode()), table_of(&table(3, b"z"))), (None, Some(3)));
    }

    #[test]
    fn chunk_keys_read_back() {
        let segment = Segment { until_ms: -5, from_ms: 1 << 40 };
        let key = chunk(7, segment, 9);
        assert_eq!(read_chunk(&key), Some((7, segment, 9)));
        assert!(is_chunk(&key) && !is_chunk(&task()));
        assert_eq!(
            (read_chunk(&key[1..]), read_chunk(&key[..28]), read_chunk(&[&key[..], &[0]].concat())),
            (None, None, None)
        );
    }

    #[test]
    fn state_keys_read_back() {
        let key = [table(3, b"item-1"), b"0007".to_vec()].concat();
        assert_eq!(state(&key), Some((3, "item-1", "0007")));
        assert_eq!(state(&key[..6]), None, "cut off");
        assert_eq!(state(&task()), None);
        assert_eq!(state(&wakes()), None);
    }
}
