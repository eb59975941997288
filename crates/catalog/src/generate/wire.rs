//! One definition as Rust: a struct or an enum, its serde attributes and its canonical form.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::attributes::{Fill, With, attributes, is_uuid, is_zero, symbol};
use crate::generate::name::{camel, doc, quoted, snake};
use crate::{Catalog, Definition, Field, Shape, Type};

/// The `use` lines that a module's text needs.
pub fn imports(body: &str, foreign: &BTreeSet<String>) -> String {
    let mut out = String::new();
    if body.contains("Cow<") {
        out.push_str("use std::borrow::Cow;\n\n");
    }
    let serde: Vec<&str> =
        ["Deserialize", "Deserializer", "Serialize"].into_iter().filter(|name| contains_word(body, name)).collect();
    if !serde.is_empty() {
        out.push_str(&format!("use serde::{{{}}};\n\n", serde.join(", ")));
    }
    let codec: Vec<&str> =
        ["Canonical", "Hasher", "Record", "Stored"].into_iter().filter(|name| contains_word(body, name)).collect();
    if body.contains("codec::") && codec.is_empty() {
        out.push_str("use crate::codec;\n");
    } else if !codec.is_empty() {
        out.push_str(
            &format!("use crate::codec::{{self, {}}};\n", codec.join(", "))
                .replace("self, ", if body.contains("codec::") { "self, " } else { "" }),
        );
    }
    for name in foreign {
        out.push_str(&format!("use crate::{name};\n"));
    }
    if out.is_empty() { out } else { out.trim_end().to_owned() + "\n\n" }
}

fn contains_word(body: &str, word: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    body.match_indices(word)
        .any(|(at, _)| edge(body[..at].chars().next_back()) && edge(body[at + word.len()..].chars().next()))
}

/// The Rust items of a definition.
pub fn definition(catalog: &Catalog, it: &Definition) -> String {
    match &it.shape {
        Shape::Record(_) => record(catalog, it),
        Shape::Enum { symbols, default } => enumeration(it, symbols, default),
        Shape::Uuid => String::new(),
    }
}

/// `<'a>` for a record that borrows from the payload.
fn lifetime(catalog: &Catalog, it: &Definition, name: &str) -> String {
    let borrows = !it.is_state() && it.body().iter().any(|field| catalog.schemas.borrows(&field.ty));
    if borrows { format!("<{name}>") } else { String::new() }
}

fn record(catalog: &Catalog, it: &Definition) -> String {
    let mut out = doc(&it.doc, "");
    let zero = it.is_state() && it.body().iter().all(|field| field.default.as_ref().is_none_or(is_zero));
    let default = if zero { ", Default" } else { "" };
    let (named, anonymous) = (lifetime(catalog, it, "'a"), lifetime(catalog, it, "'_"));
    out.push_str(&format!("#[derive(Debug, Clone, PartialEq{default}, Serialize, Deserialize)]\n"));
    out.push_str(&format!("pub struct {}{named} {{\n", it.name));
    for field in it.body() {
        out.push_str(&doc(&field.doc, "    "));
        out.push_str(&serde_attribute(catalog, it, field));
        out.push_str(&format!("    pub {}: {},\n", field.name, rust_type(catalog, it, &field.ty)));
    }
    out.push_str("}\n\n");
    for field in it.body() {
        if let Some(value) = field.default.as_ref().filter(|value| !is_zero(value)) {
            let (name, generic) =
                (default_fn(it, field), if field.ty == Type::String && !it.is_state() { "<'a>" } else { "" });
            let (ty, value) = (rust_type(catalog, it, &field.ty), literal(catalog, it, &field.ty, value, true));
            out.push_str(&format!("fn {name}{generic}() -> {ty} {{\n    {value}\n}}\n\n"));
        }
    }
    if it.is_state() {
        return out + &stored(catalog, it, zero);
    }
    out.push_str(&canonical(catalog, it, &anonymous));
    if it.is_wire()
        && let (Some(topic), Some(release)) = (catalog.topic_of(&it.name), catalog.release_of(it))
    {
        out.push_str(&format!(
            "impl<'a> Record<'a> for {}{named} {{\n    const RELEASED: usize = {};\n\n    \
             fn key(&self) -> &Cow<'a, str> {{\n        &self.{}\n    }}\n}}\n\n",
            it.name,
            release.id - 1,
            topic.key
        ));
    }
    out
}

/// The serde attribute of a field; nothing where serde's own way is right.
fn serde_attribute(catalog: &Catalog, it: &Definition, field: &Field) -> String {
    let found = attributes(&catalog.schemas, it, field);
    let mut out = Vec::new();
    if found.borrow {
        out.push("borrow".to_owned());
    }
    let with = found.with.map(|with| match with {
        With::Uuid => "with = \"codec::uuid\"",
        With::OptionalStr => "deserialize_with = \"codec::optional_str\"",
        With::Optional => "deserialize_with = \"codec::optional\"",
        With::Strs => "deserialize_with = \"codec::strs\"",
    });
    out.extend(with.map(str::to_owned));
    match found.fill {
        Fill::Zero => out.push("default".to_owned()),
        Fill::Literal(_) => out.push(format!("default = {}", quoted(&default_fn(it, field)))),
        Fill::Missing => {}
    }
    out.extend(found.aliases.iter().map(|alias| format!("alias = {}", quoted(alias))));
    if out.is_empty() { String::new() } else { format!("    #[serde({})]\n", out.join(", ")) }
}

