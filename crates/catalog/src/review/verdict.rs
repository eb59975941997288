//! One reader against the data of one writer: what Java decides, and what generated Rust does with random data.

use crate::compat;
use crate::review::agree::{Differs, Pair};
use crate::review::avro::{Avro, Body, Ty};
use crate::review::data::{encode, samples, value};
use crate::review::model::JavaError;
use crate::review::reader::{Unread, read};
use crate::review::side::Version;

/// What was found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Java's reasons against it; nothing where it could not decide.
    pub java: Vec<JavaError>,
    /// Why Java's verdict is not known.
    pub unknown: Option<String>,
    pub rust: Rust,
}

/// What generated Rust does.
#[derive(Debug, Default, PartialEq)]
pub enum Rust {
    /// Every value came out as it went in.
    Right,
    /// It was not tried.
    #[default]
    Untried,
    /// There is no reader: the generator refuses the schema.
    NoReader(String),
    /// One of each kind and field: what could not be read, and what was read as something else.
    Failed(Vec<Unread>, Vec<Differs>),
}

/// Compares.
pub fn judge(reader: &Version, writer: &Version) -> Outcome {
    let mut outcome = Outcome::default();
    match (&reader.java, &writer.java) {
        (Ok(reads), Ok(writes)) => match compat::check(reads, writes) {
            Ok(report) => outcome.java = report.errors.iter().map(java_error).collect(),
            Err(error) => outcome.unknown = Some(error.to_string()),
        },
        (Err(error), _) | (_, Err(error)) => outcome.unknown = Some(error.clone()),
    }
    outcome.rust = rust(reader, writer);
    outcome
}

fn java_error(error: &compat::Incompatibility) -> JavaError {
    JavaError { kind: error.kind.to_string(), path: error.path.clone(), message: error.message.clone() }
}

fn rust(reader: &Version, writer: &Version) -> Rust {
    let schemas = match &reader.rust {
        Ok(schemas) => schemas,
        Err(why) => return Rust::NoReader(why.clone()),
    };
    let Some(definition) = schemas.get(&reader.avro.root) else {
        return Rust::NoReader(format!("record \"{}\" is not defined", reader.avro.root));
    };
    let schema: serde_avro_fast::Schema = match writer.json.to_string().parse() {
        Ok(schema) => schema,
        Err(error) => {
            let why = format!("the decoder refuses the writer's schema: {error}");
            return Rust::Failed(vec![Unread { path: Vec::new(), why }], Vec::new());
        }
    };
    let pair = Pair { reader: &reader.avro, writer: &writer.avro };
    let root = Ty::Named(writer.avro.root.clone());
    let (mut unread, mut wrong): (Vec<Unread>, Vec<Differs>) = (Vec::new(), Vec::new());
    for sample in 0..samples(&writer.avro) {
        // A record that contains itself for certain has no values.
        let Some(written) = value(&writer.avro, sample) else { return Rust::Untried };
        let mut bytes = Vec::new();
        encode(&writer.avro, &root, &written, &mut bytes);
        match read(schemas, definition, &schema, &bytes) {
            Ok((read, missing)) => {
                for differs in pair.compare(&written, &read) {
                    let known = |it: &Differs| it.path == differs.path && it.units == differs.units;
                    if !wrong.iter().any(known) && !missing.iter().any(|it| differs.path.starts_with(&it.path)) {
                        wrong.push(differs);
                    }
                }
                missing.into_iter().for_each(|missing| once(missing, &mut unread));
            }
            Err(stopped) => once(stopped, &mut unread),
        }
    }
    if wrong.is_empty() && unread.is_empty() { Rust::Right } else { Rust::Failed(unread, wrong) }
}

/// One of each field is enough: random values make random reasons.
fn once(found: Unread, all: &mut Vec<Unread>) {
    if !all.iter().any(|known| known.path == found.path) {
        all.push(found);
    }
}

/// The field that a JSON pointer of Java means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// From the outside in.
    pub path: Vec<String>,
    /// Full name of the type in which the field stands, or which is meant itself.
    pub owner: String,
    pub field: Option<String>,
}

/// Follows a JSON pointer through the reader's schema, as far as it goes.
pub fn trail(avro: &Avro, pointer: &str) -> Trail {
    let mut found = Trail { path: Vec::new(), owner: avro.root.clone(), field: None };
    let mut here = Ty::Named(avro.root.clone());
    let mut tokens = pointer.split('/').filter(|token| !token.is_empty());
    while let Some(token) = tokens.next() {
        match token {
            "fields" => {
                let Some(full) = record(avro, &here) else { break };
                let at = tokens.next().and_then(|at| at.parse::<usize>().ok());
                let Some(member) = at.and_then(|at| avro.members(&full).get(at)) else { break };
                found.path.push(member.name.clone());
                (found.owner, found.field) = (full, Some(member.name.clone()));
                here = member.ty.clone();
            }
            "items" | "values" => here = inner(&here),
            "symbols" | "size" | "name" => {
                if let Ty::Named(full) = &here {
                    (found.owner, found.field) = (full.clone(), None);
                }
                break;
            }
            _ => {
                // In a union; of the reader's branches, or of the writer's where the reader has none.
                if let (Ty::Union(branches), Ok(at)) = (&here, token.parse::<usize>()) {
                    here = branches.get(at).cloned().unwrap_or(here);
                }
            }
        }
    }
    found
}

/// The field of a path of names.
pub fn by_names(avro: &Avro, path: &[String]) -> Trail {
    let mut found = Trail { path: path.to_vec(), owner: avro.root.clone(), field: None };
    let mut here = Ty::Named(avro.root.clone());
    for name in path {
        let full = record(avro, &here);
        let member = full.as_ref().and_then(|full| avro.members(full).iter().find(|member| member.name == *name));
        let (Some(full), Some(member)) = (full, member) else { break };
        (found.owner, found.field) = (full, Some(member.name.clone()));
        here = member.ty.clone();
    }
    found
}

/// The record at a type, inside options and arrays.
fn record(avro: &Avro, ty: &Ty) -> Option<String> {
    match ty {
        Ty::Named(full) => matches!(avro.named.get(full)?.body, Body::Record(_)).then(|| full.clone()),
        Ty::Array(inner) | Ty::Map(inner) => record(avro, inner),
        Ty::Union(branches) => branches.iter().find_map(|branch| record(avro, branch)),
        Ty::Plain(_) => None,
    }
}

fn inner(ty: &Ty) -> Ty {
    match ty {
        Ty::Array(inner) | Ty::Map(inner) => (**inner).clone(),
        Ty::Union(branches) => {
            let list = branches.iter().find(|branch| matches!(branch, Ty::Array(_) | Ty::Map(_)));
            list.map_or_else(|| ty.clone(), inner)
        }
        _ => ty.clone(),
    }
}
