//! One schema file: from Avro JSON to definitions, with a finding for whatever the generator does not know.

use serde_json::{Map, Value};

use crate::place::{Place, Places};
use crate::schema::{Definition, Field, Shape, Type};
use crate::{Problem, Rule};

/// Logical types that change neither the bytes nor the Rust type of int and long.
const TIMES: [&str; 5] = ["timestamp-millis", "timestamp-micros", "date", "time-millis", "time-micros"];
/// Nesting beyond this is refused.
const DEPTH_MAX: usize = 16;

/// Collects the definitions of one file.
pub struct Reader<'p> {
    pub file: &'p str,
    pub places: Places,
    /// The name that was read last, where findings are.
    pub at: Place,
    pub found: Vec<Definition>,
    pub problems: &'p mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, rule: Rule, what: String) {
        self.problems.push(Problem::new(rule, self.file, what).at(self.at.0, self.at.1));
    }

    /// Reads the record that the file is about.
    pub fn file(&mut self, json: &Value) {
        if json.get("type").and_then(Value::as_str) != Some("record") {
            return self.problem(Rule::SchemaInvalid, "the file is not an Avro record".into());
        }
        self.definition(json, "", true, 0);
    }

    /// Reads a type; `where_` names the field for messages.
    fn ty(&mut self, json: &Value, namespace: &str, where_: &str, depth: usize) -> Option<Type> {
        if depth > DEPTH_MAX {
            self.problem(Rule::TypeUnsupported, format!("{where_}: nested deeper than {DEPTH_MAX}"));
            return None;
        }
        match json {
            Value::String(name) => Some(self.name(name, namespace)),
            Value::Array(branches) => self.union(branches, namespace, where_, depth),
            Value::Object(object) => self.object(object, json, namespace, where_, depth),
            _ => {
                self.problem(Rule::SchemaInvalid, format!("{where_}: {json} is not a type"));
                None
            }
        }
    }

    fn name(&mut self, name: &str, namespace: &str) -> Type {
        primitive(name).unwrap_or_else(|| Type::Named(full_name(name, namespace)))
    }

    fn union(&mut self, branches: &[Value], namespace: &str, where_: &str, depth: usize) -> Option<Type> {
        let mut others = branches.iter().filter(|branch| branch.as_str() != Some("null"));
        let (Some(other), None, 2) = (others.next(), others.next(), branches.len()) else {
            self.problem(Rule::TypeUnsupported, format!("{where_}: a union must be null and one other type"));
            return None;
        };
        let inner = self.ty(other, namespace, where_, depth + 1)?;
        if matches!(inner, Type::Optional(_) | Type::Array(_)) {
            self.problem(Rule::TypeUnsupported, format!("{where_}: an optional array; an empty one says the same"));
            return None;
        }
        Some(Type::Optional(Box::new(inner)))
    }

    fn object(
        &mut self,
        object: &Map<String, Value>,
        json: &Value,
        namespace: &str,
        where_: &str,
        depth: usize,
    ) -> Option<Type> {
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        let logical = object.get("logicalType").and_then(Value::as_str);
        match kind {
            "record" | "enum" | "fixed" => self.definition(json, namespace, false, depth),
            "array" => {
                let items = object.get("items").unwrap_or(&Value::Null);
                let inner = self.ty(items, namespace, where_, depth + 1)?;
                if matches!(inner, Type::Optional(_) | Type::Array(_)) {
                    self.problem(Rule::TypeUnsupported, format!("{where_}: an array of arrays or of optional items"));
                    return None;
                }
                Some(Type::Array(Box::new(inner)))
            }
            _ => match (primitive(kind), logical) {
                (Some(ty), None) => Some(ty),
                (Some(ty @ (Type::Int | Type::Long)), Some(logical)) if TIMES.contains(&logical) => Some(ty),
                _ => {
                    self.problem(Rule::TypeUnsupported, format!("{where_}: {json}"));
                    None
                }
            },
        }
    }

    fn definition(&mut self, json: &Value, outer: &str, top: bool, depth: usize) -> Option<Type> {
        let Some(name) = json.get("name").and_then(Value::as_str) else {
            self.problem(Rule::SchemaInvalid, format!("a type without name: {json}"));
            return None;
        };
        let declared = json.get("namespace").and_then(Value::as_str).unwrap_or(outer);
        let full = full_name(name, declared);
        let (namespace, short) = full.rsplit_once('.').unwrap_or(("", &full));
        let place = self.places.of_type(short);
        let outside = std::mem::replace(&mut self.at, place);
        if !is_upper_camel(short) {
            self.problem(Rule::SchemaInvalid, format!("type \"{full}\": names are UpperCamelCase"));
        }
        let shape = match json.get("type").and_then(Value::as_str).unwrap_or_default() {
            "record" => Shape::Record(self.fields(json, namespace, &full, depth)),
            "enum" => self.symbols(json, &full)?,
            _ => self.fixed(json, &full)?,
        };
        self.at = place;
        let version = text(json, "version");
        if top && !is_semver(&version) {
            self.problem(Rule::VersionMissing, format!("record \"{full}\": version \"{version}\""));
        }
        let mut owned = json.clone();
        if let Value::Object(object) = &mut owned {
            object.insert("name".into(), Value::String(short.to_owned()));
            object.insert("namespace".into(), Value::String(namespace.to_owned()));
        }
        self.found.push(Definition {
            name: short.to_owned(),
            file: self.file.to_owned(),
            place,
            doc: text(json, "doc"),
            version,
            top,
            shape,
            json: owned,
            full: full.clone(),
        });
        self.at = outside;
        Some(Type::Named(full))
    }

    fn fields(&mut self, json: &Value, namespace: &str, record: &str, depth: usize) -> Vec<Field> {
        let mut fields = Vec::new();
        for field in json.get("fields").and_then(Value::as_array).into_iter().flatten() {
            let name = text(field, "name");
            let where_ = format!("record \"{record}\", field \"{name}\"");
            let place = self.places.of_field(record.rsplit('.').next().unwrap_or(record), &name);
            self.at = place;
            if !is_snake(&name) || fields.iter().any(|other: &Field| other.name == name) {
                self.problem(Rule::SchemaInvalid, format!("{where_}: names are snake_case and stand once"));
            }
            let ty = field.get("type").unwrap_or(&Value::Null);
            let Some(ty) = self.ty(ty, namespace, &where_, depth + 1) else { continue };
            let aliases = field.get("aliases").and_then(Value::as_array).into_iter().flatten();
            fields.push(Field {
                doc: text(field, "doc"),
                default: field.get("default").cloned(),
                aliases: aliases.filter_map(Value::as_str).map(str::to_owned).collect(),
                name,
                place,
                ty,
            });
        }
        fields
    }

    fn symbols(&mut self, json: &Value, full: &str) -> Option<Shape> {
        let symbols: Vec<String> = json
            .get("symbols")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|symbol| symbol.as_str().map(str::to_owned))
            .collect();
        let default = text(json, "default");
        if !symbols.contains(&default) {
            self.problem(Rule::EnumDefault, format!("enum \"{full}\": default \"{default}\" is not a symbol"));
            return None;
        }
        if let Some(symbol) = symbols.iter().find(|symbol| !is_upper_snake(symbol)) {
            self.problem(Rule::SchemaInvalid, format!("enum \"{full}\", symbol \"{symbol}\": not UPPER_SNAKE"));
        }
        Some(Shape::Enum { symbols, default })
    }

    fn fixed(&mut self, json: &Value, full: &str) -> Option<Shape> {
        let logical = json.get("logicalType").and_then(Value::as_str);
        if json.get("size").and_then(Value::as_u64) != Some(16) || logical != Some("uuid") {
            self.problem(Rule::TypeUnsupported, format!("fixed \"{full}\" is not a uuid of 16 bytes"));
            return None;
        }
        Some(Shape::Uuid)
    }
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "string" => Type::String,
        _ => return None,
    })
}

fn text(json: &Value, key: &str) -> String {
    json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Avro specification, "Names": a name with a dot is full, another one is in the namespace around it.
pub fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn is_upper_camel(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Lower case, digits and single underscores: a Rust field, table or wake.
pub fn is_snake(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.contains("__")
        && !name.ends_with('_')
        && !KEYWORDS.contains(&name)
}

fn is_upper_snake(name: &str) -> bool {
    is_snake(&name.to_ascii_lowercase()) && !name.chars().any(|c| c.is_ascii_lowercase())
}

/// `1.2.3` and nothing more.
fn is_semver(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let number = |part: &&str| part.parse::<u32>().is_ok_and(|number| number.to_string() == **part);
    parts.len() == 3 && parts.iter().all(number)
}

/// Words that cannot name a field (Rust reference, "Keywords", edition 2024).
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
