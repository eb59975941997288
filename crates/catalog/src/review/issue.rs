//! From verdicts to what is wrong with which field: one issue per rule and field, over all versions and both ways.

use crate::review::agree::moment;
use crate::review::avro::Avro;
use crate::review::model::{Change, ChangeKind, JavaError};
use crate::review::verdict::{Outcome, Rust, Trail, by_names, trail};

/// The rules about the shape of records. The codes are stable.
pub mod rule {
    pub const FIELD_WITHOUT_DEFAULT: &str = "field-without-default";
    pub const FIELD_REMOVED: &str = "field-removed";
    pub const FIELD_RENAMED: &str = "field-renamed";
    pub const TYPE_CHANGED: &str = "type-changed";
    pub const TYPE_RENAMED: &str = "type-renamed";
    pub const SYMBOL_GONE: &str = "symbol-removed-without-default";
    pub const SYMBOL_NEW: &str = "symbol-added-without-default";
    pub const UNIT_CHANGED: &str = "unit-changed";
    pub const SCALE_CHANGED: &str = "scale-changed";
    pub const RUST_CANNOT_READ: &str = "rust-cannot-read";
    pub const VALUE_CHANGED: &str = "value-changed";
    pub const UNKNOWN: &str = "could-not-compare";
}

/// Something wrong with a field.
#[derive(Debug, Clone)]
pub struct Issue {
    pub rule: &'static str,
    /// In the new schema, or in the old one where the field is gone.
    pub trail: Trail,
    /// Whether the trail is in the old schema.
    pub before: bool,
    /// Versions whose data the new reader cannot read.
    pub data: Vec<String>,
    /// Versions whose readers cannot read new data.
    pub readers: Vec<String>,
    pub java: Option<JavaError>,
    /// What exactly went wrong.
    pub said: String,
}

/// The schemas and the diff between them.
#[derive(Clone, Copy)]
pub struct Schemas<'s> {
    pub old: &'s Avro,
    pub new: &'s Avro,
    pub diff: &'s [Change],
}

/// Adds what an outcome says: `backward` when the new schema reads, else a `version` reads new data.
pub fn collect(
    schemas: Schemas<'_>,
    outcome: &Outcome,
    reader: &Avro,
    backward: bool,
    version: &str,
    all: &mut Vec<Issue>,
) {
    let mut add = |issue: Issue| merge(issue, backward, version, all);
    if let Some(why) = &outcome.unknown {
        add(issue(rule::UNKNOWN, by_names(reader, &[]), false, None, why.clone()));
    }
    let mut explained: Vec<Vec<String>> = Vec::new();
    for error in &outcome.java {
        let found = trail(reader, &error.path);
        explained.push(found.path.clone());
        from_java(schemas, error, found, backward).into_iter().for_each(&mut add);
    }
    let Rust::Failed(unread, wrong) = &outcome.rust else { return };
    let fresh = |path: &[String]| !explained.iter().any(|known| path.starts_with(known) || known.starts_with(path));
    for unread in unread.iter().filter(|unread| fresh(&unread.path)) {
        let (trail, before) = placed(schemas, by_names(reader, &unread.path), backward);
        add(issue(rule::RUST_CANNOT_READ, trail, before, None, unread.why.clone()));
    }
    for differs in wrong.iter().filter(|differs| fresh(&differs.path)) {
        let (trail, before) = placed(schemas, by_names(reader, &differs.path), backward);
        let (rule, said) = match &differs.units {
            Some((from, to)) => (
                rule::UNIT_CHANGED,
                format!("{} is read as {}", moment(&differs.written, from), moment(&differs.read, to)),
            ),
            None => (rule::VALUE_CHANGED, format!("{} is read as {}", differs.written, differs.read)),
        };
        add(issue(rule, trail, before, None, said));
    }
}

fn issue(rule: &'static str, trail: Trail, before: bool, java: Option<JavaError>, said: String) -> Issue {
    Issue { rule, trail, before, data: Vec::new(), readers: Vec::new(), java, said }
}

fn merge(mut issue: Issue, backward: bool, version: &str, all: &mut Vec<Issue>) {
    let known = all.iter().position(|it| it.rule == issue.rule && it.trail == issue.trail);
    let issue = match known {
        Some(at) => &mut all[at],
        None => {
            issue.said = issue.said.trim().to_owned();
            all.push(issue);
            let last = all.len() - 1;
            &mut all[last]
        }
    };
    let versions = if backward { &mut issue.data } else { &mut issue.readers };
    if !versions.iter().any(|it| it == version) {
        versions.push(version.to_owned());
    }
}

