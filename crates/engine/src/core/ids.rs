//! Identities that survive replay: the same cause leads to the same event id, in every run and on every machine.

use flow::{Id, Input};

use super::io::SpanId;

/// The domain, then each part after its length.
fn each_piece(domain: &str, parts: &[&[u8]], mut give: impl FnMut(&[u8])) {
    give(domain.as_bytes());
    for part in parts {
        give(&(part.len() as u32).to_le_bytes());
        give(part);
    }
}

fn digest(domain: &str, parts: &[&[u8]]) -> Id {
    // All bytes at once: for so few of them, feeding them piece by piece costs more than hashing them.
    let mut room = [0u8; 512];
    let length = domain.len() + parts.iter().map(|part| 4 + part.len()).sum::<usize>();
    let hash = match room.get_mut(..length) {
        Some(bytes) => {
            let mut left = &mut bytes[..];
            each_piece(domain, parts, |piece| {
                let (now, later) = std::mem::take(&mut left).split_at_mut(piece.len());
                now.copy_from_slice(piece);
                left = later;
            });
            blake3::hash(bytes)
        }
        None => {
            let mut hasher = blake3::Hasher::new();
            each_piece(domain, parts, |piece| {
                hasher.update(piece);
            });
            hasher.finalize()
        }
    };
    let mut id = [0u8; 16];
    id.copy_from_slice(&hash.as_bytes()[..16]);
    // RFC 9562 version 8, so that every tool accepts it as a UUID.
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    Id(id)
}

/// The id of an output: hash of cause, processor, topic, record name, key, and the ordinal among identical such outputs.
pub fn output(cause: Id, processor: &str, topic: &str, record: &str, key: &str, ordinal: u32) -> Id {
    let parts: [&[u8]; 6] =
        [&cause.0, processor.as_bytes(), topic.as_bytes(), record.as_bytes(), key.as_bytes(), &ordinal.to_le_bytes()];
    digest("orderflow output", &parts)
}

/// The id of an input that is known by business fields (topics.yaml: `dedup.by`) in place of its event id. The record's
/// name belongs to it: two commands of different names are never the same one, even under one request id.
pub fn identity(topic: &str, record: &str, fields: &str) -> Id {
    digest("orderflow identity", &[topic.as_bytes(), record.as_bytes(), fields.as_bytes()])
}

/// The cause of what follows from a conflict: another one than the original's, or the answers would collide.
pub fn conflict(id: Id, content: u64) -> Id {
    digest("orderflow conflict", &[&id.0, &content.to_le_bytes()])
}

/// The cause of what follows from a timer.
pub fn wake(processor: &str, key: &str, due_ms: i64, kind: u8, sub: &str) -> Id {
    digest("orderflow wake", &[processor.as_bytes(), key.as_bytes(), &due_ms.to_le_bytes(), &[kind], sub.as_bytes()])
}

/// The span of one processor's work on one event; what the event leads to names it as its parent.
pub fn span(event: Id, processor: &str) -> SpanId {
    let id = digest("orderflow span", &[&event.0, processor.as_bytes()]);
    first_eight(&id)
}

/// The span of an event itself: that of sending it.
pub fn first_eight(id: &Id) -> SpanId {
    let mut span = [0u8; 8];
    span.copy_from_slice(&id.0[..8]);
    span
}

/// Where an event is known by nothing but its place.
pub fn place(topic: &str, partition: u32, offset: i64) -> Id {
    digest("orderflow place", &[topic.as_bytes(), &partition.to_le_bytes(), &offset.to_le_bytes()])
}

/// Kafka's default partitioner: murmur2 of the key, made positive, modulo the partitions
/// (`org.apache.kafka.common.utils.Utils.murmur2`). Ours must agree with every other client's.
pub fn partition(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// A topic's name in four bytes, for what is stored: the same wherever topics.yaml lists the topic.
pub fn topic(name: &str) -> u32 {
    murmur2(name.as_bytes())
}

/// The names of a processor's inputs, in its order.
pub fn inputs(inputs: &[Input]) -> Vec<u32> {
    inputs.iter().map(|input| topic(input.topic)).collect()
}

fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash: u32 = 0x9747_b28c ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_agrees_with_kafka() {
        // Values of org.apache.kafka.common.utils.UtilsTest.testMurmur2.
        let cases: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key) as i32, hash, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn an_id_is_the_same_whether_its_bytes_are_hashed_at_once_or_in_pieces() {
        for length in [0, 300, 470, 480, 500, 2_000] {
            let key = "k".repeat(length);
            let mut hasher = blake3::Hasher::new();
            each_piece("orderflow output", &[key.as_bytes(), b"b"], |piece| {
                hasher.update(piece);
            });
            let id = digest("orderflow output", &[key.as_bytes(), b"b"]);
            assert_eq!(id.0[..6], hasher.finalize().as_bytes()[..6], "{length}");
        }
    }

    #[test]
    fn every_part_of_an_output_id_counts() {
        let base = output(Id([1; 16]), "p", "t", "r", "k", 0);
        let others = [
            output(Id([2; 16]), "p", "t", "r", "k", 0),
            output(Id([1; 16]), "q", "t", "r", "k", 0),
            output(Id([1; 16]), "p", "u", "r", "k", 0),
            output(Id([1; 16]), "p", "t", "s", "k", 0),
            output(Id([1; 16]), "p", "t", "r", "l", 0),
            output(Id([1; 16]), "p", "t", "r", "k", 1),
            output(Id([1; 16]), "pt", "", "r", "k", 0),
        ];
        assert!(others.iter().all(|other| *other != base));
    }

    #[test]
    fn every_part_of_an_identity_counts() {
        let base = identity("t", "Register", "a\0b");
        let others =
            [identity("u", "Register", "a\0b"), identity("t", "Receive", "a\0b"), identity("t", "Register", "a")];
        assert!(others.iter().all(|other| *other != base));
    }

    #[test]
    fn an_id_is_a_uuid_of_version_8_and_a_span_its_first_half() {
        for ordinal in 0..64 {
            let id = output(Id([1; 16]), "p", "t", "R", "k", ordinal);
            assert_eq!((id.0[6] >> 4, id.0[8] >> 6), (8, 2), "{id}");
            assert_eq!(first_eight(&id), id.0[..8]);
        }
        assert_ne!(span(Id([1; 16]), "p"), span(Id([1; 16]), "q"));
    }
}
