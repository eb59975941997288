//! Reader against writer, pair of types by pair of types.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::name::Name;
use super::report::{Incompatibility, Kind, Report};
use super::schema::{Enum, Fixed, Id, Node, Primitive, Record, Schema};

/// Pairs of types that stand in each other.
const DEPTH_MAX: usize = 400;
/// Pairs of types that are compared.
const PAIRS_MAX: usize = 1_000_000;
/// Looks at pairs, those that are known already included.
const LOOKS_MAX: usize = 20_000_000;
/// Reasons against one pair, those against its parts included.
const ERRORS_MAX: usize = 10_000;
/// The same over all pairs that are remembered.
const KEPT_MAX: usize = 1_000_000;

/// Why two schemas cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Java throws here, too.
    #[error(
        "record \"{record}\", field \"{field}\": its name and aliases match several fields of the writer; \
         drop the aliases that are too many"
    )]
    Ambiguous { record: String, field: String },
    #[error("schemas: {what} exceed {most}; compare smaller ones")]
    TooMuch { what: &'static str, most: usize },
}

/// Whether `reader` reads everything that was written with `writer`, and why not.
///
/// # Errors
/// A reader's field that stands for several fields of the writer, or more work than the limits allow.
pub fn check(reader: &Schema, writer: &Schema) -> Result<Report, CheckError> {
    let mut checker = Checker { reader, writer, found: HashMap::new(), kept: 0, looks: 0, depth: 0 };
    let errors = checker.pair("".into(), reader.root, writer.root, &mut Vec::new())?;
    let errors = errors.iter().map(|error| Incompatibility::clone(error)).collect::<Vec<_>>();
    Ok(Report { compatible: errors.is_empty(), errors })
}

/// The reasons against a pair; none when the reader reads it.
type Found = Rc<[Rc<Incompatibility>]>;
/// Reasons in the making.
type Errors = Vec<Rc<Incompatibility>>;
/// Reference tokens from the root, which is an empty one.
type Path = Vec<Cow<'static, str>>;

struct Checker<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    /// What is known of a pair, its paths as they were when it was first compared. Nothing: it is being compared.
    found: HashMap<(Id, Id), Option<Found>>,
    /// Reasons in all of `found`.
    kept: usize,
    looks: usize,
    depth: usize,
}

impl<'s> Checker<'s> {
    fn pair(&mut self, token: Cow<'static, str>, reader: Id, writer: Id, path: &mut Path) -> Result<Found, CheckError> {
        self.looks += 1;
        if self.looks > LOOKS_MAX {
            return Err(CheckError::TooMuch { what: "looks at pairs of types", most: LOOKS_MAX });
        }
        match self.found.get(&(reader, writer)) {
            Some(Some(known)) => return Ok(Rc::clone(known)),
            // In a circle, types are compatible unless something else proves otherwise.
            Some(None) => return Ok(Rc::new([])),
            None => {}
        }
        if self.depth >= DEPTH_MAX {
            return Err(CheckError::TooMuch { what: "types in types", most: DEPTH_MAX });
        }
        if self.found.len() >= PAIRS_MAX {
            return Err(CheckError::TooMuch { what: "pairs of types", most: PAIRS_MAX });
        }
        self.found.insert((reader, writer), None);
        path.push(token);
        self.depth += 1;
        let mut errors = Vec::new();
        self.compare(reader, writer, path, &mut errors)?;
        self.depth -= 1;
        path.pop();
        self.kept += errors.len();
        if self.kept > KEPT_MAX {
            return Err(CheckError::TooMuch { what: "incompatibilities of all pairs of types", most: KEPT_MAX });
        }
        let errors: Found = errors.into();
        self.found.insert((reader, writer), Some(Rc::clone(&errors)));
        Ok(errors)
    }

    /// The verdict on a pair whose own reasons nobody asks for: they begin with a path of their own.
    fn reads(&mut self, reader: Id, writer: Id) -> Result<bool, CheckError> {
        Ok(self.pair("".into(), reader, writer, &mut Vec::new())?.is_empty())
    }

    fn compare(&mut self, reader: Id, writer: Id, path: &mut Path, errors: &mut Errors) -> Result<(), CheckError> {
        let (reads, writes) = (&self.reader.nodes[reader], &self.writer.nodes[writer]);
        match (reads, writes) {
            (Node::Array(read), Node::Array(written)) => {
                merge(errors, &self.pair("items".into(), *read, *written, path)?)?;
            }
            (Node::Map(read), Node::Map(written)) => {
                merge(errors, &self.pair("values".into(), *read, *written, path)?)?;
            }
            (Node::Fixed(read), Node::Fixed(written)) => {
                errors.extend(names(&read.name, &written.name, path).map(Rc::new));
                errors.extend(sizes(read, written, path).map(Rc::new));
            }
            (Node::Enum(read), Node::Enum(written)) => {
                errors.extend(names(&read.name, &written.name, path).map(Rc::new));
                errors.extend(symbols(read, written, path).map(Rc::new));
            }
            (Node::Record(read), Node::Record(written)) => {
                errors.extend(names(&read.name, &written.name, path).map(Rc::new));
                path.push("fields".into());
                self.fields(read, writer, written, path, errors)?;
                path.pop();
            }
            (Node::Union(_), Node::Union(branches)) => {
                for (at, branch) in branches.iter().enumerate() {
                    if !self.reads(reader, *branch)? {
                        path.push(at.to_string().into());
                        errors.push(Rc::new(lacking(&self.writer.nodes[*branch], path)));
                        path.pop();
                    }
                }
            }
            (_, Node::Union(branches)) => {
                for (at, branch) in branches.iter().enumerate() {
                    merge(errors, &self.pair(at.to_string().into(), reader, *branch, path)?)?;
                }
            }
            (Node::Union(branches), _) => {
                for branch in branches {
                    if self.reads(*branch, writer)? {
                        return Ok(());
                    }
                }
                errors.push(Rc::new(lacking(writes, path)));
            }
            (Node::Primitive(read), Node::Primitive(written)) if promotes(*written, *read) => {}
            _ => {
                let message =
                    format!("reader type: {} not compatible with writer type: {}", reads.kind(), writes.kind());
                errors.push(Rc::new(reason(Kind::TypeMismatch, message, path)));
            }
        }
        Ok(())
    }