/// A field of an old reader where it is in the new schema, if it is there.
fn placed(schemas: Schemas<'_>, found: Trail, backward: bool) -> (Trail, bool) {
    if backward {
        return (found, false);
    }
    let path = found.path.join(".");
    let renamed = schemas.diff.iter().find(|it| {
        it.kind == ChangeKind::FieldRenamed
            && it.what == format!("was {}, kept as alias", found.field.as_deref().unwrap_or_default())
            && parent(&it.path) == parent(&path)
    });
    let names = renamed.map_or_else(|| found.path.clone(), |it| it.path.split('.').map(str::to_owned).collect());
    let new = by_names(schemas.new, &names);
    let whole = names.is_empty() || new.field.as_deref() == names.last().map(String::as_str);
    // An enum or a fixed is meant itself, and not the field.
    let of_type = found.field.is_none() && !found.path.is_empty();
    match (whole, of_type) {
        (true, true) => (Trail { owner: found.owner, field: None, ..new }, false),
        (true, false) => (new, false),
        (false, _) => (found, true),
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn from_java(schemas: Schemas<'_>, error: &JavaError, found: Trail, backward: bool) -> Vec<Issue> {
    if error.kind == "MISSING_UNION_BRANCH" {
        let inside = below(schemas, &found, backward);
        if !inside.is_empty() {
            return inside.into_iter().map(|change| of_change(schemas, change, error)).collect();
        }
    }
    let (trail, before) = placed(schemas, found.clone(), backward);
    let rule = match (error.kind.as_str(), backward) {
        ("READER_FIELD_MISSING_DEFAULT_VALUE", true) => rule::FIELD_WITHOUT_DEFAULT,
        ("READER_FIELD_MISSING_DEFAULT_VALUE", false) if trail.path != found.path => rule::FIELD_RENAMED,
        ("READER_FIELD_MISSING_DEFAULT_VALUE", false) => rule::FIELD_REMOVED,
        ("MISSING_ENUM_SYMBOLS", true) => rule::SYMBOL_GONE,
        ("MISSING_ENUM_SYMBOLS", false) => rule::SYMBOL_NEW,
        ("NAME_MISMATCH", _) => rule::TYPE_RENAMED,
        _ => rule::TYPE_CHANGED,
    };
    vec![issue(rule, trail, before, Some(error.clone()), error.message.clone())]
}

/// The changes below an option that can be why none of its branches fits.
fn below<'s>(schemas: Schemas<'s>, found: &Trail, backward: bool) -> Vec<&'s Change> {
    use ChangeKind::{FieldAdded, FieldRemoved, FieldRenamed, Name, SymbolAdded, SymbolRemoved, TypeChanged};
    let path = found.path.join(".");
    let inside =
        schemas.diff.iter().filter(|change| change.path == path || change.path.starts_with(&format!("{path}.")));
    let guilty = inside.filter(|change| match change.kind {
        FieldAdded => backward && change.what.ends_with(", no default"),
        SymbolRemoved => backward && without_default(schemas.new, &change.owner),
        FieldRemoved | FieldRenamed => !backward,
        SymbolAdded => !backward && without_default(schemas.old, &change.owner),
        Name | TypeChanged => true,
        _ => false,
    });
    guilty.collect()
}

/// Whether an enum has no default.
pub fn without_default(avro: &Avro, full: &str) -> bool {
    use crate::review::avro::Body;
    matches!(avro.named.get(full).map(|named| &named.body), Some(Body::Enum { default: None, .. }))
}

fn of_change(schemas: Schemas<'_>, change: &Change, error: &JavaError) -> Issue {
    let rule = match change.kind {
        ChangeKind::FieldAdded => rule::FIELD_WITHOUT_DEFAULT,
        ChangeKind::FieldRemoved => rule::FIELD_REMOVED,
        ChangeKind::FieldRenamed => rule::FIELD_RENAMED,
        ChangeKind::SymbolRemoved => rule::SYMBOL_GONE,
        ChangeKind::SymbolAdded => rule::SYMBOL_NEW,
        ChangeKind::Name => rule::TYPE_RENAMED,
        _ => rule::TYPE_CHANGED,
    };
    let path: Vec<String> = change.path.split('.').map(str::to_owned).collect();
    let mut trail = by_names(if change.before { schemas.old } else { schemas.new }, &path);
    if matches!(rule, rule::SYMBOL_GONE | rule::SYMBOL_NEW | rule::TYPE_RENAMED) {
        (trail.owner, trail.field) = (change.owner.clone(), None);
    }
    issue(rule, trail, change.before && rule == rule::FIELD_REMOVED, Some(error.clone()), change.what.clone())
}
