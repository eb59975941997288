//! A self-contained schema as people and random data need it: every type of Avro, with its logical type.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::avsc::full_name;

/// A type as it stands at its place.
#[derive(Debug, Clone, PartialEq)]
pub enum Ty {
    Plain(Plain),
    /// Full name of a record, an enum or a fixed.
    Named(String),
    Array(Box<Ty>),
    Map(Box<Ty>),
    Union(Vec<Ty>),
}

/// A primitive, or the bytes of a fixed, with what they mean.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plain {
    pub name: String,
    pub logical: Option<String>,
    /// Of a decimal.
    pub precision: Option<u64>,
    /// Of a decimal.
    pub scale: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub name: String,
    pub aliases: Vec<String>,
    pub ty: Ty,
    pub default: Option<Value>,
    pub doc: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Record(Vec<Member>),
    Enum { symbols: Vec<String>, default: Option<String> },
    Fixed { size: usize, plain: Plain },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub full: String,
    pub aliases: Vec<String>,
    pub doc: String,
    pub body: Body,
}

impl Named {
    /// The name without its namespace.
    pub fn short(&self) -> &str {
        short(&self.full)
    }
}

/// A schema: its root is a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Avro {
    pub root: String,
    pub named: BTreeMap<String, Named>,
}

impl Avro {
    /// Without what people read: a registry may keep less of it, and no data differ.
    pub fn bare(json: &Value) -> Avro {
        let mut it = Avro::read(json);
        for named in it.named.values_mut() {
            named.doc.clear();
            if let Body::Record(fields) = &mut named.body {
                fields.iter_mut().for_each(|field| field.doc.clear());
            }
        }
        it
    }

    /// Reads self-contained Avro JSON that a parser has accepted; what it does not know it takes for a plain type.
    pub fn read(json: &Value) -> Avro {
        let mut named = BTreeMap::new();
        let root = match ty(json, "", &mut named) {
            Ty::Named(full) => full,
            _ => String::new(),
        };
        Avro { root, named }
    }

    /// The members of a record.
    pub fn members(&self, full: &str) -> &[Member] {
        match self.named.get(full).map(|named| &named.body) {
            Some(Body::Record(members)) => members,
            _ => &[],
        }
    }

    /// A type as people say it.
    pub fn say(&self, ty: &Ty) -> String {
        match ty {
            Ty::Plain(plain) => plain.to_string(),
            Ty::Named(full) => match self.named.get(full).map(|named| &named.body) {
                Some(Body::Fixed { size, plain }) => match &plain.logical {
                    Some(_) => format!("{plain}"),
                    None => format!("fixed({size}) {}", short(full)),
                },
                Some(Body::Enum { .. }) => format!("enum {}", short(full)),
                _ => short(full).to_owned(),
            },
            Ty::Array(inner) => format!("array of {}", self.say(inner)),
            Ty::Map(inner) => format!("map of {}", self.say(inner)),
            Ty::Union(branches) => branches.iter().map(|branch| self.say(branch)).collect::<Vec<_>>().join(" or "),
        }
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.logical, self.precision) {
            (Some(logical), Some(precision)) => write!(f, "{logical}({precision},{}) {}", self.scale, self.name),
            (Some(logical), None) => write!(f, "{logical} {}", self.name),
            (None, _) => f.write_str(&self.name),
        }
    }
}

/// A name without its namespace.
pub fn short(full: &str) -> &str {
    full.rsplit_once('.').map_or(full, |(_, short)| short)
}

/// The namespace of a full name.
pub fn namespace(full: &str) -> &str {
    full.rsplit_once('.').map_or("", |(namespace, _)| namespace)
}

fn text(json: &Value, key: &str) -> String {
    json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(json: &Value, key: &str) -> Vec<String> {
    let items = json.get(key).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn ty(json: &Value, outer: &str, named: &mut BTreeMap<String, Named>) -> Ty {
    match json {
        Value::String(name) => reference(name, outer),
        Value::Array(branches) => Ty::Union(branches.iter().map(|branch| ty(branch, outer, named)).collect()),
        Value::Object(object) => match object.get("type") {
            Some(Value::String(kind)) => match kind.as_str() {
                "record" | "error" | "enum" | "fixed" => definition(json, kind, outer, named),
                "array" => Ty::Array(Box::new(ty(&json["items"], outer, named))),
                "map" => Ty::Map(Box::new(ty(&json["values"], outer, named))),
                name => match reference(name, outer) {
                    Ty::Plain(_) => Ty::Plain(plain(json, name)),
                    other => other,
                },
            },
            Some(inner) => ty(inner, outer, named),
            None => Ty::Plain(Plain::default()),
        },
        _ => Ty::Plain(Plain::default()),
    }
}

fn reference(name: &str, outer: &str) -> Ty {
    const PLAIN: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    if PLAIN.contains(&name) {
        return Ty::Plain(Plain { name: name.to_owned(), ..Plain::default() });
    }
    Ty::Named(full_name(name, outer))
}

fn plain(json: &Value, name: &str) -> Plain {
    Plain {
        name: name.to_owned(),
        logical: json.get("logicalType").and_then(Value::as_str).map(str::to_owned),
        precision: json.get("precision").and_then(Value::as_u64),
        scale: json.get("scale").and_then(Value::as_u64).unwrap_or_default(),
    }
}

fn definition(json: &Value, kind: &str, outer: &str, named: &mut BTreeMap<String, Named>) -> Ty {
    let declared = json.get("namespace").and_then(Value::as_str).unwrap_or(outer);
    let full = full_name(&text(json, "name"), declared);
    let inner = namespace(&full).to_owned();
    let body = match kind {
        "enum" => Body::Enum {
            symbols: texts(json, "symbols"),
            default: json.get("default").and_then(Value::as_str).map(str::to_owned),
        },
        "fixed" => Body::Fixed {
            size: json.get("size").and_then(Value::as_u64).map_or(0, |size| size.min(1 << 16) as usize),
            plain: plain(json, "fixed"),
        },
        _ => {
            let fields = json.get("fields").and_then(Value::as_array).into_iter().flatten();
            Body::Record(fields.map(|field| member(field, &inner, named)).collect())
        }
    };
    let aliases = texts(json, "aliases").iter().map(|alias| full_name(alias, &inner)).collect();
    named.insert(full.clone(), Named { aliases, doc: text(json, "doc"), body, full: full.clone() });
    Ty::Named(full)
}

fn member(field: &Value, namespace: &str, named: &mut BTreeMap<String, Named>) -> Member {
    Member {
        name: text(field, "name"),
        aliases: texts(field, "aliases"),
        ty: ty(field.get("type").unwrap_or(&Value::Null), namespace, named),
        default: field.get("default").cloned(),
        doc: text(field, "doc"),
    }
}
