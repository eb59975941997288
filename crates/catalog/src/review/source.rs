//! Where things stand in a schema file: types, fields, symbols and the version, by line and by bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::avsc::full_name;
use crate::review::avro::namespace;

/// A file of a contract with the places of what it defines.
#[derive(Debug, Clone)]
pub struct Source {
    pub path: String,
    pub text: String,
    /// By full name.
    pub types: BTreeMap<String, TypePlace>,
}

/// Where a named type stands, in bytes of the file.
#[derive(Debug, Clone, Default)]
pub struct TypePlace {
    pub name: Range<usize>,
    /// The value of `version`, with its quotes.
    pub version: Option<Range<usize>>,
    /// The list of symbols, with its brackets.
    pub symbols: Option<Range<usize>>,
    /// Each field's object, with its braces.
    pub fields: Vec<(String, Range<usize>)>,
}

impl TypePlace {
    /// Where a field stands.
    pub fn field(&self, name: &str) -> Option<Range<usize>> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, range)| range.clone())
    }
}

impl Source {
    /// Reads a file; `path` is what findings call it. A text that is not JSON has no places.
    pub fn read(path: &str, text: &str) -> Source {
        let mut types = BTreeMap::new();
        if let Some(root) = (Scanner { text: text.as_bytes(), at: 0, depth: 0 }).value() {
            collect(text, &root, "", &mut types);
        }
        Source { path: path.to_owned(), text: text.to_owned(), types }
    }

    /// The line, from 1, of a byte.
    pub fn line(&self, at: usize) -> u64 {
        self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() as u64 + 1
    }

    /// The text of a range.
    pub fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// A JSON value with its place.
struct Spot {
    range: Range<usize>,
    node: Node,
}

enum Node {
    Object(Vec<(String, Spot)>),
    Array(Vec<Spot>),
    Other,
}

impl Spot {
    fn get(&self, key: &str) -> Option<&Spot> {
        match &self.node {
            Node::Object(pairs) => pairs.iter().find(|(other, _)| other == key).map(|(_, spot)| spot),
            _ => None,
        }
    }

    fn string(&self, text: &str) -> Option<String> {
        serde_json::from_str(text.get(self.range.clone())?).ok()
    }
}

fn collect(text: &str, spot: &Spot, outer: &str, types: &mut BTreeMap<String, TypePlace>) {
    match &spot.node {
        Node::Array(items) => items.iter().for_each(|item| collect(text, item, outer, types)),
        Node::Object(pairs) => {
            let string = |key: &str| spot.get(key).and_then(|found| found.string(text));
            let kind = string("type").unwrap_or_default();
            let mut inner = outer.to_owned();
            if matches!(kind.as_str(), "record" | "enum" | "fixed" | "error")
                && let Some(name) = string("name")
            {
                let full = full_name(&name, &string("namespace").unwrap_or_else(|| outer.to_owned()));
                inner = namespace(&full).to_owned();
                types.entry(full).or_insert_with(|| place(text, spot));
            }
            let below = pairs.iter().filter(|(key, _)| matches!(key.as_str(), "type" | "items" | "values" | "fields"));
            below.for_each(|(_, found)| collect(text, found, &inner, types));
        }
        Node::Other => {}
    }
}

fn place(text: &str, spot: &Spot) -> TypePlace {
    let range = |key: &str| spot.get(key).map(|found| found.range.clone());
    let mut fields = Vec::new();
    if let Some(Spot { node: Node::Array(items), .. }) = spot.get("fields") {
        for item in items {
            if let Some(name) = item.get("name").and_then(|name| name.string(text)) {
                fields.push((name, item.range.clone()));
            }
        }
    }
    TypePlace {
        name: range("name").unwrap_or_else(|| spot.range.clone()),
        version: range("version"),
        symbols: range("symbols"),
        fields,
    }
}

/// Deeper nesting has no places; serde_json refuses it, too.
const DEPTH_MAX: usize = 127;

/// Reads JSON for its places only; whether it is JSON others have said.
struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
}

impl Scanner<'_> {
    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let here = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(here);
        here
    }

    fn value(&mut self) -> Option<Spot> {
        self.space();
        let begin = self.at;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let node = match self.text.get(self.at)? {
            b'{' => self.object()?,
            b'[' => self.array()?,
            b'"' => {
                self.string()?;
                Node::Other
            }
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || b",]}".contains(byte);
                while self.text.get(self.at).is_some_and(|byte| !ends(byte)) {
                    self.at += 1;
                }
                Node::Other
            }
        };
        self.depth -= 1;
        (self.at > begin).then_some(Spot { range: begin..self.at, node })
    }

    fn object(&mut self) -> Option<Node> {
        self.at += 1;
        let mut pairs = Vec::new();
        if self.eat(b'}') {
            return Some(Node::Object(pairs));
        }
        loop {
            self.space();
            let key = self.string()?;
            if !self.eat(b':') {
                return None;
            }
            pairs.push((key, self.value()?));
            if self.eat(b'}') {
                return Some(Node::Object(pairs));
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn array(&mut self) -> Option<Node> {
        self.at += 1;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Some(Node::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.eat(b']') {
                return Some(Node::Array(items));
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let begin = self.at;
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        self.at += 1;
        loop {
            match self.text.get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_slice(self.text.get(begin..self.at)?).ok()
    }
}
