//! Where names stand in a schema file: line and column, which serde_json does not tell.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Line and column, from 1.
pub type Place = (u64, u64);

/// Places of named types by `Name`, and of fields by `Name/field`; the first one where two have one name.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<String, Place>);

impl Places {
    /// Of a text that parses as JSON; empty for one that does not.
    pub fn of(text: &str) -> Places {
        let mut places = Places::default();
        if let Ok(node) = serde_json::from_str::<Node<'_>>(text) {
            places.collect(text, &node, None);
        }
        places
    }

    /// Where a type's short or full name stands as it is defined; the file's beginning when it is not known.
    pub fn of_type(&self, name: &str) -> Place {
        self.0.get(name).copied().unwrap_or((1, 1))
    }

    /// Where a field's name stands as it is defined; its type's when it is not known.
    pub fn of_field(&self, name: &str, field: &str) -> Place {
        self.0.get(&format!("{name}/{field}")).copied().unwrap_or_else(|| self.of_type(name))
    }

    fn collect(&mut self, text: &str, node: &Node<'_>, record: Option<&str>) {
        match node {
            Node::Text(_) | Node::Other => {}
            Node::List(items) => items.iter().for_each(|item| self.collect(text, item, record)),
            Node::Map(pairs) => {
                let get = |key: &str| pairs.iter().find(|(other, _)| other == key).map(|(_, value)| value);
                let name = if let Some(Node::Text(name)) = get("name") { Some(*name) } else { None };
                let kind = if let Some(Node::Text(kind)) = get("type") { *kind } else { "" };
                let defines = ["record", "enum", "fixed"].contains(&kind);
                let mut inner = record;
                if let Some(name) = name {
                    let short = name.rsplit('.').next().unwrap_or(name);
                    let key = match record {
                        Some(record) if !defines => format!("{record}/{name}"),
                        _ => short.to_owned(),
                    };
                    self.0.entry(key).or_insert_with(|| place(text, name));
                    inner = if defines { Some(short) } else { record };
                }
                pairs.iter().for_each(|(_, value)| self.collect(text, value, inner));
            }
        }
    }
}

/// The place of the quote in front of a part of a text.
fn place(text: &str, part: &str) -> Place {
    let at = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let line_begin = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() as u64 + 1, before[line_begin..].chars().count().max(1) as u64)
}

/// JSON whose texts are parts of the file; one with an escape is no name and is left out.
enum Node<'t> {
    Text(&'t str),
    List(Vec<Node<'t>>),
    Map(Vec<(String, Node<'t>)>),
    Other,
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
                Ok(Node::Text(text))
            }
            fn visit_str<E>(self, _: &str) -> Result<Node<'de>, E> {
                Ok(Node::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Node<'de>, E> {
                Ok(Node::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Node<'de>, E> {
                Ok(Node::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Node<'de>, E> {
                Ok(Node::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Node<'de>, E> {
                Ok(Node::Other)
            }
            fn visit_unit<E>(self) -> Result<Node<'de>, E> {
                Ok(Node::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    // A default's value may have names, too, which define nothing.
                    if key == "default" {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    pairs.push((key, map.next_value()?));
                }
                Ok(Node::Map(pairs))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn a_name_is_found_where_it_is_defined() {
        let text = r#"{
  "type": "record", "name": "orderflow.Ask", "doc": "Ask, and \"who\".",
  "fields": [
    {"name": "who", "type": "string", "default": {"name": "no"}},
    {"type": {"type": "enum", "name": "Mood", "symbols": ["A"]}, "name": "mood"}
  ]
}"#;
        let places = Places::of(text);
        assert_eq!(places.of_type("Ask"), (2, 29));
        assert_eq!(places.of_field("Ask", "who"), (4, 14));
        assert_eq!(places.of_type("Mood"), (5, 39));
        assert_eq!(places.of_field("Ask", "mood"), (5, 74));
        assert_eq!((places.of_field("Ask", "no"), places.of_type("no")), ((2, 29), (1, 1)));
        assert_eq!(Places::of("{").of_type("Ask"), (1, 1));
    }
}
