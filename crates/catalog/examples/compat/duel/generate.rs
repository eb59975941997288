//! Random schemas: every kind of type, namespaces, references backwards, forwards and in circles, defaults.

use serde_json::{Map, Value, json};

use super::random::Random;

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
pub const FIELDS: [&str; 10] = ["id", "name", "total", "lines", "status", "note", "left", "right", "tags", "größe"];
pub const SYMBOLS: [&str; 8] = ["NEW", "PAID", "SENT", "DONE", "LOST", "BACK", "OPEN", "HELD"];
const SPACES: [&str; 3] = ["shop", "shop.orders", "stock"];
const DEPTH_MAX: usize = 4;

/// One schema in the making.
pub struct Maker<'r> {
    random: &'r mut Random,
    named: usize,
    /// Full names of types that are complete.
    complete: Vec<String>,
    /// One of their definitions, to be repeated.
    definition: Option<Value>,
    /// Full names of records around.
    around: Vec<String>,
}

/// A random schema, most often a record.
pub fn schema(random: &mut Random) -> Value {
    let mut maker = Maker { random, named: 0, complete: Vec::new(), definition: None, around: Vec::new() };
    match maker.random.below(10) {
        0 => maker.ty(None, 0),
        1 => maker.union(None, 0),
        _ => maker.record(None, 0),
    }
}

/// A random type without names in it.
pub fn plain(random: &mut Random) -> Value {
    match random.below(6) {
        0 => json!({"type": "array", "items": random.of(&PRIMITIVES)}),
        1 => json!({"type": "map", "values": random.of(&PRIMITIVES)}),
        2 => json!(["null", random.of(&PRIMITIVES[1..])]),
        _ => json!(random.of(&PRIMITIVES)),
    }
}

