//! topics.yaml as it is written: the shape of the file and nothing else.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::{Problem, Rule};

/// Where topics.yaml is, from the root of the checkout.
pub const MAP_FILE: &str = "topics.yaml";

/// A name with the place where it stands.
pub type Name = Spanned<String>;

/// The whole file.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    pub version: u32,
    pub limits: Limits,
    pub defaults: Defaults,
    pub topics: Ordered<TopicDecl>,
    pub processors: Ordered<ProcessorDecl>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub record_bytes: Spanned<usize>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    pub partitions: Spanned<u32>,
    pub retention: Name,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicDecl {
    pub kind: Kind,
    /// Missing is a finding of the lint, which can say more than the parser.
    pub key: Option<Name>,
    pub owner: Name,
    pub records: Vec<Name>,
    pub about: String,
    /// Who reads it besides processors.
    #[serde(default)]
    pub readers: Vec<Name>,
    pub partitions: Option<Spanned<u32>>,
    pub retention: Option<Name>,
    #[serde(default)]
    pub compacted: bool,
}

impl TopicDecl {
    /// The key field, empty when none is named.
    pub fn key(&self) -> &str {
        self.key.as_ref().map_or("", |key| &key.value)
    }
}

/// What a topic is for, and what the engine keeps beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Command,
    Request,
    Fact,
    Reply,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessorDecl {
    pub about: String,
    #[serde(rename = "in")]
    pub inputs: Vec<Name>,
    #[serde(rename = "out", default)]
    pub outputs: Vec<Name>,
    #[serde(default)]
    pub replies: Vec<Name>,
    pub state: Option<StateDecl>,
    #[serde(default)]
    pub wakes: Vec<Name>,
    pub dedup: DedupDecl,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateDecl {
    pub record: Name,
    #[serde(default)]
    pub tables: Ordered<Name>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DedupDecl {
    pub window: Name,
    #[serde(default)]
    pub duplicates: DuplicatesDecl,
    #[serde(default)]
    pub by: Ordered<Vec<Name>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DuplicatesDecl {
    #[default]
    Drop,
    /// Of topics in `by:` only: what has no sender who waits for an answer goes to the dead letters.
    Refuse,
    Answer,
}

/// A map that keeps the order of the file, and the places of its keys in the same order.
#[derive(Debug)]
pub struct Ordered<V>(pub Vec<(String, V)>, pub Vec<Location>);

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Ordered(Vec::new(), Vec::new())
    }
}

impl<V> Ordered<V> {
    /// Where a key stands.
    pub fn place(&self, key: &str) -> Option<Location> {
        let at = self.0.iter().position(|(other, _)| other == key)?;
        self.1.get(at).copied()
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ordered<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
            type Value = Ordered<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<V>, A::Error> {
                let mut out = Ordered::default();
                while let Some((key, value)) = map.next_entry::<Name, V>()? {
                    out.0.push((key.value, value));
                    out.1.push(key.referenced);
                }
                Ok(out)
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

/// Reads topics.yaml.
pub fn parse(yaml: &str) -> Result<Map, Problem> {
    let map: Map = serde_saphyr::from_str(yaml).map_err(|error| {
        let place = error.location();
        let what = error.without_snippet().to_string();
        let (line, column) = place.map_or((0, 0), |at| (at.line(), at.column()));
        Problem::new(Rule::MapInvalid, MAP_FILE, what).at(line, column)
    })?;
    if map.version != 1 {
        let what = format!("version {} of topics.yaml is not known; this tool reads version 1", map.version);
        return Err(Problem::new(Rule::MapInvalid, MAP_FILE, what));
    }
    Ok(map)
}

/// Reads a length of time such as `7d`, in milliseconds.
pub fn duration_ms(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit_ms = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let count: i64 = text[..digits].parse().ok()?;
    count.checked_mul(unit_ms).filter(|ms| *ms > 0)
}