    fn fields(
        &mut self,
        reader: &'s Record<Id>,
        writer: Id,
        written: &'s Record<Id>,
        path: &mut Path,
        errors: &mut Errors,
    ) -> Result<(), CheckError> {
        for (at, field) in reader.fields.iter().enumerate() {
            path.push(at.to_string().into());
            let mut names = std::iter::once(&field.name).chain(&field.aliases);
            let mut matching = names.by_ref().filter_map(|name| written.index.get(name));
            let (first, second) = (matching.next(), matching.next());
            if second.is_some() {
                let (record, field) = (reader.name.full.clone(), field.name.clone());
                return Err(CheckError::Ambiguous { record, field });
            }
            match first {
                Some(first) => {
                    let ty = written.fields[*first].ty;
                    merge(errors, &self.pair("type".into(), field.ty, ty, path)?)?;
                }
                None if field.default.is_some() => {}
                // An enum's own default is no field's default. Java compares it with the whole record, in vain.
                None if matches!(&self.reader.nodes[field.ty], Node::Enum(Enum { default: Some(_), .. })) => {
                    merge(errors, &self.pair("type".into(), field.ty, writer, path)?)?;
                }
                None => {
                    let name = field.name.clone();
                    errors.push(Rc::new(reason(Kind::ReaderFieldMissingDefaultValue, name, path)));
                }
            }
            path.pop();
        }
        Ok(())
    }
}

/// Adds the reasons against a part, the same ones again where the part stands twice: Java does.
fn merge(errors: &mut Errors, found: &[Rc<Incompatibility>]) -> Result<(), CheckError> {
    if errors.len() + found.len() > ERRORS_MAX {
        return Err(CheckError::TooMuch { what: "incompatibilities of a pair of types", most: ERRORS_MAX });
    }
    errors.extend_from_slice(found);
    Ok(())
}

/// Avro specification, "Schema Resolution": what is read as something wider, and itself.
fn promotes(written: Primitive, read: Primitive) -> bool {
    use Primitive::{Bytes, Double, Float, Int, Long, String};
    written == read
        || matches!(
            (written, read),
            (Int, Long | Float | Double) | (Long, Float | Double) | (Float, Double) | (String, Bytes) | (Bytes, String)
        )
}

/// Short names are compared, and the reader's aliases with the writer's full name.
fn names(reader: &Name, writer: &Name, path: &mut Path) -> Option<Incompatibility> {
    if reader.short == writer.short || reader.aliases.contains(&writer.full) {
        return None;
    }
    Some(below("name", Kind::NameMismatch, format!("expected: {}", writer.full), path))
}

fn sizes(reader: &Fixed, writer: &Fixed, path: &mut Path) -> Option<Incompatibility> {
    let message = || format!("expected: {}, found: {}", writer.size, reader.size);
    (reader.size != writer.size).then(|| below("size", Kind::FixedSizeMismatch, message(), path))
}

fn symbols(reader: &Enum, writer: &Enum, path: &mut Path) -> Option<Incompatibility> {
    if reader.default.is_some() {
        return None;
    }
    let known: std::collections::HashSet<&String> = reader.symbols.iter().collect();
    let mut missing: Vec<&str> =
        writer.symbols.iter().filter(|symbol| !known.contains(symbol)).map(String::as_str).collect();
    if missing.is_empty() {
        return None;
    }
    missing.sort_unstable();
    Some(below("symbols", Kind::MissingEnumSymbols, format!("[{}]", missing.join(", ")), path))
}

fn lacking(written: &Node<Id>, path: &Path) -> Incompatibility {
    reason(Kind::MissingUnionBranch, format!("reader union lacking writer type: {}", written.kind()), path)
}

fn below(token: &'static str, kind: Kind, message: String, path: &mut Path) -> Incompatibility {
    path.push(token.into());
    let found = reason(kind, message, path);
    path.pop();
    found
}

/// The root's token is left out; none of the others has a character that a JSON pointer escapes.
fn reason(kind: Kind, message: String, path: &Path) -> Incompatibility {
    Incompatibility { kind, path: format!("/{}", path.get(1..).unwrap_or_default().join("/")), message }
}
