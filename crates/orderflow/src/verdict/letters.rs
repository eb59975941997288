//! Dead letters, compared byte for byte.

use std::collections::BTreeMap;

use engine::core::headers;
use engine::shell::client::Message;

use super::claim::{Claim, Findings};
use crate::load::{Bytes, LOAD, Manifest};

/// Different dead letters that are kept; more are only counted. A run that has them has failed anyway.
const KEPT_MAX: usize = 10_000;

/// Where a record came from and what it was; a missing value is none, an empty one is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Letter {
    /// The load that it names; none when it is no garbage of a load.
    load: String,
    dead_letters: String,
    topic: String,
    partition: u32,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

/// All dead letters.
#[derive(Debug, Clone, Default)]
pub struct Letters {
    /// How many there are, by the load that they name.
    counts: BTreeMap<String, u64>,
    /// How often each was seen, and the code that it was rejected with.
    seen: BTreeMap<Letter, (u64, String)>,
    forgotten: u64,
}

impl Letters {
    /// Adds a record of a dead letter topic.
    pub fn add(&mut self, message: &Message) {
        let load = message.header(LOAD).to_owned();
        *self.counts.entry(load.clone()).or_default() += 1;
        let missing = message.header(headers::DLQ_VALUE) == "null";
        let letter = Letter {
            load,
            dead_letters: message.topic.clone(),
            topic: message.header(headers::DLQ_TOPIC).to_owned(),
            partition: message.header(headers::DLQ_PARTITION).parse().unwrap_or(u32::MAX),
            key: message.key.clone(),
            value: if missing { None } else { Some(message.value.clone().unwrap_or_default()) },
        };
        if self.seen.len() >= KEPT_MAX && !self.seen.contains_key(&letter) {
            self.forgotten += 1;
            return;
        }
        let code = || (0, message.header(headers::DLQ_CODE).to_owned());
        self.seen.entry(letter).or_insert_with(code).0 += 1;
    }

    /// How many of them are the manifest's business.
    pub fn count_of(&self, manifest: &Manifest) -> u64 {
        self.counts.iter().filter(|(load, _)| is_of(load, manifest)).map(|(_, count)| count).sum()
    }

    /// Compares them with the garbage that was sent.
    pub fn judge(&self, manifest: &Manifest, findings: &mut Findings) {
        let mut wanted: BTreeMap<Letter, u64> = BTreeMap::new();
        // Which load sent it is no part of what it was.
        let plain = |letter: &Letter| Letter { load: String::new(), ..letter.clone() };
        let mut seen: BTreeMap<Letter, (u64, &str)> = BTreeMap::new();
        for (letter, (count, code)) in self.seen.iter().filter(|(letter, _)| is_of(&letter.load, manifest)) {
            seen.entry(plain(letter)).or_insert((0, code.as_str())).0 += count;
        }
        for garbage in &manifest.garbage {
            for dead_letters in &garbage.dead_letters {
                let letter = Letter {
                    load: String::new(),
                    dead_letters: dead_letters.clone(),
                    topic: garbage.topic.clone(),
                    partition: garbage.partition,
                    key: garbage.key.clone().map(|key| key.0),
                    value: garbage.value.clone().map(|value| value.0),
                };
                *wanted.entry(letter).or_default() += 1;
            }
        }
        for (letter, wanted) in &wanted {
            let seen = seen.get(letter).map_or(0, |(seen, _)| *seen);
            for _ in seen..*wanted {
                findings.add(Claim::Garbage, || format!("not in the dead letters: {}", show(letter)));
                findings.add(Claim::NothingLost, || format!("garbage is gone: {}", show(letter)));
            }
        }
        for (letter, (seen, code)) in &seen {
            for _ in wanted.get(letter).copied().unwrap_or(0)..*seen {
                findings.add(Claim::Garbage, || format!("not sent as garbage, or too often: {code}: {}", show(letter)));
            }
        }
        let forgotten = self.forgotten;
        findings.unless(forgotten == 0, Claim::Garbage, || format!("{forgotten} more dead letters"));
    }
}

/// Whether a record that names this load, or none, is the manifest's business.
pub fn is_of(load: &str, manifest: &Manifest) -> bool {
    load.is_empty() || load == manifest.trouble.seed.to_string()
}

/// Dead letters that the manifest asks for.
pub fn wanted(manifest: &Manifest) -> u64 {
    manifest.garbage.iter().map(|garbage| garbage.dead_letters.len() as u64).sum()
}

fn show(letter: &Letter) -> String {
    let show = |bytes: &Option<Vec<u8>>| match bytes {
        None => "none".to_owned(),
        Some(bytes) => {
            const SHOWN: usize = 12;
            let hex = String::from(Bytes(bytes[..bytes.len().min(SHOWN)].to_vec()));
            format!("{} bytes {hex}{}", bytes.len(), if bytes.len() > SHOWN { "…" } else { "" })
        }
    };
    let Letter { dead_letters, topic, partition, key, value, .. } = letter;
    format!("{dead_letters} from {topic}/{partition}, key {}, value {}", show(key), show(value))
}