fn rust_type(catalog: &Catalog, it: &Definition, ty: &Type) -> String {
    match ty {
        Type::Boolean => "bool".into(),
        Type::Int => "i32".into(),
        Type::Long => "i64".into(),
        Type::Float => "f32".into(),
        Type::Double => "f64".into(),
        Type::String if it.is_state() => "String".into(),
        Type::String => "Cow<'a, str>".into(),
        Type::Optional(inner) => format!("Option<{}>", rust_type(catalog, it, inner)),
        Type::Array(inner) => format!("Vec<{}>", rust_type(catalog, it, inner)),
        Type::Named(full) if is_uuid(&catalog.schemas, full) => "flow::Id".into(),
        Type::Named(full) => match catalog.schemas.get(full) {
            Some(named) => format!("{}{}", named.name, lifetime(catalog, named, "'a")),
            None => full.clone(),
        },
    }
}

fn default_fn(it: &Definition, field: &Field) -> String {
    format!("default_{}_{}", snake(&it.name), field.name)
}

/// A default as a Rust expression, `owned` as a value of the field's type, else as something to compare with.
fn literal(catalog: &Catalog, it: &Definition, ty: &Type, value: &Value, owned: bool) -> String {
    match (ty, value) {
        (Type::String, Value::String(text)) if owned && it.is_state() => format!("{}.to_owned()", quoted(text)),
        (Type::String, Value::String(text)) if owned => format!("Cow::Borrowed({})", quoted(text)),
        (Type::String, Value::String(text)) => quoted(text),
        (Type::Named(full), Value::String(symbol)) => {
            let name = catalog.schemas.get(full).map_or(full.as_str(), |named| &named.name);
            format!("{name}::{}", camel(symbol))
        }
        (Type::Float | Type::Double, Value::Number(number)) => format!("{:?}", number.as_f64().unwrap_or_default()),
        _ => value.to_string(),
    }
}

/// What a state record needs besides its fields.
fn stored(catalog: &Catalog, it: &Definition, zero: bool) -> String {
    let mut out = String::new();
    if !zero {
        out.push_str(&format!(
            "impl Default for {} {{\n    fn default() -> Self {{\n        {} {{\n",
            it.name, it.name
        ));
        for field in it.body() {
            let value = match field.default.as_ref().filter(|value| !is_zero(value)) {
                Some(value) => literal(catalog, it, &field.ty, value, true),
                None => "Default::default()".to_owned(),
            };
            out.push_str(&format!("            {}: {value},\n", field.name));
        }
        out.push_str("        }\n    }\n}\n\n");
    }
    if let Some(release) = catalog.release_of(it).filter(|_| it.top) {
        let index = release.id - 1;
        out.push_str(&format!("impl Stored for {} {{\n    const RELEASED: usize = {index};\n}}\n\n", it.name));
    }
    out
}

/// Fields by name, so that their order in the schema does not matter; those at their default are left out.
fn canonical(catalog: &Catalog, it: &Definition, anonymous: &str) -> String {
    let mut fields: Vec<&Field> = it.body().iter().collect();
    fields.sort_by(|one, other| one.name.cmp(&other.name));
    let mut out =
        format!("impl Canonical for {}{anonymous} {{\n    fn canonical(&self, hasher: &mut Hasher<'_>) {{\n", it.name);
    for field in fields {
        let name = &field.name;
        let write = format!("hasher.field({}, &self.{name});", quoted(name));
        let differs = match (&field.ty, &field.default) {
            (_, None) => {
                out.push_str(&format!("        {write}\n"));
                continue;
            }
            (Type::Optional(_), _) => format!("self.{name}.is_some()"),
            (Type::Array(_), _) => format!("!self.{name}.is_empty()"),
            (Type::Boolean, Some(value)) => {
                format!("{}self.{name}", if value == &Value::Bool(true) { "!" } else { "" })
            }
            (Type::String, Some(Value::String(text))) if text.is_empty() => format!("!self.{name}.is_empty()"),
            (ty, Some(value)) => format!("self.{name} != {}", literal(catalog, it, ty, value, false)),
        };
        out.push_str(&format!("        if {differs} {{\n            {write}\n        }}\n"));
    }
    out + "        hasher.end();\n    }\n}\n\n"
}

fn enumeration(it: &Definition, symbols: &[String], default: &str) -> String {
    let name = &it.name;
    let mut out = doc(&it.doc, "");
    out.push_str("#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]\n");
    out.push_str(&format!("pub enum {name} {{\n"));
    for symbol in symbols {
        if symbol == default {
            out.push_str("    /// Stands for symbols that this build does not know, too.\n    #[default]\n");
        }
        out.push_str(&format!("    #[serde(rename = {})]\n    {},\n", quoted(symbol), camel(symbol)));
    }
    out.push_str("}\n\n");
    let arms: String = symbols
        .iter()
        .map(|symbol| format!("            {name}::{} => {},\n", camel(symbol), quoted(symbol)))
        .collect();
    out.push_str(&format!(
        "impl {name} {{\n    /// The symbol as it stands in the schema.\n    pub fn as_str(self) -> &'static str {{\n        \
         match self {{\n{arms}        }}\n    }}\n}}\n\n"
    ));
    let arms: String = symbols
        .iter()
        .filter(|it| *it != default && symbol(symbols, default, it) == **it)
        .map(|symbol| format!("            {} => {name}::{},\n", quoted(symbol), camel(symbol)))
        .collect();
    let fallback = camel(default);
    out.push_str(&format!(
        "impl<'de> Deserialize<'de> for {name} {{\n    \
         fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {{\n        \
         codec::symbol(deserializer, |symbol| match symbol {{\n{arms}            _ => {name}::{fallback},\n        }})\n    }}\n}}\n\n"
    ));
    if !it.is_state() {
        out.push_str(&format!(
            "impl Canonical for {name} {{\n    fn canonical(&self, hasher: &mut Hasher<'_>) {{\n        \
             hasher.text(self.as_str());\n    }}\n}}\n\n"
        ));
    }
    out
}
