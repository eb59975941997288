//! JSON whose keys keep the order in which they were written, however serde_json was built.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// The keys of an Avro schema in the order in which people write them; others follow by name.
const AVRO_KEYS: [&str; 12] = [
    "type",
    "name",
    "namespace",
    "version",
    "logicalType",
    "size",
    "aliases",
    "doc",
    "symbols",
    "items",
    "default",
    "fields",
];

#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    /// A number, a truth value or null.
    Other(Value),
}

impl Node {
    /// A map; entries without a value are left out.
    pub fn map<const N: usize>(pairs: [(&str, Option<Node>); N]) -> Node {
        Node::Map(pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }

    pub fn reference(to: &str) -> Node {
        Node::map([("$ref", Some(to.into()))])
    }

    /// An Avro schema.
    pub fn avro(json: &Value) -> Node {
        match json {
            Value::String(text) => Node::Text(text.clone()),
            Value::Array(items) => Node::List(items.iter().map(Node::avro).collect()),
            Value::Object(object) => {
                let mut pairs: Vec<(String, Node)> =
                    object.iter().map(|(key, value)| (key.clone(), Node::avro(value))).collect();
                let rank = |key: &str| AVRO_KEYS.iter().position(|known| *known == key).unwrap_or(AVRO_KEYS.len());
                pairs.sort_by(|one, other| (rank(&one.0), &one.0).cmp(&(rank(&other.0), &other.0)));
                Node::Map(pairs)
            }
            _ => Node::Other(json.clone()),
        }
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    pub fn yaml(&self) -> String {
        serde_saphyr::to_string(self).unwrap_or_default()
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Node {
        Node::Text(text.to_owned())
    }
}

impl From<i64> for Node {
    fn from(number: i64) -> Node {
        Node::Other(Value::from(number))
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Text(text) => serializer.serialize_str(text),
            Node::List(items) => items.serialize(serializer),
            Node::Other(value) => value.serialize(serializer),
            Node::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