impl Maker<'_> {
    fn ty(&mut self, space: Option<&str>, depth: usize) -> Value {
        if depth >= DEPTH_MAX {
            return json!(self.random.of(&PRIMITIVES));
        }
        match self.random.below(24) {
            0..=8 => json!(self.random.of(&PRIMITIVES)),
            9 => json!({"type": "long", "logicalType": "timestamp-millis"}),
            10 => json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
            11 | 12 => json!({"type": "array", "items": self.ty(space, depth + 1)}),
            13 => json!({"type": "map", "values": self.ty(space, depth + 1)}),
            14..=16 => self.union(space, depth + 1),
            17 | 18 => self.enumeration(space),
            19 => self.fixed(space),
            20 | 21 => self.record(space, depth + 1),
            22 => self.reference(),
            _ => self.circle(),
        }
    }

    fn name(&mut self, stem: &str, space: Option<&str>, object: &mut Map<String, Value>) -> String {
        self.named += 1;
        let short = format!("{stem}{}", self.named);
        let other = *self.random.of(&SPACES);
        let (name, namespace, space) = match self.random.below(8) {
            0 => (short.clone(), Some(other), Some(other)),
            1 => (format!("{other}.{short}"), None, Some(other)),
            2 if space.is_some() => (short.clone(), Some(""), None),
            _ => (short.clone(), None, space),
        };
        object.insert("name".into(), json!(name));
        if let Some(namespace) = namespace {
            object.insert("namespace".into(), json!(namespace));
        }
        if self.random.percent(8) {
            let alias = *self.random.of(&["Old", "shop.Old", "stock.Older", ".Oldest"]);
            object.insert("aliases".into(), json!([alias]));
        }
        space.map_or_else(|| short.clone(), |space| format!("{space}.{short}"))
    }

    fn record(&mut self, space: Option<&str>, depth: usize) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), json!(if self.random.percent(5) { "error" } else { "record" }));
        let full = self.name("Order", space, &mut object);
        let inner = full.rsplit_once('.').map(|(space, _)| space.to_owned());
        self.around.push(full.clone());
        let count = if depth == 0 { 2 + self.random.below(5) } else { self.random.below(4) };
        let begin = self.random.below(FIELDS.len());
        let names = (0..count).map(|at| FIELDS[(begin + at) % FIELDS.len()]);
        let fields: Vec<Value> = names.map(|name| self.field(name, inner.as_deref(), depth)).collect();
        object.insert("fields".into(), json!(fields));
        self.around.pop();
        self.complete(full, object)
    }

    fn field(&mut self, name: &str, space: Option<&str>, depth: usize) -> Value {
        let ty = self.ty(space, depth);
        let mut field = json!({"name": name, "type": ty});
        if self.random.percent(40)
            && let Some(default) = self.default(&field["type"])
        {
            field["default"] = default;
        }
        if self.random.percent(6) {
            field["aliases"] = json!([format!("{}_old", self.random.of(&FIELDS))]);
        }
        if self.random.percent(5) {
            field["order"] = json!(self.random.of(&["ascending", "descending", "ignore"]));
        }
        field
    }

    fn union(&mut self, space: Option<&str>, depth: usize) -> Value {
        let mut branches: Vec<Value> = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let branch = self.ty(space, depth + 1);
            let kind = |ty: &Value| match ty {
                Value::Object(object) if object.contains_key("name") => object["name"].clone(),
                Value::Object(object) => object["type"].clone(),
                other => other.clone(),
            };
            if !branch.is_array() && !branches.iter().any(|other| kind(other) == kind(&branch)) {
                branches.push(branch);
            }
        }
        json!(branches)
    }

    fn enumeration(&mut self, space: Option<&str>) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), json!("enum"));
        let full = self.name("Status", space, &mut object);
        let begin = self.random.below(SYMBOLS.len());
        let count = 1 + self.random.below(5);
        let symbols: Vec<&str> = (0..count).map(|at| SYMBOLS[(begin + at) % SYMBOLS.len()]).collect();
        if self.random.percent(30) {
            object.insert("default".into(), json!(self.random.of(&symbols)));
        }
        object.insert("symbols".into(), json!(symbols));
        self.complete(full, object)
    }

    fn fixed(&mut self, space: Option<&str>) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), json!("fixed"));
        let full = self.name("Uuid", space, &mut object);
        object.insert("size".into(), json!(self.random.of(&[4, 8, 16])));
        self.complete(full, object)
    }

    fn complete(&mut self, full: String, object: Map<String, Value>) -> Value {
        let definition = Value::Object(object);
        self.complete.push(full);
        if self.random.percent(30) {
            self.definition = Some(definition.clone());
        }
        definition
    }

    /// A complete type, sometimes defined again; or the one that comes next, if there will be one and if it fits.
    fn reference(&mut self) -> Value {
        if self.complete.is_empty() || self.random.percent(15) {
            return json!(format!("Order{}", self.named + 1 + self.random.below(3)));
        }
        let name = self.random.of(&self.complete).clone();
        match &self.definition {
            Some(definition) if self.random.percent(20) => definition.clone(),
            _ => json!(name),
        }
    }

    /// A record that is not complete, so that it holds itself.
    fn circle(&mut self) -> Value {
        let Some(outer) = self.around.last().cloned() else { return json!("long") };
        match self.random.below(3) {
            0 => json!(["null", outer]),
            1 => json!({"type": "array", "items": outer}),
            _ => json!({"type": "map", "values": outer}),
        }
    }

    /// A default that fits, or nothing where that takes thought.
    fn default(&mut self, ty: &Value) -> Option<Value> {
        let name = match ty {
            Value::Array(branches) => {
                let at = self.random.below(branches.len().max(1));
                return self.default(branches.get(at)?);
            }
            Value::Object(object) => object.get("type")?.as_str()?,
            Value::String(name) => name,
            _ => return None,
        };
        Some(match name {
            "null" => Value::Null,
            "boolean" => json!(true),
            "int" => json!(-3),
            "long" => json!(5_000_000_000_i64),
            "float" | "double" => self.random.of(&[json!(1.5), json!(2), json!("3.5"), json!("NaN")]).clone(),
            "bytes" | "string" => json!("x"),
            "array" => json!([]),
            "map" => json!({}),
            "enum" => ty["symbols"][0].clone(),
            "fixed" => json!("0000"),
            "record" | "error" if self.random.percent(50) => json!({}),
            _ if self.random.percent(15) => self.random.of(&[json!({}), json!("NEW"), json!({"id": "x"})]).clone(),
            _ => return None,
        })
    }
}
