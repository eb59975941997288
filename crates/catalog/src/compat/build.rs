//! From JSON to nodes, references to what is not yet known left as names.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::default::{self, Defaults};
use super::error::{ParseError, shown};
use super::name::{Name, valid};
use super::schema::{Enum, Field, Fixed, Id, Node, Primitive, Record};

/// Types in types beyond this are refused; JSON ends earlier.
const DEPTH_MAX: usize = 128;
/// Java's limit of a fixed: the longest array of a JVM.
const FIXED_MAX: i32 = i32::MAX - 8;

/// Keys of a schema that are no properties of it.
const RESERVED: [&str; 10] =
    ["doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];
const FIELD_RESERVED: [&str; 6] = ["default", "doc", "name", "order", "type", "aliases"];

/// What a part of a type points at.
#[derive(Debug, Clone)]
pub enum Link {
    Node(Id),
    /// The full name of a type whose end has not been read yet, if ever.
    Name(String),
}

/// The nodes read so far.
#[derive(Debug, Default)]
pub struct Builder {
    pub nodes: Vec<Node<Link>>,
    /// Of each node, what JSON says of it besides.
    pub props: Vec<Map<String, Value>>,
    /// Named types by full name, the first one of each.
    pub names: HashMap<String, Id>,
    /// The same in the order of their ends.
    pub order: Vec<Id>,
    /// What is being read, from the outside in.
    place: Vec<String>,
    depth: usize,
}

impl Builder {
    /// Reads a type; names without a dot are in the namespace given.
    pub fn schema(&mut self, json: &Value, space: Option<&str>) -> Result<Link, ParseError> {
        if self.depth >= DEPTH_MAX {
            return Err(self.error(format!("nested deeper than {DEPTH_MAX}"), "name the inner types and refer to them"));
        }
        self.depth += 1;
        let link = match json {
            Value::String(name) => Ok(self.find(name, space)),
            Value::Object(object) => self.object(object, json, space),
            Value::Array(branches) => self.union(branches, space),
            _ => Err(self.error(
                format!("{} is no type", shown(json)),
                "give a type's name, an object with \"type\", or a list of branches",
            )),
        };
        self.depth -= 1;
        link
    }

    fn error(&self, why: impl Into<String>, hint: &'static str) -> ParseError {
        let object = if self.place.is_empty() { "schema".to_owned() } else { self.place.join(", ") };
        ParseError::new(object, why, hint)
    }

    fn add(&mut self, node: Node<Link>, props: Map<String, Value>) -> Link {
        self.nodes.push(node);
        self.props.push(props);
        Link::Node(self.nodes.len() - 1)
    }

    /// A name with a dot or without a namespace around it is full. Another one is tried in the namespace, then as it is.
    fn find(&mut self, name: &str, space: Option<&str>) -> Link {
        if let Some(primitive) = Primitive::of(name) {
            return self.add(Node::Primitive(primitive), Map::new());
        }
        let full = match space {
            Some(space) if !name.contains('.') => format!("{space}.{name}"),
            _ => name.to_owned(),
        };
        match self.names.get(&full).or_else(|| self.names.get(name)) {
            Some(id) => Link::Node(*id),
            None => Link::Name(full),
        }
    }

    fn object(&mut self, object: &Map<String, Value>, json: &Value, space: Option<&str>) -> Result<Link, ParseError> {
        let Some(kind) = object.get("type").and_then(Value::as_str) else {
            return Err(self.error(
                format!("{} has no \"type\" that is a text", shown(json)),
                "name the type; one type in another needs no object around it",
            ));
        };
        if let Some(primitive) = Primitive::of(kind) {
            return Ok(self.add(Node::Primitive(primitive), props(object, &RESERVED)));
        }
        match kind {
            "record" | "error" => self.record(object, space),
            "enum" => self.symbols(object, space),
            "fixed" => self.fixed(object, space),
            "array" => {
                let items = self.part(object, "items", space)?;
                Ok(self.add(Node::Array(items), props(object, &RESERVED)))
            }
            "map" => {
                let values = self.part(object, "values", space)?;
                Ok(self.add(Node::Map(values), props(object, &RESERVED)))
            }
            _ => Err(self.error(
                format!("\"type\": \"{kind}\" is no kind of type"),
                "refer to a named type by its name alone, without an object around it",
            )),
        }
    }

    fn part(&mut self, object: &Map<String, Value>, key: &str, space: Option<&str>) -> Result<Link, ParseError> {
        match object.get(key) {
            Some(json) => self.schema(json, space),
            None => Err(self.error(format!("an array or map without \"{key}\""), "say what it holds")),
        }
    }

    fn union(&mut self, branches: &[Value], space: Option<&str>) -> Result<Link, ParseError> {
        let mut links = Vec::with_capacity(branches.len());
        for branch in branches {
            links.push(self.schema(branch, space)?);
        }
        let mut seen = std::collections::HashSet::new();
        for link in &links {
            let Link::Node(id) = link else { continue };
            if matches!(self.nodes[*id], Node::Union(_)) {
                return Err(self.error("a union in a union", "list the inner branches in the outer union"));
            }
            let name = self.nodes[*id].full_name();
            if !seen.insert(name) {
                return Err(self.error(format!("a union has \"{name}\" twice"), "keep one of the branches"));
            }
        }
        Ok(self.add(Node::Union(links), Map::new()))
    }

    /// The name of a named type, and the place in messages that goes with it.
    fn begin(&mut self, kind: &str, object: &Map<String, Value>, space: Option<&str>) -> Result<Name, ParseError> {
        let Some(name) = object.get("name").and_then(Value::as_str) else {
            return Err(self.error(format!("{kind} without a \"name\" that is a text"), "name it"));
        };
        let space = object.get("namespace").and_then(Value::as_str).or(space);
        let name = Name::new(name, space).map_err(|why| self.error(format!("{kind}: {why}"), "rename it"))?;
        self.place.push(format!("{kind} \"{}\"", name.full));
        if Primitive::of(&name.full).is_some() {
            return Err(self.error("named after a primitive type", "rename it, or give it a namespace"));
        }
        Ok(name)
    }

    /// Reads the aliases and makes the type known by its name.
    fn end(
        &mut self,
        object: &Map<String, Value>,
        mut node: Node<Link>,
        enumeration: bool,
    ) -> Result<Link, ParseError> {
        let aliases = self.aliases(object)?;
        let name = match &mut node {
            Node::Record(record) => &mut record.name,
            Node::Enum(symbols) => &mut symbols.name,
            Node::Fixed(fixed) => &mut fixed.name,
            _ => return Ok(self.add(node, props(object, &RESERVED))),
        };
        let added = aliases.iter().try_for_each(|alias| name.add_alias(alias));
        let full = name.full.clone();
        added.map_err(|why| self.error(format!("alias: {why}"), "correct the alias"))?;
        if let Some(why) = full.split('.').find_map(|part| valid(part).err()) {
            return Err(self.error(format!("namespace: {why}"), "correct the namespace"));
        }
        let mut props = props(object, &RESERVED);
        if enumeration {
            props.remove("default");
        }
        let link = self.add(node, props);
        let id = self.nodes.len() - 1;
        match self.names.get(&full) {
            Some(first) if !self.same(*first, id) => {
                return Err(self.error("defined twice and differently", "define it once and refer to it by its name"));
            }
            Some(_) => {}
            None => {
                self.names.insert(full, id);
                self.order.push(id);
            }
        }
        self.place.pop();
        Ok(link)
    }

    fn aliases(&self, object: &Map<String, Value>) -> Result<Vec<String>, ParseError> {
        let mut found: Vec<String> = Vec::new();
        let Some(aliases) = object.get("aliases") else { return Ok(found) };
        let wrong = || self.error(format!("aliases {} are no list of texts", shown(aliases)), "list them as texts");
        for alias in aliases.as_array().ok_or_else(wrong)? {
            let alias = alias.as_str().ok_or_else(wrong)?;
            if !found.iter().any(|known| known == alias) {
                found.push(alias.to_owned());
            }
        }
        Ok(found)
    }

    fn record(&mut self, object: &Map<String, Value>, space: Option<&str>) -> Result<Link, ParseError> {
        let name = self.begin("record", object, space)?;
        let Some(list) = object.get("fields").and_then(Value::as_array) else {
            return Err(self.error("no list of \"fields\"", "list its fields; the list may be empty"));
        };
        let mut fields = Vec::with_capacity(list.len());
        let mut index = HashMap::with_capacity(list.len());
        for json in list {
            let field = self.field(json, name.space.as_deref())?;
            if index.insert(field.name.clone(), fields.len()).is_some() {
                return Err(self.error(format!("field \"{}\" stands twice", field.name), "rename one of them"));
            }
            fields.push(field);
        }
        self.end(object, Node::Record(Record { name, fields, index }), false)
    }

    fn field(&mut self, json: &Value, space: Option<&str>) -> Result<Field<Link>, ParseError> {
        let Some(name) = json.get("name").and_then(Value::as_str) else {
            return Err(self.error(format!("field {} has no \"name\" that is a text", shown(json)), "name it"));
        };
        self.place.push(format!("field \"{name}\""));
        let Value::Object(object) = json else { return Err(self.error("no object", "give an object")) };
        let Some(ty) = object.get("type") else { return Err(self.error("no \"type\"", "say what it holds")) };
        let ty = self.schema(ty, space)?;
        let order = self.order_of(object)?;
        let default = self.default(object, &ty)?;
        valid(name).map_err(|why| self.error(why, "rename it"))?;
        let aliases = self.aliases(object)?;
        let mut rest = props(object, &FIELD_RESERVED);
        rest.insert("order".to_owned(), Value::String(order));
        self.place.pop();
        Ok(Field { name: name.to_owned(), ty, aliases, default, rest })
    }

    fn order_of(&self, object: &Map<String, Value>) -> Result<String, ParseError> {
        let Some(order) = object.get("order") else { return Ok("ascending".to_owned()) };
        let named = order.as_str().map(str::to_ascii_lowercase);
        let known = named.filter(|name| ["ascending", "descending", "ignore"].contains(&name.as_str()));
        known.ok_or_else(|| {
            self.error(format!("order {} is unknown", shown(order)), "write ascending, descending or ignore")
        })
    }

    /// A default that the type takes. Of a type that has not been read to its end nothing is known but that it
    /// is no primitive: Java takes any object for now, and looks again when all types are known.
    fn default(&self, object: &Map<String, Value>, ty: &Link) -> Result<Option<Value>, ParseError> {
        let Some(given) = object.get("default") else { return Ok(None) };
        let wrong = || {
            self.error(
                format!("the default {} is not of the field's type", shown(given)),
                "give a default of that type, for a union one of any branch, or none",
            )
        };
        let mut value = given.clone();
        if let (Some(text), Link::Node(id)) = (given.as_str(), ty)
            && matches!(self.nodes[*id], Node::Primitive(Primitive::Float | Primitive::Double))
        {
            value = default::number(text).ok_or_else(wrong)?;
        }
        let taken = Defaults::new(&self.nodes, None).takes(ty, &value);
        let taken = taken.map_err(|why| self.error(why, "give a simpler default"))?;
        if taken { Ok(Some(value)) } else { Err(wrong()) }
    }

    fn symbols(&mut self, object: &Map<String, Value>, space: Option<&str>) -> Result<Link, ParseError> {
        let name = self.begin("enum", object, space)?;
        let Some(list) = object.get("symbols").and_then(Value::as_array) else {
            return Err(self.error("no list of \"symbols\"", "list its symbols"));
        };
        let mut symbols: Vec<String> = Vec::with_capacity(list.len());
        let mut seen = std::collections::HashSet::with_capacity(list.len());
        for json in list {
            let Some(symbol) = json.as_str() else {
                return Err(self.error(format!("symbol {} is no text", shown(json)), "write it as a text"));
            };
            valid(symbol).map_err(|why| self.error(format!("symbol: {why}"), "rename the symbol"))?;
            if !seen.insert(symbol) {
                return Err(self.error(format!("symbol \"{symbol}\" stands twice"), "keep one of them"));
            }
            symbols.push(symbol.to_owned());
        }
        // A default that is no text is none, as in Java.
        let default = object.get("default").and_then(Value::as_str).map(str::to_owned);
        if let Some(default) = default.as_deref().filter(|default| !seen.contains(default)) {
            return Err(
                self.error(format!("default \"{default}\" is no symbol"), "make one of the symbols the default")
            );
        }
        self.end(object, Node::Enum(Enum { name, symbols, default }), true)
    }

    fn fixed(&mut self, object: &Map<String, Value>, space: Option<&str>) -> Result<Link, ParseError> {
        let name = self.begin("fixed", object, space)?;
        let size = object.get("size").and_then(Value::as_i64).and_then(|size| i32::try_from(size).ok());
        let Some(size) = size.filter(|size| (0..=FIXED_MAX).contains(size)) else {
            return Err(self.error("no \"size\" that is a count of bytes", "give a whole number that is not negative"));
        };
        self.end(object, Node::Fixed(Fixed { name, size }), false)
    }
}

fn props(object: &Map<String, Value>, reserved: &[&str]) -> Map<String, Value> {
    let free = object.iter().filter(|(key, _)| !reserved.contains(&key.as_str()));
    free.map(|(key, value)| (key.clone(), value.clone())).collect()
}
