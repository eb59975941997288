//! References to types that were read later, and the second look at defaults and unions that they make necessary.
//!
//! Java resolves by walking from each named type, types in the order of their ends, the fields of a record first to
//! last, the branches of a union last to first, and into a referred type at the place of the first reference to it. That
//! shows: a default is refused when it needs the fields of a record that the walk has not come out of yet.

use std::collections::HashSet;

use super::build::{Builder, Link};
use super::default::{Defaults, Known};
use super::error::{ParseError, shown};
use super::schema::{Id, Node, Record, Schema};

/// References that lead to references beyond this are refused.
const DEPTH_MAX: usize = 256;

/// The schema whose root was built last.
pub fn resolve(builder: Builder, root: Link) -> Result<Schema, ParseError> {
    let count = builder.nodes.len();
    let none = vec![false; count];
    let mut walk = Walk { builder: &builder, begun: none.clone(), settled: none.clone(), finished: none, depth: 0 };
    for id in &builder.order {
        if !walk.finished[*id] {
            walk.from(*id)?;
        }
    }
    match &root {
        Link::Node(id) if !walk.finished[*id] => walk.from(*id)?,
        Link::Node(_) => {}
        Link::Name(name) => walk.refer(name)?,
    }
    let Builder { nodes, names, .. } = builder;
    let target = |link: &Link| match link {
        Link::Node(id) => Some(*id),
        Link::Name(name) => names.get(name).copied(),
    };
    let Some(root) = target(&root) else {
        return Err(ParseError::new("schema", "it refers to nothing", "define the type"));
    };
    // Nothing is missing here: the walk has been everywhere.
    let nodes = nodes.into_iter().map(|node| node.map(|link| target(&link).unwrap_or(root))).collect();
    Ok(Schema { nodes, root })
}

struct Walk<'b> {
    builder: &'b Builder,
    /// Nodes that some walk has reached.
    begun: Vec<bool>,
    /// Records whose fields are settled.
    settled: Vec<bool>,
    /// Nodes below which nothing is left to do.
    finished: Vec<bool>,
    depth: usize,
}

enum Step<'b> {
    In(&'b Link),
    Out(Id),
}

impl<'b> Walk<'b> {
    fn from(&mut self, start: Id) -> Result<(), ParseError> {
        if self.depth >= DEPTH_MAX {
            let why = format!("references to later types lead through more than {DEPTH_MAX} of them");
            return Err(ParseError::new("schema", why, "define types before they are used"));
        }
        self.depth += 1;
        let mut visited = HashSet::from([start]);
        let mut steps = Vec::new();
        self.enter(start, &mut steps);
        while let Some(step) = steps.pop() {
            match step {
                Step::Out(id) => self.out(id)?,
                Step::In(Link::Name(name)) => self.refer(name)?,
                Step::In(Link::Node(id)) => {
                    if !self.finished[*id] && visited.insert(*id) {
                        self.enter(*id, &mut steps);
                    }
                }
            }
        }
        for id in visited {
            self.finished[id] = true;
        }
        self.depth -= 1;
        Ok(())
    }

    fn refer(&mut self, name: &str) -> Result<(), ParseError> {
        let Some(id) = self.builder.names.get(name) else {
            let object = format!("reference \"{name}\"");
            return Err(ParseError::new(
                object,
                "there is no such type",
                "define it in this schema or correct the name",
            ));
        };
        if self.begun[*id] { Ok(()) } else { self.from(*id) }
    }

    fn enter(&mut self, id: Id, steps: &mut Vec<Step<'b>>) {
        self.begun[id] = true;
        let builder = self.builder;
        match &builder.nodes[id] {
            Node::Record(record) => {
                steps.push(Step::Out(id));
                steps.extend(record.fields.iter().rev().map(|field| Step::In(&field.ty)));
            }
            Node::Array(part) | Node::Map(part) => steps.push(Step::In(part)),
            Node::Union(branches) => {
                steps.push(Step::Out(id));
                steps.extend(branches.iter().map(Step::In));
            }
            Node::Primitive(_) | Node::Enum(_) | Node::Fixed(_) => {}
        }
    }

    fn out(&mut self, id: Id) -> Result<(), ParseError> {
        let builder = self.builder;
        match &builder.nodes[id] {
            Node::Record(record) if !self.settled[id] => {
                self.defaults(record)?;
                self.settled[id] = true;
                Ok(())
            }
            Node::Union(branches) => self.distinct(branches),
            _ => Ok(()),
        }
    }

    fn defaults(&self, record: &Record<Link>) -> Result<(), ParseError> {
        let known = Known { names: &self.builder.names, settled: &self.settled };
        for field in &record.fields {
            let Some(value) = &field.default else { continue };
            let taken = Defaults::new(&self.builder.nodes, Some(known)).takes(&field.ty, value);
            let why = match taken {
                Ok(true) => continue,
                Ok(false) => format!("the default {} is not of the field's type", shown(value)),
                Err(why) => why,
            };
            let object = format!("record \"{}\", field \"{}\"", record.name.full, field.name);
            return Err(ParseError::new(object, why, "give a default of that type, or none"));
        }
        Ok(())
    }

    fn distinct(&self, branches: &[Link]) -> Result<(), ParseError> {
        let mut seen = HashSet::new();
        for branch in branches {
            let id = match branch {
                Link::Node(id) => Some(id),
                Link::Name(name) => self.builder.names.get(name),
            };
            let name = id.map_or("", |id| self.builder.nodes[*id].full_name());
            if !seen.insert(name) {
                let why = format!("it has \"{name}\" twice");
                return Err(ParseError::new("union", why, "keep one of the branches"));
            }
        }
        Ok(())
    }
}
